"""The REST edge of waiting: predicted waits for everybody, one's own place in a queue and reservations."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.tokens import SECRET, TokenCipher
from gridlane.forecasting.waits import wait
from gridlane.kernel.access import Caller, NotSignedIn, Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.edge import Json, TheCaller, TheDatabase
from gridlane.stations import places
from gridlane.waiting import joining, noticing, reserving
from gridlane.waiting.needs import Needs
from gridlane.waiting.outlook import Outlook, WaitUnknown, forecast
from gridlane.waiting.rules import SiteRules, queue_at, rules_of, set_rules

router = APIRouter(tags=["waiting"])

HOURS_AHEAD = 12

Arriving = Annotated[float, Query(ge=0, le=720, description="minutes until one would arrive")]


def _needs(
    connector: Annotated[list[str] | None, Query(max_length=8, description="OCPI types one can use")] = None,
    min_power: Annotated[float, Query(ge=0, description="W")] = 0.0,
) -> Needs:
    return Needs(connectors=frozenset(connector or ()), min_power=min_power)


TheNeeds = Annotated[Needs, Depends(_needs)]


@router.get("/driver/waits")
async def list_waits(request: Request, needs: TheNeeds, arriving_in: Arriving = 0.0) -> Json:
    """The predicted wait at every public place that has a working plug that fits."""
    outlook = await fresh(request)
    waits = ((one, outlook.wait(one, needs, arriving_in)) for one in outlook.sites.values())
    items = [forecast(one.id, found) for one, found in waits if found is not None]
    return Json({"items": items, "as_of": outlook.as_of})


@router.get("/driver/places/{site_id}/wait")
async def show_wait(request: Request, site_id: UUID, needs: TheNeeds, arriving_in: Arriving = 0.0) -> Json:
    """A place's predicted wait, when each plug in use is likely to be free, and the chance of a free plug each hour."""
    outlook = await fresh(request)
    site, now = outlook.site(site_id), system_clock()
    found = outlook.wait(site, needs, arriving_in)
    if found is None:
        raise WaitUnknown(place=site_id)
    return Json(
        {
            "wait": forecast(site_id, found),
            "plugs": outlook.frees(site, now),
            "hours": outlook.free_chances(site, needs, now, HOURS_AHEAD),
            "queue": await queue_at(request.app.state.database, site),
            "as_of": outlook.as_of,
        }
    )


# --- the queue of a place ----------------------------------------------------------------------------------------


class JoinInput(BaseModel):
    """What one can use there; without connectors, any plug."""

    connectors: Annotated[list[str], Field(max_length=8)] = []
    min_power: Annotated[float, Field(ge=0)] = 0.0


@router.post("/driver/places/{site_id}/queue", status_code=201)
async def join_queue(request: Request, caller: TheCaller, site_id: UUID, wish: JoinInput) -> Json:
    """Take a place in the queue. The plug held for it is kept for oneself at the station too."""
    needs = Needs(connectors=frozenset(wish.connectors), min_power=wish.min_power)
    async with _queueing(request, caller) as (work, cipher, rung):
        place_id, stations = await joining.join(work, caller, cipher, site_id, needs, system_clock())
        rung.update(stations)
    return Json(await _place(request, caller, place_id), status_code=201)


@router.get("/driver/queue")
async def my_queue(request: Request, caller: TheCaller) -> Json:
    """One's own places, with how many are before and how long it may take."""
    return Json({"items": await _places(request, caller)})


@router.delete("/driver/queue/{place_id}", status_code=204)
async def leave_queue(request: Request, caller: TheCaller, place_id: UUID) -> None:
    """Give a place up."""
    async with _queueing(request, caller) as (work, cipher, rung):
        rung.update(await joining.leave(work, caller, cipher, place_id, system_clock()))


@router.post("/driver/queue/{place_id}/snooze")
async def snooze(request: Request, caller: TheCaller, place_id: UUID) -> Json:
    """Be passed over for a while and keep the place."""
    async with _queueing(request, caller) as (work, cipher, rung):
        rung.update(await joining.snooze(work, caller, cipher, place_id, system_clock()))
    return Json(await _place(request, caller, place_id))


@router.post("/driver/queue/{place_id}/wake")
async def wake(request: Request, caller: TheCaller, place_id: UUID) -> Json:
    """Be called again from now on."""
    async with _queueing(request, caller) as (work, cipher, rung):
        rung.update(await joining.wake(work, caller, cipher, place_id, system_clock()))
    return Json(await _place(request, caller, place_id))


