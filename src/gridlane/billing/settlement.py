"""A session's way to the money: rate, collect, issue. A saga whose every step can be done again.

Where a session stands is one row; each step reads it, does its part and moves it in the same transaction as what it
wrote. Money at providers moves only through ``payments``, whose rows say what is under way. So a crash between any two
effects leaves a state from which ``settle`` carries on to the same end: one bill, one capture or release, one invoice.

    (nothing) -> rated -> collected -> done
                       -> owing     -> owed -> (again) -> done
                       -> on_account -> (the fleet has paid its invoice) -> done
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.billing import issuing, on_account, taking_at_terminals
from gridlane.billing.agreeing import Agreement, agree_for_session
from gridlane.billing.billable import (
    bill_of,
    end_of,
    join_payments,
    paid_by,
    payer_of,
    session_row,
    source_of,
)
from gridlane.billing.fleet_accounts import account_of, keep_credit
from gridlane.billing.guarding import close_credit, open_credit
from gridlane.billing.invoicing import Document, DocumentKind, credited, document_of
from gridlane.billing.ledger import Movement, billed
from gridlane.billing.model import (
    bills,
    plan_usages,
    settlements,
    subscriptions,
)
from gridlane.billing.model import payments as payment_rows
from gridlane.billing.payments import Payment, Payments, PaymentState, payment_of
from gridlane.billing.posting import owed_for, post
from gridlane.billing.rating import Bill
from gridlane.billing.reconciliation import open_task
from gridlane.billing.wallet import credit
from gridlane.charging.model import sessions
from gridlane.kernel import facts
from gridlane.kernel.clock import Clock
from gridlane.kernel.database import Database, Scope
from gridlane.kernel.facts import Fact, Recorded
from gridlane.kernel.ids import new_id
from gridlane.kernel.money import Money
from gridlane.tariffs.session import Period


class Step(StrEnum):
    """Where a session stands on its way."""

    WAITING = "waiting"  # somebody has to look at the session first
    FREE = "free"  # no price is assigned, or nobody pays: nothing to settle
    RATED = "rated"
    COLLECTED = "collected"
    OWING = "owing"  # billed, not paid, not invoiced yet
    OWED = "owed"  # invoiced and not paid: asked again later
    ON_ACCOUNT = "on_account"  # a fleet pays it with its monthly invoice
    DONE = "done"


FINAL = (Step.FREE, Step.DONE, Step.OWED, Step.ON_ACCOUNT, Step.WAITING)


class SessionSettled(Fact, frozen=True, kw_only=True, tag="session_settled"):
    """A session is billed; ``paid`` says whether the money is here."""

    session_id: UUID
    person_id: UUID | None
    gross: str
    currency: str
    paid: bool


class Settlement:
    """Settles sessions of any organization."""

    def __init__(self, database: Database, payments: Payments, clock: Clock) -> None:
        self._database = database
        self._payments = payments
        self._clock = clock

    async def settle(self, organization_id: UUID, session_id: UUID) -> Step:
        """Take a session as far as it goes now. Raises ProviderUnavailable where it is to be tried again."""
        step = await self._stand(organization_id, session_id)
        if step is None or step is Step.WAITING:
            step = await self._rate(organization_id, session_id)
        if step is Step.OWED:
            step = await self._collect(organization_id, session_id, step)
        if step is Step.RATED:
            step = await self._collect(organization_id, session_id, step)
        if step in (Step.COLLECTED, Step.OWING):
            step = await self._issue(organization_id, session_id, step)
        return step

    async def correct(self, organization_id: UUID, session_id: UUID) -> Step:
        """Bill a session anew after what was reported of it has changed: credit the old, bill and settle the new."""
        step = await self.settle(organization_id, session_id)
        if step in (Step.DONE, Step.OWED, Step.ON_ACCOUNT) and await self._rebill(
            organization_id, session_id
        ):
            return await self.settle(organization_id, session_id)
        return step

    async def paid_at_terminal(self, organization_id: UUID, session_id: UUID) -> Step:
        """Settle a session that a terminal took money for, however far it came without knowing."""
        step = await self._stand(organization_id, session_id)
        if step is Step.DONE:
            return await self._collect(organization_id, session_id, Step.OWED)
        if step is Step.FREE:
            await self._rate(organization_id, session_id)
        if step is Step.ON_ACCOUNT:
            async with self._database.unit_of_work(Scope(organization_id)) as work:
                what = "A terminal took money for a session that a fleet pays on account; give it back."
                await open_task(work, organization_id, "terminal_differs", session_id, what, self._clock())
        return await self.settle(organization_id, session_id)

    async def _stand(self, organization_id: UUID, session_id: UUID) -> Step | None:
        async with self._database.unit_of_work(Scope(organization_id)) as work:
            found = await work.scalar(
                sa.select(settlements.c.state).where(settlements.c.session_id == session_id)
            )
        return None if found is None else Step(found)

    # ---- rate -------------------------------------------------------------------------------------------------------

    async def _rate(self, organization_id: UUID, session_id: UUID) -> Step:
        """The bill and what is owed for it, in one transaction."""
        async with self._database.unit_of_work(Scope(organization_id)) as work:
            session = await session_row(work, session_id)
            if session["held"]:
                return await self._note(work, session, Step.WAITING, trouble="the session waits for a review")
            agreement = await agree_for_session(work, session_id)
            payer = await payer_of(work, session)
            if payer is not None and payer != session["person_id"]:
                await join_payments(work, payer, session_id)
            if agreement is None or payer is None or session["refused"]:
                why = "no tariff is assigned" if agreement is None else "nobody pays for it"
                await self._let_go(work, session_id)
                return await self._note(work, session, Step.FREE, trouble=why)
            bill, periods = await bill_of(work, session, agreement)
            bill_id = await self._keep(work, session, agreement, bill, periods, revision=1)
            await self._post(work, session, bill_id, bill, payer)
            return await self._note(work, session, Step.RATED, bill_id=bill_id)

    async def _let_go(self, work: AsyncConnection, session_id: UUID) -> None:
        """What was held for a session that costs nothing is released by the payments' own job."""
        await work.execute(
            sa.update(payment_rows)
            .where(payment_rows.c.session_id == session_id, payment_rows.c.state == PaymentState.HELD.value)
            .values(state=PaymentState.RELEASING.value, changed_at=self._clock())
        )

    async def _keep(
        self,
        work: AsyncConnection,
        session: Mapping[str, Any],
        agreement: Agreement,
        bill: Bill,
        periods: Sequence[Period],
        *,
        revision: int,
    ) -> UUID:
        id_ = new_id()
        await work.execute(
            sa.insert(bills).values(
                id=id_,
                organization_id=agreement.organization_id,
                session_id=session["id"],
                revision=revision,
                person_id=session["person_id"],
                content=msgspec.json.encode(bill).decode(),
                periods=msgspec.json.encode(periods).decode(),
                currency=bill.net.currency,
                net=bill.net.amount,
                tax=bill.tax.amount,
                rated_at=self._clock(),
            )
        )
        await _use_plan(work, session, bill)
        return id_

    async def _post(
        self, work: AsyncConnection, session: Mapping[str, Any], bill_id: UUID, bill: Bill, payer: UUID
    ) -> None:
        if bill.gross:
            transfer = billed(bill.net, bill.tax, self._clock(), f"{bill_id}:billed", payer)
            await post(work, session["organization_id"], transfer, session_id=session["id"])

    # ---- collect ----------------------------------------------------------------------------------------------------

    async def _collect(self, organization_id: UUID, session_id: UUID, before: Step) -> Step:
        """Bring what was paid to what is owed: capture, release, charge the rest, or give back."""
        async with self._database.unit_of_work(Scope(organization_id)) as work:
            session = await session_row(work, session_id)
            at_terminal = await self._take_at_terminals(work, session)
            if not at_terminal and await self._on_account(work, session):
                return Step.ON_ACCOUNT
        for payment in await self._payments_of(organization_id, session_id):
            await self._finish(payment, await self._owed(organization_id, session_id))
        if not at_terminal:
            await self._even_out(session)
        owed = await self._owed(organization_id, session_id)
        paid = owed.amount <= 0 if at_terminal else not owed
        after = (
            (Step.COLLECTED if paid else Step.OWING)
            if before is Step.RATED
            else (Step.DONE if paid else Step.OWED)
        )
        async with self._database.unit_of_work(Scope(organization_id)) as work:
            await self._credit_line(work, session, paid)
            if at_terminal:
                trouble = await taking_at_terminals.compare(work, session, owed, self._clock())
            else:
                trouble = None if paid else f"{owed} could not be collected"
            return await self._note(work, session, after, trouble=trouble)

    async def _on_account(self, work: AsyncConnection, session: Mapping[str, Any]) -> bool:
        """Whether a fleet pays for it: then its bill goes on the account, and nothing is collected now."""
        agreement = await agree_for_session(work, session["id"])
        if agreement is None or agreement.account_id is None:
            return False
        of_session = settlements.c.session_id == session["id"]
        state = await work.scalar(sa.select(settlements.c.state).where(of_session).with_for_update())
        if state != Step.RATED.value:
            return state == Step.ON_ACCOUNT.value
        bill, now = await latest_bill(work, session["id"]), self._clock()
        account = await account_of(work, agreement.account_id)
        await on_account.charge(work, agreement.account_id, session, bill, agreement.time_zone, now)
        await keep_credit(work, account, now)
        await self._tell(work, session, bill, paid=False)
        await self._note(work, session, Step.ON_ACCOUNT, document_id=None)
        return True

    async def _take_at_terminals(self, work: AsyncConnection, session: Mapping[str, Any]) -> bool:
        bill, payer = await latest_bill(work, session["id"]), await payer_of(work, session)
        assert payer is not None  # it was billed to somebody
        return await taking_at_terminals.take(work, session, payer, bill.net.currency, self._clock())

    async def _even_out(self, session: Mapping[str, Any]) -> None:
        """Charge what is still owed, or give back what was paid too much."""
        organization_id, session_id = session["organization_id"], session["id"]
        owed = await self._owed(organization_id, session_id)
        if owed.amount > 0:
            await self._charge(organization_id, session, owed)
        elif owed.amount < 0:
            given = await self._give_back(organization_id, session_id, -owed)
            await self._into_the_wallet(session, -owed - given)

    async def _credit_line(self, work: AsyncConnection, session: Mapping[str, Any], paid: bool) -> None:
        """Who owes does not start again; who has paid everything does."""
        person_id = session["person_id"]
        if person_id is None:
            return
        if not paid:
            await close_credit(work, session["organization_id"], person_id, self._clock())
        elif not await _owes_otherwise(work, person_id, session["id"]):
            await open_credit(work, person_id)

    async def _owed(self, organization_id: UUID, session_id: UUID) -> Money:
        """What the ledger says is owed for a session: bills less credits, payments and what went back."""
        async with self._database.unit_of_work(Scope(organization_id)) as work:
            bill = await latest_bill(work, session_id)
            return await owed_for(work, session_id, bill.net.currency)

    async def _payments_of(self, organization_id: UUID, session_id: UUID) -> list[Payment]:
        """All payments of a session, oldest first, each carried on where a crash left it, with its refunds."""
        async with self._database.unit_of_work(Scope(organization_id)) as work:
            query = sa.select(payment_rows).where(payment_rows.c.session_id == session_id)
            found = (await work.execute(query.order_by(payment_rows.c.id))).mappings().all()
        known = [payment_of(dict(row)) for row in found]
        for payment in known:
            await self._payments.carry_on_refunds(organization_id, payment.id)
        return [await self._payments.carry_on(organization_id, payment.id) for payment in known]

    async def _finish(self, payment: Payment, owed: Money) -> None:
        """Take of a hold what is owed, and let go what was never confirmed."""
        if payment.state is PaymentState.HELD:
            wanted = max(min(owed, payment.held), Money.zero(owed.currency))
            await self._payments.capture(payment.organization_id, payment.id, wanted)
        elif payment.state is PaymentState.NEEDS_DRIVER:
            await self._payments.release(payment.organization_id, payment.id)

    async def _charge(self, organization_id: UUID, session: Mapping[str, Any], owed: Money) -> None:
        """Try the payer's way to pay, once."""
        async with self._database.unit_of_work(Scope(organization_id)) as work:
            source = await source_of(work, session)
            if source is None or source.person_id is None:
                return
            payment_id = await self._payments.begin(
                work, source, owed, payer_id=source.person_id, session_id=session["id"]
            )
        payment = await self._payments.carry_on(organization_id, payment_id)
        if payment.state is PaymentState.HELD:
            await self._payments.capture(organization_id, payment_id, owed)

    async def _give_back(self, organization_id: UUID, session_id: UUID, excess: Money) -> Money:
        given = Money.zero(excess.currency)
        for payment in reversed(await self._payments_of(organization_id, session_id)):
            left = min(payment.captured - payment.refunded, excess - given)
            if left.amount > 0:
                await self._payments.refund(organization_id, payment.id, left, "corrected bill")
                given += left
        return given

    async def _into_the_wallet(self, session: Mapping[str, Any], earned: Money) -> None:
        """What a session earned the driver (spot prices below zero) and no payment can take back."""
        if earned.amount <= 0 or session["person_id"] is None:
            return
        async with self._database.unit_of_work(Scope(session["organization_id"])) as work:
            of_session = settlements.c.session_id == session["id"]
            bill_id = await work.scalar(sa.select(settlements.c.bill_id).where(of_session))
            await credit(
                work,
                session["organization_id"],
                session["person_id"],
                earned,
                Movement.REFUNDED_TO_WALLET,
                f"{bill_id}:earned",
                self._clock(),
                session_id=session["id"],
            )

    # ---- issue ------------------------------------------------------------------------------------------------------

    async def _issue(self, organization_id: UUID, session_id: UUID, before: Step) -> Step:
        """The invoice with its number and the end of the settlement, in one transaction."""
        paid = before is Step.COLLECTED
        async with self._database.unit_of_work(Scope(organization_id)) as work:
            locked = await work.scalar(
                sa.select(settlements.c.state).where(settlements.c.session_id == session_id).with_for_update()
            )
            if locked != before.value:
                return Step(str(locked))
            session = await session_row(work, session_id)
            bill = await latest_bill(work, session_id)
            document_id = None
            if bill.lines:
                document = await self._document(work, session, bill, paid)
                document_id = await issuing.store(
                    work,
                    organization_id,
                    document,
                    self._clock(),
                    person_id=session["person_id"],
                    session_id=session_id,
                )
            await self._tell(work, session, bill, paid=paid)
            return await self._note(work, session, Step.DONE if paid else Step.OWED, document_id=document_id)

    async def _tell(
        self, work: AsyncConnection, session: Mapping[str, Any], bill: Bill, *, paid: bool
    ) -> None:
        fact = SessionSettled(
            session_id=session["id"],
            person_id=session["person_id"],
            gross=str(bill.gross.amount),
            currency=bill.gross.currency,
            paid=paid,
        )
        recorded = Recorded(fact, session["id"], session["organization_id"], self._clock())
        await facts.record(work, [recorded])

    async def _document(
        self, work: AsyncConnection, session: dict[str, Any], bill: Bill, paid: bool
    ) -> Document:
        now, organization_id = self._clock(), session["organization_id"]
        agreement = await agree_for_session(work, session["id"])
        assert agreement is not None
        kind = DocumentKind.INVOICE if session["person_id"] else DocumentKind.RECEIPT
        seller = await issuing.seller(work, organization_id)
        guest = {"de": "Gast"}.get(agreement.language, "Guest")
        return document_of(
            bill,
            kind=kind,
            number=await issuing.take_number(work, organization_id, kind, now.year),
            issued=now.date(),
            language=agreement.language,
            seller=seller,
            buyer=await issuing.buyer(work, session["person_id"], seller.country, guest),
            service=await issuing.service_of(work, session, agreement.time_zone, end_of(session)),
            paid=bill.gross if paid else None,
            paid_by=await paid_by(work, session["id"]) if paid else "",
        )

    # ---- correct ----------------------------------------------------------------------------------------------------

    async def _rebill(self, organization_id: UUID, session_id: UUID) -> bool:
        """Whether the bill has changed; then the old one is credited and the new one owed."""
        now = self._clock()
        async with self._database.unit_of_work(Scope(organization_id)) as work:
            query = sa.select(settlements.c.state).where(settlements.c.session_id == session_id)
            await work.execute(query.with_for_update())
            session = await session_row(work, session_id)
            agreement, payer = await agree_for_session(work, session_id), await payer_of(work, session)
            old = await latest_bill(work, session_id)
            if agreement is None or payer is None or session["held"]:
                return False
            new, periods = await bill_of(work, session, agreement)
            standing = await issuing.latest_of_session(work, session_id)
            if new == old:
                return False
            given_back = bool(standing is not None and standing.credited)
            if given_back or await on_account.was_refunded(work, session_id):
                sentence = (
                    "What was reported of the session has changed after money was given back; look at both."
                )
                await open_task(work, organization_id, "corrected_after_credit", session_id, sentence, now)
                return False
            revision = 1 + int(
                await work.scalar(
                    sa.select(sa.func.max(bills.c.revision)).where(bills.c.session_id == session_id)
                )
                or 0
            )
            bill_id = await self._keep(work, session, agreement, new, periods, revision=revision)
            if old.gross:
                back = billed(-old.net, -old.tax, now, f"{bill_id}:credited", payer, reason="credited")
                await post(work, organization_id, back, session_id=session_id)
            await self._post(work, session, bill_id, new, payer)
            if agreement.account_id is not None:
                await on_account.take_back(work, agreement.account_id, session, now)
            await self._credit(work, session, standing)
            await self._note(work, session, Step.RATED, bill_id=bill_id)
        return True

    async def _credit(
        self, work: AsyncConnection, session: dict[str, Any], standing: issuing.Standing | None
    ) -> None:
        if standing is None or not standing.document.gross:
            return
        now, organization_id = self._clock(), session["organization_id"]
        kind = DocumentKind.CREDIT_NOTE
        note = credited(
            standing.document,
            number=await issuing.take_number(work, organization_id, kind, now.year),
            issued=now.date(),
            reason={"de": "Berichtigung des Ladevorgangs"}.get(
                standing.document.language, "The session was corrected"
            ),
        )
        await issuing.store(
            work,
            organization_id,
            note,
            now,
            person_id=session["person_id"],
            session_id=session["id"],
            corrects_id=standing.id,
        )

    async def _note(
        self, work: AsyncConnection, session: Mapping[str, Any], step: Step, **values: Any
    ) -> Step:
        row = {"state": step.value, "changed_at": self._clock(), "trouble": None, **values}
        await work.execute(
            insert(settlements)
            .values(session_id=session["id"], organization_id=session["organization_id"], **row)
            .on_conflict_do_update(index_elements=["session_id"], set_=row)
        )
        return step


