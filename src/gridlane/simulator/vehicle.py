"""Vehicles: what they take from a plug, second by second."""

import random
from dataclasses import dataclass

from gridlane.kernel.quantities import Amperes, WattHours, Watts

VOLTAGE = 230.0


@dataclass
class Vehicle:
    """A battery and its charger. Above ``taper_from`` the power falls linearly to a tenth at full (constant voltage).

    ``minimum`` is IEC 61851's 6 A: below it an AC vehicle takes nothing. ``delay`` is how long it takes to react.
    """

    capacity: WattHours = WattHours(60_000.0)
    charge: WattHours = WattHours(20_000.0)
    wanted: WattHours = WattHours(20_000.0)  # then it stops by itself
    ac_power: Watts = Watts(11_000.0)
    dc_power: Watts = Watts(100_000.0)
    phases: int = 3
    minimum: Amperes = Amperes(6.0)
    taper_from: float = 0.8
    delay: float = 3.0
    taken: WattHours = WattHours(0.0)

    @property
    def soc(self) -> float:
        return 100 * self.charge / self.capacity

    @property
    def is_satisfied(self) -> bool:
        return self.taken >= self.wanted or self.charge >= self.capacity * 0.999

    def power(self, limit: Watts, *, direct: bool) -> Watts:
        """What it draws when offered ``limit``."""
        if self.is_satisfied:
            return Watts(0.0)
        most = min(limit, self.dc_power if direct else self.ac_power)
        if not direct and most < self.minimum * VOLTAGE * self.phases * 0.999:
            return Watts(0.0)
        filled = self.charge / self.capacity
        if filled > self.taper_from:
            most = Watts(most * max(0.1, 1 - 0.9 * (filled - self.taper_from) / (1 - self.taper_from)))
        return Watts(most)

    def take(self, energy: WattHours) -> None:
        self.charge = WattHours(min(self.capacity, self.charge + energy))
        self.taken = WattHours(self.taken + energy)


def draw_vehicle(random_: random.Random, *, wanted: WattHours, direct: bool) -> Vehicle:
    """A vehicle as they come: batteries of 30 to 100 kWh, one or three phases."""
    capacity = random_.choice((30_000, 40_000, 52_000, 58_000, 64_000, 77_000, 100_000))
    start = max(0.05, min(0.6, 1 - wanted / capacity - 0.1))
    return Vehicle(
        capacity=WattHours(float(capacity)),
        charge=WattHours(capacity * start),
        wanted=wanted,
        ac_power=Watts(random_.choice((3_680.0, 7_400.0, 11_000.0, 11_000.0, 22_000.0))),
        dc_power=Watts(random_.choice((50_000.0, 100_000.0, 150_000.0))),
        phases=random_.choice((1, 3, 3)),
        delay=random_.uniform(1, 8),
    )
