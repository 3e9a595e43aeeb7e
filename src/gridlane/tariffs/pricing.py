"""The price of a session: a pure function of its periods, a frozen tariff and the site's time zone.

The evaluation is OCPI's (2.3.0, modules Tariffs and CDRs): at each instant and for each dimension the first element
whose restrictions hold sets the price; dimensions are independent. What OCPI leaves open is settled here and
published in docs/prices.md:

- ``step_size`` rounds up once for ENERGY and once for TIME and PARKING_TIME together: the total of the kind that was
  priced last, by the step of the component that priced it last, which also prices what was added.
- A FLAT is charged once, by the first component that becomes active, and once more for a reservation.
- One component makes one line. Each line is rounded half up to the currency's smallest unit; a tax is rounded half up
  once per rate. Nothing else is rounded.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from gridlane.kernel.money import Money, minor_digits
from gridlane.tariffs.rates import UNITS, Rate, Rates, in_minor, rates_of
from gridlane.tariffs.session import Period, Segment, segments
from gridlane.tariffs.tariff import Dimension, Tariff
from gridlane.tariffs.taxes import Adjustment, Vat, bounded, half_up, taxed
from gridlane.tariffs.wording import bound, frame, quantities


class Line(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line of a bill. ``amount`` is rounded and includes taxes where the tariff's prices do.

    ``measured`` and ``billed`` count mWh (ENERGY), seconds (times) or fees; they differ by what ``step_size`` added.
    ``dimension`` and ``element`` (index in the tariff) are None where a minimum or maximum price made the line.
    ``unit_price`` is per kWh, hour or fee; where it followed the spot price, the mean.
    """

    dimension: Dimension | None
    element: int | None
    measured: int
    billed: int
    unit_price: Decimal
    vat: Vat
    amount: Money
    start: datetime
    end: datetime
    reason: str


class TaxTotal(msgspec.Struct, frozen=True):
    """What one tax rate applies to, in its sum. ``vat`` None: no tax is due."""

    vat: Vat
    net: Money
    tax: Money


class Priced(msgspec.Struct, frozen=True, kw_only=True):
    """The price of a session with every line's reason. ``net + tax == gross``, exactly."""

    lines: tuple[Line, ...]
    taxes: tuple[TaxTotal, ...]
    net: Money
    tax: Money
    gross: Money


def price(periods: Iterable[Period], tariff: Tariff, time_zone: str, language: str = "en") -> Priced:
    """What the session costs at a site in this time zone (tz database name), with reasons in this language.

    Raises PeriodInvalid and ZoneUnknown.
    """
    rates = rates_of(tariff, time_zone, language)
    tally = _Tally()
    for part in segments(periods, rates):
        tally.add(part)
    tally.round_up()
    return _priced(tally, rates)


class _Use:
    """What one rate has been used for. ``cost`` is in minor units times the rate's denominator."""

    __slots__ = ("added", "cost", "end", "latest", "measured", "rate", "start")

    def __init__(self, rate: Rate, start: int) -> None:
        self.rate = rate
        self.measured = 0
        self.added = 0
        self.cost = 0
        self.latest = 0
        self.start = start
        self.end = start

    def take(self, quantity: int, start: int, end: int) -> None:
        numerators = self.rate.numerators
        self.latest = numerators[0] if len(numerators) == 1 else self.rate.numerator_at(start)
        self.measured += quantity
        self.cost += quantity * self.latest
        self.end = end

    def round_up(self, total: int) -> None:
        """Add what is missing from ``total`` to whole steps, at the price that held last."""
        if self.rate.step:
            self.added = -total % self.rate.step
            self.cost += self.added * self.latest


class _Tally:
    """The uses of all rates, and which came last."""

    __slots__ = ("end", "last_energy", "last_time", "start", "uses")

    def __init__(self) -> None:
        self.uses: dict[Rate, _Use] = {}
        self.last_energy: _Use | None = None
        self.last_time: _Use | None = None
        self.start: int | None = None
        self.end = 0

    def add(self, part: Segment) -> None:
        start, end = part.start, part.end
        if self.start is None:
            self.start = start
        self.end = end
        if part.flat:
            self._use(part.flat, start).take(1, start, end)
        for rate, quantity in part.energy:
            if rate:
                self.last_energy = use = self._use(rate, start)
                use.take(quantity, start, end)
        if part.time and end > start:
            self.last_time = use = self._use(part.time, start)
            use.take(end - start, start, end)

    def round_up(self) -> None:
        for last in (self.last_energy, self.last_time):
            if last:
                kind = last.rate.dimension
                last.round_up(sum(use.measured for use in self.uses.values() if use.rate.dimension is kind))

    def _use(self, rate: Rate, start: int) -> _Use:
        use = self.uses.get(rate)
        if use is None:
            use = self.uses[rate] = _Use(rate, start)
        return use


