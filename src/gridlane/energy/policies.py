"""How an operator may share power, each a policy of its own: from nobody caring to a look-ahead plan.

The sorting rules serve one after the other in an order; equal share raises everybody together; the plan looks ahead.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gridlane.energy.program import Floats, Ints
from gridlane.energy.replay import Bools, View


class Uncontrolled:
    """Everybody takes what he can, whatever the circuits say."""

    def power(self, view: View) -> Floats:
        return view.network.most[view.evse]


@dataclass(slots=True)
class InOrder:
    """One after the other takes all that still fits, in the order that ``rank`` gives (lowest first)."""

    rank: Callable[[View], Floats]

    def power(self, view: View) -> Floats:
        return served_in_order(view, np.argsort(self.rank(view), kind="stable"), wanted(view))


class EqualShare:
    """Everybody rises together until a limit is full; those behind it stay, the others go on."""

    def power(self, view: View) -> Floats:
        network, goal = view.network, wanted(view)
        power, rising = np.zeros(goal.size), goal > 0
        while rising.any():
            level = _highest_level(view, power, goal, rising)
            power[rising] = np.minimum(goal[rising], level)
            full = network.load(view.evse, power) >= network.capacity * (1 - 1e-6)
            touched = np.any(np.abs(network.weight[full]) > 0, axis=0)
            behind = np.asarray(touched)[network.kind[view.evse]]
            stays = rising & (behind | (power >= goal - 1e-9))
            if not stays.any():
                break
            rising &= ~stays
        return power


def wanted(view: View) -> Floats:
    """What each could use in this step, kW."""
    return np.minimum(view.most, view.remaining / view.hours)


def served_in_order(view: View, order: Ints, goal: Floats) -> Floats:
    """Gives ``goal`` to one after the other, as far as every limit has room."""
    network = view.network
    by_kind, power = np.zeros(network.weight.shape[1]), np.zeros(goal.size)
    for index in order:
        kind = int(network.kind[view.evse[index]])
        power[index] = min(goal[index], network.room(by_kind, kind))
        by_kind[kind] += power[index]
    return power


def first_come(view: View) -> Floats:
    return view.begin.astype(np.float64)


def earliest_departure(view: View) -> Floats:
    return view.believed_end.astype(np.float64)


def least_laxity(view: View) -> Floats:
    """The time that is left beyond what charging at full power needs, in steps."""
    left = view.believed_end - view.step
    return left - view.remaining / np.maximum(view.most, 1e-9) / view.hours


def _highest_level(view: View, power: Floats, goal: Floats, rising: Bools) -> float:
    network, low, high = view.network, float(np.min(power[rising])), float(np.max(goal[rising]))
    trial = power.copy()
    for _ in range(40):
        middle = (low + high) / 2
        trial[rising] = np.maximum(power[rising], np.minimum(goal[rising], middle))
        if (network.load(view.evse, trial) <= network.capacity).all():
            low = middle
        else:
            high = middle
    return low
