"""Payments: each is held, then captured or released exactly once, whatever crashes in between.

A payment's row says what is about to be done before it is done (``holding``, ``capturing``, ``releasing``) and what
became of it after. Whoever finds a row in such a state carries on: the provider's effect has the payment's own key, so
doing it again is doing it once. The ledger learns of money in the same transaction as the row.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.billing import wallet
from gridlane.billing.ledger import Movement, moved
from gridlane.billing.model import payments, refunds
from gridlane.billing.port import (
    HoldNotRaised,
    HoldState,
    PaymentDeclined,
    PaymentProvider,
    ProviderUnavailable,
    Source,
)
from gridlane.billing.posting import post
from gridlane.kernel.clock import Clock
from gridlane.kernel.database import Database, Scope
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id
from gridlane.kernel.money import Money

log = structlog.get_logger(__name__)


class PaymentState(StrEnum):
    HOLDING = "holding"
    NEEDS_DRIVER = "needs_driver"
    HELD = "held"
    CAPTURING = "capturing"
    CAPTURED = "captured"
    RELEASING = "releasing"
    RELEASED = "released"
    DECLINED = "declined"


UNDER_WAY = (PaymentState.HOLDING, PaymentState.CAPTURING, PaymentState.RELEASING)


class Purpose(StrEnum):
    SESSION = "session"
    TOP_UP = "top_up"
    PLAN = "plan"
    FEE = "fee"


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """A row of ``payments`` as a value."""

    id: UUID
    organization_id: UUID
    payer_id: UUID
    person_id: UUID | None
    session_id: UUID | None
    purpose: Purpose
    source: Source
    state: PaymentState
    reference: str | None
    next_step: str | None
    held: Money
    wanted: Money
    captured: Money
    refunded: Money


class PaymentUnknown(Refusal):
    code = "payment_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no payment {payment}."


class PaymentNotHeld(Refusal):
    code = "payment_not_held"
    kind = Kind.CONFLICT
    sentence = "The payment {payment} is {state}; nothing is held that could be taken or raised."


class RefundTooMuch(Refusal):
    code = "refund_too_much"
    kind = Kind.CONFLICT
    sentence = "Only {left} of this payment can be refunded."


class ProviderUnknown(Refusal):
    code = "payment_provider_unknown"
    kind = Kind.UNSUPPORTED
    sentence = "This installation has no payment provider {provider}."


class Payments:
    """The verbs on payments. ``providers`` by name are the adapters of this installation."""

    def __init__(self, database: Database, providers: Mapping[str, PaymentProvider], clock: Clock) -> None:
        self._database = database
        self._providers = providers
        self._clock = clock

    async def begin(
        self,
        work: AsyncConnection,
        source: Source,
        amount: Money,
        *,
        payer_id: UUID,
        session_id: UUID | None = None,
        purpose: Purpose = Purpose.SESSION,
    ) -> UUID:
        """Write down that an amount is to be held, within the caller's unit of work; ``carry_on`` does it."""
        if source.provider not in self._providers:
            raise ProviderUnknown(provider=source.provider)
        id_, now = new_id(), self._clock()
        await work.execute(
            sa.insert(payments).values(
                id=id_,
                organization_id=source.organization_id,
                person_id=source.person_id,
                payer_id=payer_id,
                session_id=session_id,
                purpose=purpose.value,
                provider=source.provider,
                source=msgspec.json.encode(source).decode(),
                state=PaymentState.HOLDING.value,
                currency=amount.currency,
                held=amount.amount,
                created_at=now,
                changed_at=now,
            )
        )
        return id_

    def takes(self, provider: str) -> bool:
        """Whether this installation has the provider."""
        return provider in self._providers

    async def carry_on(self, organization_id: UUID, payment_id: UUID) -> Payment:
        """Do what the payment's state says is under way. Raises ProviderUnavailable where it stays unknown."""
        payment = await self.read(organization_id, payment_id)
        step = {
            PaymentState.HOLDING: self._hold,
            PaymentState.CAPTURING: self._capture,
            PaymentState.RELEASING: self._release,
        }.get(payment.state)
        if step is None:
            return payment
        await step(payment)
        return await self.read(organization_id, payment_id)

    async def capture(self, organization_id: UUID, payment_id: UUID, amount: Money) -> Payment:
        """Take the amount, or let everything go where it is zero. Asking again changes nothing.

        Raises PaymentNotHeld, ProviderUnavailable.
        """
        wish = PaymentState.CAPTURING if amount.amount > 0 else PaymentState.RELEASING
        await self._move(organization_id, payment_id, PaymentState.HELD, wish, wanted=amount.amount)
        payment = await self.carry_on(organization_id, payment_id)
        if payment.state not in (PaymentState.CAPTURED, PaymentState.RELEASED):
            raise PaymentNotHeld(payment=payment_id, state=payment.state.value)
        return payment

    async def release(self, organization_id: UUID, payment_id: UUID) -> Payment:
        """Let everything go, also what the driver has not confirmed. Asking again changes nothing."""
        for state in (PaymentState.HELD, PaymentState.NEEDS_DRIVER):
            await self._move(organization_id, payment_id, state, PaymentState.RELEASING)
        return await self.carry_on(organization_id, payment_id)

    async def raise_hold(self, organization_id: UUID, payment_id: UUID, to: Money) -> Payment:
        """Hold more than before. Raises HoldNotRaised, PaymentNotHeld, PaymentDeclined, ProviderUnavailable."""
        payment = await self.read(organization_id, payment_id)
        if payment.state is not PaymentState.HELD or payment.reference is None:
            raise PaymentNotHeld(payment=payment_id, state=payment.state.value)
        if to <= payment.held:
            return payment
        key = f"{payment_id}:raise:{to.amount}"
        await self._provider(payment).raise_hold(key, payment.reference, payment.source, to)
        await self._move(organization_id, payment_id, PaymentState.HELD, PaymentState.HELD, held=to.amount)
        return await self.read(organization_id, payment_id)

    async def refund(self, organization_id: UUID, payment_id: UUID, amount: Money, reason: str) -> UUID:
        """Give back of what was captured; gives the refund's id. Raises RefundTooMuch, ProviderUnavailable."""
        async with self._database.unit_of_work(Scope(organization_id)) as work:
            refund_id = await self.begin_refund(work, payment_id, amount, reason)
        await self.carry_on_refund(organization_id, refund_id)
        return refund_id

    async def begin_refund(self, work: AsyncConnection, payment_id: UUID, amount: Money, reason: str) -> UUID:
        """Write down that an amount goes back, within the caller's unit of work; ``carry_on_refund`` does it."""
        row, now = await _locked(work, payment_id), self._clock()
        left = row["captured"] - row["refunded"]
        if not 0 < amount.amount <= left:
            raise RefundTooMuch(left=Money(left, row["currency"]))
        refund_id = new_id()
        await work.execute(
            sa.insert(refunds).values(
                id=refund_id,
                organization_id=row["organization_id"],
                payment_id=payment_id,
                currency=amount.currency,
                amount=amount.amount,
                reason=reason,
                state="refunding",
                created_at=now,
            )
        )
        changed = {"refunded": payments.c.refunded + amount.amount, "changed_at": now}
        await work.execute(sa.update(payments).where(payments.c.id == payment_id).values(**changed))
        return refund_id

    async def carry_on_refunds(self, organization_id: UUID, payment_id: UUID) -> None:
        """Finish every refund of a payment that was written down and not done yet."""
        async with self._database.unit_of_work(Scope(organization_id)) as work:
            owed = sa.select(refunds.c.id).where(
                refunds.c.payment_id == payment_id, refunds.c.state == "refunding"
            )
            waiting = (await work.execute(owed)).scalars().all()
        for refund_id in waiting:
            await self.carry_on_refund(organization_id, refund_id)

    async def carry_on_refund(self, organization_id: UUID, refund_id: UUID) -> None:
        """Finish a refund that was written down."""
        async with self._database.unit_of_work(Scope(organization_id)) as work:
            row = (await work.execute(sa.select(refunds).where(refunds.c.id == refund_id))).mappings().one()
        if row["state"] != "refunding":
            return
        payment = await self.read(organization_id, row["payment_id"])
        amount = Money(row["amount"], row["currency"])
        key = f"{refund_id}:refund"
        assert payment.reference is not None
        try:
            await self._provider(payment).refund(key, payment.reference, payment.source, amount)
        except PaymentDeclined:
            await self._refund_failed(payment, refund_id, amount)
            raise
        async with self._database.unit_of_work(Scope(organization_id)) as work:
            await work.execute(sa.update(refunds).where(refunds.c.id == refund_id).values(state="refunded"))
            movement = (
                Movement.REFUNDED_TO_WALLET
                if payment.source.provider == wallet.NAME
                else Movement.REFUNDED_BY_PROVIDER
            )
            transfer = moved(movement, amount, self._clock(), key, holder_id=payment.payer_id)
            await post(work, organization_id, transfer, session_id=payment.session_id)

    async def _refund_failed(self, payment: Payment, refund_id: UUID, amount: Money) -> None:
        async with self._database.unit_of_work(Scope(payment.organization_id)) as work:
            failed = sa.update(refunds).where(refunds.c.id == refund_id, refunds.c.state == "refunding")
            if (await work.execute(failed.values(state="failed").returning(refunds.c.id))).first():
                await work.execute(
                    sa.update(payments)
                    .where(payments.c.id == payment.id)
                    .values(refunded=payments.c.refunded - amount.amount, changed_at=self._clock())
                )

    async def confirmed(self, organization_id: UUID, payment_id: UUID) -> Payment:
        """Look whether the driver has confirmed a hold by now."""
        payment = await self.read(organization_id, payment_id)
        if payment.state is PaymentState.NEEDS_DRIVER and payment.reference:
            seen = await self._provider(payment).seen(payment.reference, payment.source)
            now = {HoldState.HELD: PaymentState.HELD, HoldState.GONE: PaymentState.DECLINED}.get(seen.state)
            if now:
                called = {"reference": seen.reference} if seen.reference else {}
                await self._move(organization_id, payment_id, PaymentState.NEEDS_DRIVER, now, **called)
        return await self.read(organization_id, payment_id)

    async def resume(self, older_than: timedelta = timedelta(minutes=1)) -> int:
        """Carry on with everything a crash has left under way; gives how many were found. A periodic job."""
        before = self._clock() - older_than
        async with self._database.as_owner() as work:
            states = [state.value for state in UNDER_WAY]
            stuck = sa.select(payments.c.organization_id, payments.c.id).where(
                payments.c.state.in_(states), payments.c.changed_at <= before
            )
            waiting = (await work.execute(stuck)).all()
            owed = sa.select(refunds.c.organization_id, refunds.c.id).where(
                refunds.c.state == "refunding", refunds.c.created_at <= before
            )
            refunding = (await work.execute(owed)).all()
        for organization_id, id_ in waiting:
            await self._try(self.carry_on(organization_id, id_))
        for organization_id, id_ in refunding:
            await self._try(self.carry_on_refund(organization_id, id_))
        return len(waiting) + len(refunding)

    async def read(self, organization_id: UUID, payment_id: UUID) -> Payment:
        """Raises PaymentUnknown."""
        async with self._database.unit_of_work(Scope(organization_id)) as work:
            found = await work.execute(sa.select(payments).where(payments.c.id == payment_id))
            row = found.mappings().first()
        if row is None:
            raise PaymentUnknown(payment=payment_id)
        return payment_of(dict(row))

    async def _hold(self, payment: Payment) -> None:
        try:
            hold = await self._provider(payment).hold(f"{payment.id}:hold", payment.held, payment.source)
        except PaymentDeclined as refusal:
            log.info("hold declined", payment=str(payment.id), why=str(refusal))
            await self._move(payment.organization_id, payment.id, PaymentState.HOLDING, PaymentState.DECLINED)
            return
        state = PaymentState.HELD if hold.state is HoldState.HELD else PaymentState.NEEDS_DRIVER
        await self._move(
            payment.organization_id,
            payment.id,
            PaymentState.HOLDING,
            state,
            reference=hold.reference,
            next_step=hold.next_step,
        )

    async def _capture(self, payment: Payment) -> None:
        assert payment.reference is not None
        key = f"{payment.id}:capture"
        try:
            await self._provider(payment).capture(key, payment.reference, payment.source, payment.wanted)
        except PaymentDeclined as refusal:
            log.warning("capture declined", payment=str(payment.id), why=str(refusal))
            await self._move(
                payment.organization_id, payment.id, PaymentState.CAPTURING, PaymentState.DECLINED
            )
            return
        async with self._database.unit_of_work(Scope(payment.organization_id)) as work:
            if await self._moved(
                work,
                payment.id,
                PaymentState.CAPTURING,
                PaymentState.CAPTURED,
                captured=payment.wanted.amount,
            ):
                await self._post_captured(work, payment, key)

    async def _post_captured(self, work: AsyncConnection, payment: Payment, key: str) -> None:
        now, amount = self._clock(), payment.wanted
        if payment.purpose is Purpose.TOP_UP:
            assert payment.person_id is not None
            await wallet.credit(
                work, payment.organization_id, payment.person_id, amount, Movement.TOPPED_UP, key, now
            )
            return
        by_wallet = payment.source.provider == wallet.NAME
        movement = Movement.PAID_BY_WALLET if by_wallet else Movement.PAID_BY_PROVIDER
        transfer = moved(movement, amount, now, key, holder_id=payment.payer_id)
        await post(work, payment.organization_id, transfer, session_id=payment.session_id)

    async def _release(self, payment: Payment) -> None:
        if payment.reference is not None:
            key = f"{payment.id}:release"
            await self._provider(payment).release(key, payment.reference, payment.source)
        await self._move(payment.organization_id, payment.id, PaymentState.RELEASING, PaymentState.RELEASED)

    async def _move(
        self,
        organization_id: UUID,
        payment_id: UUID,
        before: PaymentState,
        after: PaymentState,
        **values: Any,
    ) -> bool:
        async with self._database.unit_of_work(Scope(organization_id)) as work:
            return await self._moved(work, payment_id, before, after, **values)

    async def _moved(
        self,
        work: AsyncConnection,
        payment_id: UUID,
        before: PaymentState,
        after: PaymentState,
        **values: Any,
    ) -> bool:
        """Whether the payment was in the state before, and is now in the one after."""
        done = await work.execute(
            sa.update(payments)
            .where(payments.c.id == payment_id, payments.c.state == before.value)
            .values(state=after.value, changed_at=self._clock(), **values)
            .returning(payments.c.id)
        )
        return done.first() is not None

    async def _try(self, step: Any) -> None:
        try:
            await step
        except (ProviderUnavailable, PaymentDeclined, HoldNotRaised) as refusal:
            log.warning("payment stays under way", reason=str(refusal))

    def _provider(self, payment: Payment) -> PaymentProvider:
        try:
            return self._providers[payment.source.provider]
        except KeyError:
            raise ProviderUnknown(provider=payment.source.provider) from None


def payment_of(row: Mapping[str, Any]) -> Payment:
    currency = row["currency"]
    return Payment(
        id=row["id"],
        organization_id=row["organization_id"],
        payer_id=row["payer_id"],
        person_id=row["person_id"],
        session_id=row["session_id"],
        purpose=Purpose(row["purpose"]),
        source=msgspec.json.decode(row["source"], type=Source),
        state=PaymentState(row["state"]),
        reference=row["reference"],
        next_step=row["next_step"],
        held=Money(row["held"], currency),
        wanted=Money(row["wanted"], currency),
        captured=Money(row["captured"], currency),
        refunded=Money(row["refunded"], currency),
    )


async def _locked(work: AsyncConnection, payment_id: UUID) -> Mapping[str, Any]:
    found = await work.execute(sa.select(payments).where(payments.c.id == payment_id).with_for_update())
    row = found.mappings().first()
    if row is None:
        raise PaymentUnknown(payment=payment_id)
    return dict(row)
