"""``gridlane plan``: where to build next, with proof."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from gridlane.planning.placement import Progress, Watch
from gridlane.planning.plan import Plan
from gridlane.planning.scenario import Objective, Scenario

app = typer.Typer(help="Where to build next, with proof.")

SHOWN = 10
"""Sites listed on the terminal; the report has them all."""


@app.command()
def plan(
    scenario: Annotated[
        str, typer.Argument(help="A plan.toml, a folder that holds one, or a shipped name: berlin.")
    ],
    sites: Annotated[
        int | None, typer.Option(help="Open this many sites instead of what the page says.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for plan.json, plan.geojson and report.html.")] = Path(
        "plan"
    ),
    seed: Annotated[int, typer.Option(help="The same seed gives the same plan.")] = 0,
    seconds: Annotated[
        float | None, typer.Option(help="Stop after this long with the best plan so far.")
    ] = None,
    open_report: Annotated[bool, typer.Option("--open", help="Open the report when done.")] = False,
) -> None:
    """Choose sites for a scenario and prove how good the choice is. Ctrl-C stops with the best plan so far."""
    from dataclasses import replace

    from gridlane.planning.deciding import decide
    from gridlane.planning.investment_reading import read_investment
    from gridlane.planning.reading import read_scenario
    from gridlane.planning.shipped import scenario_page

    console = Console()
    page = scenario_page(scenario)
    asked, investment = read_scenario(page), read_investment(page)
    if sites is not None:
        asked = replace(asked, aim=replace(asked.aim, sites=sites, budget=None))
    with watching(console, asked, seconds) as watch:
        made = decide(asked, investment, seed=seed, watch=watch)
    report = write(out, asked, made)
    show(console, made)
    console.print(f"Written: {out / 'plan.json'}, {out / 'plan.geojson'}, {report}")
    if open_report:
        typer.launch(str(report))


@contextmanager
def watching(console: Console, scenario: Scenario, seconds: float | None) -> Iterator[Watch]:
    """A progress line; the first Ctrl-C (or the time) asks the solver to stop, the second one ends the program."""
    import time

    stop = False
    begun = time.monotonic()
    total = float(scenario.demand.weight.sum())
    coverage = scenario.aim.objective is Objective.COVERAGE

    def asked_to_stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stop
        if stop:
            raise KeyboardInterrupt
        stop = True

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    before = signal.signal(signal.SIGINT, asked_to_stop)
    try:
        with Bar(*columns, console=console, transient=True, disable=not sys.stdout.isatty()) as bar:
            task = bar.add_task("reading the map")

            def watch(progress: Progress) -> bool:
                bar.update(task, description=one_line(progress, total if coverage else None))
                return not stop and (seconds is None or time.monotonic() - begun < seconds)

            yield watch
    finally:
        signal.signal(signal.SIGINT, before)


def one_line(progress: Progress, whole: float | None) -> str:
    cost, bound = progress.cost, progress.bound
    value = cost if whole is None else whole - cost
    gap = f"gap {100 * (cost - bound) / max(abs(value), 1e-12):.3f} %" if bound > -1e300 else "no bound yet"
    return f"{progress.stage}: {value:,.0f}, {gap}"


def write(folder: Path, scenario: Scenario, made: Plan) -> Path:
    from gridlane.planning.geojson import as_geojson
    from gridlane.planning.report import as_html

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.json").write_text(json.dumps(made.as_json(), indent=1, ensure_ascii=False) + "\n")
    (folder / "plan.geojson").write_text(json.dumps(as_geojson(made), ensure_ascii=False) + "\n")
    report = folder / "report.html"
    report.write_text(as_html(scenario, made), encoding="utf-8")
    return report


def show(console: Console, made: Plan) -> None:
    table = Table(title=f"{made.scenario}: {len(made.sites)} new sites", title_justify="left")
    for heading in ("#", "site", "why"):
        table.add_column(heading)
    for rank, site in enumerate(made.sites[:SHOWN], start=1):
        table.add_row(str(rank), f"{site.kind} {site.id}", "; ".join(site.reasons))
    console.print(table)
    if len(made.sites) > SHOWN:
        console.print(f"... and {len(made.sites) - SHOWN} more, in the report")
    proof = made.certificate
    console.print(
        f"{proof.sentence()} (seed {proof.seed}, {proof.cpu_s} CPU s)", style="bold", highlight=False
    )
