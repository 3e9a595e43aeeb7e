"""Facts: what happened, in the past tense, written in the same transaction as the change they report (the outbox).

They are read in commit order and never skipped: a reader stops before the oldest transaction that is still open
(``pg_snapshot_xmin``), because a row with a smaller position may yet become visible. Delivery is at least once,
in order per aggregate; handlers are idempotent.

A package declares its facts as Structs in the file that reports them::

    class SessionEnded(Fact, frozen=True, kw_only=True, tag="session_ended"):
        session_id: UUID
        energy: WattHours
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from psycopg import AsyncConnection
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import UserDefinedType

from gridlane.kernel.database import metadata
from gridlane.kernel.ids import new_id


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every fact. The tag is its stable name (documented in docs/operators/facts.md)."""


class Recorded(msgspec.Struct, frozen=True):
    """A fact with its circumstances. ``id`` is the key for idempotent handling."""

    fact: Fact
    aggregate_id: UUID
    organization_id: UUID | None
    at: datetime
    id: UUID = msgspec.field(default_factory=new_id)


class TransactionId(UserDefinedType[int]):
    """PostgreSQL's ``xid8``: the 64-bit id of the transaction that wrote a row."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


ischema_names["xid8"] = TransactionId  # so that SQLAlchemy knows the type when it reads a schema


facts = sa.Table(
    "facts",
    metadata,
    sa.Column(
        "transaction_id", TransactionId, primary_key=True, server_default=sa.text("pg_current_xact_id()")
    ),
    sa.Column("position", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("id", sa.Uuid, nullable=False),
    sa.Column("aggregate_id", sa.Uuid, nullable=False),
    sa.Column("organization_id", sa.Uuid, nullable=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("fact", sa.Text, nullable=False, comment="JSON"),
    sa.Index(None, "aggregate_id", "position"),
)

COLUMNS = ("id", "aggregate_id", "organization_id", "kind", "at", "fact")
COLUMN_TYPES = ("uuid", "uuid", "uuid", "text", "timestamptz", "text")


def row(recorded: Recorded) -> tuple[UUID, UUID, UUID | None, str, datetime, str]:
    """The fact as a row of the outbox, in the order of ``COLUMNS``."""
    return (
        recorded.id,
        recorded.aggregate_id,
        recorded.organization_id,
        kind_of(recorded.fact),
        recorded.at,
        msgspec.json.encode(recorded.fact).decode(),
    )


def kinds() -> dict[str, type[Fact]]:
    """Every fact a loaded package declares, by its name."""
    found, waiting = {}, list(Fact.__subclasses__())
    while waiting:
        declared = waiting.pop()
        waiting.extend(declared.__subclasses__())
        found[kind_of(declared)] = declared
    return found


def kind_of(fact: Fact | type[Fact]) -> str:
    return str(fact.__struct_config__.tag)


async def record(connection: Any, recorded: Sequence[Recorded]) -> None:
    """Write facts within the caller's unit of work (a SQLAlchemy connection)."""
    if recorded:
        values = [dict(zip(COLUMNS, row(one), strict=True)) for one in recorded]
        await connection.execute(sa.insert(facts), values)


class Delivered(msgspec.Struct, frozen=True):
    """A fact as a reader meets it."""

    position: int
    transaction_id: int
    recorded: Recorded


class Reader:
    """One subscription's place in the stream, and the kinds of fact it is for. ``next`` is called inside the transaction
    that also does the work and moves the place with it, so a crash repeats and never skips.

    Other kinds are passed over unread: who declares them need not be loaded, nor even be of this release.
    """

    _NEXT = """
    SELECT position, transaction_id::text::bigint, id, aggregate_id, organization_id, kind, at, fact FROM facts
    WHERE (transaction_id, position) > (%(transaction_id)s::text::xid8, %(position)s)
      AND transaction_id < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY transaction_id, position LIMIT %(limit)s
    """

    def __init__(self, subscription: str, wanted: Iterable[type[Fact]]) -> None:
        self.subscription = subscription
        self._wanted = {kind_of(one): one for one in wanted}

    async def next(self, connection: AsyncConnection[Any], limit: int = 500) -> list[Delivered]:
        """The wanted facts after this subscription's place, oldest first; none when another process is reading."""
        place = await self._place(connection)
        delivered: list[Delivered] = []
        while place is not None and not delivered:
            asked = {"transaction_id": str(place[0]), "position": place[1], "limit": limit}
            found = await (await connection.execute(self._NEXT, asked)).fetchall()
            if not found:
                break
            delivered = [self._read(row) for row in found if row[5] in self._wanted]
            place = found[-1][1], found[-1][0]
            await connection.execute(
                "UPDATE fact_readers SET transaction_id = %s, position = %s WHERE subscription = %s",
                (*place, self.subscription),
            )
        return delivered

    def _read(self, row: tuple[Any, ...]) -> Delivered:
        position, transaction_id, id_, aggregate_id, organization_id, kind, at, fact = row
        decoded = msgspec.json.decode(fact, type=self._wanted[kind])
        return Delivered(position, transaction_id, Recorded(decoded, aggregate_id, organization_id, at, id_))

    async def _place(self, connection: AsyncConnection[Any]) -> tuple[int, int] | None:
        await connection.execute(
            "INSERT INTO fact_readers (subscription) VALUES (%s) ON CONFLICT DO NOTHING", (self.subscription,)
        )
        cursor = await connection.execute(
            "SELECT transaction_id, position FROM fact_readers WHERE subscription = %s FOR UPDATE SKIP LOCKED",
            (self.subscription,),
        )
        return await cursor.fetchone()


fact_readers = sa.Table(
    "fact_readers",
    metadata,
    sa.Column("subscription", sa.Text, primary_key=True),
    sa.Column("transaction_id", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("position", sa.BigInteger, nullable=False, server_default="0"),
)
