"""A site's limits in the form of the plan and of replays: vehicles of few kinds, limits on sums of their phasors.

Unlike the allocator, which counts the magnitudes of line currents so as to be safe for any mixture, these limits know
the angles between phases, so that one-phase vehicles between lines are planned as they really add up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gridlane.energy.circuit import Draw, Site, Wiring
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
    draws = [site.draw(evse, used) for evse, used in zip(site.evses, phases, strict=True)]
    alike = [
        (evse.circuit, draw, evse.wiring is Wiring.LINE_TO_LINE and sum(draw.phases) == 2)
        for evse, draw in zip(site.evses, draws, strict=True)
    ]
    kinds = {key: number for number, key in enumerate(dict.fromkeys(alike))}
    per_ampere = np.array([draw.watts_per_ampere / 1000 for draw in draws])
    capacity = np.concatenate(
        [
            [*([_or_inf(each.current, each.reserve)] * 3), _or_inf(each.power, each.reserve) / 1000]
            for each in site.circuits
        ]
    )
    limited = np.isfinite(capacity) if also_limited is None else np.isfinite(capacity) | also_limited
    return Network(
        names=tuple(each.id for each in site.evses),
        kind=np.array([kinds[key] for key in alike], dtype=np.int64),
        most=np.array([each.rating for each in site.evses]) * per_ampere,
        kilowatts_per_ampere=per_ampere,
        weight=_weights(site, kinds)[limited],
        capacity=capacity[limited],
        minimum=np.array([each.minimum for each in site.evses]) * per_ampere,
        limited=limited,
        limit_names=tuple(np.repeat([each.id for each in site.circuits], 4)[limited]),
    )


def _weights(site: Site, kinds: Mapping[tuple[str, Draw, bool], int]) -> Complexes:
    """What one kW of each kind puts on each of the four limits of each circuit above it."""
    row = {each.id: 4 * number for number, each in enumerate(site.circuits)}
    parent = {each.id: each.parent for each in site.circuits}
    weight = np.zeros((4 * len(site.circuits), max(len(kinds), 1)), dtype=np.complex128)
    for (circuit, draw, between_lines), kind in kinds.items():
        at: str | None = circuit
        while at is not None:
            weight[row[at] : row[at] + 3, kind] = _currents(draw, between_lines=between_lines)
            weight[row[at] + 3, kind] = 1.0
            at = parent[at]
    return weight


def _currents(draw: Draw, *, between_lines: bool) -> Complexes:
    """The phasors of the three line currents for one kW."""
    amperes = 1000 / draw.watts_per_ampere
    if not between_lines:
        return np.asarray(np.array(draw.phases) * _LINE_ANGLES * amperes)
    one, other = np.flatnonzero(draw.phases)
    along = (_LINE_ANGLES[one] - _LINE_ANGLES[other]) / np.sqrt(3) * amperes
    currents = np.zeros(3, dtype=np.complex128)
    currents[one], currents[other] = along, -along
    return currents


def _or_inf(limit: float | None, reserve: float) -> float:
    return np.inf if limit is None else limit * (1 - reserve)
