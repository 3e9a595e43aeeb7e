"""What the door remembers of who knocked, for the connection doctor: bounded, in memory, the newest of each station.

"TLS went well, the identity is known, the password is wrong": an operator at a station's side sees this while he is there.
"""

from collections import Counter, OrderedDict
from dataclasses import dataclass
from datetime import datetime

from gridlane.stations.reasons import REASONS, Reason, Step


@dataclass(frozen=True, slots=True)
class Knock:
    """One attempt to connect. ``identity`` is None when it ended before the URL was known; ``offered`` are versions."""

    at: datetime
    listener: str
    address: str
    reason_code: str
    identity: str | None = None
    tls_version: str | None = None
    offered: tuple[str, ...] = ()
    version: str | None = None
    profile: int | None = None

    @property
    def reason(self) -> Reason:
        return REASONS[self.reason_code]

    @property
    def passed(self) -> list[Step]:
        """The steps that went well before the one that did not."""
        return [
            step for step in Step if step < self.reason.step and (step is not Step.TLS or self.tls_version)
        ]


class Knocks:
    """The last knock of each identity, the last nameless one of each address, and how many there were of each reason."""

    def __init__(self, remembered: int = 10_000) -> None:
        self.counts: Counter[str] = Counter()
        self._remembered = remembered
        self._by_identity: OrderedDict[str, Knock] = OrderedDict()
        self._by_address: OrderedDict[str, Knock] = OrderedDict()

    def note(self, knock: Knock) -> None:
        self.counts[knock.reason_code] += 1
        if knock.identity is not None:
            self._keep(self._by_identity, knock.identity, knock)
        else:
            self._keep(self._by_address, knock.address, knock)

    def of_identity(self, identity: str) -> Knock | None:
        return self._by_identity.get(identity)

    def of_address(self, address: str) -> Knock | None:
        return self._by_address.get(address)

    def newest(self, count: int) -> list[Knock]:
        """The most recent ones of all, newest first."""
        every = [*self._by_identity.values(), *self._by_address.values()]
        return sorted(every, key=lambda knock: knock.at, reverse=True)[:count]

    def _keep(self, kept: OrderedDict[str, Knock], key: str, knock: Knock) -> None:
        kept[key] = knock
        kept.move_to_end(key)
        if len(kept) > self._remembered:
            kept.popitem(last=False)
