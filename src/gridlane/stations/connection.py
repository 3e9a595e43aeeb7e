"""One station's connection: the socket and the conversation on one side, the station's owner on the other.

It translates: frames become reports by the dialect, commands become calls, and an answer leaves only after its
decision was committed. It also keeps the message log, since only here the bytes are at hand.
"""

from collections import deque
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog

from gridlane.kernel.errors import Refusal
from gridlane.kernel.ids import new_id
from gridlane.ocpp import codec
from gridlane.ocpp.actions import Role
from gridlane.ocpp.conversation import (
    CallAbandoned,
    CallReceived,
    CallRefused,
    CallSent,
    CallTimedOut,
    Conversation,
    ErrorAnswer,
    Event,
    InvalidAnswer,
    Limits,
    Malformed,
    ResultReceived,
    SendReceived,
    Unexpected,
    Violation,
)
from gridlane.ocpp.error_codes import Fault
from gridlane.ocpp.quirks import quirks_for
from gridlane.ocpp.version import Version
from gridlane.stations.claiming import Claim
from gridlane.stations.commands import AnyCommand
from gridlane.stations.decision import Call, Commit, Connected, Disconnected, OperationAnswered, TimePassed
from gridlane.stations.dialects import Dialect, dialect_for
from gridlane.stations.door import Visitor
from gridlane.stations.model import MESSAGES
from gridlane.stations.owner import InboxFull, Input, Owner
from gridlane.stations.replies import Noted, Refused
from gridlane.stations.reports import Booted
from gridlane.stations.transport.link import Link

log = structlog.get_logger(__name__)

SUPERSEDED, GOING_AWAY, POLICY = 4001, 1001, 1008

NOTED = Noted()
EARLY = 16
"""Messages that may arrive before the claim is done; what follows them waits in the operating system."""


class OutgoingCall(msgspec.Struct, gc=False):
    """A call of ours between its decision and its result."""

    command: AnyCommand
    operation: UUID | None
    frame: str = ""
    sent_at: datetime | None = None


