"""Batches: the same command asked of many stations at once, followed and called back together."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.kernel import audit
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.errors import Kind, Refusal
from gridlane.stations.model import operations, stations


class BatchUnknown(Refusal):
    code = "batch_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no batch {batch}."


def of_caller(caller: Caller) -> sa.Select[Any]:
    """A row per batch: what was asked, by whom, and how many operations are in which state."""
    by_state = (
        sa.select(
            operations.c.batch_id, operations.c.kind, operations.c.actor, operations.c.reason, operations.c.status,
            sa.func.min(operations.c.created_at).label("created_at"), sa.func.count().label("count"),
        )
        .where(operations.c.batch_id.is_not(None))
        .group_by(*operations.c["batch_id", "kind", "actor", "reason", "status"])
    )  # fmt: skip
    if caller.sites is not None:
        reachable = sa.select(stations.c.id).where(stations.c.site_id.in_(caller.sites))
        by_state = by_state.where(operations.c.station_id.in_(reachable))
    counted = by_state.subquery()
    return (
        sa.select(
            counted.c.batch_id.label("id"), counted.c.kind, counted.c.actor, counted.c.reason,
            sa.func.min(counted.c.created_at).label("created_at"),
            sa.func.jsonb_object_agg(counted.c.status, counted.c["count"]).label("states"),
        )
        .group_by(counted.c.batch_id, counted.c.kind, counted.c.actor, counted.c.reason)
        .subquery()
        .select()
    )  # fmt: skip


async def call_back(work: AsyncConnection, caller: Caller, batch_id: UUID) -> int:
    """Call back every operation of a batch that was not sent yet; how many. Raises NotAllowed, BatchUnknown."""
    caller.require(Permission.STATIONS_OPERATE)
    mine = operations.c.batch_id == batch_id
    if caller.sites is not None:
        reachable = sa.select(stations.c.id).where(stations.c.site_id.in_(caller.sites))
        mine = sa.and_(mine, operations.c.station_id.in_(reachable))
    if not await work.scalar(sa.select(sa.exists().where(mine))):
        raise BatchUnknown(batch=batch_id)
    changed = await work.execute(
        sa.update(operations)
        .where(mine, operations.c.status == "queued")
        .values(status="cancelled", ended_at=system_clock(), evidence=f"called back by {caller.name}")
    )
    await audit.record(work, caller, "batch.called_back", batch_id, after={"operations": changed.rowcount})
    return changed.rowcount
