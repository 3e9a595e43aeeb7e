"""The monthly invoices of fleets: issued once a month, paid in one or more transfers, reminded of when overdue.

Each step is one transaction: an invoice with its number, its lines and its mail; a payment with its entry in the ledger;
a reminder with the count that it was sent.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts import groups, letters, mail
from gridlane.accounts.model import driver_groups, organizations
from gridlane.billing import issuing
from gridlane.billing.collective import AccountCharge, collective_invoice
from gridlane.billing.fleet_accounts import account_of, keep_credit
from gridlane.billing.invoicing import Document, DocumentKind
from gridlane.billing.ledger import Movement, moved
from gridlane.billing.model import (
    account_charges,
    account_invoices,
    account_payments,
    fleet_accounts,
    settlements,
)
from gridlane.billing.paper import day, money
from gridlane.billing.posting import post
from gridlane.kernel import audit
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.database import Database, Scope
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id
from gridlane.kernel.money import Money

log = structlog.get_logger(__name__)

CLOSES_AFTER = timedelta(days=1)
"""A month is invoiced when its last sessions have had a day to be settled."""
REMINDED_AFTER = timedelta(days=3)
"""A transfer that is on its way at the due date is not reminded of."""
REMINDED_AGAIN = timedelta(days=14)
MOST_REMINDERS = 3


class InvoiceUnknown(Refusal):
    code = "fleet_invoice_unknown"
    kind = Kind.NOT_FOUND
    sentence = "The fleet has no invoice {invoice}."


class InvoiceOverpaid(Refusal):
    code = "fleet_invoice_overpaid"
    kind = Kind.CONFLICT
    sentence = "Only {left} of {number} is open; book what is more on another invoice, or send it back."


class TransferBooked(Refusal):
    code = "transfer_booked"
    kind = Kind.CONFLICT
    sentence = "The transfer {reference} is booked on {number} already."


class TransferUnknown(Refusal):
    code = "transfer_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no booked transfer {payment} on this invoice."


# ---- issuing -------------------------------------------------------------------------------------------------------


async def issue_month(database: Database, address: str, now: datetime) -> int:
    """Issue the invoices of the calendar month (UTC) before, where there is something to invoice and none is yet; gives
    how many were made now. A daily job. A month whose charges add up to nothing or less waits for the next.
    """
    first = (now - CLOSES_AFTER).date().replace(day=1)
    month = (first - timedelta(days=1)).replace(day=1)
    async with database.as_owner() as work:
        waiting = sa.exists().where(
            account_charges.c.account_id == fleet_accounts.c.group_id,
            account_charges.c.document_id.is_(None),
            account_charges.c.ended_at < _midnight(first, now),
        )
        query = sa.select(fleet_accounts.c.organization_id, fleet_accounts.c.group_id).where(waiting)
        found = (await work.execute(query)).all()
    made = 0
    for organization_id, group_id in found:
        async with database.unit_of_work(Scope(organization_id)) as work:
            made += await _issue(work, await account_of(work, group_id), address, month, now) is not None
    return made


async def _issue(
    work: AsyncConnection, account: Mapping[str, Any], address: str, month: date, now: datetime
) -> UUID | None:
    group_id, organization_id = account["group_id"], account["organization_id"]
    locked = sa.select(fleet_accounts.c.group_id).where(fleet_accounts.c.group_id == group_id)
    await work.execute(locked.with_for_update())
    of_month = sa.and_(account_invoices.c.account_id == group_id, account_invoices.c.month == month)
    following = (month + timedelta(days=32)).replace(day=1)
    query = sa.select(account_charges).where(
        account_charges.c.account_id == group_id,
        account_charges.c.document_id.is_(None),
        account_charges.c.ended_at < _midnight(following, now),
    )
    rows = [dict(row) for row in (await work.execute(query.order_by(account_charges.c.id))).mappings()]
    if await work.scalar(sa.select(sa.exists().where(of_month))) or sum(row["gross"] for row in rows) <= 0:
        return None
    document = await _document(work, account, rows, month, now)
    document_id = await issuing.store(work, organization_id, document, now)
    await work.execute(
        sa.insert(account_invoices).values(
            document_id=document_id,
            organization_id=organization_id,
            account_id=group_id,
            number=document.number,
            month=month,
            issued_on=document.issued,
            due_on=document.due_on,
            sessions=len({row["session_id"] for row in rows}),
            currency=document.gross.currency,
            gross=document.gross.amount,
        )
    )
    invoiced = account_charges.c.id.in_([row["id"] for row in rows])
    await work.execute(sa.update(account_charges).where(invoiced).values(document_id=document_id))
    of_sessions = settlements.c.session_id.in_([row["session_id"] for row in rows])
    await work.execute(sa.update(settlements).where(of_sessions).values(document_id=document_id))
    await _write(work, "fleet_invoice", account, await _invoice(work, group_id, document_id), address)
    return document_id


async def _document(
    work: AsyncConnection,
    account: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    month: date,
    now: datetime,
) -> Document:
    organization_id, kind = account["organization_id"], DocumentKind.INVOICE
    last = (month + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return collective_invoice(
        [msgspec.json.decode(row["content"], type=AccountCharge) for row in rows],
        number=await issuing.take_number(work, organization_id, kind, now.year),
        issued=now.date(),
        due_on=now.date() + timedelta(days=account["payment_days"]),
        month=(month, last),
        language=account["language"],
        seller=await issuing.seller(work, organization_id),
        buyer=account["buyer"],
    )


def _midnight(day_: date, now: datetime) -> datetime:
    return datetime(day_.year, day_.month, day_.day, tzinfo=now.tzinfo)


# ---- paying --------------------------------------------------------------------------------------------------------


async def invoice_of(
    work: AsyncConnection, caller: Caller, group_id: UUID, document_id: UUID
) -> dict[str, Any]:
    """An invoice of a fleet that the caller may see. Raises NotAllowed, GroupUnknown, InvoiceUnknown."""
    await groups.group_of(work, caller, group_id)
    return await _invoice(work, group_id, document_id)


async def book(
    work: AsyncConnection,
    caller: Caller,
    group_id: UUID,
    document_id: UUID,
    *,
    amount: Decimal | None,
    received_on: date,
    reference: str,
    now: datetime,
) -> UUID:
    """Book a transfer that came for an invoice, whole (``amount`` None) or in part; gives the payment's id.

    Raises NotAllowed, GroupUnknown, InvoiceUnknown, InvoiceOverpaid, TransferBooked.
    """
    caller.require(Permission.MONEY_WRITE)
    await groups.group_of(work, caller, group_id)
    invoice = await _invoice(work, group_id, document_id, lock=True)
    left = Money(invoice["gross"] - invoice["paid"], invoice["currency"])
    paid = left if amount is None else Money(amount, left.currency)
    if not Money.zero(left.currency) < paid <= left:
        raise InvoiceOverpaid(left=left, number=invoice["number"])
    id_ = new_id()
    made = await work.execute(
        insert(account_payments)
        .values(
            id=id_,
            organization_id=invoice["organization_id"],
            document_id=document_id,
            currency=paid.currency,
            amount=paid.amount,
            received_on=received_on,
            reference=reference,
            booked_by=caller.name,
            booked_at=now,
        )
        .on_conflict_do_nothing()
        .returning(account_payments.c.id)
    )
    if made.first() is None:
        raise TransferBooked(reference=reference, number=invoice["number"])
    await _move(work, invoice, Movement.PAID_BY_TRANSFER, paid, f"{id_}:booked", now)
    after = {"number": invoice["number"], "amount": str(paid), "reference": reference}
    await audit.record(work, caller, "fleet_invoice.paid", document_id, after=after)
    return id_


async def reverse(
    work: AsyncConnection,
    caller: Caller,
    group_id: UUID,
    document_id: UUID,
    payment_id: UUID,
    reason: str,
    now: datetime,
) -> None:
    """Take back a booked transfer: it was another's, or the bank has called it back. Once; again changes nothing.

    Raises NotAllowed, GroupUnknown, InvoiceUnknown, TransferUnknown.
    """
    caller.require(Permission.MONEY_WRITE)
    await groups.group_of(work, caller, group_id)
    invoice = await _invoice(work, group_id, document_id, lock=True)
    query = sa.select(account_payments).where(
        account_payments.c.id == payment_id, account_payments.c.document_id == document_id
    )
    payment = (await work.execute(query)).mappings().first()
    if payment is None:
        raise TransferUnknown(payment=payment_id)
    if payment["reversed_at"] is not None:
        return
    of_payment = account_payments.c.id == payment_id
    await work.execute(sa.update(account_payments).where(of_payment).values(reversed_at=now))
    amount = Money(payment["amount"], payment["currency"])
    await _move(work, invoice, Movement.TRANSFER_REVERSED, amount, f"{payment_id}:reversed", now)
    before = {"number": invoice["number"], "amount": str(amount), "reference": payment["reference"]}
    await audit.record(work, caller, "fleet_invoice.reversed", document_id, before=before, reason=reason)


async def _move(
    work: AsyncConnection,
    invoice: Mapping[str, Any],
    movement: Movement,
    amount: Money,
    key: str,
    now: datetime,
) -> None:
    """The ledger, what is paid of the invoice, whether its sessions are done, and the fleet's credit."""
    transfer = moved(movement, amount, now, key, holder_id=invoice["account_id"])
    await post(work, invoice["organization_id"], transfer)
    change = amount.amount if movement is Movement.PAID_BY_TRANSFER else -amount.amount
    paid = invoice["paid"] + change
    of_invoice = account_invoices.c.document_id == invoice["document_id"]
    await work.execute(sa.update(account_invoices).where(of_invoice).values(paid=paid))
    state = "done" if paid == invoice["gross"] else "on_account"
    of_sessions = settlements.c.document_id == invoice["document_id"]
    await work.execute(sa.update(settlements).where(of_sessions).values(state=state, changed_at=now))
    await keep_credit(work, await account_of(work, invoice["account_id"]), now)


