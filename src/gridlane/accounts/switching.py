"""One person in several organizations: which there are, and going over to another; the session is new each time."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from gridlane.accounts import changing
from gridlane.accounts.groups import NotAMember
from gridlane.accounts.model import organizations
from gridlane.accounts.people import hashed, memberships, sign_in_sessions
from gridlane.accounts.signing_in import begin_session
from gridlane.kernel import audit
from gridlane.kernel.access import Caller
from gridlane.kernel.database import Database
from gridlane.kernel.errors import Kind, Refusal


class SessionBound(Refusal):
    code = "session_bound"
    kind = Kind.NOT_ALLOWED
    sentence = (
        "You came in through the provider of one organization, which speaks for that one only. Sign in with your "
        "password or a passkey to reach the others."
    )


async def reached(database: Database, caller: Caller) -> list[dict[str, Any]]:
    """The organizations that the caller belongs to, with their role there, by name; none for a key."""
    if caller.person_id is None:
        return []
    query = (
        sa.select(organizations.c.id, organizations.c.name, memberships.c.role)
        .join(memberships, memberships.c.organization_id == organizations.c.id)
        .where(memberships.c.person_id == caller.person_id)
        .order_by(organizations.c.name, organizations.c.id)
    )
    async with database.as_owner() as work:
        return [dict(row) for row in (await work.execute(query)).mappings()]


async def go_over(
    database: Database,
    caller: Caller,
    organization_id: UUID,
    *,
    session: str | None,
    address: str,
    user_agent: str,
) -> str:
    """Go over to another organization of one's own; gives the new session's secret. ``session`` is the present one's.

    Raises SessionBound, NotSignedIn, NotAMember.
    """
    async with database.as_owner() as work:
        present = sign_in_sessions.c.secret_hash == hashed(session or "")
        if await work.scalar(sa.select(sign_in_sessions.c.is_bound).where(present)):
            raise SessionBound
        person_id = changing.whose(caller)
        belongs = sa.exists().where(
            memberships.c.organization_id == organization_id, memberships.c.person_id == person_id
        )
        if not await work.scalar(sa.select(belongs)):
            raise NotAMember(person=caller.name)
        there = Caller("person", caller.name, organization_id, person_id)
        await audit.record(work, there, "person.came_over", person_id)
        return await begin_session(
            work, person_id, address=address, user_agent=user_agent, organization_id=organization_id
        )