def _priced(tally: _Tally, rates: Rates) -> Priced:
    tariff, digits = rates.tariff, rates.digits
    uses = sorted(tally.uses.values(), key=_place_on_the_bill)
    costs = [half_up(use.cost, use.rate.denominator) for use in uses]
    lines = [_line(use, amount, rates) for use, amount in zip(uses, costs, strict=True)]
    amounts: dict[Vat, int] = {}
    for line, amount in zip(lines, costs, strict=True):
        amounts[line.vat] = amounts.get(line.vat, 0) + amount
    sums = taxed(amounts, tariff.tax_included)
    if tally.start is not None and (tariff.min_price or tariff.max_price):
        sums, adjustments = bounded(sums, tariff, lambda limit: in_minor(limit, digits), rates.default_vat)
        lines += [_adjusted(adjustment, tally, rates) for adjustment in adjustments]
    net, tax = sum(part.net for part in sums.values()), sum(part.tax for part in sums.values())
    currency = tariff.currency
    return Priced(
        lines=tuple(lines),
        taxes=tuple(
            TaxTotal(vat, Money.from_minor(part.net, currency), Money.from_minor(part.tax, currency))
            for vat, part in sums.items()
        ),
        net=Money.from_minor(net, currency),
        tax=Money.from_minor(tax, currency),
        gross=Money.from_minor(net + tax, currency),
    )


def _place_on_the_bill(use: _Use) -> tuple[int, int]:
    """Fees first, then energy, then time; among these the order of the tariff's elements."""
    return _PLACES[use.rate.dimension], use.rate.index


_PLACES = {Dimension.FLAT: 0, Dimension.ENERGY: 1, Dimension.TIME: 2, Dimension.PARKING_TIME: 3}


def _line(use: _Use, amount: int, rates: Rates) -> Line:
    rate, billed, currency = use.rate, use.measured + use.added, rates.tariff.currency
    component = rate.component
    unit_price, (before, after) = component.price, rate.frame
    if rate.changes:
        unit_price = _mean_price(use, billed, currency)
        before, after = frame(rate.element, rate.dimension, f"{unit_price:f} {currency}", rates.language)
    seen = use.measured if component.step_size > 1 else billed  # a part of a Wh is no news on a bill
    return Line(
        dimension=rate.dimension,
        element=rate.index,
        measured=use.measured,
        billed=billed,
        unit_price=unit_price,
        vat=component.vat,
        amount=Money.from_minor(amount, currency),
        start=datetime.fromtimestamp(use.start, UTC),
        end=datetime.fromtimestamp(use.end, UTC),
        reason=before + quantities(rate.dimension, seen, billed, rates.language) + after,
    )


_MEAN_DIGITS = 4


def _mean_price(use: _Use, billed: int, currency: str) -> Decimal:
    scale = 10**_MEAN_DIGITS * UNITS[use.rate.dimension]
    below = use.rate.denominator * billed * 10 ** minor_digits(currency)
    return Decimal(half_up(use.cost * scale, below)).scaleb(-_MEAN_DIGITS).normalize()


def _adjusted(adjustment: Adjustment, tally: _Tally, rates: Rates) -> Line:
    tariff, is_minimum = rates.tariff, adjustment.is_minimum
    amount = Money.from_minor(adjustment.amount, tariff.currency)
    return Line(
        dimension=None,
        element=None,
        measured=1,
        billed=1,
        unit_price=amount.amount,
        vat=adjustment.vat,
        amount=amount,
        start=datetime.fromtimestamp(tally.start or 0, UTC),
        end=datetime.fromtimestamp(tally.end, UTC),
        reason=bound(
            tariff.min_price if is_minimum else tariff.max_price, is_minimum, tariff.currency, rates.language
        ),
    )
