"""How people come in: drivers by themselves, staff by invitation, and those who forgot a password come back.

All three go the same way: a mail with a one-time link proves the address, then a password is chosen. Nobody can put a
password on an address that is not theirs, and no answer tells whether an address has an account.
"""

from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts import attempts, letters, links, mail, passwords, second_factor
from gridlane.accounts.links import Link, LinkNotValid
from gridlane.accounts.model import organizations
from gridlane.accounts.people import invitations, memberships, people
from gridlane.accounts.signing_in import begin_session, end_all
from gridlane.kernel import audit
from gridlane.kernel.access import Caller
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.facts import Fact, Recorded, record
from gridlane.kernel.ids import new_id

Screens = Literal["app", "console"]
PURPOSES = ("sign_up", "invite", "reset_password")


class SignUpClosed(Refusal):
    code = "sign_up_closed"
    kind = Kind.NOT_ALLOWED
    sentence = "Drivers cannot sign up by themselves here; ask the operator for an invitation."


class PasswordNeeded(Refusal):
    code = "password_needed"
    kind = Kind.INVALID
    sentence = "Choose a password."


class PersonJoined(Fact, frozen=True, kw_only=True, tag="person_joined"):
    """Somebody belongs to an organization now."""

    person_id: UUID
    role: str


async def open_organizations(work: AsyncConnection) -> list[dict[str, Any]]:
    """Where drivers may join by themselves, the oldest first."""
    query = sa.select(organizations.c.id, organizations.c.name).where(organizations.c.sign_up)
    return [dict(row) for row in (await work.execute(query.order_by(organizations.c.created_at))).mappings()]


async def ask_to_join(
    database: Database,
    address: str,
    *,
    email: str,
    name: str,
    language: str,
    organization_id: UUID | None,
    network: str,
) -> None:
    """A driver signs up: a mail goes out, whatever is known of the address. ``address`` is where our screens are.

    Raises SignUpClosed, TooManyAttempts.
    """
    email = email.lower()
    await attempts.count(database, mail__account=email, mail__network=network)
    async with database.as_owner() as work:
        organization = await _open_organization(work, organization_id)
        person = await _person(work, email)
        if person is not None and await _belongs(work, organization["id"], person["id"]):
            url, about = f"{address}/app/account", "known"
            name = person["name"]
        else:
            details = {"name": name, "language": language, "organization_id": str(organization["id"])}
            secret = await links.make(work, "sign_up", email=email, details=details)
            url, about = f"{address}/app/welcome#{secret}", "sign_up"
        letter = letters.compose(about, language, url, name=name, organization=organization["name"])
        await mail.write(work, organization["id"], email, letter)


async def ask_for_new_password(
    database: Database, address: str, *, email: str, screens: Screens, network: str
) -> None:
    """Send a link by which a forgotten password is replaced; nothing is sent to strangers. Raises TooManyAttempts."""
    email = email.lower()
    await attempts.count(database, mail__account=email, mail__network=network)
    async with database.as_owner() as work:
        person = await _person(work, email)
        if person is None:
            return
        await links.withdraw(work, "reset_password", email)
        secret = await links.make(work, "reset_password", email=email)
        url = f"{address}/{screens}/welcome#{secret}"
        letter = letters.compose("reset_password", person["language"], url, name=person["name"])
        await mail.write(work, None, email, letter)


async def look(database: Database, secret: str, network: str) -> dict[str, Any]:
    """What a link is about, for the page that it opens. Raises LinkNotValid, TooManyAttempts."""
    await attempts.count(database, link__network=network)
    async with database.as_owner() as work:
        link = await links.look(work, secret, *PURPOSES)
        wish = await _wish(work, link)
        person = await _person(work, str(link.email))
        name = wish.get("organization_id") and await work.scalar(
            sa.select(organizations.c.name).where(organizations.c.id == UUID(wish["organization_id"]))
        )
    return {
        "purpose": link.purpose,
        "email": link.email,
        "name": person["name"] if person else wish.get("name", ""),
        "organization": name or None,
        "role": wish.get("role"),
        "password_needed": link.purpose == "reset_password" or person is None,
    }


