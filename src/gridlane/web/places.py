"""Public places to charge, as a driver sees them: plugs free now, what they offer, what a session that begins now costs.

States come from the availability ledger, so a plug without a link is never free. The list is made at most every
``FRESH`` seconds and answered from memory; prices change rarely and are made every ``PRICED``.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database, Scope
from gridlane.kernel.errors import Kind, Refusal
from gridlane.stations.availability import availability_intervals
from gridlane.stations.model import connectors, evses, sites, stations
from gridlane.tariffs import publishing, spot_feeds
from gridlane.tariffs.precedence import Assignment, Customer, TariffMissing, assigned
from gridlane.tariffs.preview import drawn
from gridlane.tariffs.spot import frozen
from gridlane.tariffs.tariff import Dimension, Tariff

FRESH = timedelta(seconds=3)
PRICED = timedelta(seconds=60)
AHEAD = timedelta(hours=12)
EVERYBODY = Customer()
_OUT = ("unavailable", "faulted", "offline")


class PlaceUnknown(Refusal):
    code = "place_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no such place to charge."


class PlugUnknown(Refusal):
    code = "plug_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no plug {plug}. The number stands on the sticker, beneath the code."


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """What a session that begins now costs, with its taxes: per kWh, per hour of charging, per hour of standing, once."""

    currency: str
    energy: Decimal | None
    hour: Decimal | None
    idle_hour: Decimal | None
    start: Decimal | None


class Place(msgspec.Struct, kw_only=True):
    """A site that drivers may see. ``out`` plugs are those nobody can use now; ``max_power`` is in W."""

    id: UUID
    name: str
    address: str
    city: str
    latitude: float
    longitude: float
    time_zone: str
    plugs: int
    free: int
    out: int
    max_power: float | None
    connectors: list[str]
    accessible: bool
    amenities: list[str]
    opening: str | None
    as_of: datetime
    price: Price | None = None


class Plug(msgspec.Struct, kw_only=True):
    """An EVSE of a place. ``public_id`` is on its sticker."""

    public_id: str
    label: str | None
    state: str
    state_since: datetime | None
    connectors: list[str]
    max_power: float | None
    station_id: UUID
    evse: int
    price: Price | None = None


@dataclass
class PublicPlaces:
    """All places of this installation, kept in memory for a moment."""

    database: Database
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _places: dict[UUID, Place] = field(default_factory=dict)
    _made_at: datetime | None = None
    _prices: dict[UUID, Price | None] = field(default_factory=dict)
    _priced_at: datetime | None = None

    async def all(self) -> list[Place]:
        now = system_clock()
        async with self._lock:
            if self._made_at is None or now - self._made_at >= FRESH:
                await self._make(now)
        return list(self._places.values())

    async def one(self, site_id: UUID) -> Place:
        """Raises PlaceUnknown."""
        await self.all()
        if site_id not in self._places:
            raise PlaceUnknown(place=site_id)
        return self._places[site_id]

    async def energy_prices(self) -> dict[UUID, float]:
        """What a kWh costs now at each place that has a price."""
        priced = ((one.id, one.price) for one in await self.all())
        return {
            id_: float(price.energy)
            for id_, price in priced
            if price is not None and price.energy is not None
        }

    async def _make(self, now: datetime) -> None:
        async with self.database.as_owner() as work:
            found = await _places(work, now)
            if self._priced_at is None or now - self._priced_at >= PRICED:
                self._prices, self._priced_at = await _prices(self.database, work, now), now
        for place in found:
            place.price = self._prices.get(place.id)
        self._places, self._made_at = {place.id: place for place in found}, now


async def _places(work: AsyncConnection, now: datetime) -> list[Place]:
    ledger = availability_intervals
    plugged = (
        sa.select(connectors.c.evse_id, sa.func.array_agg(connectors.c.kind.distinct()).label("kinds"))
        .where(connectors.c.kind.is_not(None))
        .group_by(connectors.c.evse_id)
        .subquery()
    )
    query = (
        sa.select(
            sites.c.id, sites.c.name, sites.c.address, sites.c.city, sites.c.latitude, sites.c.longitude,
            sites.c.time_zone, sites.c.details,
            sa.func.count(evses.c.id).label("plugs"),
            sa.func.count(evses.c.id).filter(ledger.c.state == "available").label("free"),
            sa.func.count(evses.c.id).filter(sa.or_(ledger.c.state.in_(_OUT), ledger.c.state.is_(None))).label("out"),
            sa.func.max(evses.c.max_power).label("max_power"),
            sa.func.array_agg(sa.func.array_to_string(plugged.c.kinds, ",")).label("kinds"),
        )
        .join_from(sites, stations, stations.c.site_id == sites.c.id)
        .join(evses, evses.c.station_id == stations.c.id)
        .outerjoin(ledger, sa.and_(ledger.c.evse_id == evses.c.id, ledger.c.until.is_(None)))
        .outerjoin(plugged, plugged.c.evse_id == evses.c.id)
        .where(_public())
        .group_by(sites.c.id)
        .order_by(sites.c.name, sites.c.id)
    )  # fmt: skip
    return [_place(row, now) for row in (await work.execute(query)).mappings()]


def _public() -> sa.ColumnElement[bool]:
    return sa.and_(
        sites.c.public,
        sites.c.latitude.is_not(None),
        sites.c.longitude.is_not(None),
        stations.c.approval == "accepted",
        stations.c.organization_id.is_not(None),
    )


def _place(row: Any, now: datetime) -> Place:
    details = row["details"]
    kinds = {kind for joined in row["kinds"] if joined for kind in joined.split(",")}
    told = {
        name: row[name] for name in ("id", "name", "address", "city", "latitude", "longitude", "time_zone")
    }
    counted = {name: row[name] for name in ("plugs", "free", "out", "max_power")}
    return Place(
        **told,
        **counted,
        connectors=sorted(kinds),
        accessible=bool(details.get("accessible", False)),
        amenities=list(details.get("amenities", ())),
        opening=details.get("opening_hours"),
        as_of=now,
    )


async def plugs_of(database: Database, site_id: UUID, now: datetime) -> list[Plug]:
    """The plugs of a public place with their prices."""
    async with database.as_owner() as work:
        organization_id = await work.scalar(sa.select(sites.c.organization_id).where(sites.c.id == site_id))
        rows = (await work.execute(_plugs().where(stations.c.site_id == site_id))).mappings().all()
    found = [_plug(row) for row in rows]
    async with database.unit_of_work(Scope(organization_id)) as work:
        for plug in found:
            plug.price = await price_at(work, plug.station_id, site_id, rows[0]["time_zone"], now)
    return found


async def plug_named(database: Database, public_id: str) -> tuple[UUID, Plug]:
    """The plug with this number, and the place it belongs to. Raises PlugUnknown."""
    async with database.as_owner() as work:
        query = _plugs().where(sa.func.upper(evses.c.public_id) == public_id.upper())
        row = (await work.execute(query)).mappings().first()
    if row is None:
        raise PlugUnknown(plug=public_id)
    return row["site_id"], _plug(row)


def _plugs() -> sa.Select[Any]:
    ledger = availability_intervals
    return (
        sa.select(
            evses.c.public_id, evses.c.label, evses.c.max_power, evses.c.station_id, evses.c.number, stations.c.site_id,
            sites.c.time_zone, ledger.c.state, ledger.c.since,
            sa.select(sa.func.array_agg(connectors.c.kind.distinct()))
            .where(connectors.c.evse_id == evses.c.id, connectors.c.kind.is_not(None))
            .scalar_subquery()
            .label("kinds"),
        )
        .join_from(evses, stations, stations.c.id == evses.c.station_id)
        .join(sites, sites.c.id == stations.c.site_id)
        .outerjoin(ledger, sa.and_(ledger.c.evse_id == evses.c.id, ledger.c.until.is_(None)))
        .where(_public(), evses.c.public_id.is_not(None))
        .order_by(stations.c.name, evses.c.number)
    )  # fmt: skip


def _plug(row: Any) -> Plug:
    return Plug(
        public_id=row["public_id"],
        label=row["label"],
        state=row["state"] or "offline",
        state_since=row["since"],
        connectors=row["kinds"] or [],
        max_power=row["max_power"],
        station_id=row["station_id"],
        evse=row["number"],
    )


# --- prices ------------------------------------------------------------------------------------------------------


async def price_at(
    work: AsyncConnection,
    station_id: UUID,
    site_id: UUID,
    time_zone: str,
    now: datetime,
    customer: Customer = EVERYBODY,
) -> Price | None:
    """What a session that begins now costs at a station; None where no tariff is assigned."""
    try:
        agreed = await publishing.agreed(work, station_id, site_id, customer, now)
    except (TariffMissing, publishing.TariffUnknown):
        return None
    return price_of(agreed.tariff, time_zone, now)


def price_of(tariff: Tariff, time_zone: str, now: datetime) -> Price:
    points = drawn(tariff, time_zone, now, now + timedelta(seconds=1))

    def first(dimension: Dimension) -> Decimal | None:
        point = points[dimension][0]
        return point.after_taxes if point.after_taxes is not None else point.before_taxes

    return Price(
        currency=tariff.currency,
        energy=first(Dimension.ENERGY),
        hour=first(Dimension.TIME),
        idle_hour=first(Dimension.PARKING_TIME),
        start=first(Dimension.FLAT),
    )


class PriceAhead(msgspec.Struct, frozen=True, kw_only=True):
    """What a kWh costs a session that begins from then on, with its taxes; None where it costs nothing."""

    since: datetime
    energy: Decimal | None


async def prices_ahead(database: Database, site_id: UUID, now: datetime) -> list[PriceAhead]:
    """The price of a kWh at a place's first station over the next hours; empty where it has none."""
    async with database.as_owner() as work:
        first = sa.select(sites.c.organization_id, sites.c.time_zone, stations.c.id.label("station_id"))
        first = first.join_from(sites, stations, stations.c.site_id == sites.c.id)
        row = (
            await work.execute(first.where(sites.c.id == site_id).order_by(stations.c.id).limit(1))
        ).first()
    if row is None:
        return []
    async with database.unit_of_work(Scope(row.organization_id)) as work:
        try:
            agreed = await publishing.agreed(work, row.station_id, site_id, EVERYBODY, now)
        except (TariffMissing, publishing.TariffUnknown):
            return []
    points = drawn(agreed.tariff, row.time_zone, now, now + AHEAD)[Dimension.ENERGY]
    return [
        PriceAhead(
            since=point.since,
            energy=point.after_taxes if point.after_taxes is not None else point.before_taxes,
        )
        for point in points
    ]


