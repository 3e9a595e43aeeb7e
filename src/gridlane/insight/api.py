"""The REST edge of figures: totals, their course, peak hours, uptime, waste, and what they assume."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, Field

from gridlane.insight import assuming, figures, uptimes
from gridlane.insight.assuming import Assumptions
from gridlane.insight.model import excluded_downtime
from gridlane.insight.uptime import RULES, Reason, together
from gridlane.insight.window import Window, window_of
from gridlane.kernel.access import Permission
from gridlane.kernel.edge import Json, TheCaller, TheDatabase, ThePaging, TheSettings
from gridlane.kernel.paging import page

router = APIRouter(tags=["insight"])

USUAL_DAYS = 30


def _window(
    caller: TheCaller,
    settings: TheSettings,
    since: Annotated[date | None, Query(description="first day; without it the last 30 days")] = None,
    until: Annotated[
        date | None, Query(description="first day that is not in it; without it tomorrow")
    ] = None,
    site_id: UUID | None = None,
    station_id: UUID | None = None,
) -> Window:
    caller.require(Permission.REPORTS_READ)
    today = datetime.now(ZoneInfo(settings.time_zone)).date()
    end = until or today + timedelta(days=1)
    return window_of(caller, since or end - timedelta(days=USUAL_DAYS), end, site_id, station_id)


TheWindow = Annotated[Window, Depends(_window)]


class AssumptionsInput(BaseModel):
    """What figures rest on where nothing is measured. Prices per kWh, carbon in g/kWh, standby in W per EVSE."""

    electricity_price: Annotated[Decimal, Field(ge=0, le=10, decimal_places=5)]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "EUR"
    carbon: Annotated[float, Field(ge=0, le=2000)] = 363.0
    carbon_of_driving: Annotated[float, Field(ge=0, le=5000)] = 890.0
    standby_ac: Annotated[float, Field(ge=0, le=1000)] = 6.0
    standby_dc: Annotated[float, Field(ge=0, le=5000)] = 80.0
    loss_ac: Annotated[float, Field(ge=0, le=0.5)] = 0.01
    loss_dc: Annotated[float, Field(ge=0, le=0.5)] = 0.06


class ExclusionInput(BaseModel):
    """Downtime that a rule may leave out. Without site and station it is of the whole network."""

    site_id: UUID | None = None
    station_id: UUID | None = None
    since: AwareDatetime
    until: AwareDatetime
    reason: Reason
    evidence: Annotated[str, Field(min_length=3, max_length=2000)]


@router.get("/insight/figures")
async def show_figures(database: TheDatabase, caller: TheCaller, settings: TheSettings, window: TheWindow) -> Json:  # fmt: skip
    """All figures of some days, and of as many days before them."""
    async with database.unit_of_work(caller.scope) as work:
        now = await figures.totals(work, window, settings.time_zone)
        before = await figures.totals(work, window.before(), settings.time_zone)
    return Json({"since": window.since, "until": window.until, "figures": now, "before": before})


@router.get("/insight/course")
async def show_course(
    database: TheDatabase,
    caller: TheCaller,
    settings: TheSettings,
    window: TheWindow,
    step: figures.Step = "day",
) -> Json:
    """Energy, sessions, times and revenue by hour, day, week or month of the sites' calendars."""
    async with database.unit_of_work(caller.scope) as work:
        return Json({"step": step, "items": await figures.course(work, window, settings.time_zone, step)})


@router.get("/insight/week")
async def show_week(database: TheDatabase, caller: TheCaller, settings: TheSettings, window: TheWindow) -> Json:  # fmt: skip
    """Peak hours: the share of EVSEs occupied in each hour of each weekday, Monday first."""
    async with database.unit_of_work(caller.scope) as work:
        return Json({"items": await figures.week(work, window, settings.time_zone)})


