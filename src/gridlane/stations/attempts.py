"""Counts failed attempts, so that nobody can go on guessing, without ever locking out the station that is guessed at.

Only failures cost; they are counted per network and per (identity, network). A station elsewhere has buckets of its own, a
local controller with hundreds of stations behind one address costs nothing while their passwords are right, and one with a
generated password is let in whatever its neighbours have guessed: no number of guesses comes near such a password.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AttemptLimits:
    """Failures: how many at once, how many a minute go on after that, how many counters are kept at most."""

    per_identity: int = 10
    per_identity_a_minute: float = 6.0
    per_network: int = 200
    per_network_a_minute: float = 60.0
    remembered: int = 50_000


class _Buckets:
    """Token buckets by key, full when not remembered; the least recently used ones are forgotten first."""

    __slots__ = ("_burst", "_kept", "_per_second", "_remembered")

    def __init__(self, burst: int, a_minute: float, remembered: int) -> None:
        self._burst = float(burst)
        self._per_second = a_minute / 60.0
        self._remembered = remembered
        self._kept: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def left(self, key: Hashable, now: float) -> float:
        tokens, at = self._kept.get(key, (self._burst, now))
        return min(self._burst, tokens + (now - at) * self._per_second)

    def spend(self, key: Hashable, now: float) -> None:
        self._kept[key] = (max(0.0, self.left(key, now) - 1.0), now)
        self._kept.move_to_end(key)
        if len(self._kept) > self._remembered:
            self._kept.popitem(last=False)

    def seconds_until_one(self, key: Hashable, now: float) -> float:
        return max(0.0, (1.0 - self.left(key, now)) / self._per_second)


class Attempts:
    """Seconds are any monotonic clock's."""

    def __init__(self, limits: AttemptLimits | None = None) -> None:
        limits = limits or AttemptLimits()
        self._by_identity = _Buckets(limits.per_identity, limits.per_identity_a_minute, limits.remembered)
        self._by_network = _Buckets(limits.per_network, limits.per_network_a_minute, limits.remembered)

    def __len__(self) -> int:
        return len(self._by_identity) + len(self._by_network)

    def are_exhausted(self, identity: str, network: str, now: float) -> bool:
        """Whether this network has failed too often, with this identity or at all."""
        return (
            self._by_identity.left((identity, network), now) < 1.0
            or self._by_network.left(network, now) < 1.0
        )

    def failed(self, identity: str, network: str, now: float) -> None:
        self._by_identity.spend((identity, network), now)
        self._by_network.spend(network, now)

    def retry_after(self, identity: str, network: str, now: float) -> int:
        """Whole seconds until another attempt is looked at."""
        seconds = max(
            self._by_identity.seconds_until_one((identity, network), now),
            self._by_network.seconds_until_one(network, now),
        )
        return int(seconds) + 1
