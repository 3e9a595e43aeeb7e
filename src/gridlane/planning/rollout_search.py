"""A good rollout: take the step that serves most per money, again and again; then tear pieces out and fill them anew.

A step gives one site a larger layout from some period on. Wants are filled in the order the bound's prices suggest: those
that few sites compete for first. Nothing is ever over budget, over a feeder or over a want.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gridlane.planning.compiled import compiled
from gridlane.planning.reach import Floats, Indices, Offsets
from gridlane.planning.rollout import NOTHING, Network, Paths
from gridlane.planning.rollout_bound import cost_of_change, may_become


class Draft(NamedTuple):
    """A rollout being made; everything changes in place."""

    paths: Paths
    left: Floats  # T x wants: demand not served yet
    served: Floats  # T x entries of the network: who serves whom
    used: Floats  # T x (sites x kinds): arrivals each site takes
    spent: Floats  # T, cumulative
    power: Floats  # T x feeders, kW
    ratio: Floats  # per site: value per money of its best step, -1 when it has to be worked out
    step: NDArray[np.int64]  # sites x 2: that step's first period and layout
    order: Offsets  # entries of the network, each block in the order wants are filled
    last_ratio: Floats  # T: value per money of the last step taken in each period


class Neighbours(NamedTuple):
    """Which sites list a want: for knowing whose best step changes."""

    offsets: Offsets
    sites: Indices


def begin(network: Network, order: Offsets) -> Draft:
    """Nothing built beside what exists, which serves what it can."""
    periods, sites, kinds = len(network.worth), len(network.ground), network.capacity.shape[1]
    standing = network.options[network.option_start[:-1]].astype(np.int16)
    draft = Draft(
        paths=np.repeat(standing[:, None], periods, axis=1),
        left=network.demand.copy(),
        served=np.zeros((periods, len(network.wants))),
        used=np.zeros((periods, sites * kinds)),
        spent=np.zeros(periods),
        power=np.zeros((periods, max(len(network.feeder_kw), 1))),
        ratio=np.full(sites, -1.0),
        step=np.zeros((sites, 2), dtype=np.int64),
        order=order,
        last_ratio=np.zeros(periods),
    )
    open_doors(network, draft)
    return draft


def neighbours(network: Network) -> Neighbours:
    kinds = network.capacity.shape[1]
    site = np.repeat(np.arange(len(network.offsets) - 1) // kinds, np.diff(network.offsets)).astype(np.int32)
    by_want = np.argsort(network.wants, kind="stable")
    offsets = np.zeros(network.demand.shape[1] + 1, dtype=np.int64)
    np.cumsum(np.bincount(network.wants, minlength=network.demand.shape[1]), out=offsets[1:])
    return Neighbours(offsets, site[by_want])


def filling_order(network: Network, want_prices: Floats) -> Offsets:
    """Entries block by block, the largest margin over the mean price of the want first."""
    margin = network.gains * network.worth.mean() - want_prices.mean(axis=0)[network.wants]
    block = np.repeat(np.arange(len(network.offsets) - 1), np.diff(network.offsets))
    return np.lexsort((-margin, block)).astype(np.int64)


@compiled
def open_doors(n: Network, draft: Draft) -> None:
    """Count and fill what stands already."""
    for t in range(len(n.worth)):
        for j in range(len(n.ground)):
            layout = draft.paths[j, t]
            draft.spent[t] += n.upkeep[layout] * (t + 1)
            if n.feeder[j] >= 0:
                draft.power[t, n.feeder[j]] += n.power[layout]
            fill(n, draft, j, t)


@compiled
def fill(n: Network, draft: Draft, j: int, t: int) -> None:
    """Let a site serve what its free capacity allows."""
    kinds = n.capacity.shape[1]
    for k in range(kinds):
        block = j * kinds + k
        room = n.capacity[draft.paths[j, t], k] - draft.used[t, block]
        for q in range(n.offsets[block], n.offsets[block + 1]):
            if room <= 1e-12:
                break
            e = draft.order[q]
            amount = min(room, draft.left[t, n.wants[e]])
            if amount > 0.0:
                draft.served[t, e] += amount
                draft.left[t, n.wants[e]] -= amount
                draft.used[t, block] += amount
                room -= amount


@compiled
def empty(n: Network, draft: Draft, j: int, t: int) -> None:
    """Take back everything a site serves."""
    kinds = n.capacity.shape[1]
    for block in range(j * kinds, (j + 1) * kinds):
        for e in range(n.offsets[block], n.offsets[block + 1]):
            if draft.served[t, e] > 0.0:
                draft.left[t, n.wants[e]] += draft.served[t, e]
                draft.served[t, e] = 0.0
        draft.used[t, block] = 0.0


@compiled
def path_cost(n: Network, j: int, path: Paths, spend: Floats) -> None:
    """Cumulative spending of one site's path."""
    before, total = n.options[n.option_start[j]], 0.0
    for t in range(len(spend)):
        total += cost_of_change(n, j, before, path[t]) + n.upkeep[path[t]]
        spend[t] = total
        before = path[t]


