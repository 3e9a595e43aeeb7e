"""What a station can be: chargers of several kinds, the grid connection they need, what both cost, and whom they can serve."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gridlane.kernel.errors import Kind, Refusal
from gridlane.planning.reach import Floats, Indices
from gridlane.planning.scenario import Decay
from gridlane.planning.sizing import Stays, WaitTarget, capacity


class GridTooSmall(Refusal):
    code = "planning_grid_too_small"
    kind = Kind.INVALID
    sentence = "No grid connection carries {needed:.0f} kW: the largest step ends at {most:.0f} kW."


@dataclass(frozen=True)
class Charger:
    """One kind of charge point. ``price`` and ``upkeep`` in the plan's currency, upkeep per period."""

    kind: str  # AC or DC
    kw: float
    price: float
    upkeep: float
    stays: Stays
    radius_m: float = 500.0  # how far drivers come from
    decay: Decay = Decay.STEP
    peak_arrivals: float = 0.001  # per unit of demand weight in the busiest hour


@dataclass(frozen=True)
class GridStep:
    """A connection up to so much power costs so much; the cheapest step that is large enough is taken."""

    up_to_kw: float
    price: float


@dataclass(frozen=True)
class Layout:
    """How many chargers of each kind stand at a place."""

    counts: Mapping[str, int]

    @property
    def name(self) -> str:
        words = [f"{count} x {kind}" for kind, count in self.counts.items() if count]
        return " + ".join(words) or "nothing"


@dataclass(frozen=True)
class Catalogue:
    """All layouts in columns, index 0 being nothing. Prices include the grid connection."""

    kinds: tuple[str, ...]
    names: tuple[str, ...]
    counts: Indices  # layouts x kinds
    power: Floats  # kW drawn at most, after load management
    price: Floats
    upkeep: Floats
    capacity: Floats  # layouts x kinds, arrivals per hour within the target


def catalogue(
    chargers: Sequence[Charger],
    grid: Sequence[GridStep],
    layouts: Sequence[Layout],
    target: WaitTarget,
    shared_power: float = 1.0,
    standing: Sequence[Layout] = (),
) -> Catalogue:
    """Work out price, power and capacity of each layout. ``shared_power`` below 1 counts on load management.

    ``standing`` are layouts that exist: they follow the others and have their connection, whatever it took.
    Raises GridTooSmall when a layout to be built needs more power than any grid step gives.
    """
    kinds = tuple(charger.kind for charger in chargers)
    rows = [Layout({}), *layouts, *standing]
    counts = np.array([[row.counts.get(kind, 0) for kind in kinds] for row in rows], dtype=np.int32)
    power = counts @ np.array([charger.kw for charger in chargers]) * shared_power
    most = max((step.up_to_kw for step in grid), default=np.inf)
    needed = [*power[: len(layouts) + 1], *np.minimum(power[len(layouts) + 1 :], most)]
    connection = np.array([grid_price(grid, float(kw)) for kw in needed])
    served = [
        [capacity(c.stays, int(n), target) for c, n in zip(chargers, row, strict=True)] for row in counts
    ]
    return Catalogue(
        kinds=kinds,
        names=tuple(row.name for row in rows),
        counts=counts,
        power=power,
        price=counts @ np.array([charger.price for charger in chargers]) + connection,
        upkeep=counts @ np.array([charger.upkeep for charger in chargers]),
        capacity=np.array(served),
    )


def grid_price(grid: Sequence[GridStep], kw: float) -> float:
    if kw <= 0.0 or not grid:
        return 0.0
    fitting = [step.price for step in grid if step.up_to_kw >= kw]
    if not fitting:
        raise GridTooSmall(needed=kw, most=max(step.up_to_kw for step in grid))
    return min(fitting)
