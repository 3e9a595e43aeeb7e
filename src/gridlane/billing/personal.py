"""What the money holds of people. Bills, payments and the ledger stay, under an id that leads to nobody any more."""

import asyncio
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.billing import issuing
from gridlane.billing.ledger import AccountKind
from gridlane.billing.model import (
    account_charges,
    account_payments,
    agreements,
    billing_details,
    bills,
    checkouts,
    documents,
    home_agreements,
    ledger_entries,
    money_tasks,
    payment_sources,
    payments,
    promotion_uses,
    refunds,
    reimbursements,
    settlements,
    subscriptions,
    vouchers,
    wallet_movements,
    wallets,
)
from gridlane.billing.payments import PaymentState
from gridlane.billing.settlement import Step
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.money import Money
from gridlane.kernel.personal import After, Holding, Person, Share, signed_by

LAW = "tax law has bills and what belongs to them kept for years"


class MoneyLeft(Refusal):
    code = "money_left"
    kind = Kind.CONFLICT
    sentence = "There are {amount} in the wallet; use them up, or ask us to pay them out, first."


class MoneyOwed(Refusal):
    code = "money_owed"
    kind = Kind.CONFLICT
    sentence = "{amount} are still to be paid; settle them first."


class MoneyUnderWay(Refusal):
    code = "money_under_way"
    kind = Kind.CONFLICT
    sentence = "A payment or a bill is not finished yet; try again in a while."


PAYMENTS = Holding(payments, ("person_id", "payer_id"), After.KEPT, LAW, hidden=frozenset({"next_step"}))
HOLDINGS = (
    Holding(refunds, (), After.KEPT, LAW, via=PAYMENTS, link="payment_id"),
    PAYMENTS,
    Holding(account_charges, after=After.KEPT, why=LAW),
    *signed_by(account_payments.c.booked_by),
    Holding(bills, after=After.KEPT, why=LAW),
    Holding(documents, after=After.KEPT, why=LAW),
    Holding(ledger_entries, ("holder_id",), After.KEPT, LAW),
    Holding(wallet_movements, after=After.KEPT, why=LAW),
    Holding(wallets),
    Holding(agreements, after=After.NAMELESS, blank={"person_id": None}),
    Holding(vouchers, ("redeemed_by",), After.NAMELESS, blank={"redeemed_by": None}),
    Holding(payment_sources),
    Holding(checkouts, ("email",), After.NAMELESS, blank={"email": None}),
    Holding(money_tasks, ("subject_id",), After.KEPT, LAW),
    Holding(
        subscriptions, after=After.KEPT, why=LAW,
        blank={"until": sa.func.least(subscriptions.c.until, sa.func.current_date())},
    ),
    Holding(promotion_uses, after=After.NAMELESS, blank={"person_id": None}),
    Holding(home_agreements, ("employee_id",), After.KEPT, LAW),
    Holding(reimbursements, ("employee_id",), After.KEPT, LAW),
    Holding(billing_details),
)  # fmt: skip


async def files(work: AsyncConnection, person: Person) -> Mapping[str, bytes]:
    """The documents, as they were issued."""
    from gridlane.billing.paper import pdf_of

    query = sa.select(documents.c.id, documents.c.number).where(Holding(documents).of(person))
    rows = (await work.execute(query.order_by(documents.c.issued_at))).all()
    told = {row.number: await issuing.read(work, row.id) for row in rows}
    return {
        f"invoices/{number.replace('/', '-')}.pdf": await asyncio.to_thread(pdf_of, document)
        for number, document in told.items()
    }


async def obstacles(work: AsyncConnection, person: Person) -> Sequence[Refusal]:
    """Nobody goes while money is under way, owed, or left in the wallet."""
    found: list[Refusal] = []
    purses = sa.select(wallets).where(Holding(wallets).of(person), wallets.c.balance > 0)
    found += [
        MoneyLeft(amount=Money(row.balance, row.currency)) for row in (await work.execute(purses)).all()
    ]
    owed = (
        sa.select(ledger_entries.c.currency, sa.func.sum(ledger_entries.c.amount).label("amount"))
        .where(
            Holding(ledger_entries, ("holder_id",)).of(person),
            ledger_entries.c.account == AccountKind.RECEIVABLE.value,
        )
        .group_by(ledger_entries.c.currency)
        .having(sa.func.sum(ledger_entries.c.amount) > 0)
    )
    found += [MoneyOwed(amount=Money(row.amount, row.currency)) for row in (await work.execute(owed)).all()]
    if await work.scalar(sa.select(_under_way(person))):
        found.append(MoneyUnderWay())
    return found


_ENDED = (Step.FREE, Step.DONE, Step.OWED)
_PAYING = (PaymentState.HOLDING, PaymentState.HELD, PaymentState.CAPTURING, PaymentState.RELEASING)


def _under_way(person: Person) -> sa.ColumnElement[bool]:
    """A charge that is not settled yet, or a payment that is neither captured nor let go."""
    ended = sa.exists().where(
        settlements.c.session_id == agreements.c.session_id, settlements.c.state.in_(_ENDED)
    )
    unsettled = sa.exists().where(
        Holding(agreements).of(person), agreements.c.session_id.is_not(None), ~ended
    )
    return sa.or_(unsettled, sa.exists().where(PAYMENTS.of(person), payments.c.state.in_(_PAYING)))


SHARE = Share(HOLDINGS, files=files, obstacles=obstacles)
