"""Decide purely, commit in groups, answer after the commit.

Many aggregates' decisions are written in one PostgreSQL transaction. There is no timer: while one commit is in
flight the next batch gathers, so the commit itself is the window. What a decision promises (``settled``) is called
only after its commit, so nothing that was acknowledged can be lost.

Failures, each told to the decisions it concerns and to no other:

- the epoch of an aggregate has passed: ``Outcome.FENCED``;
- a decision's rows are refused by the database: the batch is written again in halves until the culprit stands
  alone, ``Outcome.REFUSED``; its neighbours are committed;
- the connection breaks: tried again until the database is back. When the answer to COMMIT itself was lost, the
  transaction's fate is asked (``pg_xact_status``) before anything is written again.
"""

import asyncio
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Protocol
from uuid import UUID

import msgspec
import psycopg
import structlog

from gridlane.kernel import binary_arrays, ownership
from gridlane.kernel import facts as outbox
from gridlane.kernel.round_trip import Call, RoundTrips, Statement

log = structlog.get_logger(__name__)

MAX_BATCH = 4000
_RETRY_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0)


class Sink(Protocol):
    """Where rows of one kind go: statements that are run over all of a batch's rows, each with the same parameters. A
    package makes its sinks in its ``model.py``.
    """

    name: str
    statements: Sequence[Statement]

    def parameters(self, rows: Sequence[Any]) -> Sequence[bytes]:
        """Raises psycopg.DataError where a row has a value that cannot be written."""
        ...


