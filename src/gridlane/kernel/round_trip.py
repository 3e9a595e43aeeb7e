"""Statements that leave together and are answered together: one wait for the database instead of one for each.

This is libpq's pipeline mode (PostgreSQL documentation, "Pipeline Mode") without what psycopg lays over it: cursors and
adaptation cost more than the waits they would save. Statements are prepared once for each connection, parameters and
results are in PostgreSQL's binary format.
"""

import asyncio
from collections.abc import Sequence
from itertools import count

import psycopg
from psycopg import AsyncConnection, errors
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

_BINARY = 1
_numbers = count(1)


class Statement:
    """SQL with parameters ``$1``, ``$2`` and so on, whose types its own casts tell. Made once, when a module is read."""

    __slots__ = ("name", "text")

    def __init__(self, text: str | bytes) -> None:
        self.name = b"statement_%d" % next(_numbers)
        self.text = text if isinstance(text, bytes) else text.encode()


Call = tuple[Statement, Sequence[bytes]]


class RoundTrips:
    """A connection, used by one task. No transaction is begun by itself: what a trip brings is one unless it says
    otherwise.
    """

    def __init__(self, connection: AsyncConnection[tuple[object, ...]]) -> None:
        self._connection = connection
        self._libpq = connection.pgconn
        self._socket = self._libpq.socket
        self._loop = asyncio.get_running_loop()
        self._prepared: set[Statement] = set()
        self._results: list[PGresult] = []
        self._answered: asyncio.Future[None] | None = None
        self._libpq.enter_pipeline_mode()
        self._loop.add_reader(self._socket, self._receive)

    @classmethod
    async def connect(cls, url: str) -> "RoundTrips":
        return cls(await AsyncConnection.connect(url, autocommit=True))

    @property
    def is_closed(self) -> bool:
        return self._connection.closed

    async def run(self, calls: Sequence[Call]) -> list[PGresult]:
        """Send all calls and wait for their results, one for each. Raises the first error; what followed it was not run."""
        asked: list[Statement | None] = []  # what each result will answer: the statement it prepares, or None
        for statement, parameters in calls:
            if statement not in self._prepared and statement not in asked:
                self._libpq.send_prepare(statement.name, statement.text)
                asked.append(statement)
            formats = [_BINARY] * len(parameters)
            self._libpq.send_query_prepared(statement.name, parameters, formats, _BINARY)
            asked.append(None)
        self._libpq.pipeline_sync()
        self._answered, self._results = self._loop.create_future(), []
        await self._flush()
        await self._answered
        self._answered = None
        return self._read(asked)

    async def close(self) -> None:
        self._loop.remove_reader(self._socket)
        await self._connection.close()

    def _read(self, asked: Sequence[Statement | None]) -> list[PGresult]:
        read: list[PGresult] = []
        for prepared, result in zip(asked, self._results, strict=True):
            if result.status == ExecStatus.FATAL_ERROR:
                raise errors.error_from_result(result)
            if prepared is None:
                read.append(result)
            else:
                self._prepared.add(prepared)
        return read

    async def _flush(self) -> None:
        while self._libpq.flush():
            writable = self._loop.create_future()
            self._loop.add_writer(self._socket, _wake, writable)
            try:
                await writable
            finally:
                self._loop.remove_writer(self._socket)

    def _receive(self) -> None:
        """Something arrived: results of the trip under way, or the end of the connection."""
        try:
            self._libpq.consume_input()
            is_complete = self._answered is not None and self._gather()
        except psycopg.Error as trouble:
            self._loop.remove_reader(self._socket)
            self._libpq.finish()
            if self._answered is not None and not self._answered.done():
                self._answered.set_exception(trouble)
        else:
            if is_complete:
                _wake(self._answered)

    def _gather(self) -> bool:
        """Take the results that are complete; whether the one that ends the trip was among them."""
        while not self._libpq.is_busy():
            result = self._libpq.get_result()
            if result is None:
                raise psycopg.OperationalError("the connection was lost")
            if result.status == ExecStatus.PIPELINE_SYNC:
                return True
            self._results.append(result)
            self._libpq.get_result()  # the None that follows each statement's result
        return False


def _wake(waiting: "asyncio.Future[None] | None") -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
