"""How many chargers a place needs: waits of M/G/c, which has no closed form, by Erlang-C corrected with simulation.

A table per set of real stays holds, for a few numbers of chargers and utilisations, how the simulated queue differs from
M/M/c: the chance of waiting as a factor, and the shape of the waits of those who wait. Everything between is interpolated.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from gridlane.planning.queue_simulation import Cars, simulate
from gridlane.planning.queueing import Queue, most_arrivals

Floats = NDArray[np.float64]

SERVERS = (1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32)
UTILISATIONS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.94)
QUANTILES = np.concatenate((np.linspace(0.0, 0.9, 19), (0.925, 0.95, 0.97, 0.98, 0.99, 0.995)))
"""Of the waits of those who wait at all."""

TABLE_CARS = 500_000
SIZING_CARS = 600_000
MOST_CHARGERS = 64


@dataclass(frozen=True)
class WaitTarget:
    """At least ``share`` of the arrivals may not wait longer than ``minutes``."""

    share: float = 0.95
    minutes: float = 5.0


@dataclass(frozen=True)
class Stays:
    """How long cars stay plugged in, minutes: a sample of real sessions."""

    name: str
    minutes: Floats

    @cached_property
    def mean(self) -> float:
        return float(self.minutes.mean())

    def __hash__(self) -> int:
        return hash((self.name, len(self.minutes), self.mean))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Stays)
            and self.name == other.name
            and np.array_equal(self.minutes, other.minutes)
        )


@lru_cache(maxsize=16)
def shipped_stays(name: str) -> Stays:
    """One of the sets of data/durations, spread out to a sample."""
    from gridlane.planning.shipped import shipped
    from gridlane.planning.tables import read_rows

    rows = [row.values for row in read_rows(shipped("durations") / "durations.csv")]
    known = sorted({row["set"] for row in rows})
    if name not in known:
        raise ValueError(f"no set of stays is called {name!r}; there are {', '.join(known)}")
    mine = [(float(row["minutes"]), int(row["sessions"])) for row in rows if row["set"] == name]
    minutes, sessions = zip(*mine, strict=True)
    return Stays(name, np.repeat(np.array(minutes), np.array(sessions)))


@dataclass(frozen=True)
class Waits:
    """What arrivals meet: chance of waiting, mean wait, and the waits of those who wait at QUANTILES."""

    chance: float
    mean: float
    of_waiting: Floats

    def wait_at(self, share: float) -> float:
        """The wait that this share of all arrivals does not exceed."""
        if self.chance <= 1.0 - share:
            return 0.0
        return float(np.interp(1.0 - (1.0 - share) / self.chance, QUANTILES, self.of_waiting))


def measured(waits: Floats) -> Waits:
    """From a simulation."""
    waiting = waits[waits > 0.0]
    if len(waiting) == 0:
        return Waits(0.0, 0.0, np.zeros(len(QUANTILES)))
    return Waits(len(waiting) / len(waits), float(waits.mean()), np.quantile(waiting, QUANTILES))


@dataclass(frozen=True)
class WaitTable:
    """M/G/c for one set of stays: corrections of M/M/c on a grid of chargers x utilisation."""

    stays: Stays
    chance: Floats  # logarithm of the simulated chance of waiting / Erlang-C
    mean: Floats  # logarithm of the simulated mean wait / that of M/M/c
    of_waiting: Floats  # waits of those who wait / their mean under M/M/c, at QUANTILES

    def waits(self, servers: int, arrivals_per_hour: float) -> Waits:
        """Predicted waits. Infinite at or above full use; above 94 % the correction of 94 % is used."""
        queue = Queue(servers, arrivals_per_hour, self.stays.mean)
        if queue.utilisation >= 1.0:
            return Waits(1.0, np.inf, np.full(len(QUANTILES), np.inf))
        scale = self.stays.mean / (servers - queue.load)
        corners = grid_corners(servers, queue.utilisation)
        chance, mean, shape = (
            sum((part * table[a, b] for part, a, b in corners), start=np.zeros(table.shape[2:]))
            for table in (self.chance, self.mean, self.of_waiting)
        )
        return Waits(
            float(min(1.0, queue.chance_of_waiting * np.exp(chance))),
            float(queue.mean_wait * np.exp(mean)),
            scale * shape,
        )


def grid_corners(servers: int, utilisation: float) -> list[tuple[float, int, int]]:
    """The grid points around a case with their weights: bilinear, in the logarithm of the chargers."""
    a = float(np.interp(np.log(servers), np.log(SERVERS), np.arange(len(SERVERS))))
    b = float(np.interp(utilisation, UTILISATIONS, np.arange(len(UTILISATIONS))))
    corners = []
    for i in {int(a), min(int(a) + 1, len(SERVERS) - 1)}:
        for k in {int(b), min(int(b) + 1, len(UTILISATIONS) - 1)}:
            part = max(0.0, 1.0 - abs(a - i)) * max(0.0, 1.0 - abs(b - k))
            corners.append((part, i, k))
    return corners


@lru_cache(maxsize=16)
def wait_table(stays: Stays, seed: int = 0, count: int = TABLE_CARS) -> WaitTable:
    """Simulate the grid (a few seconds). The same cars also play M/M/c, and only the difference of the two counts.

    Comparing with the played instead of the exact M/M/c takes most of the noise of the arrivals out.
    """
    cars = Cars.draw(stays.minutes, count, seed)
    twins = Cars(cars.gaps, exponential_twins(cars.stays, stays.mean, seed))
    shape = (len(SERVERS), len(UTILISATIONS))
    chance, mean, of_waiting = np.zeros(shape), np.zeros(shape), np.zeros((*shape, len(QUANTILES)))
    for i, servers in enumerate(SERVERS):
        for k, utilisation in enumerate(UTILISATIONS):
            rate = utilisation * servers * 60.0 / stays.mean
            real, plain = (measured(simulate(each, servers, rate)) for each in (cars, twins))
            exact = Queue(servers, rate, stays.mean)
            scale = stays.mean / (servers - exact.load)
            if plain.chance * count > 200 and real.chance > 0:
                chance[i, k] = np.log(real.chance / plain.chance)
                mean[i, k] = np.log(real.mean / plain.mean)
                noise = plain.mean / plain.chance / scale
                of_waiting[i, k] = real.of_waiting / scale / noise
            else:
                of_waiting[i, k] = -np.log1p(-QUANTILES)
    return WaitTable(stays, chance, mean, of_waiting)


def exponential_twins(stays: Floats, mean: float, seed: int) -> Floats:
    """Exponential stays in the order of the real ones: a long real stay has a long twin."""
    rank = np.argsort(np.argsort(stays + np.random.default_rng(seed).random(len(stays)) * 1e-6))
    return -np.log1p(-(rank + 0.5) / len(stays)) * mean


@lru_cache(maxsize=1024)
def capacity(stays: Stays, servers: int, target: WaitTarget, seed: int = 0) -> float:
    """The most arrivals per hour that ``servers`` chargers take within the target, by bisection on simulations.

    Starts from Erlang-C's answer. More arrivals never wait less with the same cars, so bisection is exact per seed.
    """
    if servers <= 0:
        return 0.0
    cars = sizing_cars(stays, seed)
    guess = most_arrivals(servers, stays.mean, target.share, target.minutes)
    low, high = 0.0, servers * 60.0 / stays.mean
    for step in range(16):
        middle = min(max(guess * (0.85, 1.15)[step % 2], low), high) if step < 2 else (low + high) / 2.0
        if not low < middle < high:
            continue
        waits = simulate(cars, servers, middle)
        allowed = len(waits) * (1.0 - target.share)
        fits = np.count_nonzero(waits > target.minutes) <= allowed
        low, high = (middle, high) if fits else (low, middle)
    return low


@lru_cache(maxsize=4)
def sizing_cars(stays: Stays, seed: int) -> Cars:
    return Cars.draw(stays.minutes, SIZING_CARS, seed)


def chargers_needed(stays: Stays, arrivals_per_hour: float, target: WaitTarget) -> int:
    """The fewest chargers that keep the target; at least one. Raises ValueError beyond MOST_CHARGERS."""
    for servers in range(1, MOST_CHARGERS + 1):
        if (
            servers * 60.0 / stays.mean > arrivals_per_hour
            and capacity(stays, servers, target) >= arrivals_per_hour
        ):
            return servers
    raise ValueError(f"{arrivals_per_hour:.1f} arrivals an hour need more than {MOST_CHARGERS} chargers")
