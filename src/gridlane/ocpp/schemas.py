"""The official JSON schemas, asked only when the typed decoding has refused: what exactly is wrong, and where.

Read from the PyPI package ``ocpp``, which ships the Open Charge Alliance's files unchanged. Validators are made at the
first refusal of a message and kept; a healthy network makes few.
"""

import json
from collections.abc import Iterator
from datetime import UTC
from functools import cache
from importlib import resources
from itertools import islice
from typing import Any, Final, Literal, NamedTuple

import msgspec

from gridlane.ocpp.error_codes import PRECEDENCE, Fault
from gridlane.ocpp.version import Version
from gridlane.ocpp.wire_types import Timestamp

MessageKind = Literal["Request", "Response"]
Path = tuple[str | int, ...]

_FAULTS_LOOKED_AT: Final = 200
"""A hostile payload of a megabyte may have a hundred thousand faults; nobody needs to know them all."""

_FAULT_OF_KEYWORD: Final = {
    "additionalProperties": Fault.PROPERTY_UNKNOWN,
    "required": Fault.PROPERTY_MISSING,
    "type": Fault.WRONG_TYPE,
    "minItems": Fault.ITEM_COUNT,
    "maxItems": Fault.ITEM_COUNT,
    "enum": Fault.BAD_VALUE,
    "maxLength": Fault.BAD_VALUE,
    "minimum": Fault.BAD_VALUE,
    "maximum": Fault.BAD_VALUE,
    "multipleOf": Fault.BAD_VALUE,
    "format": Fault.BAD_FORMAT,
}


class SchemaFault(NamedTuple):
    """One thing a schema finds wrong. ``demand`` is what its keyword asks: the types, the values, the limit..."""

    fault: Fault
    keyword: str
    path: Path
    demand: Any
    value: Any


def schema_text(version: Version, action: str, kind: MessageKind) -> str:
    """The official file of one message. Raises FileNotFoundError for an unknown action."""
    suffix = {"Request": "", "Response": "Response"}[kind]
    if version.is_2x and not (kind == "Request" and action == "NotifyPeriodicEventStream"):
        suffix = kind
    file = resources.files("ocpp") / version.package / "schemas" / f"{action}{suffix}.json"
    return file.read_text(encoding="utf-8-sig")


def faults_of(version: Version, action: str, kind: MessageKind, payload: Any) -> Iterator[SchemaFault]:
    """What is wrong with a decoded payload, at most the first few hundred things."""
    for error in islice(_validator(version, action, kind).iter_errors(payload), _FAULTS_LOOKED_AT):
        keyword, demand = error.kind.name, error.kind.value
        path = tuple(error.instance_path)
        yield SchemaFault(
            _FAULT_OF_KEYWORD.get(keyword, Fault.BAD_VALUE), keyword, path, demand, error.instance
        )


def conforms(version: Version, action: str, kind: MessageKind, payload: Any) -> bool:
    """Whether the official schema accepts a decoded payload."""
    return bool(_validator(version, action, kind).is_valid(payload))


def worst(faults: list[SchemaFault]) -> SchemaFault:
    """The one that names a payload with several, by the published precedence, then by place."""
    return min(faults, key=lambda fault: (PRECEDENCE.index(fault.fault), list(map(str, fault.path))))


def is_timestamp(text: str) -> bool:
    """RFC 3339 with a zone, and an instant that UTC knows: ``9999-12-31T23:59:59-01:00`` is none."""
    try:
        msgspec.convert(text, Timestamp).astimezone(UTC)
    except (msgspec.ValidationError, OverflowError):
        return False
    return True


@cache
def _validator(version: Version, action: str, kind: MessageKind) -> Any:
    """Draft 4 for all: the 2.x files say draft 6, whose only difference for them is that 1.0 is an integer.

    That one is forgiven as a tolerance, so that it is seen and noted.
    """
    import jsonschema_rs

    schema = json.loads(schema_text(version, action, kind))
    schema.setdefault(
        "properties", {}
    )  # else an empty message's unknown property is reported without its name
    # The mask keeps it from printing a megabyte of wrong list into a message that nobody reads.
    return jsonschema_rs.Draft4Validator(schema, formats=_FORMATS, validate_formats=True, mask="")


_FORMATS: Final = {"date-time": is_timestamp, "uri": lambda text: True}
"""1.6 calls two of our own texts (upload places) URIs; what a station takes as one is its business."""
