"""What Stripe tells us unasked. An event is believed by its signature, counts once, and mostly means: look again.

Events come twice, late and in any order, so none is taken at its word about a payment: the payment is looked at where
it stands. Only what has no row of ours yet is posted from the event itself: disputes, and refunds made at Stripe.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import stripe
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.billing.ledger import Movement, moved
from gridlane.billing.model import payment_sources, payments, provider_events
from gridlane.billing.payments import Payment, Payments, payment_of
from gridlane.billing.posting import post
from gridlane.billing.reconciliation import open_task
from gridlane.billing.stripe import KEY, NAME, Stripe
from gridlane.kernel.clock import Clock
from gridlane.kernel.database import Database, Scope
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.money import Money

log = structlog.get_logger(__name__)

TOLERANCE_SECONDS = 300


class EventForged(Refusal):
    code = "provider_event_forged"
    kind = Kind.INVALID
    sentence = "This event is not signed by the payment provider, or is too old."


class Webhooks:
    """Takes Stripe's events for all organizations of this installation."""

    def __init__(
        self, database: Database, payments: Payments, provider: Stripe, secret: str, clock: Clock
    ) -> None:
        self._database = database
        self._payments = payments
        self._provider = provider
        self._secret = secret
        self._clock = clock

    async def take(self, payload: bytes, signature: str) -> Payment | None:
        """Take an event as it came over HTTP; gives the payment it was about. Raises EventForged."""
        event = self._believed(payload, signature)
        subject = event["data"]["object"]
        if event["type"].startswith("setup_intent."):
            await self._card_saved(subject)
            return None
        payment = await self._payment_of(subject)
        if payment is None:
            log.info("event about a payment of others", event_id=event["id"], kind=event["type"])
            return None
        handle = _HANDLERS.get(event["type"])
        async with self._database.unit_of_work(Scope(payment.organization_id)) as work:
            if await self._is_new(work, event, payment.organization_id) and handle:
                await handle(work, payment, subject, self._clock())
        return await self._payments.confirmed(payment.organization_id, payment.id)

    def _believed(self, payload: bytes, signature: str) -> dict[str, Any]:
        try:
            event = stripe.Webhook.construct_event(payload, signature, self._secret, TOLERANCE_SECONDS)
        except (stripe.SignatureVerificationError, ValueError):
            raise EventForged from None
        believed: dict[str, Any] = event.to_dict()
        return believed

    async def _is_new(self, work: AsyncConnection, event: Mapping[str, Any], organization_id: UUID) -> bool:
        made = await work.execute(
            insert(provider_events)
            .values(
                provider=NAME,
                event_id=event["id"],
                organization_id=organization_id,
                kind=event["type"],
                created_at=datetime.fromtimestamp(event["created"], UTC),
                received_at=self._clock(),
            )
            .on_conflict_do_nothing()
            .returning(provider_events.c.event_id)
        )
        return made.first() is not None

    async def _payment_of(self, subject: Mapping[str, Any]) -> Payment | None:
        whole = subject["object"] in ("payment_intent", "checkout.session")
        reference = subject["id"] if whole else subject.get("payment_intent")
        async with self._database.as_owner() as work:
            found = await work.execute(
                sa.select(payments).where(payments.c.provider == NAME, payments.c.reference == reference)
            )
            row = found.mappings().first()
        return None if row is None else payment_of(dict(row))

    async def _card_saved(self, subject: Mapping[str, Any]) -> None:
        """A card was set up: the person can pay with it from now on."""
        card = await self._provider.card_of(subject["id"])
        if card is None:
            return
        async with self._database.as_owner() as work:
            of_customer = sa.update(payment_sources).where(
                payment_sources.c.provider == NAME, payment_sources.c.customer == subject["customer"]
            )
            await work.execute(of_customer.values(method=card[0], label=card[1]))


async def _disputed(
    work: AsyncConnection, payment: Payment, subject: Mapping[str, Any], now: datetime
) -> None:
    transfer = moved(
        Movement.DISPUTED, _amount(subject), now, f"{subject['id']}:disputed", holder_id=payment.payer_id
    )
    await post(work, payment.organization_id, transfer, session_id=payment.session_id)
    sentence = f"A payment of {_amount(subject)} is disputed; answer at Stripe with the session's evidence."
    await open_task(work, payment.organization_id, "dispute", payment.id, sentence, now)


async def _dispute_closed(
    work: AsyncConnection, payment: Payment, subject: Mapping[str, Any], now: datetime
) -> None:
    won = subject["status"] in ("won", "warning_closed")
    movement = Movement.DISPUTE_WON if won else Movement.WRITTEN_OFF
    # An event may come before the one that opened the dispute; its transfer has a key, so it is posted once.
    await _disputed(work, payment, subject, now)
    transfer = moved(movement, _amount(subject), now, f"{subject['id']}:closed", holder_id=payment.payer_id)
    await post(work, payment.organization_id, transfer, session_id=payment.session_id)


async def _refunded(
    work: AsyncConnection, payment: Payment, subject: Mapping[str, Any], now: datetime
) -> None:
    """A refund that was made at Stripe and not here; ours carry our key."""
    if (subject.get("metadata") or {}).get(KEY):
        return
    amount = _amount(subject)
    transfer = moved(
        Movement.REFUNDED_BY_PROVIDER, amount, now, f"{subject['id']}:refund", holder_id=payment.payer_id
    )
    if await post(work, payment.organization_id, transfer, session_id=payment.session_id):
        await work.execute(
            sa.update(payments)
            .where(payments.c.id == payment.id)
            .values(refunded=sa.func.least(payments.c.refunded + amount.amount, payments.c.captured))
        )
        sentence = f"{amount} were refunded at Stripe; issue a credit note for them."
        await open_task(work, payment.organization_id, "refund_elsewhere", payment.id, sentence, now)


def _amount(subject: Mapping[str, Any]) -> Money:
    return Money.from_minor(subject["amount"], subject["currency"].upper())


_Handler = Callable[[AsyncConnection, Payment, Mapping[str, Any], datetime], Awaitable[None]]
_HANDLERS: dict[str, _Handler] = {
    "charge.dispute.created": _disputed,
    "charge.dispute.closed": _dispute_closed,
    "refund.created": _refunded,
}
"""What an event does by itself; any other only lets the payment be looked at."""
