"""What is stored about a token and its surroundings: everything a verdict rests on, read for many questions at once
by one statement of index look-ups.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from psycopg import AsyncConnection

from gridlane.accounts import organizations, tokens
from gridlane.accounts.organizations import STRICT, Policy
from gridlane.accounts.tokens import TokenCipher, TokenRecord, last4
from gridlane.charging.claims import claimed
from gridlane.charging.questions import Admission, Expected, OpenSession, SessionAsked, TokenFacts
from gridlane.kernel.quantities import WattHours


class Evidence(msgspec.Struct):
    """What one question finds. ``known`` are ids of sessions with one of the transaction ids asked for."""

    token: TokenRecord | None
    policy: Policy | None
    running: list[OpenSession] | None
    expected: list[Expected] | None
    admissions: list[Admission] | None
    known: list[UUID] | None
    followed_at: datetime | None
    spent: WattHours = WattHours(0.0)


def _listed(columns: Iterable[str], source: str) -> str:
    names = ", ".join(columns)
    return f"(SELECT json_agg(found) FROM (SELECT {names} FROM {source}) found)"  # noqa: S608 (our own names)


_EVIDENCE = f"""
SELECT json_build_object(
  'token', {tokens.lookup("q.organization", "q.key")},
  'policy', CASE WHEN q.key IS NOT NULL THEN {organizations.policy_lookup("q.organization")} END,
  'running', {
    _listed(
        OpenSession.__struct_fields__,
        "(SELECT id, station_id, transaction_id, evse, received_at, stopping FROM sessions "
        "WHERE token_key = q.key AND status = 'active' AND NOT refused "
        "AND organization_id IS NOT DISTINCT FROM q.organization UNION ALL "
        + claimed("q.key", "q.station", "q.organization", "q.at", "q.claims")
        + ") uses",
    )
},
  'expected', CASE WHEN q.key IS NOT NULL OR q.remote THEN {
    _listed(
        Expected.__struct_fields__,
        "start_requests WHERE station_id = q.station AND session_id IS NULL AND expires_at > q.at "
        "AND coalesce(begins_at, q.at) <= q.at ORDER BY created_at",
    )
} END,
  'admissions', CASE WHEN q.key IS NOT NULL THEN {
    _listed(
        Admission.__struct_fields__,
        "admissions WHERE (token_key = q.key OR station_id = q.station) AND valid_from <= q.at AND valid_until > q.at "
        "AND organization_id IS NOT DISTINCT FROM q.organization AND coalesce(station_id, q.station) = q.station",
    )
} END,
  'known', (SELECT json_agg(id) FROM (
            SELECT id FROM sessions WHERE station_id = q.station AND transaction_id = ANY(q.transactions::text[])
            UNION ALL SELECT id FROM sessions WHERE id = q.session AND station_id = q.station) found),
  'followed_at', CASE WHEN q.since IS NOT NULL THEN (SELECT min(started_at) FROM sessions WHERE station_id = q.station
            AND started_at > q.since AND evse = q.evse AND NOT refused AND start_digest IS NOT NULL
            AND started_at <= first_received_at + interval '5 minutes') END
)::text
FROM unnest(
  %s::uuid[], %s::uuid[], %s::uuid[], %s::timestamptz[], %s::int[], %s::bool[], %s::text[], %s::uuid[], %s::timestamptz[], %s::bool[]
) WITH ORDINALITY AS q (station, organization, key, at, evse, remote, transactions, session, since, claims, number)
ORDER BY q.number
"""  # noqa: S608 (our own column names)

_decode = msgspec.json.Decoder(Evidence).decode


async def gathered(
    connection: AsyncConnection[Any], questions: Sequence[SessionAsked], keys: Sequence[UUID | None]
) -> list[Evidence]:
    """What each question finds, in their order."""
    columns = zip(*map(_asked, questions, keys), strict=True)
    cursor = await connection.execute(_EVIDENCE, [list(column) for column in columns])
    found = [_decode(row[0]) for row in await cursor.fetchall()]
    await _add_spent(
        connection,
        [one for one in found if one.token and one.token.budget_energy is not None],
        questions[0].at,
    )
    return found


def _asked(one: SessionAsked, key: UUID | None) -> tuple[Any, ...]:
    transactions = "{" + ",".join(f'"{_escaped(id_)}"' for id_ in one.transactions) + "}"
    return (
        one.station_id, one.organization_id, key, one.at, one.evse, one.remote_start_id is not None, transactions,
        one.session_id, one.followed_since, one.claims,
    )  # fmt: skip


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\0", "")


def token_facts(
    cipher: TokenCipher, one: SessionAsked, found: Evidence, key: UUID | None
) -> TokenFacts | None:
    """What decides about the question's token; None where it has none."""
    if one.token is None or key is None:
        return None
    return TokenFacts(
        key=key,
        last4=last4(one.token),
        kind=one.token.kind,
        token=found.token,
        policy=found.policy or STRICT,
        open_sessions=tuple(found.running or ()),
        spent_energy=found.spent,
        expected=expected_by(found.expected or (), one, key),
        admissions=tuple(found.admissions or ()),
    )


def expected_by(waiting: Iterable[Expected], one: SessionAsked, key: UUID | None) -> Expected | None:
    """The start that this event or tap answers: by its remote start id, or by its token where it was asked for.

    A token must be the one of the request even where the id fits: an id alone lets nobody in.
    """
    for start in waiting:
        if key is not None and start.token_key != key:
            continue
        if one.remote_start_id is not None:
            if start.remote_start_id == one.remote_start_id:
                return start
        elif key is not None and (start.evse is None or one.evse in (None, start.evse)):
            return start
    return None


# --- budgets -----------------------------------------------------------------------------------------------------

_SPENT = """
SELECT t.id, sum(s.energy) FROM unnest(%s::uuid[], %s::uuid[], %s::timestamptz[]) AS t (id, key, since)
JOIN sessions s ON s.token_key = t.key AND s.token_id = t.id AND s.started_at >= t.since AND NOT s.refused GROUP BY 1
"""


async def _add_spent(connection: AsyncConnection[Any], limited: Sequence[Evidence], now: datetime) -> None:
    """Add what tokens with a budget have used in its present period (few have one)."""
    if not limited:
        return
    asked = [
        (
            one.token.id,
            one.token.key,
            period_start(one.token.budget_period, (one.policy or STRICT).time_zone, now),
        )
        for one in limited
        if one.token is not None
    ]
    cursor = await connection.execute(_SPENT, [list(column) for column in zip(*asked, strict=True)])
    spent = dict(await cursor.fetchall())
    for one in limited:
        if one.token is not None:
            one.spent = spent.get(one.token.id, WattHours(0.0))


def period_start(period: str, time_zone: str, now: datetime) -> datetime:
    """When the present day or month began where the organization is."""
    local = now.astimezone(ZoneInfo(time_zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    return local if period == "day" else local.replace(day=1)
