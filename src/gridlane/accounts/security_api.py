"""The REST edge of what protects one's own account: passkeys and codes of an authenticator app."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from gridlane.accounts import changing, passkeys, second_factor
from gridlane.accounts.entering_api import address_of, agent_of, begin
from gridlane.accounts.passkeys import Party
from gridlane.accounts.second_factor import Sealer
from gridlane.kernel.edge import Json, TheCaller, TheDatabase, TheSettings
from gridlane.kernel.settings import Settings

router = APIRouter(tags=["security"])

Credential = Annotated[dict[str, Any], Field(description="PublicKeyCredential.toJSON() of the browser")]


class PasskeyInput(BaseModel):
    name: Annotated[str, Field(min_length=1, max_length=100)]
    credential: Credential


class PasskeyAnswer(BaseModel):
    credential: Credential


class CodeInput(BaseModel):
    code: Annotated[str, Field(min_length=1, max_length=40)]


@router.get("/me/security")
async def my_security(caller: TheCaller, database: TheDatabase) -> Json:
    """What protects the account."""
    person_id = changing.whose(caller)
    async with database.as_owner() as work:
        person = await changing.person_of(work, person_id)
        told = {
            "password": person["password_hash"] is not None,
            "totp": await second_factor.is_on(work, person_id),
            "recovery_codes": await second_factor.codes_left(work, person_id),
        }
    return Json({**told, "passkeys": await passkeys.own(database, caller)})


@router.post("/me/passkeys/options")
async def passkey_options(
    request: Request, caller: TheCaller, database: TheDatabase, settings: TheSettings
) -> Json:
    """What ``navigator.credentials.create`` needs."""
    return Json(await passkeys.creation(database, caller, party_of(request, settings)))


@router.post("/me/passkeys", status_code=201)
async def add_passkey(
    request: Request, caller: TheCaller, database: TheDatabase, settings: TheSettings, wish: PasskeyInput
) -> Json:
    made = await passkeys.add(
        database, settings.address(), caller, party_of(request, settings), wish.name, wish.credential
    )
    return Json(made, status_code=201)


@router.delete("/me/passkeys/{passkey_id}", status_code=204)
async def remove_passkey(
    caller: TheCaller, database: TheDatabase, settings: TheSettings, passkey_id: UUID
) -> None:
    await passkeys.remove(database, settings.address(), caller, passkey_id)


@router.post("/sign-in/passkey/options")
async def passkey_question(request: Request, database: TheDatabase, settings: TheSettings) -> Json:
    """What ``navigator.credentials.get`` needs."""
    return Json(await passkeys.question(database, party_of(request, settings)))


@router.post("/sign-in/passkey", status_code=204)
async def sign_in_with_passkey(
    request: Request, response: Response, database: TheDatabase, settings: TheSettings, wish: PasskeyAnswer
) -> None:
    secret = await passkeys.sign_in(
        database,
        party_of(request, settings),
        wish.credential,
        address=address_of(request),
        user_agent=agent_of(request),
    )
    await begin(request, response, database, secret)


@router.post("/me/totp")
async def begin_totp(caller: TheCaller, database: TheDatabase, settings: TheSettings) -> Json:
    """A secret for an authenticator app; codes are asked for once the first one was confirmed."""
    return Json(await second_factor.begin(database, sealer(settings), caller))


@router.post("/me/totp/confirm")
async def confirm_totp(
    caller: TheCaller, database: TheDatabase, settings: TheSettings, wish: CodeInput
) -> dict[str, list[str]]:
    """Turn codes on. The recovery codes are in this answer and nowhere else."""
    codes = await second_factor.confirm(database, settings.address(), sealer(settings), caller, wish.code)
    return {"recovery_codes": codes}


@router.post("/me/totp/off", status_code=204)
async def turn_totp_off(
    caller: TheCaller, database: TheDatabase, settings: TheSettings, wish: CodeInput
) -> None:
    """Turn codes off, with a code of the app or a recovery code."""
    await second_factor.turn_off(database, settings.address(), sealer(settings), caller, wish.code)


@router.post("/me/recovery-codes")
async def renew_recovery_codes(
    caller: TheCaller, database: TheDatabase, settings: TheSettings, wish: CodeInput
) -> dict[str, list[str]]:
    """Fresh recovery codes; the old ones stop working."""
    codes = await second_factor.renew_codes(database, sealer(settings), caller, wish.code)
    return {"recovery_codes": codes}


def sealer(settings: Settings) -> Sealer:
    return Sealer(settings.secret(second_factor.SECRET))


def party_of(request: Request, settings: Settings) -> Party:
    """Our own origin: as set, else as the browser sees it (a passkey is bound to what the browser signs)."""
    base = settings.public_url or str(request.base_url)
    return Party("/".join(base.split("/")[:3]))
