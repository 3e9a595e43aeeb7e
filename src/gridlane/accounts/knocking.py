"""Signing in with a password, and with a code where one is asked for. Counted before anything is tried."""

import sqlalchemy as sa

from gridlane.accounts import attempts, passwords, second_factor
from gridlane.accounts.people import people
from gridlane.accounts.second_factor import Sealer
from gridlane.accounts.signing_in import begin_session
from gridlane.kernel.database import Database
from gridlane.kernel.errors import Kind, Refusal
from gridlane.stations.transport.turnstile import network_of


class SignInFailed(Refusal):
    code = "sign_in_failed"
    kind = Kind.NOT_SIGNED_IN
    sentence = "The mail address or the password is wrong."


async def with_password(
    database: Database,
    screens: str,
    sealer: Sealer,
    *,
    email: str,
    password: str,
    code: str | None,
    address: str,
    user_agent: str,
) -> str:
    """Sign in; gives the session's secret for the cookie. ``screens`` is where our screens are.

    Raises SignInFailed, CodeNeeded, CodeWrong, TooManyAttempts.
    """
    counted = {"sign_in__account": email.lower(), "sign_in__network": network_of(address)}
    await attempts.count(database, **counted)
    async with database.as_owner() as work:
        found = await work.execute(sa.select(people).where(people.c.email == email.lower()))
        person = found.mappings().first()
    if not await passwords.matches(person["password_hash"] if person else None, password):
        raise SignInFailed
    assert person is not None
    async with database.as_owner() as work:
        await second_factor.check(work, screens, sealer, person, code)
        secret = await begin_session(work, person["id"], address=address, user_agent=user_agent)
    await attempts.forgive(database, **counted)
    return secret
