"""The least money that serves a share of the arrivals within the waiting target: where and how large, decided together.

The plan comes from the roll-out's greedy at ever smaller budgets. The proof turns the roll-out's bound around: if money has
the price m and no plan of budget B serves more than L, a plan that serves S costs at least B - (L - S) / m.
"""

from dataclasses import dataclass, replace

import numpy as np

from gridlane.planning.phasing import floor_shares
from gridlane.planning.placement import Progress, Watch
from gridlane.planning.reach import Floats
from gridlane.planning.rollout import Paths, Rollout
from gridlane.planning.rollout_bound import Bound, Prices
from gridlane.planning.rollout_search import Draft, begin, filling_order, grow, served_value, top_up
from gridlane.planning.scenario import AimImpossible

HALVINGS = 14
ROUNDS = 4
STEPS = 60


@dataclass(frozen=True)
class Cheapest:
    """Layouts, what they cost with a period's upkeep, a cost no plan can undercut, and who is served."""

    paths: Paths
    cost: float
    least: float
    served: float
    draft: Draft

    @property
    def gap(self) -> float:
        return (self.cost - self.least) / max(self.cost, 1e-12)


def cheapest(rollout: Rollout, share: float, *, watch: Watch = lambda _: True) -> Cheapest:
    """Serve at least ``share`` of all arrivals of the only period. Raises AimImpossible when no money can.

    A watcher's False ends the search for better plans and bounds.
    """
    target = share * float(rollout.network.demand.sum())
    dearest = float(rollout.network.ground.sum() + rollout.sites * rollout.network.price.max())
    order = filling_order(rollout.network, np.zeros_like(rollout.network.demand))
    best = squeezed(rollout, order, target, dearest)
    if best is None:
        most = served_value(rollout.network, drafted(rollout, order, dearest)) / rollout.network.demand.sum()
        raise AimImpossible(
            reason=f"{100 * share:g} % are asked for and all sites together serve {100 * most:.1f} %"
        )
    bound = Bound(with_budget(rollout, float(best.spent[0])))
    bound.suggest(money_only(rollout, best))
    least = 0.0
    for _ in range(ROUNDS):
        if not watch(Progress("saving", float(best.spent[0]), least if least > 0.0 else -np.inf)):
            break
        bound.descend(target, STEPS)
        prices = bound.split(bound.prices * bound.scale)
        if prices.money[0] > 0.0:
            slack = (bound.value - target) / float(prices.money[0])
            least = max(least, float(bound.rollout.network.budget[0]) - slack)
        better = squeezed(rollout, filling_order(rollout.network, prices.want), target, float(best.spent[0]))
        best = better if better is not None and better.spent[0] < best.spent[0] else best
    cost = float(best.spent[0])
    return Cheapest(best.paths, cost, min(least, cost), served_value(rollout.network, best), best)


def with_budget(rollout: Rollout, budget: float) -> Rollout:
    return replace(rollout, network=rollout.network._replace(budget=np.array([budget])))


def drafted(rollout: Rollout, order: np.ndarray, budget: float) -> Draft:
    asked = with_budget(rollout, budget)
    draft = begin(asked.network, order)
    grow(asked.network, draft, np.ones(rollout.sites))
    top_up(asked.network, draft)
    return draft


def squeezed(rollout: Rollout, order: np.ndarray, target: float, most: float) -> Draft | None:
    """The draft of the smallest budget up to ``most`` that still serves the target and keeps the floors."""
    best, low, high = None, 0.0, most
    for _ in range(HALVINGS):
        draft = drafted(rollout, order, high if best is None else (low + high) / 2.0)
        if served_value(rollout.network, draft) >= target and keeps_floors(rollout, draft):
            best, high = draft, float(draft.spent[0])
        elif best is None:
            return None
        else:
            low = (low + high) / 2.0
    return best


def keeps_floors(rollout: Rollout, draft: Draft) -> bool:
    return bool(np.all(floor_shares(rollout, draft) >= rollout.floors - 1e-9))


def money_only(rollout: Rollout, draft: Draft) -> Prices:
    network = rollout.network
    none: Floats = np.zeros((1, len(network.feeder_kw)))
    return Prices(np.zeros_like(network.demand), draft.last_ratio.copy(), none, np.zeros(len(rollout.floors)))
