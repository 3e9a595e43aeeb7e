"""Rolls sessions up by hour: the job that keeps ``session_hours``.

A session that was heard of since the last run is rolled up anew, whole; so late and repeated readings change nothing
but the rows of their session. Readings may be forgotten afterwards.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.charging.model import readings, sessions
from gridlane.insight.hours import Reading, SessionHour, Stay, hours
from gridlane.insight.model import roll_up_marks, session_hours
from gridlane.kernel.clock import Clock, system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.settings import Settings
from gridlane.stations.model import evses, sites

BATCH = 200
OVERLAP = timedelta(minutes=5)  # commits may become visible a little after their time
USUAL = timedelta(days=3)
LATE = timedelta(days=60)  # a station may have been without a link for weeks
MARK = "session_hours"


class RollUp:
    """``recent`` every few minutes, ``late`` once a day for what stations told long afterwards."""

    def __init__(self, database: Database, settings: Settings, clock: Clock = system_clock) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock

    async def recent(self) -> None:
        """Sessions that run, or began within three days, and were heard of since the last run."""
        now = self._clock()
        async with self._database.as_owner() as work:
            mark = await work.scalar(sa.select(roll_up_marks.c.until).where(roll_up_marks.c.name == MARK))
        if mark is None:  # the first run takes everything
            await self._roll(sa.true(), None)
        else:
            told = sessions.c.received_at > mark - OVERLAP
            near = sa.or_(sessions.c.started_at > now - USUAL, sessions.c.status == "active")
            await self._roll(sa.and_(told, near), None)
        row = {"name": MARK, "until": now}
        async with self._database.as_owner() as work:
            statement = insert(roll_up_marks).values(**row)
            await work.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"until": now}))

    async def late(self) -> None:
        """Sessions of the last two months that were heard of within two days."""
        now = self._clock()
        await self._roll(
            sa.and_(
                sessions.c.started_at.between(now - LATE, now - USUAL),
                sessions.c.received_at > now - timedelta(days=2),
            ),
            None,
        )

    async def forget_old(self) -> None:
        """Remove roll-ups beyond the setting's days."""
        limit = (self._clock() - timedelta(days=self._settings.roll_up_days)).date()
        async with self._database.as_owner() as work:
            await work.execute(sa.delete(session_hours).where(session_hours.c.day < limit))

    async def _roll(self, which: sa.ColumnElement[bool], after: UUID | None) -> None:
        while True:
            async with self._database.as_owner() as work:
                found = await _sessions(work, which, after)
                if not found:
                    return
                await _write(work, found, self._clock(), self._settings.time_zone)
            after = found[-1]["id"]


async def _sessions(
    work: AsyncConnection, which: sa.ColumnElement[bool], after: UUID | None
) -> Sequence[Any]:
    ended = sa.func.coalesce(sessions.c.ended_at, sessions.c.presumed_end)
    query = (
        sa.select(
            sessions.c.id, sessions.c.organization_id, sessions.c.site_id, sessions.c.station_id, sessions.c.evse,
            sessions.c.started_at, ended.label("ended_at"), sessions.c.status, sessions.c.first_register,
            sessions.c.register, sessions.c.received_at, sessions.c.first_received_at,
            evses.c.max_power, sites.c.time_zone,
        )
        .outerjoin(
            evses, sa.and_(evses.c.station_id == sessions.c.station_id, evses.c.number == sessions.c.evse)
        )
        .outerjoin(sites, sites.c.id == sessions.c.site_id)
        .where(which, sessions.c.organization_id.is_not(None), sessions.c.refused.is_(False))
        .order_by(sessions.c.id)
        .limit(BATCH)
    )  # fmt: skip
    if after is not None:
        query = query.where(sessions.c.id > after)
    return (await work.execute(query)).mappings().all()


async def _write(work: AsyncConnection, found: Sequence[Any], now: datetime, usual_zone: str) -> None:
    by_session = await _readings(work, found)
    rows = [
        row
        for one in found
        for row in _rows(one, by_session.get(one["id"], []), now, ZoneInfo(one["time_zone"] or usual_zone))
    ]
    ids = [one["id"] for one in found]
    await work.execute(sa.delete(session_hours).where(session_hours.c.session_id.in_(ids)))
    if rows:
        await work.execute(sa.insert(session_hours), rows)


async def _readings(work: AsyncConnection, found: Sequence[Any]) -> dict[UUID, list[Reading]]:
    query = (
        sa.select(
            readings.c.session_id, readings.c.at, readings.c.energy, readings.c.power, readings.c.power_offered,
            readings.c.temperature,
        )
        .where(
            readings.c.station_id.in_({one["station_id"] for one in found}),
            readings.c.received_at >= min(one["first_received_at"] for one in found),
            readings.c.received_at <= max(one["received_at"] for one in found),
            readings.c.session_id.in_([one["id"] for one in found]),
        )
        .order_by(readings.c.at)
    )  # fmt: skip
    gathered: dict[UUID, list[Reading]] = {}
    for row in await work.execute(query):
        gathered.setdefault(row.session_id, []).append(
            Reading(row.at, row.energy, row.power, row.power_offered, row.temperature)
        )
    return gathered


def _rows(session: Any, told: list[Reading], now: datetime, zone: ZoneInfo) -> list[dict[str, Any]]:
    ended = session["ended_at"] or (now if session["status"] == "active" else session["received_at"])
    stay = Stay(
        session["started_at"],
        max(ended, session["started_at"]),
        session["first_register"],
        session["register"],
        session["max_power"],
    )
    columns = {
        "session_id": session["id"],
        **{name: session[name] for name in ("organization_id", "site_id", "station_id", "evse")},
    }
    return [{**columns, **_columns(row, zone)} for row in hours(stay, told, zone)]


def _columns(row: SessionHour, zone: ZoneInfo) -> dict[str, Any]:
    local = row.hour.astimezone(zone)
    values = {name: getattr(row, name) for name in SessionHour.__struct_fields__}
    return {**values, "day": local.date(), "clock_hour": local.hour}
