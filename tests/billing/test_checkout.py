"""A guest at the QR code: the price, the hold, the start, the receipt; reloads and crashes in between."""

from datetime import timedelta

import httpx2
import pytest
import sqlalchemy as sa

from gridlane.accounts.tokens import TokenCipher
from gridlane.billing import checkout as checkouts_module
from gridlane.billing.checkout import Checkout, CheckoutOver, CheckoutUnknown, Step
from gridlane.billing.model import agreements, checkouts, documents
from gridlane.billing.model import payments as payment_rows
from gridlane.billing.settlement import Step as Settled
from gridlane.charging.model import admissions, sessions, start_requests
from gridlane.kernel.bus import LocalBus
from gridlane.kernel.ids import new_id
from gridlane.kernel.money import Money
from gridlane.stations.model import operations
from gridlane.tariffs.precedence import TariffMissing


class Hands:
    """The clock of a story, moved by hand."""

    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def hands(clock):
    return Hands(clock())


@pytest.fixture
def rings():
    return []


@pytest.fixture
def checkout(database, payments, hands, rings):
    class Bell(LocalBus):
        def publish(self, subject, payload=b""):
            rings.append(subject)

    return Checkout(database, payments, TokenCipher(b"k" * 32), Bell(), hands)


async def the_station_starts(world, row):
    """The owner of the station joins its transaction to the start that was asked for."""
    (asked,) = await world.rows(start_requests, id=row["request_id"])
    session = await world.session(request_id=asked["id"], kwh=10.0, status="active", ended_at=None)
    async with world.database.as_owner() as work:
        await work.execute(
            sa.update(start_requests).where(start_requests.c.id == asked["id"]).values(session_id=session)
        )
    return session


async def test_a_guest_pays_charges_and_gets_a_receipt(world, checkout, settlement, confirm, rings, hands):
    secret, shown = await checkout.open(world.station, 1, "de")
    assert (shown.step, shown.hold) == (Step.SHOWN, Money.of(50, "EUR"))
    assert str(shown.agreement.tariff.elements[0].price_components[0].price) == "0.5"
    holding = await checkout.hold(secret, "guest@example.org")
    assert (holding.step, holding.next_step is not None) == (Step.HOLDING, True)
    (payment,) = await world.rows(payment_rows)
    confirm(payment["reference"])
    assert (await checkout.look(secret)).step is Step.STARTING
    assert rings == [f"station.{world.station}.operations"]
    (row,) = await world.rows(checkouts)
    session = await the_station_starts(world, row)
    charging = await checkout.look(secret)
    assert (charging.step, charging.energy) == (Step.CHARGING, 10_000.0)
    async with world.database.as_owner() as work:
        ended = {"status": "ended", "ended_at": hands() + timedelta(hours=1)}
        await work.execute(sa.update(sessions).where(sessions.c.id == session).values(**ended))
    assert await settlement.settle(world.organization, session) is Settled.DONE
    done = await checkout.look(secret)
    assert done.step is Step.DONE
    (document,) = await world.rows(documents)
    assert (document["kind"], document["gross"], document["id"]) == ("receipt", 6, done.document_id)
    (payment,) = await world.rows(payment_rows)
    assert (payment["state"], payment["captured"]) == ("captured", 6)


async def test_every_step_can_be_asked_again_and_again(world, checkout, confirm):
    secret, _ = await checkout.open(world.station, 1)
    for _ in range(3):
        await checkout.hold(secret)
    (payment,) = await world.rows(payment_rows)
    confirm(payment["reference"])
    for _ in range(3):
        assert (await checkout.look(secret)).step is Step.STARTING
    assert len(await world.rows(start_requests)) == len(await world.rows(operations)) == 1
    assert len(await world.rows(admissions)) == len(await world.rows(payment_rows)) == 1
    (agreement,) = await world.rows(agreements)
    (row,) = await world.rows(checkouts)
    assert agreement["request_id"] == row["request_id"]


async def test_a_station_that_does_not_start_gives_everything_back(
    world, checkout, confirm, hands, stripe_server
):
    secret, _ = await checkout.open(world.station, 1)
    await checkout.hold(secret)
    (payment,) = await world.rows(payment_rows)
    confirm(payment["reference"])
    await checkout.look(secret)
    hands.now += timedelta(minutes=10)
    failed = await checkout.look(secret)
    assert failed.step is Step.FAILED
    assert "plug in first" in failed.trouble
    auth = ("sk_test_12345", "")
    seen = httpx2.get(f"{stripe_server}/v1/payment_intents/{payment['reference']}", auth=auth).json()
    assert seen["status"] == "canceled"
    assert await world.rows(admissions) == []


@pytest.mark.parametrize(("ended", "told"), [("refused", "refused to start"), ("timed_out", "be reached")])
async def test_a_start_that_failed_gives_everything_back_at_once(world, checkout, confirm, ended, told):
    secret, _ = await checkout.open(world.station, 1)
    await checkout.hold(secret)
    (payment,) = await world.rows(payment_rows)
    confirm(payment["reference"])
    await checkout.look(secret)
    async with world.database.as_owner() as work:
        await work.execute(sa.update(operations).values(status=ended))
    failed = await checkout.look(secret)
    assert failed.step is Step.FAILED
    assert told in failed.trouble
    (payment,) = await world.rows(payment_rows)
    assert payment["state"] == "released"


async def test_a_guest_may_change_their_mind_before_the_start(world, checkout, confirm):
    secret, _ = await checkout.open(world.station, 1)
    await checkout.hold(secret)
    assert (await checkout.cancel(secret)).step is Step.FAILED
    (payment,) = await world.rows(payment_rows)
    assert payment["state"] == "released"
    with pytest.raises(CheckoutOver):
        await checkout.cancel(secret)
    with pytest.raises(CheckoutOver):
        await checkout.stop(secret)


async def test_a_guest_ends_the_charge(world, checkout, confirm, rings):
    secret, _ = await checkout.open(world.station, 1)
    await checkout.hold(secret)
    (payment,) = await world.rows(payment_rows)
    confirm(payment["reference"])
    await checkout.look(secret)
    (row,) = await world.rows(checkouts)
    await the_station_starts(world, row)
    await checkout.look(secret)
    await checkout.stop(secret)
    await checkout.stop(secret)
    kinds = [operation["kind"] for operation in await world.rows(operations)]
    assert sorted(kinds) == ["start_charging", "stop_charging"]


async def test_a_job_carries_on_what_no_page_asks_for(world, checkout, confirm):
    secret, shown = await checkout.open(world.station, 1)
    await checkout.hold(secret)
    (payment,) = await world.rows(payment_rows)
    confirm(payment["reference"])
    async with world.database.as_owner() as work:
        assert await checkouts_module.waiting(work) == [(world.organization, shown.id)]
    assert await checkout.carry_on(world.organization, shown.id) is Step.STARTING


async def test_a_link_that_is_not_ours_opens_nothing(world, checkout):
    await checkout.open(world.station, 1)
    with pytest.raises(CheckoutUnknown):
        await checkout.look("guessed")
    with pytest.raises(CheckoutUnknown):
        await checkout.open(new_id(), 1)


async def test_where_no_price_is_assigned_no_guest_can_pay(database, world, checkout):
    async with database.as_owner() as work:
        await work.execute(sa.text("DELETE FROM tariff_assignments"))
    with pytest.raises(TariffMissing):
        await checkout.open(world.station, 1)
