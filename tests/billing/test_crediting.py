import pytest
import sqlalchemy as sa

from gridlane.billing.crediting import NothingBilled, refund_session
from gridlane.billing.invoicing import NothingToCredit
from gridlane.billing.ledger import Account, AccountKind
from gridlane.billing.model import documents, money_tasks, refunds
from gridlane.billing.posting import balance
from gridlane.billing.settlement import Step
from gridlane.billing.wallet import balance_of
from gridlane.charging.model import sessions
from gridlane.kernel.access import Caller, NotAllowed, system
from gridlane.kernel.money import Money


def euros(amount):
    return Money.of(amount, "EUR")


@pytest.fixture
async def settled(world, settlement, wallet_of):
    """Anna's session of 6.00 EUR, paid from a wallet of 20."""
    anna = await world.person()
    await wallet_of(20, anna)
    session = await world.session(anna)
    assert await settlement.settle(world.organization, session) is Step.DONE
    return anna, session


@pytest.fixture
def refund(world, payments, clock):
    async def act(session, amount=None, caller=None):
        caller = caller or system(world.organization)
        return await refund_session(
            world.database, payments, clock, caller, session, "The cable was locked", amount
        )

    return act


async def left_in_the_wallet(world, person):
    async with world.database.as_owner() as work:
        owed = await balance(work, Account(AccountKind.RECEIVABLE, person), "EUR")
        return (await balance_of(work, person, "EUR"))[0], owed


async def test_the_whole_price_goes_back_with_a_credit_note(world, settled, refund):
    anna, session = settled
    await refund(session)
    assert await left_in_the_wallet(world, anna) == (euros("20"), euros("0"))
    assert [row["number"] for row in await world.rows(documents)] == ["INV-2026-000001", "CN-2026-000001"]


async def test_parts_go_back_until_nothing_is_left(world, settled, refund):
    anna, session = settled
    await refund(session, euros("2.50"))
    await refund(session, euros("1"))
    assert await left_in_the_wallet(world, anna) == (euros("17.50"), euros("0"))
    with pytest.raises(NothingToCredit, match=r"2\.50"):
        await refund(session, euros("2.51"))
    await refund(session)
    assert await left_in_the_wallet(world, anna) == (euros("20"), euros("0"))
    with pytest.raises(NothingToCredit):
        await refund(session)
    assert len(await world.rows(refunds)) == 3


async def test_what_was_never_paid_is_owed_no_more(world, settlement, refund):
    anna = await world.person()
    session = await world.session(anna)
    assert await settlement.settle(world.organization, session) is Step.OWED
    await refund(session)
    assert await left_in_the_wallet(world, anna) == (euros("0"), euros("0"))
    assert await world.rows(refunds) == []


async def test_a_correction_after_a_refund_is_left_to_a_person(world, settled, refund, settlement):
    anna, session = settled
    await refund(session)
    async with world.database.as_owner() as work:
        await work.execute(sa.update(sessions).values(energy=20_000.0))
    await settlement.correct(world.organization, session)
    assert await left_in_the_wallet(world, anna) == (euros("20"), euros("0"))
    (task,) = await world.rows(money_tasks)
    assert task["kind"] == "corrected_after_credit"


async def test_only_finance_gives_money_back_and_only_what_was_billed(world, settled, refund):
    _, session = settled
    with pytest.raises(NotAllowed):
        await refund(session, caller=Caller("person", "Eve", world.organization))
    with pytest.raises(NothingBilled):
        await refund(await world.session())
