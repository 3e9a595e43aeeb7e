"""Choosing sites, with a proof: the solver's story from a first plan to a certificate.

Greedy and swaps give a good plan within a second; the Lagrangian bound says how good; its averaged solution gives better
starts; sites the bound already decides are fixed; branch and bound closes what is left. Work is counted in steps and
nodes, never in seconds, so the same seed gives the same plan on any machine; a watcher may stop it at any time and gets
the best plan so far with its proved bound.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from gridlane.planning.branching import Search
from gridlane.planning.interchange import LARGEST_TABLE, Exchange, Flags, Means, cost_of, greedy, slots_needed
from gridlane.planning.lagrangian import FREE, PACE, SHUT, Limits, States, ascent_from, climb, settle
from gridlane.planning.reach import Floats, Indices, Reach, merged, narrowed, without_twins

CLIMB = 100
"""Bound steps between two looks at the averaged solution."""

QUICK_CLIMB = 30

KICKS = 50
"""Kicks between two looks at the watcher."""

STALLED = 1e-4
"""The pace below which more bound steps change nothing."""


@dataclass(frozen=True)
class Progress:
    stage: str
    cost: float
    bound: float
    sites: Indices | None = None  # of the best plan so far


Watch = Callable[[Progress], bool]
"""Called a few times a second; the answer False stops the work."""


@dataclass(frozen=True)
class Effort:
    """How much work to spend at most, in deterministic units, and which gap (a share of the value) is enough."""

    kicks: int = 200
    rounds: int = 30
    nodes: int = 20_000
    gap: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """Open sites, what they cost all rows together, and a cost that no plan can undercut."""

    sites: Indices
    cost: float
    bound: float
    nodes: int

    @property
    def optimal(self) -> bool:
        return self.bound >= self.cost


def place(
    reach: Reach,
    expense: Floats,
    budget: float,
    *,
    whole: float | None = None,
    allowed: Flags | None = None,
    seed: int = 0,
    effort: Effort | None = None,
    watch: Watch = lambda _: True,
) -> Outcome:
    """The cheapest set of sites within a budget. Ones as expense and a budget of p open at most p sites.

    ``whole`` is what the value is measured from (total weight for coverage: value = whole - cost); without it the cost
    itself is the value. It only decides what the effort's gap means.
    """
    rows, expense = merged(reach), np.asarray(expense, np.float64)
    allowed = np.ones(reach.sites, dtype=np.bool_) if allowed is None else allowed
    allowed = without_twins(rows, expense, allowed)
    work = Work(rows, Means(expense, budget, allowed), effort or Effort(), seed, whole, watch)
    work.start()
    if work.stopped and work.bound == -np.inf:
        work.bound_quickly()
    if not work.done:
        work.raise_bound()
    if not work.done:
        work.enumerate()
    return Outcome(np.sort(work.sites), cost_of(reach, work.sites), work.proved_bound, work.nodes)


@dataclass
class Work:
    """One run of the solver: the best plan and the best bound so far."""

    reach: Reach
    means: Means
    effort: Effort
    seed: int
    whole: float | None
    watch: Watch
    sites: Indices = field(default_factory=lambda: np.empty(0, np.int32))
    cost: float = np.inf
    bound: float = -np.inf
    nodes: int = 0
    stopped: bool = False

    @property
    def cutoff(self) -> float:
        return self.reach.cutoff(self.cost)

    @property
    def proved_bound(self) -> float:
        """The bound with its rounding error taken off, or the cost itself once nothing cheaper can exist."""
        if self.bound >= self.cutoff:
            return self.cost
        return self.bound - 1e-9 * abs(self.bound)

    @property
    def done(self) -> bool:
        value = self.cost if self.whole is None else self.whole - self.cost
        closed = self.cost - self.proved_bound <= self.effort.gap * abs(value)
        return self.stopped or closed

    def tell(self, stage: str) -> bool:
        self.stopped = self.stopped or not self.watch(Progress(stage, self.cost, self.bound, self.sites))
        return not self.stopped

    def start(self) -> None:
        """A first plan by greedy, swaps and kicks, and the prices it suggests."""
        allowed = self.means.allowed
        self.generator = np.random.default_rng(self.seed)
        self.state: States = np.where(allowed, FREE, SHUT).astype(np.int8)
        self.ascent = ascent_from(self.reach.fallback.copy(), np.zeros(self.reach.sites), pace=0.5)
        first = greedy(self.reach, self.means)
        self.offer(first)
        self.improve(first, self.effort.kicks)
        self.tell("swapping")

    @property
    def limits(self) -> Limits:
        return Limits(self.means.expense, self.means.budget, self.state)

    def offer(self, sites: Indices) -> None:
        cost = cost_of(self.reach, sites)
        if cost < self.cost:
            self.sites, self.cost = sites, cost

    def improve(self, sites: Indices, kicks: int) -> None:
        """Swap (and kick) from a plan to a local best one, over as many sites as the tables can hold."""
        reach, means, keep = self.reach, self.means, np.arange(self.reach.sites, dtype=np.int32)
        slots = slots_needed(means, len(sites))
        if reach.sites * slots > LARGEST_TABLE:
            keep = self.most_promising(sites, LARGEST_TABLE // slots)
            reach = narrowed(reach, keep)
            means = Means(means.expense[keep], means.budget, means.allowed[keep])
            sites = np.searchsorted(keep, sites).astype(np.int32)
        exchange = Exchange.begin(reach, means, sites)
        exchange.descend(20 * len(sites) + 100)
        if self.bound == -np.inf:
            between = exchange.tables.d1 + 0.3 * (exchange.tables.d2 - exchange.tables.d1)
            self.ascent.prices[:] = np.minimum(between, self.reach.fallback)
        self.offer(keep[exchange.sites])
        for done in range(0, kicks, KICKS):
            exchange.shake(min(KICKS, kicks - done), self.generator)
            self.offer(keep[exchange.sites])
            if not self.tell("swapping"):
                return

    def most_promising(self, sites: Indices, count: int) -> Indices:
        """The sites of a plan and those with the highest averaged solution, then the most rows in reach; ascending."""
        in_reach = np.bincount(self.reach.site, minlength=self.reach.sites)
        score = self.ascent.average + 1e-6 * in_reach / max(int(in_reach.max()), 1)
        score[sites] = np.inf
        return np.sort(np.argsort(-score, kind="stable")[: max(count, len(sites))]).astype(np.int32)

    def bound_quickly(self) -> None:
        """Stopped before any bound: a few steps, so that even then the plan has a proved gap."""
        self.bound = climb(self.reach.view, self.limits, self.ascent, self.cutoff, QUICK_CLIMB)

    def raise_bound(self) -> None:
        """Climb in rounds; each round rounds the averaged solution to a plan and fixes what is decided."""
        for _ in range(self.effort.rounds):
            reached = climb(self.reach.view, self.limits, self.ascent, self.cutoff, CLIMB)
            self.bound = max(self.bound, reached)
            self.improve(self.rounded(), 0)
            settle(self.reach.view, self.limits, self.ascent.prices, self.cutoff)
            if not self.tell("bounding") or self.done or self.ascent.rhythm[PACE] < STALLED:
                break
        if not self.done:
            self.improve(self.sites, self.effort.kicks)

    def rounded(self) -> Indices:
        """The plan nearest to the averaged solution."""
        average, means = self.ascent.average, self.means
        chosen: list[int] = []
        left = means.budget * (1 + 1e-12)
        for j in np.argsort(-np.where(means.allowed, average, -1.0), kind="stable"):
            if average[j] <= 0.0 or not means.allowed[j]:
                break
            if means.expense[j] <= left:
                chosen.append(int(j))
                left -= float(means.expense[j])
        return np.array(chosen, dtype=np.int32)

    def enumerate(self) -> None:
        """Branch and bound over the sites that are still free."""
        settle(self.reach.view, self.limits, self.ascent.prices, self.cutoff)
        keep = np.flatnonzero(self.state != SHUT).astype(np.int32)
        search = Search(
            narrowed(self.reach, keep),
            self.means.expense[keep],
            self.means.budget,
            self.cost,
            np.empty(0, np.int32),
        )

        def take_over() -> None:
            if search.best < self.cost:
                self.offer(keep[search.sites])
            self.nodes = search.nodes
            self.bound = max(self.bound, search.bound)

        def go_on() -> bool:
            take_over()
            return self.tell("branching") and not self.done and search.nodes < self.effort.nodes

        search.run(self.state[keep], self.ascent.prices.copy(), self.ascent.average[keep], go_on)
        take_over()
