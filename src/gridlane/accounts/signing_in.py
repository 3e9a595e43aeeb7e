"""Sign-in sessions: begun when somebody has come in, new at each sign-in, listed and ended."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.people import hashed, memberships, new_secret, sign_in_sessions
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.ids import new_id

LIFE = timedelta(days=90)
IDLE = timedelta(days=14)


async def begin_session(
    work: AsyncConnection,
    person_id: UUID,
    *,
    address: str,
    user_agent: str,
    organization_id: UUID | None = None,
    is_bound: bool = False,
) -> str:
    """A fresh session in this organization, or in the person's first; gives its secret.

    A bound one reaches no other organization.
    """
    now = system_clock()
    secret = new_secret()
    organization = organization_id or await work.scalar(
        sa.select(memberships.c.organization_id)
        .where(memberships.c.person_id == person_id)
        .order_by(memberships.c.since)
        .limit(1)
    )
    await work.execute(
        sa.insert(sign_in_sessions).values(
            id=new_id(),
            secret_hash=hashed(secret),
            person_id=person_id,
            organization_id=organization,
            is_bound=is_bound,
            created_at=now,
            last_seen_at=now,
            expires_at=now + LIFE,
            address=address,
            user_agent=user_agent[:300],
        )
    )
    return secret


async def sessions_of(work: AsyncConnection, person_id: UUID, secret: str) -> list[dict[str, Any]]:
    """Where a person is signed in, the latest seen first; ``is_this`` is the session whose secret is given."""
    found = await work.execute(
        sa.select(
            sign_in_sessions.c.id, sign_in_sessions.c.created_at, sign_in_sessions.c.last_seen_at,
            sign_in_sessions.c.address, sign_in_sessions.c.user_agent,
            (sign_in_sessions.c.secret_hash == hashed(secret)).label("is_this"),
        )
        .where(sign_in_sessions.c.person_id == person_id)
        .order_by(sign_in_sessions.c.last_seen_at.desc())
    )  # fmt: skip
    return [dict(row) for row in found.mappings()]


async def end_session(
    work: AsyncConnection,
    *,
    secret: str | None = None,
    person_id: UUID | None = None,
    session_id: UUID | None = None,
) -> None:
    """End a session by its secret, or one of a person's by its id."""
    table = sign_in_sessions
    if secret is not None:
        await work.execute(sa.delete(table).where(table.c.secret_hash == hashed(secret)))
    else:
        await work.execute(sa.delete(table).where(table.c.person_id == person_id, table.c.id == session_id))


async def end_all(work: AsyncConnection, person_id: UUID, *, but: str | None = None) -> int:
    """End every session of a person, or every one but that with this secret; gives how many."""
    theirs = sign_in_sessions.c.person_id == person_id
    if but is not None:
        theirs = sa.and_(theirs, sign_in_sessions.c.secret_hash != hashed(but))
    return (await work.execute(sa.delete(sign_in_sessions).where(theirs))).rowcount


async def forget_ended(database: Database, now: datetime) -> None:
    """Remove sessions that are over."""
    over = sa.or_(sign_in_sessions.c.expires_at <= now, sign_in_sessions.c.last_seen_at <= now - IDLE)
    async with database.as_owner() as work:
        await work.execute(sa.delete(sign_in_sessions).where(over))
