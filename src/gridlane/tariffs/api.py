"""The REST edge of tariffs: publish, assign, preview, spot prices and busy prices."""

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Body, Query
from pydantic import AwareDatetime, BaseModel, Field

from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.edge import Json, TheCaller, TheDatabase, ThePaging
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id
from gridlane.kernel.paging import page
from gridlane.kernel.quantities import WattHours, Watts
from gridlane.stations.model import sites, stations
from gridlane.tariffs import announcing, precedence, preview, publishing, spot_feeds
from gridlane.tariffs.busy import BusyRule
from gridlane.tariffs.exchange import OcpiVersion, from_json, from_ocpi, to_json
from gridlane.tariffs.model import tariffs
from gridlane.tariffs.precedence import Assignment, Customer
from gridlane.tariffs.pricing import Priced
from gridlane.tariffs.publishing import Version
from gridlane.tariffs.spot import frozen, read_csv
from gridlane.tariffs.tariff import Tariff

router = APIRouter(tags=["prices"])

Content = Annotated[
    dict[str, Any],
    Field(description="A tariff: the fields of OCPI 2.3.0, and name, spot and idle_grace of our own"),
]


class NewTariff(BaseModel):
    name: Annotated[str, Field(min_length=1, max_length=100)]
    tariff: Content
    valid_from: AwareDatetime | None = None


class NewVersion(BaseModel):
    tariff: Content
    valid_from: AwareDatetime | None = None


class NewAssignment(BaseModel):
    tariff_id: UUID
    site_id: UUID | None = None
    station_id: UUID | None = None
    group_id: UUID | None = None
    for_guests: bool = False
    valid_from: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None


class PreviewInput(BaseModel):
    """A made-up session under a tariff that need not be published."""

    tariff: Content
    time_zone: str = "Europe/Berlin"
    start: AwareDatetime
    energy: Annotated[float, Field(ge=0, le=1_000_000, description="Wh")]
    power: Annotated[float, Field(gt=0, le=1_000_000, description="W")]
    parked_minutes: Annotated[float, Field(ge=0, le=10_080)] = 0
    language: Annotated[str, Field(pattern="^(en|de)$")] = "en"


class WeekInput(BaseModel):
    tariff: Content
    time_zone: str = "Europe/Berlin"
    since: AwareDatetime
    power: Annotated[float, Field(gt=0, le=1_000_000, description="W")] = 11_000


class SiteUnknown(Refusal):
    code = "price_place_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no such site or station."


@router.get("/tariffs")
async def list_tariffs(caller: TheCaller, database: TheDatabase, paging: ThePaging) -> Json:
    """All tariffs by name."""
    caller.require(Permission.PRICES_READ)
    async with database.unit_of_work(caller.scope) as work:
        return Json(await page(work, sa.select(tariffs), [tariffs.c.name, tariffs.c.id], paging))


@router.post("/tariffs", status_code=201)
async def create_tariff(caller: TheCaller, database: TheDatabase, wish: NewTariff) -> Json:
    """A new tariff with its first version, in force now or from an instant. ``id`` is the tariff's."""
    content, now = _read(wish.tariff), system_clock()
    async with database.unit_of_work(caller.scope) as work:
        version = await publishing.create(work, caller, wish.name, content, wish.valid_from or now, now)
    made = {"id": version.tariff_id, "name": wish.name, "version_id": version.id}
    return Json(_told(version) | made, status_code=201)


@router.get("/tariffs/{tariff_id}/versions")
async def list_versions(caller: TheCaller, database: TheDatabase, tariff_id: UUID) -> Json:
    """All versions of a tariff, the latest first."""
    caller.require(Permission.PRICES_READ)
    async with database.unit_of_work(caller.scope) as work:
        found = await publishing.versions(work, tariff_id)
    if not found:
        raise publishing.TariffUnknown(tariff=tariff_id)
    return Json({"items": [_told(version) for version in found]})


@router.post("/tariffs/{tariff_id}/versions", status_code=201)
async def publish_version(
    caller: TheCaller, database: TheDatabase, tariff_id: UUID, wish: NewVersion
) -> Json:
    """A new version. Running sessions keep the one they began with."""
    content, now = _read(wish.tariff), system_clock()
    async with database.unit_of_work(caller.scope) as work:
        version = await publishing.publish(work, caller, tariff_id, content, wish.valid_from or now, now)
    return Json(_told(version), status_code=201)


@router.delete("/tariff-versions/{version_id}", status_code=204)
async def withdraw_version(caller: TheCaller, database: TheDatabase, version_id: UUID) -> None:
    """Take back a version that has not begun."""
    async with database.unit_of_work(caller.scope) as work:
        await publishing.withdraw(work, caller, version_id, system_clock())