async def _invoice(
    work: AsyncConnection, group_id: UUID, document_id: UUID, *, lock: bool = False
) -> dict[str, Any]:
    query = sa.select(account_invoices).where(
        account_invoices.c.document_id == document_id, account_invoices.c.account_id == group_id
    )
    row = (await work.execute(query.with_for_update() if lock else query)).mappings().first()
    if row is None:
        raise InvoiceUnknown(invoice=document_id)
    return dict(row)


# ---- reminding -----------------------------------------------------------------------------------------------------


async def remind(database: Database, address: str, now: datetime) -> int:
    """Write to who owes: some days after the due date, then twice more; gives how many mails were written. A daily job."""
    due = sa.and_(
        account_invoices.c.paid < account_invoices.c.gross,
        account_invoices.c.due_on <= (now - REMINDED_AFTER).date(),
        account_invoices.c.reminders < MOST_REMINDERS,
        sa.or_(
            account_invoices.c.reminded_at.is_(None), account_invoices.c.reminded_at <= now - REMINDED_AGAIN
        ),
    )
    async with database.as_owner() as work:
        columns = ("organization_id", "account_id", "document_id")
        query = sa.select(*(account_invoices.c[name] for name in columns)).where(due)
        found = (await work.execute(query)).all()
    written = 0
    for organization_id, group_id, document_id in found:
        async with database.unit_of_work(Scope(organization_id)) as work:
            reminded = {"reminders": account_invoices.c.reminders + 1, "reminded_at": now}
            this = sa.and_(account_invoices.c.document_id == document_id, due)
            marked = sa.update(account_invoices).where(this).values(reminded)
            if (await work.execute(marked.returning(account_invoices.c.document_id))).first() is None:
                continue
            account = await account_of(work, group_id)
            invoice = await _invoice(work, group_id, document_id)
            written += await _write(work, "fleet_reminder", account, invoice, address)
    return written


async def _write(
    work: AsyncConnection, about: str, account: Mapping[str, Any], invoice: Mapping[str, Any], address: str
) -> bool:
    """The mail about an invoice to where the fleet has its invoices sent; False where it has said no address."""
    buyer, language = account["buyer"], account["language"]
    if not buyer.email:
        log.warning("fleet has no address for invoices", fleet=str(account["group_id"]))
        return False
    group_id, organization_id = account["group_id"], account["organization_id"]
    fleet = await work.scalar(sa.select(driver_groups.c.name).where(driver_groups.c.id == group_id))
    seller = await work.scalar(sa.select(organizations.c.name).where(organizations.c.id == organization_id))
    left = Decimal(invoice["gross"]) - Decimal(invoice["paid"])
    letter = letters.compose(
        about,
        language,
        f"{address}/console/fleets/{group_id}",
        name=buyer.name,
        fleet=str(fleet),
        organization=str(seller),
        number=invoice["number"],
        amount=money(Money(left, invoice["currency"]), language),
        due=day(invoice["due_on"], language),
        sessions=str(invoice["sessions"]),
    )
    await mail.write(work, organization_id, buyer.email, letter)
    return True
