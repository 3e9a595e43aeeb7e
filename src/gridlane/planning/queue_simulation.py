"""A station's queue played through, car by car: first come, first served, with stays drawn from real ones.

The stream of random numbers is set by the seed alone, and the arrival rate only stretches the time between arrivals. So
two runs at different rates see the same cars, and "more arrivals wait longer" holds in every run, not only on average.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gridlane.planning.compiled import compiled

Floats = NDArray[np.float64]

WARM_UP = 0.05
"""Share of the arrivals that only fill the empty station and are not counted."""


@dataclass(frozen=True)
class Cars:
    """Arrivals to come: exponential gaps of mean 1, and a stay in minutes for each."""

    gaps: Floats
    stays: Floats

    @classmethod
    def draw(cls, durations: Floats, count: int, seed: int) -> "Cars":
        """``count`` cars. Stays come in the proportions of the sample and gaps average exactly 1, so that a run has
        the load it is meant to have and only the order is left to chance.
        """
        generator = np.random.default_rng(seed)
        gaps = generator.exponential(1.0, count)
        places = (np.arange(count) + 0.5) / count
        stays = np.sort(durations)[(places * len(durations)).astype(np.int64)].astype(np.float64)
        return cls(gaps / gaps.mean(), generator.permutation(stays))


def simulate(cars: Cars, servers: int, arrivals_per_hour: float) -> Floats:
    """The wait in minutes of every car after the warm-up."""
    waits = play(cars.gaps * (60.0 / arrivals_per_hour), cars.stays, servers)
    return waits[int(WARM_UP * len(waits)) :]


@compiled
def play(gaps: Floats, stays: Floats, servers: int) -> Floats:
    """Kiefer and Wolfowitz's recursion with the servers' free times in a heap."""
    free = np.zeros(servers)
    waits = np.empty(len(gaps))
    now = 0.0
    for car in range(len(gaps)):
        now += gaps[car]
        begin = max(now, free[0])
        waits[car] = begin - now
        sift(free, begin + stays[car])
    return waits


@compiled
def sift(free: Floats, newest: float) -> None:
    """Replace the earliest free time of the heap by a later one."""
    at, count = 0, len(free)
    while True:
        child = 2 * at + 1
        if child >= count:
            break
        if child + 1 < count and free[child + 1] < free[child]:
            child += 1
        if free[child] >= newest:
            break
        free[at] = free[child]
        at = child
    free[at] = newest
