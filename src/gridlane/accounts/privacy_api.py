"""The REST edge of privacy: one's archive, and to be forgotten."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from gridlane.accounts import privacy, proving
from gridlane.accounts.recognising import COOKIE
from gridlane.accounts.security_api import Credential, party_of
from gridlane.kernel.edge import Json, TheCaller, TheDatabase, TheSettings, TheShares

router = APIRouter(tags=["privacy"])


class ForgetInput(BaseModel):
    """The password, or the answer of a passkey to ``/sign-in/passkey/options``; neither right after a sign-in."""

    password: Annotated[str | None, Field(max_length=1000)] = None
    credential: Credential | None = None


class ForgetForInput(BaseModel):
    """``reason``: who asked for it and how, for the log."""

    reason: Annotated[str, Field(min_length=1, max_length=500)]


@router.get("/me/archive")
async def my_archive(caller: TheCaller, database: TheDatabase) -> Json:
    """Where one's archive stands: ``state`` is none, making or ready."""
    return Json(await privacy.state(database, caller))


@router.post("/me/archive", status_code=202)
async def ask_for_archive(caller: TheCaller, database: TheDatabase) -> Json:
    """Ask for everything that is known of oneself. It is made in a moment and can be fetched for a week."""
    return Json(await privacy.ask(database, caller), status_code=202)


@router.get("/me/archive/content", response_class=Response)
async def fetch_archive(caller: TheCaller, database: TheDatabase) -> Response:
    """The archive: a zip of JSON files, and the invoices as PDF."""
    content = await privacy.fetch(database, caller)
    named = {"Content-Disposition": 'attachment; filename="my-data.zip"', "Cache-Control": "no-store"}
    return Response(content, media_type="application/zip", headers=named)


@router.get("/me/forget")
async def before_forgetting(caller: TheCaller, database: TheDatabase, shares: TheShares) -> Json:
    """What has to be settled before one can be forgotten (``obstacles``), and what the law keeps (``kept``)."""
    found = await privacy.obstacles(database, shares, caller)
    told = [{"code": one.code, "sentence": str(one)} for one in found]
    return Json({"obstacles": told, "kept": privacy.kept(shares)})


@router.post("/me/forget", status_code=204)
async def forget_me(
    request: Request,
    response: Response,
    caller: TheCaller,
    database: TheDatabase,
    settings: TheSettings,
    shares: TheShares,
    wish: ForgetInput,
) -> None:
    """Be forgotten: the account is gone, tokens are blocked, sessions and bills name nobody any more."""
    await proving.require(
        database,
        caller,
        password=wish.password,
        credential=wish.credential,
        party=party_of(request, settings),
        session=request.cookies.get(COOKIE),
    )
    await privacy.forget(database, shares, caller)
    response.delete_cookie(COOKIE)


@router.post("/people/{person_id}/forget", status_code=204)
async def forget_person(
    caller: TheCaller, database: TheDatabase, shares: TheShares, person_id: UUID, wish: ForgetForInput
) -> None:
    """Forget somebody who asked for it. Who belongs to another organization too keeps the account there."""
    await privacy.forget_for(database, shares, caller, person_id, wish.reason)