@router.get("/insight/places")
async def show_places(
    database: TheDatabase,
    caller: TheCaller,
    settings: TheSettings,
    window: TheWindow,
    by: Literal["site", "station"] = "site",
) -> Json:
    """Figures of each site or station, those with most energy first."""
    async with database.unit_of_work(caller.scope) as work:
        return Json({"items": await figures.by_place(work, window, settings.time_zone, by)})


@router.get("/insight/waste")
async def show_waste(database: TheDatabase, caller: TheCaller, settings: TheSettings, window: TheWindow) -> Json:  # fmt: skip
    """What each site loses, and the three actions that would save most."""
    async with database.unit_of_work(caller.scope) as work:
        return Json(await figures.wastes(work, window, settings.time_zone))


# --- uptime ------------------------------------------------------------------------------------------------------


@router.get("/insight/uptime")
async def show_uptime(
    database: TheDatabase,
    caller: TheCaller,
    settings: TheSettings,
    window: TheWindow,
    rule: Literal["nevi", "uk"] = "nevi",
) -> Json:
    """Uptime by EVSE, by site, and of all together, as a law counts it: NEVI (23 CFR 680.116) or UK (2023/1168)."""
    async with database.unit_of_work(caller.scope) as work:
        found = await uptimes.of_evses(work, window, RULES[rule], settings.time_zone)
    return Json(
        {
            "rule": rule,
            "goal": RULES[rule].goal,
            "network": uptimes.plain(together(one.figures for one in found)),
            "sites": uptimes.by_site(found),
            "evses": [_evse(one) for one in found],
        }
    )


def _evse(one: uptimes.EvseUptime) -> dict[str, Any]:
    told = {name: getattr(one, name) for name in one.__struct_fields__ if name != "figures"}
    return {**told, **uptimes.plain(one.figures)}


@router.get("/insight/excluded-downtime")
async def list_exclusions(caller: TheCaller, database: TheDatabase, paging: ThePaging) -> Json:
    """Downtime that is left out, with its proof, the latest first."""
    caller.require(Permission.REPORTS_READ)
    query = sa.select(excluded_downtime)
    if caller.sites is not None:
        query = query.where(excluded_downtime.c.site_id.in_(caller.sites))
    order = [excluded_downtime.c.since, excluded_downtime.c.id]
    async with database.unit_of_work(caller.scope) as work:
        return Json(await page(work, query, order, paging, newest_first=True))


@router.post("/insight/excluded-downtime", status_code=201)
async def exclude_downtime(caller: TheCaller, database: TheDatabase, wish: ExclusionInput) -> Json:
    """Leave downtime out that a law lets leave out, such as an outage of the grid. It is kept with its proof."""
    async with database.unit_of_work(caller.scope) as work:
        return Json(await uptimes.exclude(work, caller, wish.model_dump()), status_code=201)


@router.delete("/insight/excluded-downtime/{exclusion_id}", status_code=204)
async def include_downtime(caller: TheCaller, database: TheDatabase, exclusion_id: UUID) -> None:
    """Let downtime count again."""
    async with database.unit_of_work(caller.scope) as work:
        await uptimes.include_again(work, caller, exclusion_id)


# --- assumptions -------------------------------------------------------------------------------------------------


@router.get("/insight/assumptions")
async def show_assumptions(caller: TheCaller, database: TheDatabase, site_id: UUID | None = None) -> Json:
    """What figures assume of a site, or of every site without its own."""
    caller.require(Permission.REPORTS_READ)
    async with database.unit_of_work(caller.scope) as work:
        return Json((await assuming.read(work)).of(site_id))


@router.put("/insight/assumptions", status_code=204)
async def set_assumptions(
    caller: TheCaller, database: TheDatabase, wish: AssumptionsInput, site_id: UUID | None = None
) -> None:
    """Set what figures assume; they are made anew with it, the past too."""
    async with database.unit_of_work(caller.scope) as work:
        await assuming.assume(work, caller, site_id, Assumptions(**wish.model_dump()))
