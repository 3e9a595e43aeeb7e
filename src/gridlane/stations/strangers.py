"""Stations nobody registered: which of them are let in to wait for approval, and how many at a time."""

from collections import Counter
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from re import Pattern
from typing import Literal

from gridlane.stations.transport.link import Link, Receiver
from gridlane.stations.transport.turnstile import Pace


@dataclass(frozen=True, slots=True)
class AutomaticRule:
    """Unknown stations approved without an operator: an identity like this (whole match), from one of these networks."""

    identity: Pattern[str]
    networks: tuple[IPv4Network | IPv6Network, ...]

    def matches(self, identity: str, address: str) -> bool:
        if self.identity.fullmatch(identity) is None:
            return False
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self.networks)


@dataclass(frozen=True, slots=True)
class StrangerRules:
    """``policy``: refuse strangers, let them wait for approval, or accept them at once. Those let in are few at a time."""

    policy: Literal["refuse", "approval", "accept"] = "refuse"
    automatic: tuple[AutomaticRule, ...] = ()
    at_once: int = 500
    at_once_per_network: int = 100
    a_minute: float = 60.0


class Strangers:
    """Counts stations that are in and not yet approved, so that they stay few."""

    def __init__(self, rules: StrangerRules, now: float) -> None:
        self._rules = rules
        self._inside: Counter[str] = Counter()
        self._pace = Pace(rules.a_minute / 60.0, max(1, int(rules.a_minute)), now)

    def has_room(self, network: str) -> bool:
        return (
            self._inside.total() < self._rules.at_once
            and self._inside[network] < self._rules.at_once_per_network
        )

    def take_turn(self, now: float) -> bool:
        """Whether another one nobody has seen before may come; each becomes a row of the approval list."""
        return self._pace.take(now)

    def enter(self, network: str, receiver: Receiver) -> Receiver:
        return _StrangerReceiver(self, network, receiver)

    def count(self, network: str, change: int) -> None:
        self._inside[network] += change
        if not self._inside[network]:
            del self._inside[network]


class _StrangerReceiver:
    """Passes everything on, and counts its link."""

    __slots__ = ("_network", "_receiver", "_strangers", "received", "writable")

    def __init__(self, strangers: Strangers, network: str, receiver: Receiver) -> None:
        self._strangers = strangers
        self._network = network
        self._receiver = receiver
        self.received = receiver.received
        self.writable = receiver.writable

    def opened(self, link: Link) -> None:
        self._strangers.count(self._network, 1)
        self._receiver.opened(link)

    def closed(self, code: int, reason: str) -> None:
        self._strangers.count(self._network, -1)
        self._receiver.closed(code, reason)
