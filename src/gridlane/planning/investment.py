"""What a planner asks with money and power in it: chargers and their prices, grid connections, periods with budgets, a
waiting target. It turns a scenario into the solver's rollout and keeps the names that the answer needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from gridlane.planning.layouts import Catalogue, Charger, GridStep, Layout, catalogue
from gridlane.planning.objectives import covered
from gridlane.planning.reach import Floats, Indices
from gridlane.planning.rollout import NOTHING, Network, Rollout
from gridlane.planning.scenario import Demand, Scenario, Stations
from gridlane.planning.sizing import WaitTarget
from gridlane.planning.supplied import joined, renumbered
from gridlane.planning.travel import Pairs, within

SAME_PLACE_M = 60.0
"""Devices in one square of this side count as one station."""

UNLIMITED_KW = 1e9


@dataclass(frozen=True)
class Period:
    """``demand`` scales the scenario's demand; the budget is fresh money, and what is left carries over."""

    name: str
    budget: float
    demand: float = 1.0


@dataclass(frozen=True)
class Investment:
    """Everything about money, power and waiting; prices in ``currency``."""

    currency: str
    chargers: tuple[Charger, ...]
    grid: tuple[GridStep, ...]
    layouts: tuple[Layout, ...]
    periods: tuple[Period, ...]
    target: WaitTarget
    ground: float = 0.0  # for a site whose table gives no expense
    upgrade_fee: float = 0.0
    closing_cost: float = 0.0
    shared_power: float = 1.0  # below 1: load management lets a smaller connection carry more chargers
    feeders_kw: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Standing:
    """A station of today: its place, what stands there, and what may be done with it."""

    id: str
    x: float
    y: float
    counts: tuple[int, ...]
    decision: str  # keep, upgrade, close or any


@dataclass(frozen=True)
class Asked:
    """The rollout with the words for its numbers. Sites are the candidates, then the stations of today."""

    rollout: Rollout
    layouts: Catalogue
    ids: tuple[str, ...]
    kinds: tuple[str, ...]
    x: Floats
    y: Floats
    candidates: int
    wants_of: int  # demand points per kind
    classes: tuple[str, ...]


def ask_investment(scenario: Scenario, investment: Investment) -> Asked:
    """Raises GridTooSmall when a layout needs more power than any grid step gives."""
    sites = scenario.sites
    standing = standing_stations(scenario.stations, tuple(c.kind for c in investment.chargers))
    layouts, own = all_layouts(investment, standing)
    x = np.concatenate((sites.x, [each.x for each in standing]))
    y = np.concatenate((sites.y, [each.y for each in standing]))
    option_start, options = site_options(scenario, layouts, len(investment.layouts), standing, own)
    offsets, wants, gains = who_reaches_whom(scenario, investment, standing, (x, y))
    classes, group = class_numbers(scenario)
    names, feeder = feeder_numbers(scenario, investment, len(standing))
    network = Network(
        offsets=offsets,
        wants=wants,
        gains=gains,
        demand=wanted(scenario.demand, investment),
        group=np.tile(group, len(investment.chargers)),
        option_start=option_start,
        options=options,
        capacity=layouts.capacity,
        power=layouts.power,
        price=layouts.price,
        upkeep=layouts.upkeep,
        counts=layouts.counts,
        ground=np.concatenate((ground_costs(scenario, investment), np.zeros(len(standing)))),
        feeder=feeder,
        upgrade_fee=investment.upgrade_fee,
        closing_cost=investment.closing_cost,
        worth=np.ones(len(investment.periods)),
        budget=np.cumsum([period.budget for period in investment.periods]),
        feeder_kw=np.array([investment.feeders_kw[name] for name in names]),
    )
    floors = dict(scenario.aim.floors)
    rollout = Rollout(
        network, len(scenario.demand), layouts.kinds, np.array([floors.get(name, 0.0) for name in classes])
    )
    return Asked(
        rollout=rollout,
        layouts=layouts,
        ids=(*sites.id, *(each.id for each in standing)),
        kinds=(*sites.kind, *("station" for _ in standing)),
        x=x,
        y=y,
        candidates=len(sites),
        wants_of=len(scenario.demand),
        classes=classes,
    )


def standing_stations(stations: Stations, kinds: tuple[str, ...]) -> list[Standing]:
    """Devices gathered into places; a device of a kind nobody plans for is left out."""
    places: dict[tuple[int, int], list[int]] = {}
    for i in range(len(stations)):
        square = (round(stations.x[i] / SAME_PLACE_M), round(stations.y[i] / SAME_PLACE_M))
        places.setdefault(square, []).append(i)
    found = []
    for members in places.values():
        counts = [0] * len(kinds)
        for i in members:
            kind = "DC" if "DC" in stations.kind[i] else stations.kind[i]
            if kind in kinds:
                counts[kinds.index(kind)] += int(stations.points[i])
        if any(counts):
            x, y = float(stations.x[members].mean()), float(stations.y[members].mean())
            first = members[0]
            found.append(Standing(stations.id[first], x, y, tuple(counts), stations.decision[first]))
    return found


