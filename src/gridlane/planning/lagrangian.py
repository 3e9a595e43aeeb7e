"""A valid lower bound for placement by Lagrangian relaxation of "every row is served once".

For prices ``l`` (one per row, never above its fallback) every plan costs at least::

    L(l) = sum(l) - the most worth the budget can buy,   worth[j] = sum over rows of max(0, l[i] - cost[i, j])

so a price vector is a certificate by itself, whoever found it. Prices climb by the volume method: steps along an
averaged subgradient from the best point so far (Barahona and Anbil, Mathematical Programming 87, 2000). The same average
of the chosen sites is a near-solution of the linear programme and says which sites are worth branching on.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gridlane.planning.compiled import compiled
from gridlane.planning.reach import Floats, Rows

FREE, OPEN, SHUT = 0, 1, -1
States = NDArray[np.int8]

NARROWEST_AVERAGE, WIDEST_AVERAGE = 0.005, 0.1
"""Share of the newest subgradient in the averaged one; it narrows as progress slows down."""

PACE, WIDEST = 0, 1


class Limits(NamedTuple):
    """What a site takes from the budget, the budget, and which sites are free, open or shut."""

    expense: Floats
    budget: float
    state: States


class Ascent(NamedTuple):
    """A climb under way; all of it changes in place, so that the next call goes on where the last one ended."""

    prices: Floats  # the best so far, per row
    direction: Floats  # averaged subgradient, per row
    average: Floats  # averaged choice, per site
    rhythm: Floats  # the pace (step as a share of the way to the target) and the widest averaging


def ascent_from(prices: Floats, average: Floats, pace: float) -> Ascent:
    return Ascent(prices, np.zeros(len(prices)), average, np.array([pace, WIDEST_AVERAGE]))


@compiled
def climb(rows: Rows, limits: Limits, ascent: Ascent, target: float, steps: int) -> float:
    """Raise the bound by at most ``steps`` steps, until it reaches ``target``; gives the best bound met."""
    n, m = len(ascent.prices), len(limits.expense)
    worth, chosen, newest = np.empty(m), np.empty(m), np.empty(n)
    trial = ascent.prices.copy()
    best, before = -np.inf, -np.inf
    failures, successes = 0, 0
    begun = bool(np.any(ascent.direction))
    for step in range(steps):
        total = value_sites(rows, trial, worth)
        bought, _, _ = choose(worth, limits, chosen)
        unserved(rows, trial, chosen, newest)
        share, along = blend(ascent.direction, newest, ascent.rhythm[WIDEST]) if begun else (1.0, 1.0)
        begun = True
        average_in(ascent.direction, newest, share)
        average_in(ascent.average, chosen, share)
        if total - bought > best:
            best, failures = total - bought, 0
            ascent.prices[:] = trial
            successes = successes + 1 if along > 0.0 else 0
        else:
            failures, successes = failures + 1, 0
        if successes == 3:
            ascent.rhythm[PACE], successes = min(ascent.rhythm[PACE] * 1.5, 2.0), 0
        if failures == 10:
            ascent.rhythm[PACE], failures = ascent.rhythm[PACE] * 0.67, 0
        if step % 50 == 49:
            if best - before < 0.01 * (target - best):
                ascent.rhythm[WIDEST] = max(ascent.rhythm[WIDEST] * 0.5, NARROWEST_AVERAGE)
            before = best
        if best >= target or not step_on(rows, ascent, target - best, trial):
            break
    return best


@compiled
def step_on(rows: Rows, ascent: Ascent, missing: float, trial: Floats) -> bool:
    """The next trial prices, within each row's cheapest cost and its fallback; False where no direction is left."""
    length = 0.0
    for i in range(len(trial)):
        turn = ascent.direction[i]
        if turn <= 0.0 or ascent.prices[i] < rows.fallback[i]:
            length += turn * turn
    if length < 1e-12:
        return False
    stride = ascent.rhythm[PACE] * missing / length
    for i in range(len(trial)):
        most = rows.fallback[i]
        least = rows.cost[rows.start[i]] if rows.start[i] < rows.start[i + 1] else most
        trial[i] = min(most, max(least, ascent.prices[i] + stride * ascent.direction[i]))
    return True


