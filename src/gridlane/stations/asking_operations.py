"""Asking stations for something: a wish becomes a tracked operation that the station's owner sends."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.kernel import audit
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id
from gridlane.stations import places
from gridlane.stations.commands import AnyCommand, Command, Instruct, SendList, SendRaw
from gridlane.stations.model import operations, stations
from gridlane.stations.operations import without_secrets


class CommandUnclear(Refusal):
    code = "command_unclear"
    kind = Kind.INVALID
    sentence = "The command {kind} cannot be understood: {problem}."


class OperationUnknown(Refusal):
    code = "operation_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no operation {operation}."


class OperationNotWaiting(Refusal):
    code = "operation_not_waiting"
    kind = Kind.CONFLICT
    sentence = "The operation is {status}; only one that still waits can be called back."


def command_of(kind: str, params: dict[str, Any]) -> Command:
    """The command a caller describes. Raises CommandUnclear."""
    try:
        command: Command = msgspec.convert({**params, "kind": kind}, AnyCommand)
    except msgspec.ValidationError as problem:
        raise CommandUnclear(kind=kind, problem=str(problem)) from None
    return command


async def ask(
    work: AsyncConnection,
    caller: Caller,
    station_ids: Sequence[UUID],
    *,
    kind: str,
    params: dict[str, Any],
    expires_in: timedelta = timedelta(minutes=5),
    reason: str | None = None,
    idempotency_key: str | None = None,
    spread: int = 0,
) -> list[dict[str, Any]]:
    """Make one operation per station, within the caller's unit of work.

    Raises NotAllowed, CommandUnclear, StationUnknown.
    """
    command = command_of(kind, params)
    _permit(caller, command)
    for station_id in station_ids:
        await places.station(work, caller, station_id)
    return await put(
        work,
        caller,
        station_ids,
        command,
        expires_in=expires_in,
        reason=reason,
        idempotency_key=idempotency_key,
        spread=spread,
    )


async def put(
    work: AsyncConnection,
    caller: Caller,
    station_ids: Sequence[UUID],
    command: Command,
    *,
    expires_in: timedelta = timedelta(minutes=5),
    reason: str | None = None,
    idempotency_key: str | None = None,
    spread: int = 0,
    not_before: datetime | None = None,
) -> list[dict[str, Any]]:
    """As ``ask``, for a command that was checked already. Ring ``station.<id>.operations`` after the commit.

    ``not_before``: it is kept until then, and expires so long after.
    """
    now = system_clock()
    first = max(now, not_before or now)
    kind = str(command.__struct_config__.tag)
    batch_id = new_id() if len(station_ids) > 1 else None
    rows = [
        {
            "id": new_id(),
            "organization_id": caller.organization_id,
            "station_id": station_id,
            "kind": kind,
            "params": msgspec.json.encode(without_secrets(command)).decode(),
            "status": "queued",
            "idempotency_key": f"{idempotency_key}:{station_id}" if idempotency_key else None,
            "batch_id": batch_id,
            "actor": caller.name,
            "reason": reason,
            "created_at": now,
            "not_before": first + timedelta(seconds=spread * place / len(station_ids)),
            "expires_at": first + expires_in + timedelta(seconds=spread),
        }
        for place, station_id in enumerate(station_ids)
    ]
    statement = insert(operations).on_conflict_do_nothing(
        index_elements=[operations.c.organization_id, operations.c.idempotency_key]
    )
    await work.execute(statement, rows)
    if idempotency_key:
        keys = [row["idempotency_key"] for row in rows]
        query = sa.select(operations).where(operations.c.idempotency_key.in_(keys))
    else:
        query = sa.select(operations).where(operations.c.id.in_([row["id"] for row in rows]))
    audited = msgspec.json.encode(_without_tokens(command)).decode()
    made = [dict(row) for row in (await work.execute(query.order_by(operations.c.not_before))).mappings()]
    for row in made:
        if row["created_at"] == now:
            await audit.record(
                work,
                caller,
                f"operation.{kind}",
                row["station_id"],
                after={"params": audited},
                reason=reason,
            )
    return made


async def put_own(
    work: AsyncConnection,
    caller: Caller,
    wishes: Sequence[tuple[UUID, Command, str]],
    *,
    expires_in: timedelta,
) -> list[UUID]:
    """Operations that Gridlane makes by itself, each a station, a command and a reason; a station gets its own in this
    order. They are not audited: the operations are their record. Ring as after ``put``.
    """
    now = system_clock()
    ids = [new_id() for _ in wishes]
    rows = [
        {
            "id": ids[place],
            "organization_id": caller.organization_id,
            "station_id": station_id,
            "kind": str(command.__struct_config__.tag),
            "params": msgspec.json.encode(without_secrets(command)).decode(),
            "status": "queued",
            "actor": caller.name,
            "reason": reason,
            "created_at": now + timedelta(microseconds=place),
            "not_before": now,
            "expires_at": now + expires_in,
        }
        for place, (station_id, command, reason) in enumerate(wishes)
    ]
    if rows:
        await work.execute(sa.insert(operations).values(rows))
    return ids


async def operation(work: AsyncConnection, caller: Caller, operation_id: UUID) -> dict[str, Any]:
    """Raises OperationUnknown, also for an operation on a station the caller may not see."""
    query = sa.select(operations, stations.c.site_id).join_from(operations, stations)
    row = (await work.execute(query.where(operations.c.id == operation_id))).mappings().first()
    if row is None or not caller.reaches(row["site_id"]):
        raise OperationUnknown(operation=operation_id)
    return {key: value for key, value in row.items() if key != "site_id"}


async def cancel(work: AsyncConnection, caller: Caller, operation_id: UUID) -> dict[str, Any]:
    """Call an operation back. Raises OperationUnknown, OperationNotWaiting."""
    caller.require(Permission.STATIONS_OPERATE)
    found = await operation(work, caller, operation_id)
    changed = await work.execute(
        sa.update(operations)
        .where(operations.c.id == operation_id, operations.c.status == "queued")
        .values(status="cancelled", ended_at=system_clock(), evidence=f"called back by {caller.name}")
    )
    if changed.rowcount == 0:
        raise OperationNotWaiting(status=found["status"])
    await audit.record(work, caller, "operation.cancelled", operation_id)
    return await operation(work, caller, operation_id)


def _without_tokens(command: Command) -> Command:
    """What the audit log keeps of a command: the numbers of a whole list of cards are nothing to keep for ever."""
    if isinstance(command, SendList):
        return msgspec.structs.replace(command, entries=())
    return without_secrets(command)  # type: ignore[no-any-return]


def _permit(caller: Caller, command: Command) -> None:
    if isinstance(command, SendRaw):
        caller.require(Permission.STATIONS_EXPERT)
    elif isinstance(command, Instruct):
        caller.require(Permission.SESSIONS_WRITE)
    else:
        caller.require(Permission.STATIONS_OPERATE)