def all_layouts(
    investment: Investment, standing: list[Standing]
) -> tuple[Catalogue, dict[tuple[int, ...], int]]:
    """The planner's layouts and, behind them, those that stand today; and where each combination of counts is."""
    kinds = [charger.kind for charger in investment.chargers]
    planned = {tuple(layout.counts.get(kind, 0) for kind in kinds) for layout in investment.layouts}
    today = sorted({each.counts for each in standing} - planned)
    extra = [Layout(dict(zip(kinds, counts, strict=True))) for counts in today]
    made = catalogue(
        investment.chargers,
        investment.grid,
        investment.layouts,
        investment.target,
        investment.shared_power,
        extra,
    )
    return made, {tuple(int(n) for n in row): k for k, row in reversed(list(enumerate(made.counts)))}


def site_options(
    scenario: Scenario,
    layouts: Catalogue,
    planned: int,
    standing: list[Standing],
    own: dict[tuple[int, ...], int],
) -> tuple[np.ndarray, Indices]:
    """Per site what stands there now, then what it may become."""
    rows: list[list[int]] = []
    for j in range(len(scenario.sites)):
        fits = layouts.power[1 : planned + 1] <= scenario.sites.grid_kw[j]
        rows.append([NOTHING, *(np.flatnonzero(fits) + 1)] if not scenario.sites.shut[j] else [NOTHING])
    for each in standing:
        now = own[each.counts]
        larger = [
            k for k in range(1, planned + 1)
            if k != now and bool(np.all(layouts.counts[k] >= layouts.counts[now]))
        ]  # fmt: skip
        row = [now]
        if each.decision in {"upgrade", "any"}:
            row += larger
        if each.decision in {"close", "any"}:
            row.append(NOTHING)
        rows.append(row)
    start = np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64)
    return start, np.concatenate([np.array(row, dtype=np.int32) for row in rows])


def who_reaches_whom(
    scenario: Scenario, investment: Investment, standing: list[Standing], places: tuple[Floats, Floats]
) -> tuple[np.ndarray, Indices, Floats]:
    """The blocks of the network: per site and kind the wants within that kind's radius, and the share it serves."""
    demand, (x, y) = scenario.demand, places
    numbers = [scenario.stations.id.index(each.id) for each in standing]

    def reached(radius: float) -> Pairs:
        if scenario.travel is None:
            return within(demand.x, demand.y, x, y, radius)
        kept = renumbered(scenario.travel.within(radius, stations=True), np.array(numbers, dtype=np.int32))
        kept = Pairs(kept.row, (kept.site + len(scenario.sites)).astype(np.int32), kept.distance)
        return joined([scenario.travel.within(radius), kept])

    blocks, wants, gains = [], [], []
    for k, charger in enumerate(investment.chargers):
        pairs = reached(charger.radius_m)
        blocks.append(pairs.site.astype(np.int64) * len(investment.chargers) + k)
        wants.append(pairs.row + k * len(demand))
        gains.append(covered(pairs.distance, charger.radius_m, charger.decay))
    block, want, gain = np.concatenate(blocks), np.concatenate(wants), np.concatenate(gains)
    order = np.lexsort((want, block))
    offsets = np.zeros(len(x) * len(investment.chargers) + 1, dtype=np.int64)
    np.cumsum(np.bincount(block, minlength=len(offsets) - 1), out=offsets[1:])
    return offsets, want[order].astype(np.int32), gain[order]


def wanted(demand: Demand, investment: Investment) -> Floats:
    """Arrivals in the peak hour per period and want."""
    once = np.concatenate([demand.weight * charger.peak_arrivals for charger in investment.chargers])
    return np.outer([period.demand for period in investment.periods], once)


def class_numbers(scenario: Scenario) -> tuple[tuple[str, ...], Indices]:
    """Classes that are promised a floor, and the number of each point's class (-1 for the others)."""
    names = tuple(name for name, _ in scenario.aim.floors)
    number = {name: k for k, name in enumerate(names)}
    return names, np.array([number.get(name, -1) for name in scenario.demand.group], dtype=np.int32)


def feeder_numbers(scenario: Scenario, investment: Investment, standing: int) -> tuple[list[str], Indices]:
    names = list(investment.feeders_kw)
    number = {name: k for k, name in enumerate(names)}
    known = [number.get(name, -1) for name in scenario.sites.feeder]
    return names, np.array(known + [-1] * standing, dtype=np.int32)


def ground_costs(scenario: Scenario, investment: Investment) -> Floats:
    """The site's own expense where its table gives one (1 is the default of a table without money)."""
    expense = scenario.sites.expense
    return np.where(expense == 1.0, investment.ground, expense)
