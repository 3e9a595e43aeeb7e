"""What is forgiven on the way in, and only after the strict decoding has refused. Each pardon leaves a note.

For every station: an integer written 1.0 (draft 6 of JSON schema calls it one), a time without zone (taken as UTC, which
OCPP recommends) or in another notation of ISO 8601, spellings whose meaning is beyond doubt, and the NULs that firmware
copies out of fixed-size buffers. What one make of station gets wrong is in its file of ``stations.d/`` (see ``quirks``).

A pardon is driven by what the official schema finds wrong, so it touches nothing else in the message.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from gridlane.ocpp.quirks import Quirks, Rule, RuleName
from gridlane.ocpp.schemas import MessageKind, Path, SchemaFault, faults_of
from gridlane.ocpp.version import Version


class Note(NamedTuple):
    """One pardon: where, which rule, and what stood there."""

    path: str
    rule: str
    was: str


def mend(
    version: Version, action: str, kind: MessageKind, payload: dict[str, Any], quirks: Quirks
) -> tuple[list[Note], list[SchemaFault]]:
    """Mend ``payload`` in place as far as it may be: what was done, and what the schema still finds wrong."""
    message = message_name(action, kind)
    notes: list[Note] = []
    _drop_nuls(payload, (), notes)
    for rule in quirks.rules:
        if rule.always and message in rule.actions:
            _apply_always(rule, message, payload, notes)
    faults = list(faults_of(version, action, kind, payload))
    for _ in range(_ROUNDS):
        mended = _mend_round(payload, faults, message, quirks)
        if not mended:
            break
        notes += mended
        faults = list(faults_of(version, action, kind, payload))
    return notes, faults


TEXT_MENDED: Final = Note("", "text that was no JSON", "see the raw message")


def mend_text(data: bytes, quirks: Quirks) -> bytes:
    """A frame that is no JSON, as it may have been meant: without raw NULs, and by the station's text rules."""
    data = data.replace(b"\0", b"")
    for rule in quirks.texts:
        data = data.replace(rule.find.encode(), rule.put.encode())
    return data


_ROUNDS: Final = 4
"""A mended value may show the next fault (a text made a number, the number out of bounds)."""

_NOTE_TEXT: Final = 100


class _Unmended:
    """Stands for "this rule has nothing to offer"."""


class _Dropped:
    """Stands for "take it out"."""


_UNMENDED: Final = _Unmended()
_DROPPED: Final = _Dropped()

Repair = Callable[[SchemaFault, Rule], object]


def _mend_round(payload: Any, faults: list[SchemaFault], message: str, quirks: Quirks) -> list[Note]:
    """Mend what can be, from the end of lists on, so that what is taken out moves nothing."""
    notes: list[Note] = []
    touched: list[Path] = []
    for fault in sorted(faults, key=_place_in_message, reverse=True):
        if any(fault.path[: len(path)] == path for path in touched):
            continue
        for path, value, rule in _remedies(fault, message, quirks):
            notes.append(_put(payload, path, value, rule))
            touched.append(path)
    return notes


def _place_in_message(fault: SchemaFault) -> list[tuple[int, str]]:
    return [(step, "") if isinstance(step, int) else (-1, step) for step in fault.path]


def _remedies(fault: SchemaFault, message: str, quirks: Quirks) -> list[tuple[Path, object, str]]:
    """What to put where: what the station's file knows better, then what is forgiven to all, then what it leaves out."""
    found = _by_rules(fault, message, (rule for rule in quirks.rules if rule.rule not in _LEAVING_OUT))
    if found:
        return found
    for keyword, name, repair in _FOR_ALL:
        if keyword == fault.keyword and (value := repair(fault)) is not _UNMENDED:
            return [(fault.path, value, name)]
    return _by_rules(fault, message, (rule for rule in quirks.rules if rule.rule in _LEAVING_OUT))


def _by_rules(fault: SchemaFault, message: str, rules: Iterable[Rule]) -> list[tuple[Path, object, str]]:
    for rule in rules:
        keywords, offer, places = _REPAIRS[rule.rule]
        if fault.keyword in keywords and (value := offer(fault, rule)) is not _UNMENDED:
            paths = places(fault, rule, message)
            if paths:
                return [(path, value, rule.rule) for path in paths]
    return []


_LEAVING_OUT: Final = frozenset({"drop", "leave_out_bad_items"})


# ---- for every station ---------------------------------------------------------------------------------------------

