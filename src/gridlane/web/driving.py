"""The REST edge of the drivers' app: places and plugs for everybody; for who is signed in, one's own charges.

Places, plugs and their prices are open without a key on purpose: European law wants them free to read (AFIR, articles
5 and 20). Only what is marked public is shown, never who charges.

It joins what several packages know into what one screen shows, so it lives at the edge and decides nothing.
"""

import secrets
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Request
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts import issuing
from gridlane.accounts.model import tokens
from gridlane.accounts.tokens import SECRET, TokenCipher
from gridlane.billing.model import bills, documents
from gridlane.billing.running_cost import cost_so_far
from gridlane.charging import remote
from gridlane.charging.api import StartLimits
from gridlane.charging.model import limits_reached, sessions, start_requests
from gridlane.kernel.access import Caller, Permission, system
from gridlane.kernel.clock import system_clock
from gridlane.kernel.edge import Json, TheBus, TheCaller, TheDatabase, ThePaging, TheSettings
from gridlane.kernel.paging import page
from gridlane.stations.model import operations, sites, stations
from gridlane.stations.reports import TokenRef
from gridlane.web.places import PublicPlaces, plug_named, plugs_of, prices_ahead

router = APIRouter(prefix="/driver", tags=["driving"])


class ChargeInput(BaseModel):
    """Where to charge: the number on the plug's sticker; where it is to end by itself; and when, if not at once."""

    plug: Annotated[str, Field(min_length=1, max_length=48)]
    limits: StartLimits = StartLimits()
    begins_at: AwareDatetime | None = None
    idempotency_key: Annotated[str | None, Field(max_length=100)] = None


# --- places, for everybody ---------------------------------------------------------------------------------------


@router.get("/places")
async def list_places(request: Request) -> Json:
    """All public places with their plugs free now and their price now."""
    return Json({"items": await _public(request).all()})


@router.get("/places/{site_id}")
async def show_place(request: Request, database: TheDatabase, site_id: UUID) -> Json:
    """A place and each of its plugs; and what a kWh costs from when on, in the next hours."""
    place = await _public(request).one(site_id)
    now = system_clock()
    plugs = await plugs_of(database, site_id, now)
    ahead = await prices_ahead(database, site_id, now)
    return Json({**msgspec.structs.asdict(place), "evses": plugs, "prices_ahead": ahead})


@router.get("/plugs/{public_id}")
async def show_plug(request: Request, database: TheDatabase, public_id: str) -> Json:
    """The plug a driver stands at, with its price."""
    site_id, plug = await plug_named(database, public_id)
    place = await _public(request).one(site_id)
    priced = await plugs_of(database, site_id, system_clock())
    price = next((one.price for one in priced if one.public_id == plug.public_id), None)
    return Json({**msgspec.structs.asdict(plug), "price": price, "place": place})


# --- one's own charges -------------------------------------------------------------------------------------------


@router.get("/charges")
async def list_charges(
    caller: TheCaller, database: TheDatabase, paging: ThePaging, running: bool | None = None
) -> Json:
    """One's own charges, newest first."""
    query = _charges(caller.person())
    if running is not None:
        query = query.where((sessions.c.status == "active") == running)
    async with database.unit_of_work(caller.scope) as work:
        found = await page(work, query, [sessions.c.started_at, sessions.c.id], paging, newest_first=True)
        found.items = [await _charge(work, row) for row in found.items]
    return Json(found)


@router.get("/charges/later")
async def list_later_charges(caller: TheCaller, database: TheDatabase) -> Json:
    """One's own charges that are to begin at a time to come, the next first."""
    now = system_clock()
    async with database.unit_of_work(caller.scope) as work:
        query = _starts(caller.person()).where(
            start_requests.c.begins_at > now, operations.c.status == "queued"
        )
        found = (await work.execute(query.order_by(start_requests.c.begins_at))).mappings()
        return Json({"items": [_asking(dict(row), now) for row in found]})


@router.post("/charges", status_code=202)
async def start_charge(
    caller: TheCaller, database: TheDatabase, bus: TheBus, settings: TheSettings, wish: ChargeInput
) -> Json:
    """Ask the plug's station to start, now or at a time. Follow the charge by the id of this answer."""
    caller.require(Permission.CHARGE)
    person_id, now = caller.person(), system_clock()
    _, plug = await plug_named(database, wish.plug)
    cipher = TokenCipher(settings.secret(SECRET))
    async with database.unit_of_work(caller.scope) as work:
        made = await remote.start_with(
            work,
            caller,
            cipher,
            now,
            station_id=plug.station_id,
            token_id=await _app_token(work, caller, cipher, person_id),
            evse=plug.evse,
            until=wish.limits.as_wished(),
            begins_at=wish.begins_at,
            idempotency_key=wish.idempotency_key,
        )
    bus.publish(f"station.{plug.station_id}.operations")
    return Json({"id": made["id"]}, status_code=202)


