"""One frame of the OCPP-J message framework: bytes to what it is, and back.

``parse`` never raises and never guesses: a frame is a Call, CallResult, CallError, CallResultError, Send, or it is
Malformed, and then it says how (``Fault``) and holds the answer that the version owes it. The fast path is one decode
in C with the payload left raw; everything slow happens only to bad frames.

Bounds held here, for every version: nesting <= 64, message id of 1 to 64 characters, no NUL in id or action, UTF-8,
numbers that a double holds (by the payload's decoding). Duplicate keys: the last one wins, everywhere.

Lenient on purpose: the standard limits a message id to 36 characters, but libraries that print UUIDs with braces send
38; up to 64 are taken and echoed. Longer ones count as unreadable.
"""

import re
from typing import Annotated, Any, Final
from uuid import uuid4

import msgspec
from msgspec import Meta, Raw, Struct

from gridlane.ocpp.error_codes import DESCRIPTION_LENGTH, Fault, code_for
from gridlane.ocpp.version import Version

MESSAGE_ID_LENGTH: Final = 64
NESTING_LIMIT: Final = 64
UNREADABLE_ID: Final = "-1"
"""Stands for the id of a frame whose id could not be read (OCPP 2.0.1 part 4, 4.2.3)."""

MessageId = Annotated[str, Meta(min_length=1, max_length=MESSAGE_ID_LENGTH)]
EMPTY_OBJECT: Final = Raw(b"{}")


class Call(Struct, array_like=True, tag=2, forbid_unknown_fields=True, gc=False):
    message_id: MessageId
    action: str
    payload: Raw


class CallResult(Struct, array_like=True, tag=3, forbid_unknown_fields=True, gc=False):
    message_id: MessageId
    payload: Raw


class CallError(Struct, array_like=True, tag=4, forbid_unknown_fields=True, gc=False):
    message_id: MessageId
    code: str
    description: str | None = ""
    details: Raw = EMPTY_OBJECT


class CallResultError(Struct, array_like=True, tag=5, forbid_unknown_fields=True, gc=False):
    """2.1: the other side could not use a result of ours."""

    message_id: MessageId
    code: str
    description: str | None = ""
    details: Raw = EMPTY_OBJECT


class Send(Struct, array_like=True, tag=6, forbid_unknown_fields=True, gc=False):
    """2.1: a message that is never answered."""

    message_id: MessageId
    action: str
    payload: Raw


class Malformed(Struct, frozen=True, gc=False):
    """A frame that is none of these. ``reply`` is the CALLERROR it earns, None where silence is due."""

    fault: Fault
    code: str
    description: str
    reply: bytes | None


Frame = Call | CallResult | CallError | CallResultError | Send

_ENVELOPES: Final[dict[Version, "msgspec.json.Decoder[Frame]"]] = {
    Version.V16: msgspec.json.Decoder(Call | CallResult | CallError),
    Version.V201: msgspec.json.Decoder(Call | CallResult | CallError),
    Version.V21: msgspec.json.Decoder(Call | CallResult | CallError | CallResultError | Send),
}
_LOOSE: Final = msgspec.json.Decoder(list[Raw])
_encoder: Final = msgspec.json.Encoder()
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def parse(version: Version, data: bytes | bytearray | memoryview) -> Frame | Malformed:
    """What a frame is. Never raises; ``data`` is not kept unless it is ``bytes``."""
    if type(data) is not bytes:
        data = bytes(data)
    try:
        frame = _ENVELOPES[version].decode(data)
    except _UNREADABLE:
        return _explain(version, data)
    if may_hold_nul(data) and _nul_in_head(frame):
        return _malformed(version, Fault.ID_UNREADABLE, UNREADABLE_ID, answers=type(frame) is Call)
    if data.count(b"[") + data.count(b"{") > NESTING_LIMIT and nests_too_deep(data):
        return _malformed(version, Fault.NESTED_TOO_DEEP, frame.message_id, answers=type(frame) is Call)
    return frame


def may_hold_nul(data: bytes) -> bool:
    """A cheap look. Most messages hold no backslash at all, and a single byte is found much faster than six."""
    return b"\\" in data and b"\\u0000" in data


