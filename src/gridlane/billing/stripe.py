"""Stripe as a payment provider, by its SDK: manual capture, off-session for saved cards, hosted fields or Stripe's own
page for guests.

Card numbers go from the driver's browser to Stripe; here are only Stripe's ids. Every write carries an idempotency key,
and what outlives Stripe's memory of keys (24 hours) is asked for before it is done again.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import stripe
import structlog
from msgspec import structs

from gridlane.billing.port import (
    Hold,
    HoldNotRaised,
    HoldState,
    PaymentDeclined,
    ProviderUnavailable,
    Seen,
    Source,
)
from gridlane.kernel.money import Money

NAME = "stripe"
KEY = "gridlane_key"
"""The field of Stripe's metadata that holds our key, so that an effect can be found again."""

log = structlog.get_logger(__name__)

_VISIT = "cs_"
"""How Stripe's ids of visits to its own page begin (Checkout Sessions)."""

_STATES = {
    "requires_capture": HoldState.HELD,
    "succeeded": HoldState.CAPTURED,
    "canceled": HoldState.GONE,
    "requires_payment_method": HoldState.NEEDS_DRIVER,
    "requires_confirmation": HoldState.NEEDS_DRIVER,
    "requires_action": HoldState.NEEDS_DRIVER,
    "processing": HoldState.NEEDS_DRIVER,
}