@compiled
def average_in(average: Floats, newest: Floats, share: float) -> None:
    for k in range(len(average)):
        average[k] += share * (newest[k] - average[k])


@compiled
def value_sites(rows: Rows, prices: Floats, worth: Floats) -> float:
    """Fill ``worth`` for these prices; gives the sum of the prices."""
    worth[:] = 0.0
    total = 0.0
    for i in range(len(prices)):
        price = prices[i]
        total += price
        for e in range(rows.start[i], rows.start[i + 1]):
            if rows.cost[e] >= price:
                break
            worth[rows.site[e]] += price - rows.cost[e]
    return total


@compiled
def choose(worth: Floats, limits: Limits, chosen: Floats) -> tuple[float, float, float]:
    """Spend the budget on the worthiest free sites, the last one in part, after those that are open anyway.

    Gives the worth bought, and the worth per expense of the last site that got in and of the first that did not.
    """
    ratio = np.full(len(worth), -1.0)
    bought, left = 0.0, limits.budget
    for j in range(len(worth)):
        chosen[j] = 0.0
        if limits.state[j] == OPEN:
            chosen[j] = 1.0
            bought += worth[j]
            left -= limits.expense[j]
        elif limits.state[j] == FREE:
            ratio[j] = worth[j] / limits.expense[j]
    last, first_out = 0.0, 0.0
    for j in np.argsort(-ratio):
        if ratio[j] <= 0.0:
            return bought, 0.0, 0.0
        if left <= 1e-9 * limits.budget:
            return bought, last, ratio[j]
        part = min(1.0, left / limits.expense[j])
        chosen[j] = part
        bought += part * worth[j]
        left -= part * limits.expense[j]
        last = ratio[j]
        if part < 1.0:
            return bought, last, last
    return bought, 0.0, first_out


@compiled
def unserved(rows: Rows, prices: Floats, chosen: Floats, newest: Floats) -> None:
    """The subgradient at ``prices``: 1 for a row no chosen site wants to serve, negative for one that many want."""
    for i in range(len(prices)):
        price = prices[i]
        missing = 1.0
        for e in range(rows.start[i], rows.start[i + 1]):
            if rows.cost[e] >= price:
                break
            missing -= chosen[rows.site[e]]
        newest[i] = missing


@compiled
def blend(direction: Floats, newest: Floats, widest: float) -> tuple[float, float]:
    """The share of the newest subgradient that makes the blend shortest, within limits; and how far the two agree."""
    along, new_length, old_length = 0.0, 0.0, 0.0
    for i in range(len(direction)):
        along += newest[i] * direction[i]
        new_length += newest[i] * newest[i]
        old_length += direction[i] * direction[i]
    between = new_length - 2.0 * along + old_length
    share = (old_length - along) / between if between > 0.0 else widest
    return min(widest, max(widest / 10.0, share)), along


@compiled
def settle(rows: Rows, limits: Limits, prices: Floats, cutoff: float) -> int:
    """Fix every free site whose other choice would lift the bound to ``cutoff`` or above (reduced-cost fixing).

    Changes the states; gives the number of sites fixed. A plan cheaper than ``cutoff`` is never lost.
    """
    m = len(limits.expense)
    worth, chosen = np.empty(m), np.empty(m)
    total = value_sites(rows, prices, worth)
    bought, last, first_out = choose(worth, limits, chosen)
    bound = total - bought
    fixed = 0
    for j in range(m):
        if limits.state[j] != FREE:
            continue
        if chosen[j] >= 1.0:
            if bound + worth[j] - first_out * limits.expense[j] >= cutoff:
                limits.state[j] = OPEN
                fixed += 1
        elif chosen[j] <= 0.0 and bound + last * limits.expense[j] - worth[j] >= cutoff:
            limits.state[j] = SHUT
            fixed += 1
    return fixed
