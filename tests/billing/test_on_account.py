"""Fleets that pay on account, from the start of a charge to the transfer that pays its invoice."""

from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from gridlane.accounts.mail import mails
from gridlane.accounts.model import driver_groups, group_members, tokens, vehicles
from gridlane.accounts.people import memberships
from gridlane.billing import account_invoices as invoicing
from gridlane.billing import fleet_accounts, issuing
from gridlane.billing.crediting import refund_session
from gridlane.billing.invoicing import NothingToCredit, Party
from gridlane.billing.ledger import Account, AccountKind
from gridlane.billing.model import account_charges, account_invoices, bills, ledger_entries, settlements
from gridlane.billing.model import payments as payment_rows
from gridlane.billing.posting import balance
from gridlane.billing.reconciliation import reconcile
from gridlane.billing.settlement import Settlement, Step
from gridlane.charging.model import admissions, sessions
from gridlane.kernel.access import Caller, NotAllowed, Permission, system
from gridlane.kernel.database import Scope
from gridlane.kernel.ids import new_id
from gridlane.kernel.money import Money

NOW = datetime(2026, 1, 12, 12, tzinfo=UTC)
SECOND_OF_FEBRUARY = datetime(2026, 2, 2, 4, tzinfo=UTC)
ADDRESS = "https://example.org"
BUYER = Party(name="Couriers GmbH", country="DE", email="bills@couriers.example")


class Fleet:
    """A fleet of the world that pays on account, with one van and its card."""

    def __init__(self, world):
        self.world, self.id, self.van, self.card = world, new_id(), new_id(), new_id()
        self.caller = system(world.organization)

    async def build(self, **terms):
        own = {"organization_id": self.world.organization, "created_at": NOW}
        async with self.world.database.as_owner() as work:
            fleet = {"id": self.id, "name": "Couriers", "kind": "fleet"}
            await work.execute(sa.insert(driver_groups).values(**fleet, **own))
            van = {
                "id": self.van,
                "group_id": self.id,
                "name": "Van 1",
                "plate": "B-XY 12",
                "changed_at": NOW,
            }
            await work.execute(sa.insert(vehicles).values(**van, **own))
            card = {"id": self.card, "key": self.card, "sealed": b"", "last4": "1234", "kind": "ISO14443"}
            given = {"vehicle_id": self.van, "changed_at": NOW}
            await work.execute(sa.insert(tokens).values(**card, **given, **own))
        await self.agree_on(**terms)
        return self

    async def agree_on(self, limit="100", covers_drivers=True, buyer=BUYER):
        terms = fleet_accounts.Terms(
            credit_limit=Money.of(limit, "EUR"),
            payment_days=14,
            covers_drivers=covers_drivers,
            language="en",
            buyer=buyer,
        )
        async with self.work() as work:
            return await fleet_accounts.agree_on(work, self.caller, self.id, terms, NOW)

    @asynccontextmanager
    async def work(self):
        async with self.world.database.unit_of_work(Scope(self.world.organization)) as work:
            yield work

    async def driver(self, name="Anna", since=NOW):
        person = await self.world.person(name)
        row = {"person_id": person, "group_id": self.id, "organization_id": self.world.organization}
        belongs = {"person_id": person, "organization_id": self.world.organization, "role": "driver"}
        async with self.world.database.as_owner() as work:
            await work.execute(sa.insert(memberships).values(**belongs, since=NOW))
            await work.execute(sa.insert(group_members).values(**row, since=since))
        return person

    async def charges(self):
        return await self.world.rows(account_charges, account_id=self.id)

    async def owes(self):
        async with self.work() as work:
            return (await balance(work, Account(AccountKind.RECEIVABLE, self.id), "EUR")).amount

    async def invoice(self, now=SECOND_OF_FEBRUARY):
        """The invoices that are there once the month was closed at an instant."""
        await invoicing.issue_month(self.world.database, ADDRESS, now)
        return await self.world.rows(account_invoices, account_id=self.id)

    async def book(self, document_id, amount=None, reference="R1", caller=None):
        async with self.work() as work:
            return await invoicing.book(
                work,
                caller or self.caller,
                self.id,
                document_id,
                amount=None if amount is None else Decimal(amount),
                received_on=date(2026, 2, 10),
                reference=reference,
                now=SECOND_OF_FEBRUARY,
            )

    async def refuses(self):
        return bool(await self.world.rows(admissions, reference=f"fleet:{self.id}"))


