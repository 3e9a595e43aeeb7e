"""What stands in the street: sites, stations, EVSEs, connectors, and the sockets stations speak over.

It knows the wire (through its dialects) and turns it into one vocabulary: ``reports`` (what a station says),
``replies`` (what it is answered) and ``commands`` (what it is asked to do). Above the dialects nobody knows which
version of OCPP a station speaks. It knows nothing of sessions, prices or people: what those decide about a station's
report is plugged in by the composition root.
"""
