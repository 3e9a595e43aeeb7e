"""Many plans at once: scenarios, cities, numbers of sites. On this machine in processes of its own, or on a Ray cluster.

Both run the same function on the same values, so a seed gives the same plan wherever it is made. A task carries the files it
needs; a node of a cluster needs Gridlane installed and nothing else. A scenario that cannot be planned says why and does
not stop the others.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gridlane.kernel.errors import Kind, Refusal


class ClusterMissing(Refusal):
    code = "planning_cluster_missing"
    kind = Kind.UNAVAILABLE
    sentence = (
        "Ray is not installed here: add it with  pip install 'gridlane[cluster]', or leave --cluster away "
        "to plan on this machine."
    )


class ClusterAway(Refusal):
    code = "planning_cluster_away"
    kind = Kind.UNAVAILABLE
    sentence = "No Ray cluster answers at {address}: {reason}."


@dataclass(frozen=True)
class Task:
    """One plan to make: the page, its tables by file name, and what is changed of it."""

    name: str
    page: dict[str, Any]
    files: dict[str, bytes]
    sites: int | None = None
    seed: int = 0
    seconds: float | None = None


@dataclass(frozen=True)
class Made:
    """A plan as its files, or why there is none."""

    name: str
    refused: str | None = None
    sentence: str = ""
    sites: int = 0
    plan: bytes = b""
    geojson: bytes = b""
    report: bytes = b""


def task_of(page: Path, *, sites: int | None, seed: int, seconds: float | None) -> Task:
    """The task of a ``plan.toml``; its tables are read now, so that they need not be where the plan is made.

    Raises FileUnreadable.
    """
    from gridlane.planning.reading import read_page
    from gridlane.planning.tables import FileUnreadable

    settings = read_page(page)
    files = {}
    for name in settings.get("tables", {}).values():
        try:
            files[str(name)] = (page.parent / name).read_bytes()
        except OSError as wrong:
            raise FileUnreadable(file=page.parent / name, reason=str(wrong.strerror or wrong)) from None
    name = str(settings.get("name") or page.parent.name)
    name = name if sites is None else f"{name}, {sites} sites"
    return Task(name, settings, files, sites, seed, seconds)


def make(task: Task) -> Made:
    """Make one plan. Runs in a process of its own, here or on a node of a cluster."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="gridlane-plan-") as folder:
        for name, content in task.files.items():
            file = Path(folder) / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        try:
            return planned(task, Path(folder))
        except Refusal as refusal:
            return Made(task.name, refused=str(refusal))


def planned(task: Task, folder: Path) -> Made:
    import time

    import msgspec

    from gridlane.planning.deciding import decide
    from gridlane.planning.geojson import as_geojson
    from gridlane.planning.investment_reading import investment_of
    from gridlane.planning.reading import scenario_of
    from gridlane.planning.report import as_html

    scenario = scenario_of(task.page | {"name": task.name}, folder)
    if task.sites is not None:
        scenario = replace(scenario, aim=replace(scenario.aim, sites=task.sites, budget=None, share=None))
    begun = time.monotonic()

    def watch(_progress: object) -> bool:
        return task.seconds is None or time.monotonic() - begun < task.seconds

    plan = decide(scenario, investment_of(task.page), seed=task.seed, watch=watch)
    return Made(
        task.name,
        sentence=plan.certificate.sentence(),
        sites=len(plan.sites),
        plan=msgspec.json.format(msgspec.json.encode(plan.as_json()), indent=1),
        geojson=msgspec.json.encode(as_geojson(plan)),
        report=as_html(scenario, plan).encode(),
    )


Run = Callable[[Sequence[Task]], Iterator[Made]]
"""Makes plans, gives them in the order of their tasks as they are done."""


def here(workers: int | None = None) -> Run:
    """Plans in processes of this machine, one per core unless said otherwise."""

    def run(tasks: Sequence[Task]) -> Iterator[Made]:
        import os
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        most = max(1, min(workers or os.cpu_count() or 1, len(tasks)))
        with ProcessPoolExecutor(most, mp_context=get_context("spawn")) as pool:
            yield from pool.map(make, tasks)

    return run


def on_cluster(address: str | None = None) -> Run:
    """Plans on a Ray cluster: the one at ``address`` (or RAY_ADDRESS), else one that is started on this machine.

    Raises ClusterMissing, ClusterAway.
    """
    try:
        import ray
    except ModuleNotFoundError:
        raise ClusterMissing from None

    def run(tasks: Sequence[Task]) -> Iterator[Made]:
        import logging

        try:
            ray.init(
                address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR
            )
        except (ConnectionError, RuntimeError, TimeoutError, ValueError) as wrong:
            raise ClusterAway(address=address or "this machine", reason=str(wrong).strip()) from None
        try:
            made = ray.remote(make)
            for waiting in [made.remote(task) for task in tasks]:
                yield ray.get(waiting)
        finally:
            ray.shutdown()

    return run
