from datetime import timedelta

import pytest

from gridlane.charging import admission
from gridlane.charging.housekeeping import Housekeeping
from gridlane.kernel.database import Scope
from gridlane.kernel.settings import Settings


@pytest.fixture
def keeping(database, make):
    def at(day=0):
        return Housekeeping(database, Settings(reading_days=30), lambda: make.NOON + timedelta(days=day))

    return at


async def parts(street):
    rows = await street.rows("SELECT DISTINCT tableoid::regclass::text AS part FROM readings ORDER BY 1")
    return [row["part"] for row in rows]


async def test_readings_lie_in_the_partition_of_their_week(stored_street, keeping, make):
    street = await stored_street()
    for _ in range(2):
        await keeping().make_partitions()
    await street.tell(make.meter(0, 1.0))
    await street.tell(make.meter(7 * 24 * 60, 1.0))
    assert await parts(street) == ["readings_20260601", "readings_20260608"]


async def test_a_week_that_has_begun_without_a_partition_stays_where_it_is(stored_street, keeping, make):
    street = await stored_street()
    await street.tell(make.meter(0, 1.0))
    await keeping().make_partitions()
    assert await parts(street) == ["readings_default"]


async def test_readings_old_enough_are_forgotten_by_whole_weeks(stored_street, keeping, make):
    street = await stored_street()
    await keeping().make_partitions((make.NOON - timedelta(days=20)).date())
    await street.tell(make.meter(-20 * 24 * 60, 1.0))
    await street.tell(make.meter(0, 1.0))
    await keeping(20).forget_old()
    assert await parts(street) == ["readings_20260601"]


async def test_what_was_said_beforehand_is_forgotten_after_its_time(database, organization, keeping, make):
    wish = admission.Wish(
        kind="credit",
        organization_id=organization,
        valid_from=make.NOON,
        valid_until=make.minutes(10),
        status="no_credit",
        reference="hold 7",
    )
    async with database.unit_of_work(Scope(organization)) as work:
        await admission.say(work, wish)
        await admission.say(work, wish)
    async with database.unit_of_work(Scope(organization)) as work:
        assert await admission.withdraw(work, reference="hold 7") == 2
        await admission.say(work, wish)
    await keeping(1).forget_old()
    async with database.unit_of_work(Scope(organization)) as work:
        assert await admission.withdraw(work, reference="hold 7") == 0


async def test_what_billing_said_beforehand_is_heard_at_the_next_tap(
    stored_street, database, organization, make
):
    street = await stored_street()
    wish = admission.Wish(
        kind="credit",
        organization_id=organization,
        valid_from=make.NOON,
        valid_until=make.minutes(10),
        status="no_credit",
        token_key=make.CIPHER.key(make.CARD),
        message="Please top up.",
    )
    async with database.unit_of_work(Scope(organization)) as work:
        await admission.say(work, wish)
    verdict = (await street.tell(make.tap())).reply.verdict
    assert (verdict.status, verdict.message) == ("no_credit", "Please top up.")
    assert (await street.tell(make.tap(), make.minutes(10))).reply.verdict.status == "accepted"
