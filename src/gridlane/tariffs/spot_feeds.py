"""Spot prices in the database: what a feed has delivered, read back as a series."""

from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.kernel import facts
from gridlane.kernel.facts import Fact, Recorded
from gridlane.tariffs.model import spot_prices
from gridlane.tariffs.spot import HORIZON, SpotPrice, SpotSeries
from gridlane.tariffs.tariff import Tariff


class SpotPricesArrived(Fact, frozen=True, kw_only=True, tag="spot_prices_arrived"):
    """A feed has delivered prices; plans that depend on it are to be made anew."""

    feed: str
    since: datetime
    until: datetime


async def store(work: AsyncConnection, series: SpotSeries, now: datetime) -> None:
    """Keep a delivery. A price that came before is replaced; what sessions have frozen stays as it was."""
    if not series.prices:
        return
    values = [
        {
            "feed": series.feed,
            "start": spot.start,
            "end": spot.end,
            "price": spot.price,
            "currency": series.currency,
        }
        for spot in series.prices
    ]
    fresh = insert(spot_prices)
    replaced = {name: fresh.excluded[name] for name in ("end", "price", "currency")}
    await work.execute(fresh.on_conflict_do_update(index_elements=["feed", "start"], set_=replaced), values)
    fact = SpotPricesArrived(feed=series.feed, since=series.prices[0].start, until=series.prices[-1].end)
    await facts.record(work, [Recorded(fact, uuid5(NAMESPACE_URL, f"spot:{series.feed}"), None, now)])


async def load(work: AsyncConnection, feed: str, since: datetime, until: datetime) -> SpotSeries | None:
    """The intervals of a feed that touch [since, until); None where the feed is unknown there."""
    query = (
        sa.select(spot_prices)
        .where(spot_prices.c.feed == feed, spot_prices.c.end > since, spot_prices.c.start < until)
        .order_by(spot_prices.c.start)
    )
    found = (await work.execute(query)).all()
    if not found:
        return None
    return SpotSeries(
        feed, found[0].currency, tuple(SpotPrice(row.start, row.end, row.price) for row in found)
    )


async def load_for(
    work: AsyncConnection, tariff: Tariff, at: datetime, horizon: timedelta = HORIZON
) -> dict[str, SpotSeries]:
    """The series that the tariff's formulas name, as far as they are known."""
    named = {c.spot.feed for element in tariff.elements for c in element.price_components if c.spot}
    loaded = {feed: await load(work, feed, at, at + horizon) for feed in named}
    return {feed: series for feed, series in loaded.items() if series}
