"""A fee that belongs to no session (a plan's month, a reservation): billed once, invoiced, and taken from the payer."""

from datetime import datetime
from uuid import UUID

from gridlane.billing import issuing
from gridlane.billing.billable import source_of
from gridlane.billing.invoicing import DocumentKind, document_of
from gridlane.billing.ledger import billed
from gridlane.billing.payments import Payments, PaymentState, Purpose
from gridlane.billing.posting import post
from gridlane.billing.rating import Bill
from gridlane.kernel.database import Database, Scope


async def bill_fee(
    database: Database,
    payments: Payments,
    organization_id: UUID,
    person_id: UUID,
    bill: Bill,
    key: str,
    now: datetime,
    purpose: Purpose = Purpose.FEE,
) -> bool:
    """Bill a person; False where nothing is to be paid or this ``key`` was billed before. Asking again is safe."""
    if not bill.gross:
        return False
    async with database.unit_of_work(Scope(organization_id)) as work:
        if not await post(work, organization_id, billed(bill.net, bill.tax, now, key, person_id)):
            return False
        seller = await issuing.seller(work, organization_id)
        document = document_of(
            bill,
            kind=DocumentKind.INVOICE,
            number=await issuing.take_number(work, organization_id, DocumentKind.INVOICE, now.year),
            issued=now.date(),
            language="en",
            seller=seller,
            buyer=await issuing.buyer(work, person_id, seller.country, "Guest"),
        )
        await issuing.store(work, organization_id, document, now, person_id=person_id)
        source = await source_of(work, {"person_id": person_id, "organization_id": organization_id})
        assert source is not None
        payment_id = await payments.begin(work, source, bill.gross, payer_id=person_id, purpose=purpose)
    payment = await payments.carry_on(organization_id, payment_id)
    if payment.state is PaymentState.HELD:
        await payments.capture(organization_id, payment_id, bill.gross)
    return True
