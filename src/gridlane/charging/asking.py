"""Answers what the handlers ask: a few indexed reads over one connection, shared by all questions that wait.

While one round of reads is under way the next questions gather, so a storm of starts costs few round trips and can
never wait for a connection that another of its own kind holds.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from gridlane.accounts.organizations import STRICT, Policy, find_policies
from gridlane.accounts.tokens import TokenCipher, TokenRecord, find_tokens, last4
from gridlane.charging.model import SESSION_COLUMNS, session_of
from gridlane.charging.questions import Answered, OpenSession, SessionAsked, TokenFacts
from gridlane.charging.registers import BEGIN, Register
from gridlane.charging.state import Session
from gridlane.kernel.quantities import WattHours

MAX_ROUND = 500


class Answerer:
    """Answers ``SessionAsked``. Start it in the process that owns stations; it has one connection of its own."""

    def __init__(self, owner_url: str, cipher: TokenCipher) -> None:
        self._url = owner_url
        self._cipher = cipher
        self._connection: AsyncConnection[Any] | None = None
        self._waiting: list[tuple[SessionAsked, asyncio.Future[Answered]]] = []
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, question: SessionAsked) -> Answered:
        """Raises OSError or psycopg.OperationalError while the database is away."""
        answer: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="answers")
        return await answer

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._disconnect()

    async def _run(self) -> None:
        while self._waiting:
            asked, self._waiting = self._waiting[:MAX_ROUND], self._waiting[MAX_ROUND:]
            try:
                answers = await answered(await self._connected(), self._cipher, [one for one, _ in asked])
            except (psycopg.Error, OSError) as trouble:
                await self._disconnect()
                for _, answer in asked:
                    if not answer.done():
                        answer.set_exception(trouble)
                continue
            for (_, answer), given in zip(asked, answers, strict=True):
                if not answer.done():
                    answer.set_result(given)

    async def _connected(self) -> AsyncConnection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = await AsyncConnection.connect(self._url, autocommit=True)
        return self._connection

    async def _disconnect(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None


async def answered(
    connection: AsyncConnection[Any], cipher: TokenCipher, questions: Sequence[SessionAsked]
) -> list[Answered]:
    """The answers to many questions, in their order."""
    tokens = await _token_facts(connection, cipher, questions)
    sessions = await _sessions(connection, questions)
    followers = await _followers(connection, questions)
    registers = await _registers(connection, {id_ for one in questions for id_ in one.registers_of})
    return [
        Answered(
            token=token,
            sessions=tuple(
                session
                for session in sessions.get(one.station_id, ())
                if session.transaction_id in one.transactions or session.id == one.session_id
            ),
            followed_at=followers.get(number),
            registers={id_: registers.get(id_, ()) for id_ in one.registers_of},
        )
        for number, (one, token) in enumerate(zip(questions, tokens, strict=True))
    ]


# --- sessions ----------------------------------------------------------------------------------------------------

_SESSIONS = f"""
SELECT {SESSION_COLUMNS} FROM sessions
WHERE (station_id, transaction_id) IN (SELECT * FROM unnest(%s::uuid[], %s::text[])) OR id = ANY(%s)
ORDER BY generation
"""  # noqa: S608 (our own column names)

_FOLLOWERS = """
SELECT q.number, min(s.started_at)
FROM unnest(%s::int[], %s::uuid[], %s::int[], %s::timestamptz[]) AS q (number, station, evse, since)
JOIN sessions s ON s.station_id = q.station AND s.started_at > q.since AND s.evse = q.evse
WHERE NOT s.refused AND s.start_digest IS NOT NULL GROUP BY 1
"""

_REGISTERS = """
SELECT r.session_id, r.at, r.energy, r.context FROM sessions s
JOIN readings r ON r.station_id = s.station_id AND r.received_at >= s.first_received_at AND r.session_id = s.id
WHERE s.id = ANY(%s) AND r.energy IS NOT NULL
"""


async def _sessions(
    connection: AsyncConnection[Any], questions: Sequence[SessionAsked]
) -> dict[UUID, list[Session]]:
    wanted = [(one.station_id, id_) for one in questions for id_ in one.transactions]
    ids = [one.session_id for one in questions if one.session_id is not None]
    if not wanted and not ids:
        return {}
    found: dict[UUID, list[Session]] = {}
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_SESSIONS, ([one for one, _ in wanted], [id_ for _, id_ in wanted], ids))
        for row in await cursor.fetchall():
            found.setdefault(row["station_id"], []).append(session_of(row))
    return found


async def _followers(
    connection: AsyncConnection[Any], questions: Sequence[SessionAsked]
) -> dict[int, datetime]:
    """When the next session began on the same EVSE, by the question's number."""
    asked = [
        (number, one.station_id, one.evse, one.followed_since)
        for number, one in enumerate(questions)
        if one.followed_since is not None and one.evse is not None
    ]
    if not asked:
        return {}
    cursor = await connection.execute(_FOLLOWERS, [list(column) for column in zip(*asked, strict=True)])
    return dict(await cursor.fetchall())


