"""What a tariff would cost: a made-up session priced, and a week's prices as series to draw.

The same evaluation as for a bill, so what the preview shows is what is charged.
"""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from math import ceil

import msgspec

from gridlane.kernel.quantities import WattHours, Watts
from gridlane.tariffs.pricing import Priced, price
from gridlane.tariffs.rates import Book, rates_of
from gridlane.tariffs.session import Activity, Period
from gridlane.tariffs.tariff import Dimension, Tariff, TaxIncluded

WEEK = timedelta(days=7)


class MadeUpSession(msgspec.Struct, frozen=True, kw_only=True):
    """Charge ``energy`` at an even ``power`` from ``start`` on, then stay parked for ``parked``."""

    start: datetime
    energy: WattHours
    power: Watts
    parked: timedelta = timedelta(0)

    def periods(self) -> tuple[Period, ...]:
        charging = timedelta(seconds=ceil(self.energy / self.power * 3_600) if self.power > 0 else 0)
        full = self.start + charging
        return (
            Period(self.start, full, Activity.CHARGING, self.energy, self.power),
            Period(full, full + self.parked, Activity.PARKING),
        )


class PricePoint(msgspec.Struct, frozen=True):
    """From this instant on a kWh, an hour or a session costs this; None where it is free. Taxes inside and outside."""

    since: datetime
    before_taxes: Decimal | None
    after_taxes: Decimal | None


def priced(session: MadeUpSession, tariff: Tariff, time_zone: str, language: str = "en") -> Priced:
    """The bill of a made-up session."""
    return price(session.periods(), tariff, time_zone, language)


def drawn(
    tariff: Tariff,
    time_zone: str,
    since: datetime,
    until: datetime | None = None,
    power: Watts = Watts(11_000.0),
) -> dict[Dimension, list[PricePoint]]:
    """The prices of a session that begins at each instant of a week (or until ``until``), one point per change.

    Restrictions on energy and duration are taken at the session's beginning, those on power at ``power``.
    """
    book = rates_of(tariff, time_zone).books[0]
    first, last = int(since.timestamp()), int((until or since + WEEK).timestamp())
    cuts = {first, *book.changes_between(first, last)}
    if book.calendar:
        cuts.update(book.calendar.between(first, last))
    return {
        dimension: _points(book, dimension, sorted(cuts), power, tariff.tax_included)
        for dimension in Dimension
    }


def _points(
    book: Book, dimension: Dimension, cuts: list[int], power: Watts, included: TaxIncluded
) -> list[PricePoint]:
    points: list[PricePoint] = []
    for cut in cuts:
        point = _point(book, dimension, cut, power, included)
        if (
            not points
            or point.before_taxes != points[-1].before_taxes
            or point.after_taxes != points[-1].after_taxes
        ):
            points.append(point)
    return points


def _point(book: Book, dimension: Dimension, second: int, power: Watts, included: TaxIncluded) -> PricePoint:
    elements = book.all & book.duration.at(0) & book.energy.at(0) & book.power.at(round(power * 1_000))
    elements &= book.without_current
    if book.calendar:
        elements &= book.calendar.at(second)
    at = datetime.fromtimestamp(second, UTC)
    rate = book.rate(dimension, elements)
    if rate is None:
        return PricePoint(at, None, None)
    shown, factor = rate.price_at(second), 1 + (rate.component.vat or 0) / Decimal(100)
    if included is TaxIncluded.YES:
        return PricePoint(at, _shown(shown / factor), shown)
    return PricePoint(at, shown, shown if included is TaxIncluded.NOT_APPLICABLE else _shown(shown * factor))


def _shown(price: Decimal) -> Decimal:
    return price.quantize(Decimal("0.0001"), rounding=ROUND_HALF_UP).normalize() + 0
