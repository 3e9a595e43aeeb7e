"""Which error code a bad message earns, as data: the published oracle (docs/ocpp-errors.md is made from it).

Sources: OCPP-J 1.6 section 4.2.3 with its two historic spellings (FormationViolation, OccurenceConstraintViolation);
OCPP 2.0.1 and 2.1 part 4, section 4.3. Where the texts leave a choice, the choice is made once, here.
"""

from enum import Enum
from typing import Final

from gridlane.ocpp.version import Version

DESCRIPTION_LENGTH: Final = 255


class Fault(Enum):
    """What can be wrong with a message. The value is the sentence the sender reads: no word of his own in it."""

    NOT_A_JSON_ARRAY = "The frame is not a JSON array in UTF-8."
    TYPE_UNREADABLE = "The frame does not start with a message type number."
    TYPE_UNKNOWN = "This message type does not exist in this version."
    ID_UNREADABLE = "The message id is missing, no text, empty or longer than allowed."
    CALL_INCOMPLETE = "A CALL has four elements: type, message id, action, payload."
    ENVELOPE_WRONG = "The elements of the frame are not those of its message type."
    NESTED_TOO_DEEP = "The frame nests deeper than 64 levels."
    ACTION_UNKNOWN = "This action does not exist in this version."
    ACTION_UNSUPPORTED = "This action is known but not supported here."
    PAYLOAD_NOT_AN_OBJECT = "The payload is not a JSON object."
    PAYLOAD_UNREADABLE = "The payload holds text or numbers that cannot be read."
    PROPERTY_UNKNOWN = "A property is not part of this message."
    PROPERTY_MISSING = "A required property is missing."
    ITEM_COUNT = "A list has fewer or more items than allowed."
    WRONG_TYPE = "A value has the wrong type."
    BAD_VALUE = "A value is outside of what its property allows."
    BAD_FORMAT = "A date-time is not RFC 3339 with a time zone."
    NOT_NOW = "This message is not allowed in the present state."
    INTERNAL = "The message could not be processed; nothing was stored. Please try again."

    @property
    def sentence(self) -> str:
        return self.value


_2X: Final[dict[Fault, str]] = {
    Fault.NOT_A_JSON_ARRAY: "RpcFrameworkError",
    Fault.TYPE_UNREADABLE: "RpcFrameworkError",
    Fault.TYPE_UNKNOWN: "MessageTypeNotSupported",
    Fault.ID_UNREADABLE: "RpcFrameworkError",
    Fault.CALL_INCOMPLETE: "RpcFrameworkError",
    Fault.ENVELOPE_WRONG: "RpcFrameworkError",
    Fault.NESTED_TOO_DEEP: "FormatViolation",
    Fault.ACTION_UNKNOWN: "NotImplemented",
    Fault.ACTION_UNSUPPORTED: "NotSupported",
    Fault.PAYLOAD_NOT_AN_OBJECT: "FormatViolation",
    Fault.PAYLOAD_UNREADABLE: "FormatViolation",
    Fault.PROPERTY_UNKNOWN: "FormatViolation",
    Fault.PROPERTY_MISSING: "OccurrenceConstraintViolation",
    Fault.ITEM_COUNT: "OccurrenceConstraintViolation",
    Fault.WRONG_TYPE: "TypeConstraintViolation",
    Fault.BAD_VALUE: "PropertyConstraintViolation",
    Fault.BAD_FORMAT: "FormatViolation",
    Fault.NOT_NOW: "SecurityError",
    Fault.INTERNAL: "InternalError",
}

_16: Final[dict[Fault, str]] = _2X | {
    Fault.NOT_A_JSON_ARRAY: "GenericError",
    Fault.TYPE_UNREADABLE: "GenericError",
    Fault.TYPE_UNKNOWN: "GenericError",
    Fault.ID_UNREADABLE: "GenericError",
    Fault.CALL_INCOMPLETE: "ProtocolError",
    Fault.ENVELOPE_WRONG: "FormationViolation",
    Fault.NESTED_TOO_DEEP: "FormationViolation",
    Fault.PAYLOAD_NOT_AN_OBJECT: "FormationViolation",
    Fault.PAYLOAD_UNREADABLE: "FormationViolation",
    Fault.PROPERTY_UNKNOWN: "FormationViolation",
    Fault.PROPERTY_MISSING: "OccurenceConstraintViolation",
    Fault.ITEM_COUNT: "OccurenceConstraintViolation",
    Fault.BAD_FORMAT: "FormationViolation",
}

ORACLE: Final[dict[Version, dict[Fault, str]]] = {Version.V16: _16, Version.V201: _2X, Version.V21: _2X}

PRECEDENCE: Final = (
    Fault.PAYLOAD_NOT_AN_OBJECT,
    Fault.PROPERTY_UNKNOWN,
    Fault.PROPERTY_MISSING,
    Fault.WRONG_TYPE,
    Fault.ITEM_COUNT,
    Fault.BAD_VALUE,
    Fault.BAD_FORMAT,
)
"""A payload with several faults is named by the first of these it has."""

CODES: Final[dict[Version, frozenset[str]]] = {
    Version.V16: frozenset(
        {
            "FormationViolation",
            "GenericError",
            "InternalError",
            "NotImplemented",
            "NotSupported",
            "OccurenceConstraintViolation",
            "PropertyConstraintViolation",
            "ProtocolError",
            "SecurityError",
            "TypeConstraintViolation",
        }
    ),
    Version.V201: frozenset(
        {
            "FormatViolation",
            "GenericError",
            "InternalError",
            "MessageTypeNotSupported",
            "NotImplemented",
            "NotSupported",
            "OccurrenceConstraintViolation",
            "PropertyConstraintViolation",
            "ProtocolError",
            "RpcFrameworkError",
            "SecurityError",
            "TypeConstraintViolation",
        }
    ),
}
CODES[Version.V21] = CODES[Version.V201]
"""Every code a version has; what we send is among them."""

_SPELLINGS: Final = {
    "FormationViolation": "FormatViolation",
    "OccurenceConstraintViolation": "OccurrenceConstraintViolation",
}


def code_for(version: Version, fault: Fault) -> str:
    return ORACLE[version][fault]


def modern_spelling(code: str) -> str:
    """One spelling for both, so that nobody above the wire compares with two."""
    return _SPELLINGS.get(code, code)


def spelled_for(version: Version, code: str) -> str:
    """A code as this version writes it; one that the version does not have becomes GenericError."""
    if code in CODES[version]:
        return code
    for historic, modern in _SPELLINGS.items():
        if code == modern and historic in CODES[version]:
            return historic
        if code == historic and modern in CODES[version]:
            return modern
    return "GenericError"