async def _registers(connection: AsyncConnection[Any], ids: set[UUID]) -> dict[UUID, tuple[Register, ...]]:
    if not ids:
        return {}
    cursor = await connection.execute(_REGISTERS, (list(ids),))
    found: dict[UUID, list[Register]] = {}
    for session_id, at, energy, context in await cursor.fetchall():
        found.setdefault(session_id, []).append(Register(at, energy, context == BEGIN))
    return {id_: tuple(values) for id_, values in found.items()}


# --- tokens ------------------------------------------------------------------------------------------------------

_OPEN = """
SELECT organization_id, token_key, id, station_id, transaction_id, evse, received_at, stopping FROM sessions
WHERE token_key = ANY(%s) AND status = 'active' AND NOT refused
"""

_SPENT = """
SELECT t.id, sum(s.energy) FROM unnest(%s::uuid[], %s::uuid[], %s::timestamptz[]) AS t (id, key, since)
JOIN sessions s ON s.token_key = t.key AND s.token_id = t.id AND s.started_at >= t.since AND NOT s.refused GROUP BY 1
"""

_Key = tuple[UUID | None, UUID]  # organization and token


async def _token_facts(
    connection: AsyncConnection[Any], cipher: TokenCipher, questions: Sequence[SessionAsked]
) -> list[TokenFacts | None]:
    keys: list[_Key | None] = [
        (one.organization_id, cipher.key(one.token)) if one.token is not None else None for one in questions
    ]
    asked = {key for key in keys if key is not None}
    if not asked:
        return [None] * len(questions)
    owned = [(organization, key) for organization, key in asked if organization is not None]
    tokens = await find_tokens(connection, owned)
    policies = await find_policies(connection, list({organization for organization, _ in owned}))
    running = await _open_sessions(connection, asked)
    spent = await _spent(connection, tokens.items(), policies, questions[0].at)

    def facts(one: SessionAsked, key: _Key | None) -> TokenFacts | None:
        if key is None or one.token is None:
            return None
        organization, hashed = key
        token = tokens.get((organization, hashed)) if organization is not None else None
        return TokenFacts(
            key=hashed,
            last4=last4(one.token),
            token=token,
            policy=policies.get(organization, STRICT) if organization is not None else STRICT,
            open_sessions=tuple(running.get(key, ())),
            spent_energy=spent.get(token.id, WattHours(0.0)) if token is not None else WattHours(0.0),
        )

    return [facts(one, key) for one, key in zip(questions, keys, strict=True)]


async def _open_sessions(
    connection: AsyncConnection[Any], keys: Iterable[_Key]
) -> dict[_Key, list[OpenSession]]:
    cursor = await connection.execute(_OPEN, (list({key for _, key in keys}),))
    found: dict[_Key, list[OpenSession]] = {}
    for organization, key, *values in await cursor.fetchall():
        session = OpenSession(**dict(zip(OpenSession.__struct_fields__, values, strict=True)))
        found.setdefault((organization, key), []).append(session)
    return found


async def _spent(
    connection: AsyncConnection[Any],
    tokens: Iterable[tuple[tuple[UUID, UUID], TokenRecord]],
    policies: Mapping[UUID, Policy],
    now: datetime,
) -> dict[UUID, WattHours]:
    """What tokens with a budget have used in its present period."""
    limited = [
        (token.id, key, period_start(token.budget_period, policies.get(organization, STRICT).time_zone, now))
        for (organization, key), token in tokens
        if token.budget_energy is not None
    ]
    if not limited:
        return {}
    cursor = await connection.execute(_SPENT, [list(column) for column in zip(*limited, strict=True)])
    return dict(await cursor.fetchall())


def period_start(period: str, time_zone: str, now: datetime) -> datetime:
    """When the present day or month began where the organization is."""
    local = now.astimezone(ZoneInfo(time_zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    return local if period == "day" else local.replace(day=1)