SPELLINGS: Final = {
    "Celcius": ("Celsius",),  # the standard has printed both
    "Celsius": ("Celcius",),
    "Hz": ("Hertz",),  # 1.6 had no unit for Frequency before its errata named one
    "SoCState": ("SoC",),  # Zephyr's OCPP library before 4.4
}
"""Values of an enum whose meaning is beyond doubt, and what the schema calls them."""


def _integral_float(fault: SchemaFault) -> object:
    if fault.demand == ["integer"] and isinstance(fault.value, float) and fault.value.is_integer():
        return int(fault.value)
    return _UNMENDED


def _other_notation(fault: SchemaFault) -> object:
    at = _read_time(fault.value)
    if at is None:
        return _UNMENDED
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()


def _usual_spelling(fault: SchemaFault) -> object:
    spellings = SPELLINGS.get(fault.value, ()) if isinstance(fault.value, str) else ()
    return next((spelling for spelling in spellings if spelling in fault.demand), _UNMENDED)


_FOR_ALL: Final[tuple[tuple[str, str, Callable[[SchemaFault], object]], ...]] = (
    ("type", "integer written as a float", _integral_float),
    ("format", "time in another notation", _other_notation),
    ("enum", "usual spelling", _usual_spelling),
)

_SHORTEST_TIME: Final = len("2026-01-01T00:00")


def _read_time(text: Any) -> datetime | None:
    """A time of day with its date in any notation of ISO 8601; a date alone is no time."""
    if not isinstance(text, str) or len(text) < _SHORTEST_TIME:
        return None
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        return None


# ---- by the files of stations.d ------------------------------------------------------------------------------------


def _truncated(fault: SchemaFault, rule: Rule) -> object:
    return fault.value[: fault.demand]


def _mapped(fault: SchemaFault, rule: Rule) -> object:
    return rule.values.get(str(fault.value), _UNMENDED)


def _dropped(fault: SchemaFault, rule: Rule) -> object:
    return _UNMENDED if rule.only and fault.value not in rule.only else _DROPPED


def _filled(fault: SchemaFault, rule: Rule) -> object:
    return rule.values.get(fault.demand, _UNMENDED)


def _as_text(fault: SchemaFault, rule: Rule) -> object:
    if "string" not in fault.demand or not isinstance(fault.value, bool | int | float):
        return _UNMENDED
    return str(fault.value).lower() if isinstance(fault.value, bool) else repr(fault.value)


_NUMBER: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")


def _as_number(fault: SchemaFault, rule: Rule) -> object:
    if not isinstance(fault.value, str) or not _NUMBER.fullmatch(fault.value):
        return _UNMENDED
    if "integer" in fault.demand and fault.value.lstrip("-").isdigit():
        return int(fault.value)
    return float(fault.value) if "number" in fault.demand else _UNMENDED


def _as_boolean(fault: SchemaFault, rule: Rule) -> object:
    words = {"true": True, "false": False, "1": True, "0": False}
    return words.get(str(fault.value).lower(), _UNMENDED) if "boolean" in fault.demand else _UNMENDED


def _absent(fault: SchemaFault, rule: Rule) -> object:
    return _DROPPED if fault.value is None else _UNMENDED


def _listed(fault: SchemaFault, rule: Rule) -> object:
    return [fault.value] if "array" in fault.demand and isinstance(fault.value, dict) else _UNMENDED


def _as_object(fault: SchemaFault, rule: Rule) -> object:
    return {} if "object" in fault.demand and fault.value == [] else _UNMENDED


def _left_out(fault: SchemaFault, rule: Rule) -> object:
    return _DROPPED


def _in_zone(fault: SchemaFault, rule: Rule) -> object:
    at = _read_time(fault.value)
    if at is None or at.tzinfo is not None:
        return _UNMENDED
    return at.replace(tzinfo=ZoneInfo(rule.zone)).isoformat()


def _here(fault: SchemaFault, rule: Rule, message: str) -> list[Path]:
    return [fault.path] if rule.concerns(message, _dotted(fault.path)) else []


def _missing_child(fault: SchemaFault, rule: Rule, message: str) -> list[Path]:
    path = (*fault.path, str(fault.demand))
    return [path] if rule.concerns(message, _dotted(path)) else []


def _unknown_children(fault: SchemaFault, rule: Rule, message: str) -> list[Path]:
    paths = [(*fault.path, str(name)) for name in fault.demand]
    return [path for path in paths if rule.concerns(message, _dotted(path))]


