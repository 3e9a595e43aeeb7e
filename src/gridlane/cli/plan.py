"""``gridlane plan``: where to build next, with proof."""

import json
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from gridlane.planning.placement import Progress, Watch
from gridlane.planning.plan import Plan
from gridlane.planning.scenario import Objective, Scenario

if TYPE_CHECKING:
    from gridlane.planning.many import Run

app = typer.Typer(help="Where to build next, with proof.")

SHOWN = 10
"""Sites listed on the terminal; the report has them all."""


@app.command()
def plan(
    scenarios: Annotated[
        list[str],
        typer.Argument(help="Each a plan.toml, a folder that holds one, or a shipped name: berlin."),
    ],
    sites: Annotated[
        list[int] | None,
        typer.Option(help="Open this many sites instead of what the page says; several make a plan each."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for plan.json, plan.geojson and report.html.")] = Path(
        "plan"
    ),
    seed: Annotated[int, typer.Option(help="The same seed gives the same plan.")] = 0,
    seconds: Annotated[
        float | None, typer.Option(help="Stop after this long with the best plan so far.")
    ] = None,
    open_report: Annotated[bool, typer.Option("--open", help="Open the report when done.")] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes for several plans; one per core by default.")
    ] = None,
    cluster: Annotated[
        bool, typer.Option("--cluster", help="Make several plans on a Ray cluster (extra: cluster).")
    ] = False,
    address: Annotated[
        str | None, typer.Option(help="Where the cluster is; RAY_ADDRESS, else one on this machine.")
    ] = None,
) -> None:
    """Choose sites for a scenario and prove how good the choice is. Ctrl-C stops with the best plan so far.

    Several scenarios, or several numbers of sites, make a plan each, at the same time.
    """
    if cluster or len(scenarios) > 1 or len(sites or ()) > 1:
        from gridlane.planning.many import here, on_cluster

        run = on_cluster(address) if cluster else here(workers)
        plan_many(run, scenarios, sites or [None], out, seed, seconds)
        return
    plan_one(scenarios[0], sites[0] if sites else None, out, seed, seconds, open_report=open_report)


def plan_one(
    scenario: str, sites: int | None, out: Path, seed: int, seconds: float | None, *, open_report: bool
) -> None:
    from dataclasses import replace

    from gridlane.planning.deciding import decide
    from gridlane.planning.investment_reading import read_investment
    from gridlane.planning.reading import read_scenario
    from gridlane.planning.shipped import scenario_page

    console = Console()
    page = scenario_page(scenario)
    asked, investment = read_scenario(page), read_investment(page)
    if sites is not None:
        asked = replace(asked, aim=replace(asked.aim, sites=sites, budget=None, share=None))
    with watching(console, asked, seconds) as watch:
        made = decide(asked, investment, seed=seed, watch=watch)
    report = write(out, asked, made)
    show(console, made)
    console.print(f"Written: {out / 'plan.json'}, {out / 'plan.geojson'}, {report}")
    if open_report:
        typer.launch(str(report))


def plan_many(
    run: "Run", names: list[str], sites: Sequence[int | None], out: Path, seed: int, seconds: float | None
) -> None:
    """A plan for every scenario and number of sites, each in a folder of its own; ends with 1 when one was refused."""
    from gridlane.planning.many import task_of
    from gridlane.planning.shipped import scenario_page

    console = Console()
    pages = [scenario_page(name) for name in names]
    tasks = [task_of(page, sites=count, seed=seed, seconds=seconds) for page in pages for count in sites]
    labels = [
        page.parent.name + (f"-{count}-sites" if count is not None else "")
        for page in pages
        for count in sites
    ]
    refused = 0
    for number, (label, made) in enumerate(zip(labels, run(tasks), strict=True), start=1):
        if made.refused is not None:
            refused += 1
            console.print(f"{made.name}: {made.refused}", style="red", highlight=False)
            continue
        folder = out / (label if labels.count(label) == 1 else f"{label}-{number}")
        folder.mkdir(parents=True, exist_ok=True)
        for file, content in (
            ("plan.json", made.plan), ("plan.geojson", made.geojson), ("report.html", made.report),
        ):  # fmt: skip
            (folder / file).write_bytes(content)
        console.print(
            f"{made.name}: {made.sites} sites. {made.sentence}. {folder / 'report.html'}", highlight=False
        )
    if refused:
        raise typer.Exit(1)


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