@compiled
def extra_value(n: Network, draft: Draft, j: int, t: int, layout: int) -> float:
    """What a larger layout would serve in a period beside what is served now."""
    kinds, value = n.capacity.shape[1], 0.0
    for k in range(kinds):
        block = j * kinds + k
        room = n.capacity[layout, k] - draft.used[t, block]
        for q in range(n.offsets[block], n.offsets[block + 1]):
            if room <= 1e-12:
                break
            e = draft.order[q]
            amount = min(room, draft.left[t, n.wants[e]])
            if amount > 0.0:
                value += n.gains[e] * amount
                room -= amount
    return float(value * n.worth[t])


@compiled
def find_step(n: Network, draft: Draft, j: int, affordable: bool) -> float:
    """The site's best step into ``step``, and its value per money; only affordable ones if asked so."""
    periods = len(n.worth)
    standing = n.options[n.option_start[j]]
    best, draft.step[j, 1] = 0.0, -1
    left = n.budget[periods - 1] * (1 + 1e-12) - draft.spent[periods - 1]
    now, then = np.empty(periods), np.empty(periods)
    path_cost(n, j, draft.paths[j], now)
    trial = draft.paths[j].copy()
    for o in range(n.option_start[j], n.option_start[j + 1]):
        layout = n.options[o]
        if layout == NOTHING or (affordable and least_cost(n, draft, j, layout) > left):
            continue
        value = 0.0
        trial[:] = draft.paths[j]
        for t in range(periods - 1, -1, -1):
            before = draft.paths[j, t]
            closed = before == NOTHING and standing != NOTHING
            if before == layout or closed or not may_become(n, before, layout):
                break
            value += extra_value(n, draft, j, t, layout)
            trial[t] = layout
            path_cost(n, j, trial, then)
            ratio = value / max(then[periods - 1] - now[periods - 1], 1e-9)
            if ratio > best and (not affordable or fits(n, draft, j, t, layout, now, then)):
                best, draft.step[j, 0], draft.step[j, 1] = ratio, t, layout
    return best


@compiled
def least_cost(n: Network, draft: Draft, j: int, layout: int) -> float:
    """Of a step that begins in the last period."""
    before = draft.paths[j, len(n.worth) - 1]
    return cost_of_change(n, j, before, layout) + float(n.upkeep[layout] - n.upkeep[before])


@compiled
def fits(n: Network, draft: Draft, j: int, begin: int, layout: int, now: Floats, then: Floats) -> bool:
    """Whether money and power allow a larger layout from a period on."""
    feeder = n.feeder[j]
    for t in range(begin, len(n.worth)):
        if draft.spent[t] + then[t] - now[t] > n.budget[t] * (1 + 1e-12):
            return False
        if feeder >= 0:
            power = draft.power[t, feeder] + n.power[layout] - n.power[draft.paths[j, t]]
            if power > n.feeder_kw[feeder] * (1 + 1e-12):
                return False
    return True


