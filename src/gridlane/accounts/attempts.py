"""Attempts that may not be made without end: sign-ins, codes, mails asked for; counted for all processes alike.

Counted before anything is tried, so that many attempts at the same moment gain nothing. Who is counted is kept as
a hash: the table tells nobody's address.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database, metadata
from gridlane.kernel.errors import Kind, Refusal

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True, comment="a key of attempts.LIMITS"),
    sa.Column("who", sa.LargeBinary, primary_key=True, comment="SHA-256 of an account or a network"),
    sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("count", sa.Integer, nullable=False),
    comment="how often something was tried in its present window",
)


class TooManyAttempts(Refusal):
    code = "too_many_attempts"
    kind = Kind.TOO_MANY
    sentence = "Too many attempts; try again in {minutes} minutes."


class Limit(NamedTuple):
    most: int
    window: timedelta


LIMITS: Mapping[str, Limit] = {
    "sign_in.account": Limit(10, timedelta(minutes=10)),
    "sign_in.network": Limit(60, timedelta(minutes=10)),
    "link.network": Limit(60, timedelta(minutes=10)),
    "mail.account": Limit(4, timedelta(hours=1)),
    "mail.network": Limit(20, timedelta(hours=1)),
}
"""What is limited -> how often in how long, for one account (a mail address) or one network."""


async def count(database: Database, **whos: str) -> None:
    """Count one attempt of each ``kind=who`` (dots of a kind as double underscores). Raises TooManyAttempts."""
    now = system_clock()
    over: Limit | None = None
    async with database.as_owner() as work:
        for name, who in sorted(whos.items()):
            kind = name.replace("__", ".")
            if await work.scalar(_one_more(kind, who, now)) > LIMITS[kind].most:
                over = LIMITS[kind]
    if over is not None:
        raise TooManyAttempts(minutes=int(over.window.total_seconds() // 60))


async def forgive(database: Database, **whos: str) -> None:
    """What was counted was rightful after all: accounts begin anew, networks lose one."""
    async with database.as_owner() as work:
        for name, who in sorted(whos.items()):
            kind = name.replace("__", ".")
            row = sa.and_(attempts.c.kind == kind, attempts.c.who == _hidden(who))
            if kind.endswith(".network"):
                await work.execute(sa.update(attempts).where(row).values(count=attempts.c.count - 1))
            else:
                await work.execute(sa.delete(attempts).where(row))


async def forget(database: Database, now: datetime) -> None:
    """Remove counts whose window is long over."""
    longest = max(limit.window for limit in LIMITS.values())
    async with database.as_owner() as work:
        await work.execute(sa.delete(attempts).where(attempts.c.began_at < now - longest))


def _one_more(kind: str, who: str, now: datetime) -> sa.UpdateBase:
    over = attempts.c.began_at <= now - LIMITS[kind].window
    added = insert(attempts).values(kind=kind, who=_hidden(who), began_at=now, count=1)
    return added.on_conflict_do_update(
        index_elements=["kind", "who"],
        set_={
            "count": sa.case((over, 1), else_=attempts.c.count + 1),
            "began_at": sa.case((over, now), else_=attempts.c.began_at),
        },
    ).returning(attempts.c.count)


def _hidden(who: str) -> bytes:
    return hashlib.sha256(who.lower().encode()).digest()
