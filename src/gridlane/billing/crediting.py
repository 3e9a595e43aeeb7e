"""Money back for a session: a credit note, what it takes back in the ledger, and the refund, begun together.

The three are written in one transaction, so there is no credit note without its refund and no refund without its
paper; the refund itself is then carried on like every payment.
"""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.billing import issuing, on_account
from gridlane.billing.billable import payer_of, session_row
from gridlane.billing.invoicing import DocumentKind, credited
from gridlane.billing.ledger import billed
from gridlane.billing.model import account_charges
from gridlane.billing.model import payments as payment_rows
from gridlane.billing.paying_fleets import account_of_session
from gridlane.billing.payments import Payments, payment_of
from gridlane.billing.posting import post
from gridlane.kernel import audit
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.clock import Clock
from gridlane.kernel.database import Database
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.money import Money


class NothingBilled(Refusal):
    code = "nothing_billed"
    kind = Kind.CONFLICT
    sentence = "The session has no invoice; there is nothing to give back."


async def refund_session(
    database: Database,
    payments: Payments,
    clock: Clock,
    caller: Caller,
    session_id: UUID,
    reason: str,
    amount: Money | None = None,
) -> UUID:
    """Give back a session's price, or a part of it; gives the credit note's id, or for a session on a fleet's account
    that of the charge which takes it off the next invoice.

    What was paid goes back the way it came; what was not paid yet is owed no more. Raises SessionUnknown, NothingBilled,
    NothingToCredit, NotAllowed, ProviderUnavailable (then the refund is carried on later).
    """
    caller.require(Permission.MONEY_WRITE)
    now, begun = clock(), []
    async with database.unit_of_work(caller.scope) as work:
        session = await session_row(work, session_id)
        account_id = await account_of_session(work, session_id)
        if account_id is not None and await _is_charged(work, session_id):
            charge_id = await on_account.refund(work, account_id, session, reason, amount, now)
            after = {"charge": charge_id, "amount": None if amount is None else str(amount)}
            await audit.record(work, caller, "session.refunded", session_id, after=after, reason=reason)
            return charge_id
        latest, payer = await issuing.latest_of_session(work, session_id), await payer_of(work, session)
        if latest is None or payer is None:
            raise NothingBilled
        organization_id: UUID = session["organization_id"]
        note = credited(
            latest.document,
            number=await issuing.take_number(work, organization_id, DocumentKind.CREDIT_NOTE, now.year),
            issued=now.date(),
            reason=reason,
            amount=amount,
            credited_before=latest.credited,
        )
        note_id = await issuing.store(
            work,
            organization_id,
            note,
            now,
            person_id=session["person_id"],
            session_id=session_id,
            corrects_id=latest.id,
        )
        back = billed(-note.net, -note.tax, now, f"{note_id}:credited", payer, reason="credited")
        await post(work, organization_id, back, session_id=session_id)
        begun = await _begin_refunds(work, payments, session_id, note.gross, reason)
        after = {"credit_note": note.number, "amount": str(note.gross)}
        await audit.record(work, caller, "session.refunded", session_id, after=after, reason=reason)
    for refund_id in begun:
        await payments.carry_on_refund(organization_id, refund_id)
    return note_id


async def _is_charged(work: AsyncConnection, session_id: UUID) -> bool:
    """Whether it stands on an account; what a terminal has paid does not."""
    charges = sa.exists().where(account_charges.c.session_id == session_id)
    return bool(await work.scalar(sa.select(charges)))


async def _begin_refunds(
    work: AsyncConnection, payments: Payments, session_id: UUID, amount: Money, reason: str
) -> list[UUID]:
    """Of what was paid, the latest payment first, up to the amount."""
    query = sa.select(payment_rows).where(payment_rows.c.session_id == session_id)
    found = (await work.execute(query.order_by(payment_rows.c.id.desc()))).mappings().all()
    begun = []
    for payment in (payment_of(dict(row)) for row in found):
        part = min(payment.captured - payment.refunded, amount)
        if part.amount > 0:
            begun.append(await payments.begin_refund(work, payment.id, part, reason))
            amount -= part
    return begun
