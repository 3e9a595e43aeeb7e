"""The saga under every possible crash: the process dies before or after any effect (a commit, a call to a provider),
then another process finds what is left and carries on."""

from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal

import httpx2
import pytest
import sqlalchemy as sa

from gridlane.billing.ledger import Account, AccountKind
from gridlane.billing.model import documents, ledger_entries, payment_sources, settlements
from gridlane.billing.model import payments as payment_rows
from gridlane.billing.payments import Payments
from gridlane.billing.posting import balance
from gridlane.billing.settlement import Settlement, Step
from gridlane.billing.wallet import Wallet
from gridlane.charging.model import sessions
from gridlane.kernel.database import Scope
from gridlane.kernel.ids import new_id
from gridlane.kernel.money import Money

VERBS = ("hold", "raise_hold", "capture", "release", "refund", "seen")


class Killed(BaseException):
    """The process ends here; nothing below this line runs."""


class Fate:
    """Lets ``lives`` fault points pass and kills at the next."""

    def __init__(self, lives=10**9):
        self.left, self.passed = lives, 0

    def reach(self):
        if self.left == 0:
            raise Killed
        self.left -= 1
        self.passed += 1


class MortalDatabase:
    """The real database, where the process may die just before and just after each commit."""

    def __init__(self, real, fate):
        self._real, self._fate = real, fate
        self.as_owner = real.as_owner

    @asynccontextmanager
    async def unit_of_work(self, scope):
        async with self._real.unit_of_work(scope) as work:
            yield work
            self._fate.reach()
        self._fate.reach()


class MortalProvider:
    """A real provider, where the process may die before a call and after it, its answer lost."""

    def __init__(self, real, fate):
        self.name = real.name
        for verb in VERBS:
            setattr(self, verb, self._mortal(getattr(real, verb), fate))

    @staticmethod
    def _mortal(verb, fate):
        async def call(*arguments):
            fate.reach()
            answer = await verb(*arguments)
            fate.reach()
            return answer

        return call


@pytest.fixture
def process(database, stripe, clock):
    """``process(fate)``: what one process has: a settlement and payments, with its own fate."""

    def start(fate):
        mortal = MortalDatabase(database, fate)
        providers = {
            "wallet": MortalProvider(Wallet(mortal, clock), fate),
            "stripe": MortalProvider(stripe, fate),
        }
        payments = Payments(mortal, providers, clock)
        return Settlement(mortal, payments, clock), payments

    return start


@pytest.fixture(params=["wallet", "stripe"])
def source(request, wallet_of, card):
    """A fresh payer with 50 euros, or a card."""

    async def build(person):
        if request.param == "wallet":
            return await wallet_of(50, person)
        fresh = card()
        return type(fresh)(
            provider="stripe",
            organization_id=fresh.organization_id,
            person_id=person,
            customer=fresh.customer,
            method=fresh.method,
        )

    return build


async def begin(world, process, source, held):
    """A person whose card or wallet holds an amount for a session that has ended (6.00 EUR)."""
    person = await world.person()
    session = await world.session(person)
    _, payments = process(Fate())
    pays_from = await source(person)
    async with world.database.unit_of_work(Scope(world.organization)) as work:
        if pays_from.method:
            saved = {"customer": pays_from.customer, "method": pays_from.method, "is_default": True}
            ids = {"id": new_id(), "organization_id": world.organization, "person_id": person}
            row = {"provider": "stripe", "created_at": sa.func.now()}
            await work.execute(sa.insert(payment_sources).values(**saved, **ids, **row))
        amount = Money.of(held, "EUR")
        await payments.begin(work, pays_from, amount, payer_id=person, session_id=session)
    return person, session


async def until_the_end(world, process, session, fate, act):
    """Run under this fate; whoever was killed is followed by a process that lives. Whether somebody was killed."""
    settlement, _ = process(fate)
    try:
        await act(settlement, session)
    except Killed:
        settlement, payments = process(Fate())
        await payments.resume(older_than=timedelta(0))
        await act(settlement, session)
        return True
    return False


async def assert_settled_once(world, person, session, captured):
    (row,) = await world.rows(settlements, session_id=session)
    assert row["state"] == Step.DONE.value
    payments = await world.rows(payment_rows, session_id=session)
    assert sum(p["captured"] - p["refunded"] for p in payments) == captured
    assert {p["state"] for p in payments} <= {"captured", "released"}
    async with world.database.as_owner() as work:
        assert not await balance(work, Account(AccountKind.RECEIVABLE, person), "EUR")
    return payments


async def assert_the_books_balance(world):
    entries = await world.rows(ledger_entries)
    assert sum(entry["amount"] for entry in entries) == 0
    numbers = sorted(row["number"] for row in await world.rows(documents) if row["number"].startswith("INV"))
    assert [int(number[-6:]) for number in numbers] == list(range(1, len(numbers) + 1))


def captures_at_stripe(address, payment):
    """What the provider itself says: how many intents carry this payment's key, and what the one has captured."""
    auth = ("sk_test_12345", "")
    intents = httpx2.get(f"{address}/v1/payment_intents", params={"limit": 100}, auth=auth).json()["data"]
    ours = [i for i in intents if i["metadata"].get("gridlane_key") == f"{payment['id']}:hold"]
    return [(i["status"], i["latest_charge"]["amount"] - i["latest_charge"]["amount_refunded"]) for i in ours]


@pytest.mark.parametrize("held", ["30", "4"], ids=["held more", "held less"])
async def test_a_crash_at_any_point_of_settling_ends_in_one_capture(
    world, process, source, stripe_server, held
):
    async def act(settlement, session):
        assert await settlement.settle(world.organization, session) is Step.DONE

    lives, killed = 0, True
    while killed:
        httpx2.delete(f"{stripe_server}/_config/data")  # it lists its oldest first, and no more than 100
        person, session = await begin(world, process, source, held)
        killed = await until_the_end(world, process, session, Fate(lives), act)
        payments = await assert_settled_once(world, person, session, Decimal(6))
        for payment in payments:
            if payment["provider"] == "stripe":
                amount = int(payment["captured"] * 100)
                assert captures_at_stripe(stripe_server, payment) == [("succeeded", amount)]
        lives += 1
    await assert_the_books_balance(world)
    assert lives > 20, "the saga has more fault points than that"


async def test_a_crash_at_any_point_of_letting_go_releases_once(world, process, source, stripe_server):
    async def act(settlement, session):
        assert await settlement.settle(world.organization, session) is Step.DONE

    lives, killed = 0, True
    while killed:
        person, session = await begin(world, process, source, "30")
        async with world.database.as_owner() as work:
            await work.execute(sa.update(sessions).where(sessions.c.id == session).values(energy=0.0))
        killed = await until_the_end(world, process, session, Fate(lives), act)
        (payment,) = await assert_settled_once(world, person, session, Decimal(0))
        assert payment["state"] == "released"
        lives += 1
    assert lives > 10


async def test_a_crash_at_any_point_of_a_correction_refunds_once(world, process, source):
    async def act(settlement, session):
        assert await settlement.correct(world.organization, session) is Step.DONE

    lives, killed = 0, True
    while killed:
        person, session = await begin(world, process, source, "30")
        await process(Fate())[0].settle(world.organization, session)
        async with world.database.as_owner() as work:
            await work.execute(sa.update(sessions).where(sessions.c.id == session).values(energy=4_000.0))
        killed = await until_the_end(world, process, session, Fate(lives), act)
        await assert_settled_once(world, person, session, Decimal(3))
        lives += 1
    await assert_the_books_balance(world)
    assert lives > 10
