"""The REST edge of coming in: sign in and out, sign up, the links that mails carry, and the first run."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from gridlane.accounts import joining, knocking, setting_up, signing_in
from gridlane.accounts.recognising import COOKIE
from gridlane.accounts.second_factor import SECRET, Sealer
from gridlane.kernel.edge import Json, TheDatabase, TheSettings
from gridlane.stations.transport.turnstile import network_of

router = APIRouter(tags=["sign-in"])

Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$|^[^@\s]+@localhost$", max_length=254)]
Password = Annotated[str, Field(max_length=1000)]
PersonName = Annotated[str, Field(max_length=200)]
Language = Literal["en", "de"]


class SignInInput(BaseModel):
    """``code``: of the authenticator app, or a recovery code, where ``code_needed`` was answered."""

    email: Email
    password: Password
    code: Annotated[str | None, Field(max_length=40)] = None


class SetUpInput(BaseModel):
    token: str
    organization: Annotated[str, Field(min_length=1, max_length=200)]
    name: PersonName = ""
    email: Email
    password: Password


class SignUpInput(BaseModel):
    """``organization_id``: whose driver one becomes; without it the installation's first."""

    email: Email
    name: PersonName = ""
    language: Language = "en"
    organization_id: UUID | None = None


class ResetInput(BaseModel):
    """``screens``: where the mail's link leads, the drivers' app or the console."""

    email: Email
    screens: joining.Screens = "app"


class LinkInput(BaseModel):
    token: Annotated[str, Field(max_length=100)]


class AcceptInput(LinkInput):
    name: PersonName = ""
    password: Password | None = None


@router.post("/sign-in", status_code=204)
async def sign_in(
    request: Request, response: Response, database: TheDatabase, settings: TheSettings, wish: SignInInput
) -> None:
    """Sign in with a password; the session is a cookie of this origin, new at each sign-in."""
    secret = await knocking.with_password(
        database,
        settings.address(),
        Sealer(settings.secret(SECRET)),
        email=wish.email,
        password=wish.password,
        code=wish.code,
        address=address_of(request),
        user_agent=agent_of(request),
    )
    await begin(request, response, database, secret)


@router.post("/sign-out", status_code=204)
async def sign_out(request: Request, response: Response, database: TheDatabase) -> None:
    secret = request.cookies.get(COOKIE)
    if secret:
        async with database.as_owner() as work:
            await signing_in.end_session(work, secret=secret)
    response.delete_cookie(COOKIE)


@router.get("/sign-up")
async def show_sign_up(database: TheDatabase) -> Json:
    """Where drivers may join by themselves."""
    async with database.as_owner() as work:
        return Json({"organizations": await joining.open_organizations(work)})


@router.post("/sign-up", status_code=202)
async def sign_up(request: Request, database: TheDatabase, settings: TheSettings, wish: SignUpInput) -> None:
    """Become a driver: a mail with a link is sent. The answer is the same whether the address is known or not."""
    await joining.ask_to_join(
        database,
        settings.address(),
        email=wish.email,
        name=wish.name,
        language=wish.language,
        organization_id=wish.organization_id,
        network=network_of(address_of(request)),
    )


@router.post("/password-reset", status_code=202)
async def reset_password(
    request: Request, database: TheDatabase, settings: TheSettings, wish: ResetInput
) -> None:
    """Ask for a link to choose a new password. The answer is the same whether the address is known or not."""
    await joining.ask_for_new_password(
        database,
        settings.address(),
        email=wish.email,
        screens=wish.screens,
        network=network_of(address_of(request)),
    )


@router.post("/links/look")
async def look_at_link(request: Request, database: TheDatabase, wish: LinkInput) -> Json:
    """What a mail's link is about; it is not used up."""
    return Json(await joining.look(database, wish.token, network_of(address_of(request))))


@router.post("/links/accept")
async def accept_link(
    request: Request, response: Response, database: TheDatabase, wish: AcceptInput
) -> dict[str, bool]:
    """Use a mail's link: join, or choose a new password. ``signed_in``: whether a session began."""
    secret = await joining.accept(
        database,
        wish.token,
        name=wish.name,
        password=wish.password,
        address=address_of(request),
        user_agent=agent_of(request),
    )
    if secret is not None:
        await begin(request, response, database, secret)
    return {"signed_in": secret is not None}


@router.post("/set-up", status_code=204)
async def set_up(
    request: Request, response: Response, database: TheDatabase, settings: TheSettings, wish: SetUpInput
) -> None:
    """The first run: the one-time link makes the organization and its owner."""
    secret = await setting_up.set_up(
        database,
        wish.token,
        organization=wish.organization,
        name=wish.name,
        email=wish.email,
        password=wish.password,
        defaults={"currency": settings.currency, "time_zone": settings.time_zone},
        address=address_of(request),
        user_agent=agent_of(request),
    )
    await begin(request, response, database, secret)


async def begin(request: Request, response: Response, database: TheDatabase, secret: str) -> None:
    """Give the browser its new session; the one it had before ends."""
    before = request.cookies.get(COOKIE)
    if before:
        async with database.as_owner() as work:
            await signing_in.end_session(work, secret=before)
    response.set_cookie(
        COOKIE,
        secret,
        max_age=int(signing_in.LIFE.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
        path="/",
    )


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""


def agent_of(request: Request) -> str:
    return request.headers.get("user-agent", "")
