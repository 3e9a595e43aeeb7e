"""A long benchmark in pieces: each runs in a process of its own, and what it measured is kept until its code changes.

So a piece that dies (out of memory, Ctrl-C, a bug) loses only itself: the next run takes the others as they were kept.
Every piece tells its CPU time with that of its children, and its largest memory.
"""

import hashlib
import json
import resource
import tempfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import typer

from gridlane.bench.table import Options, Row

Piece = Callable[[Options], list[Row]]
"""A function of a module (it is sent to another process by name)."""


@dataclass(frozen=True)
class Run:
    """What a process of its own found and used; CPU seconds include the children it started."""

    found: Any
    cpu_s: float
    peak_mb: float


def apart(work: Callable[..., Any], *given: Any) -> Run:
    """Run work in a fresh process, so that its memory and CPU time are its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measured, work, given).result()


def measured(work: Callable[..., Any], given: tuple[Any, ...]) -> Run:
    before = used_cpu()
    found = work(*given)
    peak = max(resource.getrusage(who).ru_maxrss for who in BOTH) / 1024.0
    return Run(found, used_cpu() - before, peak)


BOTH = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def used_cpu() -> float:
    times = [resource.getrusage(who) for who in BOTH]
    return sum(each.ru_utime + each.ru_stime for each in times)


def in_pieces(
    name: str, pieces: Mapping[str, Piece], options: Options, code: Iterable[Path]
) -> tuple[list[Row], list[str]]:
    """The rows of all pieces in their order, and a remark about those that are from an earlier run of the same code.

    A piece that fails becomes a row that says so and counts as missed.
    """
    folder, rows, remembered = memory(name, options, code), list[Row](), list[str]()
    for title, piece in pieces.items():
        file = folder / f"{title}.json"
        if file.is_file():
            remembered.append(title)
            found = [Row(**each) for each in json.loads(file.read_text())]
        else:
            try:
                found = one_piece(title, piece, options)
                file.write_text(json.dumps([asdict(each) for each in found], default=float))
            except Exception as trouble:  # noqa: BLE001 - whatever ends one piece, the figures of the others are shown
                found = [Row(title, f"could not run: {type(trouble).__name__}: {trouble}", at_least=1.0)]
            tell(found)
        rows += found
    if not remembered:
        return rows, []
    return rows, [f"from an earlier run of the same code (kept in {folder}): {', '.join(remembered)}"]


def one_piece(title: str, piece: Piece, options: Options) -> list[Row]:
    run = apart(piece, options)
    return [*run.found, Row(f"{title}: all of it", run.cpu_s, "CPU s", note=f"{run.peak_mb:,.0f} MB at most")]


def tell(rows: list[Row]) -> None:
    """Figures as they come, for whoever waits."""
    for row in rows:
        verdict = {True: "met", False: "missed", None: ""}[row.met]
        typer.echo(f"{row.name}: {row.ours} {row.unit} {verdict}", err=True)


def memory(name: str, options: Options, code: Iterable[Path]) -> Path:
    """A folder for what was measured, named by the code that was measured and by the seed."""
    digest = hashlib.sha256(str(options.seed).encode())
    for file in sorted(code):
        digest.update(file.read_bytes())
    folder = Path(tempfile.gettempdir()) / f"gridlane-bench-{name}" / digest.hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    return folder
