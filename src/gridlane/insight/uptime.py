"""Uptime as two laws define it, from the availability ledger. Pure: intervals in, figures out.

NEVI (23 CFR 680.116(b)): a port is up when it is online and available or in use; downtime outside the operator's control
may be left out; each port, monthly, over twelve months, above 97 %. UK (Public Charge Point Regulations 2023, regulation
7): available, charging and reserved are working, unknown and blocked are not measured, inoperative and out of order
are not reliable; the network of points of 50 kW and more, over a calendar year, 99 %.

The time before an EVSE was first heard of counts nowhere. All instants are aware, so that a day on which the clock
changes has its 23 or 25 hours.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import msgspec

Reason = Literal[
    "planned_maintenance", "grid_outage", "vandalism", "natural_disaster", "vehicle_fault", "closed_hours"
]

NOTHING = timedelta(0)
Piece = tuple[datetime, datetime]


class Rule(NamedTuple):
    """Which states of the ledger count as up, and which reasons may leave downtime out."""

    goal: float
    up: frozenset[str]
    excluded: frozenset[str]
    least_power: float
    """W; EVSEs below are not asked for."""


_IN_SERVICE = frozenset(("available", "occupied", "reserved"))
RULES: dict[str, Rule] = {
    "nevi": Rule(
        0.97,
        _IN_SERVICE,
        frozenset(
            (
                "planned_maintenance", "grid_outage", "vandalism", "natural_disaster", "vehicle_fault", "closed_hours",
            )
        ),
        0,
    ),
    "uk": Rule(0.99, _IN_SERVICE | {"offline"}, frozenset(("closed_hours",)), 50_000),
}  # fmt: skip
"""Name -> rule. In OCPI's words a station without a link is UNKNOWN, which the UK does not measure."""


class Interval(NamedTuple):
    """A row of the ledger."""

    since: datetime
    until: datetime | None
    state: str


class Exclusion(NamedTuple):
    since: datetime
    until: datetime
    reason: str


class Uptime(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds of one EVSE, or of many together."""

    observed: float
    """s of the period in which the EVSE was known"""
    outage: float
    excluded: float
    """s of the outage that the rule leaves out"""
    outages: int

    @property
    def share(self) -> float | None:
        """µ = (T - (outage - excluded)) / T; None where nothing was observed."""
        return None if self.observed <= 0 else 1 - (self.outage - self.excluded) / self.observed


NOT_OBSERVED = Uptime(observed=0.0, outage=0.0, excluded=0.0, outages=0)


def uptime(
    intervals: Sequence[Interval], exclusions: Iterable[Exclusion], rule: Rule, period: Piece
) -> Uptime:
    """Of one EVSE in ``period``. ``intervals`` do not overlap; gaps between them count as down (nothing is known)."""
    begin, end = period
    if not intervals:
        return NOT_OBSERVED
    first = min(one.since for one in intervals)
    up = merged(
        (max(one.since, begin), min(one.until or end, end)) for one in intervals if one.state in rule.up
    )
    return uptime_of(first, _complement(up, max(first, begin), end), exclusions, rule, period)


def uptime_of(
    first: datetime, downs: Iterable[Piece], exclusions: Iterable[Exclusion], rule: Rule, period: Piece
) -> Uptime:
    """The same from the times an EVSE was down alone, known since ``first``."""
    begin, end = max(first, period[0]), period[1]
    if begin >= end:
        return NOT_OBSERVED
    down = merged((max(since, begin), min(until, end)) for since, until in downs)
    left_out = merged(
        (max(one.since, begin), min(one.until, end)) for one in exclusions if one.reason in rule.excluded
    )
    return Uptime(
        observed=(end - begin).total_seconds(),
        outage=_length(down),
        excluded=_length(intersected(down, left_out)),
        outages=len(down),
    )


def together(figures: Iterable[Uptime]) -> Uptime:
    """Of a site or a network: the sums, so that an EVSE counts by the time it was there."""
    known = list(figures)
    return Uptime(
        observed=sum(one.observed for one in known),
        outage=sum(one.outage for one in known),
        excluded=sum(one.excluded for one in known),
        outages=sum(one.outages for one in known),
    )


def merged(pieces: Iterable[Piece]) -> list[Piece]:
    """The same instants without overlaps, in order."""
    whole: list[Piece] = []
    for since, until in sorted(pieces):
        if since >= until:
            continue
        if whole and since <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(whole[-1][1], until))
        else:
            whole.append((since, until))
    return whole


def intersected(left: Sequence[Piece], right: Sequence[Piece]) -> list[Piece]:
    """What lies in both; each side is merged."""
    common: list[Piece] = []
    at = 0
    for since, until in left:
        while at < len(right) and right[at][1] <= since:
            at += 1
        place = at
        while place < len(right) and right[place][0] < until:
            common.append((max(since, right[place][0]), min(until, right[place][1])))
            place += 1
    return common


def _complement(pieces: Sequence[Piece], begin: datetime, end: datetime) -> list[Piece]:
    gaps: list[Piece] = []
    at = begin
    for since, until in pieces:
        if since > at:
            gaps.append((at, since))
        at = until
    if at < end:
        gaps.append((at, end))
    return gaps


def _length(pieces: Iterable[Piece]) -> float:
    return sum((until - since for since, until in pieces), NOTHING).total_seconds()
