"""Answers what the handlers ask: a few indexed reads over one connection, shared by all questions that wait.

While one round of reads is under way the next questions gather, so a storm of starts costs few round trips and can
never wait for a connection that another of its own kind holds.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from gridlane.accounts.tokens import TokenCipher
from gridlane.charging.claims import claim
from gridlane.charging.evidence import expected_by, gathered, token_facts
from gridlane.charging.model import SESSION_COLUMNS, session_of
from gridlane.charging.questions import Answered, SessionAsked
from gridlane.charging.registers import BEGIN, Register
from gridlane.charging.state import Session

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
    keys = [cipher.key(one.token) if one.token is not None else None for one in questions]
    async with _claiming(connection, questions):
        await claim(connection, questions, keys)
        evidence = await gathered(connection, questions, keys)
    sessions = await _sessions(connection, {id_ for one in evidence for id_ in one.known or ()})
    registers = await _registers(connection, {id_ for one in questions for id_ in one.registers_of})
    return [
        Answered(
            token=token_facts(cipher, one, found, key),
            expected=expected_by(found.expected or (), one, key),
            sessions=tuple(sorted((sessions[id_] for id_ in found.known or ()), key=_generation)),
            followed_at=found.followed_at,
            registers={id_: registers.get(id_, ()) for id_ in one.registers_of},
        )
        for one, found, key in zip(questions, evidence, keys, strict=True)
    ]


def _claiming(
    connection: AsyncConnection[Any], questions: Sequence[SessionAsked]
) -> AbstractAsyncContextManager[Any]:
    """A transaction where a token is claimed: its lock must hold until the claim can be seen."""
    return connection.transaction() if any(one.claims for one in questions) else nullcontext()


_SESSIONS = f"SELECT {SESSION_COLUMNS} FROM sessions WHERE id = ANY(%s)"  # noqa: S608 (our own column names)

_REGISTERS = """
SELECT r.session_id, r.at, r.energy, r.context FROM sessions s
JOIN readings r ON r.station_id = s.station_id AND r.received_at >= s.first_received_at AND r.session_id = s.id
WHERE s.id = ANY(%s) AND r.energy IS NOT NULL
"""


async def _sessions(connection: AsyncConnection[Any], ids: set[UUID]) -> dict[UUID, Session]:
    if not ids:
        return {}
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_SESSIONS, (list(ids),))
        return {row["id"]: session_of(row) for row in await cursor.fetchall()}


async def _registers(connection: AsyncConnection[Any], ids: set[UUID]) -> dict[UUID, tuple[Register, ...]]:
    if not ids:
        return {}
    cursor = await connection.execute(_REGISTERS, (list(ids),))
    found: dict[UUID, list[Register]] = {}
    for session_id, at, energy, context in await cursor.fetchall():
        found.setdefault(session_id, []).append(Register(at, energy, context == BEGIN))
    return {id_: tuple(values) for id_, values in found.items()}


def _generation(session: Session) -> int:
    return session.generation