@router.get("/charges/{charge_id}")
async def show_charge(caller: TheCaller, database: TheDatabase, charge_id: UUID) -> Json:
    """A charge by the id of its start or of its session."""
    person_id = caller.person()
    async with database.unit_of_work(caller.scope) as work:
        start = await _start(work, person_id, charge_id)
        session_id = start["session_id"] if start is not None else charge_id
        if session_id is None and start is not None:
            return Json(_asking(start, system_clock()))
        query = _charges(person_id).where(sessions.c.id == session_id)
        row = (await work.execute(query)).mappings().first()
        if row is None:
            raise remote.SessionUnknown(session=charge_id)
        return Json(await _charge(work, dict(row)))


@router.post("/charges/{charge_id}/stop", status_code=202)
async def stop_charge(caller: TheCaller, database: TheDatabase, bus: TheBus, charge_id: UUID) -> Json:
    """Ask the station to end one's charge; one that has not begun yet is called off."""
    person_id = caller.person()
    async with database.unit_of_work(caller.scope) as work:
        start = await _start(work, person_id, charge_id)
        if start is not None and start["session_id"] is None:
            await remote.call_off(work, caller, start["id"])
            return Json({"id": charge_id}, status_code=202)
        session_id = (start or {}).get("session_id") or charge_id
        operation = await remote.stop(work, caller, session_id)
    bus.publish(f"station.{operation['station_id']}.operations")
    return Json({"id": charge_id}, status_code=202)


# --- below the story ---------------------------------------------------------------------------------------------


def _public(request: Request) -> PublicPlaces:
    state = request.app.state
    if not hasattr(state, "public_places"):
        state.public_places = PublicPlaces(state.database)
    places: PublicPlaces = state.public_places
    return places


async def _app_token(work: AsyncConnection, caller: Caller, cipher: TokenCipher, person_id: UUID) -> UUID:
    """The token a person charges with by app; made at the first charge."""
    mine = sa.select(tokens.c.id).where(tokens.c.person_id == person_id, tokens.c.kind == "Central")
    known: UUID | None = await work.scalar(mine.order_by(tokens.c.created_at).limit(1))
    if known is not None:
        return known
    ref = TokenRef(f"APP{secrets.token_hex(8).upper()}", "Central")
    details = {"name": caller.name, "person_id": person_id, "local_list": False}
    issuer = system(caller.organization_id, "drivers' app")
    made = await issuing.issue(work, issuer, cipher, ref, details)
    token_id: UUID = made["id"]
    return token_id


