"""Prices that follow a day-ahead market: a formula and a series become one price per interval, frozen at the start.

A driver is billed what was shown. So a session keeps the schedule that was known when it began; hours without a
published price (the feed is late, or the car stays for days) cost the formula's fallback.
"""

import csv
import io
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

import msgspec

from gridlane.kernel.clock import NotAnInstant, parse_instant
from gridlane.kernel.errors import Kind, Refusal
from gridlane.tariffs.tariff import PriceComponent, PricedFrom, SpotFormula, Tariff

HORIZON = timedelta(days=3)
"""How far a frozen schedule reaches; beyond it the fallback holds. No public session lasts longer."""

_PRICE_STEP = Decimal("0.0001")  # of the currency per kWh: what a screen can show, so what is billed


class SpotPrice(msgspec.Struct, frozen=True, order=True):
    """The market's price per kWh, in the feed's currency, from ``start`` (inclusive) to ``end``."""

    start: datetime
    end: datetime
    price: Decimal


class SpotSeries(msgspec.Struct, frozen=True):
    """A day-ahead feed as far as it is known. Intervals ascend, do not overlap and may have holes."""

    feed: str
    currency: str
    prices: tuple[SpotPrice, ...]

    def at(self, at: datetime) -> SpotPrice | None:
        """The price of the interval that holds the instant; None where none was published."""
        index = bisect_right(self.prices, at, key=lambda spot: spot.start) - 1
        return self.prices[index] if index >= 0 and at < self.prices[index].end else None

    @property
    def known_until(self) -> datetime | None:
        return self.prices[-1].end if self.prices else None


class SpotCurrencyDiffers(Refusal):
    code = "spot_currency_differs"
    kind = Kind.CONFLICT
    sentence = (
        "The tariff is in {currency}, its spot feed {feed} in {feed_currency}; choose a feed in {currency}."
    )


class SpotPricesInvalid(Refusal):
    code = "spot_prices_invalid"
    kind = Kind.INVALID
    sentence = "Line {line} of the spot prices is not valid: {problem}."


def price_of(spot: Decimal, formula: SpotFormula) -> Decimal:
    """What a kWh costs the driver when it costs ``spot`` on the market: factor, fee, floor and cap, to 0.0001."""
    price = spot * formula.factor + formula.fee
    if formula.floor is not None:
        price = max(price, formula.floor)
    if formula.cap is not None:
        price = min(price, formula.cap)
    return price.quantize(_PRICE_STEP, rounding=ROUND_HALF_UP)


def frozen(
    tariff: Tariff, feeds: Mapping[str, SpotSeries], since: datetime, horizon: timedelta = HORIZON
) -> Tariff:
    """The tariff with a price for every interval from ``since`` on; a tariff without spot formulas is returned as is.

    An unknown feed counts as a late one. Raises SpotCurrencyDiffers.
    """
    if not any(c.spot for element in tariff.elements for c in element.price_components):
        return tariff

    def resolved(component: PriceComponent) -> PriceComponent:
        if component.spot is None:
            return component
        series = feeds.get(component.spot.feed)
        if series and series.currency != tariff.currency:
            raise SpotCurrencyDiffers(
                currency=tariff.currency, feed=series.feed, feed_currency=series.currency
            )
        schedule = tuple(_merged(_schedule(component.spot, series, since, since + horizon)))
        return msgspec.structs.replace(component, price=component.spot.fallback, schedule=schedule)

    return msgspec.structs.replace(
        tariff,
        elements=tuple(
            msgspec.structs.replace(element, price_components=tuple(map(resolved, element.price_components)))
            for element in tariff.elements
        ),
    )


def _schedule(
    formula: SpotFormula, series: SpotSeries | None, since: datetime, until: datetime
) -> Iterator[PricedFrom]:
    at = since
    for spot in series.prices if series else ():
        if spot.end <= at or spot.start >= until:
            continue
        if spot.start > at:
            yield PricedFrom(since=at, price=formula.fallback)
        yield PricedFrom(since=max(spot.start, at), price=price_of(spot.price, formula))
        at = spot.end
    yield PricedFrom(since=at, price=formula.fallback)


def _merged(entries: Iterable[PricedFrom]) -> Iterator[PricedFrom]:
    before: Decimal | None = None
    for entry in entries:
        if entry.price != before:
            yield entry
            before = entry.price


def is_late(series: SpotSeries, now: datetime, needed: timedelta = timedelta(hours=6)) -> bool:
    """Whether the feed knows less than ``needed`` ahead, so that operators are told before drivers pay fallbacks."""
    return series.known_until is None or series.known_until < now + needed


def read_csv(text: str, feed: str, currency: str, interval: timedelta = timedelta(hours=1)) -> SpotSeries:
    """A series from lines of ``instant, price per MWh`` under a header line, in any order.

    Raises SpotPricesInvalid with the line's number. An instant that comes twice must have one price.
    """
    prices: dict[datetime, Decimal] = {}
    for line, row in enumerate(csv.reader(io.StringIO(text)), start=1):
        if line == 1 or not row:
            continue
        start, price = _read(line, row)
        if prices.setdefault(start, price) != price:
            raise SpotPricesInvalid(line=line, problem=f"{row[0]} has two prices")
    starts = sorted(prices)
    ends = [
        min(start + interval, following)
        for start, following in zip(starts, [*starts[1:], datetime.max.replace(tzinfo=UTC)], strict=True)
    ]
    return SpotSeries(
        feed, currency, tuple(SpotPrice(s, e, prices[s]) for s, e in zip(starts, ends, strict=True))
    )


def _read(line: int, row: list[str]) -> tuple[datetime, Decimal]:
    try:
        start, per_megawatt_hour = parse_instant(row[0]), Decimal(row[1])
    except NotAnInstant as refusal:
        raise SpotPricesInvalid(line=line, problem=str(refusal)) from None
    except (InvalidOperation, IndexError):
        raise SpotPricesInvalid(line=line, problem="give an instant and a price per MWh") from None
    if not per_megawatt_hour.is_finite():
        raise SpotPricesInvalid(line=line, problem=f"{row[1]} is no price")
    return start, per_megawatt_hour / 1000
