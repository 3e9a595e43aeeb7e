"""The REST edge of sites, stations, operations and the message log."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from gridlane.kernel.access import Permission
from gridlane.kernel.edge import Json, TheBus, TheCaller, TheDatabase, ThePaging, TheSettings
from gridlane.kernel.paging import page
from gridlane.stations import asking_operations, batches, onboarding, places, plugs
from gridlane.stations.availability import EvseState, availability_intervals
from gridlane.stations.learned_connectors import PLUGS
from gridlane.stations.model import (
    evses,
    handshake_failures,
    messages,
    operations,
    sites,
    stations,
)

router = APIRouter()

_STATION = (
    stations.c.id, stations.c.site_id, stations.c.identity, stations.c.name, stations.c.approval, stations.c.security_profile,
    stations.c.protocol, stations.c.secure, stations.c.connected, stations.c.connected_at, stations.c.disconnected_at,
    stations.c.last_seen_at, stations.c.booted_at, stations.c.vendor, stations.c.model, stations.c.serial,
    stations.c.firmware, stations.c.firmware_status, stations.c.boot_reason, stations.c.clock_offset, stations.c.flaps,
    stations.c.created_at,
)  # fmt: skip


# --- sites -------------------------------------------------------------------------------------------------------


class SiteInput(BaseModel):
    """A place with stations. Coordinates are WGS 84 degrees; the time zone is an IANA name.

    ``details`` of a place that is changed stay as they are where none are given.
    """

    name: Annotated[str, Field(min_length=1, max_length=200)]
    address: Annotated[str, Field(max_length=200)] = ""
    city: Annotated[str, Field(max_length=100)] = ""
    postal_code: Annotated[str, Field(max_length=20)] = ""
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] = "DE"
    latitude: Annotated[float | None, Field(ge=-90, le=90)] = None
    longitude: Annotated[float | None, Field(ge=-180, le=180)] = None
    time_zone: str | None = None
    public: bool = True
    details: dict[str, Any] | None = None


@router.get("/sites", tags=["sites"])
async def list_sites(
    caller: TheCaller, database: TheDatabase, paging: ThePaging, search: str | None = None
) -> Json:
    """Sites by name."""
    caller.require(Permission.STATIONS_READ)
    query = sa.select(sites).where(_within(caller.sites, sites.c.id))
    if search:
        query = query.where(sites.c.name.ilike(f"%{search}%"))
    async with database.unit_of_work(caller.scope) as work:
        return Json(await page(work, query, [sites.c.name, sites.c.id], paging))


@router.post("/sites", tags=["sites"], status_code=201)
async def create_site(
    caller: TheCaller, database: TheDatabase, settings: TheSettings, site: SiteInput
) -> Json:
    caller.require(Permission.STATIONS_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        created = await places.create_site(work, caller, site.model_dump(), settings.time_zone)
    return Json(created, status_code=201)


@router.get("/sites/{site_id}", tags=["sites"])
async def show_site(caller: TheCaller, database: TheDatabase, site_id: UUID) -> Json:
    caller.require(Permission.STATIONS_READ)
    async with database.unit_of_work(caller.scope) as work:
        return Json(await places.site(work, caller, site_id))


@router.put("/sites/{site_id}", tags=["sites"])
async def change_site(
    caller: TheCaller, database: TheDatabase, bus: TheBus, site_id: UUID, site: SiteInput
) -> Json:
    caller.require(Permission.STATIONS_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        changed = await places.change_site(work, caller, site_id, site.model_dump(exclude_none=True))
    bus.publish("directory")
    return Json(changed)


# --- stations ----------------------------------------------------------------------------------------------------


class StationInput(BaseModel):
    """A station to be registered before it connects. Without a ``password`` one is generated and shown once."""

    identity: Annotated[str, Field(min_length=1, max_length=48)]
    name: str | None = None
    site_id: UUID | None = None
    security_profile: Literal[0, 1, 2, 3] = 2
    password: Annotated[str | None, Field(min_length=8, max_length=40)] = None


class StationChange(BaseModel):
    name: str | None = None
    site_id: UUID | None = None
    security_profile: Literal[0, 1, 2, 3] | None = None
    pinned_protocol: str | None = None


PlugKind = StrEnum("PlugKind", {kind: kind for kind in sorted(set(PLUGS.values()))})  # type: ignore[misc]


class ConnectorChange(BaseModel):
    number: Annotated[int, Field(ge=1, le=200)]
    kind: PlugKind
    max_current: Annotated[float | None, Field(gt=0, le=2000, description="A")] = None


class EvseChange(BaseModel):
    """What is left out stays as it is."""

    public_id: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9*_-]{1,48}$", description="the number on the sticker and in roaming")
    ] = ""
    label: Annotated[str | None, Field(max_length=60, description="what is written on the bay")] = None
    max_power: Annotated[float | None, Field(gt=0, le=5_000_000, description="W")] = None
    phases: Literal[1, 3] = 3
    details: dict[str, Any] = {}
    connectors: Annotated[list[ConnectorChange], Field(max_length=20)] = []


class ApprovalInput(BaseModel):
    site_id: UUID | None = None
    name: str | None = None
    reason: str | None = None


@router.get("/stations", tags=["stations"])
async def list_stations(
    caller: TheCaller,
    database: TheDatabase,
    paging: ThePaging,
    site_id: UUID | None = None,
    connected: bool | None = None,
    model: str | None = None,
    protocol: str | None = None,
    state: EvseState | None = None,
    search: str | None = None,
) -> Json:
    """Stations by name, with their EVSEs' present states."""
    caller.require(Permission.STATIONS_READ)
    query = sa.select(*_STATION).where(
        stations.c.organization_id.is_not(None), _within(caller.sites, stations.c.site_id)
    )
    for column, wanted in (
        (stations.c.site_id, site_id),
        (stations.c.connected, connected),
        (stations.c.model, model),
        (stations.c.protocol, protocol),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if state is not None:
        query = query.where(_has_evse_in(state))
    if search:
        pattern = f"%{search}%"
        query = query.where(sa.or_(stations.c.name.ilike(pattern), stations.c.identity.ilike(pattern)))
    async with database.unit_of_work(caller.scope) as work:
        found = await page(work, query, [stations.c.name, stations.c.id], paging)
        states = await places.connector_states(work, [row["id"] for row in found.items])
    for row in found.items:
        row["connectors"] = states.get(row["id"], [])
    return Json(found)


@router.post("/stations", tags=["stations"], status_code=201)
async def register_station(
    caller: TheCaller, database: TheDatabase, bus: TheBus, settings: TheSettings, station: StationInput
) -> Json:
    """Register a station. The answer holds its password and address: they are shown this once."""
    caller.require(Permission.STATIONS_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        created = await onboarding.register(work, caller, settings, **station.model_dump())
    bus.publish("directory")
    return Json(created, status_code=201)


@router.get("/stations/{station_id}", tags=["stations"])
async def show_station(caller: TheCaller, database: TheDatabase, station_id: UUID) -> Json:
    caller.require(Permission.STATIONS_READ)
    async with database.unit_of_work(caller.scope) as work:
        station = await places.station(work, caller, station_id)
        station["connectors"] = (await places.connector_states(work, [station_id])).get(station_id, [])
    return Json(station)


@router.patch("/stations/{station_id}", tags=["stations"])
async def change_station(
    caller: TheCaller, database: TheDatabase, bus: TheBus, station_id: UUID, change: StationChange
) -> Json:
    caller.require(Permission.STATIONS_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        changed = await onboarding.change(work, caller, station_id, change.model_dump(exclude_unset=True))
    bus.publish("directory")
    bus.publish(f"station.{station_id}.described")
    return Json(changed)


@router.delete("/stations/{station_id}", tags=["stations"], status_code=204)
async def remove_station(caller: TheCaller, database: TheDatabase, bus: TheBus, station_id: UUID) -> None:
    """Take a station out of service for good: it can no longer connect. Its sessions and bills stay."""
    caller.require(Permission.STATIONS_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        await onboarding.retire(work, caller, station_id)
    bus.publish("directory")
    bus.publish(f"station.{station_id}.described")


@router.post("/stations/{station_id}/password", tags=["stations"])
async def new_password(
    caller: TheCaller, database: TheDatabase, bus: TheBus, settings: TheSettings, station_id: UUID
) -> Json:
    """A fresh password for a station that is set up by hand; the old one is valid no longer. Shown this once."""
    caller.require(Permission.STATIONS_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        answer = await onboarding.replace_password(work, caller, settings, station_id)
    bus.publish("directory")
    return Json(answer)


@router.get("/stations/{station_id}/evses", tags=["stations"])
async def list_evses(caller: TheCaller, database: TheDatabase, station_id: UUID) -> Json:
    caller.require(Permission.STATIONS_READ)
    async with database.unit_of_work(caller.scope) as work:
        await places.station(work, caller, station_id)
        items = await plugs.listed(work, station_id)
    return Json({"items": items})


@router.patch("/stations/{station_id}/evses/{number}", tags=["stations"])
async def describe_evse(
    caller: TheCaller, database: TheDatabase, station_id: UUID, number: int, change: EvseChange
) -> Json:
    """Say what the station does not tell: the number on the sticker, the bay, the power, the plugs."""
    caller.require(Permission.STATIONS_WRITE)
    changes = change.model_dump(exclude_unset=True)
    of_connectors = changes.pop("connectors", ())
    async with database.unit_of_work(caller.scope) as work:
        return Json(await plugs.describe(work, caller, station_id, number, changes, of_connectors))


@router.get("/stations/{station_id}/availability", tags=["stations"])
async def availability(
    caller: TheCaller, database: TheDatabase, station_id: UUID, since: datetime | None = None
) -> Json:
    """The availability ledger of a station's EVSEs: intervals of one state with its cause."""
    caller.require(Permission.STATIONS_READ)
    ledger = availability_intervals
    query = (
        sa.select(
            evses.c.number.label("evse"), ledger.c.since, ledger.c.until, ledger.c.state, ledger.c.cause
        )
        .join_from(ledger, evses, ledger.c.evse_id == evses.c.id)
        .where(evses.c.station_id == station_id)
        .order_by(evses.c.number, ledger.c.since)
    )
    if since is not None:
        query = query.where(sa.or_(ledger.c.until.is_(None), ledger.c.until > since))
    async with database.unit_of_work(caller.scope) as work:
        await places.station(work, caller, station_id)
        return Json({"items": [dict(row) for row in (await work.execute(query)).mappings()]})


@router.get("/stations/{station_id}/messages", tags=["messages"])
async def message_log(
    caller: TheCaller,
    database: TheDatabase,
    paging: ThePaging,
    station_id: UUID,
    action: str | None = None,
    search: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Json:
    """The OCPP message log of a station, newest first."""
    caller.require(Permission.MESSAGES_READ)
    query = sa.select(messages).where(messages.c.station_id == station_id)
    if action:
        query = query.where(messages.c.action == action)
    if search:
        pattern = f"%{search}%"
        query = query.where(sa.or_(messages.c.payload.ilike(pattern), messages.c.answer.ilike(pattern)))
    if since:
        query = query.where(messages.c.at >= since)
    if until:
        query = query.where(messages.c.at < until)
    async with database.unit_of_work(caller.scope) as work:
        await places.station(work, caller, station_id)
        order = [messages.c.at, messages.c.message_id]
        return Json(await page(work, query, order, paging, newest_first=True))


# --- stations that wait, and why handshakes fail -----------------------------------------------------------------


@router.get("/approvals", tags=["stations"])
async def list_waiting(caller: TheCaller, database: TheDatabase) -> Json:
    """Stations nobody registered that knocked and wait for an operator's word."""
    caller.require(Permission.STATIONS_WRITE)
    async with database.as_owner() as work:
        found = await work.execute(
            sa.select(*_STATION, stations.c.address)
            .where(stations.c.approval == "pending", stations.c.organization_id.is_(None))
            .order_by(stations.c.created_at)
            .limit(500)
        )
        return Json({"items": [dict(row) for row in found.mappings()]})


@router.post("/approvals/{station_id}", tags=["stations"])
async def approve(
    caller: TheCaller,
    database: TheDatabase,
    bus: TheBus,
    settings: TheSettings,
    station_id: UUID,
    approval: ApprovalInput,
) -> Json:
    """Let a waiting station in, as a station of the caller's organization."""
    caller.require(Permission.STATIONS_WRITE)
    async with database.as_owner() as work:
        answer = await onboarding.approve(work, caller, settings, station_id, **approval.model_dump())
    bus.publish("directory")
    bus.publish(f"station.{station_id}.described")
    return Json(answer)


@router.delete("/approvals/{station_id}", tags=["stations"], status_code=204)
async def reject(
    caller: TheCaller, database: TheDatabase, bus: TheBus, station_id: UUID, reason: str | None = None
) -> None:
    """Refuse a waiting station; it gets Rejected from now on."""
    caller.require(Permission.STATIONS_WRITE)
    async with database.as_owner() as work:
        await onboarding.reject(work, caller, station_id, reason)
    bus.publish("directory")
    bus.publish(f"station.{station_id}.described")


@router.get("/handshakes", tags=["stations"])
async def failed_handshakes(
    caller: TheCaller, database: TheDatabase, minutes: Annotated[int, Query(ge=1, le=1440)] = 60
) -> Json:
    """The connection doctor: handshakes that failed, newest first, each with its reason in words."""
    caller.require(Permission.STATIONS_WRITE)
    async with database.as_owner() as work:
        found = await work.execute(
            sa.select(handshake_failures)
            .where(
                handshake_failures.c.at > sa.func.now() - timedelta(minutes=minutes),
                sa.or_(
                    handshake_failures.c.organization_id.is_(None),
                    handshake_failures.c.organization_id == caller.organization_id,
                ),
            )
            .order_by(handshake_failures.c.at.desc())
            .limit(500)
        )
        items = [{**row, "sentence": onboarding.doctor(row["reason_code"])} for row in found.mappings()]
    return Json({"items": items})


# --- operations --------------------------------------------------------------------------------------------------


class OperationInput(BaseModel):
    """A command: its ``kind`` and ``params`` as in the list of commands (docs/operators/commands.md)."""

    kind: str
    params: dict[str, Any] = {}
    expires_in: Annotated[
        int, Field(ge=1, le=30 * 86400, description="seconds it may wait for the station")
    ] = 300
    reason: str | None = None
    idempotency_key: Annotated[str | None, Field(max_length=100)] = None


class ManyOperationsInput(OperationInput):
    """The same command for a selection of stations, spread evenly over ``spread`` seconds."""

    station_ids: Annotated[list[UUID], Field(min_length=1, max_length=5000)]
    spread: Annotated[int, Field(ge=0, le=86400)] = 0


@router.post("/stations/{station_id}/operations", tags=["operations"], status_code=202)
async def command_station(
    caller: TheCaller, database: TheDatabase, bus: TheBus, station_id: UUID, wish: OperationInput
) -> Json:
    """Ask a station to do something. The answer is a tracked operation; follow it by its id.

    The same ``idempotency_key`` gives the same operation, whatever the rest says.
    """
    async with database.unit_of_work(caller.scope) as work:
        (operation,) = await asking_operations.ask(work, caller, [station_id], **_wish(wish))
    bus.publish(f"station.{station_id}.operations")
    return Json(operation, status_code=202)


@router.post("/operations", tags=["operations"], status_code=202)
async def command_many(
    caller: TheCaller, database: TheDatabase, bus: TheBus, wish: ManyOperationsInput
) -> Json:
    """Ask many stations for the same; all operations share a ``batch_id``."""
    async with database.unit_of_work(caller.scope) as work:
        asked = await asking_operations.ask(work, caller, wish.station_ids, spread=wish.spread, **_wish(wish))
    bus.publish(f"station.{wish.station_ids[0]}.operations")
    return Json({"batch_id": asked[0]["batch_id"], "items": asked}, status_code=202)


@router.get("/operations", tags=["operations"])
async def list_operations(
    caller: TheCaller,
    database: TheDatabase,
    paging: ThePaging,
    station_id: UUID | None = None,
    status: str | None = None,
    kind: str | None = None,
    batch_id: UUID | None = None,
) -> Json:
    """Operations, newest first."""
    caller.require(Permission.STATIONS_READ)
    query = sa.select(operations)
    for column, wanted in (
        (operations.c.station_id, station_id), (operations.c.status, status), (operations.c.kind, kind), (operations.c.batch_id, batch_id),
    ):  # fmt: skip
        if wanted is not None:
            query = query.where(column == wanted)
    if caller.sites is not None:
        reachable = sa.select(stations.c.id).where(stations.c.site_id.in_(caller.sites))
        query = query.where(operations.c.station_id.in_(reachable))
    async with database.unit_of_work(caller.scope) as work:
        return Json(
            await page(work, query, [operations.c.created_at, operations.c.id], paging, newest_first=True)
        )


@router.get("/operations/{operation_id}", tags=["operations"])
async def show_operation(caller: TheCaller, database: TheDatabase, operation_id: UUID) -> Json:
    caller.require(Permission.STATIONS_READ)
    async with database.unit_of_work(caller.scope) as work:
        return Json(await asking_operations.operation(work, caller, operation_id))


@router.delete("/operations/{operation_id}", tags=["operations"])
async def cancel_operation(caller: TheCaller, database: TheDatabase, operation_id: UUID) -> Json:
    """Call an operation back that was not sent yet."""
    async with database.unit_of_work(caller.scope) as work:
        return Json(await asking_operations.cancel(work, caller, operation_id))


@router.get("/operation-batches", tags=["operations"])
async def list_batches(caller: TheCaller, database: TheDatabase, paging: ThePaging) -> Json:
    """Commands asked of many stations at once, the latest first, with how many are in which state."""
    caller.require(Permission.STATIONS_READ)
    query = batches.of_caller(caller)
    order = [query.selected_columns.created_at, query.selected_columns.id]
    async with database.unit_of_work(caller.scope) as work:
        return Json(await page(work, query, order, paging, newest_first=True))


@router.delete("/operation-batches/{batch_id}", tags=["operations"])
async def call_batch_back(caller: TheCaller, database: TheDatabase, batch_id: UUID) -> Json:
    """Call back every operation of a batch that was not sent yet."""
    async with database.unit_of_work(caller.scope) as work:
        return Json({"called_back": await batches.call_back(work, caller, batch_id)})


def _wish(wish: OperationInput) -> dict[str, Any]:
    return {
        "kind": wish.kind,
        "params": wish.params,
        "expires_in": timedelta(seconds=wish.expires_in),
        "reason": wish.reason,
        "idempotency_key": wish.idempotency_key,
    }


def _within(allowed: frozenset[UUID] | None, column: Any) -> Any:
    return sa.true() if allowed is None else column.in_(allowed)


def _has_evse_in(state: EvseState) -> sa.ColumnElement[bool]:
    """Stations with an EVSE that is in this state now, by the availability ledger."""
    ledger = availability_intervals
    return (
        sa.select(sa.literal(1))
        .select_from(evses)
        .join(ledger, ledger.c.evse_id == evses.c.id)
        .where(evses.c.station_id == stations.c.id, ledger.c.until.is_(None), ledger.c.state == state)
        .exists()
    )
