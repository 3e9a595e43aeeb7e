"""A series from a CSV file: a column of instants and a column of values, as exported by anybody."""

import csv
import gzip
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from gridlane.energy.signals.ports import Series, SourceUnavailable


class CsvSeries:
    """``factor`` turns the file's unit into per kWh (0.001 for EUR/MWh)."""

    def __init__(self, path: str, factor: float = 1.0) -> None:
        self.path, self.factor = Path(path), factor

    async def fetch(self) -> Series:
        """Reads the file anew. Raises SourceUnavailable."""
        return read_series(self.path, self.factor)


def read_series(path: Path, factor: float = 1.0) -> Series:
    """The first two columns of a CSV file (gzip by its ending) as instants and values, in any order.

    Times without a zone are read as UTC. Raises SourceUnavailable naming the line that cannot be read.
    """
    if not path.is_file():
        raise SourceUnavailable(source=path.name, reason="is not a file")
    packed = path.read_bytes()
    text = (gzip.decompress(packed) if path.suffix == ".gz" else packed).decode()
    return parsed(path.name, text.splitlines(), factor)


def parsed(name: str, lines: Iterable[str], factor: float = 1.0) -> Series:
    """The series in the lines of a CSV with one heading.

    Raises SourceUnavailable.
    """
    points: dict[datetime, float] = {}
    rows = csv.reader(lines)
    next(rows, None)
    for number, row in enumerate(rows, start=2):
        try:
            at = datetime.fromisoformat(row[0].strip())
            value = float(row[1]) * factor
        except (ValueError, IndexError):
            raise SourceUnavailable(
                source=name, reason=f"line {number} holds no time and value: {','.join(row)!r}"
            ) from None
        points[at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)] = value
    if not points:
        raise SourceUnavailable(source=name, reason="it holds no values")
    begins = sorted(points)
    return Series(name, tuple(begins), tuple(points[each] for each in begins))
