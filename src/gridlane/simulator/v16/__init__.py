"""What a virtual station of OCPP 1.6 answers, profile by profile; ``station16`` says and charges."""
