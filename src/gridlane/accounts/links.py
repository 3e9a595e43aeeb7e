"""One-time links: what a mail carries to prove that its reader asked, or was asked. Used once, for a while."""

from datetime import timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.people import hashed, new_secret, one_time_links
from gridlane.kernel.clock import system_clock
from gridlane.kernel.errors import Kind, Refusal


class LinkNotValid(Refusal):
    code = "link_not_valid"
    kind = Kind.NOT_FOUND
    sentence = "This link was used already, or is too old. Ask for a new one."


class Link(msgspec.Struct, frozen=True):
    """What a link is for, whose it is, and what it was made with."""

    purpose: str
    email: str | None
    details: dict[str, Any]


LIVES = {
    "set_up": timedelta(hours=24),
    "sign_up": timedelta(hours=24),
    "invite": timedelta(days=7),
    "reset_password": timedelta(hours=1),
    "passkey_add": timedelta(minutes=5),
    "passkey_sign_in": timedelta(minutes=5),
    "oidc": timedelta(minutes=15),
}
"""Purpose -> how long a link works."""


async def make(
    work: AsyncConnection, purpose: str, *, email: str | None = None, details: dict[str, Any] | None = None
) -> str:
    """A fresh secret for a link."""
    secret, now = new_secret(), system_clock()
    await work.execute(
        sa.insert(one_time_links).values(
            secret_hash=hashed(secret),
            purpose=purpose,
            email=email,
            details=details or {},
            created_at=now,
            expires_at=now + LIVES[purpose],
        )
    )
    return secret


async def look(work: AsyncConnection, secret: str, *purposes: str) -> Link:
    """What a link is for, without using it. Raises LinkNotValid."""
    query = sa.select(one_time_links.c.purpose, one_time_links.c.email, one_time_links.c.details)
    row = (await work.execute(query.where(_valid(secret, purposes)))).first()
    if row is None:
        raise LinkNotValid
    return Link(row.purpose, row.email, row.details)


async def use(work: AsyncConnection, secret: str, *purposes: str) -> Link:
    """Use a link up, in the caller's unit of work: with its rollback the link stays. Raises LinkNotValid."""
    used = await work.execute(
        sa.update(one_time_links)
        .where(_valid(secret, purposes))
        .values(used_at=system_clock())
        .returning(one_time_links.c.purpose, one_time_links.c.email, one_time_links.c.details)
    )
    row = used.first()
    if row is None:
        raise LinkNotValid
    return Link(row.purpose, row.email, row.details)


async def withdraw(work: AsyncConnection, purpose: str, email: str) -> None:
    """Links of a person that are out and not used stop working."""
    open_links = sa.and_(
        one_time_links.c.purpose == purpose,
        one_time_links.c.email == email,
        one_time_links.c.used_at.is_(None),
    )
    await work.execute(sa.delete(one_time_links).where(open_links))


def _valid(secret: str, purposes: tuple[str, ...]) -> sa.ColumnElement[bool]:
    return sa.and_(
        one_time_links.c.secret_hash == hashed(secret),
        one_time_links.c.purpose.in_(purposes),
        one_time_links.c.used_at.is_(None),
        one_time_links.c.expires_at > system_clock(),
    )
