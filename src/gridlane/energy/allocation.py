"""Who may draw how much now: fair, within every circuit on every phase, 0 or at least the vehicle's minimum.

First each vehicle's least current is granted in the order of turns, as far as all circuits have room. Then the rest is
filled max-min fairly by weight, tier by tier: up to each vehicle's target (what the plan wants of it now), and then up
to its wish (what it may take beyond, when there is room). Discharging is shared the same way under the limits of
feeding in, as neither direction counts on the other: a car may stop at any instant.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gridlane.energy.capacity import Headroom
from gridlane.energy.circuit import Draw, Site
from gridlane.kernel.quantities import Amperes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HAS_ITS_WISH = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What one vehicle may use now, in amperes of each phase it uses; negative ``target`` discharges.

    ``excess``: the ratio at which it draws more than it is told, so that it weighs more. ``least``: below it only 0. ``target``: what it should have first; None is its ``wish``. ``wish``: the most it may
    have at all now. Lower ``tier`` goes first, and within a tier shares grow by ``weight``.
    """

    evse: str
    wish: Amperes
    least: Amperes = Amperes(6.0)
    target: Amperes | None = None
    weight: float = 1.0
    tier: int = 0
    vehicle_phases: int | None = None
    excess: float = 1.0


@dataclass(frozen=True, slots=True)
class Share:
    """What came out for one EVSE. ``bound_by``: the circuit that kept it from more, None when it has what it asked."""

    current: Amperes
    bound_by: str | None


