"""The other way round: the fewest sites that reach a target, with the proof that one fewer does not."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gridlane.planning.interchange import Flags, Means, greedy
from gridlane.planning.placement import Effort, Outcome, Progress, Watch, place
from gridlane.planning.reach import Indices, Reach
from gridlane.planning.scenario import AimImpossible


@dataclass(frozen=True)
class Fewest:
    """A number of sites that is enough, and the largest number proved not to be (one below it when proved minimal)."""

    sites: Indices
    too_few: int

    @property
    def minimal(self) -> bool:
        return self.too_few == len(self.sites) - 1


def fewest_sites(
    reach: Reach,
    most_cost: float,
    *,
    allowed: Flags | None = None,
    seed: int = 0,
    effort: Effort | None = None,
    watch: Watch = lambda _: True,
) -> Fewest:
    """The fewest sites whose rows cost at most ``most_cost`` together. Raises AimImpossible if all sites do not.

    Bisects over the number of sites; each probe stops as soon as its plan is good or its bound is bad enough. A watcher's
    False ends the search with the best number so far.
    """
    allowed = np.ones(reach.sites, dtype=np.bool_) if allowed is None else allowed
    ones = np.ones(reach.sites)
    taken = greedy(reach, Means(ones, float(reach.sites), allowed))
    enough = shortest_prefix(reach, taken, most_cost)
    if enough is None:
        raise AimImpossible(reason="even all sites together do not reach the target")
    best, too_few = taken[:enough], 0

    stopped = False

    def undecided(progress: Progress) -> bool:
        nonlocal stopped
        stopped = stopped or not watch(Progress("counting", float(len(best)), float(too_few), best))
        return not stopped and progress.cost > most_cost and progress.bound <= most_cost

    low, high = 0, enough
    while high - low > 1 and not stopped:
        middle = max(low + 1, high - 1 - (high - low) // 4)
        found = probe(reach, middle, allowed, seed, effort, undecided)
        if found.cost <= most_cost:
            best, high = found.sites, len(found.sites)
        else:
            low = middle
            if found.bound > most_cost:
                too_few = max(too_few, middle)
    if too_few or stopped:
        return Fewest(best, too_few)
    return Fewest(best, prove_too_few(reach, low, allowed, seed, effort, most_cost))


def probe(
    reach: Reach,
    count: int,
    allowed: Flags,
    seed: int,
    effort: Effort | None,
    go_on: Callable[[Progress], bool],
) -> Outcome:
    return place(
        reach, np.ones(reach.sites), float(count), allowed=allowed, seed=seed, effort=effort, watch=go_on
    )


def prove_too_few(
    reach: Reach, most: int, allowed: Flags, seed: int, effort: Effort | None, most_cost: float
) -> int:
    """The largest number up to ``most`` whose bound alone shows that it cannot be enough."""
    for count in range(most, 0, -1):
        found = probe(reach, count, allowed, seed, effort, lambda p: p.bound <= most_cost)
        if found.bound > most_cost:
            return count
    return 0


def shortest_prefix(reach: Reach, taken: Indices, most_cost: float) -> int | None:
    """How many sites of the greedy order are enough."""
    offsets, rows, costs = reach.by_site
    now = reach.fallback.copy()
    if now.sum() <= most_cost:
        return 0
    for count, j in enumerate(taken, start=1):
        mine = slice(offsets[j], offsets[j + 1])
        np.minimum.at(now, rows[mine], costs[mine])
        if now.sum() <= most_cost:
            return count
    return None
