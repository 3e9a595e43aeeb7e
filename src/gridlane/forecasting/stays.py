"""How long a vehicle stays and how much energy it takes, from the visits that were most like this one.

Likeness is learned: a forest of random trees is grown on past visits, and two visits are alike as often as they share a
leaf (Meinshausen, Quantile Regression Forests, 2006). So every forecast is a whole distribution, its quantiles never
cross, and it can be narrowed by what has happened since the plug-in: who has stayed two hours is compared with those
who stayed more than two. What drivers state is evidence, not truth: measured drivers are wrong by more than an hour
and ask for 1.7 times what they take. Measured against gradient boosting and kernels in docs/benchmarks.md.

Before there is history a few made-up visits stand in, and lose weight as real ones come.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ENOUGH_FOR_TREES = 40
TREES, LEAST_IN_LEAF = 100, 5
UNKNOWN = -1.0
FEATURES = 7

USUAL_VISITS: tuple[tuple[float, float], ...] = (
    (0.5, 5.0), (1.0, 8.0), (2.0, 10.0), (3.0, 12.0), (4.5, 14.0), (7.0, 15.0), (8.5, 18.0), (9.5, 25.0), (11.0, 12.0),
)  # fmt: skip
"""Stay (hours) and energy (kWh) of made-up visits, where nothing is known and nothing was stated."""
USUAL_SHARES_OF_STATED: tuple[tuple[float, float], ...] = (
    (0.25, 0.2), (0.5, 0.3), (0.7, 0.4), (0.85, 0.5), (0.95, 0.6), (1.0, 0.7), (1.05, 0.8), (1.15, 0.9), (1.4, 1.0),
)  # fmt: skip
"""The same as shares of what the driver stated."""
PRIOR_WEIGHT = 2.0
"""What all made-up visits together weigh, against 1 for a real one that is quite alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What is known when a vehicle plugs in. ``hour`` is local, 0 to 24; stated values are None when nothing was said.

    ``stated_stay`` and ``usual_stay`` are hours, the energies kWh; usual is the mean of this person's earlier visits.
    """

    hour: float
    working_day: bool
    stated_stay: float | None = None
    stated_energy: float | None = None
    usual_stay: float | None = None
    usual_energy: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One that ended: ``stay`` in hours, ``energy`` in kWh."""

    arrival: Arrival
    stay: float
    energy: float


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Weighed values, ascending: one distribution."""

    value: Floats
    weight: Floats

    def beyond(self, reached: float) -> "Outcomes":
        """What is left of it, once it is known to exceed ``reached``."""
        left = self.value > reached
        return Outcomes(self.value[left], self.weight[left])

    def quantile(self, share: float) -> float:
        cumulative = np.cumsum(self.weight)
        at = int(np.searchsorted(cumulative, share * cumulative[-1]))
        return float(self.value[min(at, self.value.size - 1)])

    def chance_beyond(self, values: Floats) -> Floats:
        """The chance to exceed each of ``values``."""
        below = np.concatenate(([0.0], np.cumsum(self.weight)))
        return np.asarray(1.0 - below[np.searchsorted(self.value, values, side="right")] / below[-1])

    @property
    def is_known(self) -> bool:
        return bool(self.weight.sum() > 0)


@dataclass(frozen=True, slots=True)
class Forecast:
    """One vehicle's visit: how long (hours) and how much (kWh), both from the plug-in."""

    stay: Outcomes
    energy: Outcomes

    def presence(self, elapsed: float, ahead: Floats) -> Floats:
        """The chance that it is still there ``ahead`` hours from now, having stayed ``elapsed`` already."""
        left = self.stay.beyond(elapsed)
        if not left.is_known:  # longer than anybody ever: it may go at any time
            return np.asarray(0.5 ** (np.maximum(ahead, 0.0) / 0.5))
        return left.chance_beyond(elapsed + ahead)

    def stay_quantile(self, share: float, elapsed: float = 0.0) -> float:
        """Hours of the whole stay that it exceeds with a chance of 1 - ``share``, having stayed ``elapsed``."""
        left = self.stay.beyond(elapsed)
        return left.quantile(share) if left.is_known else elapsed + 0.5

    def energy_quantile(self, share: float, taken: float = 0.0) -> float:
        """Energy of the whole visit, kWh, given that it has taken ``taken`` and takes still."""
        left = self.energy.beyond(taken)
        return left.quantile(share) if left.is_known else taken + 1.0


