"""What every kind of import is made of: its columns, how a cell is read, and what was found so far."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.sheets import BadCell, Problem
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.settings import Settings

Values = dict[str, Any]


@dataclass
class Import:
    """A file under way: ``new`` and ``changed`` are lines by number, with their values and what is there already."""

    settings: Settings
    caller: Caller
    problems: list[Problem]
    new: list[tuple[int, Values]] = field(default_factory=list)
    changed: list[tuple[int, Values, Any]] = field(default_factory=list)
    same: int = 0
    passwords: list[dict[str, str]] = field(default_factory=list)

    def object_to(self, line: int, column: str, value: Any, problem: str) -> None:
        self.problems.append(Problem(line, column, str(value), problem))

    def compare(self, line: int, wanted: Values, present: Mapping[str, Any]) -> None:
        """A line about something that is there: it changes what its cells say otherwise, or nothing."""
        changes = {name: value for name, value in wanted.items() if present[name] != value}
        if changes:
            self.changed.append((line, changes, present))
        else:
            self.same += 1


@dataclass(frozen=True)
class Column:
    """``names`` are other headings that mean it; ``parse`` reads a cell that is not empty, and raises BadCell."""

    parse: Callable[[str], Any]
    names: tuple[str, ...] = ()
    required: bool = False


Look = Callable[[AsyncConnection, Import, Sequence[tuple[int, Values]]], Awaitable[None]]
Write = Callable[[AsyncConnection, Import], Awaitable[None]]


@dataclass(frozen=True)
class Table:
    """A kind of import. ``key`` gives the column and the value that a line is known by; ``look`` compares with what is there, ``write`` writes what was found new or changed."""

    permission: Permission
    columns: Mapping[str, Column]
    key: Callable[[Values], tuple[str, Any]]
    look: Look
    write: Write


def text(most: int) -> Callable[[str], str]:
    def parse(cell: str) -> str:
        if len(cell) > most or not cell.isprintable():
            raise BadCell(problem=f"it has to be at most {most} printable characters")
        return cell

    return parse


def one_of(*words: str) -> Callable[[str], str]:
    def parse(cell: str) -> str:
        if cell.lower() not in words:
            raise BadCell(problem=f"it has to be one of {', '.join(words)}")
        return cell.lower()

    return parse


def email(cell: str) -> str:
    local, at, domain = cell.lower().rpartition("@")
    if not at or not local or "@" in local or "." not in domain.strip(".") or " " in cell or len(cell) > 254:
        raise BadCell(problem="it is no mail address, such as ada@example.org")
    return cell.lower()


def quantity(least: float, most: float) -> Callable[[str], float]:
    """A number with a comma or a point as spreadsheets write it, without separators of thousands."""

    def parse(cell: str) -> float:
        return float(_decimal(cell, Decimal(str(least)), Decimal(str(most))))

    return parse


def amount(cell: str) -> Decimal:
    return _decimal(cell, Decimal(0), Decimal(1_000_000))


def yes(cell: str) -> bool:
    words = {
        "yes": True,
        "ja": True,
        "true": True,
        "1": True,
        "no": False,
        "nein": False,
        "false": False,
        "0": False,
    }
    if cell.lower() not in words:
        raise BadCell(problem="it has to be yes or no")
    return words[cell.lower()]


def day(cell: str) -> datetime:
    """A day as 2026-12-31 or 31.12.2026, from its midnight in UTC on."""
    for form in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            found: date = datetime.strptime(cell, form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
        return datetime(found.year, found.month, found.day, tzinfo=UTC)
    raise BadCell(problem="it is no day, such as 2026-12-31 or 31.12.2026")


def _decimal(cell: str, least: Decimal, most: Decimal) -> Decimal:
    try:
        found = Decimal(cell.replace(",", "."))
    except InvalidOperation:
        raise BadCell(problem="it is no number, such as 12.5 or 12,5") from None
    if not found.is_finite() or not least <= found <= most:
        raise BadCell(problem=f"it has to lie between {least} and {most}")
    return found