@router.post("/driver/queue/{place_id}/blocked")
async def report_blocked(request: Request, caller: TheCaller, place_id: UUID) -> Json:
    """The bay of the held plug is blocked: be first in line for another one."""
    async with _queueing(request, caller) as (work, cipher, rung):
        rung.update(await joining.report_blocked(work, caller, cipher, place_id, system_clock()))
    return Json(await _place(request, caller, place_id))


@asynccontextmanager
async def _queueing(
    request: Request, caller: Caller
) -> AsyncIterator[tuple[AsyncConnection, TokenCipher, set[UUID]]]:
    """A unit of work on a queue; rings the stations that were asked for something, once it is committed."""
    state = request.app.state
    rung: set[UUID] = set()
    async with state.database.unit_of_work(caller.scope) as work:
        yield work, TokenCipher(state.settings.secret(SECRET)), rung
    state.bus.publish("waiting")
    for station_id in rung:
        state.bus.publish(f"station.{station_id}.operations")


async def _place(request: Request, caller: Caller, place_id: UUID) -> dict[str, Any]:
    return next(one for one in await _places(request, caller) if one["id"] == place_id)


async def _places(request: Request, caller: Caller) -> list[dict[str, Any]]:
    if caller.person_id is None:
        raise NotSignedIn
    outlook, now = await fresh(request), system_clock()
    async with request.app.state.database.unit_of_work(caller.scope) as work:
        mine = await joining.my_places(work, caller.person_id, now)
    return [_shown(outlook, row, now) for row in mine]


def _shown(outlook: Outlook, row: dict[str, Any], now: datetime) -> dict[str, Any]:
    """A place with its estimate: nobody who joins later is served before it."""
    needs = Needs(connectors=frozenset(row["connectors"]), min_power=row["min_power"])
    site = outlook.sites.get(row["site_id"])
    situation = None if site is None else outlook.situation(site, needs, now)
    estimate = None
    if situation is not None and row["status"] in ("waiting", "snoozed"):
        found = wait(replace(situation, before=row["ahead"], arrivals=0.0, coming=()), 0.0)
        estimate = forecast(row["site_id"], found)
    return {
        **{name: row[name] for name in _OF_PLACE},
        "site": {"id": row["site_id"], "name": row["site_name"]},
        "plug": None if row["public_id"] is None else {"public_id": row["public_id"], "label": row["label"]},
        "wait": estimate,
    }


_OF_PLACE = ("id", "status", "joined_at", "held_until", "snoozed_until", "snoozes", "misses", "ahead")


# --- reservations ------------------------------------------------------------------------------------------------


class ReservationInput(BaseModel):
    """A plug by its number, or any that fits; from when on and how long. Without a beginning: now."""

    begins_at: datetime | None = None
    minutes: Annotated[int, Field(ge=5, le=1440)] = 60
    plug: Annotated[str | None, Field(max_length=48)] = None
    connectors: Annotated[list[str], Field(max_length=8)] = []
    min_power: Annotated[float, Field(ge=0)] = 0.0


@router.post("/driver/places/{site_id}/reservations", status_code=201)
async def reserve(
    request: Request, caller: TheCaller, database: TheDatabase, site_id: UUID, wish: ReservationInput
) -> Json:
    """Reserve a plug, now or ahead. It is kept at the station from a while before the beginning."""
    now = system_clock()
    needs = Needs(connectors=frozenset(wish.connectors), min_power=wish.min_power)
    async with database.unit_of_work(caller.scope) as work:
        evse_id = None if wish.plug is None else await reserving.plug_named(work, site_id, wish.plug)
        begins_at = now if wish.begins_at is None else in_utc(wish.begins_at)
        length = timedelta(minutes=wish.minutes)
        made = await reserving.book(work, caller, site_id, needs, begins_at, length, now, evse_id=evse_id)
    request.app.state.bus.publish("waiting")
    return Json(await _reservation(caller, database, made), status_code=201)


@router.get("/driver/reservations")
async def my_reservations(caller: TheCaller, database: TheDatabase) -> Json:
    """One's reservations that are booked, and those that ended in the last day."""
    return Json({"items": await _reservations(caller, database)})


@router.delete("/driver/reservations/{reservation_id}", status_code=204)
async def cancel_reservation(
    request: Request, caller: TheCaller, database: TheDatabase, reservation_id: UUID
) -> None:
    """Call a reservation off: one's own, or as an operator anybody's (then nothing is owed)."""
    async with database.unit_of_work(caller.scope) as work:
        rung = await reserving.cancel(work, caller, reservation_id, system_clock())
    for station_id in rung:
        request.app.state.bus.publish(f"station.{station_id}.operations")


