"""Driver groups and fleets: who has prices, priorities or an employer in common.

A group's members get the tariffs that are assigned to it (``tariffs.precedence``). A fleet is a group of a company's
drivers; whoever manages it looks after its members and vehicles and sees nothing of other drivers.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.model import driver_groups, group_members, vehicles
from gridlane.accounts.people import memberships, people
from gridlane.kernel import audit
from gridlane.kernel.access import Caller, NotAllowed, Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id


class GroupUnknown(Refusal):
    code = "group_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no driver group {group}."


class GroupNameTaken(Refusal):
    code = "group_name_taken"
    kind = Kind.CONFLICT
    sentence = "There is a driver group {name} already."


class GroupInUse(Refusal):
    code = "group_in_use"
    kind = Kind.CONFLICT
    sentence = "{name} has an account with invoices; it stays, its drivers and vehicles can leave."


class NotAMember(Refusal):
    code = "person_not_in_organization"
    kind = Kind.NOT_FOUND
    sentence = "{person} is nobody of this organization; invite them first."


async def create(work: AsyncConnection, caller: Caller, details: Mapping[str, Any]) -> dict[str, Any]:
    """Raises NotAllowed, GroupNameTaken."""
    caller.require(Permission.FLEETS_WRITE)
    _require_whole_reach(caller)
    values = {
        **details,
        "id": new_id(),
        "organization_id": caller.organization_id,
        "created_at": system_clock(),
    }
    await _unless_taken(work, sa.insert(driver_groups).values(values), details["name"])
    made = await group_of(work, caller, values["id"])
    await audit.record(work, caller, "group.created", made["id"], after=made)
    return made


async def change(
    work: AsyncConnection, caller: Caller, group_id: UUID, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Raises NotAllowed, GroupUnknown, GroupNameTaken."""
    caller.require(Permission.FLEETS_WRITE)
    _require_whole_reach(caller)
    before = await group_of(work, caller, group_id)
    if changes:
        statement = sa.update(driver_groups).where(driver_groups.c.id == group_id).values(dict(changes))
        await _unless_taken(work, statement, str(changes.get("name", "")))
    after = await group_of(work, caller, group_id)
    await audit.record(work, caller, "group.changed", group_id, before=before, after=after)
    return after


async def remove(work: AsyncConnection, caller: Caller, group_id: UUID) -> None:
    """Remove a group with its pool cars; members and their own vehicles stay.

    Raises NotAllowed, GroupUnknown, GroupInUse.
    """
    caller.require(Permission.FLEETS_WRITE)
    _require_whole_reach(caller)
    before = await group_of(work, caller, group_id)
    pool = sa.and_(vehicles.c.group_id == group_id, vehicles.c.person_id.is_(None))
    await work.execute(sa.delete(vehicles).where(pool))
    try:
        async with work.begin_nested():
            await work.execute(sa.delete(driver_groups).where(driver_groups.c.id == group_id))
    except IntegrityError:
        raise GroupInUse(name=before["name"]) from None
    await audit.record(work, caller, "group.removed", group_id, before=before)


def listed(caller: Caller) -> sa.Select[Any]:
    """The groups that the caller may see, each with the number of its members."""
    caller.require(Permission.FLEETS_READ)
    members = (
        sa.select(sa.func.count())
        .where(group_members.c.group_id == driver_groups.c.id)
        .scalar_subquery()
        .label("members")
    )
    query = sa.select(driver_groups, members)
    return query if _reaches_all(caller) else query.where(driver_groups.c.id.in_(_managed(caller)))


async def group_of(work: AsyncConnection, caller: Caller, group_id: UUID) -> dict[str, Any]:
    """Raises NotAllowed, GroupUnknown (also for a group that the caller does not look after)."""
    row = (await work.execute(listed(caller).where(driver_groups.c.id == group_id))).mappings().first()
    if row is None:
        raise GroupUnknown(group=group_id)
    return dict(row)


async def members_of(work: AsyncConnection, caller: Caller, group_id: UUID) -> list[dict[str, Any]]:
    """Raises NotAllowed, GroupUnknown."""
    await group_of(work, caller, group_id)
    query = (
        sa.select(
            people.c.id, people.c.name, people.c.email, group_members.c.is_manager, group_members.c.since
        )
        .join(group_members, group_members.c.person_id == people.c.id)
        .where(group_members.c.group_id == group_id)
        .order_by(people.c.name, people.c.id)
    )
    return [dict(row) for row in (await work.execute(query)).mappings()]


async def add(
    work: AsyncConnection,
    caller: Caller,
    group_id: UUID,
    person_id: UUID,
    *,
    is_manager: bool = False,
    since: datetime | None = None,
) -> None:
    """Take a person of the organization into the group, from now or ``since`` on. Raises NotAllowed, GroupUnknown, NotAMember."""
    caller.require(Permission.FLEETS_WRITE)
    await group_of(work, caller, group_id)
    if is_manager:
        _require_whole_reach(caller)
    belongs = sa.select(memberships.c.person_id).where(
        memberships.c.person_id == person_id, memberships.c.organization_id == caller.organization_id
    )
    if await work.scalar(belongs) is None:
        raise NotAMember(person=person_id)
    await work.execute(
        insert(group_members)
        .values(
            group_id=group_id,
            person_id=person_id,
            organization_id=caller.organization_id,
            is_manager=is_manager,
            since=since or system_clock(),
        )
        .on_conflict_do_update(
            index_elements=["group_id", "person_id"],
            set_={"is_manager": is_manager} if _reaches_all(caller) else {"group_id": group_id},
        )
    )
    after = {"person_id": person_id, "is_manager": is_manager}
    await audit.record(work, caller, "group.member_added", group_id, after=after)


async def leave(work: AsyncConnection, caller: Caller, group_id: UUID, person_id: UUID) -> None:
    """Raises NotAllowed, GroupUnknown."""
    caller.require(Permission.FLEETS_WRITE)
    await group_of(work, caller, group_id)
    await work.execute(
        sa.delete(group_members).where(
            group_members.c.group_id == group_id, group_members.c.person_id == person_id
        )
    )
    await audit.record(work, caller, "group.member_left", group_id, before={"person_id": person_id})


async def groups_of_person(work: AsyncConnection, person_id: UUID | None) -> tuple[UUID, ...]:
    """The groups of a person in the order in which they are asked for a price."""
    if person_id is None:
        return ()
    query = (
        sa.select(driver_groups.c.id)
        .join(group_members, group_members.c.group_id == driver_groups.c.id)
        .where(group_members.c.person_id == person_id)
        .order_by(driver_groups.c.rank, driver_groups.c.created_at, driver_groups.c.id)
    )
    return tuple((await work.execute(query)).scalars())


def _managed(caller: Caller) -> sa.Select[Any]:
    return sa.select(group_members.c.group_id).where(
        group_members.c.person_id == caller.person_id, group_members.c.is_manager
    )


def _reaches_all(caller: Caller) -> bool:
    """Who sees all people of the organization sees all groups; a fleet's manager sees the own ones."""
    return caller.may(Permission.PEOPLE_READ) or caller.kind != "person"


def _require_whole_reach(caller: Caller) -> None:
    if not _reaches_all(caller):
        raise NotAllowed(permission=Permission.PEOPLE_READ.word)


async def _unless_taken(work: AsyncConnection, statement: Any, name: str) -> None:
    try:
        async with work.begin_nested():
            await work.execute(statement)
    except IntegrityError:
        raise GroupNameTaken(name=name) from None
