"""The shape of every decision: ``(state, input, now) -> Commit | Ask``. Pure: no socket, no database, no clock.

A handler takes the station's state, what happened, when it was received, and, the second time, the answer to what it
asked. ``Commit`` says what to write, what to report upwards, what to answer and what to send; nothing of it leaves
before the transaction is committed. ``Ask`` puts a question to the shell (an indexed read, OCSP, another network);
the handler is called again with the answer and the state of then.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from gridlane.kernel.facts import Fact, Recorded
from gridlane.kernel.group_commit import Sink
from gridlane.stations.commands import Answer, AnyCommand
from gridlane.stations.replies import Reply
from gridlane.stations.state import Approval, Live


class Call(msgspec.Struct, frozen=True):
    """A command that leaves for the station after the commit. ``operation`` is its tracked operation, if any."""

    command: AnyCommand
    operation: UUID | None = None


class Commit(msgspec.Struct):
    """What a decision wants. An empty one is fine: nothing is written, the reply still leaves after its turn."""

    live: Live
    reply: Reply | None = None
    rows: list[tuple[Sink, Any]] = msgspec.field(default_factory=list)
    facts: list[Recorded] = msgspec.field(default_factory=list)
    calls: list[Call] = msgspec.field(default_factory=list)
    warnings: list[str] = msgspec.field(default_factory=list)  # kept with the message in the log


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all questions. The composition root has one answerer for each."""


class Ask(msgspec.Struct):
    question: Question


Handler = Callable[[Live, Any, datetime, Any], Commit | Ask]
"""``(live, input, now, answer)``; ``answer`` is None the first time."""


# --- inputs that do not come as a station's message --------------------------------------------------------------


class Connected(msgspec.Struct, frozen=True, kw_only=True):
    """The station's socket is open and its owner has claimed it."""

    node: str
    protocol: str
    secure: bool
    address: str
    superseded: bool = False  # an older connection of the same identity was open
    raised_to: int | None = None  # the security profile that was awaited, and it came by it


class Disconnected(msgspec.Struct, frozen=True, kw_only=True):
    code: int
    reason: str


class OperationDue(msgspec.Struct, frozen=True, kw_only=True):
    """An operation wants to be sent."""

    id: UUID
    command: AnyCommand
    expires_at: datetime
    verifier: str | None = None  # of the new password that the command brings


class OperationAnswered(msgspec.Struct, frozen=True, kw_only=True):
    """The station's answer to an operation; ``answer`` is None when none came in time or the link broke."""

    id: UUID
    answer: Answer | None
    trouble: str | None = None  # timed_out, unsupported, disconnected, CALLERROR code and description


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """What describes the station, as stored now: the API changed it."""

    approval: Approval
    organization_id: UUID | None
    site_id: UUID | None
    time_zone: str


class TimePassed(msgspec.Struct, frozen=True):
    """A deadline of the station's state may have come."""


class Instructed(msgspec.Struct, frozen=True, kw_only=True):
    """A change of the station's own state that an operator or a job asked for: approve, close a session, ..."""

    what: str
    params: dict[str, Any]
    actor: str
    id: UUID | None = None  # the operation that carries it


def report_fact(live: Live, fact: Fact, now: datetime) -> Recorded:
    """A fact about this station."""
    return Recorded(fact, live.station.id, live.station.organization_id, now)


def and_then(first: Commit, handlers: Sequence[Callable[[Live, datetime], Commit]], now: datetime) -> Commit:
    """Let further decisions about the same input follow: they see the state the earlier ones made, their rows, facts
    and calls are added, and the first reply stays.
    """
    for handler in handlers:
        more = handler(first.live, now)
        first.live = more.live
        first.rows += more.rows
        first.facts += more.facts
        first.calls += more.calls
    return first