@pytest.fixture
def fleet(world):
    """``await fleet(limit="100", covers_drivers=True)``."""

    async def build(**terms):
        return await Fleet(world).build(**terms)

    return build


async def step_of(world, session):
    (row,) = await world.rows(settlements, session_id=session)
    return row["state"]


# ---- who pays ------------------------------------------------------------------------------------------------------


async def test_a_drivers_charge_goes_on_the_fleets_account_and_needs_no_wallet(world, settlement, fleet):
    couriers = await fleet()
    anna = await couriers.driver()
    session = await world.session(anna)
    assert await settlement.settle(world.organization, session) is Step.ON_ACCOUNT
    (charge,) = await couriers.charges()
    assert (charge["gross"], charge["person_id"]) == (Decimal("6.00"), anna)
    assert await couriers.owes() == Decimal("6.00")
    assert await world.rows(payment_rows) == []
    assert await settlement.settle(world.organization, session) is Step.ON_ACCOUNT
    assert len(await couriers.charges()) == 1


async def test_the_card_of_a_van_charges_its_fleet_whoever_drives(world, settlement, fleet):
    couriers = await fleet(covers_drivers=False)
    session = await world.session(token_id=couriers.card)
    assert await settlement.settle(world.organization, session) is Step.ON_ACCOUNT
    (charge,) = await couriers.charges()
    assert charge["vehicle_id"] == couriers.van


async def test_a_drivers_own_charge_is_not_the_fleets_where_only_its_cards_are(
    world, settlement, fleet, wallet_of
):
    couriers = await fleet(covers_drivers=False)
    anna = await couriers.driver()
    await wallet_of(50, anna)
    session = await world.session(anna)
    assert await settlement.settle(world.organization, session) is Step.DONE
    assert await couriers.charges() == []


async def test_who_joined_after_the_charge_began_pays_it_himself(world, settlement, fleet, wallet_of):
    couriers = await fleet()
    ben = await couriers.driver("Ben", since=NOW + timedelta(minutes=1))
    await wallet_of(50, ben)
    assert await settlement.settle(world.organization, await world.session(ben)) is Step.DONE


async def test_a_closed_account_charges_nothing_more_and_what_is_open_is_still_invoiced(
    world, settlement, fleet, wallet_of
):
    couriers = await fleet()
    anna = await couriers.driver()
    await settlement.settle(world.organization, await world.session(anna))
    async with couriers.work() as work:
        await fleet_accounts.close(work, couriers.caller, couriers.id, NOW)
    await wallet_of(50, anna)
    later = await world.session(anna, started_at=NOW + timedelta(hours=1), ended_at=NOW + timedelta(hours=2))
    assert await settlement.settle(world.organization, later) is Step.DONE
    (invoice,) = await couriers.invoice()
    assert invoice["gross"] == Decimal("6.00")


# ---- what changes later --------------------------------------------------------------------------------------------


async def corrected(world, settlement, session, kwh):
    async with world.database.as_owner() as work:
        of_session = sessions.c.id == session
        await work.execute(sa.update(sessions).where(of_session).values(energy=kwh * 1000.0))
    return await settlement.correct(world.organization, session)


async def test_a_correction_before_the_invoice_replaces_the_charge(world, settlement, fleet):
    couriers = await fleet()
    session = await world.session(await couriers.driver())
    await settlement.settle(world.organization, session)
    assert await corrected(world, settlement, session, 20) is Step.ON_ACCOUNT
    (charge,) = await couriers.charges()
    assert charge["gross"] == await couriers.owes() == Decimal("11.00")


async def test_a_correction_after_the_invoice_stands_on_the_next_one(world, settlement, fleet):
    couriers = await fleet()
    anna = await couriers.driver()
    session = await world.session(anna)
    await settlement.settle(world.organization, session)
    (first,) = await couriers.invoice()
    assert await corrected(world, settlement, session, 20) is Step.ON_ACCOUNT
    open_ = [row for row in await couriers.charges() if row["document_id"] is None]
    assert sorted(row["gross"] for row in open_) == [Decimal("-6.00"), Decimal("11.00")]
    assert await couriers.owes() == Decimal("11.00")
    _, second = await couriers.invoice(SECOND_OF_FEBRUARY.replace(month=3))
    assert (first["gross"], second["gross"]) == (Decimal("6.00"), Decimal("5.00"))


