"""What a virtual station of OCPP 2.x answers, block by block; ``station2x`` says and charges."""
