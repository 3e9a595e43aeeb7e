"""A session cut into segments in which no price changes: what OCPI calls its charging periods.

Instants count in whole seconds and energy in whole milliwatt-hours; within a period energy flows evenly. An energy
threshold splits the energy exactly, and time changes its price at the first full second beyond it.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from math import isfinite

import msgspec

from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.quantities import Amperes, WattHours, Watts
from gridlane.tariffs.rates import Book, Rate, Rates
from gridlane.tariffs.tariff import Dimension


class Activity(StrEnum):
    """What the EVSE does for the driver during a period, and thereby which time is counted."""

    CHARGING = "charging"  # TIME
    PARKING = "parking"  # PARKING_TIME: connected, and the vehicle takes nothing
    HELD = "held"  # neither: the vehicle wants energy and the site holds it back
    RESERVED = "reserved"  # TIME of a RESERVATION element
    RESERVED_IN_VAIN = (
        "reserved_in_vain"  # TIME of a RESERVATION_EXPIRES element, else of a RESERVATION element
    )


class Period(msgspec.Struct, frozen=True):
    """A stretch of a session in which one thing happened, from ``start`` to ``end`` (UTC, end exclusive).

    ``energy`` is what was charged within it. ``power`` and ``current`` (sum of the phases) decide restrictions on
    them; without ``power`` the mean of the period counts, without ``current`` no such restriction holds.
    """

    start: datetime
    end: datetime
    activity: Activity
    energy: WattHours = WattHours(0.0)
    power: Watts | None = None
    current: Amperes | None = None


class Segment(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A stretch without a change of price. Seconds are Unix time; None where the dimension is free.

    ``energy`` lists how many mWh each rate gets, in the order they flowed.
    """

    start: int
    end: int
    activity: Activity
    flat: Rate | None
    time: Rate | None
    energy: tuple[tuple[Rate | None, int], ...]


class PeriodInvalid(Refusal):
    code = "period_invalid"
    kind = Kind.INVALID
    sentence = "Period {index} of the session is not valid: {problem}."


def segments(periods: Iterable[Period], rates: Rates) -> Iterator[Segment]:
    """The session under these rates, in order of time. Raises PeriodInvalid."""
    clock, book = 0, None
    for index, period in enumerate(periods):
        start, end, energy = _counted(index, period, clock)
        if book is not (now := rates.books[_BOOKS[period.activity]]):
            book, phase = now, _Phase(now, start, rates.tariff.idle_grace)
        yield from phase.segments(period, start, end, energy)
        clock = end


class _Phase:
    """Where a session stands in one of its phases: since when, how much energy, for how long idle, flat fee or not."""

    __slots__ = ("began", "book", "flat_charged", "grace", "idle", "used")

    def __init__(self, book: Book, began: int, grace: int) -> None:
        self.book = book
        self.began = began
        self.grace = grace
        self.used = 0
        self.idle = 0
        self.flat_charged = False

    def segments(self, period: Period, start: int, end: int, energy: int) -> Iterator[Segment]:
        book, used, counted = self.book, self.used, _TIMES[period.activity]
        is_parking = counted is Dimension.PARKING_TIME
        free_until = start + max(self.grace - self.idle, 0) if is_parking else start
        level = self._level(period, end - start, energy)
        cuts = self._cuts(start, end, energy, free_until)
        done = used
        for cut, following in zip(cuts, [*cuts[1:], end], strict=True):
            elements = level
            if book.calendar:
                elements &= book.calendar.at(cut)
            if book.duration.bounds:
                elements &= book.duration.at(cut - self.began)
            reached = used + (energy * (following - start) // (end - start) if following < end else energy)
            holding = elements & book.energy.at(done) if book.energy.bounds else elements
            yield Segment(
                cut,
                following,
                period.activity,
                self._flat(holding),
                book.rate(counted, holding) if counted and cut >= free_until else None,
                self._pieces(elements, done, reached) if reached > done else (),
            )
            done = reached
        self.used = done
        self.idle = self.idle + end - start if is_parking else 0

    def _level(self, period: Period, seconds: int, energy: int) -> int:
        """The elements that the power and the current of the period admit."""
        book = self.book
        elements = book.all
        if book.power.bounds:
            elements &= book.power.at(_milliwatts(period, seconds, energy))
        if book.current.bounds:
            elements &= (
                book.without_current
                if period.current is None
                else book.current.at(round(period.current * 1_000))
            )
        return elements

    def _cuts(self, start: int, end: int, energy: int, free_until: int) -> list[int]:
        """Every second in [start, end) at which a price may change, the start first."""
        book = self.book
        if book.is_plain and not start < free_until < end:
            return [start]
        cuts = {start}
        if start < free_until < end:
            cuts.add(free_until)
        if book.calendar:
            cuts.update(book.calendar.between(start, end))
        if book.changes:
            cuts.update(book.changes_between(start, end))
        if book.duration.bounds:
            cuts.update(
                self.began + bound for bound in book.duration.between(start - self.began, end - self.began)
            )
        for threshold in book.energy.between(self.used, self.used + energy):
            beyond = start - (threshold - self.used) * (start - end) // energy  # rounded up
            if beyond < end:
                cuts.add(beyond)
        return sorted(cuts)

    def _flat(self, elements: int) -> Rate | None:
        rate = None if self.flat_charged else self.book.rate(Dimension.FLAT, elements)
        self.flat_charged = self.flat_charged or rate is not None
        return rate

    def _pieces(self, elements: int, low: int, high: int) -> tuple[tuple[Rate | None, int], ...]:
        """The energy from ``low`` to ``high``, cut where a threshold lies within."""
        steps = self.book.energy
        if not steps.bounds:
            return ((self.book.rate(Dimension.ENERGY, elements), high - low),)
        marks = [low, *steps.between(low, high), high]
        return tuple(
            (self.book.rate(Dimension.ENERGY, elements & steps.at(a)), b - a) for a, b in pairwise(marks)
        )


_TIMES: dict[Activity, Dimension | None] = {
    Activity.CHARGING: Dimension.TIME,
    Activity.PARKING: Dimension.PARKING_TIME,
    Activity.HELD: None,
    Activity.RESERVED: Dimension.TIME,
    Activity.RESERVED_IN_VAIN: Dimension.TIME,
}
_BOOKS = {
    Activity.CHARGING: 0,
    Activity.PARKING: 0,
    Activity.HELD: 0,
    Activity.RESERVED: 1,
    Activity.RESERVED_IN_VAIN: 2,
}


def _counted(index: int, period: Period, clock: int) -> tuple[int, int, int]:
    """Start and end in Unix seconds and the energy in mWh, or PeriodInvalid."""
    if period.start.tzinfo is None or period.end.tzinfo is None:
        raise PeriodInvalid(index=index, problem="its instants have no time zone")
    start, end = int(period.start.timestamp()), int(period.end.timestamp())
    if not clock <= start <= end:
        raise PeriodInvalid(
            index=index, problem="it must begin after the one before it, and end after it begins"
        )
    if not (period.energy >= 0 and isfinite(period.energy)):
        raise PeriodInvalid(index=index, problem=f"its energy is {period.energy} Wh")
    return start, end, round(period.energy * 1_000)


def _milliwatts(period: Period, seconds: int, energy: int) -> int:
    if period.power is not None:
        return max(round(period.power * 1_000), 0)
    return energy * 3_600 // seconds if seconds else 0
