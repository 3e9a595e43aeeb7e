"""From money to stations: the phased plan of a scenario with chargers, budgets and a waiting target, explained site by site."""

import time
from dataclasses import replace
from typing import Any

import numpy as np

from gridlane.planning.cheapest import cheapest
from gridlane.planning.explaining import degrees
from gridlane.planning.investment import Asked, Investment, Period, ask_investment
from gridlane.planning.phasing import Phased, RolloutEffort, floor_shares, phase
from gridlane.planning.placement import Progress, Watch
from gridlane.planning.plan import Certificate, Chosen, GroupShare, Plan, Stage
from gridlane.planning.queue_simulation import simulate
from gridlane.planning.reach import Floats
from gridlane.planning.rollout import NOTHING
from gridlane.planning.rollout_bound import cost_of_change
from gridlane.planning.scenario import AimImpossible, Objective, Scenario
from gridlane.planning.sizing import measured, sizing_cars


def make_investment_plan(
    scenario: Scenario,
    investment: Investment,
    *,
    seed: int = 0,
    effort: RolloutEffort | None = None,
    watch: Watch = lambda _: True,
) -> Plan:
    """The best phased plan the effort finds, proved. Raises AimImpossible, GridTooSmall."""
    check(scenario, investment)
    wall, cpu, stopped = time.perf_counter(), time.process_time(), []

    def listen(progress: Progress) -> bool:
        go_on = watch(progress)
        if not go_on:
            stopped.append(progress.stage)
        return go_on

    asked = ask_investment(scenario, investment)
    found = phase(asked.rollout, seed=seed, effort=effort, watch=listen)
    if not found.floors_kept:
        short = [
            n for n, s, f in zip(asked.classes, found.floors, asked.rollout.floors, strict=True) if s < f
        ]
        raise AimImpossible(
            reason=f"no plan was found that serves the promised share of class {', '.join(short)}"
        )
    certificate = Certificate(
        objective="arrivals served in the busiest hour, summed over the periods",
        unit="arrivals an hour",
        larger_is_better=True,
        value=found.value,
        bound=found.bound if np.isfinite(found.bound) else None,
        seed=seed,
        input_hash=scenario.input_hash,
        wall_s=round(time.perf_counter() - wall, 3),
        cpu_s=round(time.process_time() - cpu, 3),
        work={"nodes": 0},
        stopped_early=bool(stopped),
    )
    return Plan(
        scenario=scenario.name,
        certificate=certificate,
        sites=explain(scenario, investment, asked, found),
        groups=group_shares(scenario, asked, found),
        settings=settings(scenario, investment, found),
        source=scenario.source,
    )


def make_cheapest_plan(
    scenario: Scenario, investment: Investment, *, seed: int = 0, watch: Watch = lambda _: True
) -> Plan:
    """The least money that serves the aim's share of the last period's arrivals, all built at once, proved.

    Raises AimImpossible, GridTooSmall.
    """
    check(scenario, investment)
    assert scenario.aim.share is not None
    wall, cpu, stopped = time.perf_counter(), time.process_time(), []

    def listen(progress: Progress) -> bool:
        go_on = watch(progress)
        if not go_on:
            stopped.append(progress.stage)
        return go_on

    at_once = replace(investment, periods=(Period("at once", 0.0, investment.periods[-1].demand),))
    asked = ask_investment(scenario, at_once)
    found = cheapest(asked.rollout, scenario.aim.share, watch=listen)
    built = Phased(
        found.paths, found.served, np.inf, found.draft.served, found.draft.spent,
        floor_shares(asked.rollout, found.draft), floors_kept=True,
    )  # fmt: skip
    at_once = replace(at_once, periods=(replace(at_once.periods[0], budget=found.cost),))
    whole = float(asked.rollout.network.demand.sum())
    certificate = Certificate(
        objective=f"least money that serves {100 * scenario.aim.share:g} % of the arrivals in the busiest hour",
        unit=investment.currency,
        larger_is_better=False,
        value=found.cost,
        bound=found.least if found.least > 0.0 else None,
        seed=seed,
        input_hash=scenario.input_hash,
        wall_s=round(time.perf_counter() - wall, 3),
        cpu_s=round(time.process_time() - cpu, 3),
        work={"nodes": 0},
        stopped_early=bool(stopped),
    )
    return Plan(
        scenario=scenario.name,
        certificate=certificate,
        sites=explain(scenario, at_once, asked, built),
        groups=group_shares(scenario, asked, built),
        settings=settings(scenario, at_once, built),
        source=scenario.source,
        remarks=(f"Serves {found.served:,.1f} of {whole:,.1f} arrivals an hour.",),
    )


