"""The messages of OCPP 2.0.1, generated from the official schemas by tools/generate_messages.py."""
