"""Placement and sizing: how near the optimum, how sure of it, how fast and how large, beside spopt, HiGHS and the literature.

All times are CPU seconds of one core, whatever else the machine does. Gaps come from valid bounds only. The cities are
made here from a fixed seed (the literature has no open instance of this size), so peers run on the same ones.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gridlane import planning
from gridlane.bench import planning_growth
from gridlane.bench.pieces import Piece, apart, in_pieces
from gridlane.bench.planning_berlin import BERLIN_PIECES
from gridlane.bench.planning_growth import until
from gridlane.bench.planning_instances import City, bds_like, or_library, read_bds, read_or_library
from gridlane.bench.planning_peers import highs_coverage, spopt_coverage
from gridlane.bench.planning_queues import QUEUE_PIECES
from gridlane.bench.table import CouldNotRun, Options, Row, Table
from gridlane.planning.placement import Effort, Outcome, place
from gridlane.planning.reach import Reach

LONG = Effort(kicks=2000, rounds=200, nodes=10**9)
"""Enough work that the time is what ends a run."""

REMARKS = (
    "cities: 25 clusters in 30 x 30 km, heavy-tailed weights, seed 7 (bench/planning_instances.py); radius 1 km",
    "OR-Library: the files of data/pmedian; goals are those for all 40",
)


def run(options: Options) -> Table:
    """Half an hour of CPU, in pieces; what was measured is kept until the planner's code changes."""
    if options.quick:
        warm_up()
        rows = [row for piece in PIECES.values() for row in piece(options)]
        return Table("planning", rows, options, REMARKS)
    warm_up()  # compiled here once, so that no piece pays for it
    code = [*Path(planning.__file__).parent.glob("*.py"), *Path(__file__).parent.glob("planning*.py")]
    rows, remembered = in_pieces("planning", PIECES, options, code)
    plot = [line for name in planning_growth.OBJECTIVES for line in planning_growth.plotted(rows, name)]
    if options.json_file is not None:
        planning_growth.draw(rows, options.json_file.with_suffix(".svg"))
    return Table("planning", rows, options, (*REMARKS, *remembered, *plot))


def warm_up() -> None:
    """Load the compiled loops, which are made once per machine."""
    reach = City.made(200, 30).median(20)
    place(reach, np.ones(30), 4.0, effort=Effort(kicks=5))


@dataclass(frozen=True)
class Timed:
    outcome: Outcome
    value: float
    bound: float
    cpu_s: float

    @property
    def gap_percent(self) -> float:
        return 100.0 * abs(self.value - self.bound) / self.value

    @property
    def figures(self) -> str:
        return f"value {self.value:,.1f}, bound {self.bound:,.1f}, gap {self.gap_percent:.4f} %, {self.cpu_s:.2f} CPU s"


def timed(
    reach: Reach, p: int, seconds: float, *, coverage: bool = False, gap: float = 0.0, seed: int = 1
) -> Timed:
    """Place until proved, near enough, or out of CPU seconds."""
    begun = time.process_time()
    whole = float(reach.fallback.sum()) if coverage else None
    effort = Effort(LONG.kicks, LONG.rounds, LONG.nodes, gap)
    found = place(
        reach,
        np.ones(reach.sites),
        float(p),
        whole=whole,
        seed=seed,
        effort=effort,
        watch=until(begun + seconds),
    )
    value, bound = (cost if whole is None else whole - cost for cost in (found.cost, found.bound))
    return Timed(found, value, bound, time.process_time() - begun)


def or_library_rows(_options: Options) -> list[Row]:
    """P1."""
    files = or_library()
    if not files:
        raise CouldNotRun("data/pmedian holds no pmed file")
    proved, optimal, seconds = 0, 0, []
    for path in files:
        asked = read_or_library(path)
        begun = time.process_time()
        found = place(asked.reach, np.ones(asked.reach.sites), float(asked.p), seed=1)
        seconds.append(time.process_time() - begun)
        optimal += found.cost == asked.optimum
        proved += found.optimal
    count = len(files)
    return [
        Row("P1 OR-Library: published optimum found", optimal, f"of {count} files", at_least=count),
        Row("P1 OR-Library: proved optimal", proved, f"of {count} files", at_least=count),
        Row("P1 all files", sum(seconds), "CPU s", at_most=60.0),
        Row("P1 slowest file", max(seconds), "CPU s", at_most=10.0),
    ]


def median_rows(options: Options) -> list[Row]:
    """P2: p-median of a made-up city."""
    reach, name = City.made(10_000, 1_000).median(150), "P2 p-median 10,000 x 1,000, p=100"
    found = timed(reach, 100, 10.0)
    rows = [
        Row(f"{name}: gap in 10 CPU s", found.gap_percent, "%", at_most=0.05, note=found.figures),
    ]
    if not options.quick:
        proof = timed(reach, 100, 300.0)
        rows.append(Row(f"{name}: proved optimal", proof.cpu_s, "CPU s", at_most=300.0, note=proof.figures))
    return rows