def encode_call(message_id: str, action: str, payload: Any) -> bytes:
    return _encoder.encode((2, message_id, action, payload))


def encode_result(message_id: str, payload: Any) -> bytes:
    return _encoder.encode((3, message_id, payload))


def encode_error(message_id: str, code: str, description: str = "", details: Any = None) -> bytes:
    return _encoder.encode((4, message_id, code, description[:DESCRIPTION_LENGTH], details or {}))


def encode_result_error(message_id: str, code: str, description: str = "", details: Any = None) -> bytes:
    """2.1 only."""
    return _encoder.encode((5, message_id, code, description[:DESCRIPTION_LENGTH], details or {}))


def encode_send(message_id: str, action: str, payload: Any) -> bytes:
    """2.1 only."""
    return _encoder.encode((6, message_id, action, payload))


def new_message_id() -> str:
    """36 characters that are unique for ever, as 2.0.1 part 4, 4.1.4 asks."""
    return str(uuid4())


_NO_MARKS: Final = bytes(set(range(256)) - set(b'[]{}"'))
_SQUARE: Final = bytes.maketrans(b"{}", b"[]")


def nests_too_deep(data: bytes) -> bool:
    """Whether well-formed JSON nests deeper than NESTING_LIMIT, without recursion.

    Texts and scalars are taken away until only brackets are left; then each round takes the innermost pairs.
    """
    marks = data.replace(b"\\\\", b"").replace(b'\\"', b"").translate(_SQUARE, _NO_MARKS)
    brackets = b"".join(marks.split(b'"')[::2])
    for _ in range(NESTING_LIMIT):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def _nul_in_head(frame: Frame) -> bool:
    """PostgreSQL's text takes no NUL, and nobody means one in an id or an action."""
    return "\0" in frame.message_id or (isinstance(frame, Call | Send) and "\0" in frame.action)


# ---- bad frames ----------------------------------------------------------------------------------------------------

_RESULT_SHAPED: Final = re.compile(rb"\s*\[\s*[3-6]\s*[,\]]")


def _explain(version: Version, data: bytes) -> Malformed:
    """Why the envelope could not be read. A bad answer is never answered: two machines would do so for ever."""
    try:
        parts = _LOOSE.decode(data)
    except _UNREADABLE:
        silent = _RESULT_SHAPED.match(data) is not None
        return _malformed(version, Fault.NOT_A_JSON_ARRAY, UNREADABLE_ID, answers=not silent)
    kind = _scalar(parts[0]) if parts else None
    message_id = _message_id(parts)
    if type(kind) is not int:
        return _malformed(version, Fault.TYPE_UNREADABLE, message_id, answers=True)
    if kind not in _KINDS[version]:
        return _malformed(version, Fault.TYPE_UNKNOWN, message_id, answers=version is Version.V201)
    is_call = kind == _CALL
    if message_id == UNREADABLE_ID:
        return _malformed(version, Fault.ID_UNREADABLE, message_id, answers=is_call)
    if is_call and len(parts) < 4:
        return _malformed(version, Fault.CALL_INCOMPLETE, message_id, answers=True)
    return _malformed(version, Fault.ENVELOPE_WRONG, message_id, answers=is_call)


_CALL: Final = 2
_KINDS: Final = {Version.V16: {2, 3, 4}, Version.V201: {2, 3, 4}, Version.V21: {2, 3, 4, 5, 6}}


def _scalar(raw: Raw) -> object:
    try:
        return msgspec.json.decode(raw)
    except _UNREADABLE:
        return None


def _message_id(parts: list[Raw]) -> str:
    """The id of a frame whose envelope is wrong, or UNREADABLE_ID."""
    value = _scalar(parts[1]) if len(parts) > 1 else None
    if isinstance(value, str) and 0 < len(value) <= MESSAGE_ID_LENGTH and "\0" not in value:
        return value
    return UNREADABLE_ID


def _malformed(version: Version, fault: Fault, message_id: str, *, answers: bool) -> Malformed:
    code = code_for(version, fault)
    reply = encode_error(message_id, code, fault.sentence) if answers else None
    return Malformed(fault=fault, code=code, description=fault.sentence, reply=reply)
