"""Measurements: ours, peer, limit, goal.

Each file with a row in ``BENCHES`` has a function ``run(options) -> Table`` (see ``table``). Imports anything below; nothing
imports it, except tests that judge by the same seeded inputs. Peers live in the dependency group ``bench``.
"""

BENCHES: dict[str, str] = {
    "planning": "where to build and how large: how near the optimum, how sure, how fast, beside spopt and HiGHS?",
    "energy": "load management on measured sessions: how near the optimum, how fast, against whom?",
    "energy-safety": "is any circuit ever overloaded, whatever is killed, lost, late, refused or disobeyed?",
    "waiting": "who waits how long when drivers ask first, how true the quoted waits are, how fast the answer?",
    "hostile": "guesses, timing, floods and half handshakes: does any open the door or disturb a station?",
    "gateway": "what a durable call costs: CPU, latency, memory, connects; and is everything answered stored?",
    "kill": "processes killed under load: is anything that was acknowledged lost, and how long is it away?",
    "storm": "ten thousand stations that reconnect at once, with TLS and passwords: when is each one served?",
    "echo": "what a station's socket costs before anything is done with a message",
    "codec": "what reading an OCPP message costs, and whether our types agree with the official schemas",
    "tariffs": "sessions rated per second, and every cent compared with a rating that shares no code",
    "faults": "ten kinds of fault in a simulated network: noticed how soon, named rightly, healed, false alarms?",
    "fuzz": "a hundred thousand hostile frames a version: is every call answered, and rightly?",
}
"""Name of a benchmark -> what it measures."""