def large_median_rows(options: Options) -> list[Row]:
    """P3: p-median of a large city, its neighbour lists included."""
    if options.quick:
        return []
    run = apart(large_median, 60.0)
    found: Timed = run.found
    name = "P3 p-median 100,000 x 5,000, p=300"
    return [
        Row(f"{name}: gap", found.gap_percent, "%", at_most=0.25, note=found.figures),
        Row(f"{name}: with its neighbour lists", found.cpu_s, "CPU s", at_most=60.0),
        Row(f"{name}: memory", run.peak_mb, "MB", at_most=1000.0),
    ]


def large_median(seconds: float) -> Timed:
    warm_up()
    begun = time.process_time()
    city = City.made(100_000, 5_000)
    found = place(
        city.median(100), np.ones(5_000), 300.0, seed=1,
        effort=Effort(kicks=100, rounds=60, nodes=0, gap=0.002), watch=until(begun + seconds - 4.0),
    )  # fmt: skip
    spent = time.process_time() - begun
    return Timed(found, city.median_cost(found.sites), found.bound, spent)


def coverage_rows(options: Options) -> list[Row]:
    """P4: maximal covering of a made-up city, beside HiGHS."""
    reach, name = City.made(10_000, 1_000).coverage(1.0), "P4 coverage 10,000 x 1,000, p=100"
    fast = timed(reach, 100, 1.0, coverage=True)
    if options.quick:
        note = f"{fast.figures}; the peer runs without --quick"
        return [Row(f"{name}: gap in 1 CPU s", fast.gap_percent, "%", note=note)]
    slow = timed(reach, 100, 60.0, coverage=True, gap=0.001)
    peer = apart(highs_coverage, 10_000, 1_000, 100, 1.0, 60.0)
    value, bound = peer.found
    peer_gap = 100.0 * (bound - value) / max(value, 1.0)
    return [
        Row(f"{name}: value in 1 CPU s", fast.value, peer=value, at_least=value,
            note=f"{fast.figures}; peer and goal: HiGHS, {peer.cpu_s:.0f} CPU s, {peer.peak_mb:,.0f} MB"),
        Row(f"{name}: gap in 60 CPU s", slow.gap_percent, "%", peer=peer_gap, at_most=0.1, note=slow.figures),
    ]  # fmt: skip


def large_coverage_rows(options: Options) -> list[Row]:
    """P6: maximal covering of a large city; finding who covers whom counts."""
    if options.quick:
        return []
    begun = time.process_time()
    reach = City.made(100_000, 5_000).coverage(1.0)
    built = time.process_time() - begun
    found = timed(reach, 300, 60.0 - built, coverage=True, gap=0.005)
    name = "P6 coverage 100,000 x 5,000, p=300: gap in 60 CPU s"
    return [Row(name, found.gap_percent, "%", at_most=0.5, note=found.figures)]


def aggregation_rows(options: Options) -> list[Row]:
    """P5: many customers, few sites."""
    small = timed(read_bds("BDS10000A", 5.5), 10, 60.0, coverage=True)
    name = "P5 BDS10000A (published), radius 5.5, p=10"
    rows = [
        Row(f"{name}: value", small.value, at_least=441_545.0, note=small.figures),
        Row(f"{name}: gap", small.gap_percent, "%", at_most=0.0),
    ]
    sizes = ((100_000, 5.0),) if options.quick else ((100_000, 5.0), (1_000_000, 30.0))
    for customers, limit in sizes:
        begun = time.process_time()
        reach = bds_like(customers, options.seed)
        read = time.process_time() - begun
        found = timed(reach, 10, 120.0, coverage=True)
        proved = "proved optimal" if found.gap_percent == 0.0 else f"gap {found.gap_percent:.3f} %"
        name = f"P5 {customers:,} customers, 100 sites: aggregated and {proved}"
        note = f"{found.figures}; finding who covers whom: {read:.1f} CPU s"
        rows.append(Row(name, found.cpu_s, "CPU s", at_most=limit, note=note))
    return rows


def spopt_rows(options: Options) -> list[Row]:
    """P8: the same covering question to spopt and to us, each in a process of its own."""
    customers, sites, p = (1_000, 200, 20) if options.quick else (3_000, 500, 40)
    try:
        import spopt  # noqa: F401 - only to know whether it is installed
    except ImportError:
        raise CouldNotRun("spopt is not installed; it is in the dependency group bench") from None
    peer = apart(spopt_coverage, customers, sites, p, 1.0)
    ours = timed(City.made(customers, sites).coverage(1.0), p, 60.0, coverage=True)
    name = f"P8 coverage {customers:,} x {sites}, p={p}"
    return [
        Row(f"{name}: spopt's CPU time over ours", peer.cpu_s / ours.cpu_s, "times", peer=1.0, at_least=50.0,
            note=f"spopt {peer.cpu_s:.1f} CPU s, {peer.peak_mb:,.0f} MB; ours {ours.figures}"),
        Row(f"{name}: same value", ours.value, peer=peer.found, at_least=peer.found),
    ]  # fmt: skip


PIECES: dict[str, Piece] = {
    "P1": or_library_rows,
    "P2": median_rows,
    "P3": large_median_rows,
    "P4": coverage_rows,
    "P5": aggregation_rows,
    "P6": large_coverage_rows,
    "P8": spopt_rows,
    **BERLIN_PIECES,
    **QUEUE_PIECES,
    "growth": planning_growth.growth_rows,
}
