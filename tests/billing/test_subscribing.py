from datetime import date
from decimal import Decimal

import msgspec
import pytest
import sqlalchemy as sa

from gridlane.billing.model import documents, ledger_entries, plans
from gridlane.billing.model import payments as payment_rows
from gridlane.billing.plans import Plan
from gridlane.billing.subscribing import AlreadySubscribed, PlanUnknown, bill_fees, subscribe, unsubscribe
from gridlane.kernel.access import system
from gridlane.kernel.ids import new_id
from gridlane.kernel.money import Money


@pytest.fixture
async def pro(world, clock):
    plan = Plan(name="Pro", monthly_fee=Money.of("9.30", "EUR"), vat=Decimal(19))
    id_ = new_id()
    async with world.database.as_owner() as work:
        row = {"content": msgspec.json.encode(plan).decode(), "created_at": clock()}
        await work.execute(sa.insert(plans).values(id=id_, organization_id=world.organization, **row))
    return id_


async def test_the_fee_of_a_month_is_billed_paid_and_invoiced_once(world, pro, payments, clock, wallet_of):
    anna, caller = await world.person(), system(world.organization)
    await wallet_of(20, anna)
    async with world.database.unit_of_work(caller.scope) as work:
        await subscribe(work, caller, anna, pro, date(2026, 1, 12))
    assert await bill_fees(world.database, payments, clock, date(2026, 1, 20)) == 1
    assert await bill_fees(world.database, payments, clock, date(2026, 1, 21)) == 0
    (document,) = await world.rows(documents)
    assert document["gross"] == Decimal("6.00")  # 20 of 31 days
    (payment,) = await world.rows(payment_rows)
    assert (payment["state"], payment["captured"], payment["purpose"]) == (
        "captured",
        Decimal("6.00"),
        "plan",
    )
    assert sum(entry["amount"] for entry in await world.rows(ledger_entries)) == 0


async def test_a_plan_ends_and_another_begins(world, pro, payments, clock):
    anna, caller = await world.person(), system(world.organization)
    async with world.database.unit_of_work(caller.scope) as work:
        await subscribe(work, caller, anna, pro, date(2026, 1, 1))
        with pytest.raises(AlreadySubscribed):
            await subscribe(work, caller, anna, pro, date(2026, 1, 5))
        assert await unsubscribe(work, caller, anna, date(2026, 2, 1)) == 1
        await subscribe(work, caller, anna, pro, date(2026, 2, 1))
    assert await bill_fees(world.database, payments, clock, date(2026, 2, 1)) == 1


async def test_a_plan_that_is_not_offered_cannot_be_taken(world, pro):
    caller = system(world.organization)
    async with world.database.unit_of_work(caller.scope) as work:
        with pytest.raises(PlanUnknown):
            await subscribe(work, caller, new_id(), new_id(), date(2026, 1, 1))
