"""Notices: announcements, planned maintenance and outages, told to those whom they concern.

Whom a notice of certain sites concerns: who has charged there within the last three months, or charges there now. A
notice of no site concerns every driver. It goes into their inboxes once, and stands at the places while it holds.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts import inbox
from gridlane.accounts.people import memberships, people
from gridlane.charging.model import sessions
from gridlane.kernel import audit, facts
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.facts import Fact, Recorded
from gridlane.kernel.ids import new_id
from gridlane.support.model import notices

REMEMBERED = timedelta(days=90)
KINDS = ("announcement", "maintenance", "outage")


class NoticePublished(Fact, frozen=True, kw_only=True, tag="notice_published"):
    """A notice is out; those whom it concerns are to be told."""

    notice_id: UUID


class NoticeUnknown(Refusal):
    code = "notice_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no notice {notice}."


class NoticeEmpty(Refusal):
    code = "notice_empty"
    kind = Kind.INVALID
    sentence = "A notice ends after it begins; {ends_at} is not after {starts_at}."


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be told. ``words`` by language: title and text; a language that is missing reads English."""

    kind: str
    words: dict[str, tuple[str, str]]
    sites: tuple[UUID, ...] = ()
    starts_at: datetime
    ends_at: datetime | None = None


async def publish(work: AsyncConnection, caller: Caller, wish: Wish, now: datetime) -> UUID:
    """Put a notice out. Raises NotAllowed, NoticeEmpty."""
    caller.require(Permission.SUPPORT_WRITE)
    if wish.ends_at is not None and wish.ends_at <= wish.starts_at:
        raise NoticeEmpty(starts_at=wish.starts_at.isoformat(), ends_at=wish.ends_at.isoformat())
    id_ = new_id()
    await work.execute(
        sa.insert(notices).values(
            id=id_,
            organization_id=caller.organization_id,
            kind=wish.kind,
            words=msgspec.json.encode(wish.words).decode(),
            sites=list(wish.sites),
            starts_at=wish.starts_at,
            ends_at=wish.ends_at,
            created_at=now,
            created_by=caller.name,
        )
    )
    await facts.record(work, [Recorded(NoticePublished(notice_id=id_), id_, caller.organization_id, now)])
    await audit.record(work, caller, "notice.published", id_, after={"kind": wish.kind, "words": wish.words})
    return id_


async def withdraw(work: AsyncConnection, caller: Caller, notice_id: UUID, now: datetime) -> None:
    """It holds no more. Raises NotAllowed, NoticeUnknown."""
    caller.require(Permission.SUPPORT_WRITE)
    gone = sa.update(notices).where(notices.c.id == notice_id, notices.c.withdrawn_at.is_(None))
    if (await work.execute(gone.values(withdrawn_at=now).returning(notices.c.id))).first() is None:
        raise NoticeUnknown(notice=notice_id)
    await audit.record(work, caller, "notice.withdrawn", notice_id)


async def tell(work: AsyncConnection, notice_id: UUID, now: datetime) -> int:
    """Put it into the inboxes of those whom it concerns; gives how many. May run twice."""
    row = (await work.execute(sa.select(notices).where(notices.c.id == notice_id))).mappings().first()
    if row is None or row["withdrawn_at"] is not None:
        return 0
    told = 0
    for person in await _concerned(work, row["organization_id"], row["sites"], now):
        title, text = words_of(row, person.language)
        news = inbox.News(topic="network", key=f"notice:{notice_id}", title=title, text=text)
        told += await inbox.put(work, row["organization_id"], person.id, news, now) is not None
    changed = sa.update(notices).where(notices.c.id == notice_id)
    await work.execute(changed.values(told=notices.c.told + told))
    return told


async def current(work: AsyncConnection, now: datetime, *, site_id: UUID | None = None) -> list[Any]:
    """The notices that hold now or are announced, of a site and of all, the next to begin first."""
    query = sa.select(notices).where(
        notices.c.withdrawn_at.is_(None), sa.or_(notices.c.ends_at.is_(None), notices.c.ends_at > now)
    )
    if site_id is not None:
        query = query.where(
            sa.or_(sa.func.cardinality(notices.c.sites) == 0, sa.literal(site_id) == sa.any_(notices.c.sites))
        )
    return list((await work.execute(query.order_by(notices.c.starts_at))).mappings())


def words_of(row: Any, language: str) -> tuple[str, str]:
    """Title and text in a language, else in English, else in whatever there is."""
    words: dict[str, tuple[str, str]] = msgspec.json.decode(row["words"], type=dict[str, tuple[str, str]])
    return words.get(language) or words.get("en") or next(iter(words.values()))


async def _concerned(
    work: AsyncConnection, organization_id: UUID, sites: Sequence[UUID], now: datetime
) -> Sequence[Any]:
    of = sa.select(people.c.id, people.c.language)
    if not sites:
        drivers = sa.select(memberships.c.person_id).where(
            memberships.c.organization_id == organization_id, memberships.c.role == "driver"
        )
        return (await work.execute(of.where(people.c.id.in_(drivers)))).all()
    recent = sa.select(sessions.c.person_id).where(
        sessions.c.organization_id == organization_id,
        sessions.c.site_id.in_(sites),
        sa.or_(sessions.c.started_at > now - REMEMBERED, sessions.c.status == "active"),
        sessions.c.person_id.is_not(None),
    )
    return (await work.execute(of.where(people.c.id.in_(recent)))).all()
