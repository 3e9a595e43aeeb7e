"""How the work grows with the size of the city: CPU seconds to a proved gap of 1 %, ours beside plain HiGHS and spopt."""

import math
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from gridlane.bench.pieces import apart
from gridlane.bench.planning_instances import City
from gridlane.bench.planning_peers import highs_coverage, spopt_coverage
from gridlane.bench.table import Options, Row
from gridlane.planning.placement import Effort, Watch, place

SIZES = ((300, 100, 10), (1_000, 200, 20), (3_000, 500, 40), (10_000, 1_000, 100), (30_000, 2_000, 150), (100_000, 5_000, 300))  # fmt: skip
"""Demand points, candidate sites, sites to open."""

NEAR_ENOUGH = 0.01
"""The gap at which a run ends, as a share of the value."""

PATIENCE_S = 60.0
"""CPU seconds after which a run is given up."""

OBJECTIVES = ("p-median", "coverage")

HIGHS_UP_TO, SPOPT_UP_TO = 10_000, 1_000
"""Demand points beyond which a peer is known to give no answer in the time (or in the memory)."""


def until(deadline: float) -> Watch:
    """A watch that stops the work at a count of CPU seconds."""
    return lambda _: time.process_time() < deadline


def growth_rows(options: Options) -> list[Row]:
    if options.quick:
        return []
    return [grown(objective, *size) for objective in OBJECTIVES for size in SIZES]


def grown(objective: str, customers: int, sites: int, p: int) -> Row:
    run = apart(cpu_to_near_enough, objective, customers, sites, p)
    seconds, value, bound = run.found
    peer, note = peers(customers, sites, p) if objective == "coverage" else (None, "")
    gap = 100.0 * abs(value - bound) / value
    figures = f"value {value:,.0f}, bound {bound:,.0f}, gap {gap:.2f} %, {run.peak_mb:,.0f} MB{note}"
    return Row(title(objective, customers, sites, p), seconds, "CPU s", peer=peer, note=figures)


def title(objective: str, customers: int, sites: int, p: int) -> str:
    return f"growth: {objective} {customers:,} x {sites:,}, p={p}, to a gap of {100 * NEAR_ENOUGH:g} %"


def cpu_to_near_enough(objective: str, customers: int, sites: int, p: int) -> tuple[float, float, float]:
    """CPU seconds with the neighbour lists (of a run after the compiled loops are loaded), value and bound."""
    for count in (50, customers):
        begun = time.process_time()
        city = City.made(count, min(sites, count))
        covering = objective == "coverage"
        reach = city.coverage(1.0) if covering else city.median(min(sites, 150))
        whole = float(reach.fallback.sum()) if covering else None
        found = place(
            reach, np.ones(reach.sites), float(min(p, count // 5)), whole=whole, seed=1,
            effort=Effort(nodes=0, gap=NEAR_ENOUGH), watch=until(begun + PATIENCE_S),
        )  # fmt: skip
        spent = time.process_time() - begun
    if whole is None:
        return spent, city.median_cost(found.sites), found.bound
    return spent, whole - found.cost, whole - found.bound


def peers(customers: int, sites: int, p: int) -> tuple[float | None, str]:
    """CPU seconds of HiGHS on the same coverage to the same gap, and what it and spopt (to the optimum) did."""
    if customers > HIGHS_UP_TO:
        return None, ""
    highs = apart(highs_coverage, customers, sites, p, 1.0, PATIENCE_S, NEAR_ENOUGH)
    value, bound = highs.found
    note = f"; peer HiGHS: gap {100 * (bound - value) / max(value, 1.0):.2f} %, {highs.peak_mb:,.0f} MB"
    if customers <= SPOPT_UP_TO:
        spopt = apart(spopt_coverage, customers, sites, p, 1.0)
        note += f"; spopt: {spopt.cpu_s:.1f} CPU s to the optimum, {spopt.peak_mb:,.0f} MB"
    return highs.cpu_s, note


def plotted(rows: Iterable[Row], objective: str) -> list[str]:
    """A bar per size on a logarithmic scale: 4 blocks for every factor of two above 10 ms."""
    lines = [f"growth, {objective} (logarithmic, ours \N{FULL BLOCK}, peer \N{LIGHT SHADE}):"]
    by_name = {row.name: row for row in rows}
    for customers, sites, p in SIZES:
        row = by_name.get(title(objective, customers, sites, p))
        for mark, seconds in (("\N{FULL BLOCK}", row and row.ours), ("\N{LIGHT SHADE}", row and row.peer)):
            if isinstance(seconds, float):
                bar = mark * max(1, round(4 * math.log2(max(seconds, 0.01) / 0.01)))
                lines.append(f"  {customers:>7,} x {sites:>5,} {bar} {seconds:.2f} CPU s")
    return lines


def draw(rows: Iterable[Row], file: Path) -> None:
    """The same as a picture, logarithmic both ways."""
    from matplotlib.figure import Figure

    by_name = {row.name: row for row in rows}
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.subplots()
    for objective, colour in zip(OBJECTIVES, ("#0b6e4f", "#1f5fbf"), strict=True):
        found = [(size[0], by_name.get(title(objective, *size))) for size in SIZES]
        for whose, style in (("ours", "-o"), ("peer", "--s")):
            points = [(n, getattr(row, whose)) for n, row in found if row is not None]
            points = [(n, seconds) for n, seconds in points if isinstance(seconds, float)]
            if points:
                label = f"{objective}, {'Gridlane' if whose == 'ours' else 'HiGHS'}"
                axes.loglog(*zip(*points, strict=True), style, color=colour, label=label, markersize=4.5)
    axes.set_xlabel("demand points (sites and openings grow with them)")
    axes.set_ylabel(f"CPU seconds to a proved gap of {100 * NEAR_ENOUGH:g} %")
    axes.grid(which="major", color="#dddddd")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(file)
