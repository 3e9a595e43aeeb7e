"""What people may ask of their own data: all of it as one archive, and to be forgotten.

What there is and what becomes of it every package says itself (``kernel.personal``); here it is put together. What the
law keeps (bills, the ledger) stays under an id that leads to nobody any more.
"""

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts import changing
from gridlane.accounts.belonging import check_reach, member
from gridlane.accounts.people import people
from gridlane.kernel import audit
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database, metadata
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.facts import Fact, Recorded, record
from gridlane.kernel.personal import After, Holding, Person, Share

KEPT_FOR = timedelta(days=7)

personal_archives = sa.Table(
    "personal_archives",
    metadata,
    sa.Column("person_id", sa.Uuid, primary_key=True),
    sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("content", sa.LargeBinary, nullable=True, comment="a zip file"),
    comment="archives that people asked for of everything that is known of them",
)


class ArchiveMissing(Refusal):
    code = "archive_missing"
    kind = Kind.NOT_FOUND
    sentence = "There is no archive to fetch; ask for one, and it is here in a moment."


class ArchiveAsked(Fact, frozen=True, kw_only=True, tag="archive_asked"):
    """A person asked for everything that is known of them."""

    person_id: UUID


class PersonForgotten(Fact, frozen=True, kw_only=True, tag="person_forgotten"):
    """A person is forgotten; what is kept of them names nobody."""

    person_id: UUID


# ---- the archive ----------------------------------------------------------------------------------------------------


async def ask(database: Database, caller: Caller) -> dict[str, Any]:
    """Ask for one's archive; it replaces the one before. Raises NotSignedIn."""
    person_id, now = changing.whose(caller), system_clock()
    fresh = {"asked_at": now, "made_at": None, "expires_at": None, "content": None}
    async with database.as_owner() as work:
        asked = insert(personal_archives).values(person_id=person_id, **fresh)
        await work.execute(asked.on_conflict_do_update(index_elements=["person_id"], set_=fresh))
        fact = ArchiveAsked(person_id=person_id)
        await record(work, [Recorded(fact, person_id, caller.organization_id, now)])
        await audit.record(work, caller, "person.archive_asked", person_id)
    return await state(database, caller)


async def state(database: Database, caller: Caller) -> dict[str, Any]:
    """Where one's archive stands: ``none``, ``making`` or ``ready``. Raises NotSignedIn."""
    size = sa.func.length(personal_archives.c.content).label("size")
    columns = [personal_archives.c[name] for name in ("asked_at", "made_at", "expires_at")]
    async with database.as_owner() as work:
        row = (await work.execute(sa.select(*columns, size).where(_mine(caller)))).mappings().first()
    if row is None or (row["expires_at"] is not None and row["expires_at"] <= system_clock()):
        return {"state": "none"}
    return {"state": "making" if row["made_at"] is None else "ready", **row}


async def fetch(database: Database, caller: Caller) -> bytes:
    """One's archive as a zip file. Raises NotSignedIn, ArchiveMissing."""
    fresh = personal_archives.c.expires_at > system_clock()
    async with database.as_owner() as work:
        content: bytes | None = await work.scalar(
            sa.select(personal_archives.c.content).where(_mine(caller), fresh)
        )
        if content is None:
            raise ArchiveMissing
        await audit.record(work, caller, "person.archive_fetched", caller.person_id)
    return content


async def make(database: Database, shares: Sequence[Share], person_id: UUID) -> None:
    """Put the archive together that a person asked for; somebody who is gone is left alone."""
    async with database.as_owner() as work:
        person = await _known(work, person_id)
        if person is None:
            return
        files = await _files(work, shares, person)
        now = system_clock()
        made = {"content": _packed(files, person), "made_at": now, "expires_at": now + KEPT_FOR}
        mine = personal_archives.c.person_id == person_id
        await work.execute(sa.update(personal_archives).where(mine).values(made))


async def forget_archives(database: Database) -> None:
    """Remove archives whose time is over."""
    async with database.as_owner() as work:
        over = personal_archives.c.expires_at <= system_clock()
        await work.execute(sa.delete(personal_archives).where(over))


def _mine(caller: Caller) -> sa.ColumnElement[bool]:
    return personal_archives.c.person_id == changing.whose(caller)


async def _files(work: AsyncConnection, shares: Sequence[Share], person: Person) -> dict[str, bytes]:
    rows: dict[str, list[dict[str, Any]]] = {}
    for holding in _holdings(shares):
        theirs = await work.execute(sa.select(*_told(holding)).where(holding.of(person)))
        found = [_readable(row) for row in theirs.mappings()]
        known = rows.setdefault(holding.table.name, [])
        known += [row for row in found if row not in known]
    files = {f"{name}.json": _json(found) for name, found in sorted(rows.items()) if found}
    for share in shares:
        files |= await share.files(work, person)
    return files


