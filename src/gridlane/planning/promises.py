"""Equity: no class of demand may fall below a floor, and no two classes may lie further apart than promised.

Each promise is linear in what the classes have covered. It gets a price: covering a class that a promise speaks for counts
more, one it speaks against counts less. For any prices the best plan at those weights bounds every plan that keeps the
promises (Lagrangian duality), and plans found on the way that keep them all are candidates.
"""

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from gridlane.planning.interchange import Flags, opened, service
from gridlane.planning.placement import Effort, Outcome, Progress, Watch, place
from gridlane.planning.reach import Floats, Indices, Reach

TURNS = 14
"""Price changes tried; each one is a placement of its own."""

SMALL = 1e-9


@dataclass(frozen=True)
class Promise:
    """``share[c]`` times the covered share of class c, summed, must be at least ``least``."""

    words: str
    share: Floats
    least: float


@dataclass(frozen=True)
class Classes:
    """The class of every row and the weight of each class."""

    names: tuple[str, ...]
    of_row: Indices
    weight: Floats

    @classmethod
    def of(cls, group: tuple[str, ...], weight: Floats) -> "Classes":
        names, of_row = np.unique(np.array(group), return_inverse=True)
        return cls(
            tuple(str(name) for name in names),
            of_row.astype(np.int32),
            np.asarray(np.bincount(of_row, weights=weight, minlength=len(names)), dtype=np.float64),
        )

    def covered(self, cost: Floats, weight: Floats) -> Floats:
        """The covered share of each class, when rows lose ``cost`` of their weight."""
        got = np.bincount(self.of_row, weights=weight - cost, minlength=len(self.names))
        return np.asarray(got / np.maximum(self.weight, 1e-12), dtype=np.float64)


def floor(classes: Classes, name: str, share: float) -> Promise:
    unit = np.array([1.0 if known == name else 0.0 for known in classes.names])
    return Promise(f"class {name} at least {100 * share:g} % covered", unit, share)


def closeness(classes: Classes, difference: float) -> list[Promise]:
    """No two named classes may differ by more than this share."""
    promises = []
    for a, b in permutations([k for k, name in enumerate(classes.names) if name], 2):
        share = np.zeros(len(classes.names))
        share[a], share[b] = 1.0, -1.0
        words = (
            f"class {classes.names[a]} at most {100 * difference:g} points behind class {classes.names[b]}"
        )
        promises.append(Promise(words, share, -difference))
    return promises


@dataclass(frozen=True)
class Kept:
    """The best plan that keeps every promise (None when none was met), and a bound on all that do.

    ``most`` is a coverage no plan that keeps the promises can pass.
    """

    sites: Indices | None
    covered: float
    most: float
    shares: Floats


def place_with_promises(
    reach: Reach,
    weight: Floats,
    classes: Classes,
    promises: list[Promise],
    expense: Floats,
    budget: float,
    *,
    allowed: Flags | None = None,
    seed: int = 0,
    effort: Effort | None = None,
    watch: Watch = lambda _: True,
) -> Kept:
    """Cover as much weight as the budget allows while every promise is kept. ``reach`` holds lost weight."""
    prices = np.zeros(len(promises))
    ratios = np.array([promise.share / np.maximum(classes.weight, 1e-12) for promise in promises])
    least = np.array([promise.least for promise in promises])
    best: Indices | None = None
    covered, most, best_shares = -np.inf, np.inf, np.zeros(len(classes.names))
    total = float(weight.sum())
    stopped = False

    def watched(progress: Progress) -> bool:
        nonlocal stopped
        stopped = stopped or not watch(progress)
        return not stopped

    for turn in range(TURNS):
        factor = np.maximum(1.0 + prices @ ratios, 1e-6)
        weighted = reweighted(reach, factor[classes.of_row])
        whole = float((weight * factor[classes.of_row]).sum())
        found = place(
            weighted, expense, budget, whole=whole, allowed=allowed, seed=seed, effort=effort, watch=watched
        )
        if np.all(1.0 + prices @ ratios >= 1e-6):
            most = min(most, whole - found.bound - float(prices @ least))
        shares = classes.covered(lost_weight(reach, found), weight)
        got = float(shares @ classes.weight)
        missing = least - np.array([promise.share @ shares for promise in promises])
        if np.all(missing <= SMALL) and got > covered:
            best, covered, best_shares = found.sites, got, shares
        if np.all((missing <= SMALL) & (prices <= 0.0)) or most - covered <= SMALL * total or stopped:
            break
        known = covered if best is not None else most - 0.02 * total
        stride = (0.95**turn) * max(most - known, 1e-4 * total) / max(float(missing @ missing), 1e-12)
        prices = np.maximum(prices + stride * np.where((prices > 0) | (missing > 0), missing, 0.0), 0.0)
    return Kept(best, covered, most, best_shares)


def reweighted(reach: Reach, factor: Floats) -> Reach:
    row = np.repeat(np.arange(reach.rows), np.diff(reach.start))
    return Reach(reach.start, reach.site, reach.cost * factor[row], reach.fallback * factor, reach.sites)


def lost_weight(reach: Reach, found: Outcome) -> Floats:
    return service(reach.view, opened(reach, found.sites))[1]
