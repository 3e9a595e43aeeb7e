"""Starts under decision: between the question about a token and the commit of its start, others see that it is being used.

Without them two stations could start one token in the same instant, each before the other's session is stored. A claim
is written before the question is answered, under a lock of its token, and gone with the commit of the decision. One whose
gateway died counts no more after a few seconds.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from psycopg import AsyncConnection

from gridlane.charging.questions import SessionAsked
from gridlane.kernel.database import metadata
from gridlane.kernel.group_commit import RecordSink

LASTS = timedelta(seconds=30)
"""Longer than a question may take."""

token_claims = sa.Table(
    "token_claims",
    metadata,
    sa.Column("token_key", sa.Uuid, primary_key=True),
    sa.Column("station_id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=True),
    sa.Column("number", sa.BigInteger, sa.Identity(), nullable=False, comment="the earlier start goes first"),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    prefixes=["UNLOGGED"],
    comment="starts whose decision is not committed yet; worth nothing after a crash",
)


class ClaimDecided(msgspec.Struct):
    token_key: UUID
    station_id: UUID


CLAIMS_DECIDED = RecordSink(
    "token_claims decided",
    b"""
    DELETE FROM token_claims c USING json_to_recordset($1::json) AS done(token_key uuid, station_id uuid)
    WHERE c.token_key = done.token_key AND c.station_id = done.station_id
    """,
)

_LOCK = """
SELECT pg_advisory_xact_lock(hashtextextended(key::text, 2)) FROM (SELECT DISTINCT key FROM unnest(%s::uuid[]) AS key
ORDER BY key) keys
"""
_CLAIM = """
INSERT INTO token_claims AS old (token_key, station_id, organization_id, at)
SELECT key, station, organization, at
FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::timestamptz[])
  WITH ORDINALITY AS q (key, station, organization, at, number)
ORDER BY q.number
ON CONFLICT (token_key, station_id) DO UPDATE SET at = excluded.at,
  number = CASE WHEN old.at > excluded.at - %s THEN old.number ELSE excluded.number END
"""


async def claim(
    connection: AsyncConnection[Any], questions: Sequence[SessionAsked], keys: Sequence[UUID | None]
) -> None:
    """Claim the tokens of those questions that are about to start one; within the caller's transaction, which then reads."""
    claims = {
        (key, one.station_id): (key, one.station_id, one.organization_id, one.at)
        for one, key in zip(questions, keys, strict=True)
        if one.claims and key is not None
    }
    if not claims:
        return
    columns = [list(column) for column in zip(*claims.values(), strict=True)]
    await connection.execute(_LOCK, (columns[0],))
    await connection.execute(_CLAIM, [*columns, LASTS])


def claimed(key: str, station: str, organization: str, at: datetime | str, claims: str) -> str:
    """SQL for the evidence: claims by other stations that go before this question's own, as ``OpenSession``."""
    return (
        "SELECT c.token_key AS id, c.station_id, '' AS transaction_id, NULL::int AS evse, c.at AS received_at, "  # noqa: S608 (our own names)
        f"false AS stopping FROM token_claims c WHERE c.token_key = {key} AND c.station_id <> {station} "
        f"AND c.organization_id IS NOT DISTINCT FROM {organization} "
        f"AND c.at > {at} - interval '{LASTS.total_seconds():.0f} seconds' "
        f"AND (NOT {claims} OR c.number < (SELECT own.number FROM token_claims own "
        f"WHERE own.token_key = {key} AND own.station_id = {station}))"
    )