async def _owes_otherwise(work: AsyncConnection, person_id: UUID, session_id: UUID) -> bool:
    query = (
        sa.select(sa.func.count())
        .select_from(settlements)
        .join(sessions, sessions.c.id == settlements.c.session_id)
        .where(
            sessions.c.person_id == person_id,
            sessions.c.id != session_id,
            settlements.c.state.in_([Step.OWED.value, Step.OWING.value]),
        )
    )
    return bool(await work.scalar(query))


async def latest_bill(work: AsyncConnection, session_id: UUID) -> Bill:
    query = sa.select(bills.c.content).where(bills.c.session_id == session_id)
    content = await work.scalar(query.order_by(bills.c.revision.desc()).limit(1))
    return msgspec.json.decode(content or "", type=Bill)


async def unpaid(work: AsyncConnection, older_than: timedelta, now: datetime) -> list[tuple[UUID, UUID]]:
    """(organization, session) of what is to be asked again."""
    query = sa.select(settlements.c.organization_id, settlements.c.session_id).where(
        settlements.c.state.in_([Step.OWED.value, Step.RATED.value, Step.OWING.value, Step.COLLECTED.value]),
        settlements.c.changed_at <= now - older_than,
    )
    return [(row.organization_id, row.session_id) for row in await work.execute(query)]


