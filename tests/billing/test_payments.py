from decimal import Decimal

import pytest
import sqlalchemy as sa

from gridlane.billing.ledger import Account, AccountKind
from gridlane.billing.model import ledger_entries
from gridlane.billing.payments import PaymentNotHeld, PaymentState, ProviderUnknown, Purpose, RefundTooMuch
from gridlane.billing.port import HoldNotRaised, Source
from gridlane.billing.posting import balance
from gridlane.billing.wallet import balance_of
from gridlane.kernel.database import Scope
from gridlane.kernel.ids import new_id
from gridlane.kernel.money import Money


def euros(amount):
    return Money.of(amount, "EUR")


@pytest.fixture
def held(database, payments, organization):
    """``await held(source, "20", **fields)``: a payment with so many euros held."""

    async def build(source, amount, **fields):
        async with database.unit_of_work(Scope(organization)) as work:
            payer = source.person_id or new_id()
            id_ = await payments.begin(work, source, euros(amount), payer_id=payer, **fields)
        return await payments.carry_on(organization, id_)

    return build


@pytest.fixture(params=["wallet", "stripe"])
async def source(request, wallet_of, card):
    """The same story with each way to pay."""
    return await wallet_of(50) if request.param == "wallet" else card()


async def ledger_sum(database):
    async with database.as_owner() as work:
        return await work.scalar(sa.select(sa.func.coalesce(sa.func.sum(ledger_entries.c.amount), 0)))


async def test_a_hold_is_captured_for_what_was_used(database, payments, held, source, organization):
    payment = await held(source, "30")
    assert payment.state is PaymentState.HELD
    payment = await payments.capture(organization, payment.id, euros("12.34"))
    assert (payment.state, payment.captured) == (PaymentState.CAPTURED, euros("12.34"))
    async with database.unit_of_work(Scope(organization)) as work:
        receivable = Account(AccountKind.RECEIVABLE, payment.payer_id)
        assert await balance(work, receivable, "EUR") == euros("-12.34")
    assert await ledger_sum(database) == 0


async def test_a_hold_of_nothing_used_is_released(payments, held, source, organization):
    payment = await held(source, "30")
    payment = await payments.capture(organization, payment.id, euros("0"))
    assert (payment.state, payment.captured) == (PaymentState.RELEASED, euros("0"))


async def test_capturing_or_releasing_again_changes_nothing(database, payments, held, source, organization):
    payment = await held(source, "30")
    once = await payments.capture(organization, payment.id, euros("10"))
    assert await payments.capture(organization, payment.id, euros("20")) == once
    assert await payments.release(organization, payment.id) == once
    async with database.unit_of_work(Scope(organization)) as work:
        receivable = Account(AccountKind.RECEIVABLE, payment.payer_id)
        assert await balance(work, receivable, "EUR") == euros("-10")


async def test_what_was_captured_is_refunded_in_parts_and_no_further(
    database, payments, held, source, organization
):
    payment = await held(source, "30")
    await payments.capture(organization, payment.id, euros("10"))
    await payments.refund(organization, payment.id, euros("4"), "The cable was locked")
    with pytest.raises(RefundTooMuch, match=r"6\.00 EUR"):
        await payments.refund(organization, payment.id, euros("6.01"), "x")
    await payments.refund(organization, payment.id, euros("6"), "x")
    assert (await payments.read(organization, payment.id)).refunded == euros("10")
    async with database.unit_of_work(Scope(organization)) as work:
        receivable = Account(AccountKind.RECEIVABLE, payment.payer_id)
        assert not await balance(work, receivable, "EUR")


async def test_a_wallet_cannot_hold_more_than_it_has(held, wallet_of):
    source = await wallet_of(20)
    assert (await held(source, "15")).state is PaymentState.HELD
    assert (await held(source, "6")).state is PaymentState.DECLINED
    assert (await held(source, "5")).state is PaymentState.HELD


async def test_a_wallet_s_balance_follows_holds_captures_and_refunds(
    database, payments, held, wallet_of, organization
):
    source = await wallet_of(20)

    async def now():
        async with database.unit_of_work(Scope(organization)) as work:
            return [str(amount.amount) for amount in await balance_of(work, source.person_id, "EUR")]

    payment = await held(source, "15")
    assert await now() == ["20", "15"]
    await payments.capture(organization, payment.id, euros("9.50"))
    assert await now() == ["10.50", "0"]
    await payments.refund(organization, payment.id, euros("2"), "x")
    assert await now() == ["12.50", "0"]


async def test_a_hold_is_raised_while_the_car_charges(payments, held, wallet_of, organization):
    payment = await held(await wallet_of(50), "20")
    payment = await payments.raise_hold(organization, payment.id, euros("35"))
    assert payment.held == euros("35")
    assert (await payments.raise_hold(organization, payment.id, euros("30"))).held == euros("35")
    with pytest.raises(HoldNotRaised):
        await payments.raise_hold(organization, payment.id, euros("60"))
    captured = await payments.capture(organization, payment.id, euros("35"))
    assert captured.captured == euros("35")


async def test_a_card_whose_hold_cannot_be_raised_says_so(payments, held, card, organization):
    payment = await held(card(), "20")
    with pytest.raises(HoldNotRaised):
        await payments.raise_hold(organization, payment.id, euros("35"))


async def test_a_card_that_is_declined_holds_nothing(payments, held, card, organization):
    payment = await held(card("4000000000000341"), "20")
    assert payment.state is PaymentState.DECLINED
    with pytest.raises(PaymentNotHeld):
        await payments.capture(organization, payment.id, euros("5"))


async def test_a_guest_confirms_the_hold_in_the_browser(payments, held, organization):
    payment = await held(Source(provider="stripe", organization_id=organization), "20")
    assert payment.state is PaymentState.NEEDS_DRIVER
    assert payment.next_step.startswith(payment.reference)
    assert (await payments.confirmed(organization, payment.id)).state is PaymentState.NEEDS_DRIVER
    assert (await payments.release(organization, payment.id)).state is PaymentState.RELEASED


async def test_a_top_up_by_card_goes_into_the_wallet(database, payments, held, card, organization):
    person = new_id()
    source = Source(
        **{f: getattr(card(), f) for f in ("provider", "customer", "method", "organization_id")},
        person_id=person,
    )
    payment = await held(source, "25", purpose=Purpose.TOP_UP)
    await payments.capture(organization, payment.id, euros("25"))
    async with database.unit_of_work(Scope(organization)) as work:
        assert (await balance_of(work, person, "EUR"))[0] == euros("25")
        wallet = Account(AccountKind.WALLET, person)
        assert await balance(work, wallet, "EUR") == euros("-25")


async def test_an_unknown_provider_is_refused_before_anything_is_written(database, payments, organization):
    async with database.unit_of_work(Scope(organization)) as work:
        source = Source(provider="cheque", organization_id=organization)
        with pytest.raises(ProviderUnknown):
            await payments.begin(work, source, euros("1"), payer_id=new_id())


async def test_what_a_crash_left_under_way_is_carried_on(database, payments, organization, wallet_of):
    source = await wallet_of(20)
    async with database.unit_of_work(Scope(organization)) as work:
        id_ = await payments.begin(work, source, euros("15"), payer_id=source.person_id)
    from datetime import timedelta

    assert await payments.resume(older_than=timedelta(0)) == 1
    assert (await payments.read(organization, id_)).state is PaymentState.HELD
    assert await payments.resume(older_than=timedelta(0)) == 0
    assert isinstance((await payments.read(organization, id_)).held.amount, Decimal)
