"""Bringing in people: an account and a membership for each address. They come in by "Forgot your password?" or through the
organization's identity provider; nobody else's account is touched.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts import belonging
from gridlane.accounts.imported import Column, Import, Table, Values, email, one_of, text
from gridlane.accounts.joining import PersonJoined
from gridlane.accounts.model import driver_groups, group_members
from gridlane.accounts.people import memberships, people
from gridlane.accounts.roles import ROLES
from gridlane.kernel.access import Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.errors import Refusal
from gridlane.kernel.facts import Recorded, record
from gridlane.kernel.ids import new_id


async def _look(work: AsyncConnection, brought: Import, lines: Sequence[tuple[int, Values]]) -> None:
    present = await _present(work, brought, [values["email"] for _, values in lines])
    groups = await _groups(work, brought)
    refusals = {role: _why_not(brought, role) for role in ROLES}
    for line, values in lines:
        there = present.get(values["email"])
        role, group = values.get("role"), values.pop("group", None)
        if refusals.get(role or "driver"):
            brought.object_to(line, "role", role, str(refusals[role or "driver"]))
        elif group is not None and group.casefold() not in groups:
            brought.object_to(line, "group", group, "there is no such driver group; make it first")
        elif there is not None and there["role"] is None:
            brought.object_to(
                line, "email", values["email"], "there is an account of another organization; invite them"
            )
        elif there is not None and role not in (None, there["role"]):
            brought.object_to(line, "role", role, f"they are {there['role']}; change that on the page People")
        else:
            joins = {"group": groups[group.casefold()]} if group else {}
            _compare(brought, line, {**values, **joins}, there)


def _compare(brought: Import, line: int, values: Values, there: Any) -> None:
    if there is None:
        brought.new.append((line, values))
        return
    member = values.get("group") in (None, *there["groups"])
    brought.compare(line, {} if member else {"group": values["group"]}, {**there, "group": None})


async def _present(work: AsyncConnection, brought: Import, emails: Sequence[str]) -> dict[str, Any]:
    """Accounts by address; ``role`` is None for one that is nobody of this organization."""
    mine = sa.and_(
        memberships.c.person_id == people.c.id,
        memberships.c.organization_id == brought.caller.organization_id,
    )
    groups = (
        sa.select(sa.func.coalesce(sa.func.array_agg(group_members.c.group_id), sa.text("'{}'::uuid[]")))
        .where(
            group_members.c.person_id == people.c.id,
            group_members.c.organization_id == brought.caller.organization_id,
        )
        .scalar_subquery()
    )
    query = (
        sa.select(people.c.id, people.c.email, memberships.c.role, groups.label("groups"))
        .join(memberships, mine, isouter=True)
        .where(people.c.email == sa.any_(sa.cast(list(emails), sa.ARRAY(sa.Text))))
    )
    return {row["email"]: row for row in (await work.execute(query)).mappings()}


async def _groups(work: AsyncConnection, brought: Import) -> dict[str, Any]:
    mine = driver_groups.c.organization_id == brought.caller.organization_id
    rows = await work.execute(sa.select(driver_groups.c.id, driver_groups.c.name).where(mine))
    return {row.name.casefold(): row.id for row in rows}


def _why_not(brought: Import, role: str) -> Refusal | None:
    try:
        belonging.check_gift(brought.caller, role, None)
    except Refusal as refusal:
        return refusal
    return None


async def _write(work: AsyncConnection, brought: Import) -> None:
    now, organization_id = system_clock(), brought.caller.organization_id
    made = [(new_id(), values) for _, values in brought.new]
    if made:
        await work.execute(
            sa.insert(people),
            [
                {
                    "id": id_,
                    "email": one["email"],
                    "name": one.get("name", ""),
                    "language": one.get("language", "en"),
                    "created_at": now,
                }
                for id_, one in made
            ],
        )
        belongs = {"organization_id": organization_id, "since": now}
        rows = [{"person_id": id_, "role": one.get("role", "driver"), **belongs} for id_, one in made]
        await work.execute(sa.insert(memberships), rows)
        facts = [PersonJoined(person_id=id_, role=one.get("role", "driver")) for id_, one in made]
        await record(work, [Recorded(fact, fact.person_id, organization_id, now) for fact in facts])
    joining = [(id_, one["group"]) for id_, one in made if "group" in one]
    joining += [(there["id"], changes["group"]) for _, changes, there in brought.changed]
    if joining:
        row = {"organization_id": organization_id, "since": now}
        await work.execute(
            sa.insert(group_members), [{"person_id": id_, "group_id": group, **row} for id_, group in joining]
        )


TABLE = Table(
    permission=Permission.PEOPLE_WRITE,
    columns={
        "email": Column(email, ("e_mail", "mail", "mailadresse", "e_mail_adresse"), required=True),
        "name": Column(text(200)),
        "role": Column(one_of(*ROLES), ("rolle",)),
        "language": Column(one_of("en", "de"), ("sprache",)),
        "group": Column(text(100), ("gruppe", "fleet", "flotte")),
    },
    key=lambda values: ("email", values["email"]),
    look=_look,
    write=_write,
)