def check(scenario: Scenario, investment: Investment) -> None:
    """Raises AimImpossible with the figure that is wrong."""
    if scenario.aim.objective is Objective.COST:
        check_share(scenario)
    if not investment.periods:
        raise AimImpossible(reason="there is no period: give each a name and a budget")
    if not investment.layouts or not investment.chargers:
        raise AimImpossible(reason="there is no charger or no layout to build")
    cheapest = min(price_of(investment, layout.counts) for layout in investment.layouts)
    total = sum(period.budget for period in investment.periods)
    if total < cheapest and scenario.aim.objective is not Objective.COST:
        words = f"{total:,.0f} {investment.currency} over all periods buy nothing: the cheapest layout costs"
        raise AimImpossible(
            reason=f"{words} {cheapest:,.0f} {investment.currency} before its grid connection"
        )
    if not np.any(scenario.demand.weight > 0):
        raise AimImpossible(reason="no demand point has a weight above 0")


def check_share(scenario: Scenario) -> None:
    if scenario.aim.share is None:
        raise AimImpossible(
            reason="the least money is asked for, and no share of the arrivals to serve: give one"
        )
    if scenario.aim.floors:
        names = ", ".join(name for name, _ in scenario.aim.floors)
        raise AimImpossible(
            reason=f"the least money goes without floors for classes, and {names} has one: ask for service instead"
        )


def price_of(investment: Investment, counts: Any) -> float:
    return float(sum(charger.price * counts.get(charger.kind, 0) for charger in investment.chargers))


def explain(scenario: Scenario, investment: Investment, asked: Asked, found: Phased) -> tuple[Chosen, ...]:
    """Every site that changes, the one that serves most first."""
    network = asked.rollout.network
    today = network.options[network.option_start[:-1]]
    changed = np.flatnonzero(np.any(found.paths != today[:, None], axis=1))
    served = served_by_block(asked, found)
    lon, lat = degrees(scenario.crs, asked.x[changed], asked.y[changed])
    chosen = []
    for k, j in enumerate(changed):
        stages = tuple(
            stage(investment, asked, found, served, int(j), t) for t in range(len(investment.periods))
        )
        last = stages[-1]
        cost = sum(each.spent for each in stages)
        chosen.append(
            Chosen(
                id=asked.ids[j],
                kind=asked.kinds[j],
                x=float(asked.x[j]),
                y=float(asked.y[j]),
                lon=round(float(lon[k]), 6),
                lat=round(float(lat[k]), 6),
                serves=last.arrivals_per_hour,
                only_here=last.arrivals_per_hour,
                next_best=None,
                next_best_loses=None,
                expense=cost,
                reasons=reasons(investment, asked, stages, int(today[j])),
                stages=stages,
            )
        )
    return tuple(sorted(chosen, key=lambda site: (-site.serves, site.id)))


def served_by_block(asked: Asked, found: Phased) -> Floats:
    """Periods x (sites x kinds): arrivals an hour."""
    network = asked.rollout.network
    block = np.repeat(np.arange(len(network.offsets) - 1), np.diff(network.offsets))
    rows = [np.bincount(block, weights=row, minlength=len(network.offsets) - 1) for row in found.served]
    return np.asarray(rows, dtype=np.float64)