@router.get("/sites/{site_id}/reservations")
async def site_reservations(caller: TheCaller, database: TheDatabase, site_id: UUID) -> Json:
    """What is booked at a site."""
    caller.require(Permission.STATIONS_READ)
    async with database.unit_of_work(caller.scope) as work:
        await places.site(work, caller, site_id)
        return Json({"items": await reserving.of_site(work, site_id)})


async def _reservations(caller: Caller, database: Database) -> list[dict[str, Any]]:
    if caller.person_id is None:
        raise NotSignedIn
    async with database.unit_of_work(caller.scope) as work:
        return list(await reserving.of_person(work, caller.person_id, system_clock()))


async def _reservation(caller: Caller, database: Database, reservation_id: UUID) -> dict[str, Any]:
    return next(one for one in await _reservations(caller, database) if one["id"] == reservation_id)


# --- tell me when free -------------------------------------------------------------------------------------------


@router.put("/driver/places/{site_id}/notice")
async def ask_to_be_told(caller: TheCaller, database: TheDatabase, site_id: UUID, wish: JoinInput) -> Json:
    """Want to be told of the first plug that is free and fits. It is not kept."""
    needs = Needs(connectors=frozenset(wish.connectors), min_power=wish.min_power)
    async with database.unit_of_work(caller.scope) as work:
        until = await noticing.ask(work, caller, site_id, needs, system_clock())
    return Json({"site_id": site_id, "until": until})


@router.delete("/driver/places/{site_id}/notice", status_code=204)
async def forget_notice(caller: TheCaller, database: TheDatabase, site_id: UUID) -> None:
    """Not want to be told any more."""
    async with database.unit_of_work(caller.scope) as work:
        await noticing.forget(work, caller, site_id)


@router.get("/driver/notices")
async def my_notices(caller: TheCaller, database: TheDatabase) -> Json:
    """The places of which one wants to be told."""
    if caller.person_id is None:
        raise NotSignedIn
    async with database.unit_of_work(caller.scope) as work:
        return Json({"items": await noticing.asked(work, caller.person_id, system_clock())})


# --- what operators decide and see -------------------------------------------------------------------------------


class RulesInput(BaseModel):
    queue: bool = False
    hold_minutes: Annotated[int, Field(ge=1, le=240)] = 8
    snooze_minutes: Annotated[int, Field(ge=1, le=240)] = 15
    snoozes: Annotated[int, Field(ge=0, le=10)] = 2
    chances: Annotated[int, Field(ge=1, le=10)] = 2
    capacity: Annotated[int, Field(ge=1, le=500)] = 30
    reservations: bool = False
    ahead_days: Annotated[int, Field(ge=1, le=60)] = 7
    longest_minutes: Annotated[int, Field(ge=10, le=1440)] = 120
    kept_before_minutes: Annotated[int, Field(ge=0, le=120)] = 15
    grace_minutes: Annotated[int, Field(ge=1, le=240)] = 15
    free_until_minutes: Annotated[int, Field(ge=0, le=2880)] = 60
    fee: Annotated[Decimal, Field(ge=0, decimal_places=2, max_digits=8)] = Decimal(0)
    no_show_fee: Annotated[Decimal, Field(ge=0, decimal_places=2, max_digits=8)] = Decimal(0)
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "EUR"
    vat: Annotated[Decimal | None, Field(ge=0, le=50)] = Decimal(19)


@router.get("/sites/{site_id}/waiting")
async def show_rules(caller: TheCaller, database: TheDatabase, site_id: UUID) -> Json:
    """Whether drivers can queue at a site, its rules, and who waits there now."""
    caller.require(Permission.STATIONS_READ)
    async with database.unit_of_work(caller.scope) as work:
        await places.site(work, caller, site_id)
        rules = await rules_of(work, site_id)
        waiting = await joining.waiting_at(work, site_id)
    return Json({"rules": rules, "queue": waiting})


@router.put("/sites/{site_id}/waiting")
async def change_rules(caller: TheCaller, database: TheDatabase, site_id: UUID, rules: RulesInput) -> Json:
    """Open or close a site's queue, and say how long a plug is held."""
    async with database.unit_of_work(caller.scope) as work:
        changed = await set_rules(work, caller, site_id, SiteRules(**rules.model_dump()))
    return Json({"rules": changed})


async def fresh(request: Request) -> Outlook:
    """The outlook of this process, no older than a few seconds."""
    state = request.app.state
    if not hasattr(state, "outlook"):
        state.outlook = Outlook(state.database)
    outlook: Outlook = state.outlook
    await outlook.refresh()
    return outlook


def in_utc(at: datetime) -> datetime:
    """A time without a zone is taken as UTC."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
