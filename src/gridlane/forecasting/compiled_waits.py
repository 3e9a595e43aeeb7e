"""The waits of ``waits`` for many sites at once, as compiled loops over arrays: what a recommendation is made of.

It is the same sum on a coarser grid; a test holds the two together. Only who recommends imports this file (numba).
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

F = TypeVar("F", bound=Callable[..., Any])

GRID: Floats = np.array(
    [0.0, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 13.0, 17.0, 22.0, 30.0, 40.0, 55.0, 75.0, 100.0, 140.0, 200.0, 300.0]
)
FREE, BUSY, OUT = 0, 1, 2
"""States of a plug."""
FREE_CHANCE, LOW, MIDDLE, HIGH, MEAN, CROWDED, POWER, PLUGS = range(8)
"""Columns of what ``site_waits`` gives. ``CROWDED``: the chance that who comes while I charge finds the site full."""
NOBODY = 40.0
"""Minutes: how fast a stay ends that has lasted longer than anybody's."""


class Sites(NamedTuple):
    """Sites and their plugs as arrays.

    ``offset`` (sites + 1): where each site's plugs begin. Per plug: ``state``, ``since`` (minutes), ``kinds`` (bits of
    connector types, 0 unknown), ``power`` (W). Per site: ``habit`` (its row of ``survival``), ``arrivals`` (people a
    minute). Per habit and minute: ``survival``, the chance that a stay is longer, and ``integral``, its running sum.
    """

    offset: Ints
    state: NDArray[np.int8]
    since: Floats
    kinds: Ints
    power: Floats
    habit: Ints
    arrivals: Floats
    survival: NDArray[np.float32]
    integral: NDArray[np.float32]


def compiled(function: F) -> F:
    """The function as machine code, kept beside its file so that only the first run on a machine pays for compiling."""
    return cast("F", numba.njit(cache=True, nogil=True)(function))


@compiled
def site_waits(
    sites: Sites,
    chosen: Ints,
    arriving: Floats,
    before: Ints,
    after: Ints,
    strangers: float,
    now: float,
    need: int,
    min_power: float,
    grid: Floats,
) -> Floats:
    """Sites x 8 columns, for a driver who would reach each of ``chosen`` in ``arriving`` minutes.

    ``before`` and ``after``: people with a claim who arrive earlier and later. ``strangers``: the share of arrivals that is
    not known beforehand. ``need``: bits of connector types, 0 for any.
    """
    found = np.zeros((chosen.size, 8))
    for number in range(chosen.size):
        site = chosen[number]
        free, elapsed, best = _plugs_now(sites, site, now, need, min_power)
        plugs = free + elapsed.size
        found[number, POWER] = best
        found[number, PLUGS] = plugs
        if plugs == 0:
            continue
        chances = np.zeros(grid.size)
        lacking = before[number] + 1 - free
        rate = strangers * sites.arrivals[site]
        for step in range(grid.size):
            ahead = arriving[number] + grid[step]
            others = rate * _still_there(sites, site, ahead, grid[step])
            chance = _enough(_freed(sites, site, elapsed, ahead), lacking, others, plugs)
            chances[step] = max(min(chance, 1.0), chances[step - 1] if step > 0 else 0.0)
        found[number, FREE_CHANCE] = chances[0]
        found[number, LOW] = _quantile(chances, grid, 0.1)
        found[number, MIDDLE] = _quantile(chances, grid, 0.5)
        found[number, HIGH] = _quantile(chances, grid, 0.9)
        found[number, MEAN] = np.sum(np.diff(grid) * (1.0 - 0.5 * (chances[1:] + chances[:-1])))
        load = sites.arrivals[site] * sites.integral[sites.habit[site], -1]
        found[number, CROWDED] = _crowded(free - before[number] - after[number], load)
    return found


@compiled
def _plugs_now(sites: Sites, site: int, now: float, need: int, min_power: float) -> tuple[int, Floats, float]:
    """Free plugs that fit, the minutes of each stay at such plugs, and the most power among them."""
    first, last = sites.offset[site], sites.offset[site + 1]
    elapsed = np.empty(last - first)
    free, busy, best = 0, 0, 0.0
    for plug in range(first, last):
        fits = need == 0 or sites.kinds[plug] == 0 or (sites.kinds[plug] & need) != 0
        if sites.state[plug] == OUT or not fits or sites.power[plug] < min_power:
            continue
        best = max(best, sites.power[plug])
        if sites.state[plug] == FREE:
            free += 1
        else:
            elapsed[busy] = max(now - sites.since[plug], 0.0)
            busy += 1
    return free, elapsed[:busy], best


@compiled
def _freed(sites: Sites, site: int, elapsed: Floats, ahead: float) -> Floats:
    """The chance that 0, 1, 2, ... of the stays have ended by then."""
    survival = sites.survival[sites.habit[site]]
    longest = survival.size - 1
    chance = np.zeros(elapsed.size + 1)
    chance[0] = 1.0
    for one in range(elapsed.size):
        alive = survival[min(int(elapsed[one]), longest)]
        stays = np.exp(-ahead / NOBODY)
        if alive > 1e-9:
            stays = survival[min(int(elapsed[one] + ahead), longest)] / alive
        for count in range(one + 1, 0, -1):
            chance[count] = chance[count] * stays + chance[count - 1] * (1.0 - stays)
        chance[0] *= stays
    return chance


@compiled
def _still_there(sites: Sites, site: int, ahead: float, waited: float) -> float:
    """Minutes of presence that one stranger a minute, who comes before the driver, has left at that instant."""
    integral = sites.integral[sites.habit[site]]
    longest = integral.size - 1
    return max(float(integral[min(int(ahead), longest)] - integral[min(int(waited), longest)]), 0.0)


@compiled
def _enough(freed: Floats, lacking: int, others: float, plugs: int) -> float:
    """The chance that the freed plugs are as many as are lacking and as strangers (a Poisson number) take."""
    term, total = np.exp(-others), 0.0
    for other in range(plugs + 1):
        least = max(lacking + other, 0)
        if least >= freed.size:
            break
        total += term * np.sum(freed[least:])
        term *= others / (other + 1)
    return total


@compiled
def _quantile(chances: Floats, grid: Floats, share: float) -> float:
    for step in range(grid.size):
        if chances[step] >= share:
            if step == 0:
                return 0.0
            part = (chances[step] - share) / max(chances[step] - chances[step - 1], 1e-12)
            return float(grid[step] - part * (grid[step] - grid[step - 1]))
    return float(grid[-1])


@compiled
def _crowded(room: int, load: float) -> float:
    """The chance that those who come during one stay are as many as the plugs that are left."""
    if room <= 0:
        return 1.0
    term, total = np.exp(-load), 0.0
    for count in range(room):
        total += term
        term *= load / (count + 1)
    return max(1.0 - total, 0.0)
