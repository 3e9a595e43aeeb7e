"""The messages of OCPP 1.6, generated from the official schemas by tools/generate_messages.py."""
