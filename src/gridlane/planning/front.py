"""Pareto fronts: what one aim costs in another, each point a plan with its proof.

``MONEY``: coverage against the number of sites (or the budget) spent. ``ACCESS``: coverage against the mean distance of
those not covered at the door, by weighing the two costs (supported points only; a dent of the front is not found).
``EQUITY``: coverage against the difference allowed between the best and the worst served class.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from gridlane.planning.objectives import Question, ask
from gridlane.planning.placement import Effort, Outcome, Progress, Watch, place
from gridlane.planning.promises import Classes, closeness, place_with_promises
from gridlane.planning.reach import Floats, Reach, from_entries
from gridlane.planning.scenario import AimImpossible, Objective, Scenario
from gridlane.planning.siting import expenses, paid_by_row

ENOUGH = 0.002
"""The gap (a share of the value) at which a point of a front is good enough."""

Tell = Callable[[list["Point"]], None]


class Against(StrEnum):
    MONEY = "money"
    ACCESS = "access"
    EQUITY = "equity"


@dataclass(frozen=True)
class Point:
    """``covered`` weight with its bound, and the other aim's value: sites or money spent, metres, or points of share."""

    covered: float
    most: float | None
    other: float
    sites: tuple[str, ...]


def front(
    scenario: Scenario,
    against: Against,
    *,
    steps: int = 8,
    seed: int = 0,
    watch: Watch = lambda _: True,
    tell: Tell = lambda _: None,
) -> list[Point]:
    """At most ``steps`` points, dominated ones left out, by the other aim. Raises AimImpossible."""
    scenario = replace(scenario, aim=replace(scenario.aim, objective=Objective.COVERAGE, share=None))
    scenario.check()
    make = {Against.MONEY: by_money, Against.ACCESS: by_access, Against.EQUITY: by_equity}[against]
    found: list[Point] = []
    going_on = True

    def watched(progress: Progress) -> bool:
        nonlocal going_on
        going_on = going_on and watch(progress)
        return going_on

    for part in np.linspace(0.0, 1.0, steps):
        point = make(scenario, float(part), steps, seed, watched)
        if point is not None:
            found.append(point)
            tell(undominated(found))
        if not going_on:
            break
    return undominated(found)


def undominated(points: list[Point]) -> list[Point]:
    """The points no other beats in both aims (of the other aim less is better), by the other aim."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda p: (p.other, -p.covered)):
        if not kept or point.covered > kept[-1].covered:
            kept.append(point)
    return kept


def by_money(scenario: Scenario, part: float, steps: int, seed: int, watch: Watch) -> Point:
    question, cheapest = ask(scenario), float(expenses(scenario)[~scenario.sites.shut].min())
    least = min(scenario.budget, max(cheapest, scenario.budget / steps))
    budget = least + part * (scenario.budget - least)
    budget = budget if scenario.aim.budget is not None else float(round(budget))
    return pointed(scenario, question, solved(scenario, question.reach, question.whole, budget, seed, watch))


def by_access(scenario: Scenario, part: float, steps: int, seed: int, watch: Watch) -> Point:
    question = ask(scenario)
    distance = ask(replace(scenario, aim=replace(scenario.aim, objective=Objective.ACCESS)))
    total = max(float(scenario.demand.weight.sum()), 1e-12)
    far = float(np.minimum(distance.reach.fallback, 1e12).sum()) / total
    both = blended(question.reach, distance.reach, part / max(far, 1e-12), 1.0 - part)
    outcome = solved(scenario, both, None, scenario.budget, seed, watch)
    paid = paid_by_row(
        replace(scenario, aim=replace(scenario.aim, objective=Objective.ACCESS)), distance, outcome.sites
    )
    covered = float(total - paid_by_row(scenario, question, outcome.sites).sum())
    ids = tuple(scenario.sites.id[j] for j in outcome.sites)
    return Point(covered, None, float(paid.sum()) / total, ids)


def blended(coverage: Reach, distance: Reach, metres: float, weight: float) -> Reach:
    """Both costs in one: ``weight`` x lost coverage + ``metres`` x weighted distance.

    A site serves a row in both senses or in neither's worse: the nearest open one is the best in both, so that one server
    per row stays right.
    """
    row = np.repeat(np.arange(distance.rows, dtype=np.int32), np.diff(distance.start))
    lost = coverage.fallback[row].copy()
    key = row.astype(np.int64) * distance.sites + distance.site
    near_row = np.repeat(np.arange(coverage.rows, dtype=np.int64), np.diff(coverage.start))
    near_key = near_row * coverage.sites + coverage.site
    order = np.argsort(near_key)
    if len(order):
        at = np.minimum(np.searchsorted(near_key[order], key), len(order) - 1)
        same = near_key[order][at] == key
        lost[same] = coverage.cost[order][at][same]
    fallback = weight * coverage.fallback + metres * distance.fallback
    return from_entries(row, distance.site, weight * lost + metres * distance.cost, fallback, distance.sites)


def by_equity(scenario: Scenario, part: float, steps: int, seed: int, watch: Watch) -> Point | None:
    """From no promise (part 1) to classes one point apart (part 0)."""
    question, demand = ask(scenario), scenario.demand
    classes = Classes.of(demand.group, demand.weight)
    if sum(name != "" for name in classes.names) < 2:
        raise AimImpossible(reason="equity needs demand of at least two classes; fill the column group")
    free = solved(scenario, question.reach, question.whole, scenario.budget, seed, watch)
    widest = difference(classes, demand.weight, paid_by_row(scenario, question, free.sites))
    if part >= 1.0 or widest <= 0.01:
        return pointed(scenario, question, free, other=widest)
    asked = 0.01 + part * (widest - 0.01)
    kept = place_with_promises(
        question.reach, demand.weight, classes, closeness(classes, asked), expenses(scenario), scenario.budget,
        allowed=~scenario.sites.shut, seed=seed, effort=Effort(nodes=200, gap=ENOUGH), watch=watch,
    )  # fmt: skip
    if kept.sites is None:
        return None
    paid = paid_by_row(scenario, question, kept.sites)
    ids = tuple(scenario.sites.id[j] for j in kept.sites)
    return Point(kept.covered, kept.most, difference(classes, demand.weight, paid), ids)


def difference(classes: Classes, weight: Floats, paid: Floats) -> float:
    """Between the best and the worst covered named class, as a share."""
    named = [share for name, share in zip(classes.names, classes.covered(paid, weight), strict=True) if name]
    return float(max(named) - min(named))


def solved(
    scenario: Scenario, reach: Reach, whole: float | None, budget: float, seed: int, watch: Watch
) -> Outcome:
    effort = Effort(nodes=200, gap=ENOUGH)
    return place(
        reach, expenses(scenario), budget,
        whole=whole, allowed=~scenario.sites.shut, seed=seed, effort=effort, watch=watch,
    )  # fmt: skip


def pointed(scenario: Scenario, question: Question, outcome: Outcome, other: float | None = None) -> Point:
    total = float(scenario.demand.weight.sum())
    spent = float(expenses(scenario)[outcome.sites].sum())
    ids = tuple(scenario.sites.id[j] for j in outcome.sites)
    return Point(total - outcome.cost, total - outcome.bound, spent if other is None else other, ids)
