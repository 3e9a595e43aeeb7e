"""A dialect: the tables of one version, and how they are read."""

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from gridlane.kernel.errors import Kind, Refusal
from gridlane.ocpp.actions import Action, Direction, actions_of
from gridlane.ocpp.error_codes import Fault, code_for, spelled_for
from gridlane.ocpp.version import Version
from gridlane.ocpp.wire_types import Message, decode_hook
from gridlane.stations.commands import Answer, AnyCommand, Command, SendRaw
from gridlane.stations.replies import Noted, Reply
from gridlane.stations.reports import OtherReported, Report

T = TypeVar("T")
Payload = dict[str, Any]
"""A message by the names of the wire, without what is not given; its type makes a Struct of it and checks it."""
Said = tuple[str, Payload]
"""An action and its payload."""


class Unsupported(Refusal):
    """The version (or the part of it that a station must have) has no message that says this."""

    code = "unsupported_command"
    kind = Kind.UNSUPPORTED
    sentence = "{reason}."


class CommandInvalid(Refusal):
    """The version has the message, but not with this content: too long a text, a word it does not know, ..."""

    code = "command_invalid"
    kind = Kind.INVALID
    sentence = "The station cannot be sent this {action}: {problem}."


class Phrase(NamedTuple):
    """How a version says one command: the actions it may become, the payload, and what the answer means."""

    actions: tuple[str, ...]
    say: Callable[[Any], Said]
    understand: Callable[[Any, Any], Answer]


class Tables(NamedTuple):
    """One version in data."""

    reports: Mapping[str, Callable[[Any], Report]]
    responses: Mapping[str, Callable[[Any], Payload]]
    unhandled: Mapping[str, Payload]  # what Noted means for an action whose response must say something
    phrases: Mapping[type[Command], Phrase]
    carried: tuple[
        tuple[str, Direction, str], ...
    ] = ()  # what travels inside other messages, for the support page


class Dialect:
    """Between the vocabulary of ``reports``, ``replies`` and ``commands`` and the messages of one version. Pure."""

    def __init__(self, version: Version, tables: Tables) -> None:
        self.version: Final = version
        self.tables: Final = tables
        self._actions = actions_of(version)
        self._reports = {
            name: tables.reports.get(name) or _kept(name)
            for name, action in self._actions.items()
            if action.direction is not Direction.TO_STATION
        }
        self._noted: dict[str, Message] = {}

    def report(self, action: str, request: Message) -> Report:
        """What a station says with a request. Never refuses: what has no meaning here is kept whole."""
        return self._reports[action](request)

    def response(self, action: str, reply: Reply) -> Message:
        """The response that carries a reply. Raises TypeError for a reply that does not answer this action."""
        if type(reply) is Noted:
            known = self._noted.get(action)
            if known is None:
                known = self._noted[action] = self._response(action, self.tables.unhandled.get(action, {}))
            return known
        make = self.tables.responses.get(action)
        if make is None:
            raise TypeError(f"{type(reply).__name__} does not answer {action}")
        return self._response(action, make(reply))

    def _response(self, action: str, payload: Payload) -> Message:
        kind = self._actions[action].response
        if kind is None:
            raise TypeError(f"{action} is never answered")
        try:
            return msgspec.convert(payload, kind, dec_hook=decode_hook)
        except msgspec.ValidationError as wrong:
            raise TypeError(f"this reply does not answer {action}: {wrong}") from None

    def call(self, command: AnyCommand) -> tuple[str, Message]:
        """The action and request that ask a station for this. Raises Unsupported or CommandInvalid."""
        if type(command) is SendRaw:
            return self._request(command.action, command.payload)
        phrase = self.tables.phrases.get(type(command))
        if phrase is None:
            word = str(command.__struct_config__.tag)
            raise Unsupported(reason=f"OCPP {self._number} has no message for {word}")
        return self._request(*phrase.say(command))

    def _request(self, name: str, payload: Payload) -> tuple[str, Message]:
        action = self._actions.get(name)
        if action is None or action.direction is Direction.TO_CENTRAL:
            raise Unsupported(reason=f"OCPP {self._number} has no {name} for stations")
        try:
            return name, msgspec.convert(payload, action.request, dec_hook=decode_hook)
        except msgspec.ValidationError as wrong:
            raise CommandInvalid(action=name, problem=str(wrong)) from None

    def answer(self, command: AnyCommand, response: Message) -> Answer:
        """What a station answered to a command."""
        phrase = self.tables.phrases.get(type(command))
        return answered(command, response) if phrase is None else phrase.understand(command, response)

    def error_code(self, kind: Kind) -> str:
        """The CALLERROR code that tells a station of a refusal."""
        return spelled_for(self.version, _CODES.get(kind, "GenericError"))

    @property
    def _number(self) -> str:
        return self.version.removeprefix("ocpp")

    @property
    def actions(self) -> Mapping[str, Action]:
        return self._actions


@cache
def dialect_for(version: Version) -> Dialect:
    """The dialect of a version. Imports its messages at first use."""
    tables: Tables = import_module(f"gridlane.stations.dialects.{_TABLES[version]}").TABLES
    return Dialect(version, tables)


_TABLES: Final = {Version.V16: "v16", Version.V201: "v2x.v201", Version.V21: "v2x.v21"}

_CODES: Final = {
    Kind.INVALID: "PropertyConstraintViolation",
    Kind.NOT_SIGNED_IN: code_for(Version.V201, Fault.NOT_NOW),
    Kind.NOT_ALLOWED: code_for(Version.V201, Fault.NOT_NOW),
    Kind.UNAVAILABLE: "InternalError",
    Kind.UNSUPPORTED: "NotSupported",
}


def _kept(action: str) -> Callable[[Any], OtherReported]:
    """A message that has no meaning here yet."""

    def keep(request: Message) -> OtherReported:
        return OtherReported(action=action, payload=msgspec.to_builtins(request))

    return keep


# --- words that all versions' tables are written with ------------------------------------------------------------

AGREEING: Final = frozenset(
    ("Accepted", "AcceptedCanceled", "Scheduled", "RebootRequired", "Unlocked", "Unpublished", "Processing")
)
"""Status words by which a station agrees; any other is a no."""


def answered(command: Any, response: Any) -> Answer:
    """The answer of a response whose content is one status word, or none: then it agrees by answering."""
    status = getattr(response, "status", "Accepted")
    said = msgspec.to_builtins(response)
    said.pop("status", None)
    info = said.pop("statusInfo", {})
    reason = ": ".join(filter(None, (info.get("reasonCode"), info.get("additionalInfo")))) or None
    return Answer(agreed=status in AGREEING, status=status, reason=reason, data=said)


def given(**fields: Any) -> Payload:
    """A payload of the fields that are given."""
    return {name: value for name, value in fields.items() if value is not None}


def known(value: T | UnsetType) -> T | None:
    """What an optional field says, None when it is absent."""
    return None if value is UNSET else value


def builtins(message: Message) -> dict[str, Any]:
    """A part of a message as it was received."""
    made: dict[str, Any] = msgspec.to_builtins(message)
    return made


def digest_of(request: Message) -> bytes:
    """The identity of a transaction's event: equal for the same content, whatever message id and notation it had."""
    return hashlib.blake2b(_encoder.encode(request), digest_size=16).digest()


_encoder: Final = msgspec.json.Encoder()
