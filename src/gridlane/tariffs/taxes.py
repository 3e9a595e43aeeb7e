"""Taxes and the bounds of a session's price, in whole minor units of the currency.

A tax is worked out once per rate, on the sum of the lines with that rate, and rounded half up. A minimum or maximum
price before taxes moves the net sum, one after taxes the gross sum, and taxes follow. What a minimum adds is shared
among the rates in proportion to what they stand for, the last taking the remainder; what a maximum takes off comes
off the highest rate first. First minima, then maxima: a maximum is a promise.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal

import msgspec

from gridlane.tariffs.tariff import PriceLimit, Tariff, TaxIncluded

Vat = Decimal | None
"""A rate in per cent; None where no tax is due, which is not the same as a rate of 0."""


class Sum(msgspec.Struct, frozen=True):
    """What one rate applies to, in minor units."""

    net: int
    tax: int

    @property
    def gross(self) -> int:
        return self.net + self.tax


class Adjustment(msgspec.Struct, frozen=True):
    """What a bound on the price adds to (or takes from) the lines of one rate, in the tariff's sense of its prices."""

    vat: Vat
    amount: int
    is_minimum: bool


def half_up(above: int, below: int) -> int:
    """``above / below`` rounded to whole numbers, halves away from zero; ``below`` > 0."""
    return (2 * above + below) // (2 * below) if above >= 0 else -((below - 2 * above) // (2 * below))


def taxed(amounts: dict[Vat, int], included: TaxIncluded) -> dict[Vat, Sum]:
    """Net and tax per rate, from the sums of the lines, which include taxes where the prices do."""
    if included is TaxIncluded.YES:
        return {vat: _from_gross(amount, vat) for vat, amount in amounts.items()}
    if included is TaxIncluded.NO:
        return {vat: _from_net(amount, vat) for vat, amount in amounts.items()}
    return {vat: Sum(amount, 0) for vat, amount in amounts.items()}


def bounded(
    sums: dict[Vat, Sum], tariff: Tariff, minor: Callable[[Decimal], int], default_vat: Vat
) -> tuple[dict[Vat, Sum], list[Adjustment]]:
    """The sums within the tariff's minimum and maximum price, and what each bound moved, in the order it did."""
    adjustments: list[Adjustment] = []
    for is_minimum, is_gross, bound in _bounds(tariff, minor):
        total = sum(part.gross if is_gross else part.net for part in sums.values())
        if total < bound if is_minimum else total > bound:
            moved = _moved(sums or {default_vat: Sum(0, 0)}, bound - total, is_gross, tariff.tax_included)
            adjustments += _differences(sums, moved, tariff.tax_included, is_minimum)
            sums = moved
    return sums, adjustments


def _bounds(tariff: Tariff, minor: Callable[[Decimal], int]) -> Iterator[tuple[bool, bool, int]]:
    """(is a minimum, is after taxes, amount)."""
    limits: tuple[tuple[bool, PriceLimit | None], ...] = ((True, tariff.min_price), (False, tariff.max_price))
    for is_minimum, limit in limits:
        if limit:
            yield is_minimum, False, minor(limit.before_taxes)
            if limit.after_taxes is not None:
                yield is_minimum, True, minor(limit.after_taxes)


def _moved(sums: dict[Vat, Sum], amount: int, is_gross: bool, included: TaxIncluded) -> dict[Vat, Sum]:
    """The sums with ``amount`` (net or gross) shared among the rates; taxes follow."""
    have = {vat: part.gross if is_gross else part.net for vat, part in sums.items()}
    shares = _added(amount, have) if amount > 0 else _taken(-amount, have)
    taxless = included is TaxIncluded.NOT_APPLICABLE
    split = _from_gross if is_gross else _from_net
    return {vat: split(have[vat] + share, None if taxless else vat) for vat, share in shares.items()}


def _added(amount: int, have: dict[Vat, int]) -> dict[Vat, int]:
    """In proportion to what the rates have, the last taking the remainder; to the first where they have nothing."""
    total, (first, *_), (*others, last) = sum(have.values()), have, have
    if total <= 0:
        return dict.fromkeys(have, 0) | {first: amount}
    shares = {vat: half_up(amount * have[vat], total) for vat in others}
    return shares | {last: amount - sum(shares.values())}


def _taken(amount: int, have: dict[Vat, int]) -> dict[Vat, int]:
    """From the highest rate down, as much as each has."""
    shares = dict.fromkeys(have, 0)
    for vat in sorted(have, key=lambda vat: vat or 0, reverse=True):
        taken = min(max(have[vat], 0), amount)
        shares[vat] = -taken
        amount -= taken
    return shares


def _differences(
    before: dict[Vat, Sum], after: dict[Vat, Sum], included: TaxIncluded, is_minimum: bool
) -> Iterator[Adjustment]:
    for vat, part in after.items():
        old = before.get(vat, Sum(0, 0))
        amount = part.gross - old.gross if included is TaxIncluded.YES else part.net - old.net
        if amount:
            yield Adjustment(vat, amount, is_minimum)


def _from_net(net: int, vat: Vat) -> Sum:
    if not vat:
        return Sum(net, 0)
    above, below = vat.as_integer_ratio()
    return Sum(net, half_up(net * above, below * 100))


def _from_gross(gross: int, vat: Vat) -> Sum:
    if not vat:
        return Sum(gross, 0)
    above, below = vat.as_integer_ratio()
    tax = half_up(gross * above, below * 100 + above)
    return Sum(gross - tax, tax)
