"""The first run: a one-time link makes the first organization and its owner. There is no default password."""

from typing import Any

import sqlalchemy as sa

from gridlane.accounts import links, passwords
from gridlane.accounts.model import organizations
from gridlane.accounts.people import memberships, people
from gridlane.accounts.signing_in import begin_session
from gridlane.kernel import audit
from gridlane.kernel.access import system
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id


class EmailTaken(Refusal):
    code = "email_taken"
    kind = Kind.CONFLICT
    sentence = "There is an account with this mail address already."


async def is_set_up(database: Database) -> bool:
    """Whether anybody owns an organization here."""
    async with database.as_owner() as work:
        return bool(await work.scalar(sa.select(sa.exists().where(memberships.c.role == "owner"))))


async def new_link(database: Database, *, organization_id: Any = None) -> str:
    """A fresh secret for ``/setup?token=``. With an organization the new owner joins it, else one is made."""
    details = {"organization_id": str(organization_id)} if organization_id else {}
    async with database.as_owner() as work:
        return await links.make(work, "set_up", details=details)


async def set_up(
    database: Database,
    secret: str,
    *,
    organization: str,
    name: str,
    email: str,
    password: str,
    defaults: dict[str, Any],
    address: str,
    user_agent: str,
) -> str:
    """Make the organization and its owner, signed in; gives the session's secret.

    Raises LinkNotValid, PasswordTooWeak, EmailTaken. Nothing is left behind by a refusal.
    """
    passwords.check_strength(password, email)
    password_hash = await passwords.hash_password(password)
    now = system_clock()
    async with database.as_owner() as work:
        link = await links.use(work, secret, "set_up")
        if await work.scalar(sa.select(sa.exists().where(people.c.email == email.lower()))):
            raise EmailTaken
        organization_id = link.details.get("organization_id")
        if organization_id is None:
            organization_id = new_id()
            await work.execute(
                sa.insert(organizations).values(
                    id=organization_id, name=organization, created_at=now, **defaults
                )
            )
        person_id = new_id()
        await work.execute(
            sa.insert(people).values(
                id=person_id,
                email=email.lower(),
                name=name,
                password_hash=password_hash,
                verified_at=now,
                created_at=now,
            )
        )
        await work.execute(
            sa.insert(memberships).values(
                organization_id=organization_id, person_id=person_id, role="owner", since=now
            )
        )
        await audit.record(work, system(None, "set-up link"), "organization.set_up", organization_id)
        return await begin_session(work, person_id, address=address, user_agent=user_agent)
