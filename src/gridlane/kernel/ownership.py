"""One aggregate, one owner, fenced by an epoch.

Whoever holds the newest epoch of an aggregate (a station, a site) may write it. Claiming raises the epoch and waits
for batches in flight; a batch written under an older epoch is dropped. Nodes renew a lease; what a dead node owned
can be found and claimed by another.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from psycopg import AsyncConnection

from gridlane.kernel.binary_arrays import array
from gridlane.kernel.database import metadata
from gridlane.kernel.round_trip import RoundTrips, Statement

LEASE = timedelta(seconds=15)

ownerships = sa.Table(
    "ownerships",
    metadata,
    sa.Column("aggregate_id", sa.Uuid, primary_key=True),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("node", sa.Text, nullable=True, comment="null: nobody owns it now"),
    sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    sa.Index(None, "node"),
)

nodes = sa.Table(
    "nodes",
    metadata,
    sa.Column("node", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
)

# Rows are made in id order, so that two nodes claiming overlapping sets cannot wait for each other.
_CLAIM = """
INSERT INTO ownerships AS o (aggregate_id, epoch, node, since)
SELECT id, 1, %(node)s, %(now)s FROM unnest(%(ids)s::uuid[]) AS id ORDER BY id
ON CONFLICT (aggregate_id) DO UPDATE SET epoch = o.epoch + 1, node = excluded.node, since = excluded.since
RETURNING aggregate_id, epoch
"""
_RELEASE = """
UPDATE ownerships SET node = NULL, since = %(now)s
WHERE (aggregate_id, epoch) IN (SELECT * FROM unnest(%(ids)s::uuid[], %(epochs)s::bigint[]))
RETURNING aggregate_id
"""
# FOR SHARE of one batch lets other batches pass and stops a claim until this batch has ended.
_FENCE = Statement("""
WITH held AS MATERIALIZED (
    SELECT aggregate_id, epoch FROM ownerships WHERE aggregate_id = ANY($1::uuid[]) ORDER BY aggregate_id FOR SHARE
)
SELECT pg_current_xact_id()::text, array_to_string(ARRAY(
    SELECT mine.id FROM unnest($1::uuid[], $2::bigint[]) AS mine (id, epoch)
    LEFT JOIN held ON held.aggregate_id = mine.id WHERE held.epoch IS DISTINCT FROM mine.epoch
), ' ')
""")
_BEGIN = Statement("BEGIN")


async def claim(
    connection: AsyncConnection[Any], ids: Sequence[UUID], node: str, now: datetime
) -> dict[UUID, int]:
    """Take every aggregate of ``ids``; gives its new epoch. Load its state in a later statement of the transaction."""
    cursor = await connection.execute(_CLAIM, {"ids": list(ids), "node": node, "now": now})
    return dict(await cursor.fetchall())


async def release(connection: AsyncConnection[Any], owned: Mapping[UUID, int], now: datetime) -> set[UUID]:
    """Give aggregates back that are still owned under these epochs; gives those that were."""
    cursor = await connection.execute(
        _RELEASE, {"ids": list(owned), "epochs": list(owned.values()), "now": now}
    )
    return {row[0] for row in await cursor.fetchall()}


async def begin_fenced(trips: RoundTrips, owned: Mapping[UUID, int]) -> tuple[str, set[UUID]]:
    """Begin a transaction that holds the ownerships against claims until it ends; gives the transaction's id, by which
    its fate can be asked, and the aggregates whose epoch has passed.
    """
    epochs = array("uuid", list(owned)), array("int8", list(owned.values()))
    _, fence = await trips.run([(_BEGIN, ()), (_FENCE, epochs)])
    transaction, passed = (fence.get_value(0, column) or b"" for column in range(2))
    return transaction.decode(), {UUID(id_) for id_ in passed.decode().split()}


async def renew_lease(connection: AsyncConnection[Any], node: str, role: str, now: datetime) -> None:
    await connection.execute(
        "INSERT INTO nodes (node, role, started_at, lease_until) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (node) DO UPDATE SET lease_until = excluded.lease_until",
        (node, role, now, now + LEASE),
    )


async def owned_by_the_dead(connection: AsyncConnection[Any], now: datetime, limit: int = 500) -> list[UUID]:
    """Aggregates whose node let its lease run out."""
    cursor = await connection.execute(
        "SELECT o.aggregate_id FROM ownerships o LEFT JOIN nodes n USING (node) "
        "WHERE o.node IS NOT NULL AND coalesce(n.lease_until, '-infinity') < %s ORDER BY 1 LIMIT %s",
        (now, limit),
    )
    return [row[0] for row in await cursor.fetchall()]
