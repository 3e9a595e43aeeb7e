"""What is forgiven on the way in, and only after the strict decoding has refused. Each pardon leaves a note.

For every station: an integer written 1.0 (draft 6 calls it one), a time without zone (taken as UTC, which OCPP
recommends), the standard's own misspellings, and NULs that firmware copies out of fixed-size buffers. What one make
of station gets wrong is in its file in ``stations.d/`` (see ``quirks``).
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from msgspec import Struct

from gridlane.ocpp.schemas import Kind, Path, SchemaFault, faults_of
from gridlane.ocpp.version import Version


class Note(NamedTuple):
    """One pardon: where, which rule, and what stood there."""

    path: str
    rule: str
    was: str


class Quirks(Struct, frozen=True):
    """What one make of station gets wrong. ``always`` names actions that are mended even when they look right."""

    always: frozenset[str] = frozenset()


NO_QUIRKS: Final = Quirks()

_NOTE_TEXT: Final = 100
_ROUNDS: Final = 4
"""A mended value may show the next fault (text to number, number out of bounds)."""

_NOTHING: Final = object()
Repair = Callable[[SchemaFault, Quirks], object]


def mend(version: Version, action: str, kind: Kind, payload: dict[str, Any], quirks: Quirks) -> list[Note]:
    """Mend ``payload`` in place as far as it may be; the notes say what was done."""
    notes: list[Note] = []
    _drop_nuls(payload, (), notes)
    for _ in range(_ROUNDS):
        before = len(notes)
        for fault in faults_of(version, action, kind, payload):
            notes += _mend_fault(payload, fault, quirks)
        if len(notes) == before:
            break
    return notes


def _mend_fault(payload: Any, fault: SchemaFault, quirks: Quirks) -> list[Note]:
    for rule, repair in _REPAIRS.get(fault.keyword, ()):
        mended = repair(fault, quirks)
        if mended is not _NOTHING:
            _put(payload, fault.path, mended)
            return [_note(fault.path, rule, fault.value)]
    return []


def _integral_float(fault: SchemaFault, quirks: Quirks) -> object:
    if fault.demand == ["integer"] and isinstance(fault.value, float) and fault.value.is_integer():
        return int(fault.value)
    return _NOTHING


def _time_without_zone(fault: SchemaFault, quirks: Quirks) -> object:
    try:
        at = datetime.fromisoformat(fault.value)
    except ValueError:
        return _NOTHING
    if at.tzinfo is not None or len(fault.value) < len("2026-01-01T00:00"):
        return _NOTHING
    return at.replace(tzinfo=UTC).isoformat()


SPELLINGS: Final = {"Celcius": "Celsius", "Fahrenheit": "Fahrenheit"}
"""Misspellings of the standard's own texts."""


def _standards_spelling(fault: SchemaFault, quirks: Quirks) -> object:
    right = SPELLINGS.get(fault.value) if isinstance(fault.value, str) else None
    for other, spelling in SPELLINGS.items():
        if fault.value == spelling and other in fault.demand:
            return other
    return right if right in fault.demand else _NOTHING


_REPAIRS: Final[dict[str, tuple[tuple[str, Repair], ...]]] = {
    "type": (("integer written as a float", _integral_float),),
    "format": (("time without zone", _time_without_zone),),
    "enum": (("the standard's spelling", _standards_spelling),),
}


def _drop_nuls(value: Any, path: Path, notes: list[Note]) -> None:
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, item in list(entries):
        if isinstance(item, str) and "\0" in item:
            value[key] = item.replace("\0", "")
            notes.append(_note((*path, key), "NUL in a text", item))
        else:
            _drop_nuls(item, (*path, key), notes)


def _put(payload: Any, path: Path, value: object) -> None:
    for step in path[:-1]:
        payload = payload[step]
    payload[path[-1]] = value


def _note(path: Path, rule: str, was: object) -> Note:
    return Note(".".join(map(str, path)), rule, repr(was)[:_NOTE_TEXT])
