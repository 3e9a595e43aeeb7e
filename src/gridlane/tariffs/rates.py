"""A tariff made ready for arithmetic: elements become bits, restrictions become step functions from a value to bits.

At any instant the elements that hold are ``calendar & duration & energy & power & current``, and the component of a
dimension is that of the lowest bit which carries it: OCPI's "first matching element in the list" for all dimensions at
once. Everything is counted in whole numbers (seconds, milliwatt-hours, milliwatts, milliamperes) and prices are
fractions of the currency's smallest unit, so nothing is rounded before the invoice line.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from math import ceil, gcd, lcm

import msgspec

from gridlane.kernel.money import minor_digits
from gridlane.tariffs.local_time import DAY, offsets_of_day, wall_clock
from gridlane.tariffs.tariff import (
    DAYS,
    Dimension,
    PriceComponent,
    ReservationRestriction,
    Restrictions,
    Tariff,
    TariffElement,
)
from gridlane.tariffs.wording import frame

MILLION = 1_000_000
UNITS = {Dimension.ENERGY: MILLION, Dimension.TIME: 3_600, Dimension.PARKING_TIME: 3_600, Dimension.FLAT: 1}
"""How many counted units make one priced unit: mWh in a kWh, seconds in an hour."""
STEP_UNITS = {Dimension.ENERGY: 1_000, Dimension.TIME: 1, Dimension.PARKING_TIME: 1, Dimension.FLAT: 0}
"""How many counted units make one unit of ``step_size``: mWh in a Wh. A flat fee has no step."""


class Rate(msgspec.Struct, frozen=True, eq=False):
    """One price component, ready: ``quantity * numerator / denominator`` are minor units of the currency.

    With a schedule, ``numerators[i]`` holds until ``changes[i]`` (Unix second); without, there is one numerator.
    """

    index: int
    element: TariffElement
    dimension: Dimension
    component: PriceComponent
    frame: tuple[str, str]
    step: int
    denominator: int
    numerators: tuple[int, ...]
    changes: tuple[int, ...]

    def numerator_at(self, second: int) -> int:
        return self.numerators[bisect_right(self.changes, second)]

    def price_at(self, second: int) -> Decimal:
        """The price per unit that holds at a Unix second."""
        index = bisect_right(self.changes, second)
        return self.component.schedule[index - 1].price if index else self.component.price


class Steps:
    """A step function from a whole number to a mask of elements; it changes at each of its ``bounds`` (inclusive)."""

    __slots__ = ("bounds", "masks")

    def __init__(self, bounds: Iterable[int], mask_at: Callable[[int], int]) -> None:
        self.bounds = sorted(set(bounds))
        self.masks = [mask_at(-1), *map(mask_at, self.bounds)]

    def at(self, value: int) -> int:
        return self.masks[bisect_right(self.bounds, value)]

    def between(self, low: int, high: int) -> list[int]:
        """The bounds strictly inside (low, high)."""
        return self.bounds[bisect_right(self.bounds, low) : bisect_right(self.bounds, high - 1)]


class Book:
    """The rates of one phase of a session: reserved, reserved in vain, or charging and parking."""

    def __init__(
        self, elements: list[tuple[int, TariffElement]], currency: str, time_zone: str, language: str
    ) -> None:
        limits = [element.restrictions for _, element in elements]
        self.all = (1 << len(elements)) - 1
        self.duration = _steps([(r.min_duration, r.max_duration) for r in limits], 1)
        self.energy = _steps([(r.min_kwh, r.max_kwh) for r in limits], MILLION)
        self.power = _steps([(r.min_power, r.max_power) for r in limits], MILLION)
        self.current = _steps([(r.min_current, r.max_current) for r in limits], 1_000)
        self.without_current = _mask(r.min_current is None and r.max_current is None for r in limits)
        self.calendar = Calendar(limits, time_zone) if any(map(_is_dated, limits)) else None
        self._rates = {
            d: [_rate(index, element, d, currency, language) for index, element in elements]
            for d in Dimension
        }
        self._carriers = {d: _mask(rate is not None for rate in rates) for d, rates in self._rates.items()}
        self.changes = sorted(
            {c for rates in self._rates.values() for rate in rates if rate for c in rate.changes}
        )
        self.is_plain = not (
            self.calendar
            or self.changes
            or self.duration.bounds
            or self.energy.bounds
            or self.power.bounds
            or self.current.bounds
        )

    def rate(self, dimension: Dimension, elements: int) -> Rate | None:
        """The component of the first of these elements that has the dimension."""
        holding = elements & self._carriers[dimension]
        return self._rates[dimension][(holding & -holding).bit_length() - 1] if holding else None

    def changes_between(self, low: int, high: int) -> list[int]:
        return self.changes[bisect_right(self.changes, low) : bisect_right(self.changes, high - 1)]


class Calendar:
    """Which elements the site's clock and date admit, as cuts of UTC days; days are worked out once and kept."""

    def __init__(self, limits: list[Restrictions], time_zone: str) -> None:
        self._limits = limits
        self._time_zone = time_zone
        self._marks = sorted(
            {0, *(m for r in limits for m in (_second(r.start_time), _second(r.end_time)) if m)}
        )
        self._days: dict[int, Steps] = {}

    def at(self, second: int) -> int:
        return self._day(second // DAY).at(second)

    def between(self, low: int, high: int) -> list[int]:
        """The seconds strictly inside (low, high) at which an element may come or go."""
        days = range(low // DAY, (high - 1) // DAY + 1)
        return [cut for day in days for cut in self._day(day).between(low, high)]

    def _day(self, day: int) -> Steps:
        steps = self._days.get(day)
        if steps is None:
            if len(self._days) > _DAYS_KEPT:
                self._days.clear()
            steps = self._days[day] = Steps(
                self._cuts(day), lambda second: self._mask(max(second, day * DAY))
            )
        return steps

    def _cuts(self, day: int) -> Iterable[int]:
        """Where a piece of constant offset begins, and every wall clock mark within the piece."""
        pieces = offsets_of_day(self._time_zone, day)
        ends = [*(start for start, _ in pieces[1:]), (day + 1) * DAY]
        for (start, offset), end in zip(pieces, ends, strict=True):
            yield start
            first_local_day = (start + offset) // DAY
            for local_day in (first_local_day, first_local_day + 1):
                for mark in self._marks:
                    if start < (cut := local_day * DAY + mark - offset) < end:
                        yield cut

    def _mask(self, second: int) -> int:
        local = wall_clock(self._time_zone, second)
        return _mask(_admits(limits, local) for limits in self._limits)


class Rates(msgspec.Struct, frozen=True, eq=False):
    """A tariff at a site, ready: the books for charging and parking, for a reservation and for one in vain.

    ``default_vat`` is the rate of a minimum price where nothing else was charged: that of the first component with one.
    """

    tariff: Tariff
    language: str
    digits: int
    books: tuple[Book, Book, Book]
    default_vat: Decimal | None


@lru_cache(maxsize=2048)
def rates_of(tariff: Tariff, time_zone: str, language: str = "en") -> Rates:
    """The tariff at a site in this time zone, its reasons in this language. Worked out once and kept: all is frozen."""

    def book(elements: list[tuple[int, TariffElement]]) -> Book:
        return Book(elements, tariff.currency, time_zone, language)

    by_use: dict[ReservationRestriction | None, list[tuple[int, TariffElement]]] = {None: []}
    for index, element in enumerate(tariff.elements):
        by_use.setdefault(element.restrictions.reservation, []).append((index, element))
    reserved = by_use.get(ReservationRestriction.RESERVATION, [])
    expired = by_use.get(ReservationRestriction.RESERVATION_EXPIRES, [])
    vats = [c.vat for element in tariff.elements for c in element.price_components if c.vat is not None]
    return Rates(
        tariff=tariff,
        language=language,
        digits=minor_digits(tariff.currency),
        books=(
            book(by_use[None]),
            book(reserved),
            book(expired + reserved),
        ),
        default_vat=vats[0] if vats else None,
    )


def in_minor(amount: Decimal, digits: int) -> int:
    return int(amount.scaleb(digits).quantize(Decimal(1), rounding=ROUND_HALF_UP))


_DAYS_KEPT = 1_000


def _rate(
    index: int, element: TariffElement, dimension: Dimension, currency: str, language: str
) -> Rate | None:
    component = next((c for c in element.price_components if c.type is dimension), None)
    if component is None:
        return None
    prices = [component.price, *(entry.price for entry in component.schedule)]
    fractions = [(price * 10 ** minor_digits(currency)).as_integer_ratio() for price in prices]
    shared = lcm(*(below for _, below in fractions)) * UNITS[dimension]
    numerators = [above * (shared // UNITS[dimension] // below) for above, below in fractions]
    common = gcd(shared, *numerators)
    return Rate(
        index=index,
        element=element,
        dimension=dimension,
        component=component,
        frame=frame(element, dimension, f"{component.price:f} {currency}", language),
        step=component.step_size * STEP_UNITS[dimension],
        denominator=shared // common,
        numerators=tuple(n // common for n in numerators),
        changes=tuple(int(entry.since.timestamp()) for entry in component.schedule),
    )


def _steps(ranges: list[tuple[Decimal | int | None, Decimal | int | None]], scale: int) -> Steps:
    """Ranges [low, high) per element, scaled to whole numbers. A whole x >= v just when x >= ceil(v)."""
    whole = [(_whole(low, scale, 0), _whole(high, scale, None)) for low, high in ranges]
    bounds = {low for low, _ in whole if low} | {high for _, high in whole if high is not None}
    return Steps(
        bounds,
        lambda value: _mask(
            (low or 0) <= max(value, 0) and (high is None or value < high) for low, high in whole
        ),
    )


def _whole(limit: Decimal | int | None, scale: int, default: int | None) -> int | None:
    return default if limit is None else ceil(limit * scale)


def _mask(flags: Iterable[bool]) -> int:
    return sum(1 << index for index, flag in enumerate(flags) if flag)


def _is_dated(limits: Restrictions) -> bool:
    return bool(
        limits.start_time or limits.end_time or limits.start_date or limits.end_date or limits.day_of_week
    )


def _second(time_of_day: str | None) -> int | None:
    return None if time_of_day is None else int(time_of_day[:2]) * 3_600 + int(time_of_day[3:]) * 60


def _admits(limits: Restrictions, local: datetime) -> bool:
    today = local.date()
    return (
        (not limits.start_date or today >= date.fromisoformat(limits.start_date))
        and (not limits.end_date or today < date.fromisoformat(limits.end_date))
        and (not limits.day_of_week or DAYS[today.weekday()] in limits.day_of_week)
        and _within(local.hour * 3_600 + local.minute * 60 + local.second, limits)
    )


def _within(second: int, limits: Restrictions) -> bool:
    """Start inclusive, end exclusive; an end at or before the start lies on the next day, and 00:00 ends the day."""
    start = _second(limits.start_time) or 0
    end = _second(limits.end_time) or DAY
    return start <= second < end if start < end else second >= start or second < end
