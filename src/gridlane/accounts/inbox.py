"""A person's inbox: what happened that concerns them, kept in the app; from here it goes on to mail and push.

Whoever has news for a person puts it here, in the transaction that makes it true. A message with a key is told once.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.kernel import facts
from gridlane.kernel.database import metadata
from gridlane.kernel.facts import Fact, Recorded
from gridlane.kernel.ids import new_id

TOPICS = {
    "charge": "one's own charges: begun, ended, failed",
    "money": "bills, refunds, the wallet",
    "support": "answers to one's questions",
    "waiting": "a plug is free, it is one's turn",
    "network": "announcements, maintenance and outages where one charges",
}
"""What a person can choose to be told of, by channel."""

CHANNELS = ("mail", "push")
_MAILED = ("money", "support")
"""Topics that come by mail where nobody has chosen otherwise; push is on for all once a device takes it."""

inbox_messages = sa.Table(
    "inbox_messages",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=True),
    sa.Column("person_id", sa.Uuid, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("topic", sa.Text, nullable=False, comment="accounts.inbox.TOPICS"),
    sa.Column("key", sa.Text, nullable=False, comment="what is told once"),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("link", sa.Text, nullable=True, comment="path in the drivers' app"),
    sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("mailed_at", sa.DateTime(timezone=True), nullable=True),
    sa.UniqueConstraint("person_id", "key"),
    sa.Index(None, "person_id", "at", "id"),
    comment="news for a person, in the app",
)

notification_choices = sa.Table(
    "notification_choices",
    metadata,
    sa.Column("person_id", sa.Uuid, primary_key=True),
    sa.Column("choices", JSONB, nullable=False, comment="topic -> channel -> whether"),
    sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
)


class NewsWritten(Fact, frozen=True, kw_only=True, tag="news_written"):
    """Something for a person is in their inbox; it may also go by mail and push."""

    message_id: UUID
    person_id: UUID
    topic: str


class News(msgspec.Struct, frozen=True, kw_only=True):
    """What is told, in the person's language."""

    topic: str
    key: str
    title: str
    text: str
    link: str | None = None


async def put(
    work: AsyncConnection, organization_id: UUID | None, person_id: UUID, news: News, now: datetime
) -> UUID | None:
    """Put news into an inbox, within the caller's unit of work; None where the key was told before."""
    id_ = new_id()
    made = await work.execute(
        insert(inbox_messages)
        .values(
            id=id_,
            organization_id=organization_id,
            person_id=person_id,
            at=now,
            **msgspec.structs.asdict(news),
        )
        .on_conflict_do_nothing()
        .returning(inbox_messages.c.id)
    )
    if made.first() is None:
        return None
    fact = NewsWritten(message_id=id_, person_id=person_id, topic=news.topic)
    await facts.record(work, [Recorded(fact, person_id, organization_id, now)])
    return id_


async def mark_read(
    work: AsyncConnection, person_id: UUID, now: datetime, message_id: UUID | None = None
) -> int:
    """One message, or all of a person, were read; gives how many were not before."""
    unread = sa.and_(inbox_messages.c.person_id == person_id, inbox_messages.c.read_at.is_(None))
    query = sa.update(inbox_messages).where(unread)
    if message_id is not None:
        query = query.where(inbox_messages.c.id == message_id)
    return (await work.execute(query.values(read_at=now))).rowcount


async def unread(work: AsyncConnection, person_id: UUID) -> int:
    query = sa.select(sa.func.count()).where(
        inbox_messages.c.person_id == person_id, inbox_messages.c.read_at.is_(None)
    )
    return int(await work.scalar(query) or 0)


async def choices_of(work: AsyncConnection, person_id: UUID) -> dict[str, dict[str, bool]]:
    """Whether each topic goes by each channel: what the person chose, else what is usual."""
    query = sa.select(notification_choices.c.choices).where(notification_choices.c.person_id == person_id)
    chosen: dict[str, Any] = await work.scalar(query) or {}
    return {
        topic: {
            channel: bool(chosen.get(topic, {}).get(channel, usual(topic, channel))) for channel in CHANNELS
        }
        for topic in TOPICS
    }


def usual(topic: str, channel: str) -> bool:
    """Whether a topic goes by a channel where the person has not chosen."""
    return channel == "push" or topic in _MAILED


async def choose(
    work: AsyncConnection, person_id: UUID, wanted: dict[str, dict[str, bool]], now: datetime
) -> None:
    """Keep what a person wants to be told of; other words than the known are left out."""
    kept = {
        topic: {channel: bool(on) for channel, on in by.items() if channel in CHANNELS}
        for topic, by in wanted.items()
        if topic in TOPICS
    }
    values = {"choices": {**await choices_of(work, person_id), **kept}, "changed_at": now}
    made = insert(notification_choices).values(person_id=person_id, **values)
    await work.execute(made.on_conflict_do_update(index_elements=["person_id"], set_=values))