@router.post("/tariffs/import", status_code=201)
async def import_tariff(
    caller: TheCaller,
    database: TheDatabase,
    name: Annotated[str, Query(min_length=1, max_length=100)],
    tariff: Annotated[dict[str, Any], Body(description="A tariff as OCPI JSON")],
    version: OcpiVersion = OcpiVersion.V2_3_0,
) -> Json:
    """A new tariff from a partner's OCPI JSON."""
    content, now = from_ocpi(json.dumps(tariff), version), system_clock()
    async with database.unit_of_work(caller.scope) as work:
        made = await publishing.create(work, caller, name, content, now, now)
    return Json(_told(made), status_code=201)


@router.post("/tariffs/preview")
async def preview_price(caller: TheCaller, wish: PreviewInput) -> Json:
    """What a made-up session would cost. Spot formulas are priced at their fallback."""
    caller.require(Permission.PRICES_READ)
    made_up = preview.MadeUpSession(
        start=wish.start.astimezone(UTC),
        energy=WattHours(wish.energy),
        power=Watts(wish.power),
        parked=timedelta(minutes=wish.parked_minutes),
    )
    return Json(_priced(preview.priced(made_up, _read(wish.tariff), wish.time_zone, wish.language)))


@router.post("/tariffs/week")
async def draw_week(caller: TheCaller, database: TheDatabase, wish: WeekInput) -> Json:
    """A week's prices of a session's beginning, by dimension, one point per change."""
    caller.require(Permission.PRICES_READ)
    content, since = _read(wish.tariff), wish.since.astimezone(UTC)
    async with database.unit_of_work(caller.scope) as work:
        feeds = await spot_feeds.load_for(work, content, since, preview.WEEK)
    known = frozen(content, feeds, since, preview.WEEK)
    points = preview.drawn(known, wish.time_zone, since, power=Watts(wish.power))
    return Json({dimension.value: series for dimension, series in points.items()})


@router.get("/tariff-assignments")
async def list_assignments(caller: TheCaller, database: TheDatabase) -> Json:
    """Who gets which tariff, and where two overlap."""
    caller.require(Permission.PRICES_READ)
    async with database.unit_of_work(caller.scope) as work:
        found = await publishing.assignments(work)
    return Json({"items": found, "overlaps": precedence.overlaps(found)})


@router.post("/tariff-assignments", status_code=201)
async def assign_tariff(caller: TheCaller, database: TheDatabase, wish: NewAssignment) -> Json:
    """Give a place and an audience a tariff."""
    now = system_clock()
    assignment = Assignment(
        id=new_id(),
        tariff_id=wish.tariff_id,
        valid_from=wish.valid_from or now,
        valid_until=wish.valid_until,
        site_id=wish.site_id if wish.station_id is None else None,
        station_id=wish.station_id,
        group_id=wish.group_id,
        for_guests=wish.for_guests and wish.group_id is None,
    )
    async with database.unit_of_work(caller.scope) as work:
        await _require_place(work, caller, wish.site_id, wish.station_id)
        overlaps = await publishing.assign(work, caller, assignment, now)
    return Json({"assignment": assignment, "overlaps": overlaps}, status_code=201)


@router.delete("/tariff-assignments/{assignment_id}", status_code=204)
async def end_assignment(caller: TheCaller, database: TheDatabase, assignment_id: UUID) -> None:
    """End an assignment now."""
    async with database.unit_of_work(caller.scope) as work:
        await publishing.unassign(work, caller, assignment_id, system_clock())


@router.get("/stations/{station_id}/price")
async def price_now(caller: TheCaller, database: TheDatabase, station_id: UUID) -> Json:
    """What a session that begins now would cost here: the frozen tariff, and the next day's prices to draw."""
    now = system_clock()
    async with database.unit_of_work(caller.scope) as work:
        found = await _require_place(work, caller, None, station_id)
        agreed = await publishing.agreed(work, station_id, found.site_id, Customer(), now)
    points = preview.drawn(agreed.tariff, found.time_zone, now, now + timedelta(days=1))
    return Json(
        {
            "name": agreed.name,
            "version_id": agreed.version_id,
            "tariff": msgspec.Raw(to_json(agreed.tariff)),
            "prices": {dimension.value: series for dimension, series in points.items()},
        }
    )


