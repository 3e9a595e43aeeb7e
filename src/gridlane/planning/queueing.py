"""Closed forms for waiting at a station: Erlang-B, Erlang-C and the M/M/c queue.

Load is in erlangs: arrivals per hour times mean stay in hours. With fewer chargers than erlangs a queue never ends, and
every wait is infinite. Exponential stays are the textbook's; real ones are corrected by ``sizing``.
"""

import math
from dataclasses import dataclass


def erlang_b(servers: int, load: float) -> float:
    """The chance that an arrival finds all ``servers`` busy and leaves (Erlang 1917).

    By the recursion of the inverse, which neither overflows nor cancels.
    """
    if load <= 0.0:
        return 0.0 if servers > 0 else 1.0
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = load * blocked / (count + load * blocked)
    return blocked


def erlang_c(servers: int, load: float) -> float:
    """The chance that an arrival has to wait when nobody leaves."""
    if load >= servers:
        return 1.0
    blocked = erlang_b(servers, load)
    return blocked * servers / (servers - load * (1.0 - blocked))


@dataclass(frozen=True)
class Queue:
    """M/M/c: Poisson arrivals, exponential stays, first come first served. Times in minutes, rates per hour."""

    servers: int
    arrivals_per_hour: float
    mean_minutes: float

    @property
    def load(self) -> float:
        return self.arrivals_per_hour * self.mean_minutes / 60.0

    @property
    def utilisation(self) -> float:
        return self.load / self.servers if self.servers else math.inf

    @property
    def chance_of_waiting(self) -> float:
        return erlang_c(self.servers, self.load)

    @property
    def mean_wait(self) -> float:
        if self.utilisation >= 1.0:
            return math.inf
        return self.chance_of_waiting * self.mean_minutes / (self.servers - self.load)

    def wait_at(self, share: float) -> float:
        """The wait that this share of arrivals does not exceed."""
        if self.utilisation >= 1.0:
            return math.inf
        waiting = self.chance_of_waiting
        if waiting <= 1.0 - share:
            return 0.0
        return math.log(waiting / (1.0 - share)) * self.mean_minutes / (self.servers - self.load)


def most_arrivals(servers: int, mean_minutes: float, share: float, minutes: float) -> float:
    """Arrivals per hour that M/M/c can take with at most ``minutes`` of wait for ``share`` of them."""
    low, high = 0.0, servers * 60.0 / mean_minutes
    for _ in range(60):
        middle = (low + high) / 2.0
        fits = Queue(servers, middle, mean_minutes).wait_at(share) <= minutes
        low, high = (middle, high) if fits else (low, middle)
    return low