async def _prices(database: Database, work: AsyncConnection, now: datetime) -> dict[UUID, Price | None]:
    """The price of each place's first station, organization by organization."""
    query = (
        sa.select(sites.c.organization_id, sites.c.id, sites.c.time_zone, sa.func.min(sa.cast(stations.c.id, sa.Text)))
        .join_from(sites, stations, stations.c.site_id == sites.c.id)
        .where(_public())
        .group_by(sites.c.id)
    )  # fmt: skip
    by_organization: dict[UUID, list[tuple[UUID, str, UUID]]] = {}
    for organization_id, site_id, time_zone, station_id in await work.execute(query):
        by_organization.setdefault(organization_id, []).append((site_id, time_zone, UUID(station_id)))
    prices: dict[UUID, Price | None] = {}
    for organization_id, places in by_organization.items():
        async with database.unit_of_work(Scope(organization_id)) as own:
            prices |= await _prices_of(own, places, now)
    return prices


async def _prices_of(
    work: AsyncConnection, places: Sequence[tuple[UUID, str, UUID]], now: datetime
) -> dict[UUID, Price | None]:
    given = await publishing.assignments(work)
    tariffs: dict[UUID, Tariff | None] = {}
    prices: dict[UUID, Price | None] = {}
    for site_id, time_zone, station_id in places:
        tariff_id = _assigned(given, station_id, site_id, now)
        if tariff_id is not None and tariff_id not in tariffs:
            tariffs[tariff_id] = await _in_force(work, tariff_id, now)
        tariff = tariffs.get(tariff_id) if tariff_id is not None else None
        prices[site_id] = None if tariff is None else price_of(tariff, time_zone, now)
    return prices


def _assigned(given: Sequence[Assignment], station_id: UUID, site_id: UUID, now: datetime) -> UUID | None:
    try:
        return assigned(given, station_id, site_id, Customer(), now).tariff_id
    except TariffMissing:
        return None


async def _in_force(work: AsyncConnection, tariff_id: UUID, now: datetime) -> Tariff | None:
    version = await publishing.version_at(work, tariff_id, now)
    if version is None:
        return None
    return frozen(version.tariff, await spot_feeds.load_for(work, version.tariff, now), now)
