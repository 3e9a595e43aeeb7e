"""Corridors: journeys that a chain of sites lets a car make and come back from, within the range of one charge (FRLM).

A journey is captured when on the round trip between its ends no stretch without a charge is longer than the range. For
every stretch of the way that asks for one of the sites before it, so the whole becomes covering: the journey needs at
least one open site of each of its sets (the arc-cover form of Capar, Kuby, Leon and Tsai, European Journal of Operational
Research 227, 2013). HiGHS solves and proves it; plans found on the way are kept, so it can be stopped at any time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridlane.planning.placement import Outcome, Progress, Watch
from gridlane.planning.reach import Floats, Indices

Needs = tuple[tuple[int, ...], ...]
"""One of each of these sets of sites must be open."""

MOST_NODES = 200_000
"""Of branch and bound, after which the best plan is given with its gap: work, not time, so that a seed gives one plan."""


@dataclass(frozen=True)
class Journeys:
    """``along[q]`` are the places (metres from the start, site number) of journey q where a site could be, in order."""

    weight: Floats
    length: Floats
    along: tuple[tuple[tuple[float, int], ...], ...]

    def __len__(self) -> int:
        return len(self.weight)

    @property
    def digest(self) -> bytes:
        return self.weight.tobytes() + self.length.tobytes() + repr(self.along).encode()


def needs_of(journey: Sequence[tuple[float, int]], length: float, reach: float) -> Needs | None:
    """The sets of one journey there and back; None when no choice of sites lets a car make it.

    The car may charge at any open site it passes, in either direction, round after round; so positions are on a circle of
    twice the length. A set that contains another one asks nothing more and is left out.
    """
    around = 2.0 * length
    stops = sorted(
        {(at, site) for at, site in journey}
        | {(around - at, site) for at, site in journey if 0 < at < length}
    )
    if not stops:
        return None
    ends = sorted({at for at, _ in stops} | {0.0, length})
    found: set[frozenset[int]] = set()
    for begin, end in zip(ends, [*ends[1:], ends[0] + around], strict=True):
        # whoever drives from begin to end charged last at or before begin, and the range still holds at the end
        able = frozenset(
            site for at, site in stops if (begin - at) % around + (end - begin) <= reach * (1 + 1e-9)
        )
        if not able:
            return None
        found.add(able)
    least = [one for one in found if not any(other < one for other in found)]
    return tuple(sorted(tuple(sorted(one)) for one in least))


def all_needs(journeys: Journeys, reach: float) -> list[Needs | None]:
    return [
        needs_of(along, float(length), reach)
        for along, length in zip(journeys.along, journeys.length, strict=True)
    ]


def captured(needs: Sequence[Needs | None], sites: Sequence[int] | Indices) -> NDArray[np.bool_]:
    """Which journeys a set of open sites lets through."""
    open_ones = {int(site) for site in sites}
    return np.array(
        [each is not None and all(open_ones.intersection(one) for one in each) for each in needs],
        dtype=np.bool_,
    )


def capture(
    needs: Sequence[Needs | None],
    weight: Floats,
    expense: Floats,
    budget: float,
    *,
    allowed: NDArray[np.bool_] | None = None,
    kept: Sequence[int] = (),
    seed: int = 0,
    watch: Watch = lambda _: True,
) -> Outcome:
    """The sites within the budget that capture the most weight; ``kept`` sites are open already and cost nothing.

    The outcome's costs are weights lost, as in coverage: value = sum of weights - cost.
    """
    allowed = np.ones(len(expense), dtype=np.bool_) if allowed is None else allowed
    total = float(weight.sum())
    first = greedily(needs, weight, expense, budget, allowed, kept)
    program = Program(needs, weight, expense, budget, allowed, kept)
    best = float(weight[captured(needs, [*first, *kept])].sum())
    found = Solved(first, float(program.weight.sum()), 0)
    if watch(Progress("chaining", total - best, total - found.bound, first)):
        found = program.solve(first, seed, watch, total)
    value = float(weight[captured(needs, [*found.sites, *kept])].sum())
    most = value if found.bound <= value + 1e-6 * max(1.0, value) else found.bound
    return Outcome(np.sort(found.sites), total - value, total - most, found.nodes)


def greedily(
    needs: Sequence[Needs | None],
    weight: Floats,
    expense: Floats,
    budget: float,
    allowed: NDArray[np.bool_],
    kept: Sequence[int],
) -> Indices:
    """Open the site that brings the most journeys nearest to being captured, per expense, while the budget lasts."""
    chosen: list[int] = []
    open_ones, left = set(kept), budget
    while True:
        score = np.zeros(len(expense))
        for each, worth in zip(needs, weight, strict=True):
            missing = [] if each is None else [one for one in each if not open_ones.intersection(one)]
            for one in missing:
                score[list(one)] += worth / len(missing) ** 2
        score[(expense > left) | ~allowed] = 0.0
        score[list(open_ones)] = 0.0
        if not np.any(score > 0.0):
            return np.array(sorted(chosen), dtype=np.int32)
        best = int(np.argmax(score / np.maximum(expense, 1e-9)))
        chosen.append(best)
        open_ones.add(best)
        left -= float(expense[best])


@dataclass
class Solved:
    sites: Indices
    bound: float
    nodes: int


class Program:
    """The covering as a mixed-integer programme: a column per site, then one per journey that can be captured."""

    def __init__(
        self,
        needs: Sequence[Needs | None],
        weight: Floats,
        expense: Floats,
        budget: float,
        allowed: NDArray[np.bool_],
        kept: Sequence[int],
    ) -> None:
        self.sites = len(expense)
        self.possible = [q for q, each in enumerate(needs) if each is not None]
        self.needs = [needs[q] or () for q in self.possible]
        self.weight = weight[self.possible]
        self.expense = expense.copy()
        self.expense[list(kept)] = 0.0
        self.budget = budget
        self.most = np.where(allowed, 1.0, 0.0)
        self.least = np.zeros(self.sites)
        self.most[list(kept)] = self.least[list(kept)] = 1.0
        self.kept = set(kept)

    def solve(self, first: Indices, seed: int, watch: Watch, total: float) -> Solved:
        import highspy

        solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        for option, value in {
            "output_flag": False, "random_seed": seed, "threads": 1, "mip_rel_gap": 0.0, "mip_abs_gap": 1e-6,
            "mip_max_nodes": MOST_NODES,
        }.items():  # fmt: skip
            solver.setOptionValue(option, value)
        solver.passModel(self.model())
        every = len(self.most) + len(self.possible)
        solver.setSolution(every, np.arange(every, dtype=np.int32), self.start_of(first))
        solved = Solved(first, float(self.weight.sum()), 0)

        def improve(event: Any) -> None:
            solved.sites = self.opened(event.data_out.mip_solution)

        def look(event: Any) -> None:
            told = event.data_out
            solved.bound = min(solved.bound, float(told.mip_dual_bound))
            best = total - float(told.mip_primal_bound)
            if not watch(Progress("proving", best, total - solved.bound, solved.sites)):
                event.interrupt()

        solver.cbMipImprovingSolution.subscribe(improve)
        solver.cbMipInterrupt.subscribe(look)
        solver.run()
        found = solver.getSolution()
        if found.value_valid:
            solved.sites = self.opened(found.col_value)
        info = solver.getInfo()
        solved.bound = min(solved.bound, float(info.mip_dual_bound))
        solved.nodes = max(int(info.mip_node_count), 0)
        return solved

    def opened(self, values: Any) -> Indices:
        """The sites a solution opens anew."""
        ones = np.flatnonzero(np.asarray(values)[: self.sites] > 0.5)
        return np.setdiff1d(ones, list(self.kept)).astype(np.int32)

    def start_of(self, first: Indices) -> Floats:
        opened = np.zeros(self.sites)
        opened[first] = 1.0
        opened[list(self.kept)] = 1.0
        through = captured(self.needs, np.flatnonzero(opened).astype(np.int32))
        return np.concatenate((opened, through.astype(np.float64)))

    def model(self) -> Any:
        """Every set of a journey: its sites - the journey >= 0; and the budget."""
        import highspy

        rows = [(one, q) for q, each in enumerate(self.needs) for one in each]
        start, index, value = [0], [], []
        for one, q in rows:
            index += [*one, self.sites + q]
            value += [1.0] * len(one) + [-1.0]
            start.append(len(index))
        spending = np.flatnonzero(self.expense > 0.0)
        index += [int(j) for j in spending]
        value += [float(self.expense[j]) for j in spending]
        start.append(len(index))
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = self.sites + len(self.possible), len(rows) + 1
        model.sense_ = highspy.ObjSense.kMaximize
        model.col_cost_ = np.concatenate((np.zeros(self.sites), self.weight))
        model.col_lower_ = np.concatenate((self.least, np.zeros(len(self.possible))))
        model.col_upper_ = np.concatenate((self.most, np.ones(len(self.possible))))
        model.row_lower_ = np.array([0.0] * len(rows) + [-highspy.kHighsInf])
        model.row_upper_ = np.array([highspy.kHighsInf] * len(rows) + [self.budget])
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = np.array(start, dtype=np.int32)
        model.a_matrix_.index_ = np.array(index, dtype=np.int32)
        model.a_matrix_.value_ = np.array(value)
        kinds = [highspy.HighsVarType.kInteger] * self.sites
        model.integrality_ = kinds + [highspy.HighsVarType.kContinuous] * len(self.possible)
        return model