async def accept(
    database: Database, secret: str, *, name: str, password: str | None, address: str, user_agent: str
) -> str | None:
    """Use a link; gives the secret of a new session, or None where somebody with an account still has to sign in.

    Raises LinkNotValid, PasswordNeeded, PasswordTooWeak. A refusal leaves the link as it was.
    """
    async with database.as_owner() as work:
        link = await links.look(work, secret, *PURPOSES)
    email = str(link.email)
    password_hash = None
    if password:
        passwords.check_strength(password, email)
        password_hash = await passwords.hash_password(password)
    async with database.as_owner() as work:
        link = await links.use(work, secret, *PURPOSES)
        person = await _person(work, email)
        signs_in: UUID | None = (
            await _set_password(work, person, password_hash)
            if link.purpose == "reset_password"
            else await _join(work, link, person, name, password_hash)
        )
        if signs_in is None or await second_factor.is_on(work, signs_in):
            return None
        return await begin_session(work, signs_in, address=address, user_agent=user_agent)


async def _join(
    work: AsyncConnection, link: Link, person: Any, name: str, password_hash: str | None
) -> UUID | None:
    """Make the person a member, and the person where there is none yet; gives who may be signed in at once."""
    wish = await _wish(work, link)
    is_new = person is None
    if is_new:
        if password_hash is None:
            raise PasswordNeeded
        name = name.strip() or wish.get("name", "")
        person = await add_person(work, str(link.email), name, wish["language"], password_hash)
    organization_id = UUID(wish["organization_id"])
    await add_member(work, organization_id, person, wish.get("role", "driver"), wish.get("sites"))
    if "invitation_id" in link.details:
        invitation = invitations.c.id == UUID(link.details["invitation_id"])
        await work.execute(sa.delete(invitations).where(invitation))
    return person["id"] if is_new else None


async def _set_password(work: AsyncConnection, person: Any, password_hash: str | None) -> UUID:
    """A new password ends every session. Raises LinkNotValid for a person who is gone, PasswordNeeded."""
    if person is None:
        raise LinkNotValid
    if password_hash is None:
        raise PasswordNeeded
    await work.execute(
        sa.update(people).where(people.c.id == person["id"]).values(password_hash=password_hash)
    )
    await end_all(work, person["id"])
    await audit.record(work, _herself(person, None), "person.password_reset", person["id"])
    id_: UUID = person["id"]
    return id_


async def add_person(
    work: AsyncConnection, email: str, name: str, language: str, password_hash: str | None
) -> dict[str, Any]:
    """A person whose address was proved."""
    now = system_clock()
    person = {"id": new_id(), "email": email, "name": name, "language": language, "created_at": now}
    await work.execute(sa.insert(people).values(**person, password_hash=password_hash, verified_at=now))
    return person


async def add_member(
    work: AsyncConnection, organization_id: UUID, person: Any, role: str, sites: list[str] | None
) -> None:
    """The person belongs to the organization; who was a member gets the role of the invitation."""
    values = {"role": role, "sites": sites}
    await work.execute(
        insert(memberships)
        .values(organization_id=organization_id, person_id=person["id"], since=system_clock(), **values)
        .on_conflict_do_update(index_elements=["organization_id", "person_id"], set_=values)
    )
    fact = PersonJoined(person_id=person["id"], role=role)
    await record(work, [Recorded(fact, person["id"], organization_id, system_clock())])
    await audit.record(work, _herself(person, organization_id), "person.joined", person["id"], after=values)


async def _wish(work: AsyncConnection, link: Link) -> dict[str, Any]:
    """What the link was made with; an invitation that was changed or withdrawn since counts as it is now.

    Raises LinkNotValid.
    """
    if link.purpose != "invite":
        return link.details
    query = sa.select(invitations).where(invitations.c.id == UUID(link.details["invitation_id"]))
    invitation = (await work.execute(query)).mappings().first()
    if invitation is None:
        raise LinkNotValid
    return {**invitation, "organization_id": str(invitation["organization_id"])}


async def _open_organization(work: AsyncConnection, organization_id: UUID | None) -> dict[str, Any]:
    for one in await open_organizations(work):
        if organization_id in (None, one["id"]):
            return one
    raise SignUpClosed


async def _person(work: AsyncConnection, email: str) -> Any:
    return (await work.execute(sa.select(people).where(people.c.email == email))).mappings().first()


async def _belongs(work: AsyncConnection, organization_id: UUID, person_id: UUID) -> bool:
    membership = sa.and_(
        memberships.c.organization_id == organization_id, memberships.c.person_id == person_id
    )
    return bool(await work.scalar(sa.select(sa.exists().where(membership))))


def _herself(person: Any, organization_id: UUID | None) -> Caller:
    return Caller("person", person["email"], organization_id, person["id"])
