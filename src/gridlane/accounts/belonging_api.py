"""The REST edge of the organization's people, invitations and mails."""

from typing import Annotated, Any, Literal
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel, Field

from gridlane.accounts import belonging
from gridlane.accounts.entering_api import Email, Language, PersonName
from gridlane.accounts.mail import mails
from gridlane.accounts.people import memberships, people
from gridlane.accounts.roles import ROLES
from gridlane.kernel.access import Permission
from gridlane.kernel.edge import Json, TheCaller, TheDatabase, ThePaging, TheSettings
from gridlane.kernel.paging import page

router = APIRouter(tags=["people"])

Sites = Annotated[list[UUID] | None, Field(description="the only sites reached; null: all")]


class MemberChange(BaseModel):
    role: str
    sites: Sites = None


class InvitationInput(MemberChange):
    email: Email
    name: PersonName = ""
    language: Language = "en"


@router.get("/roles")
async def list_roles(caller: TheCaller) -> Json:
    """Every role with what it is for and its permissions; ``yours``: whether you may give it."""
    caller.require(Permission.PEOPLE_READ)
    mine = caller.permissions | {Permission.CHARGE}
    items = [
        {
            "role": role,
            "meaning": meaning,
            "permissions": sorted(one.word for one in allowed),
            "yours": allowed <= mine,
        }
        for role, (meaning, allowed) in ROLES.items()
    ]
    return Json({"items": items})


@router.get("/people")
async def list_people(
    caller: TheCaller,
    database: TheDatabase,
    paging: ThePaging,
    search: str | None = None,
    role: str | None = None,
    kind: Literal["staff", "drivers"] | None = None,
) -> Json:
    """The people of the organization, the newest first. ``search`` looks at names and addresses."""
    query = belonging.listed(caller)
    if role:
        query = query.where(memberships.c.role == role)
    if kind:
        drives = memberships.c.role == "driver"
        query = query.where(drives if kind == "drivers" else sa.not_(drives))
    if search:
        told = [column.icontains(search, autoescape=True) for column in (people.c.name, people.c.email)]
        query = query.where(sa.or_(*told))
    async with database.unit_of_work(caller.scope) as work:
        return Json(await page(work, query, [memberships.c.since, people.c.id], paging, newest_first=True))


@router.get("/people/{person_id}")
async def show_person(caller: TheCaller, database: TheDatabase, person_id: UUID) -> Json:
    async with database.unit_of_work(caller.scope) as work:
        return Json(await belonging.member(work, caller, person_id))


@router.patch("/people/{person_id}")
async def change_person(
    caller: TheCaller, database: TheDatabase, person_id: UUID, change: MemberChange
) -> Json:
    """Give a member another role, or other sites."""
    async with database.unit_of_work(caller.scope) as work:
        return Json(await belonging.change(work, caller, person_id, change.role, change.sites))


@router.delete("/people/{person_id}", status_code=204)
async def part_person(caller: TheCaller, database: TheDatabase, person_id: UUID) -> None:
    """Take somebody out of the organization. Their account stays."""
    async with database.unit_of_work(caller.scope) as work:
        await belonging.part(work, caller, person_id)


@router.get("/people/{person_id}/sessions")
async def sessions_of_person(caller: TheCaller, database: TheDatabase, person_id: UUID) -> Json:
    """Where somebody is signed in to this organization."""
    return Json({"items": await belonging.sessions_of(database, caller, person_id)})


@router.delete("/people/{person_id}/sessions")
async def end_sessions_of_person(caller: TheCaller, database: TheDatabase, person_id: UUID) -> dict[str, int]:
    """Sign somebody out everywhere in this organization."""
    return {"ended": await belonging.end_sessions(database, caller, person_id)}


@router.get("/invitations")
async def list_invitations(caller: TheCaller, database: TheDatabase) -> Json:
    async with database.unit_of_work(caller.scope) as work:
        return Json({"items": await belonging.invited(work, caller)})


@router.post("/invitations", status_code=201)
async def invite_person(
    caller: TheCaller, database: TheDatabase, settings: TheSettings, wish: InvitationInput
) -> Json:
    """Ask somebody to join by mail. A second invitation to an address replaces the first."""
    details: dict[str, Any] = dict(wish)
    async with database.unit_of_work(caller.scope) as work:
        made = await belonging.invite(work, caller, settings.address(), **details)
    return Json(made, status_code=201)


@router.delete("/invitations/{invitation_id}", status_code=204)
async def withdraw_invitation(caller: TheCaller, database: TheDatabase, invitation_id: UUID) -> None:
    async with database.unit_of_work(caller.scope) as work:
        await belonging.withdraw(work, caller, invitation_id)


@router.get("/mails")
async def list_mails(caller: TheCaller, database: TheDatabase, paging: ThePaging) -> Json:
    """Mails of the organization and what became of them, the newest first; never what they say."""
    caller.require(Permission.PEOPLE_READ)
    hidden = ("text", "html")
    query = sa.select(*(column for column in mails.c if column.name not in hidden)).where(
        mails.c.organization_id == caller.organization_id
    )
    async with database.as_owner() as work:
        return Json(await page(work, query, [mails.c.created_at, mails.c.id], paging, newest_first=True))