def stage(investment: Investment, asked: Asked, found: Phased, served: Floats, j: int, t: int) -> Stage:
    network, kinds = asked.rollout.network, len(investment.chargers)
    layout = int(found.paths[j, t])
    before = int(found.paths[j, t - 1]) if t else int(network.options[network.option_start[j]])
    arrivals = served[t, j * kinds : (j + 1) * kinds]
    waits = [
        wait(investment, k, int(asked.layouts.counts[layout, k]), float(arrivals[k])) for k in range(kinds)
    ]
    return Stage(
        period=investment.periods[t].name,
        layout=asked.layouts.names[layout],
        spent=cost_of_change(network, j, before, layout) + float(network.upkeep[layout]),
        arrivals_per_hour=float(arrivals.sum()),
        wait_minutes=max(waits),
    )


def wait(investment: Investment, kind: int, chargers: int, arrivals_per_hour: float) -> float:
    """Simulated with real stays: what the target's share of arrivals waits at most."""
    if chargers == 0 or arrivals_per_hour <= 1e-9:
        return 0.0
    stays = investment.chargers[kind].stays
    return measured(simulate(sizing_cars(stays, 0), chargers, arrivals_per_hour)).wait_at(
        investment.target.share
    )


def reasons(investment: Investment, asked: Asked, stages: tuple[Stage, ...], today: int) -> tuple[str, ...]:
    last = stages[-1]
    target = investment.target
    if last.layout == asked.layouts.names[NOTHING]:
        return (f"closes: {asked.layouts.names[today]} there cost more to keep than they serve",)
    first = next(each for each in stages if each.layout != asked.layouts.names[today])
    verb = "build" if today == NOTHING else f"replace {asked.layouts.names[today]} by"
    cost = sum(each.spent for each in stages)
    share = f"{100 * target.share:g}th-percentile wait"
    words = [
        f"{verb} {first.layout} in {first.period}",
        f"{last.layout} keeps the {share} at {last.wait_minutes:.1f} min for {last.arrivals_per_hour:.1f} arrivals an hour",
        f"{cost / max(last.arrivals_per_hour, 1e-9):,.0f} {investment.currency} per arrival an hour",
    ]
    if last.layout != first.layout:
        grows = next(each for each in stages if each.layout == last.layout)
        words.insert(1, f"grow to {last.layout} in {grows.period}")
    return tuple(words)


def group_shares(scenario: Scenario, asked: Asked, found: Phased) -> tuple[GroupShare, ...]:
    """Per class: its weight, and the share of its arrivals served in the first and the last period."""
    network = asked.rollout.network
    names, which = np.unique(np.array(scenario.demand.group), return_inverse=True)
    of_want = np.tile(which, len(asked.layouts.kinds))
    rows = []
    for g, name in enumerate(names):
        mine = of_want == g
        total = float(scenario.demand.weight[which == g].sum())
        shares = []
        for t in (0, -1):
            served = float((network.gains * found.served[t])[mine[network.wants]].sum())
            shares.append(served / max(float(network.demand[t][mine].sum()), 1e-12))
        if total > 0:
            rows.append(GroupShare(str(name), total, shares[0], shares[1]))
    return tuple(rows)


def settings(scenario: Scenario, investment: Investment, found: Phased) -> dict[str, Any]:
    aim = scenario.aim
    return {
        "objective": str(aim.objective),
        "people": aim.people,
        "crs": scenario.crs,
        "demand_points": len(scenario.demand),
        "candidates": len(scenario.sites),
        "existing_stations": len(scenario.stations),
        "currency": investment.currency,
        "wait": {"share": investment.target.share, "minutes": investment.target.minutes},
        "periods": [
            {
                "name": period.name,
                "budget": period.budget,
                "demand": period.demand,
                "spent_so_far": float(spent),
            }
            for period, spent in zip(investment.periods, found.spent, strict=True)
        ],
    }
