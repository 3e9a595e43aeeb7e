"""A fleet's month: what its drivers charged and what it cost, session by session."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.model import group_members
from gridlane.accounts.people import people
from gridlane.billing.model import bills
from gridlane.charging.model import sessions
from gridlane.stations.model import sites


async def sessions_of_fleet(work: AsyncConnection, group_id: UUID, month: date) -> list[dict[str, Any]]:
    """The sessions of the group's members that began in a calendar month (UTC) while they were in it, oldest first.

    Each with its driver, site, energy in Wh, and its latest bill (gross, currency) where it has one.
    """
    since = datetime(month.year, month.month, 1, tzinfo=UTC)
    until = (since + timedelta(days=32)).replace(day=1)
    latest = (
        sa.select(bills.c.net + bills.c.tax)
        .where(bills.c.session_id == sessions.c.id)
        .order_by(bills.c.revision.desc())
        .limit(1)
        .scalar_subquery()
    )
    currency = sa.select(sa.func.max(bills.c.currency)).where(bills.c.session_id == sessions.c.id)
    query = (
        sa.select(
            sessions.c.id,
            sessions.c.started_at,
            sa.func.coalesce(sessions.c.ended_at, sessions.c.presumed_end).label("ended_at"),
            sessions.c.energy,
            people.c.id.label("person_id"),
            people.c.name.label("driver"),
            sites.c.name.label("site"),
            latest.label("gross"),
            currency.scalar_subquery().label("currency"),
        )
        .select_from(sessions)
        .join(
            group_members,
            sa.and_(
                group_members.c.person_id == sessions.c.person_id,
                group_members.c.group_id == group_id,
                group_members.c.since <= sessions.c.started_at,
            ),
        )
        .join(people, people.c.id == sessions.c.person_id)
        .join(sites, sites.c.id == sessions.c.site_id, isouter=True)
        .where(sessions.c.started_at >= since, sessions.c.started_at < until)
        .order_by(sessions.c.started_at, sessions.c.id)
    )
    return [dict(row) for row in (await work.execute(query)).mappings()]
