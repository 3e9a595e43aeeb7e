"""From a rollout question to a phased plan: bound and plan improve in turns, each from what the other learned.

The bound's prices tell the plan which wants to fill first; the plan's value is the target the bound descends to. What is
left of the effort tears small neighbourhoods out of the plan and fills them anew.
"""

from dataclasses import dataclass

import numpy as np

from gridlane.planning.placement import Progress, Watch
from gridlane.planning.reach import Floats, Indices
from gridlane.planning.rollout import Paths, Rollout
from gridlane.planning.rollout_bound import Bound, Prices
from gridlane.planning.rollout_search import (
    Draft,
    begin,
    filling_order,
    grow,
    neighbours,
    served_value,
    tear_out,
    top_up,
)

DESCENT = 50
"""Bound steps between two plans."""

REPAIRS = 40
"""Torn-out neighbourhoods between two looks at the watcher."""


@dataclass(frozen=True)
class RolloutEffort:
    """Deterministic work: rounds of bound steps, torn-out neighbourhoods, and the gap that is enough."""

    rounds: int = 12
    repairs: int = 400
    gap: float = 0.0


@dataclass(frozen=True)
class Phased:
    """Layout of every site in every period, who is served where, and a value no rollout can pass."""

    paths: Paths
    value: float
    bound: float
    served: Floats  # T x entries of the network
    spent: Floats  # T, cumulative
    floors: Floats  # share served per class in the last period
    floors_kept: bool


def phase(
    rollout: Rollout, *, seed: int = 0, effort: RolloutEffort | None = None, watch: Watch = lambda _: True
) -> Phased:
    """The best rollout the effort finds with its proved bound. A watcher's False stops it at once."""
    work = Phasing(rollout, seed, effort or RolloutEffort(), watch)
    work.run()
    return work.result()


class Phasing:
    """One run: the best draft, and the bound."""

    def __init__(self, rollout: Rollout, seed: int, effort: RolloutEffort, watch: Watch) -> None:
        self.rollout, self.effort, self.watch = rollout, effort, watch
        self.generator = np.random.default_rng(seed)
        self.near = neighbours(rollout.network)
        self.fair = np.ones(rollout.sites)
        self.bound = Bound(rollout)
        self.best = self.draft(np.zeros_like(rollout.network.demand))
        self.value = self.score(self.best)

    def run(self) -> None:
        self.bound.suggest(self.first_prices())
        if not self.tell("filling"):
            return
        for _ in range(self.effort.rounds):
            self.bound.descend(self.value, DESCENT)
            self.consider(self.draft(self.bound.split(self.bound.prices * self.bound.scale).want))
            if not self.tell("bounding") or self.closed:
                return
        for _ in range(0, self.effort.repairs, REPAIRS):
            self.repair(REPAIRS)
            if not self.tell("repairing") or self.closed:
                return

    @property
    def closed(self) -> bool:
        return self.bound.value - self.value <= self.effort.gap * abs(self.value)

    def tell(self, stage: str) -> bool:
        """Costs are negative here: value is to grow, and watchers know costs."""
        return self.watch(
            Progress(stage, -self.value, -self.bound.value, changed_sites(self.rollout, self.best))
        )

    def draft(self, want_prices: Floats) -> Draft:
        network = self.rollout.network
        made = begin(network, filling_order(network, want_prices))
        grow(network, made, self.fair)
        return made

    def score(self, draft: Draft) -> float:
        """What is served; a class below its floor counts against it, more than it could ever be worth."""
        missing = np.maximum(self.rollout.floors - floor_shares(self.rollout, draft), 0.0)
        worth = float(np.max(self.rollout.network.worth, initial=1.0))
        return served_value(self.rollout.network, draft) - 10.0 * worth * float(
            missing @ self.rollout.group_demand
        )

    def consider(self, draft: Draft) -> None:
        value = self.score(draft)
        if value > self.value:
            self.best, self.value = draft, value

    def first_prices(self) -> Prices:
        """What the last euro bought in each period is the price of money there."""
        network = self.rollout.network
        ratio = np.minimum.accumulate(self.best.last_ratio)
        return Prices(
            np.zeros_like(network.demand),
            ratio - np.append(ratio[1:], 0.0),
            np.zeros((self.rollout.periods, len(network.feeder_kw))),
            np.zeros(len(self.rollout.floors)),
        )

    def repair(self, count: int) -> None:
        network = self.rollout.network
        draft = copied(self.best)
        for _ in range(count):
            built = changed_sites(self.rollout, draft)
            if len(built) == 0:
                return
            first = int(built[self.generator.integers(len(built))])
            order = self.generator.integers(0, 1 << 30, 12)
            tear_out(network, draft, self.near, first, int(self.generator.integers(2, 9)), order)
            noise = self.generator.choice((0.0, 0.03, 0.15))
            grow(network, draft, np.exp(noise * self.generator.standard_normal(self.rollout.sites)))
            value = self.score(draft)
            if value >= self.value:
                copy_into(self.best, draft)
                self.value = value
            else:
                copy_into(draft, self.best)

    def result(self) -> Phased:
        network = self.rollout.network
        top_up(network, self.best)
        shares = floor_shares(self.rollout, self.best)
        value = served_value(network, self.best)
        return Phased(
            paths=self.best.paths,
            value=value,
            bound=max(self.bound.value, value),
            served=self.best.served,
            spent=self.best.spent,
            floors=shares,
            floors_kept=bool(np.all(shares >= self.rollout.floors - 1e-9)),
        )


def changed_sites(rollout: Rollout, draft: Draft) -> Indices:
    """The sites where anything becomes of what stands there today."""
    today = rollout.network.options[rollout.network.option_start[:-1]]
    return np.flatnonzero(np.any(draft.paths != today[:, None], axis=1)).astype(np.int32)


def floor_shares(rollout: Rollout, draft: Draft) -> Floats:
    """Per class: the share of its demand served in the last period."""
    network = rollout.network
    group = network.group[network.wants]
    known = group >= 0
    served = np.bincount(
        group[known], weights=(network.gains * draft.served[-1])[known], minlength=len(rollout.floors)
    )
    return np.asarray(served / np.maximum(rollout.group_demand, 1e-12), dtype=np.float64)


def copied(draft: Draft) -> Draft:
    return Draft._make(column.copy() for column in draft)


def copy_into(target: Draft, source: Draft) -> None:
    for name in Draft._fields:
        getattr(target, name)[...] = getattr(source, name)
