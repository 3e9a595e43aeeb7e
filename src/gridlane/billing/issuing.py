"""Documents get their numbers and are stored: once, in order, without a gap.

The counter row of a series stays locked until the document that took the number is committed, so a crash gives the
number back and no two documents share one. The PDF is drawn from the stored content whenever it is asked for.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.model import organizations
from gridlane.accounts.people import people
from gridlane.billing.invoicing import Document, DocumentKind, Party, Series, Service, number_in
from gridlane.billing.model import billing_details, documents, invoice_series
from gridlane.kernel import facts
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.facts import Fact, Recorded
from gridlane.kernel.ids import new_id
from gridlane.kernel.money import Money
from gridlane.stations.model import evses, sites, stations

PREFIXES = {DocumentKind.INVOICE: "INV-", DocumentKind.RECEIPT: "INV-", DocumentKind.CREDIT_NOTE: "CN-"}


class DocumentIssued(Fact, frozen=True, kw_only=True, tag="document_issued"):
    """An invoice, receipt or credit note is final; whoever is to get it can be sent it."""

    document_id: UUID
    kind: DocumentKind
    number: str
    person_id: UUID | None
    session_id: UUID | None


class DocumentUnknown(Refusal):
    code = "document_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no document {document}."


async def take_number(work: AsyncConnection, organization_id: UUID, kind: DocumentKind, year: int) -> str:
    """The next number of the series. Others wait until this unit of work is over."""
    series = Series(PREFIXES[kind], year)
    taken = await work.scalar(
        insert(invoice_series)
        .values(organization_id=organization_id, prefix=series.prefix, year=year, last=1)
        .on_conflict_do_update(
            index_elements=["organization_id", "prefix", "year"], set_={"last": invoice_series.c.last + 1}
        )
        .returning(invoice_series.c.last)
    )
    return number_in(series, int(taken or 0))


async def store(
    work: AsyncConnection,
    organization_id: UUID,
    document: Document,
    now: datetime,
    *,
    person_id: UUID | None = None,
    session_id: UUID | None = None,
    corrects_id: UUID | None = None,
) -> UUID:
    """Keep a numbered document and report it, within the caller's unit of work."""
    id_ = new_id()
    await work.execute(
        sa.insert(documents).values(
            id=id_,
            organization_id=organization_id,
            person_id=person_id,
            session_id=session_id,
            kind=document.kind.value,
            number=document.number,
            corrects_id=corrects_id,
            issued_at=now,
            currency=document.gross.currency,
            gross=document.gross.amount,
            content=msgspec.json.encode(document).decode(),
        )
    )
    fact = DocumentIssued(
        document_id=id_,
        kind=document.kind,
        number=document.number,
        person_id=person_id,
        session_id=session_id,
    )
    await facts.record(work, [Recorded(fact, session_id or id_, organization_id, now)])
    return id_


async def read(work: AsyncConnection, document_id: UUID) -> Document:
    """Raises DocumentUnknown, also for what the unit of work may not see."""
    content = await work.scalar(sa.select(documents.c.content).where(documents.c.id == document_id))
    if content is None:
        raise DocumentUnknown(document=document_id)
    return msgspec.json.decode(content, type=Document)


class Standing(msgspec.Struct, frozen=True):
    """A document, and how much of it credit notes have taken back."""

    id: UUID
    document: Document
    credited: Money


async def latest_of_session(work: AsyncConnection, session_id: UUID) -> Standing | None:
    """The last invoice or receipt of a session. Locked, so that two credit notes cannot take back the same."""
    query = (
        sa.select(documents.c.id, documents.c.content)
        .where(documents.c.session_id == session_id, documents.c.kind != DocumentKind.CREDIT_NOTE.value)
        .order_by(documents.c.id.desc())
        .limit(1)
        .with_for_update()
    )
    row = (await work.execute(query)).first()
    if row is None:
        return None
    document = msgspec.json.decode(row.content, type=Document)
    credited = await work.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(documents.c.gross), 0)).where(
            documents.c.corrects_id == row.id
        )
    )
    return Standing(row.id, document, Money.of(credited or 0, document.gross.currency))


async def seller(work: AsyncConnection, organization_id: UUID) -> Party:
    """The organization as a seller: its details of billing, else its name and country."""
    row = (
        (await work.execute(sa.select(organizations).where(organizations.c.id == organization_id)))
        .mappings()
        .first()
    )
    if row is None:
        return Party(name="Gridlane")
    details: dict[str, Any] = dict(row["details"]).get("billing", {})
    return msgspec.convert({"name": row["name"], "country": row["country"], **details}, Party)


async def buyer(work: AsyncConnection, person_id: UUID | None, country: str, guest: str) -> Party:
    """A person as a buyer: as their billing details say, else by name; or a guest of whom only the country is known."""
    told = sa.select(billing_details.c.content).where(billing_details.c.person_id == person_id)
    content = await work.scalar(told) if person_id else None
    if content is not None:
        return msgspec.json.decode(content, type=Party)
    row = (
        (await work.execute(sa.select(people).where(people.c.id == person_id))).mappings().first()
        if person_id
        else None
    )
    if row is None:
        return Party(name=guest, country=country)
    return Party(name=row["name"] or row["email"], country=country, email=row["email"])


async def service_of(
    work: AsyncConnection, session: dict[str, Any], time_zone: str, end: datetime
) -> Service:
    """Where and when a session took place, as its invoice says it."""
    query = (
        sa.select(
            sites.c.name, sites.c.address, sites.c.city, evses.c.public_id, stations.c.name.label("station")
        )
        .select_from(stations)
        .join(sites, sites.c.id == stations.c.site_id, isouter=True)
        .join(
            evses,
            sa.and_(evses.c.station_id == stations.c.id, evses.c.number == session["evse"]),
            isouter=True,
        )
        .where(stations.c.id == session["station_id"])
    )
    row = (await work.execute(query)).first()
    place = ", ".join(part for part in (row.name, row.address, row.city) if part) if row else ""
    return Service(
        start=session["started_at"],
        end=end,
        time_zone=time_zone,
        place=place or (row.station if row else ""),
        evse=(row.public_id or "") if row else "",
    )
