from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from gridlane.accounts.inbox import inbox_messages
from gridlane.accounts.model import tokens
from gridlane.billing.agreeing import agree_for_session
from gridlane.billing.budgets import Spent, period_end, used_up, watch
from gridlane.charging.evidence import period_start
from gridlane.charging.model import admissions, sessions
from gridlane.kernel.database import Scope
from gridlane.kernel.ids import new_id
from gridlane.stations.model import operations


def test_the_first_budget_that_is_used_up_is_named():
    spent = Spent(20_000.0, Decimal("9.99"))
    assert used_up(None, None, spent) is None
    assert used_up(20_000.0, Decimal(5), spent) == "energy"
    assert used_up(30_000.0, Decimal("9.99"), spent) == "money"
    assert used_up(20_000.1, Decimal(10), spent) is None


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 (hypothesis wants naive bounds)
    st.sampled_from(["day", "month"]),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]),
)
def test_a_period_ends_where_the_next_begins(now, period, zone):
    end = period_end(period, zone, now)
    assert period_start(period, zone, now) <= now < end
    assert period_start(period, zone, end) == end
    assert period_start(period, zone, end - timedelta(seconds=1)) == period_start(period, zone, now)


@pytest.fixture
def limited(world, clock):
    """A token with a budget that charges, at 1 euro for the start and 50 cents for each kWh (with tax)."""

    async def build(kwh, **budget):
        anna = await world.person()
        now = clock()
        row = {
            "id": new_id(), "organization_id": world.organization, "key": new_id(), "sealed": b"", "last4": "1234",
            "kind": "ISO14443", "person_id": anna, "created_at": now, "changed_at": now, **budget,
        }  # fmt: skip
        async with world.database.as_owner() as work:
            await work.execute(sa.insert(tokens).values(row))
        of_token = {"token_id": row["id"], "token_key": row["key"]}
        session = await world.session(anna, kwh=kwh, status="active", ended_at=None, **of_token)
        async with world.database.unit_of_work(Scope(world.organization)) as work:
            await agree_for_session(work, session)
        return row["id"]

    return build


async def test_a_charge_ends_when_its_money_is_used_up_and_no_other_starts(world, clock, limited):
    token = await limited(10.0, budget_money=Decimal(7), budget_period="day")
    now = clock() + timedelta(minutes=30)
    assert await watch(world.database, now) == []

    async with world.database.as_owner() as work:
        await work.execute(sa.update(sessions).values(energy=12_500))
    assert await watch(world.database, now) == [world.station]
    assert await watch(world.database, now) == [world.station]  # asked once all the same

    (operation,) = await world.rows(operations)
    assert operation["kind"] == "stop_charging"
    (refusal,) = await world.rows(admissions)
    assert (refusal["status"], refusal["reference"]) == ("no_credit", f"budget:{token}")
    (news,) = await world.rows(inbox_messages)
    assert "is ended" in news["text"]

    async with world.database.as_owner() as work:
        await work.execute(sa.update(tokens).values(budget_money=100))
    assert await watch(world.database, now) == []
    assert await world.rows(admissions) == []  # more was given


async def test_a_budget_that_only_warns_lets_the_charge_go_on(world, clock, limited):
    await limited(10.0, budget_energy=9_000.0, at_budget="warn")
    assert await watch(world.database, clock() + timedelta(minutes=30)) == []
    assert await world.rows(operations) == []
    (news,) = await world.rows(inbox_messages)
    assert "goes on" in news["text"]


async def test_what_was_charged_before_the_period_does_not_count(world, clock, limited):
    await limited(10.0, budget_energy=9_000.0, budget_period="day")
    assert await watch(world.database, clock() + timedelta(days=2)) == []


async def test_a_bill_that_uses_the_money_up_refuses_the_next_start(world, clock, limited, settlement):
    await limited(20.0, budget_money=Decimal(5))
    (session,) = await world.rows(sessions)
    ended = {"status": "ended", "ended_at": clock() + timedelta(minutes=30)}
    async with world.database.as_owner() as work:
        await work.execute(sa.update(sessions).values(ended))
    await settlement.settle(world.organization, session["id"])

    assert await watch(world.database, clock(), session_id=session["id"]) == []

    assert [
        row["status"]
        for row in await world.rows(admissions, kind="credit")
        if row["reference"].startswith("budget")
    ] == ["no_credit"]
