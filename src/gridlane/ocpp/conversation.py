"""One connection's conversation, without IO: bytes and the time in, events and bytes out.

The same machine serves both sides (central system and station) and all versions. A shell owns the socket: it hands in
what arrived, writes every ``event.frame`` (where there is one) and every frame that ``answer`` returns, and calls
``tick`` at ``next_deadline``. A conversation lives as long as its connection: answers to an earlier connection's calls
cannot leave on this one.

Rules kept here:

- *Answer everything once.* A call that can be read becomes a CallReceived and is answered exactly once by ``answer`` or
  ``answer_error``; one that cannot is answered at once (event Malformed or CallRefused, whose frame is the CALLERROR).
- *One call at a time* (SHALL in 2.x, SHOULD in 1.6): further own calls wait in a bounded queue. A SEND does not count.
- *The other side's haste is forgiven.* A second call before the first is answered (its timeout may be shorter than our
  work) is taken, in order, also under the same id; 2.1 lets retries reuse it. Nothing is dropped: when
  ``limits.unanswered`` calls wait, ``congested`` asks the shell to stop reading the socket, and only a peer that still
  sends twice as many is closed with 1008.
- *Late results are told, strange ones counted.* A result after our timeout comes as ResultReceived(late=True) while we
  remember the call; any other is Unexpected.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from gridlane.kernel.errors import Kind, Refusal
from gridlane.ocpp import codec, frames, jws
from gridlane.ocpp.actions import Action, Role, action_of_request, actions_of, calls_of, sends_of
from gridlane.ocpp.codec import Rejected
from gridlane.ocpp.error_codes import DESCRIPTION_LENGTH, Fault, code_for, modern_spelling, spelled_for
from gridlane.ocpp.events import (
    CallAbandoned,
    CallReceived,
    CallRefused,
    CallSent,
    CallTimedOut,
    ErrorAnswer,
    Event,
    InvalidAnswer,
    Malformed,
    ResultReceived,
    ResultRefused,
    SendReceived,
    Unexpected,
    Violation,
)
from gridlane.ocpp.frames import Call, CallError, CallResult, CallResultError, Send
from gridlane.ocpp.quirks import NO_QUIRKS, Quirks, quirks_of_boot
from gridlane.ocpp.tolerance import TEXT_MENDED, Note, mend_text
from gridlane.ocpp.version import Version
from gridlane.ocpp.wire_types import Message

__all__ = [
    "CLOSE_POLICY",
    "CLOSE_TOO_BIG",
    "DEFAULT_LIMITS",
    "CallAbandoned",
    "CallQueueFull",
    "CallReceived",
    "CallRefused",
    "CallSent",
    "CallTimedOut",
    "Conversation",
    "ConversationOver",
    "ErrorAnswer",
    "Event",
    "InvalidAnswer",
    "Limits",
    "Malformed",
    "NotAwaitingAnswer",
    "NotOursToCall",
    "ResultReceived",
    "ResultRefused",
    "SendReceived",
    "Unexpected",
    "Violation",
]

CLOSE_POLICY: Final = 1008
CLOSE_TOO_BIG: Final = 1009


class Limits(Struct, frozen=True):
    """Bounds of one conversation: what a peer can make us hold is their sum and no more."""

    frame_bytes: int = 512 * 1024
    unanswered: int = 32
    queued_calls: int = 64
    remembered_calls: int = 16
    call_timeout: float = 30.0
    """Seconds to wait for a result, unless a call says otherwise."""


DEFAULT_LIMITS: Final = Limits()


# ---- refusals ------------------------------------------------------------------------------------------------------


class NotAwaitingAnswer(Refusal):
    code = "call_not_awaiting_answer"
    kind = Kind.CONFLICT
    sentence = "No call with the id {message_id} is waiting for an answer on this connection."


class CallQueueFull(Refusal):
    code = "call_queue_full"
    kind = Kind.TOO_MANY
    sentence = "{waiting} calls already wait for this station."


class NotOursToCall(Refusal):
    code = "action_not_ours_to_call"
    kind = Kind.UNSUPPORTED
    sentence = "{message} is not a request that the {role} may send in {version}."


class ConversationOver(Refusal):
    code = "conversation_over"
    kind = Kind.UNAVAILABLE
    sentence = "The connection is closed."


class _OwnCall(Struct, gc=False):
    message_id: str
    action: Action
    payload: bytes
    timeout: float
    deadline: float = 0.0


# ---- the machine ---------------------------------------------------------------------------------------------------


class Conversation:
    """See the module. ``now`` is in seconds of a clock that never steps back (``time.monotonic``, ``loop.time``).

    ``quirks`` are those of the station as far as it is known when it connects; its BootNotification sets them anew.
    """

    __slots__ = (
        "_awaited",
        "_forgotten",
        "_peers_calls",
        "_peers_sends",
        "_queue",
        "_unanswered",
        "is_over",
        "limits",
        "quirks",
        "role",
        "version",
    )

    def __init__(
        self, version: Version, role: Role, limits: Limits = DEFAULT_LIMITS, quirks: Quirks = NO_QUIRKS
    ) -> None:
        self.version = version
        self.role = role
        self.limits = limits
        self.quirks = quirks
        self.is_over = False
        self._peers_calls = calls_of(version, role.other)
        self._peers_sends = sends_of(version, role.other)
        self._unanswered: list[tuple[str, Action]] = []
        self._awaited: _OwnCall | None = None
        self._queue: list[_OwnCall] = []
        self._forgotten: dict[str, Action] = {}

    # -- what arrives

    def receive(self, data: bytes | bytearray | memoryview, now: float) -> Sequence[Event]:
        """Take one whole text frame of the socket. Never raises."""
        if self.is_over:
            return ()
        if len(data) > self.limits.frame_bytes:
            return self._violation(CLOSE_TOO_BIG, f"A frame has more than {self.limits.frame_bytes} bytes.")
        raw = data if type(data) is bytes else bytes(data)
        frame = frames.parse(self.version, raw)
        notes: tuple[Note, ...] = ()
        if type(frame) is frames.Malformed:
            frame, notes = self._parse_mended(frame, raw)
        match frame:
            case Call():
                return self._on_call(frame, raw, notes)
            case CallResult():
                return self._on_result(frame, raw, now, notes)
            case CallError():
                return self._on_error(frame, raw, now)
            case Send():
                return self._on_send(frame, raw, notes)
            case CallResultError():
                return (ResultRefused(message_id=frame.message_id, error=_error_answer(frame), raw=raw),)
            case frames.Malformed():
                return (_malformed(frame, raw),)
        raise AssertionError(frame)

    def _parse_mended(
        self, malformed: frames.Malformed, raw: bytes
    ) -> tuple[frames.Frame | frames.Malformed, tuple[Note, ...]]:
        """A frame that is no JSON may still be read as it was meant (see ``tolerance.mend_text``)."""
        if malformed.fault is not Fault.NOT_A_JSON_ARRAY:
            return malformed, ()
        mended = mend_text(raw, self.quirks)
        if mended == raw:
            return malformed, ()
        return frames.parse(self.version, mended), (TEXT_MENDED,)

    @property
    def congested(self) -> bool:
        """So many calls wait for our answer that the shell should stop reading for a while."""
        return len(self._unanswered) >= self.limits.unanswered

    @property
    def unanswered(self) -> int:
        return len(self._unanswered)

    def _on_call(self, call: Call, raw: bytes, notes: tuple[Note, ...]) -> Sequence[Event]:
        try:
            if call.action.endswith(jws.SUFFIX):
                call, notes = self._unsigned(call), (*notes, jws.SIGNED)
            action = self._action_among(self._peers_calls, call.action)
            message, more = codec.accept(self.version, action, "Request", call.payload, self.quirks)
        except Rejected as rejected:
            return (self._refused(call, rejected, raw, answered=True),)
        if len(self._unanswered) >= 2 * self.limits.unanswered:
            return self._violation(CLOSE_POLICY, "Too many calls at once; wait for the answers.")
        if call.action == "BootNotification":
            self.quirks = quirks_of_boot(msgspec.json.decode(call.payload), self.quirks.own_files)
        self._unanswered.append((call.message_id, action))
        return (
            CallReceived(
                message_id=call.message_id, action=call.action, request=message, raw=raw, notes=notes + more
            ),
        )

    def _on_send(self, send: Send, raw: bytes, notes: tuple[Note, ...]) -> Sequence[Event]:
        try:
            if send.action.endswith(jws.SUFFIX):
                send, notes = self._unsigned(send), (*notes, jws.SIGNED)
            action = self._action_among(self._peers_sends, send.action)
            message, more = codec.accept(self.version, action, "Request", send.payload, self.quirks)
        except Rejected as rejected:
            return (self._refused(send, rejected, raw, answered=False),)
        return (
            SendReceived(
                message_id=send.message_id, action=send.action, request=message, raw=raw, notes=notes + more
            ),
        )

    def _unsigned(self, call: jws.Signed) -> jws.Signed:
        inner = jws.unwrapped(call) if self.version.is_2x else None
        if inner is None:
            raise Rejected(
                self.version, Fault.PAYLOAD_UNREADABLE if self.version.is_2x else Fault.ACTION_UNKNOWN
            )
        return inner

    def _action_among(self, permitted: dict[str, Action], name: str) -> Action:
        action = permitted.get(name)
        if action is None:
            known = name in actions_of(self.version)
            raise Rejected(self.version, Fault.ACTION_UNSUPPORTED if known else Fault.ACTION_UNKNOWN)
        return action

    def _refused(self, call: Call | Send, rejected: Rejected, raw: bytes, *, answered: bool) -> CallRefused:
        reply = (
            frames.encode_error(call.message_id, rejected.code, rejected.description) if answered else None
        )
        return CallRefused(
            frame=reply,
            message_id=call.message_id,
            action=call.action,
            fault=rejected.fault,
            code=rejected.code,
            description=rejected.description,
            raw=raw,
        )

    # -- our answers

    def answer(self, message_id: str, response: Message) -> bytes:
        """The frame that answers a received call.

        Raises NotAwaitingAnswer when it was answered already, and MessageInvalid when the response breaks its schema:
        then the call still waits, for ``answer_error``.
        """
        _, action = self._find_unanswered(message_id)
        assert type(response) is action.response, f"{type(response).__name__} does not answer {action.name}"
        return self.answer_encoded(message_id, codec.encode_checked(response))

    def answer_encoded(self, message_id: str, payload: bytes) -> bytes:
        """As ``answer``, with a response that went through ``codec.encode_checked`` before. Raises NotAwaitingAnswer."""
        place, _ = self._find_unanswered(message_id)
        del self._unanswered[place]
        return b"[3,%b,%b]" % (_encode_text(message_id), payload)

    def answer_error(self, message_id: str, fault: Fault | str, description: str = "") -> bytes:
        """As ``answer``, with a CALLERROR: a Fault of the oracle, or a code in either spelling."""
        place, _ = self._find_unanswered(message_id)
        del self._unanswered[place]
        if isinstance(fault, Fault):
            code, text = code_for(self.version, fault), description or fault.sentence
        else:
            code, text = spelled_for(self.version, fault), description
        return frames.encode_error(message_id, code, text)

    def _find_unanswered(self, message_id: str) -> tuple[int, Action]:
        for place, (waiting_id, action) in enumerate(self._unanswered):
            if waiting_id == message_id:
                return place, action
        raise NotAwaitingAnswer(message_id=message_id)

    # -- our calls

    def call(
        self, message_id: str, request: Message, now: float, timeout: float | None = None
    ) -> Sequence[Event]:
        """Place a call. It leaves at once (CallSent) or when the calls before it are done (then CallSent comes later).

        Raises NotOursToCall, MessageInvalid, CallQueueFull, ConversationOver.
        """
        action = self._own_action(request, answered=True)
        payload = codec.encode_checked(request)
        if len(self._queue) >= self.limits.queued_calls:
            raise CallQueueFull(waiting=len(self._queue))
        wait = self.limits.call_timeout if timeout is None else timeout
        self._queue.append(_OwnCall(message_id, action, payload, wait))
        return self._next_call(now)

    def send(self, message_id: str, request: Message) -> bytes:
        """2.1: the frame of a message that is never answered. Raises NotOursToCall, MessageInvalid, ConversationOver."""
        action = self._own_action(request, answered=False)
        return b"[6,%b,%b,%b]" % (
            _encode_text(message_id),
            _encode_text(action.name),
            codec.encode_checked(request),
        )

    def _own_action(self, request: Message, *, answered: bool) -> Action:
        if self.is_over:
            raise ConversationOver
        action = action_of_request(self.version).get(type(request))
        permitted = calls_of if answered else sends_of
        if action is None or action.name not in permitted(self.version, self.role):
            raise NotOursToCall(message=type(request).__name__, role=self.role, version=self.version)
        return action

    def _next_call(self, now: float) -> Sequence[Event]:
        if self._awaited is not None or not self._queue:
            return ()
        call = self._awaited = self._queue.pop(0)
        call.deadline = now + call.timeout
        frame = b"[2,%b,%b,%b]" % (
            _encode_text(call.message_id),
            _encode_text(call.action.name),
            call.payload,
        )
        return (CallSent(frame=frame, message_id=call.message_id, action=call.action.name),)

    def _on_result(
        self, result: CallResult, raw: bytes, now: float, notes: tuple[Note, ...]
    ) -> Sequence[Event]:
        action, late = self._take_awaited(result.message_id)
        if action is None:
            return (Unexpected(message_id=result.message_id, raw=raw),)
        reply = None
        response: Message | InvalidAnswer
        try:
            response, more = codec.accept(self.version, action, "Response", result.payload, self.quirks)
            notes += more
        except Rejected as rejected:
            response = InvalidAnswer(rejected.code, rejected.description)
            if self.version is Version.V21:
                reply = frames.encode_result_error(result.message_id, rejected.code, rejected.description)
        received = ResultReceived(
            frame=reply,
            message_id=result.message_id,
            action=action.name,
            response=response,
            raw=raw,
            notes=notes,
            late=late,
        )
        return (received, *self._next_call(now))

    def _on_error(self, error: CallError, raw: bytes, now: float) -> Sequence[Event]:
        action, late = self._take_awaited(error.message_id)
        if action is None:
            return (Unexpected(message_id=error.message_id, raw=raw),)
        received = ResultReceived(
            message_id=error.message_id, action=action.name, response=_error_answer(error), raw=raw, late=late
        )
        return (received, *self._next_call(now))

    def _take_awaited(self, message_id: str) -> tuple[Action | None, bool]:
        awaited = self._awaited
        if awaited is not None and awaited.message_id == message_id:
            self._awaited = None
            return awaited.action, False
        return self._forgotten.pop(message_id, None), True

    # -- the time, and the end

    @property
    def next_deadline(self) -> float | None:
        """When ``tick`` wants to be called, on the clock of ``now``."""
        return None if self._awaited is None else self._awaited.deadline

    def tick(self, now: float) -> Sequence[Event]:
        """Report a call of ours that had no answer in time, and send the next one."""
        awaited = self._awaited
        if awaited is None or now < awaited.deadline:
            return ()
        self._awaited = None
        self._remember(awaited)
        timed_out = CallTimedOut(message_id=awaited.message_id, action=awaited.action.name)
        return (timed_out, *self._next_call(now))

    def _remember(self, call: _OwnCall) -> None:
        self._forgotten[call.message_id] = call.action
        if len(self._forgotten) > self.limits.remembered_calls:
            del self._forgotten[next(iter(self._forgotten))]

    def close(self) -> Sequence[Event]:
        """The connection ended: what became of our calls. Nothing can be answered or called afterwards."""
        self.is_over = True
        abandoned = [] if self._awaited is None else [_abandoned(self._awaited, sent=True)]
        abandoned += [_abandoned(call, sent=False) for call in self._queue]
        self._awaited = None
        self._queue.clear()
        self._unanswered.clear()
        self._forgotten.clear()
        return tuple(abandoned)

    def _violation(self, close_code: int, reason: str) -> Sequence[Event]:
        return (Violation(close_code=close_code, reason=reason), *self.close())


_encode_text: Final = msgspec.json.Encoder().encode


def _abandoned(call: _OwnCall, *, sent: bool) -> CallAbandoned:
    return CallAbandoned(message_id=call.message_id, action=call.action.name, sent=sent)


def _error_answer(error: CallError | CallResultError) -> ErrorAnswer:
    description = (error.description or "")[:DESCRIPTION_LENGTH]
    details = bytes(error.details)
    try:
        details.decode()
    except UnicodeDecodeError:
        details = bytes(frames.EMPTY_OBJECT)
    return ErrorAnswer(modern_spelling(error.code), description, details)


def _malformed(frame: frames.Malformed, raw: bytes) -> Malformed:
    return Malformed(
        frame=frame.reply, fault=frame.fault, code=frame.code, description=frame.description, raw=raw
    )