class Tree:
    """A site laid out for the allocator: circuits parents first, EVSEs in the order in which circuits cover them."""

    def __init__(self, site: Site) -> None:
        self.site = site
        order = _parents_first(site)
        number = {each: index for index, each in enumerate(order)}
        parents = {each.id: each.parent for each in site.circuits}
        self.circuits: tuple[str, ...] = tuple(order)
        self.parent: Ints = np.array([number.get(parents[each] or "", -1) for each in order], dtype=np.int64)
        evses = sorted(site.evses, key=lambda each: number[each.circuit])
        self.evses = tuple(evses)
        self.leaf = {each.id: index for index, each in enumerate(evses)}
        self.leaf_node: Ints = np.array([number[each.circuit] for each in evses], dtype=np.int64)
        self.first, self.last = self._covers()
        self.unknown_draw: Floats = np.array([weigh(site.draw(each)) for each in evses]).reshape(-1, 4)

    def _covers(self) -> tuple[Ints, Ints]:
        # Circuits are numbered depth first, so the leaves below one lie together.
        first = np.full(len(self.circuits), len(self.evses), dtype=np.int64)
        last = np.zeros(len(self.circuits), dtype=np.int64)
        for leaf, leaf_node in enumerate(self.leaf_node):
            node = int(leaf_node)
            while node >= 0:
                first[node], last[node] = min(first[node], leaf), max(last[node], leaf + 1)
                node = int(self.parent[node])
        return first, last

    def capacity(self, headroom: Mapping[str, Headroom]) -> Floats:
        """The limits in the allocator's numbering."""
        rows = [(*headroom[each].phases, headroom[each].power) for each in self.circuits]
        return np.array(rows, dtype=np.float64).reshape(-1)

    def circuit_of_limit(self, limit: int) -> str:
        return self.circuits[limit // 4]


def weigh(draw: Draw) -> tuple[float, float, float, float]:
    """What one ampere takes of the three phases' amperes and of the watts."""
    first, second, third = draw.phases
    return (float(first), float(second), float(third), draw.watts_per_ampere)


@dataclass(slots=True)
class Asks:
    """Asks as arrays, one place for each leaf; a leaf that asks nothing has ``wish`` 0. All currents >= 0."""

    weigh: Floats
    least: Floats
    target: Floats
    wish: Floats
    weight: Floats
    tier: Ints
    order: Ints

    @classmethod
    def none(cls, tree: Tree) -> "Asks":
        count = len(tree.evses)
        nothing = np.zeros(count)
        return cls(
            weigh=tree.unknown_draw.copy(), least=nothing.copy(), target=nothing.copy(), wish=nothing.copy(),
            weight=np.ones(count), tier=np.zeros(count, dtype=np.int64), order=np.arange(count, dtype=np.int64),
        )  # fmt: skip


def share_out(
    tree: Tree,
    asks: Iterable[Ask],
    headroom: Mapping[str, Headroom],
    export: Mapping[str, Headroom] | None = None,
    turns: Iterable[str] | None = None,
) -> dict[str, Share]:
    """What every asking vehicle may draw (or feed in, negative). ``turns`` orders who gets its least current first.

    ``headroom`` limits those who charge, ``export`` those who discharge; without it nobody does.
    """
    charging: dict[int, Ask] = {}
    discharging: dict[int, Ask] = {}
    for ask in asks:
        (discharging if (ask.target or 0.0) < 0 else charging)[tree.leaf[ask.evse]] = ask
    order = None if turns is None else [tree.leaf[each] for each in turns]
    shares = _share_out(tree, charging, headroom, order, sign=1)
    if export is not None:
        shares |= _share_out(tree, discharging, export, order, sign=-1)
    return shares


def _share_out(
    tree: Tree, asks: Mapping[int, Ask], headroom: Mapping[str, Headroom], order: list[int] | None, sign: int
) -> dict[str, Share]:
    arrays = Asks.none(tree)
    for leaf, ask in asks.items():
        _write(tree, arrays, leaf, ask)
    turns = sorted(asks, key=lambda leaf: (asks[leaf].tier, leaf)) if order is None else order
    arrays.order = np.array([leaf for leaf in turns if leaf in asks], dtype=np.int64)
    current, stopped_by = allocate(tree, arrays, tree.capacity(headroom))
    return {
        ask.evse: Share(Amperes(sign * float(current[leaf])), _bound_by(tree, int(stopped_by[leaf])))
        for leaf, ask in asks.items()
    }


def allocate(tree: Tree, asks: Asks, capacity: Floats) -> tuple[Floats, Ints]:
    """The currents, and for each leaf the number of the limit that kept it from more, or HAS_ITS_WISH.

    Exact within each tier and round: a leaf is kept from more only by a limit that is full of shares no larger by
    weight, or earlier in turn, tier or round.
    """
    from gridlane.energy import filling

    least = np.minimum(asks.least, asks.wish)
    order = asks.order[asks.wish[asks.order] > 0]
    stopped_by = filling.admit(tree.parent, tree.leaf_node, asks.weigh, capacity, order, least)
    admitted = np.zeros(len(tree.evses), dtype=np.bool_)
    admitted[order] = stopped_by[order] == filling.ADMITTED
    current = np.where(admitted, least, 0.0)
    for goal in (np.minimum(asks.target, asks.wish), asks.wish):
        for tier in np.unique(asks.tier[admitted]):
            rises = admitted & (asks.tier == tier) & (goal > current)
            if rises.any():
                current, stops = filling.fill(
                    tree.parent, tree.first, tree.last, tree.leaf_node, asks.weigh, capacity,
                    current, np.where(rises, goal, current), asks.weight,
                )  # fmt: skip
                stopped_by[rises] = stops[rises]
    stopped_by[admitted & (current >= asks.wish * (1 - 1e-12))] = HAS_ITS_WISH
    return current, stopped_by


def _write(tree: Tree, arrays: Asks, leaf: int, ask: Ask) -> None:
    target = ask.wish if ask.target is None else ask.target
    evse = tree.evses[leaf]
    arrays.weigh[leaf] = weigh(tree.site.draw(evse, ask.vehicle_phases))
    arrays.weigh[leaf] *= ask.excess
    arrays.least[leaf], arrays.weight[leaf], arrays.tier[leaf] = ask.least, ask.weight, ask.tier
    if target < 0:
        arrays.target[leaf] = arrays.wish[leaf] = min(-target, evse.rating)
    else:
        arrays.target[leaf], arrays.wish[leaf] = target, min(ask.wish, evse.rating)


def _bound_by(tree: Tree, limit: int) -> str | None:
    return tree.circuit_of_limit(limit) if limit >= 0 else None


def _parents_first(site: Site) -> list[str]:
    below: dict[str | None, list[str]] = {}
    for circuit in site.circuits:
        below.setdefault(circuit.parent, []).append(circuit.id)
    order: list[str] = []
    open_ends = list(below[None])
    while open_ends:
        at = open_ends.pop()
        order.append(at)
        open_ends.extend(reversed(below.get(at, [])))
    return order
