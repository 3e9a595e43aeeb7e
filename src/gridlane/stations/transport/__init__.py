"""The sockets that stations speak over: WebSocket over TCP or TLS, one text message at a time.

It knows HTTP upgrades, frames, TLS, limits and slow peers. It asks a ``Door`` who may come in and hands whole, size-checked,
valid UTF-8 messages to a ``Receiver``; it never reads a message, knows no station, no database and no rule of OCPP.
"""