async def test_money_given_back_is_taken_off_the_next_invoice(world, settlement, fleet, payments, clock):
    couriers = await fleet()
    session = await world.session(await couriers.driver())
    await settlement.settle(world.organization, session)
    give = (world.database, payments, clock, couriers.caller, session, "it stopped twice")
    await refund_session(*give, Money.of("2.00", "EUR"))
    assert await couriers.owes() == Decimal("4.00")
    with pytest.raises(NothingToCredit):
        await refund_session(*give, Money.of("4.01", "EUR"))
    (invoice,) = await couriers.invoice()
    assert (invoice["gross"], invoice["sessions"]) == (Decimal("4.00"), 1)


# ---- the limit -----------------------------------------------------------------------------------------------------


async def test_starts_are_refused_at_the_limit_and_allowed_again_once_it_is_paid(world, settlement, fleet):
    couriers = await fleet(limit="6.00")
    await settlement.settle(world.organization, await world.session(await couriers.driver()))
    assert await couriers.refuses()
    (invoice,) = await couriers.invoice()
    await couriers.book(invoice["document_id"], "1.00")
    assert not await couriers.refuses()


async def test_what_charges_now_counts_against_the_limit(world, settlement, fleet):
    couriers = await fleet(limit="6.00")
    session = await world.session(await couriers.driver(), status="active", ended_at=None)
    async with couriers.work() as work:
        from gridlane.billing.agreeing import agree_for_session

        await agree_for_session(work, session)
    assert await fleet_accounts.watch_credit(world.database, NOW + timedelta(hours=1)) == 1
    assert await couriers.refuses()


async def test_a_higher_limit_lets_start_again_at_once(world, settlement, fleet):
    couriers = await fleet(limit="5.00")
    await settlement.settle(world.organization, await world.session(token_id=couriers.card))
    assert await couriers.refuses()
    await couriers.agree_on(limit="50")
    assert not await couriers.refuses()


# ---- invoices ------------------------------------------------------------------------------------------------------


async def test_a_month_is_invoiced_once_with_every_charge_of_it(world, settlement, fleet):
    couriers = await fleet()
    anna = await couriers.driver()
    for who in ({"person": anna}, {"token_id": couriers.card}):
        await settlement.settle(world.organization, await world.session(**who))
    assert await couriers.invoice(NOW) == []
    assert await couriers.invoice(datetime(2026, 2, 1, 4, tzinfo=UTC)) == []  # a day to be settled
    (invoice,) = await couriers.invoice()
    assert [dict(row) for row in await couriers.invoice()] == [dict(invoice)]
    assert (invoice["sessions"], invoice["gross"]) == (2, Decimal("12.00"))
    assert (invoice["month"], invoice["due_on"]) == (date(2026, 1, 1), date(2026, 2, 16))
    async with couriers.work() as work:
        document = await issuing.read(work, invoice["document_id"])
    assert document.gross.amount == await couriers.owes()
    assert [line.group for line in document.lines] == ["Anna", "Van 1 (B-XY 12)"]
    (mail,) = await world.rows(mails)
    assert (mail["recipient"], f"/console/fleets/{couriers.id}" in mail["text"]) == (BUYER.email, True)


async def test_an_invoice_is_paid_in_parts_and_its_charges_are_done_with_the_last(world, settlement, fleet):
    couriers = await fleet()
    session = await world.session(await couriers.driver())
    await settlement.settle(world.organization, session)
    (invoice,) = await couriers.invoice()
    await couriers.book(invoice["document_id"], "2.50", "R1")
    assert (await couriers.owes(), await step_of(world, session)) == (Decimal("3.50"), "on_account")
    with pytest.raises(invoicing.InvoiceOverpaid, match=r"3\.50"):
        await couriers.book(invoice["document_id"], "3.51", "R2")
    with pytest.raises(invoicing.TransferBooked):
        await couriers.book(invoice["document_id"], "1.00", "R1")
    await couriers.book(invoice["document_id"], reference="R2")
    assert (await couriers.owes(), await step_of(world, session)) == (Decimal(0), "done")


async def test_a_transfer_that_was_called_back_is_owed_again(world, settlement, fleet):
    couriers = await fleet()
    session = await world.session(await couriers.driver())
    await settlement.settle(world.organization, session)
    (invoice,) = await couriers.invoice()
    payment = await couriers.book(invoice["document_id"])
    for _ in range(2):
        async with couriers.work() as work:
            where = (couriers.id, invoice["document_id"], payment, "called back", SECOND_OF_FEBRUARY)
            await invoicing.reverse(work, couriers.caller, *where)
    assert (await couriers.owes(), await step_of(world, session)) == (Decimal("6.00"), "on_account")
    await couriers.book(invoice["document_id"])
    assert await couriers.owes() == 0


