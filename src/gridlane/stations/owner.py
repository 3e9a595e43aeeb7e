"""The owner of one station: its state, its inbox, and one decision under way at a time.

An owner has no socket. A connection puts what the station says into its inbox, operators and jobs put instructions,
and the history of the demo world is produced by owners on a virtual clock. Every input is decided by a pure handler,
written by the group committer, and only then takes effect: state becomes visible, the reply leaves.

A handler that fails, or rows that the database refuses, concern this one input: it is quarantined with its raw
bytes, its sender is told, and the state is loaded anew.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec
import psycopg
import structlog

from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.group_commit import Committer, Decision, Outcome
from gridlane.kernel.ids import new_id
from gridlane.stations.decision import Ask, Commit, Handler, Question
from gridlane.stations.model import QUARANTINE
from gridlane.stations.replies import Noted
from gridlane.stations.state import Live

log = structlog.get_logger(__name__)

INBOX = 256
ASK_SECONDS, ASK_AGAIN_SECONDS = 20.0, 0.25
"""Shorter than a station waits for an answer, longer than a restart of PostgreSQL takes."""


class Answerer(Protocol):
    """Answers one kind of question. Raises OSError or psycopg.OperationalError while who it asks is away."""

    async def __call__(self, question: Any) -> Any: ...

    async def close(self) -> None: ...


class InboxFull(Refusal):
    code = "station_inbox_full"
    kind = Kind.TOO_MANY
    sentence = "{waiting} inputs already wait for this station's decision."


class Input(msgspec.Struct, gc=False):
    """Something to decide. ``finish`` adds what only the shell knows (the log row) before the commit; ``settled`` is
    called after it, with None when nothing was committed. ``raw`` is kept when the input has to be quarantined.
    """

    what: Any
    at: datetime
    finish: Callable[[Commit], None] | None = None
    settled: Callable[[Commit | None], None] | None = None
    raw: bytes = b""


class OwnerParts(msgspec.Struct):
    """What owners share in one process."""

    committer: Committer
    handlers: Mapping[type, Handler]
    answerers: Mapping[type[Question], Answerer]
    reload: Callable[[UUID], Awaitable[Live]]
    changed: Callable[["Owner"], None]  # state became visible
    fenced: Callable[["Owner"], None]  # a newer owner exists


def kept(live: Live, _what: Any, _now: datetime, _answer: Any) -> Commit:
    """What nobody decides about is kept in the message log and answered as the specification says."""
    return Commit(live, Noted())


class Owner:
    __slots__ = ("_deciding", "_inbox", "_tasks", "epoch", "is_fenced", "live", "parts")

    def __init__(self, parts: OwnerParts, live: Live, epoch: int) -> None:
        self.parts = parts
        self.live = live
        self.epoch = epoch
        self.is_fenced = False
        self._inbox: deque[Input] = deque()
        self._deciding = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def station_id(self) -> UUID:
        return self.live.station.id

    @property
    def is_idle(self) -> bool:
        return not self._deciding and not self._inbox

    def put(self, item: Input) -> None:
        """Take an input; it is decided in its turn. Raises InboxFull."""
        if len(self._inbox) >= INBOX:
            raise InboxFull(waiting=len(self._inbox))
        self._inbox.append(item)
        self._next()

    def _next(self) -> None:
        while self._inbox and not self._deciding:
            if self.is_fenced:
                self._tell(self._inbox.popleft(), None)
            else:
                self._deciding = True
                self._decide(self._inbox.popleft(), None)

    def _decide(self, item: Input, answer: Any) -> None:
        handler = self.parts.handlers.get(type(item.what), kept)
        try:
            decided = handler(self.live, item.what, item.at, answer)
            if type(decided) is Commit and item.finish is not None:
                item.finish(decided)
        except Exception as failure:  # noqa: BLE001 (a supervisor: one input's failure must not reach its neighbours)
            self._quarantine(item, failure)
            return
        if type(decided) is Ask:
            self._spawn(self._ask(item, decided.question))
        else:
            self._commit(item, decided)  # type: ignore[arg-type]

    def _commit(self, item: Input, commit: Commit) -> None:
        if not commit.rows and not commit.facts:
            self._settle(item, commit, Outcome.COMMITTED)
            return

        def settled(outcome: Outcome) -> None:
            self._settle(item, commit, outcome)
            self._next()

        self.parts.committer.submit(
            Decision(self.live.station.id, self.epoch, commit.rows, commit.facts, settled)
        )

    def _settle(self, item: Input, commit: Commit, outcome: Outcome) -> None:
        if outcome is Outcome.REFUSED:
            self._quarantine(item, RuntimeError("the database refused the decision's rows"))
            return
        self._deciding = False
        if outcome is Outcome.FENCED:
            self.is_fenced = True
            self.parts.fenced(self)
            self._tell(item, None)
            return
        if commit.live is not self.live:
            self.live = commit.live
            self.parts.changed(self)
        self._tell(item, commit)

    async def _ask(self, item: Input, question: Question) -> None:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                answer = await self._answered(question)
        except TimeoutError:
            # Nothing is wrong with the input: the one who was asked is away. The sender tries again.
            log.warning("question not answered", question=type(question).__name__)
            self._deciding = False
            self._tell(item, None)
            self._next()
            return
        except Exception as failure:  # noqa: BLE001 (a supervisor, as in _decide)
            self._quarantine(item, failure)
            return
        self._decide(item, answer)
        self._next()

    async def _answered(self, question: Question) -> Any:
        """Asks again while the one who is asked is away: a station is told late rather than an error."""
        while True:
            try:
                return await self.parts.answerers[type(question)](question)
            except (OSError, psycopg.OperationalError) as trouble:
                log.warning(
                    "question not answered", question=type(question).__name__, reason=str(trouble).strip()
                )
                await asyncio.sleep(ASK_AGAIN_SECONDS)

    def _quarantine(self, item: Input, failure: Exception) -> None:
        """Keep the input that could not be decided, tell its sender, and go on from the stored state."""
        log.error(
            "input quarantined",
            station=self.live.station.identity,
            input=type(item.what).__name__,
            exc_info=failure,
        )
        station = self.live.station
        row = (new_id(), station.organization_id, station.id, item.at, item.raw, repr(failure)[:2000])

        def settled(outcome: Outcome) -> None:
            if outcome is Outcome.FENCED:
                self.is_fenced = True
                self.parts.fenced(self)
            self._spawn(self._reload(item))

        self.parts.committer.submit(Decision(station.id, self.epoch, [(QUARANTINE, row)], [], settled))

    async def _reload(self, item: Input) -> None:
        while not self.is_fenced:
            try:
                self.live = await self.parts.reload(self.live.station.id)
                break
            except OSError as trouble:
                log.warning("state not loaded, trying again", reason=str(trouble))
                await asyncio.sleep(1)
        self._deciding = False
        self._tell(item, None)
        self._next()

    def _tell(self, item: Input, commit: Commit | None) -> None:
        if item.settled is None:
            return
        try:
            item.settled(commit)
        except Exception:  # a supervisor: who listens must not stop the station's next decision
            log.exception("settled input not taken", station=self.live.station.identity)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
