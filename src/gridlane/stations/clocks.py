"""How far a station's clock is ahead of ours, judged by the times it gives to what happens now. Pure.

A time can be late for many reasons (the network, a queue, a status that is older than its report), never early: so a
larger offset is believed at once, a smaller one only when two reports in a row agree about it.
"""

from datetime import datetime

AGREES = 5.0
"""Seconds; also the least change worth noting."""


def judged(offset: float, doubt: float | None, at: datetime, now: datetime) -> tuple[float, float | None]:
    """The offset (s ahead) after a report about ``at`` that came ``now``, and the smaller one that was not believed yet."""
    seen = (at - now).total_seconds()
    if abs(seen - offset) <= AGREES:
        return offset, None
    if seen > offset or (doubt is not None and abs(seen - doubt) <= AGREES):
        return round(seen, 1), None
    return offset, seen
