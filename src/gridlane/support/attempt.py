"""An attempt to charge as a value: everything that was stored of it, from whichever side it was begun."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import msgspec


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A start that was asked for from afar. ``by`` is app, guest or operator; ``status`` is the operation's."""

    at: datetime
    by: str
    expires_at: datetime
    status: str | None = None
    sent_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    evidence: str | None = None


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A token that was presented, and the rule that decided (``charging.authorizing``)."""

    at: datetime
    occasion: str
    last4: str
    verdict: str
    reason: str | None

    @property
    def accepted(self) -> bool:
        return self.verdict == "accepted"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the station's transaction."""

    at: datetime
    phase: str
    trigger: str | None = None
    charging_state: str | None = None
    stopped_reason: str | None = None
    offline: bool = False


class Charged(msgspec.Struct, frozen=True, kw_only=True):
    """The session that came of it."""

    id: UUID
    status: str
    started_at: datetime
    ended_at: datetime | None
    energy: float
    charging_state: str | None
    refused: bool
    verdict: str | None
    stop_reason: str | None
    is_presumed_over: bool = False


class Paid(msgspec.Struct, frozen=True, kw_only=True):
    """A payment for it; ``provider`` is wallet or a card provider."""

    at: datetime
    changed_at: datetime
    provider: str
    state: str
    held: Decimal
    captured: Decimal
    refunded: Decimal
    currency: str


class Stood(msgspec.Struct, frozen=True, kw_only=True):
    """What the plug was during a stretch of time, by the availability ledger."""

    since: datetime
    until: datetime | None
    state: str
    cause: str | None = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. ``at`` is when it was begun; ``trouble`` is why a guest's checkout failed."""

    at: datetime
    organization_id: UUID | None
    station_id: UUID
    station: str
    place: str
    site_id: UUID | None = None
    evse: int | None
    person_id: UUID | None = None
    asked: Asked | None = None
    judged: tuple[Judged, ...] = ()
    told: tuple[Told, ...] = ()
    charged: Charged | None = None
    paid: tuple[Paid, ...] = ()
    stood: tuple[Stood, ...] = ()
    trouble: str | None = None
    bill: str | None = None

    def stood_at(self, at: datetime) -> Stood | None:
        """What the plug was at an instant."""
        return next(
            (one for one in self.stood if one.since <= at and (one.until is None or at < one.until)), None
        )

    @property
    def has_energy(self) -> bool:
        return self.charged is not None and self.charged.energy > 0

    @property
    def refusal(self) -> Judged | None:
        """The last word on the token, where it was no."""
        last = self.judged[-1] if self.judged else None
        return last if last is not None and not last.accepted else None
