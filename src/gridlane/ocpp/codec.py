"""Payloads: raw JSON to typed messages and back.

The good path is one typed decode in C. Only when that refuses are the official schemas asked, for two things: what can
be forgiven (``tolerance``: the message is accepted with notes), and else which error code it earns.
"""

import re
from functools import cache
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Raw

from gridlane.kernel.errors import Kind, Refusal
from gridlane.ocpp.actions import Action, actions_of
from gridlane.ocpp.error_codes import Fault, code_for
from gridlane.ocpp.frames import may_hold_nul, nests_too_deep
from gridlane.ocpp.quirks import NO_QUIRKS, Quirks, quirks_of_boot
from gridlane.ocpp.schemas import MessageKind, Path, conforms, worst
from gridlane.ocpp.tolerance import Note, mend, message_name
from gridlane.ocpp.version import Version
from gridlane.ocpp.wire_types import Message, decode_hook

Buffer = bytes | bytearray | memoryview | Raw


class Rejected(ValueError):
    """A payload that cannot be accepted. ``description`` is for the sender and holds no word of his own."""

    def __init__(self, version: Version, fault: Fault, path: Path = ()) -> None:
        self.fault = fault
        self.code = code_for(version, fault)
        self.path = ".".join(map(str, path))
        self.description = f"{fault.sentence[:-1]}: {self.path}." if path else fault.sentence
        super().__init__(f"{self.code}: {self.description}")


class Accepted(NamedTuple):
    """A decoded message, and what had to be forgiven on the way."""

    message: Message
    notes: tuple[Note, ...]


def decode_request(version: Version, action: str, raw: Buffer, quirks: Quirks = NO_QUIRKS) -> Message:
    """The request of an action. Raises Rejected."""
    return accept_request(version, action, raw, quirks).message


def decode_response(version: Version, action: str, raw: Buffer, quirks: Quirks = NO_QUIRKS) -> Message:
    """The response to an action. Raises Rejected."""
    return accept_response(version, action, raw, quirks).message


def accept_request(version: Version, action: str, raw: Buffer, quirks: Quirks = NO_QUIRKS) -> Accepted:
    """As decode_request, with the notes of what was forgiven."""
    known = known_action(version, action)
    return accept(version, known, "Request", raw, quirks)


def accept_response(version: Version, action: str, raw: Buffer, quirks: Quirks = NO_QUIRKS) -> Accepted:
    known = known_action(version, action)
    return accept(version, known, "Response", raw, quirks)


def known_action(version: Version, name: str) -> Action:
    action = actions_of(version).get(name)
    if action is None:
        raise Rejected(version, Fault.ACTION_UNKNOWN)
    return action


def accept(
    version: Version, action: Action, kind: MessageKind, raw: Buffer, quirks: Quirks = NO_QUIRKS
) -> Accepted:
    """Decode one payload of a known action. Raises Rejected."""
    data = bytes(raw)
    always = quirks.always and message_name(action.name, kind) in quirks.always
    if not (always or may_hold_nul(data) or _is_at_the_end_of_time(data)):
        try:
            return Accepted(_decoder(action, kind).decode(data), ())
        except _REFUSALS:
            pass
    return _accept_mended(version, action, kind, data, quirks)


def _is_at_the_end_of_time(data: bytes) -> bool:
    """Whether a time may be one that has no UTC. A cheap look: the first day has none only east of Greenwich."""
    return b'"9999-12-31' in data or (b"+" in data and b'"0001-01-01' in data)


class MessageInvalid(Refusal):
    """A message of ours breaks its own schema: a text too long, a list too short. It is never sent."""

    code = "ocpp_message_invalid"
    kind = Kind.INVALID
    sentence = "{message} would not be valid: {reason}."


def encode_checked(message: Message) -> bytes:
    """As ``encode``, for what leaves the house. Raises MessageInvalid.

    A Struct does not look at its fields when it is made, so the bytes are read back: a third of a microsecond for most.
    """
    data = encode(message)
    try:
        _decoder_of(type(message)).decode(data)
    except _REFUSALS as error:
        raise MessageInvalid(message=type(message).__name__, reason=error) from None
    return data


def is_strictly_right(version: Version, action: Action, kind: MessageKind, raw: Buffer) -> bool:
    """Whether a payload is accepted without any pardon."""
    data = bytes(raw)
    try:
        _decoder(action, kind).decode(data)
    except _REFUSALS:
        return False
    return not _is_at_the_end_of_time(data) or conforms(version, action.name, kind, _anything.decode(data))


def encode(message: Message) -> bytes:
    """Compact JSON without nulls; every time with at most three decimals of a second, as OCPP asks."""
    data = _encoder.encode(message)
    return _MICROSECONDS.sub(rb"\1", data) if b"." in data else data


@cache
def _decoder(action: Action, kind: MessageKind) -> "msgspec.json.Decoder[Any]":
    message = action.request if kind == "Request" else action.response
    assert message is not None, f"{action.name} is never answered"
    return _decoder_of(message)


@cache
def _decoder_of(message: type[Message]) -> "msgspec.json.Decoder[Any]":
    return msgspec.json.Decoder(message, dec_hook=decode_hook)


_encoder: Final = msgspec.json.Encoder()
_anything: Final = msgspec.json.Decoder()
_MICROSECONDS: Final = re.compile(rb'("\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})\d{3}(?=Z"|[+-]\d\d:\d\d")')
_NOTES_KEPT: Final = 50
_REFUSALS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def _accept_mended(
    version: Version, action: Action, kind: MessageKind, data: bytes, quirks: Quirks
) -> Accepted:
    payload = _read(version, data)
    if action.name == "BootNotification" and not quirks.stations:
        quirks = quirks_of_boot(payload, quirks.own_files)
    notes, faults = mend(version, action.name, kind, payload, quirks)
    if faults:
        fault = worst(faults)
        raise Rejected(version, fault.fault, fault.path)
    try:
        message = _decoder(action, kind).decode(_encoder.encode(payload))
    except _REFUSALS:  # within the schema, beyond our bounds: an integer of more than 64 bits
        raise Rejected(version, Fault.BAD_VALUE) from None
    return Accepted(message, tuple(notes[:_NOTES_KEPT]))


def _read(version: Version, data: bytes) -> dict[str, Any]:
    try:
        payload = _anything.decode(data)
    except _REFUSALS:
        raise Rejected(version, Fault.PAYLOAD_UNREADABLE) from None
    if nests_too_deep(data):
        raise Rejected(version, Fault.NESTED_TOO_DEEP)
    if not isinstance(payload, dict):
        raise Rejected(version, Fault.PAYLOAD_NOT_AN_OBJECT)
    return payload
