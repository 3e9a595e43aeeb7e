"""What a virtual station answers to what OCPP 2.1 alone has, block by block; ``station21`` puts them together."""
