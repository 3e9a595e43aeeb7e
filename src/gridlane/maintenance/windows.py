"""Maintenance windows: work planned ahead, told as a fact to whoever tells drivers, and no fault while it lasts.

While a window is in force nobody is alarmed about its stations and nothing is tried there. Where it asks for that, its
stations go out of service when it begins and come back when it ends.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.kernel import audit, facts
from gridlane.kernel.access import Caller, system
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.facts import Fact, Recorded
from gridlane.kernel.ids import new_id
from gridlane.maintenance.model import incident_symptoms, incidents, maintenance_windows
from gridlane.stations import asking_operations
from gridlane.stations.commands import ChangeAvailability
from gridlane.stations.model import stations


class MaintenancePlanned(Fact, frozen=True, kw_only=True, tag="maintenance_planned"):
    """Work at a site or a station was planned (or planned anew: ``window_id`` stays)."""

    window_id: UUID
    site_id: UUID | None
    station_id: UUID | None
    begins_at: datetime
    ends_at: datetime
    note: str
    out_of_use: bool


class MaintenanceCancelled(Fact, frozen=True, kw_only=True, tag="maintenance_cancelled"):
    """Planned work will not be done, or ended early."""

    window_id: UUID
    site_id: UUID | None
    station_id: UUID | None


class WindowUnknown(Refusal):
    code = "maintenance_window_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no planned work {window}."


class WindowBackwards(Refusal):
    code = "maintenance_window_backwards"
    kind = Kind.INVALID
    sentence = "The work must end after it begins, and not lie in the past."


class WindowOver(Refusal):
    code = "maintenance_window_over"
    kind = Kind.CONFLICT
    sentence = "The work is over or was cancelled."


async def plan(work: AsyncConnection, caller: Caller, wish: Mapping[str, Any], now: datetime) -> UUID:
    """Plan work at a site or a station. Raises WindowBackwards."""
    if wish["ends_at"] <= max(wish["begins_at"], now):
        raise WindowBackwards
    id_ = new_id()
    await work.execute(
        sa.insert(maintenance_windows).values(
            id=id_,
            organization_id=caller.organization_id,
            created_by=caller.name,
            created_at=now,
            **wish,
        )
    )
    told = {name: wish[name] for name in MaintenancePlanned.__struct_fields__ if name != "window_id"}
    fact = MaintenancePlanned(window_id=id_, **told)
    await facts.record(work, [Recorded(fact, id_, caller.organization_id, now)])
    after = {name: str(value) for name, value in wish.items()}
    await audit.record(work, caller, "maintenance.planned", id_, after=after)
    return id_


async def cancel(work: AsyncConnection, caller: Caller, window_id: UUID, now: datetime) -> None:
    """Cancel planned work, or end it early. Raises WindowUnknown, WindowOver."""
    table = maintenance_windows
    row = (await work.execute(sa.select(table).where(table.c.id == window_id))).mappings().first()
    if row is None:
        raise WindowUnknown(window=window_id)
    if row["cancelled_at"] is not None or row["ends_at"] <= now:
        raise WindowOver
    await work.execute(sa.update(table).where(table.c.id == window_id).values(cancelled_at=now))
    fact = MaintenanceCancelled(
        window_id=window_id, site_id=row["site_id"], station_id=row["station_id"]
    )  # fmt: skip
    await facts.record(work, [Recorded(fact, window_id, caller.organization_id, now)])
    await audit.record(work, caller, "maintenance.cancelled", window_id)


def in_force(now: datetime) -> sa.ColumnElement[bool]:
    table = maintenance_windows
    return sa.and_(table.c.begins_at <= now, table.c.ends_at > now, table.c.cancelled_at.is_(None))


def _covers() -> sa.ColumnElement[bool]:
    table = maintenance_windows
    return sa.and_(
        stations.c.organization_id == table.c.organization_id,
        sa.or_(
            stations.c.id == table.c.station_id,
            sa.and_(table.c.station_id.is_(None), stations.c.site_id == table.c.site_id),
        ),
    )


async def keep(work: AsyncConnection, now: datetime) -> list[UUID]:
    """One pass: incidents under planned work are marked so, stations go out of use and come back.

    Gives the stations that were asked for something.
    """
    covered = sa.select(stations.c.id).join(maintenance_windows, _covers()).where(in_force(now))
    elsewhere = sa.exists().where(
        incident_symptoms.c.incident_id == incidents.c.id,
        incident_symptoms.c.until.is_(None),
        incident_symptoms.c.station_id.not_in(covered),
    )
    some = sa.exists().where(
        incident_symptoms.c.incident_id == incidents.c.id, incident_symptoms.c.station_id.in_(covered)
    )
    planned = sa.and_(some, ~elsewhere)
    await work.execute(
        sa.update(incidents)
        .where(incidents.c.status == "open", incidents.c.planned != planned)
        .values(planned=planned)
    )
    return [*await _switch(work, now, out=True), *await _switch(work, now, out=False)]


async def _switch(work: AsyncConnection, now: datetime, *, out: bool) -> list[UUID]:
    """Take stations out of use at the beginning (``out``), bring them back at the end."""
    table = maintenance_windows
    over = sa.or_(table.c.ends_at <= now, table.c.cancelled_at.is_not(None))
    due = (
        sa.and_(table.c.out_of_use, table.c.began_at.is_(None), in_force(now))
        if out
        else sa.and_(table.c.out_of_use, table.c.began_at.is_not(None), table.c.ended_at.is_(None), over)
    )
    asked: list[UUID] = []
    for window in (await work.execute(sa.select(table).where(due))).mappings().all():
        found = sa.select(stations.c.id).join(table, _covers()).where(table.c.id == window["id"])
        there = list((await work.execute(found)).scalars())
        caller = system(window["organization_id"], "planned work")
        await _put(work, caller, there, out=out, reason=window["note"])
        asked += there
        mark = {"began_at": now} if out else {"ended_at": now}
        await work.execute(sa.update(table).where(table.c.id == window["id"]).values(mark))
    return asked


async def _put(
    work: AsyncConnection, caller: Caller, there: Iterable[UUID], *, out: bool, reason: str
) -> None:
    ids = list(there)
    if ids:
        await asking_operations.put(
            work, caller, ids, ChangeAvailability(operative=not out), reason=reason or None
        )
