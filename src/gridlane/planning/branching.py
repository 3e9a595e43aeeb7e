"""Closing the last gap: branch and bound on the Lagrangian.

Each node fixes some sites open or shut, starts from its parent's prices, climbs a little, fixes what the bound already
decides, and is dropped when no better plan can hide below it. Nodes are taken by lowest bound, so the lowest open one is
the proved bound at any moment.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from gridlane.planning.interchange import cost_of
from gridlane.planning.lagrangian import FREE, OPEN, SHUT, Limits, States, ascent_from, climb, settle
from gridlane.planning.reach import Floats, Indices, Reach

STEPS = 40
"""Bound steps between two looks at whether a node is worth more of them."""


WORTHWHILE = 0.2
"""Share of the missing way that a look's steps must have made for the node to get more of them."""


@dataclass(order=True)
class Node:
    bound: float
    number: int
    state: States = field(compare=False)
    prices: Floats = field(compare=False)
    average: Floats = field(compare=False)


@dataclass
class Search:
    """An enumeration under way; ``best`` is the cheapest plan known, ``bound`` what no plan can undercut."""

    reach: Reach
    expense: Floats
    budget: float
    best: float
    sites: Indices
    nodes: int = 0
    queue: list[Node] = field(default_factory=list)

    @property
    def cutoff(self) -> float:
        return self.reach.cutoff(self.best)

    @property
    def bound(self) -> float:
        return min(self.queue[0].bound, self.best) if self.queue else self.best

    def run(self, state: States, prices: Floats, average: Floats, go_on: Callable[[], bool]) -> None:
        """Enumerate from a root until nothing is left or ``go_on`` says no."""
        self.queue = [Node(-np.inf, 0, state, prices, average)]
        while self.queue and self.queue[0].bound < self.cutoff and go_on():
            self.expand(heapq.heappop(self.queue))
        if self.queue and self.queue[0].bound >= self.cutoff:
            self.queue.clear()

    def expand(self, node: Node) -> None:
        bound = max(node.bound, self.tighten(node))
        if bound >= self.cutoff:
            return
        free = np.flatnonzero(node.state == FREE)
        if len(free) == 0:
            self.consider(np.flatnonzero(node.state == OPEN).astype(np.int32))
            return
        site = int(free[np.argmin(np.abs(node.average[free] - 0.5))])
        for choice in (OPEN, SHUT):
            state = node.state.copy()
            state[site] = choice
            if float(np.sum(self.expense[state == OPEN])) <= self.budget * (1 + 1e-12):
                self.nodes += 1
                child = Node(bound, self.nodes, state, node.prices.copy(), node.average.copy())
                heapq.heappush(self.queue, child)

    def tighten(self, node: Node) -> float:
        """Climb and fix until the node can be dropped or climbing has become slow; gives the node's bound."""
        ascent, bound = ascent_from(node.prices, node.average, pace=0.1), node.bound
        limits = Limits(self.expense, self.budget, node.state)
        while True:
            reached = climb(self.reach.view, limits, ascent, self.cutoff, STEPS)
            gain, bound = reached - bound, max(bound, reached)
            if bound >= self.cutoff:
                return bound
            self.consider_average(node)
            settle(self.reach.view, limits, node.prices, self.cutoff)
            if gain < WORTHWHILE * (self.cutoff - bound):
                return bound

    def consider_average(self, node: Node) -> None:
        """Round the averaged solution to a plan."""
        open_ones = np.flatnonzero(node.state == OPEN)
        left = self.budget - float(np.sum(self.expense[open_ones]))
        chosen = list(open_ones)
        for j in np.argsort(-np.where(node.state == FREE, node.average, -1.0)):
            if node.state[j] != FREE or left < self.expense[j] - 1e-9:
                break
            chosen.append(j)
            left -= float(self.expense[j])
        self.consider(np.array(chosen, dtype=np.int32))

    def consider(self, sites: Indices) -> None:
        if float(np.sum(self.expense[sites])) > self.budget * (1 + 1e-12):
            return
        cost = cost_of(self.reach, sites)
        if cost < self.best:
            self.best, self.sites = cost, sites