def _told(holding: Holding) -> Iterator[sa.Column[Any]]:
    """What people are told: everything but what would let somebody in."""
    for column in holding.table.c:
        if column.name not in holding.hidden and not isinstance(column.type, sa.LargeBinary):
            yield column


def _readable(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): _unpacked(value) for name, value in row.items() if value is not None}


def _unpacked(value: Any) -> Any:
    """Structures that are stored as text are told as structures."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return msgspec.json.decode(value)
        except msgspec.DecodeError:
            return value
    return value


def _json(content: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(content, enc_hook=str))


def _packed(files: Mapping[str, bytes], person: Person) -> bytes:
    content = io.BytesIO()
    told = "".join(f"{name}\n" for name in files)
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(
            "README.txt",
            f"Everything that is known of {person.email}: one JSON file for each kind of thing, invoices as PDF.\n"
            "Numbers of cards and secrets that would let somebody in are left out.\n\n" + told,
        )
        for name, one in files.items():
            packed.writestr(name, one)
    return content.getvalue()


# ---- to be forgotten ------------------------------------------------------------------------------------------------


async def obstacles(database: Database, shares: Sequence[Share], caller: Caller) -> list[Refusal]:
    """What has to be settled before the caller can be forgotten. Raises NotSignedIn."""
    async with database.as_owner() as work:
        person = await changing.person_of(work, changing.whose(caller))
        return await _obstacles(work, shares, Person(person["id"], person["email"]))


def kept(shares: Sequence[Share]) -> list[dict[str, str]]:
    """What stays when somebody is forgotten, and why."""
    return [
        {"what": str(one.table.name), "why": one.why} for one in _holdings(shares) if one.after is After.KEPT
    ]


async def forget(database: Database, shares: Sequence[Share], caller: Caller) -> None:
    """Forget the caller, who has proved to be who they are.

    Raises NotSignedIn, and the first of what has to be settled before.
    """
    async with database.as_owner() as work:
        row = await changing.person_of(work, changing.whose(caller))
        await _forget(work, shares, caller, Person(row["id"], row["email"]), reason="asked by themselves")


async def forget_for(
    database: Database, shares: Sequence[Share], caller: Caller, person_id: UUID, reason: str
) -> None:
    """Forget somebody who asked the organization to. Who has dealings with another organization too keeps the account.

    Raises NotAllowed, NotAMember, RoleNotYours, SitesNotYours, and the first of what has to be settled before.
    """
    caller.require(Permission.PEOPLE_FORGET)
    async with database.unit_of_work(caller.scope) as work:
        found = await member(work, caller, person_id)
        check_reach(caller, found)
    async with database.as_owner() as work:
        person = Person(person_id, found["email"])
        if await _dealt_with_elsewhere(work, shares, person, caller.organization_id):
            person = Person(person_id, found["email"], caller.organization_id)
        await _forget(work, shares, caller, person, reason=reason)


async def _forget(
    work: AsyncConnection, shares: Sequence[Share], caller: Caller, person: Person, *, reason: str
) -> None:
    await work.execute(sa.select(people.c.id).where(people.c.id == person.id).with_for_update())
    for refusal in await _obstacles(work, shares, person):
        raise refusal
    for share in shares:
        await share.parting(work, person)
    for holding in _holdings(shares):
        if holding.after is After.REMOVED:
            await work.execute(sa.delete(holding.table).where(holding.of(person)))
        elif holding.blank:
            values = {name: one(person) if callable(one) else one for name, one in holding.blank.items()}
            await work.execute(sa.update(holding.table).where(holding.of(person)).values(values))
    now = system_clock()
    fact = PersonForgotten(person_id=person.id)
    await record(work, [Recorded(fact, person.id, caller.organization_id, now)])
    nobody = Caller(caller.kind, str(person.id), caller.organization_id)
    by = nobody if caller.person_id == person.id else caller
    await audit.record(work, by, "person.forgotten", person.id, reason=reason)


async def _obstacles(work: AsyncConnection, shares: Sequence[Share], person: Person) -> list[Refusal]:
    return [one for share in shares for one in await share.obstacles(work, person)]


async def _dealt_with_elsewhere(
    work: AsyncConnection, shares: Sequence[Share], person: Person, organization_id: UUID | None
) -> bool:
    for holding in _holdings(shares):
        if holding.via is not None or "organization_id" not in holding.table.c:
            continue
        elsewhere = holding.table.c.organization_id != organization_id
        if await work.scalar(sa.select(sa.exists().where(holding.of(person), elsewhere))):
            return True
    return False


async def _known(work: AsyncConnection, person_id: UUID) -> Person | None:
    row = (await work.execute(sa.select(people.c.id, people.c.email).where(people.c.id == person_id))).first()
    return None if row is None else Person(row.id, row.email)


def _holdings(shares: Sequence[Share]) -> Iterator[Holding]:
    return (holding for share in shares for holding in share.holdings)
