from decimal import Decimal

import pytest
import sqlalchemy as sa

from gridlane.billing.consequences import Consequences
from gridlane.billing.ledger import Account, AccountKind
from gridlane.billing.model import documents, money_tasks, payments, settlements
from gridlane.billing.parts import parts_of
from gridlane.billing.posting import balance
from gridlane.billing.settlement import Step
from gridlane.billing.terminal_payments import TerminalPaymentReported, terminal_payments
from gridlane.charging.model import sessions
from gridlane.kernel.bus import LocalBus
from gridlane.kernel.database import Scope
from gridlane.kernel.facts import Recorded
from gridlane.kernel.money import Money
from gridlane.kernel.settings import Settings


@pytest.fixture
def consequences(database, clock, tmp_path, stripe_server):
    settings = Settings(data_dir=tmp_path, stripe_api_key="sk_test_12345", stripe_url=stripe_server)
    bus = LocalBus()
    return Consequences(database, bus, parts_of(settings, database, bus, clock), clock)


@pytest.fixture
def paid_at_terminal(world, consequences, clock):
    """``await paid_at_terminal(session, 6)``: a terminal took so many euros, and billing hears of it."""

    async def build(session, euros, status="Settled", reference="PSP-1", *, heard=True):
        amount = Decimal(str(euros))
        row = {
            "station_id": world.station, "organization_id": world.organization, "reference": reference,
            "transaction": str(session), "status": status, "amount": amount, "settled_at": clock(), "told_at": clock(),
        }  # fmt: skip
        async with world.database.as_owner() as work:
            await work.execute(sa.insert(terminal_payments).values(**row))
        fact = TerminalPaymentReported(
            reference=reference, transaction=str(session), status=status, amount=amount
        )
        recorded = Recorded(fact, world.station, world.organization, clock())
        if heard:
            await consequences.take_at_terminal(recorded)
        return recorded

    return build


async def at_terminals(world):
    async with world.database.as_owner() as work:
        return await balance(work, Account(AccountKind.TERMINAL), "EUR")


async def test_what_a_terminal_took_pays_the_bill_of_a_session_nobody_else_pays(
    world, settlement, paid_at_terminal
):
    session = await world.session()
    assert await settlement.settle(world.organization, session) is Step.FREE
    await paid_at_terminal(session, 6)
    (row,) = await world.rows(settlements)
    (document,) = await world.rows(documents)
    assert (row["state"], document["kind"], document["gross"]) == ("done", "receipt", Decimal(6))
    assert await at_terminals(world) == Money.of("6", "EUR")
    assert not await world.rows(money_tasks)


async def test_it_may_be_told_before_the_end_and_twice(world, settlement, consequences, paid_at_terminal):
    session = await world.session(status="active")
    recorded = await paid_at_terminal(session, 6)
    assert not await world.rows(settlements)
    async with world.database.as_owner() as work:
        await work.execute(sa.update(sessions).values(status="ended"))
    assert await settlement.settle(world.organization, session) is Step.DONE
    await consequences.take_at_terminal(recorded)
    assert await at_terminals(world) == Money.of("6", "EUR")
    assert len(await world.rows(documents)) == 1
    assert not await world.rows(money_tasks)


async def test_what_is_held_elsewhere_is_let_go_and_not_captured_as_well(
    world, settlement, consequences, paid_at_terminal, wallet_of
):
    anna = await world.person()
    source = await wallet_of(50, anna)
    session = await world.session(anna)
    async with world.database.unit_of_work(Scope(world.organization)) as work:
        hold = await settlement._payments.begin(
            work, source, Money.of("30", "EUR"), payer_id=anna, session_id=session
        )
    await settlement._payments.carry_on(world.organization, hold)
    await paid_at_terminal(session, 6)
    (payment,) = await world.rows(payments)
    assert (payment["state"], payment["captured"]) == ("released", Decimal(0))
    assert [row["state"] for row in await world.rows(settlements)] == ["done"]


@pytest.mark.parametrize(("taken", "state"), [(4, "owed"), (9, "done")])
async def test_a_difference_is_looked_at_by_a_person_and_charged_to_nobody(
    world, paid_at_terminal, wallet_of, taken, state
):
    anna = await world.person()
    await wallet_of(50, anna)
    session = await world.session(anna)
    await paid_at_terminal(session, taken)
    (task,) = await world.rows(money_tasks)
    assert (task["kind"], task["subject_id"]) == ("terminal_differs", session)
    assert [row["state"] for row in await world.rows(settlements)] == [state]
    assert not await world.rows(payments)


async def test_a_session_paid_twice_opens_a_task_and_keeps_its_bill(
    world, settlement, paid_at_terminal, wallet_of
):
    anna = await world.person()
    await wallet_of(50, anna)
    session = await world.session(anna)
    assert await settlement.settle(world.organization, session) is Step.DONE
    await paid_at_terminal(session, 6)
    (task,) = await world.rows(money_tasks)
    assert task["kind"] == "terminal_differs"
    assert "6.00 EUR more" in task["sentence"] or "6 EUR more" in task["sentence"]
    assert [payment["captured"] for payment in await world.rows(payments)] == [Decimal(6)]
    assert len(await world.rows(documents)) == 1


@pytest.mark.parametrize("known", [False, True])
async def test_money_that_pays_for_nothing_opens_a_task(world, paid_at_terminal, known):
    session = await world.session(refused=True) if known else "nowhere"
    await paid_at_terminal(session, 6)
    assert [row["kind"] for row in await world.rows(money_tasks)] == ["terminal_pays_nothing"]


@pytest.mark.parametrize(("status", "euros"), [("Canceled", 6), ("Settled", 0)])
async def test_what_came_to_nothing_moves_nothing(world, paid_at_terminal, status, euros):
    session = await world.session()
    await paid_at_terminal(session, euros, status)
    assert not await world.rows(settlements)
    assert not await world.rows(money_tasks)
