"""From a scenario to a plan: ask the solver, measure what it found, and explain every site."""

import time
from typing import Any

import numpy as np

from gridlane.planning.explaining import explain
from gridlane.planning.interchange import opened, service
from gridlane.planning.objectives import Question, ask
from gridlane.planning.placement import Effort, Outcome, Progress, Watch, place
from gridlane.planning.plan import Certificate, GroupShare, Plan
from gridlane.planning.reach import Floats, Indices
from gridlane.planning.scenario import Scenario
from gridlane.planning.travel import nearest


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
    outcome = place(
        question.reach, expenses(scenario), scenario.budget,
        whole=question.whole, allowed=~scenario.sites.shut, seed=seed, effort=effort, watch=listen,
    )  # fmt: skip
    certificate = certify(scenario, question, outcome, seed, bool(stopped), wall, cpu)
    paid = paid_by_row(scenario, question, outcome.sites)
    return Plan(
        scenario=scenario.name,
        certificate=certificate,
        sites=explain(scenario, question, outcome.sites),
        groups=group_shares(scenario, question, paid),
        settings=settings(scenario),
        source=scenario.source,
    )


def expenses(scenario: Scenario) -> Floats:
    """What each site takes from the budget: its cost, or 1 where sites are counted."""
    sites = scenario.sites
    return np.ones(len(sites)) if scenario.aim.sites is not None else sites.expense


def certify(
    scenario: Scenario,
    question: Question,
    outcome: Outcome,
    seed: int,
    stopped: bool,
    wall: float,
    cpu: float,
) -> Certificate:
    whole, bound = question.whole, outcome.bound
    value = float(np.sum(paid_by_row(scenario, question, outcome.sites)))
    if question.exact and outcome.optimal:
        bound = value
    known = bool(np.isfinite(bound))
    coverage = whole is not None
    if whole is not None:
        value, bound = whole - value, whole - bound
    people, radius = scenario.aim.people, scenario.aim.radius_m
    return Certificate(
        objective=f"{people} within {radius:g} m" if coverage else f"distance of {people} to a station",
        unit=people if coverage else f"{people} x m",
        larger_is_better=coverage,
        value=value,
        bound=bound if known else None,
        seed=seed,
        input_hash=scenario.input_hash,
        wall_s=round(time.perf_counter() - wall, 3),
        cpu_s=round(time.process_time() - cpu, 3),
        work={"nodes": outcome.nodes},
        stopped_early=stopped,
    )


def paid_by_row(scenario: Scenario, question: Question, sites: Indices) -> Floats:
    """What every demand point really costs under a plan, also where the solver's list was cut."""
    if question.exact:
        return service(question.reach.view, opened(question.reach, sites))[1]
    demand, places = scenario.demand, scenario.sites
    found = nearest(demand.x, demand.y, places.x[sites], places.y[sites], 1)
    return np.minimum(question.served_now, found.distance * demand.weight)


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
        rows.append(GroupShare(str(name), total, shares[0], shares[1]))
    return tuple(rows)


def settings(scenario: Scenario) -> dict[str, Any]:
    aim = scenario.aim
    return {
        "objective": str(aim.objective),
        "radius_m": aim.radius_m,
        "decay": str(aim.decay),
        "sites": aim.sites,
        "budget": str(aim.budget) if aim.budget else None,
        "people": aim.people,
        "crs": scenario.crs,
        "demand_points": len(scenario.demand),
        "candidates": len(scenario.sites),
        "existing_stations": len(scenario.stations),
    }
