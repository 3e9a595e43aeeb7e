"""Tables as people keep them: CSV out of a spreadsheet, with the separators, marks and letters of the country. Pure."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from gridlane.kernel.errors import Kind, Refusal

MOST_LINES = 100_000


class SheetUnreadable(Refusal):
    code = "sheet_unreadable"
    kind = Kind.INVALID
    sentence = "The file cannot be read: {reason}."


class BadCell(Refusal):
    """One cell is wrong; says what to do."""

    code = "bad_cell"
    kind = Kind.INVALID
    sentence = "{problem}"


class Problem(NamedTuple):
    """What is wrong in a line, and what to do. Lines are counted as the spreadsheet does; the heading is line 1."""

    line: int
    column: str
    value: str
    problem: str


class Line(NamedTuple):
    """A line's cells by our names of the columns; empty cells are left out."""

    number: int
    cells: Mapping[str, str]


def lines_of(content: bytes, columns: Mapping[str, Sequence[str]], required: Sequence[str]) -> list[Line]:
    """The lines of a file. ``columns``: our name -> other names that a heading may have.

    Raises SheetUnreadable for a file that is no table, or lacks a column that is ``required``.
    """
    rows = csv.reader(io.StringIO(_text(content), newline=""), delimiter=_separator(_text(content)))
    try:
        heading = next(rows, [])
        places = _places(heading, columns)
        missing = [name for name in required if name not in places]
        if missing:
            raise SheetUnreadable(
                reason=f"the heading lacks {', '.join(missing)}; there may be {', '.join(columns)}"
            )
        found = list(_lines(rows, places))
    except csv.Error as wrong:
        raise SheetUnreadable(reason=f"line {rows.line_num}: {wrong}") from None
    if len(found) > MOST_LINES:
        raise SheetUnreadable(reason=f"it has more than {MOST_LINES} lines; send it in parts")
    return found


def _text(content: bytes) -> str:
    """Excel writes UTF-8 with a mark, UTF-16 with a mark, or the letters of Windows."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _separator(text: str) -> str:
    heading = text.partition("\n")[0]
    return max(";,\t", key=heading.count)


def _places(heading: Sequence[str], columns: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Where each column stands. Raises SheetUnreadable for a heading that nobody knows, or that is there twice."""
    names = {_plain(alias): name for name, others in columns.items() for alias in (name, *others)}
    places: dict[str, int] = {}
    for place, word in enumerate(heading):
        if not word.strip():
            continue
        name = names.get(_plain(word))
        if name is None:
            raise SheetUnreadable(
                reason=f"the column {word.strip()!r} is not known; there may be {', '.join(columns)}"
            )
        if name in places:
            raise SheetUnreadable(reason=f"the column {name} is there twice")
        places[name] = place
    return places


def _lines(rows: Iterator[list[str]], places: Mapping[str, int]) -> Iterator[Line]:
    number = 1
    for row in rows:
        number += 1
        cells = {name: row[place].strip() for name, place in places.items() if place < len(row)}
        cells = {name: text for name, text in cells.items() if text}
        if cells:
            yield Line(number, cells)


def _plain(word: str) -> str:
    return word.strip().casefold().replace(" ", "_").replace("-", "_")
