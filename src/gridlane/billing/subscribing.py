"""Plans in the database: who has which, and the fee of each month, billed once."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.billing.fees import bill_fee
from gridlane.billing.model import plans, subscriptions
from gridlane.billing.payments import Payments, Purpose
from gridlane.billing.plans import Plan, fee_of_month
from gridlane.billing.rating import Bill, BillLine, Unit, summed
from gridlane.kernel import audit
from gridlane.kernel.access import Caller
from gridlane.kernel.clock import Clock
from gridlane.kernel.database import Database
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id
from gridlane.tariffs.tariff import TaxIncluded


class PlanUnknown(Refusal):
    code = "plan_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no plan {plan}."


class AlreadySubscribed(Refusal):
    code = "already_subscribed"
    kind = Kind.CONFLICT
    sentence = "You have a plan until {until}; end it first."


async def subscribe(
    work: AsyncConnection, caller: Caller, person_id: UUID, plan_id: UUID, since: date
) -> UUID:
    """Give a person a plan from a day on. Raises PlanUnknown, AlreadySubscribed."""
    offered = sa.select(plans.c.organization_id).where(plans.c.id == plan_id, plans.c.archived_at.is_(None))
    organization_id = await work.scalar(offered)
    if organization_id is None:
        raise PlanUnknown(plan=plan_id)
    query = sa.select(subscriptions.c.until).where(
        subscriptions.c.person_id == person_id,
        sa.or_(subscriptions.c.until.is_(None), subscriptions.c.until > since),
    )
    running = (await work.execute(query.limit(1))).first()
    if running is not None:
        raise AlreadySubscribed(until=running.until or "you end it")
    id_ = new_id()
    await work.execute(
        sa.insert(subscriptions).values(
            id=id_, organization_id=organization_id, person_id=person_id, plan_id=plan_id, since=since
        )
    )
    await audit.record(work, caller, "plan.subscribed", person_id, after={"plan": str(plan_id)})
    return id_


async def unsubscribe(work: AsyncConnection, caller: Caller, person_id: UUID, until: date) -> int:
    """End a person's plan at a day (exclusive); gives how many ended."""
    ended = await work.execute(
        sa.update(subscriptions)
        .where(subscriptions.c.person_id == person_id, subscriptions.c.until.is_(None))
        .values(until=sa.func.greatest(subscriptions.c.since, until))
    )
    await audit.record(work, caller, "plan.ended", person_id, after={"until": until.isoformat()})
    return ended.rowcount


async def bill_fees(database: Database, payments: Payments, clock: Clock, month: date) -> int:
    """Bill the fee of a month to everybody with a plan in it; gives how many were billed now. Asking again is safe."""
    first = month.replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    async with database.as_owner() as work:
        query = (
            sa.select(subscriptions, plans.c.content)
            .join(plans, plans.c.id == subscriptions.c.plan_id)
            .where(
                subscriptions.c.since < following,
                sa.or_(subscriptions.c.until.is_(None), subscriptions.c.until > first),
            )
        )
        rows = [dict(row) for row in (await work.execute(query)).mappings()]
    return sum([await _bill_fee(database, payments, row, first, clock()) for row in rows])


async def _bill_fee(
    database: Database, payments: Payments, row: dict[str, Any], month: date, now: datetime
) -> bool:
    bill = _fee_bill(msgspec.json.decode(row["content"], type=Plan), month, row["since"], row["until"])
    key = f"plan:{row['id']}:{month.isoformat()}"
    who = row["organization_id"], row["person_id"]
    return await bill_fee(database, payments, *who, bill, key, now, Purpose.PLAN)


def _fee_bill(plan: Plan, month: date, since: date, until: date | None) -> Bill:
    fee = fee_of_month(plan, month, since, until)
    line = BillLine(
        reason=f"Plan {plan.name}, {month:%Y-%m}",
        quantity=fee.amount / plan.monthly_fee.amount if plan.monthly_fee else fee.amount,
        unit=Unit.ONE,
        unit_price=plan.monthly_fee.amount,
        vat=plan.vat,
        amount=fee,
    )
    return summed([line], fee.currency, TaxIncluded.YES)
