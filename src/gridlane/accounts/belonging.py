"""The people of an organization: who they are, what role they have, and for which sites; inviting, changing, parting.

Nobody gives a role with permissions that they lack, and an organization keeps an owner.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts import letters, links, mail
from gridlane.accounts.groups import NotAMember
from gridlane.accounts.model import organizations
from gridlane.accounts.people import invitations, memberships, people, sign_in_sessions
from gridlane.accounts.roles import ROLES, permissions
from gridlane.kernel import audit
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id


class RoleUnknown(Refusal):
    code = "role_unknown"
    kind = Kind.INVALID
    sentence = "There is no role {role!r}."


class RoleNotYours(Refusal):
    code = "role_not_yours"
    kind = Kind.NOT_ALLOWED
    sentence = "The role {role} may do what you may not; ask somebody who has it."


class SitesNotYours(Refusal):
    code = "sites_not_yours"
    kind = Kind.NOT_ALLOWED
    sentence = "You can give access to your own sites only."


class LastOwner(Refusal):
    code = "last_owner"
    kind = Kind.CONFLICT
    sentence = "An organization keeps at least one owner; make somebody else an owner first."


class MemberAlready(Refusal):
    code = "member_already"
    kind = Kind.CONFLICT
    sentence = "{email} belongs to the organization already; change the role instead."


class InvitationUnknown(Refusal):
    code = "invitation_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no invitation {invitation}."


SHOWN = (
    people.c.id,
    people.c.email,
    people.c.name,
    people.c.language,
    memberships.c.role,
    memberships.c.sites,
    memberships.c.since,
)


def listed(caller: Caller) -> sa.Select[Any]:
    """The people of the caller's organization. Raises NotAllowed."""
    caller.require(Permission.PEOPLE_READ)
    return (
        sa.select(*SHOWN)
        .join_from(memberships, people, memberships.c.person_id == people.c.id)
        .where(memberships.c.organization_id == caller.organization_id)
    )


async def member(work: AsyncConnection, caller: Caller, person_id: UUID) -> dict[str, Any]:
    """Raises NotAllowed, NotAMember."""
    row = (await work.execute(listed(caller).where(people.c.id == person_id))).mappings().first()
    if row is None:
        raise NotAMember(person=person_id)
    return dict(row)


async def change(
    work: AsyncConnection, caller: Caller, person_id: UUID, role: str, sites: Sequence[UUID] | None
) -> dict[str, Any]:
    """Give a member another role, or other sites.

    Raises NotAllowed, NotAMember, RoleUnknown, RoleNotYours, SitesNotYours, LastOwner.
    """
    caller.require(Permission.PEOPLE_WRITE)
    before = await member(work, caller, person_id)
    check_reach(caller, before)
    check_gift(caller, role, sites)
    if before["role"] == "owner" and role != "owner":
        await _require_another_owner(work, caller, person_id)
    await work.execute(
        sa.update(memberships).where(_of(caller, person_id)).values(role=role, sites=_words(sites))
    )
    after = await member(work, caller, person_id)
    await audit.record(work, caller, "person.role_changed", person_id, before=before, after=after)
    return after


async def part(work: AsyncConnection, caller: Caller, person_id: UUID) -> None:
    """Take a member out of the organization; their account, tokens and bills stay.

    Raises NotAllowed, NotAMember, RoleNotYours, LastOwner.
    """
    caller.require(Permission.PEOPLE_WRITE)
    before = await member(work, caller, person_id)
    check_reach(caller, before)
    if before["role"] == "owner":
        await _require_another_owner(work, caller, person_id)
    await work.execute(sa.delete(memberships).where(_of(caller, person_id)))
    await audit.record(work, caller, "person.parted", person_id, before=before)


async def invite(
    work: AsyncConnection,
    caller: Caller,
    address: str,
    *,
    email: str,
    name: str,
    role: str,
    sites: Sequence[UUID] | None,
    language: str,
) -> dict[str, Any]:
    """Ask somebody to join; a second invitation replaces the first. The link itself is in the mail only.

    Raises NotAllowed, RoleUnknown, RoleNotYours, SitesNotYours, MemberAlready.
    """
    caller.require(Permission.PEOPLE_WRITE)
    check_gift(caller, role, sites)
    email, now = email.lower(), system_clock()
    if await work.scalar(sa.select(sa.exists(listed(caller).where(people.c.email == email)))):
        raise MemberAlready(email=email)
    values = {
        "id": new_id(), "organization_id": caller.organization_id, "email": email, "name": name, "language": language,
        "role": role, "sites": _words(sites), "invited_by": caller.name, "created_at": now,
        "expires_at": now + links.LIVES["invite"],
    }  # fmt: skip
    await work.execute(
        insert(invitations)
        .values(values)
        .on_conflict_do_update(index_elements=["organization_id", "email"], set_=values)
    )
    secret = await links.make(work, "invite", email=email, details={"invitation_id": str(values["id"])})
    await _write_invitation(work, caller, address, values, secret)
    shown = {**values, "sites": values["sites"]}
    await audit.record(work, caller, "person.invited", str(values["id"]), after=shown)
    return shown