class ColumnSink:
    """Appends tuples, given as an array for each column: the cheapest way in for rows that are only ever added."""

    def __init__(self, table: str, columns: Sequence[str], types: Sequence[str]) -> None:
        self.name = table
        self._types = tuple(types)
        arrays = ", ".join(f"${number}::{type_}[]" for number, type_ in enumerate(types, 1))
        self.statements: Sequence[Statement] = (
            Statement(f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM unnest({arrays})"),  # noqa: S608 (our own table names)
        )

    def parameters(self, rows: Sequence[tuple[Any, ...]]) -> Sequence[bytes]:
        return binary_arrays.columns(self._types, rows)


class RecordSink:
    """Runs statements over all rows of the batch, given as one JSON array of Structs (``$1::json``)."""

    def __init__(self, name: str, *statements: bytes) -> None:
        self.name = name
        self.statements: Sequence[Statement] = tuple(map(Statement, statements))

    def parameters(self, rows: Sequence[Any]) -> Sequence[bytes]:
        return (msgspec.json.encode(rows),)


def upsert(
    table: str,
    key: Sequence[str],
    columns: Sequence[str],
    *,
    keep: Sequence[str] = (),
    name: str | None = None,
) -> RecordSink:
    """Insert Structs whose fields are ``key + columns``; where the key is there already, set ``columns`` without
    those to ``keep``.
    """
    names = ", ".join((*key, *columns))
    changes = ", ".join(f"{column} = excluded.{column}" for column in columns if column not in keep)
    statement = (
        f"INSERT INTO {table} ({names}) SELECT {names} FROM json_populate_recordset(null::{table}, $1::json) "  # noqa: S608 (our own table names)
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"
    )
    return RecordSink(name or f"{table} upsert", statement.encode())


def append(table: str, columns: Sequence[str], *, name: str | None = None) -> RecordSink:
    """Insert Structs whose fields are ``columns``; a row that is there already (by any key) stays as it is."""
    names = ", ".join(columns)
    statement = (
        f"INSERT INTO {table} ({names}) SELECT {names} FROM json_populate_recordset(null::{table}, $1::json) "  # noqa: S608 (our own table names)
        "ON CONFLICT DO NOTHING"
    )
    return RecordSink(name or f"{table} append", statement.encode())


def update(table: str, key: str, columns: Sequence[str], *, name: str) -> RecordSink:
    """Set ``columns`` of rows that exist, by their ``key``."""
    changes = ", ".join(f"{column} = new.{column}" for column in columns)
    statement = (
        f"UPDATE {table} SET {changes} FROM json_populate_recordset(null::{table}, $1::json) AS new "  # noqa: S608 (our own table names)
        f"WHERE {table}.{key} = new.{key}"
    )
    return RecordSink(name, statement.encode())


_COMMIT, _ROLLBACK = Statement("COMMIT"), Statement("ROLLBACK")
_STATUS = Statement("SELECT pg_xact_status($1::text::xid8)")
FACTS = ColumnSink("facts", outbox.COLUMNS, outbox.COLUMN_TYPES)


class Outcome(Enum):
    COMMITTED = "committed"
    FENCED = "fenced"  # a newer owner exists: nothing was written, say nothing
    REFUSED = "refused"  # the database refused this decision's rows: nothing was written


class Decision(msgspec.Struct, gc=False):
    """What one aggregate decided: rows by sink, facts, and whom to tell when it is settled.

    ``rows`` are written in the order of the committer's sinks, not of the list.
    """

    aggregate_id: UUID
    epoch: int
    rows: list[tuple[Sink, Any]]
    facts: list[outbox.Recorded]
    settled: Callable[[Outcome], None]


class Committer:
    """Writes decisions in groups over one connection of its own, as the owner of the tables."""

    def __init__(self, owner_url: str, *, on_commit: Callable[[int, bool], None] | None = None) -> None:
        self._url = owner_url
        self._waiting: list[Decision] = []
        self._wake = asyncio.Event()
        self._trips: RoundTrips | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._on_commit = on_commit
        self.batches = 0
        self.decisions = 0

    def submit(self, decision: Decision) -> None:
        """Take a decision for the next batch. At most one of an aggregate may be under way."""
        self._waiting.append(decision)
        self._wake.set()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="group commit")

    async def stop(self) -> None:
        """Write what is waiting, then end."""
        self._stopping = True
        self._wake.set()
        if self._task:
            await self._task
        await self._disconnect()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
                await self._settle(batch)
            if self._stopping:
                return

    async def _settle(self, batch: list[Decision]) -> None:
        """Write a batch, in halves where the database refuses it, until every decision has its outcome."""
        try:
            fenced = await self._write_surely(batch)
        except psycopg.Error as refusal:
            if len(batch) == 1:
                log.error("decision refused", aggregate=str(batch[0].aggregate_id), reason=str(refusal))
                _tell(batch[0], Outcome.REFUSED)
                return
            middle = len(batch) // 2
            await self._settle(batch[:middle])
            await self._settle(batch[middle:])
            return
        self.batches += 1
        self.decisions += len(batch)
        for decision in batch:
            is_fenced = fenced and decision.aggregate_id in fenced
            _tell(decision, Outcome.FENCED if is_fenced else Outcome.COMMITTED)
        if self._on_commit:
            self._on_commit(len(batch), any(decision.facts for decision in batch))

    async def _write_surely(self, batch: list[Decision]) -> set[UUID]:
        """Write a batch through lost connections; raises only what the database says about the rows."""
        attempt = 0
        while True:
            transaction = _Transaction()
            try:
                return await self._write(batch, transaction)
            except (psycopg.OperationalError, psycopg.InterfaceError, OSError) as trouble:
                if isinstance(trouble, psycopg.errors.QueryCanceled):
                    raise
                await self._disconnect()
                log.warning("database connection lost, trying again", reason=str(trouble).strip())
                if transaction.committing and await self._was_committed(transaction):
                    return transaction.fenced
                await asyncio.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
                attempt += 1

    async def _write(self, batch: list[Decision], transaction: "_Transaction") -> set[UUID]:
        trips = await self._connected()
        epochs = {decision.aggregate_id: decision.epoch for decision in batch}
        try:
            transaction.id, transaction.fenced = await ownership.begin_fenced(trips, epochs)
            writes = _writes(batch, transaction.fenced)
            transaction.committing = True
            await trips.run([*writes, (_COMMIT, ())])
        except psycopg.Error:
            if not trips.is_closed:
                await trips.run([(_ROLLBACK, ())])
            raise
        return transaction.fenced

    async def _was_committed(self, transaction: "_Transaction") -> bool:
        """Ask for the fate of a transaction whose COMMIT was not answered; waits until the database can tell."""
        while True:
            try:
                trips = await self._connected()
                (status,) = await trips.run([(_STATUS, (transaction.id.encode(),))])
                if status.get_value(0, 0) != b"in progress":
                    return status.get_value(0, 0) == b"committed"
            except (psycopg.Error, OSError):
                await self._disconnect()
            await asyncio.sleep(0.2)

    async def _connected(self) -> RoundTrips:
        if self._trips is None or self._trips.is_closed:
            self._trips = await RoundTrips.connect(self._url)
        return self._trips

    async def _disconnect(self) -> None:
        if self._trips is not None:
            await self._trips.close()
            self._trips = None


def _tell(decision: Decision, outcome: Outcome) -> None:
    try:
        decision.settled(outcome)
    except Exception:  # a supervisor: what one owner does with its outcome must not stop everybody's commits
        log.exception("outcome not taken", aggregate=str(decision.aggregate_id), outcome=outcome.value)


class _Transaction:
    """How far a transaction came, for asking about it after a lost connection."""

    id: str = ""
    committing: bool = False

    def __init__(self) -> None:
        self.fenced: set[UUID] = set()


def _writes(batch: Sequence[Decision], fenced: set[UUID]) -> list[Call]:
    writes: list[Call] = []
    for sink, rows in _gather(batch, fenced).items():
        parameters = sink.parameters(rows)
        writes += [(statement, parameters) for statement in sink.statements]
    return writes


def _gather(batch: Sequence[Decision], fenced: set[UUID]) -> dict[Sink, list[Any]]:
    """All rows of a batch by sink (in the order sinks first appear), facts last."""
    gathered: dict[Sink, list[Any]] = {}
    recorded: list[Any] = []
    for decision in batch:
        if fenced and decision.aggregate_id in fenced:
            continue
        for sink, row in decision.rows:
            try:
                gathered[sink].append(row)
            except KeyError:
                gathered[sink] = [row]
        for fact in decision.facts:
            recorded.append(outbox.row(fact))
    if recorded:
        gathered[FACTS] = recorded
    return gathered
