"""Billing put together from settings: which ways to pay there are, and the verbs that need them."""

from dataclasses import dataclass

from gridlane.accounts.tokens import SECRET, TokenCipher
from gridlane.billing import wallet
from gridlane.billing.checkout import Checkout
from gridlane.billing.payments import Payments
from gridlane.billing.port import PaymentProvider
from gridlane.billing.settlement import Settlement
from gridlane.billing.stripe import Stripe
from gridlane.billing.wallet import Wallet
from gridlane.billing.webhooks import Webhooks
from gridlane.kernel.bus import Bus
from gridlane.kernel.clock import Clock, system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.settings import Settings


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything of billing that is more than a function. ``cards`` and ``webhooks`` are None without Stripe;
    ``address`` is where links in mails lead.
    """

    payments: Payments
    settlement: Settlement
    checkout: Checkout
    cards: Stripe | None
    webhooks: Webhooks | None
    providers: dict[str, PaymentProvider]
    address: str


def parts_of(settings: Settings, database: Database, bus: Bus, clock: Clock = system_clock) -> Parts:
    """Billing for this installation. The wallet is always there; Stripe where it has a key."""
    cards = Stripe(settings.stripe_api_key, settings.stripe_url) if settings.stripe_api_key else None
    providers: dict[str, PaymentProvider] = {wallet.NAME: Wallet(database, clock)}
    if cards:
        providers[cards.name] = cards
    payments = Payments(database, providers, clock)
    webhooks = None
    if cards and settings.stripe_webhook_secret:
        webhooks = Webhooks(database, payments, cards, settings.stripe_webhook_secret, clock)
    cipher = TokenCipher(settings.secret(SECRET))
    return Parts(
        payments=payments,
        settlement=Settlement(database, payments, clock),
        checkout=Checkout(database, payments, cipher, bus, clock),
        cards=cards,
        webhooks=webhooks,
        providers=providers,
        address=settings.address(),
    )