def _here_or_around(fault: SchemaFault, rule: Rule, message: str) -> list[Path]:
    """The innermost named thing in which the fault lies."""
    for end in range(len(fault.path), 0, -1):
        path = fault.path[:end]
        if isinstance(path[-1], str) and rule.concerns(message, _dotted(path)):
            return [path]
    return []


def _item_of_named_list(fault: SchemaFault, rule: Rule, message: str) -> list[Path]:
    """The item, of a list that the rule names, in which the fault lies."""
    for end in range(len(fault.path), 1, -1):
        path = fault.path[:end]
        if isinstance(path[-1], int) and rule.concerns(message, _dotted(path)):
            return [path]
    return []


_Places = Callable[[SchemaFault, Rule, str], list[Path]]
_ANY_KEYWORD: Final = frozenset(
    {"type", "enum", "format", "maxLength", "minimum", "maximum", "multipleOf", "minItems"}
)

_REPAIRS: Final[dict[RuleName, tuple[frozenset[str], Repair, _Places]]] = {
    "truncate": (frozenset({"maxLength"}), _truncated, _here),
    "map": (frozenset({"enum", "type"}), _mapped, _here),
    "drop": (_ANY_KEYWORD | {"required", "additionalProperties"}, _dropped, _here_or_around),
    "ignore_unknown": (frozenset({"additionalProperties"}), _left_out, _unknown_children),
    "fill": (frozenset({"required"}), _filled, _missing_child),
    "number_as_text": (frozenset({"type"}), _as_text, _here),
    "text_as_number": (frozenset({"type"}), _as_number, _here),
    "boolean_words": (frozenset({"type"}), _as_boolean, _here),
    "null_is_absent": (frozenset({"type", "enum"}), _absent, _here),
    "list_of_one": (frozenset({"type"}), _listed, _here),
    "empty_list_is_object": (frozenset({"type"}), _as_object, _here),
    "leave_out_bad_items": (
        _ANY_KEYWORD | {"required", "additionalProperties"},
        _left_out,
        _item_of_named_list,
    ),
    "local_time": (frozenset({"format"}), _in_zone, _here),
}
"""Per rule: the schema's keywords it answers to, what it puts there, and where."""


def _apply_always(rule: Rule, message: str, payload: Any, notes: list[Note]) -> None:
    for path, value in list(_leaves(payload, ())):
        if not rule.concerns(message, _dotted(path)):
            continue
        if rule.rule == "map" and str(value) in rule.values:
            notes.append(_put(payload, path, rule.values[str(value)], rule.rule))
        elif rule.rule == "drop" and (not rule.only or value in rule.only):
            notes.append(_put(payload, path, _DROPPED, rule.rule))


# ---- hands ---------------------------------------------------------------------------------------------------------


def _entries(value: Any) -> list[tuple[str | int, Any]]:
    """What an object or a list holds; nothing for anything else. A copy, so that the original may be mended."""
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Every value that is no list or object, with its path."""
    if not isinstance(value, dict | list):
        yield path, value
    for key, item in _entries(value):
        yield from _leaves(item, (*path, key))


def _drop_nuls(value: Any, path: Path, notes: list[Note]) -> None:
    """Out of texts, and out of the names of a vendor's own properties."""
    if isinstance(value, dict):
        for name in [name for name in value if "\0" in name]:
            value[name.replace("\0", "")] = value.pop(name)
            notes.append(_note((*path, name), "NUL in a name", name))
    for key, item in _entries(value):
        if isinstance(item, str) and "\0" in item:
            notes.append(_put(value, (key,), item.replace("\0", ""), "NUL in a text", path))
        else:
            _drop_nuls(item, (*path, key), notes)


def _put(payload: Any, path: Path, value: object, rule: str, above: Path = ()) -> Note:
    """Put a value in its place, or take out what is there. ``above`` is where ``payload`` itself lies."""
    *steps, last = path
    for step in steps:
        payload = payload[step]
    was = payload.get(last) if isinstance(payload, dict) else payload[last]
    if value is _DROPPED:
        del payload[last]
    else:
        payload[last] = value
    return _note((*above, *path), rule, was)


def _note(path: Path, rule: str, was: object) -> Note:
    return Note(".".join(map(str, path)), rule, repr(was)[:_NOTE_TEXT])


def message_name(action: str, kind: MessageKind) -> str:
    """What ``in`` of a station's file calls a message."""
    return action if kind == "Request" else f"{action}.response"


def _dotted(path: Path) -> str:
    return ".".join(step for step in path if isinstance(step, str))
