"""The REST edge of signing in through an organization's identity provider, and of its settings."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from gridlane.accounts import identity_providers, single_sign_on
from gridlane.accounts.entering_api import address_of, agent_of, begin
from gridlane.kernel.edge import Json, TheCaller, TheDatabase, TheSettings

router = APIRouter(tags=["sign-in"])

STATE = "gridlane_single_sign_on"
Domain = Annotated[str, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$", max_length=253)]


class ProviderInput(BaseModel):
    """``client_secret`` is left out to keep the one that is set. ``domains``: whose people may join by themselves, as
    ``role``; others are invited first. ``trusts_addresses``: for a provider that does not say ``email_verified``.
    """

    name: Annotated[str, Field(min_length=1, max_length=60)]
    issuer: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$", max_length=300)]
    client_id: Annotated[str, Field(min_length=1, max_length=300)]
    client_secret: Annotated[str | None, Field(min_length=1, max_length=1000)] = None
    domains: Annotated[list[Domain], Field(max_length=50)] = []
    role: str = "support"
    trusts_addresses: bool = False
    enabled: bool = True


class ReturnInput(BaseModel):
    code: Annotated[str, Field(min_length=1, max_length=4000)]
    state: Annotated[str, Field(min_length=1, max_length=200)]


@router.get("/sign-in/providers")
async def list_sign_in_providers(database: TheDatabase) -> Json:
    """Organizations whose people can sign in through a provider of theirs."""
    async with database.as_owner() as work:
        return Json({"items": await single_sign_on.offered(work)})


@router.post("/sign-in/providers/{organization_id}")
async def begin_single_sign_on(
    request: Request, response: Response, database: TheDatabase, settings: TheSettings, organization_id: UUID
) -> dict[str, str]:
    """Begin to sign in through an organization's provider: where the browser has to go."""
    begun = await single_sign_on.begin(database, settings, organization_id)
    response.set_cookie(
        STATE, begun.state, max_age=900, httponly=True, samesite="lax", secure=request.url.scheme == "https"
    )
    return {"url": begun.url}


@router.post("/sign-in/returned", status_code=204)
async def finish_single_sign_on(
    request: Request, response: Response, database: TheDatabase, settings: TheSettings, wish: ReturnInput
) -> None:
    """The browser is back from the provider with a code; the session is a cookie, as with a password."""
    secret = await single_sign_on.finish(
        database,
        settings,
        code=wish.code,
        state=wish.state,
        browser=request.cookies.get(STATE),
        address=address_of(request),
        user_agent=agent_of(request),
    )
    response.delete_cookie(STATE)
    await begin(request, response, database, secret)


@router.get("/organization/identity-provider", tags=["organization"])
async def show_identity_provider(caller: TheCaller, database: TheDatabase, settings: TheSettings) -> Json:
    """The organization's provider, without the secret; ``redirect_address`` is to be registered there."""
    async with database.unit_of_work(caller.scope) as work:
        row = await identity_providers.shown(work, caller)
    return Json({**row, "redirect_address": settings.address() + single_sign_on.RETURN})


@router.put("/organization/identity-provider", tags=["organization"])
async def set_identity_provider(
    caller: TheCaller, database: TheDatabase, settings: TheSettings, wish: ProviderInput
) -> Json:
    """Set the organization's provider; it is asked at once whether it answers."""
    details = wish.model_dump(exclude={"client_secret"})
    async with database.unit_of_work(caller.scope) as work:
        return Json(await identity_providers.keep(work, settings, caller, details, wish.client_secret))


@router.delete("/organization/identity-provider", tags=["organization"], status_code=204)
async def remove_identity_provider(caller: TheCaller, database: TheDatabase) -> None:
    """Nobody signs in through it any more; sessions that began so go on."""
    async with database.unit_of_work(caller.scope) as work:
        await identity_providers.remove(work, caller)
