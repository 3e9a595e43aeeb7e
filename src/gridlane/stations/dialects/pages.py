"""docs/ocpp-support.md: every action of every version and what becomes of it, from the dialects' tables."""

from collections.abc import Callable, Iterator
from functools import partial
from types import UnionType
from typing import Any, Final, NamedTuple, get_args, get_type_hints

from gridlane.ocpp.actions import Direction
from gridlane.ocpp.pages import GENERATED
from gridlane.ocpp.version import Version
from gridlane.stations.dialects.dialect import Dialect, dialect_for
from gridlane.stations.reports import Report

STORED: Final = "kept whole and answered as the standard asks"
BY_RAW: Final = "by `raw`, with a payload of one's own"

DIRECTIONS: Final = {
    Direction.TO_CENTRAL: "from the station",
    Direction.TO_STATION: "to the station",
    Direction.BOTH: "both ways",
}


class Support(NamedTuple):
    """One action of a version: who calls it, and what it is to Gridlane. ``meaning`` is empty where it has none."""

    action: str
    direction: Direction
    meaning: tuple[str, ...]


def support(version: Version) -> Iterator[Support]:
    """Every action of a version, with the reports it becomes and the commands it is said for."""
    dialect = dialect_for(version)
    for name, action in dialect.actions.items():
        yield Support(name, action.direction, (*_reports(dialect, name), *_commands(dialect, name)))


def _reports(dialect: Dialect, action: str) -> Iterator[str]:
    read = dialect.tables.reports.get(action)
    if read is not None:
        made = get_type_hints(_plain(read))["return"]
        for kind in get_args(made) if isinstance(made, UnionType) else (made,):
            assert issubclass(kind, Report), f"{action} must say which report it makes"
            yield kind.__name__


def _commands(dialect: Dialect, action: str) -> Iterator[str]:
    for kind, phrase in dialect.tables.phrases.items():
        if action in phrase.actions:
            yield f"`{kind.__struct_config__.tag}`"


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    return function.func if isinstance(function, partial) else function


def support_page() -> str:
    """docs/ocpp-support.md."""
    return f"""{GENERATED}

# Which OCPP messages are supported

Every message of every version is received, checked against the official schema, stored and answered. *Meaning* is what
Gridlane makes of it: the report that is decided about (a word of `stations/reports.py`), or the commands it is sent for
(`kind` in `POST /operations`). Every message that goes to a station can also be sent by the expert command `raw`.

{chr(10).join(_version(version) for version in Version)}"""


def _version(version: Version) -> str:
    rows = list(support(version))
    meant = sum(bool(row.meaning) for row in rows)
    lines = [
        f"## OCPP {version.removeprefix('ocpp')}",
        "",
        f"{len(rows)} messages, {meant} with a meaning of their own.",
        "",
        "| Message | Direction | Meaning |",
        "|---|---|---|",
        *(f"| {row.action} | {DIRECTIONS[row.direction]} | {_words(row)} |" for row in rows),
        *(
            f"| {name} | {DIRECTIONS[direction]} | {what} |"
            for name, direction, what in dialect_for(version).tables.carried
        ),
        "",
    ]
    return "\n".join(lines)


def _words(row: Support) -> str:
    if row.meaning:
        return ", ".join(row.meaning)
    return BY_RAW if row.direction is Direction.TO_STATION else STORED
