"""A site's wall clock as whole seconds: the offsets of a time zone, exact over every change of daylight saving.

Seconds are Unix time, UTC. The zone comes from the tz database under its name ("Europe/Amsterdam").
"""

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gridlane.kernel.errors import Kind, Refusal

DAY = 86_400


class ZoneUnknown(Refusal):
    code = "price_zone_unknown"
    kind = Kind.INVALID
    sentence = "There is no time zone {name!r}; give a name of the tz database such as Europe/Berlin."


def zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ZoneUnknown(name=name) from None


@lru_cache(maxsize=4096)
def offsets_of_day(zone_name: str, day: int) -> tuple[tuple[int, int], ...]:
    """The offsets in a UTC day (counted from 1970): pairs of first second and seconds east of UTC.

    Almost always one pair; two where the clocks change. Each change is found to the second by bisection.
    """
    where = zone(zone_name)
    first, last = day * DAY, (day + 1) * DAY - 1
    pieces = [(first, _offset(where, first))]
    while pieces[-1][1] != _offset(where, last):
        change = _first_change(where, pieces[-1][0], last)
        pieces.append((change, _offset(where, change)))
    return tuple(pieces)


def _first_change(where: ZoneInfo, low: int, high: int) -> int:
    before = _offset(where, low)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(where, middle) == before:
            low = middle
        else:
            high = middle
    return high


def _offset(where: ZoneInfo, second: int) -> int:
    offset = datetime.fromtimestamp(second, where).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


def wall_clock(zone_name: str, second: int) -> datetime:
    """The naive local time at a Unix second."""
    pieces = offsets_of_day(zone_name, second // DAY)
    offset = max(piece for piece in pieces if piece[0] <= second)[1]
    return datetime.fromtimestamp(second + offset, UTC).replace(tzinfo=None)
