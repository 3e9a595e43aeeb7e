"""From a scenario to a plan: ask the solver, measure what it found, and explain every site."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from gridlane.planning.explaining import explain
from gridlane.planning.fewest import fewest_sites
from gridlane.planning.interchange import opened, service
from gridlane.planning.objectives import Question, ask, to_nearest
from gridlane.planning.placement import Effort, Progress, Watch, place
from gridlane.planning.plan import Certificate, GroupShare, Plan
from gridlane.planning.promises import Classes, closeness, floor, place_with_promises
from gridlane.planning.reach import Floats, Indices
from gridlane.planning.scenario import AimImpossible, Scenario, promised


def make_plan(
    scenario: Scenario, *, seed: int = 0, effort: Effort | None = None, watch: Watch = lambda _: True
) -> Plan:
    """The best plan the effort finds, with the proof it found. Raises AimImpossible.

    ``watch`` sees progress (costs, see Progress) and may stop the work; the plan is then the best one so far.
    """
    scenario.check()
    wall, cpu, stopped = time.perf_counter(), time.process_time(), []

    def listen(progress: Progress) -> bool:
        go_on = watch(progress)
        if not go_on:
            stopped.append(progress.stage)
        return go_on

    question = ask(scenario)
    found = choose_sites(scenario, question, seed, effort, listen)
    spent = Spent(
        round(time.perf_counter() - wall, 3), round(time.process_time() - cpu, 3), seed, bool(stopped)
    )
    paid = paid_by_row(scenario, question, found.sites)
    return Plan(
        scenario=scenario.name,
        certificate=certify(scenario, question, found, float(np.sum(paid)), spent),
        sites=explain(scenario, question, found.sites),
        groups=group_shares(scenario, question, paid),
        settings=settings(scenario),
        source=scenario.source,
        remarks=found.remarks,
    )


@dataclass(frozen=True)
class Found:
    """Sites, a cost no plan of the same question undercuts, and what to tell about the way there."""

    sites: Indices
    bound: float
    nodes: int = 0
    optimal: bool = False
    too_few: int | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Spent:
    wall_s: float
    cpu_s: float
    seed: int
    stopped_early: bool


def choose_sites(
    scenario: Scenario, question: Question, seed: int, effort: Effort | None, watch: Watch
) -> Found:
    """Ask the solver that fits the aim: the most for so much, the fewest for a share, or the most with promises."""
    aim, allowed = scenario.aim, ~scenario.sites.shut
    if aim.share is not None:
        weight = float(scenario.demand.weight.sum())
        few = fewest_sites(
            question.reach, weight * (1 - aim.share), allowed=allowed, seed=seed, effort=effort, watch=watch
        )
        return Found(few.sites, -np.inf, too_few=few.too_few, optimal=few.minimal)
    if promised(aim):
        return keep_promises(scenario, question, seed, effort, watch)
    outcome = place(
        question.reach, expenses(scenario), scenario.budget,
        whole=question.whole, allowed=allowed, seed=seed, effort=effort, watch=watch,
    )  # fmt: skip
    return Found(outcome.sites, outcome.bound, outcome.nodes, outcome.optimal)


def keep_promises(
    scenario: Scenario, question: Question, seed: int, effort: Effort | None, watch: Watch
) -> Found:
    """Raises AimImpossible when no plan was found that keeps them, saying how far the bound reaches."""
    aim, demand = scenario.aim, scenario.demand
    classes = Classes.of(demand.group, demand.weight)
    promises = [floor(classes, name, share) for name, share in aim.floors]
    if aim.largest_difference is not None:
        promises += closeness(classes, aim.largest_difference)
    kept = place_with_promises(
        question.reach, demand.weight, classes, promises, expenses(scenario), scenario.budget,
        allowed=~scenario.sites.shut, seed=seed, effort=effort, watch=watch,
    )  # fmt: skip
    if kept.sites is None:
        words = "; ".join(promise.words for promise in promises)
        most = f"{100 * kept.most / demand.weight.sum():.1f} %"
        raise AimImpossible(
            reason=f"no plan was found that keeps: {words} (and none could cover more than {most})"
        )
    remarks = tuple(f"Kept: {promise.words}." for promise in promises)
    return Found(kept.sites, float(demand.weight.sum()) - kept.most, remarks=remarks)


def expenses(scenario: Scenario) -> Floats:
    """What each site takes from the budget: its cost, or 1 where sites are counted."""
    sites = scenario.sites
    return sites.expense if scenario.aim.budget is not None else np.ones(len(sites))


def certify(scenario: Scenario, question: Question, found: Found, cost: float, spent: Spent) -> Certificate:
    """``cost`` is what all rows really pay under the plan."""
    aim, whole, bound = scenario.aim, question.whole, found.bound
    value, coverage = cost, whole is not None
    if question.exact and found.optimal:
        bound = cost
    objective = (
        f"{aim.people} within {aim.radius_m:g} m" if coverage else f"distance of {aim.people} to a station"
    )
    unit = aim.people if coverage else f"{aim.people} x m"
    if whole is not None:
        value, bound = whole - cost, whole - bound
    if found.too_few is not None and aim.share is not None:
        objective = f"fewest sites for {100 * aim.share:g} % of {aim.people} within {aim.radius_m:g} m"
        unit, value, bound, coverage = "sites", len(found.sites), found.too_few + 1, False
    return Certificate(
        objective=objective,
        unit=unit,
        larger_is_better=coverage,
        value=value,
        bound=bound if np.isfinite(bound) else None,
        seed=spent.seed,
        input_hash=scenario.input_hash,
        wall_s=spent.wall_s,
        cpu_s=spent.cpu_s,
        work={"nodes": found.nodes},
        stopped_early=spent.stopped_early,
    )


def paid_by_row(scenario: Scenario, question: Question, sites: Indices) -> Floats:
    """What every demand point really costs under a plan, also where the solver's list was cut."""
    if question.exact:
        return service(question.reach.view, opened(question.reach, sites))[1]
    return np.minimum(question.served_now, to_nearest(scenario, sites) * scenario.demand.weight)


def group_shares(scenario: Scenario, question: Question, paid: Floats) -> tuple[GroupShare, ...]:
    """Per class of demand: the share of its weight covered (or its mean distance), before and after."""
    weight = scenario.demand.weight
    names, which = np.unique(np.array(scenario.demand.group), return_inverse=True)
    before = (
        question.served_now
        if question.whole is not None
        else np.where(np.isfinite(question.served_now), question.served_now, np.nan)
    )
    rows = []
    for g, name in enumerate(names):
        mine = which == g
        total = float(np.sum(weight[mine]))
        if total <= 0:
            continue
        shares = [float(np.sum(cost[mine])) / total for cost in (before, paid)]
        if question.whole is not None:
            shares = [1.0 - share for share in shares]
        rows.append(GroupShare(str(name), total, shares[0] if np.isfinite(shares[0]) else None, shares[1]))
    return tuple(rows)


def settings(scenario: Scenario) -> dict[str, Any]:
    aim = scenario.aim
    return {
        "objective": str(aim.objective),
        "radius_m": aim.radius_m,
        "travel": "straight line" if scenario.travel is None else "supplied",
        "decay": str(aim.decay),
        "sites": aim.sites,
        "budget": str(aim.budget) if aim.budget else None,
        "share": aim.share,
        "floors": dict(aim.floors),
        "largest_difference": aim.largest_difference,
        "people": aim.people,
        "crs": scenario.crs,
        "demand_points": len(scenario.demand),
        "candidates": len(scenario.sites),
        "existing_stations": len(scenario.stations),
    }
