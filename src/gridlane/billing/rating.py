"""From the stored periods of a session and what was frozen at its start to its bill. Pure: any bill can be recomputed.

A session that charged nothing costs nothing, whatever the tariff says about fees and minutes: no energy, no bill. A
reservation is a service of its own and stays due.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from gridlane.billing.plans import Charge, Reduction, Terms, reductions
from gridlane.kernel.money import Money
from gridlane.kernel.quantities import WattHours
from gridlane.tariffs.pricing import Line, price
from gridlane.tariffs.session import Activity, Period
from gridlane.tariffs.tariff import Dimension, Tariff, TaxIncluded
from gridlane.tariffs.taxes import Vat, taxed


class Unit(StrEnum):
    """Units of a bill by their codes of UN/ECE Recommendation 20, which electronic invoices use."""

    KILOWATT_HOUR = "KWH"
    HOUR = "HUR"
    ONE = "C62"


class BillLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line, rounded, in the bill's sense of taxes. ``quantity`` is negative where something is given back."""

    reason: str
    quantity: Decimal
    unit: Unit
    unit_price: Decimal
    vat: Vat
    amount: Money
    dimension: Dimension | None = None
    start: datetime | None = None
    end: datetime | None = None


class TaxLine(msgspec.Struct, frozen=True):
    """The sum of one tax rate."""

    vat: Vat
    net: Money
    tax: Money


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """What is due for one session. ``included`` is what the plan's allowance gave."""

    lines: tuple[BillLine, ...]
    taxes: tuple[TaxLine, ...]
    tax_included: TaxIncluded
    energy: WattHours
    included: WattHours
    net: Money
    tax: Money

    @property
    def gross(self) -> Money:
        return self.net + self.tax


NO_TERMS = Terms()


def rated(
    periods: Sequence[Period], tariff: Tariff, time_zone: str, terms: Terms = NO_TERMS, language: str = "en"
) -> Bill:
    """The bill of a session under a frozen tariff and terms, at a site in this time zone, worded in this language."""
    energy = WattHours(sum(period.energy for period in periods))
    due = periods if energy > 0 else [period for period in periods if period.activity in _RESERVATIONS]
    lines = price(due, tariff, time_zone, language).lines
    charges = [Charge(line.dimension is Dimension.ENERGY, line.vat, line.amount) for line in lines]
    taken = reductions(charges, energy, terms, language)
    return summed(
        [*map(_from_tariff, lines), *map(_from_reduction, taken)],
        tariff.currency,
        tariff.tax_included,
        energy=energy,
        included=WattHours(sum(reduction.energy for reduction in taken)),
    )


def summed(
    lines: Iterable[BillLine],
    currency: str,
    tax_included: TaxIncluded,
    *,
    energy: WattHours = WattHours(0.0),
    included: WattHours = WattHours(0.0),
) -> Bill:
    """A bill of lines: taxes once per rate, on the sum of its lines, rounded half up."""
    kept = tuple(lines)
    amounts: dict[Vat, int] = {}
    for line in kept:
        amounts[line.vat] = amounts.get(line.vat, 0) + line.amount.minor()
    sums = taxed(amounts, tax_included)
    return Bill(
        lines=kept,
        taxes=tuple(
            TaxLine(vat, Money.from_minor(part.net, currency), Money.from_minor(part.tax, currency))
            for vat, part in sums.items()
        ),
        tax_included=tax_included,
        energy=energy,
        included=included,
        net=Money.from_minor(sum(part.net for part in sums.values()), currency),
        tax=Money.from_minor(sum(part.tax for part in sums.values()), currency),
    )


def nets(bill: Bill) -> Iterator[Money]:
    """The net amount of each line: as billed, or without its share of the tax that the prices include.

    The nets of a rate add up to its net sum to the cent: its last line takes what rounding leaves.
    """
    left = {part.vat: part.net for part in bill.taxes}
    open_lines = {part.vat: sum(line.vat == part.vat for line in bill.lines) for part in bill.taxes}
    for line in bill.lines:
        open_lines[line.vat] -= 1
        net = line.amount
        if bill.tax_included is TaxIncluded.YES:
            net = (line.amount * (100 / (100 + (line.vat or Decimal(0))))).rounded()
            net = left[line.vat] if open_lines[line.vat] == 0 else net
        left[line.vat] -= net
        yield net


def reverse_charged(bill: Bill) -> Bill:
    """The bill of a buyer who owes the tax: net amounts, no tax."""
    lines = [
        msgspec.structs.replace(line, amount=net) for line, net in zip(bill.lines, nets(bill), strict=True)
    ]
    untaxed = summed(lines, bill.net.currency, TaxIncluded.NOT_APPLICABLE)
    return msgspec.structs.replace(untaxed, energy=bill.energy, included=bill.included)


_RESERVATIONS = (Activity.RESERVED, Activity.RESERVED_IN_VAIN)
_SCALES = {
    Dimension.ENERGY: (Unit.KILOWATT_HOUR, Decimal(1_000_000)),
    Dimension.TIME: (Unit.HOUR, Decimal(3_600)),
    Dimension.PARKING_TIME: (Unit.HOUR, Decimal(3_600)),
    Dimension.FLAT: (Unit.ONE, Decimal(1)),
    None: (Unit.ONE, Decimal(1)),
}


def _from_tariff(line: Line) -> BillLine:
    unit, scale = _SCALES[line.dimension]
    return BillLine(
        reason=line.reason,
        quantity=line.billed / scale,
        unit=unit,
        unit_price=line.unit_price,
        vat=line.vat,
        amount=line.amount,
        dimension=line.dimension,
        start=line.start,
        end=line.end,
    )


def _from_reduction(reduction: Reduction) -> BillLine:
    return BillLine(
        reason=reduction.reason,
        quantity=Decimal(-1),
        unit=Unit.ONE,
        unit_price=-reduction.amount.amount,
        vat=reduction.vat,
        amount=reduction.amount,
    )
