"""The full question: which sites, how large, in which period, for which money, through which feeders.

Demand of several kinds (AC, DC) is served by sites whose capacity follows from the chargers they hold and the waiting
target; layouts cost money, power and upkeep; budgets are given per period and carry over; what exists may be kept,
upgraded or closed; classes of demand may be promised a floor. The value is what is served, weighted by distance and period.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gridlane.planning.reach import Floats, Indices, Offsets

NOTHING = 0
"""The layout of a site that is not built."""


class Network(NamedTuple):
    """A rollout as compiled loops take it. ``K`` kinds, ``T`` periods, ``L`` layouts; a want is a (kind, point) pair."""

    # who can be served where: block j * K + k lists the wants of kind k that site j reaches
    offsets: Offsets
    wants: Indices
    gains: Floats  # served share of a want at its distance, 0 to 1
    demand: Floats  # T x wants, arrivals per hour
    group: Indices  # per want: its class of the equity floors, -1 for none
    # what a site can be
    option_start: Offsets  # options of site j, the first one is what stands there now
    options: Indices
    capacity: Floats  # L x K, arrivals per hour within the waiting target
    power: Floats  # L, kW
    price: Floats  # L, chargers and grid connection
    upkeep: Floats  # L, per period
    counts: Indices  # L x K, chargers
    ground: Floats  # per site: what the first build costs beside the layout
    feeder: Indices  # per site, -1 for none
    upgrade_fee: float
    closing_cost: float
    # what may be spent
    worth: Floats  # T: what serving one arrival counts in each period
    budget: Floats  # T, cumulative
    feeder_kw: Floats


@dataclass(frozen=True)
class Rollout:
    """A rollout question. ``floors`` promise classes a share of their demand served in the last period."""

    network: Network
    points: int
    kinds: tuple[str, ...]
    floors: Floats = field(default_factory=lambda: np.zeros(0))

    @property
    def sites(self) -> int:
        return len(self.network.ground)

    @property
    def periods(self) -> int:
        return len(self.network.worth)

    @cached_property
    def group_demand(self) -> Floats:
        """Arrivals per class in the last period."""
        n = self.network
        known = n.group >= 0
        return np.asarray(
            np.bincount(n.group[known], weights=n.demand[-1][known], minlength=len(self.floors)),
            dtype=np.float64,
        )


Paths = NDArray[np.int16]
"""Sites x periods: the layout each site has."""
