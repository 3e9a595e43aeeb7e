from datetime import timedelta

import pytest
import sqlalchemy as sa

from gridlane.billing.ledger import Movement, moved
from gridlane.billing.model import money_tasks, wallets
from gridlane.billing.model import payments as payment_rows
from gridlane.billing.posting import post
from gridlane.billing.reconciliation import reconcile, resolve_task
from gridlane.billing.wallet import Wallet
from gridlane.kernel.database import Scope
from gridlane.kernel.money import Money


@pytest.fixture
def compare(database, clock, stripe):
    async def run(later=timedelta(0)):
        providers = {"wallet": Wallet(database, clock), "stripe": stripe}
        return await reconcile(database, providers, clock() + later, clock() - timedelta(days=1))

    return run


async def test_a_network_in_order_has_no_difference(world, settlement, wallet_of, compare):
    anna = await world.person()
    await wallet_of(20, anna)
    await settlement.settle(world.organization, await world.session(anna))
    assert await compare(timedelta(days=1)) == []


async def test_each_kind_of_difference_opens_a_task(world, payments, wallet_of, card, compare, clock):
    anna = await world.person()
    source = await wallet_of(20, anna)
    forgotten = await world.session(anna)
    async with world.database.unit_of_work(Scope(world.organization)) as work:
        euro = Money.of(1, "EUR")
        lost = await payments.begin(work, card(), Money.of(9, "EUR"), payer_id=anna)
        stuck = await payments.begin(work, source, euro, payer_id=anna)
        await post(
            work, world.organization, moved(Movement.TOPPED_UP, euro, clock(), "by hand", holder_id=anna)
        )
    await payments.carry_on(world.organization, lost)
    await payments.release(world.organization, lost)
    async with world.database.as_owner() as work:
        of_lost = payment_rows.c.id == lost
        await work.execute(sa.update(payment_rows).where(of_lost).values(state="captured", captured=9))
    found = await compare(timedelta(hours=12))
    assert {(difference.kind, difference.subject_id) for difference in found} == {
        ("not_settled", forgotten),
        ("wallet_differs", anna),
        ("capture_not_posted", lost),
        ("state_differs", lost),
        ("payment_stuck", stuck),
    }
    tasks = await world.rows(money_tasks)
    assert len(tasks) == len(found)


async def test_a_difference_has_one_task_until_it_is_resolved(world, wallet_of, compare, clock):
    anna = await world.person()
    await wallet_of(20, anna)
    async with world.database.as_owner() as work:
        await work.execute(sa.update(wallets).values(balance=25))
    await compare()
    await compare()
    (task,) = await world.rows(money_tasks)
    assert task["sentence"] == "The wallet has 25 EUR, the ledger says 20."
    async with world.database.as_owner() as work:
        assert await resolve_task(work, task["id"], "mended by hand", clock())
        assert not await resolve_task(work, task["id"], "again", clock())
    await compare()
    assert len(await world.rows(money_tasks)) == 2
