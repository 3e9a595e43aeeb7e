"""A site's limits in the form of the plan and of replays: vehicles of few kinds, limits on sums of their phasors.

Unlike the allocator, which counts the magnitudes of line currents so as to be safe for any mixture, these limits know
the angles between phases, so that one-phase vehicles between lines are planned as they really add up.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gridlane.energy.circuit import Evse, Site, Wiring
from gridlane.energy.program import Complexes, Floats, Ints, Limits

Bools = NDArray[np.bool_]

_LINE_ANGLES = np.exp(-2j * np.pi * np.arange(3) / 3)


@dataclass(slots=True, kw_only=True)
class Network:
    """EVSEs by number: their kind and most power (kW); limits by number: weight of each kind, capacity.

    ``kilowatts_per_ampere`` turns an EVSE's pilot into power. ``limited`` says which of the four limits of each
    circuit of a site there are.
    """

    names: tuple[str, ...]
    kind: Ints
    most: Floats
    kilowatts_per_ampere: Floats
    weight: Complexes
    capacity: Floats
    minimum: Floats  # kW, below only 0
    limit_names: tuple[str, ...] = ()
    limited: Bools = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))

    def limits(self, evse: Ints, steps: int) -> Limits:
        """For vehicles at these EVSEs, the same capacity in every step."""
        return Limits(
            kind=self.kind[evse],
            weight=self.weight,
            capacity=np.repeat(self.capacity[:, None], steps, axis=1),
        )

    def load(self, evse: Ints, power: Floats) -> Floats:
        """The magnitude on each limit."""
        by_kind = np.bincount(self.kind[evse], power, minlength=self.weight.shape[1])
        return np.abs(self.weight @ by_kind)

    def scaled_to_fit(self, evse: Ints, power: Floats) -> Floats:
        """The powers, each lowered by the worst overrun among the limits that it takes part in, until all hold."""
        power = power.copy()
        for _ in range(20):
            over = self.load(evse, power) / self.capacity
            worst = int(np.argmax(over)) if over.size else 0
            if over.size == 0 or over[worst] <= 1 + 1e-9:
                return power
            inside = np.abs(self.weight[worst, self.kind[evse]]) > 0
            power[inside] /= over[worst] * (1 + 1e-10)
        return power / max(1.0, float((self.load(evse, power) / self.capacity).max()))

    def room(self, by_kind: Floats, kind: int) -> float:
        """How much more power one vehicle of ``kind`` may take when all others together take ``by_kind``."""
        at, step = self.weight @ by_kind, self.weight[:, kind]
        part = np.abs(step) > 1e-12
        if not part.any():
            return float("inf")
        at, step, capacity = at[part], step[part], self.capacity[part]
        # |at + step x| = capacity: the larger root of a quadratic in x
        square = np.abs(step) ** 2
        half = (np.conj(step) * at).real
        under_root = half**2 - square * (np.abs(at) ** 2 - capacity**2)
        roots = (-half + np.sqrt(np.maximum(under_root, 0.0))) / square
        return float(max(0.0, np.min(np.where(under_root < 0, 0.0, roots))))


def network_of(
    site: Site, vehicle_phases: Sequence[int | None] = (), also_limited: Bools | None = None
) -> Network:
    """The site with its ratings less reserves; ``vehicle_phases`` in the order of EVSEs, None counts the worst.

    ``also_limited`` names limits (four of each circuit) that have no rating but will be limited at some time.
    """
    phases = list(vehicle_phases) or [None] * len(site.evses)
    columns = [_column(site, evse, used) for evse, used in zip(site.evses, phases, strict=True)]
    kinds, kind = np.unique(np.array(columns).reshape(len(columns), -1), axis=0, return_inverse=True)
    per_ampere = np.array(
        [site.draw(evse, used).watts_per_ampere / 1000 for evse, used in zip(site.evses, phases, strict=True)]
    )
    capacity = np.concatenate(
        [
            [*([_or_inf(each.current, each.reserve)] * 3), _or_inf(each.power, each.reserve) / 1000]
            for each in site.circuits
        ]
    )
    limited = np.isfinite(capacity) if also_limited is None else np.isfinite(capacity) | also_limited
    return Network(
        names=tuple(each.id for each in site.evses),
        kind=kind.reshape(-1).astype(np.int64),
        most=np.array([each.rating for each in site.evses]) * per_ampere,
        kilowatts_per_ampere=per_ampere,
        weight=kinds.T[limited],
        capacity=capacity[limited],
        minimum=np.array([each.minimum for each in site.evses]) * per_ampere,
        limited=limited,
        limit_names=tuple(np.repeat([each.id for each in site.circuits], 4)[limited]),
    )


def _or_inf(limit: float | None, reserve: float) -> float:
    return np.inf if limit is None else limit * (1 - reserve)


def _column(site: Site, evse: Evse, used: int | None) -> NDArray[np.complex128]:
    """What one kW at the EVSE puts on each of the four limits of each circuit."""
    draw = site.draw(evse, used)
    amperes = 1000 / draw.watts_per_ampere
    if evse.wiring is Wiring.LINE_TO_LINE and sum(draw.phases) == 2:
        one, other = np.flatnonzero(draw.phases)
        along = (_LINE_ANGLES[one] - _LINE_ANGLES[other]) / np.sqrt(3)
        currents = np.zeros(3, dtype=np.complex128)
        currents[one], currents[other] = along, -along
    else:
        currents = np.array(draw.phases) * _LINE_ANGLES
    above = {each.id for each in site.chain(evse.circuit)}
    rows = [np.append(currents * amperes, 1.0) if each.id in above else np.zeros(4) for each in site.circuits]
    return np.concatenate(rows)
