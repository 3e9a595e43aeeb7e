"""Busy prices at a site: the rule, how full the site is, and the announcement that holds now.

An announcement is stored when it is made, so that a price seen before the start is the price of the start, and anybody
can be shown later what was announced.
"""

from datetime import datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.kernel import audit
from gridlane.kernel.access import Caller, Permission
from gridlane.stations.model import connectors, stations
from gridlane.tariffs.busy import Announcement, BusyLevel, BusyRule, announced
from gridlane.tariffs.model import busy_announcements, busy_rules

OCCUPIED = ("occupied", "preparing", "charging", "suspended_ev", "suspended_evse", "finishing", "reserved")


async def set_rule(work: AsyncConnection, caller: Caller, site_id: UUID, rule: BusyRule | None) -> None:
    """Give a site its busy prices, or take them away."""
    caller.require(Permission.PRICES_WRITE)
    before = await rule_of(work, site_id)
    await work.execute(sa.delete(busy_rules).where(busy_rules.c.site_id == site_id))
    if rule:
        await work.execute(
            sa.insert(busy_rules).values(
                site_id=site_id,
                organization_id=caller.organization_id,
                rule=msgspec.json.encode(rule).decode(),
            )
        )
    await audit.record(
        work,
        caller,
        "busy_rule.set",
        site_id,
        before={"rule": msgspec.to_builtins(before)},
        after={"rule": msgspec.to_builtins(rule)},
    )


async def rule_of(work: AsyncConnection, site_id: UUID) -> BusyRule | None:
    found = await work.scalar(sa.select(busy_rules.c.rule).where(busy_rules.c.site_id == site_id))
    return None if found is None else msgspec.json.decode(found, type=BusyRule)


async def announce(
    work: AsyncConnection, site_id: UUID, organization_id: UUID, now: datetime
) -> Announcement | None:
    """What is announced at a site now, decided anew where the last announcement has ended; None without a rule."""
    rule = await rule_of(work, site_id)
    if rule is None:
        return None
    before = await _latest(work, site_id, now)
    occupied, evses = await _occupancy(work, site_id)
    announcement = announced(rule, occupied, evses, now, before)
    if announcement is not before:
        await work.execute(
            insert(busy_announcements)
            .values(
                site_id=site_id,
                organization_id=organization_id,
                since=announcement.since,
                until=announcement.until,
                level=None
                if announcement.level is None
                else msgspec.json.encode(announcement.level).decode(),
            )
            .on_conflict_do_nothing()
        )
    return announcement


async def level_at(work: AsyncConnection, site_id: UUID, at: datetime) -> BusyLevel | None:
    """The level that was announced at an instant; the plain tariff where nothing was."""
    announcement = await _latest(work, site_id, at)
    return announcement.level if announcement and at < announcement.until else None


async def _latest(work: AsyncConnection, site_id: UUID, at: datetime) -> Announcement | None:
    query = (
        sa.select(busy_announcements)
        .where(busy_announcements.c.site_id == site_id, busy_announcements.c.since <= at)
        .order_by(busy_announcements.c.since.desc())
        .limit(1)
    )
    row = (await work.execute(query)).first()
    if row is None:
        return None
    level = None if row.level is None else msgspec.json.decode(row.level, type=BusyLevel)
    return Announcement(level, row.since, row.until)


async def _occupancy(work: AsyncConnection, site_id: UUID) -> tuple[int, int]:
    """How many EVSEs of the site are taken, of how many."""
    of_site = (
        sa.select(connectors.c.evse_id, sa.func.bool_or(connectors.c.status.in_(OCCUPIED)).label("is_taken"))
        .join(stations, stations.c.id == connectors.c.station_id)
        .where(stations.c.site_id == site_id)
        .group_by(connectors.c.evse_id)
        .subquery()
    )
    row = (
        await work.execute(
            sa.select(sa.func.count().filter(of_site.c.is_taken), sa.func.count()).select_from(of_site)
        )
    ).one()
    return int(row[0]), int(row[1])
