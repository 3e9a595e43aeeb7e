"""Progressive filling: the exact weighted max-min share under every limit of the tree at once.

Raise everybody's level together, each by its weight, from its floor. Whoever reaches its ceiling stays there; when a
limit is full, all who rise through it stay where they are; the others go on. What results cannot be bettered for
anyone without taking from someone who has less by weight (Bertsekas and Gallager, Data Networks, 6.5.2; for limits
that are sums with weights >= 0 as here, the same argument holds).

A limit's number is ``4 * node + kind``; kind 0 to 2 is amperes of a phase, kind 3 is watts. A heap holds for each limit
the level at which it would be full: a leaf that starts to rise brings that nearer, which moves it in the heap at once;
one that stops moves it away, which is found when it comes up. So a site of n leaves and depth d costs O(n d log n).

Plain loops over arrays, compiled by numba when first called and kept on disk. Import this module where it is needed:
numba takes half a second.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Loops = TypeVar("Loops", bound=Callable[..., Any])

KINDS = 4
AT_CEILING = ADMITTED = -1

_WAITING, _RISING, _STOPPED = 0, 1, 2


def _compiled(loops: Loops) -> Loops:
    return cast("Loops", numba.njit(cache=True)(loops))


@_compiled
def used(parent: Ints, leaf_node: Ints, weigh: Floats, limits: int, current: Floats) -> Floats:
    """What the currents together take of each limit."""
    total = np.zeros(limits)
    for leaf in range(leaf_node.size):
        _add(parent, leaf_node[leaf], weigh[leaf], current[leaf], total)
    return total


@_compiled
def admit(parent: Ints, leaf_node: Ints, weigh: Floats, capacity: Floats, order: Ints, least: Floats) -> Ints:
    """Grants the least current, one after the other in ``order``, to each whose limits all still have room.

    ADMITTED for those, else the number of the limit that had no room.
    """
    left = capacity.copy()
    refused_by = np.full(leaf_node.size, ADMITTED, dtype=np.int64)
    for leaf in order:
        refused_by[leaf] = _without_room(parent, leaf_node[leaf], weigh[leaf], least[leaf], left)
        if refused_by[leaf] == ADMITTED:
            _add(parent, leaf_node[leaf], weigh[leaf], -least[leaf], left)
    return refused_by


@_compiled
def _without_room(parent: Ints, node: int, weigh: Floats, current: float, left: Floats) -> int:
    while node >= 0:
        for kind in range(KINDS):
            need = weigh[kind] * current
            if need > 0.0 and need > left[KINDS * node + kind] + 1e-9 * need:
                return KINDS * node + kind
        node = parent[node]
    return ADMITTED


@_compiled
def _add(parent: Ints, node: int, weigh: Floats, current: float, onto: Floats) -> None:
    while node >= 0:
        for kind in range(KINDS):
            onto[KINDS * node + kind] += weigh[kind] * current
        node = parent[node]


@_compiled
def fill(
    parent: Ints,
    first: Ints,
    last: Ints,
    leaf_node: Ints,
    weigh: Floats,
    capacity: Floats,
    floor: Floats,
    ceiling: Floats,
    weight: Floats,
) -> tuple[Floats, Ints]:
    """The share of each leaf, and the number of the limit that stopped it (AT_CEILING if none).

    ``parent[node]`` lies before its node, -1 at the top; the leaves of ``node`` are ``first[node]`` up to but without
    ``last[node]``. ``weigh[leaf, kind]`` is what one ampere takes of the kind. Where the floors alone overfill a
    limit, its leaves get their floors. ``ceiling`` is finite, ``weight`` above 0.
    """
    leaves, limits = leaf_node.size, capacity.size
    share, stopped_by = floor.copy(), np.full(leaves, AT_CEILING, dtype=np.int64)
    still = used(parent, leaf_node, weigh, limits, floor)
    pull = np.zeros(limits)  # a limit is used by: still + pull * level
    risers = np.zeros(limits, dtype=np.int64)
    key, place, heap = (
        np.full(limits, np.inf),
        np.full(limits, -1, dtype=np.int64),
        np.empty(limits, dtype=np.int64),
    )
    state, starts, ends = _spans(floor, ceiling, weight)
    by_start, by_end = np.argsort(starts), np.argsort(ends)
    size, level, next_start, next_end = 0, 0.0, 0, 0
    while True:
        while next_start < leaves and state[by_start[next_start]] != _WAITING:
            next_start += 1
        while next_end < leaves and state[by_end[next_end]] == _STOPPED:
            next_end += 1
        if next_end >= leaves:
            return share, stopped_by
        start = starts[by_start[next_start]] if next_start < leaves else np.inf
        end = ends[by_end[next_end]]
        full = key[heap[0]] if size > 0 else np.inf
        if full <= start and full <= end:
            limit = heap[0]
            truly = (capacity[limit] - still[limit]) / pull[limit] if risers[limit] > 0 else np.inf
            if truly > full:  # some who rose through it have stopped since
                key[limit] = truly
                _sink(heap, place, key, size, 0)
                continue
            size -= 1
            _drop_top(heap, place, key, size)
            level = max(level, full)
            node, kind = limit // KINDS, limit % KINDS
            for leaf in range(first[node], last[node]):
                if state[leaf] != _STOPPED and weigh[leaf, kind] > 0.0:
                    if state[leaf] == _RISING:
                        share[leaf] = min(ceiling[leaf], max(floor[leaf], weight[leaf] * level))
                        _settle(
                            parent,
                            leaf_node[leaf],
                            weigh[leaf],
                            weight[leaf],
                            share[leaf],
                            still,
                            pull,
                            risers,
                        )
                    state[leaf], stopped_by[leaf] = _STOPPED, limit
        elif start <= end:
            leaf = by_start[next_start]
            level, state[leaf] = max(level, start), _RISING
            size = _set_rising(
                parent, leaf_node[leaf], weigh[leaf], weight[leaf], floor[leaf],
                capacity, still, pull, risers, heap, place, key, size,
            )  # fmt: skip
        else:
            leaf = by_end[next_end]
            level, state[leaf], share[leaf] = max(level, end), _STOPPED, ceiling[leaf]
            _settle(parent, leaf_node[leaf], weigh[leaf], weight[leaf], share[leaf], still, pull, risers)


@_compiled
def _spans(floor: Floats, ceiling: Floats, weight: Floats) -> tuple[Ints, Floats, Floats]:
    state = np.full(floor.size, _STOPPED, dtype=np.int64)
    starts, ends = np.full(floor.size, np.inf), np.full(floor.size, np.inf)
    for leaf in range(floor.size):
        if ceiling[leaf] > floor[leaf]:
            state[leaf] = _WAITING
            starts[leaf], ends[leaf] = floor[leaf] / weight[leaf], ceiling[leaf] / weight[leaf]
    return state, starts, ends


@_compiled
def _set_rising(
    parent: Ints,
    node: int,
    weigh: Floats,
    weight: float,
    floor: float,
    capacity: Floats,
    still: Floats,
    pull: Floats,
    risers: Ints,
    heap: Ints,
    place: Ints,
    key: Floats,
    size: int,
) -> int:
    while node >= 0:
        for kind in range(KINDS):
            limit = KINDS * node + kind
            if weigh[kind] == 0.0 or capacity[limit] == np.inf:
                continue
            still[limit] -= weigh[kind] * floor
            pull[limit] += weigh[kind] * weight
            risers[limit] += 1
            nearer = (capacity[limit] - still[limit]) / pull[limit]
            if place[limit] < 0:
                heap[size], place[limit] = limit, size
                size += 1
            elif nearer >= key[limit]:
                continue
            key[limit] = nearer
            _rise(heap, place, key, place[limit])
        node = parent[node]
    return size


@_compiled
def _settle(
    parent: Ints,
    node: int,
    weigh: Floats,
    weight: float,
    share: float,
    still: Floats,
    pull: Floats,
    risers: Ints,
) -> None:
    while node >= 0:
        for kind in range(KINDS):
            if weigh[kind] > 0.0:
                limit = KINDS * node + kind
                still[limit] += weigh[kind] * share
                pull[limit] -= weigh[kind] * weight
                risers[limit] -= 1
        node = parent[node]


@_compiled
def _drop_top(heap: Ints, place: Ints, key: Floats, size: int) -> None:
    place[heap[0]] = -1
    if size > 0:
        heap[0] = heap[size]
        place[heap[0]] = 0
        _sink(heap, place, key, size, 0)


@_compiled
def _rise(heap: Ints, place: Ints, key: Floats, at: int) -> None:
    moving = heap[at]
    while at > 0:
        above = (at - 1) // 2
        if key[heap[above]] <= key[moving]:
            break
        heap[at] = heap[above]
        place[heap[at]] = at
        at = above
    heap[at] = moving
    place[moving] = at


@_compiled
def _sink(heap: Ints, place: Ints, key: Floats, size: int, at: int) -> None:
    moving = heap[at]
    while 2 * at + 1 < size:
        below = 2 * at + 1
        if below + 1 < size and key[heap[below + 1]] < key[heap[below]]:
            below += 1
        if key[moving] <= key[heap[below]]:
            break
        heap[at] = heap[below]
        place[heap[at]] = at
        at = below
    heap[at] = moving
    place[moving] = at
