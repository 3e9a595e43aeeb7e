"""Proving once more who one is, before what cannot be undone: the password, a passkey, or a sign-in of this moment."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from gridlane.accounts import attempts, changing, passkeys, passwords
from gridlane.accounts.passkeys import Party
from gridlane.accounts.people import hashed, sign_in_sessions
from gridlane.kernel.access import Caller
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.errors import Kind, Refusal

FRESH = timedelta(minutes=10)


class SignInAgain(Refusal):
    code = "sign_in_again"
    kind = Kind.INVALID
    sentence = (
        "Prove that it is you: send your password or a passkey, or sign in again and ask within ten minutes."
    )


async def require(
    database: Database,
    caller: Caller,
    *,
    password: str | None,
    credential: dict[str, Any] | None,
    party: Party,
    session: str | None,
) -> None:
    """The caller is who they say, now. ``session`` is the secret of their cookie.

    Raises NotSignedIn, PasswordWrong, PasskeyRefused, LinkNotValid, SignInAgain, TooManyAttempts.
    """
    person_id = changing.whose(caller)
    if credential is not None:
        if await passkeys.proved(database, party, credential) != person_id:
            raise passkeys.PasskeyRefused(reason="it is somebody else's")
        return
    async with database.as_owner() as work:
        person = await changing.person_of(work, person_id)
    if password and person["password_hash"]:
        await attempts.count(database, sign_in__account=person["email"])
        if not await passwords.matches(person["password_hash"], password):
            raise changing.PasswordWrong
        return
    if not await _just_signed_in(database, session):
        raise SignInAgain


async def _just_signed_in(database: Database, session: str | None) -> bool:
    if session is None:
        return False
    fresh = sa.exists().where(
        sign_in_sessions.c.secret_hash == hashed(session),
        sign_in_sessions.c.created_at > system_clock() - FRESH,
    )
    async with database.as_owner() as work:
        return bool(await work.scalar(sa.select(fresh)))
