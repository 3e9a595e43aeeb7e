"""What is owed for reservations that are over: billed once each, by the reservation's own key."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog

from gridlane.billing.fees import bill_fee
from gridlane.billing.payments import Payments
from gridlane.billing.rating import BillLine, Unit, summed
from gridlane.kernel.clock import Clock
from gridlane.kernel.database import Database, Scope
from gridlane.kernel.errors import Refusal
from gridlane.kernel.money import Money
from gridlane.tariffs.tariff import TaxIncluded
from gridlane.waiting.model import reservations
from gridlane.waiting.reservation import Status
from gridlane.waiting.rules import rules_of

log = structlog.get_logger(__name__)

WORDS = {
    Status.USED.value: "Reservation",
    Status.NO_SHOW.value: "Reservation, not used",
    Status.CANCELLED.value: "Reservation, cancelled late",
}


async def bill_reservations(database: Database, payments: Payments, clock: Clock) -> None:
    """Bill what is owed and not billed yet. Asking again is safe."""
    async with database.as_owner() as work:
        query = sa.select(reservations).where(reservations.c.owed > 0, reservations.c.billed_at.is_(None))
        rows = (await work.execute(query.order_by(reservations.c.id).limit(200))).mappings().all()
    for row in rows:
        await _bill(database, payments, row, clock)


async def _bill(database: Database, payments: Payments, row: Any, clock: Clock) -> None:
    organization_id: UUID = row["organization_id"]
    async with database.unit_of_work(Scope(organization_id)) as work:
        rules = await rules_of(work, row["site_id"])
    amount = Money(row["owed"], rules.currency)
    line = BillLine(
        reason=f"{WORDS.get(row['status'], 'Reservation')}, {row['begins_at']:%Y-%m-%d %H:%M} UTC",
        quantity=Decimal(1),
        unit=Unit.ONE,
        unit_price=amount.amount,
        vat=rules.vat,
        amount=amount,
    )
    bill = summed([line], amount.currency, TaxIncluded.NO)
    key = f"reservation:{row['id']}"
    try:
        await bill_fee(database, payments, organization_id, row["person_id"], bill, key, clock())
    except Refusal as refusal:  # a payment that cannot be begun is owed all the same; the ledger knows
        log.warning("left for the next time", reservation=str(row["id"]), reason=str(refusal))
        return
    async with database.unit_of_work(Scope(organization_id)) as work:
        await work.execute(
            sa.update(reservations).where(reservations.c.id == row["id"]).values(billed_at=clock())
        )
