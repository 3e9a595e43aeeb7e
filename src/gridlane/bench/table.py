"""The form of every benchmark: rows of ours, peer, limit and goal, printed with the machine, seed and commit."""

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table as RichTable

GOALS_MET, GOAL_MISSED, COULD_NOT_RUN = 0, 1, 2
"""Exit states of ``gridlane bench``."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a run is asked for. ``quick`` ends within a minute on two cores."""

    quick: bool = False
    seed: int = 20261123
    json_file: Path | None = None


class CouldNotRun(Exception):
    """The benchmark has no figure to show; says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. ``limit`` is what the machine allows, ``peer`` what the usual other does; both are measured, not
    copied, unless ``note`` says where from. A row without ``at_most`` and ``at_least`` has no goal.
    """

    name: str
    ours: float | int | str
    unit: str = ""
    peer: float | int | str | None = None
    limit: float | int | str | None = None
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """None without a goal."""
        if self.at_most is None and self.at_least is None:
            return None
        if isinstance(self.ours, str):
            return False
        return (self.at_most is None or self.ours <= self.at_most) and (
            self.at_least is None or self.ours >= self.at_least
        )

    @property
    def goal(self) -> str:
        parts = [f"<= {self.at_most:g}" if self.at_most is not None else ""]
        parts.append(f">= {self.at_least:g}" if self.at_least is not None else "")
        return " ".join(part for part in parts if part)


_GIT: Final = shutil.which("git")


def the_surroundings() -> dict[str, str]:
    """The machine and the commit, so that a figure can be judged and repeated."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return {
        "machine": f"{_processor()} x {os.cpu_count()}",
        "load": f"{load:.1f}",
        "python": platform.python_version(),
        "commit": _commit(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "?")


def _commit() -> str:
    if _GIT is None:
        return "unknown"
    here = Path(__file__).parent
    found = subprocess.run(  # noqa: S603 - our own fixed command
        [_GIT, "-C", str(here), "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or "unknown"


@dataclass(slots=True)
class Table:
    """What a benchmark found. ``remarks`` are printed below: what was not measured, and what disturbs the figures."""

    name: str
    rows: Sequence[Row]
    options: Options
    remarks: Sequence[str] = ()
    surroundings: dict[str, str] = field(default_factory=the_surroundings)

    @property
    def exit_code(self) -> int:
        return GOAL_MISSED if any(row.met is False for row in self.rows) else GOALS_MET

    def print(self, console: Console | None = None) -> None:
        console = console or Console(soft_wrap=True)
        grid = RichTable(title=f"gridlane bench {self.name}{' --quick' if self.options.quick else ''}")
        for heading in ("row", "ours", "peer", "limit", "goal", ""):
            grid.add_column(heading, justify="left" if heading in {"row", ""} else "right")
        for row in self.rows:
            verdict = {True: "met", False: "[bold red]missed[/]", None: ""}[row.met]
            name = f"{row.name}, {row.unit}" if row.unit else row.name
            grid.add_row(name, *(shown(v) for v in (row.ours, row.peer, row.limit)), row.goal, verdict)
        console.print(grid)
        for note in (*(f"{row.name}: {row.note}" for row in self.rows if row.note), *self.remarks):
            console.print(f"  {note}")
        facts = ", ".join(f"{name} {value}" for name, value in self.surroundings.items())
        console.print(f"  {facts}, seed {self.options.seed}")

    def as_json(self) -> dict[str, Any]:
        rows = [asdict(row) | {"goal": row.goal, "met": row.met} for row in self.rows]
        return {
            "bench": self.name,
            "quick": self.options.quick,
            "seed": self.options.seed,
            "surroundings": self.surroundings,
            "remarks": list(self.remarks),
            "rows": rows,
        }

    def write_json(self, file: Path) -> None:
        file.write_text(json.dumps(self.as_json(), indent=2) + "\n")


def shown(value: float | int | str | None) -> str:  # noqa: PYI041 - an int is shown without decimals
    if isinstance(value, float):
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    if isinstance(value, int):
        return f"{value:,}"
    return value or ""
