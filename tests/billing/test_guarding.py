from datetime import timedelta

import pytest
import sqlalchemy as sa

from gridlane.billing.agreeing import agree_for_session
from gridlane.billing.guarding import watch_holds
from gridlane.billing.model import payments as payment_rows
from gridlane.charging.model import sessions
from gridlane.kernel.database import Scope
from gridlane.kernel.money import Money
from gridlane.stations.model import operations


@pytest.fixture
def charging(world, payments, wallet_of):
    """A session that runs, paid from a hold of 10 euros of a wallet with so much."""

    async def build(in_the_wallet):
        anna = await world.person()
        source = await wallet_of(in_the_wallet, anna)
        session = await world.session(anna, kwh=2.0, status="active", ended_at=None)
        async with world.database.unit_of_work(Scope(world.organization)) as work:
            await agree_for_session(work, session)
            hold = await payments.begin(work, source, Money.of(10, "EUR"), payer_id=anna, session_id=session)
        await payments.carry_on(world.organization, hold)
        return session

    return build


async def held_after(world, payments, clock, kwh):
    async with world.database.as_owner() as work:
        await work.execute(sa.update(sessions).values(energy=kwh * 1000))
    rung = await watch_holds(world.database, payments, clock() + timedelta(minutes=30))
    (row,) = await world.rows(payment_rows)
    return row["held"], rung


async def test_a_hold_is_raised_before_it_is_used_up(world, payments, clock, charging):
    await charging(100)
    assert await held_after(world, payments, clock, 12.0) == (10, [])
    assert await held_after(world, payments, clock, 15.0) == (15, [])
    assert await held_after(world, payments, clock, 30.0) == (pytest.approx(22.5), [])


async def test_a_charge_ends_before_it_costs_more_than_could_be_held(world, payments, clock, charging):
    await charging(12)
    assert await held_after(world, payments, clock, 16.0) == (10, [])
    assert await held_after(world, payments, clock, 17.9) == (10, [world.station])
    await held_after(world, payments, clock, 17.9)
    (operation,) = await world.rows(operations)
    assert operation["kind"] == "stop_charging"