def _charges(person_id: UUID) -> sa.Select[Any]:
    """One's sessions with their place, their latest bill and its paper."""
    billed = (
        sa.select(bills.c.net + bills.c.tax)
        .where(bills.c.session_id == sessions.c.id)
        .order_by(bills.c.revision.desc())
        .limit(1)
        .scalar_subquery()
    )
    paper = (
        sa.select(documents.c.id)
        .where(documents.c.session_id == sessions.c.id)
        .order_by(documents.c.issued_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    currency = (
        sa.select(bills.c.currency).where(bills.c.session_id == sessions.c.id).limit(1).scalar_subquery()
    )
    return (
        sa.select(
            sessions.c.id, sessions.c.status, sessions.c.refused, sessions.c.charging_state, sessions.c.started_at,
            sessions.c.ended_at, sessions.c.presumed_end, sessions.c.energy, sessions.c.power, sessions.c.soc,
            sessions.c.stop_reason, start_requests.c.limits, limits_reached.c.which.label("limit_reached"),
            sites.c.id.label("site_id"),
            sa.func.coalesce(sites.c.name, stations.c.name).label("place_name"),
            billed.label("gross"), currency.label("currency"), paper.label("document_id"),
        )
        .join_from(sessions, stations, stations.c.id == sessions.c.station_id)
        .outerjoin(sites, sites.c.id == stations.c.site_id)
        .outerjoin(start_requests, start_requests.c.id == sessions.c.request_id)
        .outerjoin(limits_reached, limits_reached.c.session_id == sessions.c.id)
        .where(sessions.c.person_id == person_id)
    )  # fmt: skip


async def _charge(work: AsyncConnection, row: dict[str, Any]) -> dict[str, Any]:
    running = row["status"] == "active"
    cost = None if row["gross"] is None else {"amount": row["gross"], "currency": row["currency"]}
    if running and cost is None:
        bill = await cost_so_far(work, row["id"], system_clock())
        cost = None if bill is None else {"amount": bill.gross.amount, "currency": bill.gross.currency}
    kept = ("id", "started_at", "energy", "power", "soc", "stop_reason", "limit_reached")
    state = state_of(row)
    return {
        **{name: row[name] for name in kept},
        "ended_at": row["ended_at"] or row["presumed_end"],
        "begins_at": None,
        "limits": _limits(row),
        "place": {"id": row["site_id"], "name": row["place_name"]},
        "state": state,
        "why": why_of(row, state),
        "cost": cost,
        "receipt": None if row["document_id"] is None else f"/api/v1/documents/{row['document_id']}.pdf",
    }


def state_of(row: dict[str, Any]) -> str:
    """The state of a charge in one word, as its driver is told."""
    if row["refused"]:
        return "failed"
    if row["status"] != "active":
        return "ended"
    if row["charging_state"] in ("SuspendedEV", "SuspendedEVSE"):
        return "paused"
    if row["charging_state"] in ("Idle", "EVConnected"):
        return "finishing" if row["energy"] > 0 else "preparing"
    return "charging"


def why_of(row: dict[str, Any], state: str) -> str | None:
    """What the driver is told beside the state: ``Idle`` before any energy means that no cable is plugged in."""
    if row["refused"]:
        return "token_refused"
    return "plug_in" if state == "preparing" and row["charging_state"] == "Idle" else None


def _limits(row: dict[str, Any]) -> dict[str, Any]:
    """Where the charge is to end by itself: at ``energy`` (Wh), ``cost``, ``time`` (s) or ``soc`` (%)."""
    return {} if row["limits"] is None else dict(msgspec.json.decode(row["limits"]))


def _starts(person_id: UUID) -> sa.Select[Any]:
    """One's starts with their place and how the station was asked."""
    return (
        sa.select(
            start_requests.c.id, start_requests.c.created_at, start_requests.c.expires_at, start_requests.c.session_id,
            start_requests.c.begins_at, start_requests.c.limits, operations.c.status, sites.c.id.label("site_id"),
            sa.func.coalesce(sites.c.name, stations.c.name).label("place_name"),
        )
        .join_from(start_requests, stations, stations.c.id == start_requests.c.station_id)
        .outerjoin(sites, sites.c.id == stations.c.site_id)
        .outerjoin(operations, operations.c.id == start_requests.c.operation_id)
        .where(start_requests.c.person_id == person_id)
    )  # fmt: skip


async def _start(work: AsyncConnection, person_id: UUID, charge_id: UUID) -> dict[str, Any] | None:
    query = _starts(person_id).where(start_requests.c.id == charge_id)
    row = (await work.execute(query)).mappings().first()
    return dict(row) if row is not None else None


_REFUSED = {
    "refused": "station_refused",
    "timed_out": "no_answer",
    "failed": "station_refused",
    "unsupported": "station_refused",
    "expired": "no_answer",
    "cancelled": "called_off",
}
"""How the command to start ended -> why the charge did not begin."""


def _asking(start: dict[str, Any], now: datetime) -> dict[str, Any]:
    """A start without its session yet: it is for later, the station is asked, nobody has plugged in, or it failed."""
    later = start["begins_at"] is not None and start["status"] == "queued" and start["begins_at"] > now
    why = _REFUSED.get(start["status"]) or ("not_plugged_in" if now > start["expires_at"] else None)
    return {
        "id": start["id"],
        "started_at": start["begins_at"] or start["created_at"],
        "ended_at": None,
        "begins_at": start["begins_at"],
        "limits": _limits(start),
        "limit_reached": None,
        "place": {"id": start["site_id"], "name": start["place_name"]},
        "state": "failed" if why else "later" if later else "asking",
        "why": why or ("plug_in" if start["status"] in ("agreed", "unverified") else None),
        "energy": 0.0,
        "power": None,
        "soc": None,
        "stop_reason": None,
        "cost": None,
        "receipt": None,
    }
