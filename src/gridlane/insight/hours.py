"""One session by hours of its site's clock: energy, time, power. Pure: a session and its readings in, rows out.

Energy between two register readings is spread evenly over the time between them; what the register rose between
hours falls where it happened as well as anybody can know.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

HOUR = timedelta(hours=1)
MOMENT = timedelta(microseconds=1)
FLOWING = 100.0
"""W; below it a plugged vehicle does not charge, it waits."""
AT_THE_LIMIT = 0.9
"""Share of what is offered from which a vehicle is held by the limit and not by itself."""


class Reading(NamedTuple):
    """What one instant told; ``energy`` is the register in Wh, powers are W."""

    at: datetime
    energy: float | None = None
    power: float | None = None
    power_offered: float | None = None
    temperature: float | None = None


class Stay(NamedTuple):
    """A session's frame: ``ended`` is now for one that runs; ``rated`` is the EVSE's power in W."""

    started: datetime
    ended: datetime
    first_register: float | None
    last_register: float | None
    rated: float | None


class SessionHour(msgspec.Struct, kw_only=True):
    """What a session did in one hour. Wh, s, W."""

    hour: datetime
    begins: bool = False
    energy: float = 0.0
    occupied: float = 0.0
    charging: float = 0.0
    curtailed: float = 0.0
    withheld: float = 0.0
    peak_power: float | None = None
    temperature: float | None = None
    readings: int = 0


def hours(stay: Stay, readings: Sequence[Reading], zone: ZoneInfo) -> list[SessionHour]:
    """Every hour the session touched, in order."""
    rows: dict[datetime, SessionHour] = {}

    def row(at: datetime) -> SessionHour:
        begin = hour_of(at, zone)
        return rows.setdefault(begin, SessionHour(hour=begin))

    row(stay.started).begins = True
    for since, until in _by_hour(stay.started, stay.ended, zone):
        row(since).occupied += (until - since).total_seconds()
    last = max(stay.started, stay.ended - MOMENT)  # what is told at the end belongs to what it ends
    for one in readings:
        _note(row(min(max(one.at, stay.started), last)), one)
    for earlier, later, energy in _steps(stay, readings):
        _spread(row, earlier, later, energy, stay.rated, zone)
    return [rows[hour] for hour in sorted(rows)]


def hour_of(at: datetime, zone: ZoneInfo) -> datetime:
    """The beginning of the hour of the site's clock (some clocks are 30 or 45 minutes off)."""
    offset = (at.astimezone(zone).utcoffset() or timedelta(0)) % HOUR
    past = (at - datetime(2000, 1, 1, tzinfo=at.tzinfo) + offset) % HOUR
    return at - past


def _note(row: SessionHour, one: Reading) -> None:
    row.readings += 1
    if one.power is not None:
        row.peak_power = max(row.peak_power or 0.0, one.power)
    if one.temperature is not None:
        row.temperature = max(row.temperature if row.temperature is not None else -273.15, one.temperature)


def _steps(stay: Stay, readings: Sequence[Reading]) -> Iterator[tuple[Reading, Reading, float]]:
    """Pairs of register readings with what flowed between; a register never falls."""
    known = sorted((one for one in readings if one.energy is not None), key=lambda one: one.at)
    if stay.first_register is not None:
        known.insert(
            0, Reading(min(stay.started, known[0].at) if known else stay.started, stay.first_register)
        )
    if stay.last_register is not None:
        known.append(Reading(max(stay.ended, known[-1].at) if known else stay.ended, stay.last_register))
    if not known:
        return
    last = known[0]
    for one in known[1:]:
        energy = (one.energy or 0.0) - (last.energy or 0.0)
        if energy < 0:
            continue
        yield last, one, energy
        last = one


def _spread(
    row: Callable[[datetime], SessionHour],
    earlier: Reading,
    later: Reading,
    energy: float,
    rated: float | None,
    zone: ZoneInfo,
) -> None:
    seconds = (later.at - earlier.at).total_seconds()
    if seconds <= 0:
        if energy:
            row(later.at).energy += energy
        return
    mean = energy * 3600 / seconds
    offered = later.power_offered
    held = (
        rated is not None
        and offered is not None
        and FLOWING < offered < rated
        and mean >= AT_THE_LIMIT * offered
    )
    for since, until in _by_hour(earlier.at, later.at, zone):
        part = (until - since).total_seconds()
        hour = row(since)
        hour.energy += energy * part / seconds
        if mean >= FLOWING:
            hour.charging += part
        if held and rated is not None and offered is not None:
            hour.curtailed += part
            hour.withheld += (rated - offered) * part / 3600


def _by_hour(begin: datetime, end: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    at = begin
    while at < end:
        after = min(hour_of(at, zone) + HOUR, end)
        yield at, after
        at = after
