"""Time is passed in, always UTC. Only the shells ask the clock; rules take ``now`` as an argument."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from gridlane.kernel.errors import Kind, Refusal

Clock = Callable[[], datetime]
"""Gives the present instant, timezone-aware and in UTC. The virtual clock of the demo world is one too."""


def system_clock() -> datetime:
    return datetime.now(UTC)


monotonic = time.monotonic
"""Seconds for deadlines; never goes backwards, has no meaning across processes."""


class NotAnInstant(Refusal):
    code = "not_an_instant"
    kind = Kind.INVALID
    sentence = "{text!r} is not a date-time of RFC 3339 with a time zone."


def parse_instant(text: str) -> datetime:
    """An RFC 3339 date-time as UTC. Naive times are refused: they are no instants.

    Raises NotAnInstant.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise NotAnInstant(text=text) from None
    if at.tzinfo is None:
        raise NotAnInstant(text=text)
    return at.astimezone(UTC)


def format_instant(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds and ``Z``, as every version of OCPP reads it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
