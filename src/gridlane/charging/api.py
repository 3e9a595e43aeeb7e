"""The REST edge of sessions: what ran and runs, starting and stopping, and what an operator corrects."""

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Header, Query
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.tokens import SECRET, TokenCipher
from gridlane.charging import remote
from gridlane.charging.assembler import missing
from gridlane.charging.limits import Limits
from gridlane.charging.model import authorizations, readings, sessions, transaction_events
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.bus import Bus
from gridlane.kernel.clock import system_clock
from gridlane.kernel.edge import Json, TheBus, TheCaller, TheDatabase, ThePaging, TheSettings
from gridlane.kernel.paging import page
from gridlane.kernel.quantities import WattHours
from gridlane.stations import asking_operations
from gridlane.stations.commands import Instruct
from gridlane.stations.model import stations

router = APIRouter()

IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", max_length=200)]

_INTERNAL = frozenset(
    (
        "token_key",
        "stop_token_key",
        "start_digest",
        "end_digest",
        "state_sequence",
        "first_is_begin",
        "token_at",
    )
)
_SESSION = tuple(column for column in sessions.c if column.name not in _INTERNAL)


# --- sessions ----------------------------------------------------------------------------------------------------


@router.get("/sessions", tags=["sessions"])
async def list_sessions(
    caller: TheCaller,
    database: TheDatabase,
    paging: ThePaging,
    status: Literal["active", "ended", "presumed_ended"] | None = None,
    site_id: UUID | None = None,
    station_id: UUID | None = None,
    evse: int | None = None,
    token_id: UUID | None = None,
    person_id: UUID | None = None,
    refused: bool | None = None,
    held: bool | None = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    silent_minutes: Annotated[int | None, Query(ge=1)] = None,
) -> Json:
    """Sessions, newest first. Without the permission to see all, one's own.

    ``held``: those that wait for a review. ``silent_minutes``: those that run and were not heard of for so long.
    """
    query = sa.select(*_SESSION).where(_visible(caller))
    for column, wanted in (
        (sessions.c.status, status),
        (sessions.c.site_id, site_id),
        (sessions.c.station_id, station_id),
        (sessions.c.evse, evse),
        (sessions.c.token_id, token_id),
        (sessions.c.person_id, person_id),
        (sessions.c.refused, refused),
        (sessions.c.held, held),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if since is not None:
        query = query.where(sessions.c.started_at >= since)
    if until is not None:
        query = query.where(sessions.c.started_at < until)
    if silent_minutes is not None:
        limit = system_clock() - timedelta(minutes=silent_minutes)
        query = query.where(sessions.c.status == "active", sessions.c.received_at < limit)
    async with database.unit_of_work(caller.scope) as work:
        found = await page(work, query, [sessions.c.started_at, sessions.c.id], paging, newest_first=True)
    found.items = [_shown(one) for one in found.items]
    return Json(found)


@router.get("/sessions/{session_id}", tags=["sessions"])
async def show_session(caller: TheCaller, database: TheDatabase, session_id: UUID) -> Json:
    async with database.unit_of_work(caller.scope) as work:
        return Json(_shown(await remote.session_of(work, caller, session_id)))


@router.get("/sessions/{session_id}/readings", tags=["sessions"])
async def session_readings(
    caller: TheCaller,
    database: TheDatabase,
    session_id: UUID,
    points: Annotated[int | None, Query(ge=2, le=2000, description="at most so many, averaged")] = None,
) -> Json:
    """The readings of a session in the station's time: all samples of each instant, or ``points`` averages."""
    async with database.unit_of_work(caller.scope) as work:
        session = await remote.session_of(work, caller, session_id)
        query = _all_readings(session) if points is None else _averages(session, points)
        found = await work.execute(query)
        return Json({"items": [dict(row) for row in found.mappings()]})


@router.get("/sessions/{session_id}/events", tags=["sessions"])
async def session_events(caller: TheCaller, database: TheDatabase, session_id: UUID) -> Json:
    """Every event the station told of the transaction, each once, in the station's order."""
    columns = [column for column in transaction_events.c if column.name != "organization_id"]
    async with database.unit_of_work(caller.scope) as work:
        await remote.session_of(work, caller, session_id)
        query = sa.select(*columns).where(transaction_events.c.session_id == session_id)
        order = (transaction_events.c.sequence.nulls_last(), transaction_events.c.at)
        found = await work.execute(query.order_by(*order))
        return Json({"items": [dict(row) for row in found.mappings()]})


# --- starting and stopping ---------------------------------------------------------------------------------------


class StartLimits(BaseModel):
    """Where a session is to end by itself, whichever comes first: in currency, Wh, seconds, percent."""

    max_cost: Annotated[float | None, Field(gt=0)] = None
    max_energy: Annotated[float | None, Field(gt=0)] = None
    max_time: Annotated[int | None, Field(gt=0)] = None
    max_soc: Annotated[int | None, Field(gt=0, le=100)] = None

    def as_wished(self) -> Limits:
        return Limits(
            cost=None if self.max_cost is None else Decimal(str(self.max_cost)),
            energy=None if self.max_energy is None else WattHours(self.max_energy),
            time=self.max_time,
            soc=self.max_soc,
        )


class StartInput(BaseModel):
    """Where to start, and with which token; at once, or at a time within the next day."""

    station_id: UUID
    evse: Annotated[int | None, Field(ge=1, le=1000)] = None
    token_id: UUID
    limits: StartLimits = StartLimits()
    begins_at: AwareDatetime | None = None


@router.post("/sessions", tags=["sessions"], status_code=202)
async def start_session(
    caller: TheCaller,
    database: TheDatabase,
    bus: TheBus,
    settings: TheSettings,
    wish: StartInput,
    idempotency_key: IdempotencyKey = None,
) -> Json:
    """Ask a station to start. The answer is the start; its ``session_id`` is there once the station charges."""
    cipher = TokenCipher(settings.secret(SECRET))
    async with database.unit_of_work(caller.scope) as work:
        made = await remote.start_with(
            work,
            caller,
            cipher,
            system_clock(),
            station_id=wish.station_id,
            token_id=wish.token_id,
            evse=wish.evse,
            until=wish.limits.as_wished(),
            begins_at=wish.begins_at,
            idempotency_key=idempotency_key,
        )
    _ring(bus, wish.station_id)
    return Json(made, status_code=202)


@router.get("/start-requests/{request_id}", tags=["sessions"])
async def show_start(caller: TheCaller, database: TheDatabase, request_id: UUID) -> Json:
    async with database.unit_of_work(caller.scope) as work:
        return Json(await remote.start_of(work, caller, request_id))


@router.post("/sessions/{session_id}/stop", tags=["sessions"], status_code=202)
async def stop_session(
    caller: TheCaller,
    database: TheDatabase,
    bus: TheBus,
    session_id: UUID,
    idempotency_key: IdempotencyKey = None,
) -> Json:
    """Ask the station to end a session. The answer is the operation; the session tells when it has ended."""
    async with database.unit_of_work(caller.scope) as work:
        operation = await remote.stop(work, caller, session_id, idempotency_key=idempotency_key)
    _ring(bus, operation["station_id"])
    return Json(operation, status_code=202)


# --- what an operator corrects -----------------------------------------------------------------------------------


class CloseInput(BaseModel):
    """End a session the station will not end; without ``ended_at`` with its last word."""

    ended_at: AwareDatetime | None = None
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class ReviewInput(BaseModel):
    """What a held session is worth in Wh; without ``energy`` what was metered."""

    energy: Annotated[float | None, Field(ge=0)] = None
    reason: Annotated[str, Field(min_length=1, max_length=500)]


@router.post("/sessions/{session_id}/close", tags=["sessions"], status_code=202)
async def close_session(
    caller: TheCaller, database: TheDatabase, bus: TheBus, session_id: UUID, wish: CloseInput
) -> Json:
    """Close a stuck session. The station's own word still counts when it comes later."""
    params = {"ended_at": wish.ended_at.isoformat()} if wish.ended_at is not None else {}
    async with database.unit_of_work(caller.scope) as work:
        made = await _instruct(work, caller, session_id, "close_session", params, wish.reason)
    _ring(bus, made["station_id"])
    return Json(made, status_code=202)


@router.post("/sessions/{session_id}/review", tags=["sessions"], status_code=202)
async def review_session(
    caller: TheCaller, database: TheDatabase, bus: TheBus, session_id: UUID, wish: ReviewInput
) -> Json:
    """Decide what a session is worth that was held because its meter cannot be believed."""
    params = {"energy": wish.energy} if wish.energy is not None else {}
    async with database.unit_of_work(caller.scope) as work:
        made = await _instruct(work, caller, session_id, "review_session", params, wish.reason)
    _ring(bus, made["station_id"])
    return Json(made, status_code=202)


async def _instruct(
    work: AsyncConnection, caller: Caller, session_id: UUID, what: str, params: dict[str, Any], reason: str
) -> dict[str, Any]:
    """An operation for the owner of the session's station. Raises NotAllowed, SessionUnknown."""
    caller.require(Permission.SESSIONS_WRITE)
    session = await remote.session_of(work, caller, session_id)
    command = Instruct(what=what, params={**params, "session_id": str(session_id)})
    (operation,) = await asking_operations.put(
        work, caller, [session["station_id"]], command, expires_in=timedelta(days=1), reason=reason
    )
    return operation


# --- authorizations ----------------------------------------------------------------------------------------------


@router.get("/authorizations", tags=["tokens"])
async def list_authorizations(
    caller: TheCaller,
    database: TheDatabase,
    paging: ThePaging,
    station_id: UUID | None = None,
    token_id: UUID | None = None,
    last4: str | None = None,
    verdict: str | None = None,
) -> Json:
    """Who was let in and who was not, and by which rule, newest first."""
    caller.require(Permission.TOKENS_READ)
    query = sa.select(*(column for column in authorizations.c if column.name != "token_key"))
    for column, wanted in (
        (authorizations.c.station_id, station_id),
        (authorizations.c.token_id, token_id),
        (authorizations.c.token_last4, last4),
        (authorizations.c.verdict, verdict),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if caller.sites is not None:
        within = sa.select(stations.c.id).where(stations.c.site_id.in_(caller.sites))
        query = query.where(authorizations.c.station_id.in_(within))
    async with database.unit_of_work(caller.scope) as work:
        order = [authorizations.c.at, authorizations.c.id]
        return Json(await page(work, query, order, paging, newest_first=True))


# --- below the story ---------------------------------------------------------------------------------------------


def _visible(caller: Caller) -> sa.ColumnElement[bool]:
    """One's own sessions, and all of one's sites for whoever may see sessions."""
    own = sessions.c.person_id == caller.person_id if caller.person_id is not None else sa.false()
    if not caller.may(Permission.SESSIONS_READ):
        return own
    if caller.sites is None:
        return sa.true()
    return sa.or_(own, sessions.c.site_id.in_(caller.sites))


def _shown(session: dict[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in session.items() if name not in _INTERNAL}
    shown["missing_events"] = missing(tuple(shown.pop("sequences")))
    return shown


def _of_session(session: dict[str, Any]) -> sa.ColumnElement[bool]:
    """The readings of a session, within the partitions they can lie in."""
    return sa.and_(
        readings.c.station_id == session["station_id"],
        readings.c.received_at.between(session["first_received_at"], session["received_at"]),
        readings.c.session_id == session["id"],
    )


def _all_readings(session: dict[str, Any]) -> sa.Select[Any]:
    left_out = ("organization_id", "station_id", "session_id", "evse", "received_at")
    columns = [column for column in readings.c if column.name not in left_out]
    # A station may have sent a reading twice; what was received twice is shown once.
    return sa.select(*columns).where(_of_session(session)).distinct().order_by(readings.c.at)


_AVERAGED = (
    "power",
    "current",
    "current_l1",
    "current_l2",
    "current_l3",
    "voltage",
    "power_offered",
    "temperature",
)


def _averages(session: dict[str, Any], points: int) -> sa.Select[Any]:
    """Registers and charge at the end of each of ``points`` equal stretches, and averages of the rest."""
    end = session["ended_at"] or session["presumed_end"] or session["received_at"]
    stretch = max((end - session["started_at"]) / points, timedelta(seconds=1))
    at = sa.func.date_bin(stretch, readings.c.at, session["started_at"]).label("at")
    return (
        sa.select(
            at,
            sa.func.max(readings.c.energy).label("energy"),
            sa.func.max(readings.c.soc).label("soc"),
            *(sa.func.avg(readings.c[name]).label(name) for name in _AVERAGED),
        )
        .where(_of_session(session))
        .group_by(at)
        .order_by(at)
        .limit(points + 1)
    )


def _ring(bus: Bus, station_id: UUID) -> None:
    bus.publish(f"station.{station_id}.operations")
