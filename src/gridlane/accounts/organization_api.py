"""The REST edge of the organization itself: its name, its place, its rules, and what its invoices say of it."""

from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel, Field

from gridlane.accounts.model import organizations
from gridlane.kernel import audit
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.edge import Json, TheCaller, TheDatabase
from gridlane.stations.places import checked_time_zone

router = APIRouter(tags=["organization"])

_DETAILS = {"billing", "support"}
"""Parts of the organization that are kept among its details, each given whole or in part."""


class SellerDetails(BaseModel):
    """What invoices say of their seller."""

    name: Annotated[str, Field(max_length=200)] = ""
    street: Annotated[str, Field(max_length=200)] = ""
    postcode: Annotated[str, Field(max_length=20)] = ""
    city: Annotated[str, Field(max_length=100)] = ""
    vat_number: Annotated[str, Field(max_length=20)] = ""
    registration: Annotated[str, Field(max_length=100)] = ""
    email: Annotated[str, Field(max_length=254)] = ""
    iban: Annotated[
        str, Field(pattern="^([A-Z]{2}[0-9]{2}[A-Z0-9]{11,30})?$", description="for invoices to be paid")
    ] = ""


class SupportContact(BaseModel):
    """Whom drivers and guests call or write to; shown at the plug and in the app."""

    phone: Annotated[str, Field(max_length=30, pattern=r"^[0-9+()/ .-]*$")] = ""
    email: Annotated[str, Field(max_length=254)] = ""


class OrganizationChange(BaseModel):
    """``unknown_tokens``: whether a card that nobody issued may charge. ``free_starts``: whether a station's own start
    button, without any card, may. ``sign_up``: whether drivers may join by themselves.
    """

    name: Annotated[str, Field(min_length=1, max_length=200)] = ""
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "EUR"
    time_zone: str = "Europe/Berlin"
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] = "DE"
    unknown_tokens: Literal["refuse", "accept"] = "refuse"
    free_starts: bool = False
    sign_up: bool = True
    billing: SellerDetails = SellerDetails()
    support: SupportContact = SupportContact()


@router.get("/organization")
async def show_organization(caller: TheCaller, database: TheDatabase) -> Json:
    caller.require(Permission.ORGANIZATION_READ)
    async with database.unit_of_work(caller.scope) as work:
        return Json(await _organization(work, caller))


@router.patch("/organization")
async def change_organization(caller: TheCaller, database: TheDatabase, change: OrganizationChange) -> Json:
    """Change the fields given; the others stay. Documents that were issued keep what they say."""
    caller.require(Permission.ORGANIZATION_WRITE)
    changes: dict[str, Any] = change.model_dump(exclude_unset=True)
    if "time_zone" in changes:
        checked_time_zone(changes["time_zone"])
    async with database.unit_of_work(caller.scope) as work:
        before = await _organization(work, caller)
        for part in _DETAILS & changes.keys():
            told = {**before[part], **changes.pop(part)}
            details = changes.get("details", before["details"])
            changes["details"] = {**details, part: {name: text for name, text in told.items() if text}}
        if changes:
            of_caller = organizations.c.id == caller.organization_id
            await work.execute(sa.update(organizations).where(of_caller).values(changes))
        after = await _organization(work, caller)
        await audit.record(
            work, caller, "organization.changed", caller.organization_id, before=before, after=after
        )
    return Json(after)


async def _organization(work: Any, caller: Caller) -> dict[str, Any]:
    query = sa.select(organizations).where(organizations.c.id == caller.organization_id)
    row = dict((await work.execute(query)).mappings().one())
    return {**row, **{part: row["details"].get(part, {}) for part in _DETAILS}}