async def presumed_over(
    work: AsyncConnection, older_than: timedelta, now: datetime
) -> list[tuple[UUID, UUID]]:
    """(organization, session) of what is presumed to have ended long ago and was never billed."""
    query = (
        sa.select(sessions.c.organization_id, sessions.c.id)
        .join(settlements, settlements.c.session_id == sessions.c.id, isouter=True)
        .where(
            sessions.c.status != "active",
            sessions.c.organization_id.is_not(None),
            sa.func.coalesce(sessions.c.ended_at, sessions.c.presumed_end) <= now - older_than,
            settlements.c.session_id.is_(None),
        )
    )
    return [(row.organization_id, row.id) for row in await work.execute(query)]


async def _use_plan(work: AsyncConnection, session: Mapping[str, Any], bill: Bill) -> None:
    """Count what the plan gave; a corrected bill replaces what the one before counted."""
    await work.execute(sa.delete(plan_usages).where(plan_usages.c.session_id == session["id"]))
    if bill.included <= 0:
        return
    day = session["started_at"].date()
    subscription = await work.scalar(
        sa.select(subscriptions.c.id)
        .where(
            subscriptions.c.person_id == session["person_id"],
            subscriptions.c.since <= day,
            sa.or_(subscriptions.c.until.is_(None), subscriptions.c.until > day),
        )
        .order_by(subscriptions.c.since.desc())
        .limit(1)
    )
    if subscription:
        await work.execute(
            sa.insert(plan_usages).values(
                session_id=session["id"],
                organization_id=session["organization_id"],
                subscription_id=subscription,
                month=day.replace(day=1),
                energy=bill.included,
            )
        )
