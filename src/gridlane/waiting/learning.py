"""The nightly job that learns the habits of every organization's sites from its own sessions, as a new version."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.charging.model import sessions
from gridlane.kernel.clock import Clock
from gridlane.kernel.database import Database
from gridlane.stations.model import evses, sites, stations
from gridlane.waiting.habits import FAST, Habits, Past, learned
from gridlane.waiting.model import wait_models

log = structlog.get_logger(__name__)

REMEMBERED = timedelta(days=180)
KEPT_VERSIONS = 3

_decode = msgspec.msgpack.Decoder(Habits).decode


async def learn(database: Database, clock: Clock) -> None:
    """Learn anew for every organization."""
    now = clock()
    async with database.as_owner() as work:
        organizations = (await work.scalars(sa.select(sites.c.organization_id).distinct())).all()
    for organization_id in organizations:
        async with database.as_owner() as work:
            past = await _past(work, organization_id, now)
            habits = learned(past, await _plugs(work, organization_id), now)
            await _keep(work, organization_id, habits, len(past))
        log.info("habits learned", organization=str(organization_id), sessions=len(past))


async def newest(work: AsyncConnection) -> dict[UUID, Habits]:
    """The newest habits of each organization; what another release wrote and this one cannot read is left out."""
    newer = wait_models.alias()
    last = sa.select(sa.func.max(newer.c.version)).where(
        newer.c.organization_id == wait_models.c.organization_id
    )
    query = sa.select(wait_models.c.organization_id, wait_models.c.content)
    found = await work.execute(query.where(wait_models.c.version == last.scalar_subquery()))
    habits = {}
    for organization_id, content in found:
        try:
            habits[organization_id] = _decode(content)
        except msgspec.DecodeError:
            log.warning(
                "habits cannot be read until they are learned anew", organization=str(organization_id)
            )
    return habits


async def _past(work: AsyncConnection, organization_id: UUID, now: datetime) -> list[Past]:
    local = sa.func.timezone(sites.c.time_zone, sessions.c.started_at)
    hour = (sa.extract("isodow", local) - 1) * 24 + sa.extract("hour", local)
    minutes = sa.extract("epoch", sessions.c.ended_at - sessions.c.started_at) / 60.0
    query = (
        sa.select(
            stations.c.site_id,
            (sa.func.coalesce(evses.c.max_power, 0.0) > FAST).label("fast"),
            sa.cast(hour, sa.Integer).label("hour"),
            sa.cast(minutes, sa.Float).label("minutes"),
            sessions.c.started_at,
        )
        .join_from(sessions, stations, stations.c.id == sessions.c.station_id)
        .join(sites, sites.c.id == stations.c.site_id)
        .join(evses, sa.and_(evses.c.station_id == sessions.c.station_id, evses.c.number == sessions.c.evse))
        .where(
            sessions.c.organization_id == organization_id,
            sessions.c.started_at >= now - REMEMBERED,
            sessions.c.ended_at > sessions.c.started_at,
            sessions.c.refused.is_(False),
        )
    )
    return [Past(*row) for row in await work.execute(query)]


async def _plugs(work: AsyncConnection, organization_id: UUID) -> dict[tuple[UUID, bool], int]:
    fast = sa.func.coalesce(evses.c.max_power, 0.0) > FAST
    query = (
        sa.select(stations.c.site_id, fast, sa.func.count())
        .join_from(evses, stations, stations.c.id == evses.c.station_id)
        .where(stations.c.organization_id == organization_id, stations.c.site_id.is_not(None))
        .group_by(stations.c.site_id, fast)
    )
    return {(site_id, is_fast): count for site_id, is_fast, count in await work.execute(query)}


async def _keep(work: AsyncConnection, organization_id: UUID, habits: Habits, count: int) -> None:
    mine = wait_models.c.organization_id == organization_id
    last: Any = await work.scalar(sa.select(sa.func.max(wait_models.c.version)).where(mine))
    version = (last or 0) + 1
    await work.execute(
        sa.insert(wait_models).values(
            organization_id=organization_id,
            version=version,
            made_at=habits.made_at,
            sessions=count,
            content=msgspec.msgpack.encode(habits),
        )
    )
    await work.execute(sa.delete(wait_models).where(mine, wait_models.c.version <= version - KEPT_VERSIONS))
