"""From what every EVSE was told to what it should be told, in steps of which none can break a circuit.

Lower limits go out at once. Higher ones go out only as far as the worst case of everybody has room for them now, which
it has once the lower ones are proven, not once they are sent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from gridlane.energy.allocation import Tree, weigh
from gridlane.energy.capacity import Headroom
from gridlane.energy.circuit import Draw
from gridlane.energy.worst_case import DEFAULT_TIMING, Standing, Timing, could_draw, told
from gridlane.kernel.quantities import Amperes

Floats = NDArray[np.float64]

ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Step:
    """``evse`` is to be told ``current`` now. ``raises``: it goes above what it was told before."""

    evse: str
    current: Amperes
    raises: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """A site at one instant: what each EVSE could be keeping to and was told, in the tree's order of leaves.

    ``weigh`` is how the vehicle there weighs on the circuits, with what it takes beyond what it is told. ``kept_free`` is what stays free of each limit because
    the next vehicle may begin on the fallback at any instant, on phases that this one does not use.
    """

    could_draw: Floats
    told: Floats
    weigh: Floats
    kept_free: Floats
    reachable: NDArray[np.bool_]


def picture(
    tree: Tree,
    standings: Mapping[str, Standing],
    draws: Mapping[str, Draw],
    now: datetime,
    timing: Timing = DEFAULT_TIMING,
) -> Picture:
    """``draws`` holds the vehicles whose phases are known; the others count on every phase they may use.

    An EVSE without a standing is unknown and counts at its rating.
    """
    from gridlane.energy import filling

    known = [(standings.get(evse.id) or Standing(evse=evse.id), evse) for evse in tree.evses]
    weights = tree.unknown_draw.copy()
    for leaf, (standing, evse) in enumerate(known):
        if standing.believed and evse.id in draws:
            weights[leaf] = weigh(draws[evse.id])
    assured = np.array([evse.assured for evse in tree.evses])
    beyond = np.maximum(tree.unknown_draw - weights, 0.0)
    excess = np.array([standing.excess for standing, _ in known])
    weights *= excess[:, np.newaxis]
    return Picture(
        could_draw=np.array([could_draw(each, evse, now, timing) for each, evse in known]) / excess,
        told=np.array([told(each, evse, now) for each, evse in known]),
        weigh=weights,
        kept_free=filling.used(tree.parent, tree.leaf_node, beyond, 4 * len(tree.circuits), assured),
        reachable=np.array([each.in_contact and each.believed for each, _ in known], dtype=np.bool_),
    )


def left_for(
    tree: Tree, seen: Picture, headroom: Mapping[str, Headroom], steered: Iterable[str]
) -> dict[str, Headroom]:
    """What is left of each circuit for the ``steered`` EVSEs when all others draw the most they could."""
    from gridlane.energy import filling

    others = seen.could_draw.copy()
    others[[tree.leaf[each] for each in steered]] = 0.0
    taken = seen.kept_free + filling.used(
        tree.parent, tree.leaf_node, seen.weigh, seen.kept_free.size, others
    )
    return {
        circuit: _less(headroom[circuit], taken[4 * node : 4 * node + 4])
        for node, circuit in enumerate(tree.circuits)
    }


def safe_steps(
    tree: Tree, seen: Picture, headroom: Mapping[str, Headroom], wanted: Mapping[str, Amperes]
) -> list[Step]:
    """The lower limits of ``wanted``, and of the higher ones what has room now. Unreachable EVSEs get no step."""
    steps = []
    rising = np.zeros(len(tree.evses), dtype=np.bool_)
    goal = seen.told.copy()
    for evse, current in wanted.items():
        leaf = tree.leaf[evse]
        goal[leaf] = min(current, tree.evses[leaf].rating)
        rising[leaf] = seen.reachable[leaf] and goal[leaf] > seen.told[leaf] + ROUNDING
        if seen.reachable[leaf] and goal[leaf] < seen.told[leaf] - ROUNDING:
            steps.append(Step(evse, Amperes(float(goal[leaf])), raises=False))
    granted = _granted(tree, seen, headroom, goal, rising)
    steps += [
        Step(tree.evses[leaf].id, Amperes(float(granted[leaf])), raises=True)
        for leaf in np.flatnonzero(rising)
        if granted[leaf] > seen.told[leaf] + ROUNDING
    ]
    return steps


def overfull(tree: Tree, seen: Picture, headroom: Mapping[str, Headroom]) -> set[str]:
    """The EVSEs behind a circuit that would be overloaded if everybody drew what he was told."""
    from gridlane.energy import filling

    capacity = tree.capacity(headroom) - seen.kept_free
    drawn = np.maximum(seen.told, np.array([evse.assured for evse in tree.evses]))
    taken = filling.used(tree.parent, tree.leaf_node, seen.weigh, capacity.size, drawn)
    behind: set[str] = set()
    for limit in np.flatnonzero(taken > capacity + ROUNDING * (1 + np.abs(capacity))):
        node, kind = divmod(int(limit), 4)
        leaves = range(int(tree.first[node]), int(tree.last[node]))
        behind |= {tree.evses[leaf].id for leaf in leaves if seen.weigh[leaf, kind] > 0}
    return behind


def _granted(
    tree: Tree, seen: Picture, headroom: Mapping[str, Headroom], goal: Floats, rising: NDArray[np.bool_]
) -> Floats:
    from gridlane.energy import filling

    capacity = tree.capacity(headroom) - seen.kept_free
    minimum = np.array([evse.minimum for evse in tree.evses])
    for _ in range(
        2
    ):  # whom the room takes not even to the minimum leaves it to the others in the second pass
        ceiling = np.where(rising, np.maximum(goal, seen.could_draw), seen.could_draw)
        share, _ = filling.fill(
            tree.parent, tree.first, tree.last, tree.leaf_node, seen.weigh, capacity,
            seen.could_draw, ceiling, np.ones(len(tree.evses)),
        )  # fmt: skip
        granted: Floats = np.minimum(goal, share)
        too_little = rising & (granted < np.minimum(minimum, goal) - ROUNDING)
        if not too_little.any():
            break
        rising &= ~too_little
    return granted


def _less(headroom: Headroom, taken: Floats) -> Headroom:
    first, second, third = (max(0.0, headroom.phases[phase] - float(taken[phase])) for phase in range(3))
    return Headroom((first, second, third), max(0.0, headroom.power - float(taken[3])))