@router.put("/spot-prices/{feed}", status_code=204)
async def deliver_spot_prices(
    caller: TheCaller,
    database: TheDatabase,
    feed: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,32}$")],
    text: Annotated[str, Body(media_type="text/csv", max_length=5_000_000)],
    currency: Annotated[str, Query(pattern="^[A-Z]{3}$")] = "EUR",
    minutes: Annotated[int, Query(ge=5, le=60)] = 60,
) -> None:
    """Deliver day-ahead prices: a header line, then lines of instant and price per MWh."""
    caller.require(Permission.PRICES_WRITE)
    series = read_csv(text, feed, currency, timedelta(minutes=minutes))
    async with database.unit_of_work(caller.scope) as work:
        await spot_feeds.store(work, series, system_clock())


@router.get("/spot-prices/{feed}")
async def spot_prices(
    caller: TheCaller, database: TheDatabase, feed: str, since: AwareDatetime, until: AwareDatetime
) -> Json:
    """The known prices of a feed per kWh."""
    caller.require(Permission.PRICES_READ)
    async with database.unit_of_work(caller.scope) as work:
        series = await spot_feeds.load(work, feed, since.astimezone(UTC), until.astimezone(UTC))
    return Json({"feed": feed, "prices": series.prices if series else ()})


@router.get("/sites/{site_id}/busy-prices")
async def busy_prices(caller: TheCaller, database: TheDatabase, site_id: UUID) -> Json:
    """The busy prices of a site, and the level announced now."""
    caller.require(Permission.PRICES_READ)
    async with database.unit_of_work(caller.scope) as work:
        await _require_place(work, caller, site_id, None)
        rule = await announcing.rule_of(work, site_id)
        level = await announcing.level_at(work, site_id, system_clock())
    return Json({"rule": rule, "level": level})


@router.put("/sites/{site_id}/busy-prices", status_code=204)
async def set_busy_prices(
    caller: TheCaller,
    database: TheDatabase,
    site_id: UUID,
    rule: Annotated[dict[str, Any] | None, Body()] = None,
) -> None:
    """Give a site busy prices, or take them away with an empty body."""
    wanted = None if rule is None else _read_rule(rule)
    async with database.unit_of_work(caller.scope) as work:
        await _require_place(work, caller, site_id, None)
        await announcing.set_rule(work, caller, site_id, wanted)


class BusyPricesInvalid(Refusal):
    code = "busy_prices_invalid"
    kind = Kind.INVALID
    sentence = "The busy prices are not valid: {problem}."


def _read_rule(raw: dict[str, Any]) -> BusyRule:
    try:
        return msgspec.json.decode(json.dumps(raw), type=BusyRule)
    except msgspec.ValidationError as error:
        raise BusyPricesInvalid(problem=str(error)) from None


async def _require_place(work: Any, caller: Caller, site_id: UUID | None, station_id: UUID | None) -> Any:
    """The station or site as a row with ``site_id`` and ``time_zone``, or SiteUnknown where the caller may not see it."""
    if site_id is None and station_id is None:
        if caller.sites is not None:
            raise SiteUnknown
        return None
    if station_id:
        joined = sa.select(stations.c.site_id, sites.c.time_zone).join(
            sites, sites.c.id == stations.c.site_id
        )
        row = (await work.execute(joined.where(stations.c.id == station_id))).first()
    else:
        of_site = sa.select(sites.c.id.label("site_id"), sites.c.time_zone).where(sites.c.id == site_id)
        row = (await work.execute(of_site)).first()
    if row is None or not caller.reaches(row.site_id):
        raise SiteUnknown
    return row


def _read(content: dict[str, Any]) -> Tariff:
    """The tariff of a form. Ids of OCPI that only partners need are filled in where a form leaves them out."""
    defaults = {
        "country_code": "XX",
        "party_id": "GRL",
        "id": "draft",
        "last_updated": datetime.now(UTC).isoformat(),
    }
    return from_json(json.dumps(defaults | content))


def _told(version: Version) -> dict[str, Any]:
    return {
        "id": version.id,
        "tariff_id": version.tariff_id,
        "valid_from": version.valid_from,
        "tariff": msgspec.Raw(to_json(version.tariff)),
        "warnings": [{"field": field, "sentence": sentence} for field, sentence in version.warnings],
    }


def _priced(priced: Priced) -> dict[str, Any]:
    return {
        "lines": [
            {"reason": line.reason, "amount": line.amount.rounded().amount, "dimension": line.dimension}
            for line in priced.lines
        ],
        "net": priced.net.rounded().amount,
        "tax": priced.tax.rounded().amount,
        "gross": priced.gross.rounded().amount,
        "currency": priced.gross.currency,
    }
