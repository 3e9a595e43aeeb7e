"""The REST edge of drivers' wishes: when they leave, how they want to charge, and the plan that follows."""

import asyncio
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.charging.model import sessions, start_requests
from gridlane.charging.remote import SessionUnknown
from gridlane.energy.capacity import Conditions, headroom
from gridlane.energy.foreseeing import Ahead, outlook, signals, wants
from gridlane.energy.model import charging_wishes, energy_sites
from gridlane.energy.plan import Mode, Need, Plan, make_plan
from gridlane.energy.trees import Wired, wired
from gridlane.kernel.access import Caller, NotSignedIn, Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.edge import Json, TheBus, TheCaller, TheDatabase
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.quantities import WattHours
from gridlane.stations.model import evses, sites, stations

router = APIRouter(prefix="/driver", tags=["driving"])

USUAL_ENERGY = 20_000.0  # Wh
USUAL_STAY = timedelta(hours=8)
LONGEST = timedelta(hours=48)


class WishInput(BaseModel):
    """How to charge. ``departs_at`` and ``energy`` (Wh) may be left out: then what is usual at the place is planned for."""

    model_config = ConfigDict(extra="forbid")

    mode: Mode
    departs_at: AwareDatetime | None = None
    energy: Annotated[float, Field(gt=0, le=500_000, description="Wh")] | None = None


class DepartureWrong(Refusal):
    code = "departure_wrong"
    kind = Kind.INVALID
    sentence = "The departure must lie ahead, within {hours} hours."


class PlugNotPlanned(Refusal):
    code = "plug_not_planned"
    kind = Kind.NOT_FOUND
    sentence = "At this plug every vehicle charges at once; there is nothing to plan."


@router.post("/plugs/{public_id}/plan")
async def preview(caller: TheCaller, database: TheDatabase, public_id: str, wish: WishInput) -> Json:
    """How a charge that begins now would be planned: power in steps, over the price of each."""
    caller.require(Permission.CHARGE)
    now = system_clock()
    _check(wish, now)
    async with database.as_owner() as work:  # public places, whoever runs them
        query = (
            sa.select(evses.c.id, stations.c.site_id)
            .join_from(evses, stations, stations.c.id == evses.c.station_id)
            .where(sa.func.upper(evses.c.public_id) == public_id.upper())
        )
        found = (await work.execute(query)).first()
        here = None if found is None else await wired(work, found.site_id)
        if found is None or here is None or str(found.id) not in here.places:
            raise PlugNotPlanned
        ahead = await signals(work, here, now)
    plan = await asyncio.to_thread(_planned, here, str(found.id), wish, ahead, now)
    return Json(_shown(plan, str(found.id)))


@router.put("/charges/{charge_id}/wish")
async def wish_for(
    caller: TheCaller, database: TheDatabase, bus: TheBus, charge_id: UUID, wish: WishInput
) -> Json:
    """Say how one's own charge is to go on, by the id of its start or of its session."""
    caller.require(Permission.CHARGE)
    now = system_clock()
    _check(wish, now)
    async with database.unit_of_work(caller.scope) as work:
        charge = await _own(work, caller, charge_id)
        fresh = insert(charging_wishes).values(
            charge_id=charge["charge_id"], organization_id=charge["organization_id"], person_id=caller.person_id,
            mode=wish.mode.value, departs_at=wish.departs_at, energy=wish.energy, wished_at=now,
        )  # fmt: skip
        changed = {name: fresh.excluded[name] for name in ("mode", "departs_at", "energy", "wished_at")}
        await work.execute(fresh.on_conflict_do_update(index_elements=["charge_id"], set_=changed))
    if charge["site_id"] is not None:
        bus.publish(f"energy.{charge['site_id']}")
    return Json({"mode": wish.mode, "departs_at": wish.departs_at, "energy": wish.energy})


