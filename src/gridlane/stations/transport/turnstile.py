"""Who comes in next when more knock than can be served: fair between networks, at a steady pace, within bounds.

A flood from one network queues behind itself; a station elsewhere waits for one turn, not for the flood. A storm of our
own stations from one address (a local controller, a carrier's gateway) has nobody to share with and gets the whole pace.
"""

from collections import OrderedDict
from collections.abc import Hashable
from ipaddress import IPv6Address, ip_address
from typing import Generic, TypeVar

Guest = TypeVar("Guest", bound=Hashable)

_IPV4_BITS, _IPV6_BITS = 24, 48
"""What one customer of a provider commonly holds; two stations of different owners rarely share it."""


def network_of(address: str) -> str:
    """The /24 (IPv4) or /48 (IPv6) an address lies in, as text; the address itself if it is none (a Unix socket)."""
    head, _, tail = address.rpartition(".")
    if tail.isdigit() and ":" not in address:
        return f"{head}.0/{_IPV4_BITS}"
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return network_of(str(parsed.ipv4_mapped))
    return f"{IPv6Address(int(parsed) >> 80 << 80)}/{_IPV6_BITS}"


class Crowd(Generic[Guest]):
    """Guests by their network, at most ``bound`` of them. The oldest of the largest network makes room for a newcomer."""

    __slots__ = ("_bound", "_networks", "_size")

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._size = 0
        self._networks: OrderedDict[str, dict[Guest, None]] = OrderedDict()

    def __len__(self) -> int:
        return self._size

    def add(self, network: str, guest: Guest) -> Guest | None:
        """Takes a guest in; returns the one who had to make room, if any."""
        crowded_out = self._take_from_largest() if self._size >= self._bound else None
        self._networks.setdefault(network, {})[guest] = None
        self._size += 1
        return crowded_out

    def discard(self, network: str, guest: Guest) -> None:
        if guest in self._networks.get(network, ()):
            self._remove(network, guest)

    def take(self) -> Guest | None:
        """The oldest guest of the network whose turn it is."""
        if not self._size:
            return None
        network, guests = next(iter(self._networks.items()))
        guest = next(iter(guests))
        self._remove(network, guest)
        if network in self._networks:
            self._networks.move_to_end(network)
        return guest

    def everyone(self) -> list[Guest]:
        return [guest for guests in self._networks.values() for guest in guests]

    def _take_from_largest(self) -> Guest:
        network = max(self._networks, key=lambda name: len(self._networks[name]))
        guest = next(iter(self._networks[network]))
        self._remove(network, guest)
        return guest

    def _remove(self, network: str, guest: Guest) -> None:
        guests = self._networks[network]
        del guests[guest]
        if not guests:
            del self._networks[network]
        self._size -= 1


class Pace:
    """A token bucket: ``per_second`` on average, ``burst`` at once. Seconds are any monotonic clock's."""

    __slots__ = ("_at", "_burst", "_per_second", "_tokens")

    def __init__(self, per_second: float, burst: int, now: float) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._tokens = self._burst
        self._at = now

    def take(self, now: float) -> bool:
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_second)
        self._at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def wait(self) -> float:
        """Seconds until the next take can succeed."""
        return max(0.0, (1.0 - self._tokens) / self._per_second)
