"""How the allocator and the plan grow with the number of connectors: L5 and L6. CPU of one core."""

import time
from collections.abc import Iterator

import numpy as np

from gridlane.bench.table import Options, Row
from gridlane.energy.allocation import Asks, Tree, allocate, weigh
from gridlane.energy.capacity import Conditions, headroom
from gridlane.energy.circuit import Circuit, CircuitKind, Evse, Rotation, Site
from gridlane.energy.program import Limits, Program, solve
from gridlane.kernel.clock import parse_instant
from gridlane.kernel.quantities import Amperes, Watts

ALLOCATOR_GOALS = {1_000: 1.0, 10_000: 10.0, 50_000: 60.0}
PLAN_GOALS = {50: 0.03, 200: 0.12, 1_000: 1.0, 10_000: 15.0}
STEPS = 96
_NOON = parse_instant("2026-03-02T12:00:00Z")


def allocator_rows(options: Options) -> Iterator[Row]:
    """L6: five levels, three phases and watts, weights, two tiers, targets, 6 A, every second vehicle one-phase."""
    for connectors, goal in ALLOCATOR_GOALS.items():
        if options.quick and connectors > 10_000:
            continue
        spent = _allocator_times(connectors, options.seed, rounds=40 if options.quick else 200)
        name = f"L6 allocator, {connectors:,} connectors"
        yield Row(
            name,
            float(np.percentile(spent, 99)) * 1e3,
            "ms p99",
            at_most=goal,
            note=f"mean {spent.mean() * 1e3:.2f} ms",
        )


def plan_rows(options: Options) -> Iterator[Row]:
    """L5: 96 quarter-hours, about 28 active each; panels of 20, feeders of 200; TOU, peak and unmet prices."""
    for vehicles, goal in PLAN_GOALS.items():
        if options.quick and vehicles > 1_000:
            continue
        program = day_of_many(vehicles, options.seed)
        solve(program)
        begin = time.process_time()
        found = solve(program)
        spent = time.process_time() - begin
        note = f"{int((program.last - program.first).sum()):,} variables, peak {found.peak:.1f} kW"
        yield Row(f"L5 plan, {vehicles:,} vehicles", spent, "CPU s", at_most=goal, note=note)


def _allocator_times(connectors: int, seed: int, rounds: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    random = np.random.default_rng(seed)
    site = site_of_many(connectors, seed)
    tree = Tree(site)
    capacity = tree.capacity(headroom(site, Conditions(), _NOON))
    asks = Asks.none(tree)
    asks.weigh = np.array(
        [weigh(site.draw(each, 1 if index % 2 else 3)) for index, each in enumerate(tree.evses)]
    )
    asks.least = np.full(connectors, 6.0)
    spent = []
    for _ in range(rounds + 3):
        asks.wish = np.where(
            random.random(connectors) < 0.9, random.choice([11.0, 16.0, 32.0], connectors), 0.0
        )
        asks.target = asks.wish * random.choice([0.5, 1.0], connectors)
        asks.weight = random.uniform(0.5, 2.0, connectors)
        asks.tier = (random.random(connectors) < 0.1).astype(np.int64)
        asks.order = random.permutation(connectors)
        begin = time.thread_time()
        allocate(tree, asks, capacity)
        spent.append(time.thread_time() - begin)
    return np.array(spent[3:])  # the first calls load compiled code


def site_of_many(connectors: int, seed: int) -> Site:
    """Connection, feeders of 200, panels of 20, stations of two, with mixed phase rotations; about half is wanted."""
    random = np.random.default_rng(seed)
    panels, feeders = max(1, connectors // 20), max(1, connectors // 200)
    circuits = [
        Circuit(
            id="top",
            kind=CircuitKind.CONNECTION,
            current=Amperes(connectors * 4.0),
            power=Watts(connectors * 2760.0),
        )
    ]
    circuits += [
        Circuit(id=f"f{each}", kind=CircuitKind.FEEDER, parent="top", current=Amperes(1200.0))
        for each in range(feeders)
    ]
    circuits += [
        Circuit(
            id=f"p{each}", kind=CircuitKind.PANEL, parent=f"f{each * feeders // panels}",
            current=Amperes(float(random.integers(80, 250))),
        )
        for each in range(panels)
    ]  # fmt: skip
    circuits += [
        Circuit(
            id=f"s{each}", kind=CircuitKind.STATION, parent=f"p{each * panels // (connectors // 2)}",
            current=Amperes(float(random.choice([32, 40, 64]))),
        )
        for each in range(connectors // 2)
    ]  # fmt: skip
    known = [each for each in Rotation if each is not Rotation.UNKNOWN]
    evses = tuple(
        Evse(
            id=f"e{each}",
            circuit=f"s{each // 2}",
            rating=Amperes(32.0),
            rotation=known[int(random.integers(0, 6))],
        )
        for each in range(connectors)
    )
    return Site(circuits=tuple(circuits), evses=evses)


def day_of_many(vehicles: int, seed: int) -> Program:
    """A working day like JPL's: arrivals around eight, seven hours, 25 kWh at most, half a kilowatt-hour of doubt."""
    random = np.random.default_rng(seed)
    first = np.clip(random.normal(33, 6, vehicles), 0, 80).astype(np.int64)
    last = np.minimum(first + np.clip(random.normal(28, 8, vehicles), 4, 60).astype(np.int64), STEPS)
    most = random.choice([3.3, 6.6, 7.2], vehicles)
    energy = np.minimum(random.gamma(2.0, 6.0, vehicles) + 1.0, most * (last - first) * 0.25)
    hour = np.arange(STEPS) / 4
    price = np.where((hour >= 12) & (hour < 18), 0.267, np.where((hour >= 8) & (hour < 23), 0.0925, 0.056))
    panel = np.arange(vehicles) // 20
    panels, feeders = int(panel.max()) + 1, int(panel.max()) // 10 + 1
    weight = np.zeros((panels + feeders + 1, panels), dtype=np.complex128)
    weight[np.arange(panels), np.arange(panels)] = 1.0
    weight[panels + np.arange(panels) // 10, np.arange(panels)] = 1.0
    weight[-1] = 1.0
    capacity = np.concatenate((np.full(panels, 45.0), np.full(feeders, 350.0), [1.3 * vehicles]))
    return Program(
        hours=np.full(STEPS, 0.25),
        price=price,
        first=first,
        last=last,
        most=most,
        energy=energy,
        unmet_price=np.ones(vehicles),
        limits=Limits(kind=panel, weight=weight, capacity=np.repeat(capacity[:, None], STEPS, axis=1)),
        early=1e-5,
        peak_price=15.51 / 30,
    )
