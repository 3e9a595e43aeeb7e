"""The port of payment providers: what every way to pay must be able to do, and what it answers.

Each verb takes a ``key`` that names the wish: the same key twice is one effect, however the first call ended. A
provider either does it, says no (PaymentDeclined), or leaves it unknown (ProviderUnavailable), and then is asked again
with the same key. No card number ever passes here: a source is what the provider calls it.
"""

from enum import StrEnum
from typing import Protocol
from uuid import UUID

import msgspec

from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.money import Money


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What is paid from: a provider and its own ids; a wallet has none and goes by the person.

    ``return_url``: the driver pays on the provider's own page, which then leads back there; no script of ours is needed.
    """

    provider: str
    organization_id: UUID
    person_id: UUID | None = None
    customer: str | None = None
    method: str | None = None
    return_url: str | None = None


class HoldState(StrEnum):
    HELD = "held"
    NEEDS_DRIVER = "needs_driver"  # the driver has to confirm it, in the app or browser
    GONE = "gone"  # released, expired or never confirmed
    CAPTURED = "captured"


class Hold(msgspec.Struct, frozen=True):
    """Money set aside. ``next_step`` is what the driver's browser needs to confirm it: the key of the provider's form,
    or the address of the provider's page.
    """

    reference: str
    state: HoldState
    next_step: str | None = None


class Seen(msgspec.Struct, frozen=True):
    """What the provider says about a payment; amounts are None where it does not say.

    ``reference``: what the provider calls it from now on, where that has changed.
    """

    state: HoldState
    captured: Money | None = None
    refunded: Money | None = None
    reference: str | None = None


class PaymentDeclined(Refusal):
    code = "payment_declined"
    kind = Kind.CONFLICT
    sentence = "The payment was declined: {why}."


class ProviderUnavailable(Refusal):
    code = "payment_provider_unavailable"
    kind = Kind.UNAVAILABLE
    sentence = "The payment provider {provider} does not answer now; nothing is lost, we try again."


class HoldNotRaised(Refusal):
    code = "hold_not_raised"
    kind = Kind.UNSUPPORTED
    sentence = "The hold cannot be raised: {why}."


class PaymentProvider(Protocol):
    """A way to pay. Registered by its name in the table of providers."""

    @property
    def name(self) -> str: ...

    async def hold(self, key: str, amount: Money, source: Source) -> Hold:
        """Set an amount aside. Raises PaymentDeclined, ProviderUnavailable."""
        ...

    async def raise_hold(self, key: str, reference: str, source: Source, to: Money) -> None:
        """Set aside more. Raises HoldNotRaised, PaymentDeclined, ProviderUnavailable."""
        ...

    async def capture(self, key: str, reference: str, source: Source, amount: Money) -> None:
        """Take the amount, at most what is held, and let the rest go. Raises PaymentDeclined, ProviderUnavailable."""
        ...

    async def release(self, key: str, reference: str, source: Source) -> None:
        """Let all of it go. Raises ProviderUnavailable."""
        ...

    async def refund(self, key: str, reference: str, source: Source, amount: Money) -> None:
        """Give back of what was taken. Raises PaymentDeclined, ProviderUnavailable."""
        ...

    async def seen(self, reference: str, source: Source) -> Seen:
        """How it stands with the provider. Raises ProviderUnavailable."""
        ...