class Connection:
    """Satisfies ``transport.link.Receiver``. Until its claim is done it only gathers what arrives."""

    def __init__(self, gateway: Any, visitor: Visitor) -> None:
        self.gateway = gateway
        self.visitor = visitor
        self.version = version = Version(visitor.version)
        self.link: Link | None = None
        self.owner: Owner | None = None
        self.is_closed = False
        self.dialect: Dialect = dialect_for(version)
        self.conversation = Conversation(version, Role.CENTRAL, gateway.limits)
        self._early: deque[bytes] = deque()
        self._outgoing: dict[str, OutgoingCall] = {}
        self._due: deque[UUID] = deque(maxlen=128)  # operations taken on this connection
        self._timer: Any = None
        self._budget = gateway.rate.start(gateway.now())
        self.seen_at: datetime | None = None

    # --- the socket's side ---------------------------------------------------------------------------------------

    def opened(self, link: Link) -> None:
        self.link = link
        self.gateway.arrived(self)

    def wish(self) -> Claim:
        """What is claimed: a known station, or a place in the list of those that wait, which may have been cleared."""
        visitor = self.visitor
        entry = visitor.entry
        if entry is not None and entry.approval != "pending":
            keep = visitor.confirms_new_password
            return Claim(visitor.identity, entry.station_id, confirms_new_password=keep)
        return Claim(
            visitor.identity,
            None,
            profile=visitor.profile,
            verifier=visitor.verifier,
            is_approved=visitor.is_approved and entry is None,
        )

    def received(self, message: bytes) -> None:
        if self.owner is None:
            self._early.append(message)
            if len(self._early) == EARLY and self.link is not None:
                self.link.pause_reading()
            return
        self.seen_at = self.gateway.clock()
        if not self.gateway.rate.allows(self._budget, self.gateway.now()):
            self.close(POLICY, "too many messages")
            return
        for event in self.conversation.receive(message, self.gateway.now()):
            self._on(event)

    def closed(self, code: int, reason: str) -> None:
        self.is_closed = True
        self.link = None
        self._stop_timer()
        for event in self.conversation.close():
            self._on(event)
        self.gateway.left(self, code, reason)

    def writable(self, now: bool) -> None:
        """Nothing to do: a station has at most one answer and one call outstanding."""

    def close(self, code: int, reason: str) -> None:
        if self.link is not None:
            self.link.close(code, reason)

    # --- the owner's side ----------------------------------------------------------------------------------------

    def begin(self, *, superseded: bool) -> None:
        """The claim is done, the owner set: from here on this connection speaks for the station."""
        assert self.owner is not None
        self._learn_quirks()
        assert self.link is not None
        peer = self.link.peer
        self._put(
            Connected(
                node=self.gateway.node,
                protocol=self.version.value,
                secure=peer.secure,
                address=peer.address,
                superseded=superseded,
                raised_to=self.visitor.raised_to,
            )
        )
        early, self._early = self._early, deque()
        for message in early:
            self.received(message)
        if len(early) >= EARLY and self.link is not None and self.link.is_open:
            self.link.resume_reading()

    def _learn_quirks(self) -> None:
        """What this make of station gets wrong is forgiven from its boot on, also on later connections."""
        assert self.owner is not None
        station = self.owner.live.station
        if station.vendor and station.model:
            self.conversation.quirks = quirks_for(station.vendor, station.model, station.firmware or "")

    def end(self, code: int, reason: str) -> None:
        """Record that the station is gone. The gateway gives the ownership back when this is settled."""
        assert self.owner is not None
        self._put(
            Disconnected(code=code, reason=reason), settled=lambda _commit: self.gateway.release(self.owner)
        )

    def take(self, operation: UUID) -> bool:
        """Whether an operation is new to this connection (a doorbell and a look-up may both bring it)."""
        if operation in self._due:
            return False
        self._due.append(operation)
        return True

    def put(self, what: Any) -> None:
        """An input that no message brought: an operation, an instruction."""
        self._put(what)

    def _put(self, what: Any, settled: Any = None) -> None:
        assert self.owner is not None

        def after(commit: Commit | None) -> None:
            if commit is not None:
                self._carry_out(commit)
            if settled is not None:
                settled(commit)

        try:
            self.owner.put(Input(what, self.gateway.clock(), None, after))
        except InboxFull:
            self.close(POLICY, "too many inputs waiting")

    # --- what the conversation tells -----------------------------------------------------------------------------

    def _on(self, event: Event) -> None:
        if event.frame is not None and self.link is not None:
            self.link.send(event.frame)
        kind = type(event)
        if kind is CallReceived:
            self._on_call(event)  # type: ignore[arg-type]
            return
        match event:
            case SendReceived():
                self._on_send(event)
            case CallSent():
                self._on_sent(event)
            case ResultReceived():
                self._on_result(event)
            case CallTimedOut(message_id=message_id):
                self._on_no_result(message_id, "timed_out")
                self._schedule()
            case CallAbandoned(message_id=message_id, sent=sent):
                self._on_no_result(message_id, "disconnected" if sent else "not_sent")
            case CallRefused() | Malformed() | Unexpected():
                self._log_refused(event)
            case Violation(close_code=code, reason=reason):
                self.close(code, reason)
            case _:
                pass

    def _on_call(self, event: CallReceived) -> None:
        owner = self.owner
        assert owner is not None
        report = self.dialect.report(event.action, event.request)
        at = self.seen_at or self.gateway.clock()
        response = b""

        def finish(commit: Commit) -> None:
            nonlocal response
            reply = commit.reply or NOTED
            if type(reply) is Refused:
                answer = f'{{"code":"{reply.code}"}}'
            else:
                response = codec.encode_checked(self.dialect.response(event.action, reply))
                answer = response.decode()
            station = owner.live.station
            warnings = [*commit.warnings, *map(str, event.notes)] if commit.warnings or event.notes else ()
            commit.rows.append(
                (
                    MESSAGES,
                    (
                        station.id,
                        station.organization_id,
                        at,
                        False,
                        event.action,
                        event.message_id,
                        event.raw.decode(),
                        answer,
                        "\n".join(warnings) or None,
                    ),
                )
            )

        def settled(commit: Commit | None) -> None:
            if self.is_closed:
                return
            if commit is None:
                if not owner.is_fenced:
                    self._answer_error(event.message_id, Fault.INTERNAL)
                return
            assert self.link is not None
            if type(commit.reply) is Refused:
                self._answer_error(event.message_id, commit.reply.code, commit.reply.description)
            else:
                self.link.send(self.conversation.answer_encoded(event.message_id, response))
                if type(report) is Booted:
                    self._learn_quirks()
            self._carry_out(commit)

        try:
            owner.put(Input(report, at, finish, settled, event.raw))
        except InboxFull:
            self.close(POLICY, "too many messages waiting")

    def _answer_error(self, message_id: str, fault: Fault | str, description: str = "") -> None:
        if self.link is not None:
            self.link.send(self.conversation.answer_error(message_id, fault, description))

    def _on_send(self, event: SendReceived) -> None:
        assert self.owner is not None
        report = self.dialect.report(event.action, event.request)

        def finish(commit: Commit) -> None:
            commit.rows.append(self._log_row(event.action, event.message_id, event.raw.decode(), None))

        self.owner.put(Input(report, self.gateway.clock(), finish, None, event.raw))

    # --- calls of ours -------------------------------------------------------------------------------------------

    def _carry_out(self, commit: Commit) -> None:
        for call in commit.calls:
            self._call(call)
        self._schedule()

    def _call(self, call: Call) -> None:
        message_id = str(call.operation or new_id())
        if self.is_closed:
            self._answered(call.operation, None, "not_sent")
            return
        try:
            _action, request = self.dialect.call(call.command)
            self._outgoing[message_id] = OutgoingCall(call.command, call.operation)
            events = self.conversation.call(message_id, request, self.gateway.now())
        except Refusal as refusal:
            self._outgoing.pop(message_id, None)
            self._answered(call.operation, None, f"{refusal.code}: {refusal}")
            return
        for event in events:
            self._on(event)

    def _on_sent(self, event: CallSent) -> None:
        call = self._outgoing[event.message_id]
        assert event.frame is not None
        call.frame = event.frame.decode()
        call.sent_at = self.gateway.clock()
        self._schedule()

    def _on_result(self, event: ResultReceived) -> None:
        call = self._outgoing.pop(event.message_id, None)
        if call is None or event.late:
            return
        row = self._log_row(event.action, event.message_id, call.frame, event.raw.decode(), outgoing=True)
        match event.response:
            case ErrorAnswer(code=code, description=description):
                self._answered(call.operation, None, f"{code}: {description}", row)
            case InvalidAnswer(code=code, description=description):
                self._answered(call.operation, None, f"invalid answer: {code}: {description}", row)
            case response:
                answer = self.dialect.answer(call.command, response)
                self._answered(call.operation, answer, None, row)

    def _on_no_result(self, message_id: str, trouble: str) -> None:
        call = self._outgoing.pop(message_id, None)
        if call is not None:
            action = type(call.command).__name__
            row = self._log_row(action, message_id, call.frame, None, outgoing=True)
            self._answered(call.operation, None, trouble, row)

    def _answered(self, operation: UUID | None, answer: Any, trouble: str | None, row: Any = None) -> None:
        """Tell the owner what became of a call; an untracked one only leaves its line in the log."""
        assert self.owner is not None

        def finish(commit: Commit) -> None:
            if row is not None:
                commit.rows.append(row)

        def settled(commit: Commit | None) -> None:
            if commit is not None:
                self._carry_out(commit)

        what = OperationAnswered(id=operation or new_id(), answer=answer, trouble=trouble)
        self.owner.put(Input(what, self.gateway.clock(), finish, settled))

    # --- the log, the time ---------------------------------------------------------------------------------------

    def _log_row(
        self, action: str, message_id: str, payload: str, answer: str | None, *, outgoing: bool = False
    ) -> Any:
        assert self.owner is not None
        station = self.owner.live.station
        at = self.gateway.clock()
        return (
            MESSAGES,
            (station.id, station.organization_id, at, outgoing, action, message_id, payload, answer, None),
        )

    def _log_refused(self, event: CallRefused | Malformed | Unexpected) -> None:
        """A frame that was answered by the conversation itself (or by nothing) still leaves its line."""
        assert self.owner is not None
        action = event.action if isinstance(event, CallRefused) else type(event).__name__
        message_id = "" if isinstance(event, Malformed) else event.message_id
        payload = event.raw.decode(errors="replace").replace("\x00", "\ufffd")
        answer = event.frame.decode() if event.frame else None
        row = self._log_row(action, message_id, payload, answer)

        def finish(commit: Commit) -> None:
            commit.rows.append(row)

        try:
            self.owner.put(Input(TimePassed(), self.gateway.clock(), finish))
        except InboxFull:
            self.close(POLICY, "too many messages waiting")

    def _schedule(self) -> None:
        """Wake at the next deadline: a call without answer, or what the station's state waits for."""
        deadline = self.conversation.next_deadline
        owner = self.owner
        first = None if owner is None else self.gateway.parts.next_deadline(owner.live)
        if first is not None:
            due = self.gateway.now() + max(0.05, (first - self.gateway.clock()).total_seconds())
            deadline = due if deadline is None else min(deadline, due)
        if self._timer is not None:
            self._stop_timer()
        if deadline is not None and not self.is_closed:
            self._timer = self.gateway.loop.call_at(deadline, self._tick)

    def _tick(self) -> None:
        self._timer = None
        for event in self.conversation.tick(self.gateway.now()):
            self._on(event)
        owner = self.owner
        if (
            owner is not None and owner.is_idle
        ):  # else it is looked at again when the decision under way is done
            first = self.gateway.parts.next_deadline(owner.live)
            if first is not None and first <= self.gateway.clock():
                self._put(TimePassed())
        if self._timer is None:
            self._schedule()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


__all__ = ["GOING_AWAY", "SUPERSEDED", "Connection", "Limits"]