class Stays:
    """Past visits of a site, ready to be compared with. Growing the trees takes a second for some thousand visits."""

    def __init__(self, visits: Sequence[Visit], seed: int = 1) -> None:
        features = np.array([_features(each.arrival) for each in visits]).reshape(len(visits), FEATURES)
        self._stay = _Forest(features, np.array([each.stay for each in visits]), seed)
        self._energy = _Forest(features, np.array([each.energy for each in visits]), seed)

    def forecast(self, arrivals: Sequence[Arrival]) -> list[Forecast]:
        """The distributions for vehicles that have just arrived so."""
        if not arrivals:
            return []
        features = np.array([_features(each) for each in arrivals])
        stays = self._stay.weights(features)
        energies = self._energy.weights(features)
        return [
            Forecast(
                self._stay.outcomes(stay, _made_up(0, arrival.stated_stay)),
                self._energy.outcomes(energy, _made_up(1, arrival.stated_energy)),
            )
            for arrival, stay, energy in zip(arrivals, stays, energies, strict=True)
        ]


class _Forest:
    def __init__(self, features: Floats, values: Floats, seed: int) -> None:
        order = np.argsort(values, kind="stable")
        self.values: Floats = values[order]
        self._trees: Any = None
        if values.size >= ENOUGH_FOR_TREES:
            self._grow(features[order], seed)

    def _grow(self, features: Floats, seed: int) -> None:
        from sklearn.ensemble import ExtraTreesRegressor

        self._trees = ExtraTreesRegressor(TREES, min_samples_leaf=LEAST_IN_LEAF, random_state=seed)
        self._trees.fit(features, self.values)
        self._leaf: Ints = self._trees.apply(features)
        self._in_leaf = [np.bincount(self._leaf[:, tree]) for tree in range(TREES)]

    def weights(self, features: Floats) -> list[Floats]:
        """For each row how alike every past visit is, 1 in sum over a leaf of each tree on average."""
        if self._trees is None:
            return [np.ones(self.values.size)] * len(features)
        return [self._likeness(leaves) for leaves in self._trees.apply(features)]

    def _likeness(self, leaves: Ints) -> Floats:
        share = np.array([1.0 / self._in_leaf[tree][leaf] for tree, leaf in enumerate(leaves)])
        return np.asarray((self._leaf == leaves) @ share / TREES * 4 * LEAST_IN_LEAF)

    def outcomes(self, weights: Floats, made_up: Floats) -> Outcomes:
        values = np.concatenate((self.values, made_up))
        all_weights = np.concatenate((weights, np.full(made_up.size, PRIOR_WEIGHT / made_up.size)))
        order = np.argsort(values, kind="stable")
        kept = order[all_weights[order] > 0]
        return Outcomes(values[kept], all_weights[kept])


def _made_up(which: int, stated: float | None) -> Floats:
    if stated is None:
        return np.array([each[which] for each in USUAL_VISITS])
    return stated * np.array([each[which] for each in USUAL_SHARES_OF_STATED])


def _features(arrival: Arrival) -> list[float]:
    stay = UNKNOWN if arrival.stated_stay is None else arrival.stated_stay
    return [
        arrival.hour,
        float(arrival.working_day),
        stay,
        UNKNOWN if arrival.stated_stay is None else arrival.hour + stay,
        UNKNOWN if arrival.stated_energy is None else arrival.stated_energy,
        UNKNOWN if arrival.usual_stay is None else arrival.usual_stay,
        UNKNOWN if arrival.usual_energy is None else arrival.usual_energy,
    ]