async def invited(work: AsyncConnection, caller: Caller) -> list[dict[str, Any]]:
    """Invitations that nobody answered yet. Raises NotAllowed."""
    caller.require(Permission.PEOPLE_READ)
    query = sa.select(invitations).order_by(invitations.c.created_at.desc())
    return [dict(row) for row in (await work.execute(query)).mappings()]


async def withdraw(work: AsyncConnection, caller: Caller, invitation_id: UUID) -> None:
    """The invitation's link stops working. Raises NotAllowed, InvitationUnknown."""
    caller.require(Permission.PEOPLE_WRITE)
    gone = await work.execute(
        sa.delete(invitations).where(invitations.c.id == invitation_id).returning(invitations.c.email)
    )
    email = gone.scalar()
    if email is None:
        raise InvitationUnknown(invitation=invitation_id)
    await audit.record(work, caller, "person.invitation_withdrawn", invitation_id, before={"email": email})


async def sessions_of(database: Database, caller: Caller, person_id: UUID) -> list[dict[str, Any]]:
    """Where a member is signed in to this organization. Raises NotAllowed, NotAMember."""
    async with database.unit_of_work(caller.scope) as work:
        await member(work, caller, person_id)
    table = sign_in_sessions
    query = sa.select(
        table.c.id, table.c.created_at, table.c.last_seen_at, table.c.address, table.c.user_agent
    )
    async with database.as_owner() as work:
        found = await work.execute(
            query.where(_signed_in(caller, person_id)).order_by(table.c.last_seen_at.desc())
        )
        return [dict(row) for row in found.mappings()]


async def end_sessions(database: Database, caller: Caller, person_id: UUID) -> int:
    """Sign a member out everywhere in this organization; gives how many sessions ended.

    Raises NotAllowed, NotAMember, RoleNotYours.
    """
    caller.require(Permission.PEOPLE_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        found = await member(work, caller, person_id)
        check_reach(caller, found)
        await audit.record(work, caller, "person.signed_out", person_id)
    async with database.as_owner() as work:
        ended = await work.execute(sa.delete(sign_in_sessions).where(_signed_in(caller, person_id)))
        return ended.rowcount


def check_reach(caller: Caller, found: Mapping[str, Any]) -> None:
    """Nobody decides about a member who may do more than they. Raises RoleNotYours, SitesNotYours."""
    check_gift(caller, found["role"], _ids(found["sites"]))


def check_gift(caller: Caller, role: str, sites: Sequence[UUID] | None) -> None:
    """Raises RoleUnknown, RoleNotYours, SitesNotYours."""
    if role not in ROLES:
        raise RoleUnknown(role=role)
    if not permissions(role) <= caller.permissions | {Permission.CHARGE}:
        raise RoleNotYours(role=role)
    if caller.sites is not None and (sites is None or not set(sites) <= caller.sites):
        raise SitesNotYours


async def _require_another_owner(work: AsyncConnection, caller: Caller, person_id: UUID) -> None:
    """Raises LastOwner. The owners' rows are locked, so that two cannot leave at the same moment."""
    owners = sa.and_(memberships.c.organization_id == caller.organization_id, memberships.c.role == "owner")
    query = sa.select(memberships.c.person_id).where(owners).order_by(memberships.c.person_id)
    found = set((await work.execute(query.with_for_update())).scalars())
    if not found - {person_id}:
        raise LastOwner


async def _write_invitation(
    work: AsyncConnection, caller: Caller, address: str, invitation: dict[str, Any], secret: str
) -> None:
    query = sa.select(organizations.c.name).where(organizations.c.id == caller.organization_id)
    language = invitation["language"]
    screens = "app" if invitation["role"] == "driver" else "console"
    letter = letters.compose(
        "invite",
        language,
        f"{address}/{screens}/welcome#{secret}",
        name=invitation["name"],
        organization=str(await work.scalar(query)),
        inviter=caller.name,
        role=letters.ROLE_NAMES.get(language, letters.ROLE_NAMES["en"])[invitation["role"]],
    )
    await mail.write(work, caller.organization_id, invitation["email"], letter)


def _of(caller: Caller, person_id: UUID) -> sa.ColumnElement[bool]:
    return sa.and_(
        memberships.c.organization_id == caller.organization_id, memberships.c.person_id == person_id
    )


def _signed_in(caller: Caller, person_id: UUID) -> sa.ColumnElement[bool]:
    return sa.and_(
        sign_in_sessions.c.organization_id == caller.organization_id,
        sign_in_sessions.c.person_id == person_id,
    )


def _words(sites: Sequence[UUID] | None) -> list[str] | None:
    return None if sites is None else [str(one) for one in sites]


def _ids(sites: list[str] | None) -> list[UUID] | None:
    return None if sites is None else [UUID(one) for one in sites]
