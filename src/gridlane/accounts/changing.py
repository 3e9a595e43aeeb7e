"""What people change about themselves: their name, their language, their password."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts import attempts, letters, mail, passwords
from gridlane.accounts.people import people
from gridlane.accounts.signing_in import end_all
from gridlane.kernel import audit
from gridlane.kernel.access import Caller, NotSignedIn
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.errors import Kind, Refusal


class PasswordWrong(Refusal):
    code = "password_wrong"
    kind = Kind.INVALID
    sentence = "The present password is not right."


async def shown(database: Database, caller: Caller) -> dict[str, Any]:
    """What the screens show of the person; nothing for a key."""
    if caller.person_id is None:
        return {}
    async with database.as_owner() as work:
        person = await person_of(work, caller.person_id)
    return {"full_name": person["name"], "email": person["email"], "language": person["language"]}


async def myself(database: Database, caller: Caller, changes: Mapping[str, Any]) -> None:
    """Raises NotSignedIn."""
    person_id = whose(caller)
    if changes:
        async with database.as_owner() as work:
            mine = people.c.id == person_id
            await work.execute(sa.update(people).where(mine).values(dict(changes)))
            await audit.record(work, caller, "person.changed", person_id, after=changes)


async def password(
    database: Database, address: str, caller: Caller, present: str, new: str, session: str | None
) -> None:
    """Choose another password; every other session ends. ``session`` is the secret of the one that stays.

    Raises NotSignedIn, PasswordWrong, PasswordTooWeak, TooManyAttempts.
    """
    async with database.as_owner() as work:
        person = await person_of(work, whose(caller))
    await attempts.count(database, sign_in__account=person["email"])
    if person["password_hash"] and not await passwords.matches(person["password_hash"], present):
        raise PasswordWrong
    passwords.check_strength(new, person["email"])
    hashed = await passwords.hash_password(new)
    async with database.as_owner() as work:
        mine = people.c.id == caller.person_id
        await work.execute(sa.update(people).where(mine).values(password_hash=hashed))
        await end_all(work, person["id"], but=session)
        await tell(work, address, person, "password", system_clock())
        await audit.record(work, caller, "person.password_changed", person["id"])
    await attempts.forgive(database, sign_in__account=person["email"])


async def tell(work: AsyncConnection, address: str, person: Any, what: str, now: datetime) -> None:
    """A mail that the security of an account has changed (``what`` is a key of letters.CHANGES)."""
    words = letters.CHANGES[what]
    language = person["language"]
    letter = letters.compose(
        "security",
        language,
        f"{address}/app/account",
        name=person["name"],
        what=words.get(language, words["en"]),
        when=now.strftime("%Y-%m-%d %H:%M UTC"),
    )
    await mail.write(work, None, person["email"], letter)


async def told(work: AsyncConnection, address: str, caller: Caller, what: str, now: datetime) -> None:
    """``tell`` the caller."""
    await tell(work, address, await person_of(work, whose(caller)), what, now)


def whose(caller: Caller) -> UUID:
    """The person who asks. Raises NotSignedIn for a key."""
    if caller.person_id is None:
        raise NotSignedIn
    return caller.person_id


async def person_of(work: AsyncConnection, person_id: UUID) -> Any:
    """Raises NotSignedIn for somebody who is gone."""
    found = await work.execute(sa.select(people).where(people.c.id == person_id))
    person = found.mappings().first()
    if person is None:
        raise NotSignedIn
    return person
