"""The REST edge of oneself, API keys and the audit log."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from gridlane.accounts import changing, keys, signing_in, switching
from gridlane.accounts.entering_api import address_of, agent_of, begin
from gridlane.accounts.model import organizations
from gridlane.accounts.recognising import COOKIE
from gridlane.kernel.access import Permission
from gridlane.kernel.audit import audit_entries
from gridlane.kernel.edge import Json, TheCaller, TheDatabase, ThePaging, TheSettings
from gridlane.kernel.paging import page

router = APIRouter()


class PasswordInput(BaseModel):
    present: Annotated[str, Field(max_length=1000)] = ""
    new: Annotated[str, Field(max_length=1000)]


class MeChange(BaseModel):
    name: Annotated[str, Field(max_length=200)] = ""
    language: Literal["en", "de"] = "en"


class OrganizationChoice(BaseModel):
    organization_id: UUID


class KeyInput(BaseModel):
    name: Annotated[str, Field(min_length=1, max_length=100)]
    permissions: list[str]
    expires_at: datetime | None = None


@router.get("/me", tags=["sign-in"])
async def me(caller: TheCaller, database: TheDatabase) -> Json:
    """Who is calling, and what they may do."""
    organization: Any = None
    if caller.organization_id is not None:
        async with database.unit_of_work(caller.scope) as work:
            found = await work.execute(
                sa.select(organizations).where(organizations.c.id == caller.organization_id)
            )
            row = found.mappings().first()
            organization = dict(row) if row else None
    return Json(
        {
            **(await changing.shown(database, caller)),
            "kind": caller.kind,
            "name": caller.name,
            "person_id": caller.person_id,
            "organization": organization,
            "organizations": await switching.reached(database, caller),
            "permissions": sorted(one.word for one in caller.permissions),
            "sites": None if caller.sites is None else sorted(caller.sites),
        }
    )


@router.post("/me/organization", tags=["sign-in"], status_code=204)
async def go_over(
    request: Request, response: Response, caller: TheCaller, database: TheDatabase, wish: OrganizationChoice
) -> None:
    """Go over to another organization that one belongs to. The session is a new one; the present one ends."""
    secret = await switching.go_over(
        database,
        caller,
        wish.organization_id,
        session=request.cookies.get(COOKIE),
        address=address_of(request),
        user_agent=agent_of(request),
    )
    await begin(request, response, database, secret)


@router.get("/me/sessions", tags=["sign-in"])
async def my_sessions(request: Request, caller: TheCaller, database: TheDatabase) -> Json:
    """The devices one is signed in on; ``is_this`` is the one that asks."""
    if caller.person_id is None:
        return Json({"items": []})
    secret = request.cookies.get(COOKIE, "")
    async with database.as_owner() as work:
        return Json({"items": await signing_in.sessions_of(work, caller.person_id, secret)})


@router.delete("/me/sessions/{session_id}", tags=["sign-in"], status_code=204)
async def end_my_session(caller: TheCaller, database: TheDatabase, session_id: UUID) -> None:
    async with database.as_owner() as work:
        await signing_in.end_session(work, person_id=caller.person_id, session_id=session_id)


@router.post("/me/password", tags=["sign-in"], status_code=204)
async def change_my_password(
    request: Request, caller: TheCaller, database: TheDatabase, settings: TheSettings, wish: PasswordInput
) -> None:
    """Choose another password; every other session ends. ``present`` is left out by who has none."""
    await changing.password(
        database, settings.address(), caller, wish.present, wish.new, request.cookies.get(COOKIE)
    )


@router.patch("/me", tags=["sign-in"], status_code=204)
async def change_me(caller: TheCaller, database: TheDatabase, change: MeChange) -> None:
    """Change one's own name or language."""
    await changing.myself(database, caller, change.model_dump(exclude_unset=True))


@router.get("/api-keys", tags=["organization"])
async def list_keys(caller: TheCaller, database: TheDatabase) -> Json:
    async with database.unit_of_work(caller.scope) as work:
        return Json({"items": await keys.listed(work, caller)})


@router.post("/api-keys", tags=["organization"], status_code=201)
async def create_key(caller: TheCaller, database: TheDatabase, wish: KeyInput) -> Json:
    """Make an API key with some of one's own permissions. Its secret is in this answer and nowhere else."""
    async with database.unit_of_work(caller.scope) as work:
        made = await keys.create(work, caller, wish.name, wish.permissions, expires_at=wish.expires_at)
    return Json(made, status_code=201)


@router.delete("/api-keys/{key_id}", tags=["organization"], status_code=204)
async def revoke_key(caller: TheCaller, database: TheDatabase, key_id: UUID) -> None:
    async with database.unit_of_work(caller.scope) as work:
        await keys.revoke(work, caller, key_id)


@router.get("/audit", tags=["organization"])
async def audit_log(
    caller: TheCaller, database: TheDatabase, paging: ThePaging, object_id: str | None = None
) -> Json:
    """The audit log, newest first."""
    caller.require(Permission.AUDIT_READ)
    query = sa.select(*(column for column in audit_entries.c if column.name != "seal"))
    if object_id:
        query = query.where(audit_entries.c.object_id == object_id)
    async with database.unit_of_work(caller.scope) as work:
        order = [audit_entries.c.at, audit_entries.c.id]
        return Json(await page(work, query, order, paging, newest_first=True))
