"""What a conversation tells its shell. Values; ``frame`` is to be written to the socket where there is one."""

from msgspec import Struct

from gridlane.ocpp.error_codes import Fault
from gridlane.ocpp.tolerance import Note
from gridlane.ocpp.wire_types import Message


class Event(Struct, frozen=True, gc=False, kw_only=True):
    """Base of all: something the shell must know, and perhaps write."""

    frame: bytes | None = None


class CallReceived(Event, frozen=True, gc=False, kw_only=True):
    """A valid request; to be answered exactly once. ``notes`` say what was forgiven."""

    message_id: str
    action: str
    request: Message
    raw: bytes
    notes: tuple[Note, ...] = ()


class SendReceived(Event, frozen=True, gc=False, kw_only=True):
    """2.1: a valid message that is never answered."""

    message_id: str
    action: str
    request: Message
    raw: bytes
    notes: tuple[Note, ...] = ()


class CallRefused(Event, frozen=True, gc=False, kw_only=True):
    """A well-framed call (or SEND) whose action or payload is not acceptable; ``frame`` tells the sender."""

    message_id: str
    action: str
    fault: Fault
    code: str
    description: str
    raw: bytes


class Malformed(Event, frozen=True, gc=False, kw_only=True):
    """A frame that is no frame; ``frame`` tells the sender, where the version wants that."""

    fault: Fault
    code: str
    description: str
    raw: bytes


class ErrorAnswer(Struct, frozen=True, gc=False):
    """Why a call of ours was not done: the other side's CALLERROR, in the modern spelling of its code."""

    code: str
    description: str
    details: bytes = b"{}"


class InvalidAnswer(Struct, frozen=True, gc=False):
    """The other side answered, but not what the schema allows."""

    code: str
    description: str


class CallSent(Event, frozen=True, gc=False, kw_only=True):
    """A call of ours had its turn; its time runs from now."""

    message_id: str
    action: str


class ResultReceived(Event, frozen=True, gc=False, kw_only=True):
    """The answer to a call of ours. ``late``: after its timeout had been reported."""

    message_id: str
    action: str
    response: Message | ErrorAnswer | InvalidAnswer
    raw: bytes
    notes: tuple[Note, ...] = ()
    late: bool = False


class CallTimedOut(Event, frozen=True, gc=False, kw_only=True):
    """No answer in time: the outcome is unknown."""

    message_id: str
    action: str


class CallAbandoned(Event, frozen=True, gc=False, kw_only=True):
    """The connection ended first. ``sent``: then the outcome is unknown, else the call never left."""

    message_id: str
    action: str
    sent: bool


class ResultRefused(Event, frozen=True, gc=False, kw_only=True):
    """2.1: the other side could not use a result of ours."""

    message_id: str
    error: ErrorAnswer
    raw: bytes


class Unexpected(Event, frozen=True, gc=False, kw_only=True):
    """A result that belongs to no call of ours, or a second one. Not answered."""

    message_id: str
    raw: bytes


class Violation(Event, frozen=True, gc=False, kw_only=True):
    """The peer broke a bound: close the socket with this code. The conversation is over."""

    close_code: int
    reason: str