@compiled
def set_path(n: Network, draft: Draft, j: int, path: Paths) -> None:
    """Give a site another path, keeping all accounts; it serves what it then can."""
    periods = len(n.worth)
    now, then = np.empty(periods), np.empty(periods)
    path_cost(n, j, draft.paths[j], now)
    path_cost(n, j, path, then)
    for t in range(periods):
        draft.spent[t] += then[t] - now[t]
        if n.feeder[j] >= 0:
            draft.power[t, n.feeder[j]] += n.power[path[t]] - n.power[draft.paths[j, t]]
        if path[t] != draft.paths[j, t]:
            empty(n, draft, j, t)
            draft.paths[j, t] = path[t]
            fill(n, draft, j, t)


@compiled
def forget_steps(n: Network, draft: Draft, near: Neighbours, j: int) -> None:
    """Every site that shares a want with ``j`` has to look for its best step again."""
    kinds = n.capacity.shape[1]
    for e in range(n.offsets[j * kinds], n.offsets[(j + 1) * kinds]):
        want = n.wants[e]
        for q in range(near.offsets[want], near.offsets[want + 1]):
            draft.ratio[near.sites[q]] = -1.0


@compiled
def grow(n: Network, draft: Draft, favour: Floats) -> int:
    """Take the best step until none is affordable or serves anything; gives how many were taken.

    Lazy like greedy placement: a ratio worked out before is only ever too high, so the first one that is fresh and still
    the highest wins. ``favour`` multiplies every site's ratio: 1 is fair, 0 leaves a site out, noise explores.
    """
    sites = len(n.ground)
    for j in range(sites):
        if draft.ratio[j] < 0.0:
            draft.ratio[j] = find_step(n, draft, j, False)
    key = favour * draft.ratio
    fresh, steps = np.full(sites, -1), 0
    while True:
        j = int(np.argmax(key))
        if key[j] <= 1e-12:
            return steps
        if fresh[j] != steps:
            key[j], fresh[j] = favour[j] * find_step(n, draft, j, True), steps
            continue
        path = draft.paths[j].copy()
        path[draft.step[j, 0] :] = draft.step[j, 1]
        set_path(n, draft, j, path)
        draft.last_ratio[draft.step[j, 0]] = key[j] / favour[j]
        steps += 1
        draft.ratio[j] = find_step(n, draft, j, False)
        key[j] = favour[j] * draft.ratio[j]


@compiled
def tear_out(n: Network, draft: Draft, near: Neighbours, first: int, count: int, order: Offsets) -> int:
    """Put a changed site and others around it back to what stands there today; gives how many were."""
    kinds, torn = n.capacity.shape[1], 0
    path = draft.paths[first].copy()
    reset(n, draft, near, first, path)
    torn += 1
    for at in order:
        e = n.offsets[first * kinds] + at % (n.offsets[(first + 1) * kinds] - n.offsets[first * kinds])
        want = n.wants[e]
        for q in range(near.offsets[want], near.offsets[want + 1]):
            j = near.sites[q]
            if torn < count and changed(n, draft, j):
                reset(n, draft, near, j, path)
                torn += 1
    return torn


@compiled
def changed(n: Network, draft: Draft, j: int) -> bool:
    standing = n.options[n.option_start[j]]
    return bool(np.any(draft.paths[j] != standing))


@compiled
def reset(n: Network, draft: Draft, near: Neighbours, j: int, path: Paths) -> None:
    path[:] = n.options[n.option_start[j]]
    set_path(n, draft, j, path)
    forget_steps(n, draft, near, j)


@compiled
def served_value(n: Network, draft: Draft) -> float:
    total = 0.0
    for t in range(len(n.worth)):
        part = 0.0
        for e in range(len(n.wants)):
            part += n.gains[e] * draft.served[t, e]
        total += n.worth[t] * part
    return total


@compiled
def top_up(n: Network, draft: Draft) -> None:
    """Let every site with free capacity serve what is left around it."""
    for t in range(len(n.worth)):
        for j in range(len(n.ground)):
            if draft.paths[j, t] != NOTHING:
                fill(n, draft, j, t)