async def test_an_overdue_invoice_is_reminded_of_three_times_and_not_once_it_is_paid(
    world, settlement, fleet
):
    couriers = await fleet()
    await settlement.settle(world.organization, await world.session(await couriers.driver()))
    (invoice,) = await couriers.invoice()
    at = datetime(2026, 2, 16, 7, tzinfo=UTC)
    written = [
        await invoicing.remind(world.database, ADDRESS, at + timedelta(days=days)) for days in range(60)
    ]
    assert [days for days, count in enumerate(written) if count] == [3, 17, 31]
    await couriers.book(invoice["document_id"])
    assert await invoicing.remind(world.database, ADDRESS, at + timedelta(days=80)) == 0
    subjects = [row["subject"] for row in await world.rows(mails)]
    assert sum("overdue" in subject for subject in subjects) == 3


async def test_the_nightly_comparison_finds_nothing_of_accounts(world, settlement, fleet):
    couriers = await fleet()
    await settlement.settle(world.organization, await world.session(await couriers.driver()))
    await couriers.book((await couriers.invoice())[0]["document_id"], "1.00")
    assert await reconcile(world.database, {}, NOW, NOW) == []


# ---- refusals ------------------------------------------------------------------------------------------------------


async def test_a_fleets_manager_sets_no_terms_and_books_nothing(world, settlement, fleet):
    couriers = await fleet()
    await settlement.settle(world.organization, await world.session(await couriers.driver()))
    (invoice,) = await couriers.invoice()
    manager = Caller(
        "person",
        "Max",
        world.organization,
        new_id(),
        frozenset({Permission.FLEETS_READ, Permission.FLEETS_WRITE}),
    )
    with pytest.raises(NotAllowed):
        await couriers.book(invoice["document_id"], caller=manager)
    couriers.caller = manager
    with pytest.raises(NotAllowed):
        await couriers.agree_on(limit="1000000")


async def test_a_group_that_is_no_fleet_has_no_account(world, fleet):
    couriers = await fleet()
    async with world.database.as_owner() as work:
        await work.execute(sa.update(driver_groups).values(kind="group"))
    with pytest.raises(fleet_accounts.NotAFleet):
        await couriers.agree_on()


# ---- crashes -------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process ends here."""


class MortalDatabase:
    """The real database, where the process dies just before or after one of its commits."""

    def __init__(self, real, lives):
        self._real, self.lives, self.as_owner = real, lives, real.as_owner

    @asynccontextmanager
    async def unit_of_work(self, scope):
        async with self._real.unit_of_work(scope) as work:
            yield work
            self._reach()
        self._reach()

    def _reach(self):
        if self.lives == 0:
            raise Killed
        self.lives -= 1


async def test_a_crash_at_any_point_leaves_one_charge_one_invoice_and_balanced_books(
    world, payments, clock, fleet
):
    lives, killed, month = 0, True, SECOND_OF_FEBRUARY
    couriers = await fleet(limit="100000")
    anna = await couriers.driver()
    while killed:
        session, killed = await world.session(anna), False
        mortal = MortalDatabase(world.database, lives)
        try:
            await Settlement(mortal, payments, clock).settle(world.organization, session)
            await invoicing.issue_month(mortal, ADDRESS, month)
        except Killed:
            killed = True
            await Settlement(world.database, payments, clock).settle(world.organization, session)
            await invoicing.issue_month(world.database, ADDRESS, month)
        (charge,) = await world.rows(account_charges, session_id=session)
        (invoice,) = await world.rows(account_invoices, document_id=charge["document_id"])
        assert (invoice["gross"], invoice["sessions"]) == (Decimal("6.00"), 1)
        assert len(await world.rows(bills, session_id=session)) == 1
        lives, month = lives + 1, (month + timedelta(days=31)).replace(day=2)
    assert lives > 8, "there are more fault points than that"
    assert await couriers.owes() == 6 * lives
    assert sum(entry["amount"] for entry in await world.rows(ledger_entries)) == 0
    numbers = sorted(row["number"] for row in await world.rows(account_invoices))
    assert len(set(numbers)) == lives
