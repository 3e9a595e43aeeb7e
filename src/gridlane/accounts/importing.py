"""Bringing in people, tokens, and sites with their stations from CSV: looked at whole, then written whole.

A line has a key (a mail address, a token's number, a site's name with a station's identity): what is there already is
changed where a cell says something else, and left alone where it does not, so the same file twice changes nothing.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from gridlane.accounts import importing_people, importing_sites, importing_tokens
from gridlane.accounts.imported import Import, Table
from gridlane.accounts.sheets import BadCell, Line, Problem, lines_of
from gridlane.kernel import audit
from gridlane.kernel.access import Caller, NotAllowed
from gridlane.kernel.database import Database
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.settings import Settings

KINDS: Mapping[str, Table] = {
    "people": importing_people.TABLE,
    "tokens": importing_tokens.TABLE,
    "sites": importing_sites.TABLE,
}
"""What can be brought in."""

TOLD = 1_000
"""Problems that are told at once; the first ones help."""


class ImportRefused(Refusal):
    """Some lines are not right; nothing was written."""

    code = "import_refused"
    kind = Kind.INVALID
    sentence = "{bad} of {lines} lines are not right, and nothing was written. Mend them, or leave them out (skip_bad)."


class Report(NamedTuple):
    """What a file brings: how many lines are new, change something, or change nothing; which are bad, and why.

    ``passwords`` are of stations that were made now, told this once.
    """

    kind: str
    lines: int
    new: int
    changed: int
    same: int
    problems: list[dict[str, Any]]
    bad: int
    written: bool
    passwords: list[dict[str, str]]


async def bring_in(
    database: Database,
    settings: Settings,
    caller: Caller,
    kind: str,
    content: bytes,
    *,
    dry_run: bool,
    skip_bad: bool = False,
) -> Report:
    """Look at a file, and write what it says unless it is a ``dry_run``. All of it is one transaction.

    Raises NotAllowed, SheetUnreadable, ImportRefused.
    """
    table = KINDS[kind]
    caller.require(table.permission)
    if caller.sites is not None:
        raise NotAllowed(permission=f"{table.permission.word} for all sites")
    lines, problems = _read(table, content)
    async with database.as_owner() as work:
        brought = Import(settings, caller, problems)
        await table.look(work, brought, lines)
        bad = {one.line for one in brought.problems}
        report = _report(kind, brought)
        if dry_run:
            return report
        if bad and not skip_bad:
            raise ImportRefused(bad=len(bad), lines=report.lines, problems=report.problems)
        await table.write(work, brought)
        told = {"new": report.new, "changed": report.changed, "file": hashlib.sha256(content).hexdigest()}
        await audit.record(work, caller, f"{kind}.imported", None, after=told)
        return report._replace(written=True, passwords=brought.passwords)


def _read(table: Table, content: bytes) -> tuple[list[tuple[int, dict[str, Any]]], list[Problem]]:
    """The lines as values; what cannot be one is a problem, each cell by itself."""
    names = {name: column.names for name, column in table.columns.items()}
    required = [name for name, column in table.columns.items() if column.required]
    good: list[tuple[int, dict[str, Any]]] = []
    problems: list[Problem] = []
    seen: dict[tuple[str, Any], int] = {}
    for line in lines_of(content, names, required):
        values, wrong = _values(table, line)
        problems += wrong
        if wrong:
            continue
        key = table.key(values)
        if key in seen:
            text = f"it is in line {seen[key]} already; leave one of them out"
            problems.append(Problem(line.number, key[0], line.cells[key[0]], text))
            continue
        seen[key] = line.number
        good.append((line.number, values))
    return good, problems


def _values(table: Table, line: Line) -> tuple[dict[str, Any], list[Problem]]:
    values: dict[str, Any] = {}
    problems = []
    for name, column in table.columns.items():
        text = line.cells.get(name)
        if text is None:
            if column.required:
                problems.append(Problem(line.number, name, "", "it may not be empty"))
            continue
        try:
            values[name] = column.parse(text)
        except BadCell as bad:
            problems.append(Problem(line.number, name, text, str(bad)))
    return values, problems


def _report(kind: str, brought: Import) -> Report:
    problems = sorted(brought.problems)
    bad = len({one.line for one in problems})
    told = [one._asdict() for one in problems[:TOLD]]
    counts = {"new": len(brought.new), "changed": len(brought.changed), "same": brought.same}
    lines = counts["new"] + counts["changed"] + counts["same"] + bad
    return Report(kind, lines, **counts, problems=told, bad=bad, written=False, passwords=[])
