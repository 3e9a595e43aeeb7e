"""The audit log: every change by anyone, with actor, reason, before and after. Append-only, hash-chained.

A change writes its entry in its own unit of work. A job seals the entries: one chain per organization, each seal the
SHA-256 of the seal before and the entry, so that altering or removing any sealed entry is found by ``verify``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from itertools import takewhile
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from gridlane.kernel.access import Caller
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import metadata
from gridlane.kernel.ids import new_id

if TYPE_CHECKING:  # the ORM comes with it, and a gateway that starts again must not wait for that
    from sqlalchemy.ext.asyncio import AsyncConnection

audit_entries = sa.Table(
    "audit_entries",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("actor_kind", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False, comment="what was done, as thing.verb"),
    sa.Column("object_id", sa.Text, nullable=True),
    sa.Column("reason", sa.Text, nullable=True),
    sa.Column("before", sa.Text, nullable=True, comment="JSON"),
    sa.Column("after", sa.Text, nullable=True, comment="JSON"),
    sa.Column(
        "number", sa.BigInteger, nullable=True, comment="place in the organization's chain, set when sealed"
    ),
    sa.Column("seal", sa.LargeBinary, nullable=True),
    sa.Index(None, "organization_id", "at"),
    sa.Index("ix_audit_entries_unsealed", "id", postgresql_where=sa.text("seal IS NULL")),
)

audit_beginnings = sa.Table(
    "audit_beginnings",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=True),
    sa.Column("number", sa.BigInteger, nullable=False, comment="of the last entry that was removed"),
    sa.Column("seal", sa.LargeBinary, nullable=False, comment="its seal, which the next entry continues"),
    sa.UniqueConstraint("organization_id", postgresql_nulls_not_distinct=True),
    comment="where chains of the audit log begin once their oldest entries were removed",
)

_SEALED_FIELDS = (
    "id", "organization_id", "at", "actor_kind", "actor", "action", "object_id", "reason", "before", "after", "number",
)  # fmt: skip

_SEALING = sa.text("SELECT pg_advisory_xact_lock(hashtext('audit seal'))")


async def record(
    connection: AsyncConnection,
    caller: Caller,
    action: str,
    object_id: UUID | str | None,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    """Write an entry within the caller's unit of work."""
    await connection.execute(
        sa.insert(audit_entries).values(
            id=new_id(),
            organization_id=caller.organization_id,
            at=system_clock(),
            actor_kind=caller.kind,
            actor=caller.name,
            action=action,
            object_id=None if object_id is None else str(object_id),
            reason=reason,
            before=None if before is None else msgspec.json.encode(before).decode(),
            after=None if after is None else msgspec.json.encode(after).decode(),
        )
    )


async def seal(connection: AsyncConnection, limit: int = 1000) -> int:
    """Chain the entries that are not sealed yet, oldest first; gives how many. Run by one job at a time."""
    await connection.execute(_SEALING)
    waiting = await connection.execute(
        sa.select(audit_entries)
        .where(audit_entries.c.seal.is_(None))
        .order_by(audit_entries.c.id)
        .limit(limit)
    )
    ends: dict[UUID | None, tuple[int, bytes]] = {}
    count = 0
    for entry in waiting.mappings().all():
        organization = entry["organization_id"]
        if organization not in ends:
            ends[organization] = await _end_of_chain(connection, organization)
        number, previous = ends[organization]
        sealed = {**entry, "number": number + 1}
        link = _link(previous, sealed)
        await connection.execute(
            sa.update(audit_entries)
            .where(audit_entries.c.id == entry["id"])
            .values(number=number + 1, seal=link)
        )
        ends[organization] = (number + 1, link)
        count += 1
    return count


async def verify(connection: AsyncConnection, organization_id: UUID | None) -> int | None:
    """The number of the first entry that does not fit its chain, or None when the chain is whole."""
    entries = await connection.execute(
        sa.select(audit_entries)
        .where(
            audit_entries.c.organization_id.is_not_distinct_from(organization_id),
            audit_entries.c.seal.is_not(None),
        )
        .order_by(audit_entries.c.number)
    )
    removed, previous = await _beginning(connection, organization_id)
    expected = removed + 1
    for entry in map(dict, entries.mappings()):
        if entry["number"] != expected or entry["seal"] != _link(previous, entry):
            return expected
        previous, expected = entry["seal"], expected + 1
    return None


async def _end_of_chain(connection: AsyncConnection, organization_id: UUID | None) -> tuple[int, bytes]:
    found = await connection.execute(
        sa.select(audit_entries.c.number, audit_entries.c.seal)
        .where(
            audit_entries.c.organization_id.is_not_distinct_from(organization_id),
            audit_entries.c.seal.is_not(None),
        )
        .order_by(audit_entries.c.number.desc())
        .limit(1)
    )
    row = found.first()
    return (row.number, row.seal) if row else await _beginning(connection, organization_id)


async def old_chains(connection: AsyncConnection, limit: datetime) -> list[UUID | None]:
    """The organizations whose chains have sealed entries older than ``limit``."""
    old = sa.and_(audit_entries.c.at < limit, audit_entries.c.seal.is_not(None))
    return list(
        (await connection.execute(sa.select(audit_entries.c.organization_id).where(old).distinct())).scalars()
    )


async def forget(
    connection: AsyncConnection, organization_id: UUID | None, limit: datetime, most: int
) -> int:
    """Remove sealed entries of a chain older than ``limit``, the oldest first; gives how many.

    What is left of the chain still proves that nothing of it was altered.
    """
    await connection.execute(_SEALING)
    columns = [audit_entries.c[name] for name in ("id", "number", "seal", "at")]
    oldest = (
        sa.select(*columns)
        .where(
            audit_entries.c.organization_id.is_not_distinct_from(organization_id),
            audit_entries.c.seal.is_not(None),
        )
        .order_by(audit_entries.c.number)
        .limit(most)
    )
    going = list(takewhile(lambda row: row.at < limit, (await connection.execute(oldest)).all()))
    if going:
        ids = [row.id for row in going]
        await connection.execute(sa.delete(audit_entries).where(audit_entries.c.id.in_(ids)))
        end = {"number": going[-1].number, "seal": going[-1].seal}
        kept = insert(audit_beginnings).values(id=new_id(), organization_id=organization_id, **end)
        await connection.execute(kept.on_conflict_do_update(index_elements=["organization_id"], set_=end))
    return len(going)


async def _beginning(connection: AsyncConnection, organization_id: UUID | None) -> tuple[int, bytes]:
    """The number and seal before the first entry that is kept."""
    query = sa.select(audit_beginnings.c.number, audit_beginnings.c.seal).where(
        audit_beginnings.c.organization_id.is_not_distinct_from(organization_id)
    )
    row = (await connection.execute(query)).first()
    return (row.number, row.seal) if row else (0, b"")


def _link(previous: bytes, entry: Mapping[str, Any]) -> bytes:
    content = [str(entry[field]) if entry[field] is not None else None for field in _SEALED_FIELDS]
    return hashlib.sha256(previous + msgspec.json.encode(content)).digest()
