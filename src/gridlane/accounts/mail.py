"""Mails: written in the unit of work that causes them, sent by a worker over SMTP after its commit.

A mail's text is removed once it has left, since it may hold a one-time link. Without a mail server mails wait; the
person who runs the installation reads them with ``gridlane admin mails``.
"""

from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.letters import Letter
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database, metadata
from gridlane.kernel.facts import Fact, Recorded, record
from gridlane.kernel.ids import new_id
from gridlane.kernel.settings import Settings

log = structlog.get_logger(__name__)

SECONDS = 30
TRIED_FOR = timedelta(days=2)

mails = sa.Table(
    "mails",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=True),
    sa.Column("recipient", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=True, comment="removed once it was sent"),
    sa.Column("html", sa.Text, nullable=True, comment="removed once it was sent"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True, comment="the server will never take it"),
    sa.Column("trouble", sa.Text, nullable=True, comment="what the mail server said last"),
    sa.Index("ix_mails_waiting", "created_at", postgresql_where=sa.text("sent_at IS NULL AND refused_at IS NULL")),
    comment="mails that wait or were sent",
)  # fmt: skip


class MailWritten(Fact, frozen=True, kw_only=True, tag="mail_written"):
    """A mail is to be sent."""

    mail_id: UUID


async def write(work: AsyncConnection, organization_id: UUID | None, recipient: str, letter: Letter) -> UUID:
    """Put a mail into the outbox, in the caller's unit of work."""
    mail_id, now = new_id(), system_clock()
    await work.execute(
        sa.insert(mails).values(
            id=mail_id,
            organization_id=organization_id,
            recipient=recipient,
            subject=letter.subject,
            text=letter.text,
            html=letter.html,
            created_at=now,
        )
    )
    await record(work, [Recorded(MailWritten(mail_id=mail_id), mail_id, organization_id, now)])
    return mail_id


async def send(database: Database, settings: Settings, mail_id: UUID) -> None:
    """Send a mail that waits; one that was sent or that another worker is sending is left alone.

    Raises aiosmtplib.SMTPException or OSError when the server cannot take it now: the job comes again.
    """
    if settings.mail_url is None:
        log.warning("a mail waits, there is no mail server: see `gridlane admin mails`")
        return
    import aiosmtplib

    async with database.as_owner() as work:
        mail = await _taken(work, mail_id)
        if mail is None:
            return
        changes: dict[str, Any] = {"sent_at": system_clock(), "trouble": None, "text": None, "html": None}
        try:
            await _deliver(settings, mail)
        except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPDataError) as refusal:
            said = refusal.recipients[0] if isinstance(refusal, aiosmtplib.SMTPRecipientsRefused) else refusal
            if said.code < 500:
                raise
            changes = {"refused_at": system_clock(), "trouble": f"{said.code} {said.message}"}
            log.warning("mail refused", mail=str(mail_id), trouble=changes["trouble"])
        await work.execute(sa.update(mails).where(mails.c.id == mail_id).values(changes))


async def send_waiting(database: Database, settings: Settings, now: datetime) -> int:
    """Try again what still waits; gives how many were tried."""
    async with database.as_owner() as work:
        unsent = await waiting(work, now)
    if settings.mail_url is None:
        return 0
    import aiosmtplib

    for mail in unsent:
        try:
            await send(database, settings, mail["id"])
        except (aiosmtplib.SMTPException, OSError) as trouble:
            await _note_trouble(database, mail["id"], str(trouble))
    return len(unsent)


async def forget_texts(database: Database, now: datetime) -> None:
    """The texts of mails that could not be sent in time are removed."""
    async with database.as_owner() as work:
        stale = sa.and_(mails.c.created_at < now - TRIED_FOR, mails.c.text.is_not(None))
        await work.execute(sa.update(mails).where(stale).values(text=None, html=None))


async def waiting(work: AsyncConnection, now: datetime) -> list[dict[str, Any]]:
    """Mails with their text, for the person who runs the installation."""
    return [dict(row) for row in (await work.execute(_waiting(now - TRIED_FOR))).mappings()]


def _waiting(since: datetime) -> sa.Select[Any]:
    unsent = sa.and_(mails.c.sent_at.is_(None), mails.c.refused_at.is_(None), mails.c.created_at > since)
    return sa.select(mails).where(unsent).order_by(mails.c.created_at)


async def _taken(work: AsyncConnection, mail_id: UUID) -> Any:
    query = (
        sa.select(mails)
        .where(mails.c.id == mail_id, mails.c.sent_at.is_(None), mails.c.refused_at.is_(None))
        .with_for_update(skip_locked=True)
    )
    return (await work.execute(query)).mappings().first()


async def _note_trouble(database: Database, mail_id: UUID, trouble: str) -> None:
    log.warning("mail server away", trouble=trouble)
    async with database.as_owner() as work:
        await work.execute(sa.update(mails).where(mails.c.id == mail_id).values(trouble=trouble))


async def _deliver(settings: Settings, mail: Any) -> None:
    """``smtps://`` speaks TLS from the start, ``smtp://`` from STARTTLS on; a password never leaves without TLS."""
    import aiosmtplib

    url = urlsplit(settings.mail_url or "")
    implicit = url.scheme == "smtps"
    here = url.hostname in ("localhost", "127.0.0.1", "::1")
    encrypted = True if url.password and not here else None
    await aiosmtplib.send(
        _message(settings, mail),
        hostname=url.hostname,
        port=url.port or (465 if implicit else 587),
        username=unquote(url.username) if url.username else None,
        password=unquote(url.password) if url.password else None,
        use_tls=implicit,
        start_tls=False if implicit else encrypted,
        timeout=SECONDS,
    )


def _message(settings: Settings, mail: Any) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = (
        settings.mail_from,
        mail["recipient"],
        mail["subject"],
    )
    message["Date"] = formatdate(mail["created_at"].timestamp())
    message["Message-ID"] = make_msgid(str(mail["id"]), urlsplit(settings.address()).hostname or "localhost")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail["text"])
    message.add_alternative(mail["html"], subtype="html")
    return message