@router.get("/charges/{charge_id}/plan")
async def charge_plan(caller: TheCaller, database: TheDatabase, charge_id: UUID) -> Json:
    """What one's own running charge has now, why, and how it goes on, with the place's time zone; nulls where nothing is planned."""
    caller.require(Permission.CHARGE)
    async with database.unit_of_work(caller.scope) as work:
        charge = await _own(work, caller, charge_id)
        wishes = sa.select(charging_wishes).where(charging_wishes.c.charge_id == charge["charge_id"])
        wish = (await work.execute(wishes)).mappings().first()
    async with database.as_owner() as work:  # what the controller wrote of the place, whoever runs it
        query = (
            sa.select(energy_sites.c.picture, energy_sites.c.plan, sites.c.time_zone)
            .join_from(energy_sites, sites, sites.c.id == energy_sites.c.site_id)
            .where(energy_sites.c.site_id == charge["site_id"])
        )
        here = (await work.execute(query)).first()
    picture = msgspec.json.decode(here.picture) if here is not None and here.picture else {"evses": []}
    plan = msgspec.json.decode(here.plan) if here is not None and here.plan else None
    mine = next((each for each in picture["evses"] if each["session_id"] == str(charge["session_id"])), None)
    return Json(
        {
            "wish": None if wish is None else {name: wish[name] for name in ("mode", "departs_at", "energy")},
            "told": mine and mine["told"],
            "because": mine and mine["because"],
            "reason": mine and mine["reason"],
            "plan": _own_part(plan, mine),
            "time_zone": here and here.time_zone,
        }
    )


def _check(wish: WishInput, now: datetime) -> None:
    if wish.departs_at is not None and not now < wish.departs_at <= now + LONGEST:
        raise DepartureWrong(hours=int(LONGEST.total_seconds() // 3600))


async def _own(work: AsyncConnection, caller: Caller, charge_id: UUID) -> dict[str, Any]:
    """The caller's own charge. Raises NotSignedIn, SessionUnknown."""
    if caller.person_id is None:
        raise NotSignedIn
    started = (
        sa.select(start_requests.c.organization_id, start_requests.c.session_id, stations.c.site_id)
        .join_from(start_requests, stations, stations.c.id == start_requests.c.station_id)
        .where(start_requests.c.id == charge_id, start_requests.c.person_id == caller.person_id)
    )
    running = (
        sa.select(sessions.c.organization_id, sessions.c.id.label("session_id"), stations.c.site_id)
        .join_from(sessions, stations, stations.c.id == sessions.c.station_id)
        .where(sessions.c.id == charge_id, sessions.c.person_id == caller.person_id)
    )
    for query in (started, running):
        row = (await work.execute(query)).mappings().first()
        if row is not None:
            return {**row, "charge_id": charge_id}
    raise SessionUnknown(session=charge_id)


def _planned(here: Wired, evse_id: str, wish: WishInput, ahead: Ahead, now: datetime) -> Plan:
    evse = next(each for each in here.site.evses if each.id == evse_id)
    need = Need(
        evse=evse_id,
        energy=WattHours(wish.energy or USUAL_ENERGY),
        departs=wish.departs_at or now + USUAL_STAY,
        most=evse.rating,
        mode=wish.mode,
    )
    return make_plan(
        here.site, [need], outlook(here, ahead), wants(here), now,
        lambda at: headroom(here.site, Conditions(), at),
    )  # fmt: skip


def _shown(plan: Plan, evse_id: str) -> dict[str, Any]:
    power = plan.power[evse_id]
    hours = [
        (end - begin).total_seconds() / 3600 for begin, end in zip(plan.edges, plan.edges[1:], strict=False)
    ]
    energy = sum(watts * lasts for watts, lasts in zip(power, hours, strict=True))
    cost = sum(
        watts * lasts / 1000 * price for watts, lasts, price in zip(power, hours, plan.price, strict=True)
    )
    last = max((edge for edge, watts in zip(plan.edges[1:], power, strict=True) if watts > 0), default=None)
    return {
        "edges": plan.edges,
        "price": [round(each, 5) for each in plan.price],
        "power": [round(watts) for watts in power],
        "energy": round(energy),
        "mean_price": round(cost / (energy / 1000), 5) if energy > 0 else None,
        "ready_at": last,
        "unmet": round(plan.unmet[evse_id]),
    }


def _own_part(plan: dict[str, Any] | None, mine: dict[str, Any] | None) -> dict[str, Any] | None:
    if plan is None or mine is None or mine["evse_id"] not in plan["power"]:
        return None
    return {"edges": plan["edges"], "price": plan["price"], "power": plan["power"][mine["evse_id"]]}
