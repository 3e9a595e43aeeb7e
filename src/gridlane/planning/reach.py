"""Who can use which site at what cost: the one form in which every placement objective reaches the solver.

Each demand point is served by the best open site of its row, or pays its fallback. With the cost being travel this is
the p-median; with the cost being lost coverage (all of the weight when nobody serves it, part of it under a decay,
nothing when fully covered) it is maximal covering. So one greedy, one interchange and one bound serve them all.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int32]
Offsets = NDArray[np.int64]


class Rows(NamedTuple):
    """The matrix by row, as compiled loops take it."""

    start: Offsets
    site: Indices
    cost: Floats
    fallback: Floats


class BySite(NamedTuple):
    """The matrix by site: which rows list it, and what it costs them."""

    offsets: Offsets
    rows: Indices
    costs: Floats


@dataclass(frozen=True)
class Reach:
    """A sparse matrix of costs, one row per demand point, each row sorted by cost (weight included).

    ``site[start[i]:start[i + 1]]`` are the sites row ``i`` can use, ``cost`` what each costs it, ``fallback[i]`` what it
    costs when none of them is open. Entries that cost as much as the fallback are left out.
    """

    start: Offsets
    site: Indices
    cost: Floats
    fallback: Floats
    sites: int

    @property
    def rows(self) -> int:
        return len(self.fallback)

    @property
    def view(self) -> Rows:
        return Rows(self.start, self.site, self.cost, self.fallback)

    @cached_property
    def by_site(self) -> BySite:
        row = np.repeat(np.arange(self.rows, dtype=np.int32), np.diff(self.start))
        order = np.argsort(self.site, kind="stable")
        offsets = np.zeros(self.sites + 1, dtype=np.int64)
        np.cumsum(np.bincount(self.site, minlength=self.sites), out=offsets[1:])
        return BySite(offsets, row[order], self.cost[order])

    @cached_property
    def quantum(self) -> float:
        """What two plans' costs differ by at least, if they differ: 1 for whole numbers, 0.01 for cents, 0 if unknown."""
        for digits in range(4):
            scaled = np.concatenate((self.cost, self.fallback)) * 10.0**digits
            if np.all(np.abs(scaled - np.rint(scaled)) <= 1e-6):
                return 10.0**-digits
        return 0.0

    def cutoff(self, best: float) -> float:
        """The cost a plan must stay below to be better than ``best``."""
        return min(best - 0.999 * self.quantum, best * (1 - 1e-9))


def from_entries(row: Indices, site: Indices, cost: Floats, fallback: Floats, sites: int) -> Reach:
    """A reach from loose entries in any order. Entries not cheaper than their row's fallback are dropped."""
    useful = cost < fallback[row]
    row, site, cost = row[useful], site[useful], cost[useful]
    order = np.lexsort((site, cost, row))
    start = np.zeros(len(fallback) + 1, dtype=np.int64)
    np.cumsum(np.bincount(row, minlength=len(fallback)), out=start[1:])
    return Reach(start, site[order].astype(np.int32), cost[order], np.asarray(fallback, np.float64), sites)


def from_matrix(cost: Floats, fallback: Floats | None = None) -> Reach:
    """A reach from a full matrix (rows x sites). Without a fallback a row may use any site, and pays the dearest."""
    rows, sites = cost.shape
    order = np.argsort(cost, axis=1, kind="stable")
    top = np.take_along_axis(cost, order, axis=1)
    if fallback is None:
        fallback = top[:, -1] + 1.0
    start = np.arange(rows + 1, dtype=np.int64) * sites
    whole = Reach(start, order.astype(np.int32).ravel(), top.ravel(), np.asarray(fallback, np.float64), sites)
    return without_useless(whole)


def without_useless(reach: Reach, fallback: Floats | None = None) -> Reach:
    """The same reach with a lower fallback (a station that is kept already serves the row) and only helpful entries."""
    fallback = reach.fallback if fallback is None else np.minimum(fallback, reach.fallback)
    row = np.repeat(np.arange(reach.rows), np.diff(reach.start))
    useful = reach.cost < fallback[row]
    if useful.all() and fallback is reach.fallback:
        return reach
    start = np.zeros(reach.rows + 1, dtype=np.int64)
    np.cumsum(np.bincount(row[useful], minlength=reach.rows), out=start[1:])
    return Reach(start, reach.site[useful], reach.cost[useful], fallback, reach.sites)


def narrowed(reach: Reach, keep: Indices) -> Reach:
    """The same rows with only the sites of ``keep`` left, numbered in that order."""
    number = np.full(reach.sites, -1, dtype=np.int32)
    number[keep] = np.arange(len(keep), dtype=np.int32)
    kept = number[reach.site] >= 0
    row = np.repeat(np.arange(reach.rows), np.diff(reach.start))[kept]
    start = np.zeros(reach.rows + 1, dtype=np.int64)
    np.cumsum(np.bincount(row, minlength=reach.rows), out=start[1:])
    return Reach(start, number[reach.site[kept]], reach.cost[kept], reach.fallback, len(keep))


def merged(reach: Reach) -> Reach:
    """Rows that the same sites cover completely and nobody in part become one row with their joint fallback.

    Coverage instances shrink by one or two orders of magnitude this way and keep every plan's cost.
    """
    if np.any(reach.cost != 0.0):
        return reach
    signature = row_signatures(reach)
    _, first, group = np.unique(signature, axis=0, return_index=True, return_inverse=True)
    fallback = np.asarray(
        np.bincount(group.ravel(), weights=reach.fallback, minlength=len(first)), dtype=np.float64
    )
    lengths = np.diff(reach.start)[first]
    start = np.zeros(len(first) + 1, dtype=np.int64)
    np.cumsum(lengths, out=start[1:])
    entry = np.arange(start[-1]) - np.repeat(start[:-1], lengths) + np.repeat(reach.start[first], lengths)
    return Reach(start, reach.site[entry], reach.cost[entry], fallback, reach.sites)


def row_signatures(reach: Reach) -> NDArray[np.uint64]:
    """Equal for rows with equal sets of sites (and, but for chance of 2**-128, for no others)."""
    return run_sums(random_words(reach.sites)[:, reach.site], reach.start)


def without_twins(reach: Reach, expense: Floats, allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """``allowed`` less every site that does for all rows exactly what a cheaper or earlier site does."""
    offsets, rows, costs = reach.by_site
    words = random_words(reach.rows)[:, rows] * (costs + 1.0).view(np.uint64)
    signature = run_sums(words, offsets)
    order = np.lexsort((np.arange(reach.sites), expense, ~allowed, signature[:, 1], signature[:, 0]))
    same = np.all(signature[order[1:]] == signature[order[:-1]], axis=1)
    kept = allowed.copy()
    kept[order[1:][same]] = False
    return kept


def random_words(count: int) -> NDArray[np.uint64]:
    return np.random.default_rng(0x5EED).integers(0, 2**63, size=(2, count), dtype=np.uint64)


def run_sums(words: NDArray[np.uint64], start: Offsets) -> NDArray[np.uint64]:
    """Per run the sums of its words, two columns, modulo 2**64."""
    sums = np.zeros((2, words.shape[1] + 1), dtype=np.uint64)
    np.cumsum(words, axis=1, out=sums[:, 1:], dtype=np.uint64)
    return (sums[:, start[1:]] - sums[:, start[:-1]]).T