class Stripe:
    """Pays by card through Stripe. The SDK blocks, so each call runs in a thread."""

    name = NAME

    def __init__(self, api_key: str, base_url: str | None = None) -> None:
        """``base_url`` is for another server that speaks Stripe's API."""
        self._client = stripe.StripeClient(
            api_key,
            base_addresses={"api": base_url} if base_url else {},
            http_client=stripe.RequestsClient(timeout=20),
            max_network_retries=2,
        )

    async def customer(self, key: str, email: str) -> str:
        """A customer of Stripe for a person."""
        made = await self._ask(
            lambda v1: v1.customers.create({"email": email, "metadata": {KEY: key}}, {"idempotency_key": key})
        )
        return str(made.id)

    async def set_up(self, key: str, customer: str) -> Hold:
        """Begin to save a card: the driver's browser finishes with ``next_step``, Stripe's client secret."""
        made = await self._ask(
            lambda v1: v1.setup_intents.create(
                {"customer": customer, "usage": "off_session", "payment_method_types": ["card"]},
                {"idempotency_key": key},
            )
        )
        return Hold(made.id, HoldState.NEEDS_DRIVER, made.client_secret)

    async def card_of(self, set_up: str) -> tuple[str, str] | None:
        """The method that a set-up has saved and its label (``visa 4242``); None until it has."""
        found = await self._ask(lambda v1: v1.setup_intents.retrieve(set_up))
        if found.status != "succeeded" or not found.payment_method:
            return None
        method = await self._ask(lambda v1: v1.payment_methods.retrieve(str(found.payment_method)))
        card = method.card
        return str(method.id), f"{card.brand} {card.last4}" if card else str(method.type)

    async def hold(self, key: str, amount: Money, source: Source) -> Hold:
        if source.return_url is not None:
            return await self._hold_on_a_page(key, amount, source.return_url)
        wish: dict[str, Any] = {
            "amount": amount.minor(),
            "currency": amount.currency.lower(),
            "capture_method": "manual",
            "payment_method_types": ["card"],
            "metadata": {KEY: key},
        }
        if source.method:
            wish |= {"customer": source.customer, "payment_method": source.method}
            wish |= {"confirm": True, "off_session": True}
        intent = await self._existing(key)
        if intent is None:
            intent = await self._ask(lambda v1: v1.payment_intents.create(wish, {"idempotency_key": key}))
        state = _STATES[intent.status]
        if source.method and state is HoldState.NEEDS_DRIVER and intent.status == "requires_payment_method":
            raise PaymentDeclined(why="the card was declined")
        return Hold(intent.id, state, intent.client_secret if state is HoldState.NEEDS_DRIVER else None)

    async def _hold_on_a_page(self, key: str, amount: Money, return_url: str) -> Hold:
        """Let the guest confirm on Stripe's page; the payment is called after the visit until it is confirmed."""
        item = {
            "quantity": 1,
            "price_data": {
                "currency": amount.currency.lower(),
                "unit_amount": amount.minor(),
                "product_data": {"name": "Charging: held now, only what you use is taken"},
            },
        }
        wish = {
            "mode": "payment",
            "line_items": [item],
            "payment_method_types": ["card"],
            "payment_intent_data": {"capture_method": "manual", "metadata": {KEY: key}},
            "success_url": return_url,
            "cancel_url": return_url,
        }
        made = await self._ask(lambda v1: v1.checkout.sessions.create(wish, {"idempotency_key": key}))
        return Hold(made.id, HoldState.NEEDS_DRIVER, made.url)

    async def raise_hold(self, key: str, reference: str, source: Source, to: Money) -> None:
        try:
            await self._ask(
                lambda v1: v1.payment_intents.increment_authorization(
                    reference, {"amount": to.minor()}, {"idempotency_key": key}
                )
            )
        except (stripe.InvalidRequestError, stripe.APIError) as error:
            raise HoldNotRaised(why=error.user_message or "this card does not allow it") from None

    async def capture(self, key: str, reference: str, source: Source, amount: Money) -> None:
        state = (await self.seen(reference, source)).state
        if state is HoldState.CAPTURED:
            return
        if state is not HoldState.HELD:
            raise PaymentDeclined(why="the hold has expired or was cancelled")
        await self._ask(
            lambda v1: v1.payment_intents.capture(
                reference, {"amount_to_capture": amount.minor()}, {"idempotency_key": key}
            )
        )

    async def release(self, key: str, reference: str, source: Source) -> None:
        if reference.startswith(_VISIT):
            visit = await self._ask(lambda v1: v1.checkout.sessions.retrieve(reference))
            if visit.status == "open":
                await self._ask(lambda v1: v1.checkout.sessions.expire(reference))
            if not visit.payment_intent:
                return
            reference = str(visit.payment_intent)
        if (await self.seen(reference, source)).state is not HoldState.GONE:
            await self._ask(lambda v1: v1.payment_intents.cancel(reference, None, {"idempotency_key": key}))

    async def refund(self, key: str, reference: str, source: Source, amount: Money) -> None:
        made = await self._ask(lambda v1: v1.refunds.list({"payment_intent": reference, "limit": 100}))
        if any(_key_of(one) == key for one in made.data):
            return
        await self._ask(
            lambda v1: v1.refunds.create(
                {"payment_intent": reference, "amount": amount.minor(), "metadata": {KEY: key}},
                {"idempotency_key": key},
            )
        )

    async def seen(self, reference: str, source: Source) -> Seen:
        if reference.startswith(_VISIT):
            visit = await self._ask(lambda v1: v1.checkout.sessions.retrieve(reference))
            if visit.status != "complete":
                return Seen(HoldState.GONE if visit.status == "expired" else HoldState.NEEDS_DRIVER)
            intent_id = str(visit.payment_intent)
            return structs.replace(await self.seen(intent_id, source), reference=intent_id)
        intent = await self._ask(lambda v1: v1.payment_intents.retrieve(reference))
        received = getattr(intent, "amount_received", None)
        currency = intent.currency.upper()
        state = _STATES[intent.status]
        captured = Money.from_minor(received, currency) if received and state is HoldState.CAPTURED else None
        return Seen(state, captured)

    async def _existing(self, key: str) -> Any:
        """The intent a lost answer was about: among the latest, the one with our key."""
        latest = await self._ask(lambda v1: v1.payment_intents.list({"limit": 100}))
        return next((one for one in latest.data if _key_of(one) == key), None)

    async def _ask(self, call: Callable[[Any], Any]) -> Any:
        try:
            return await asyncio.to_thread(call, self._client.v1)
        except stripe.CardError as error:
            raise PaymentDeclined(why=error.user_message or "the card was declined") from None
        except (stripe.APIConnectionError, stripe.RateLimitError, stripe.APIError) as error:
            if error.http_status in (404, 405):  # a verb this server does not know
                raise
            log.warning("stripe does not answer", reason=str(error))
            raise ProviderUnavailable(provider=NAME) from None


def _key_of(made: Any) -> str | None:
    return getattr(made.metadata, KEY, None)
