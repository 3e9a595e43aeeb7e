from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
import sqlalchemy as sa

from gridlane.accounts.model import tokens
from gridlane.billing.agreeing import agree, agree_for_session
from gridlane.billing.ledger import Account, AccountKind
from gridlane.billing.model import (
    bills,
    documents,
    free_vends,
    ledger_entries,
    payment_sources,
    plan_usages,
    plans,
    promotions,
    settlements,
    subscriptions,
)
from gridlane.billing.model import (
    payments as payment_rows,
)
from gridlane.billing.plans import FreeVend, Plan, Promotion, PromotionKind, PromotionRefused
from gridlane.billing.posting import balance
from gridlane.billing.rating import Bill
from gridlane.billing.settlement import Step
from gridlane.billing.wallet import balance_of
from gridlane.charging.model import admissions, readings, sessions
from gridlane.kernel.access import system
from gridlane.kernel.database import Scope
from gridlane.kernel.facts import facts
from gridlane.kernel.ids import new_id
from gridlane.kernel.money import Money
from gridlane.tariffs import publishing


def euros(amount):
    return Money.of(amount, "EUR")


@pytest.fixture
def now():
    from datetime import UTC, datetime

    return datetime(2026, 1, 12, 12, tzinfo=UTC)


async def receivable(world, payer):
    async with world.database.as_owner() as work:
        return await balance(work, Account(AccountKind.RECEIVABLE, payer), "EUR")


async def test_a_session_is_billed_paid_from_the_wallet_and_invoiced(world, settlement, wallet_of):
    anna = await world.person()
    await wallet_of(20, anna)
    session = await world.session(anna)
    assert await settlement.settle(world.organization, session) is Step.DONE
    (document,) = await world.rows(documents)
    assert (document["number"], document["gross"], document["kind"]) == (
        "INV-2026-000001",
        Decimal(6),
        "invoice",
    )
    async with world.database.as_owner() as work:
        assert (await balance_of(work, anna, "EUR"))[0] == euros("14")
        told = (
            (await work.execute(sa.select(facts.c.kind).where(facts.c.aggregate_id == session)))
            .scalars()
            .all()
        )
    assert told == ["document_issued", "session_settled"]
    assert not await receivable(world, anna)


async def test_settling_again_changes_nothing(world, settlement, wallet_of):
    anna = await world.person()
    await wallet_of(20, anna)
    session = await world.session(anna)
    for _ in range(3):
        assert await settlement.settle(world.organization, session) is Step.DONE
    assert len(await world.rows(documents)) == len(await world.rows(payment_rows)) == 1


async def test_a_saved_card_is_charged_before_the_wallet(world, settlement, wallet_of, card):
    anna, source = await world.person(), card()
    await wallet_of(20, anna)
    async with world.database.as_owner() as work:
        row = {"provider": "stripe", "customer": source.customer, "method": source.method, "is_default": True}
        ids = {"id": new_id(), "organization_id": world.organization, "person_id": anna}
        await work.execute(sa.insert(payment_sources).values(created_at=sa.func.now(), **row, **ids))
    assert await settlement.settle(world.organization, await world.session(anna)) is Step.DONE
    (payment,) = await world.rows(payment_rows)
    assert (payment["provider"], payment["state"], payment["captured"]) == (
        "stripe",
        "captured",
        Decimal("6.00"),
    )


async def test_what_was_held_before_the_start_pays_and_the_rest_goes_back(
    world, settlement, payments, wallet_of
):
    anna = await world.person()
    source = await wallet_of(50, anna)
    session = await world.session(anna)
    async with world.database.unit_of_work(Scope(world.organization)) as work:
        hold = await payments.begin(work, source, euros("30"), payer_id=anna, session_id=session)
    await payments.carry_on(world.organization, hold)
    assert await settlement.settle(world.organization, session) is Step.DONE
    async with world.database.as_owner() as work:
        assert await balance_of(work, anna, "EUR") == (euros("44"), euros("0"))


async def test_more_than_was_held_is_charged_after(world, settlement, payments, wallet_of):
    anna = await world.person()
    source = await wallet_of(50, anna)
    session = await world.session(anna)
    async with world.database.unit_of_work(Scope(world.organization)) as work:
        hold = await payments.begin(work, source, euros("4"), payer_id=anna, session_id=session)
    await payments.carry_on(world.organization, hold)
    assert await settlement.settle(world.organization, session) is Step.DONE
    assert sorted(row["captured"] for row in await world.rows(payment_rows)) == [2, 4]


async def test_a_session_that_cannot_be_paid_is_invoiced_owed_and_collected_later(
    world, settlement, wallet_of
):
    anna = await world.person()
    session = await world.session(anna)
    assert await settlement.settle(world.organization, session) is Step.OWED
    (row,) = await world.rows(settlements)
    assert row["document_id"] is not None
    assert await receivable(world, anna) == euros("6")
    await wallet_of(20, anna)
    assert await settlement.settle(world.organization, session) is Step.DONE
    assert not await receivable(world, anna)
    assert len(await world.rows(documents)) == 1


async def test_a_session_under_review_waits(world, settlement, wallet_of):
    anna = await world.person()
    await wallet_of(20, anna)
    session = await world.session(anna, flags=["register_fell"])
    assert await settlement.settle(world.organization, session) is Step.WAITING
    async with world.database.as_owner() as work:
        await work.execute(sa.update(sessions).values(reviewed_at=sa.func.now(), approved_energy=4_000.0))
    assert await settlement.settle(world.organization, session) is Step.DONE
    (document,) = await world.rows(documents)
    assert document["gross"] == 3


async def test_nobody_is_billed_where_nobody_pays_or_nothing_was_charged(world, settlement, wallet_of):
    assert await settlement.settle(world.organization, await world.session()) is Step.FREE
    anna = await world.person()
    await wallet_of(20, anna)
    assert await settlement.settle(world.organization, await world.session(anna, kwh=0.0)) is Step.DONE
    assert await world.rows(documents) == []
    refused = await world.session(anna, refused=True)
    assert await settlement.settle(world.organization, refused) is Step.FREE


async def test_a_changed_tariff_is_for_the_next_session_only(world, settlement, wallet_of, tariff, now):
    anna = await world.person()
    await wallet_of(50, anna)
    running = await world.session(anna)
    async with world.database.unit_of_work(Scope(world.organization)) as work:
        await agree_for_session(work, running)
        (known,) = await publishing.assignments(work)
        caller, later = system(world.organization), now + timedelta(minutes=5)
        await publishing.publish(work, caller, known.tariff_id, tariff(ENERGY=0.8), later, now)
    following = await world.session(anna, started_at=later, ended_at=later + timedelta(hours=1))
    for session in (running, following):
        assert await settlement.settle(world.organization, session) is Step.DONE
    assert [row["gross"] for row in await world.rows(documents)] == [6, 8]


async def test_a_corrected_session_is_credited_and_billed_anew(world, settlement, wallet_of):
    anna = await world.person()
    await wallet_of(20, anna)
    session = await world.session(anna)
    await settlement.settle(world.organization, session)
    assert await settlement.correct(world.organization, session) is Step.DONE
    assert len(await world.rows(documents)) == 1
    for kwh, gross, left in ((6.0, 4, "16"), (20.0, 11, "9")):
        async with world.database.as_owner() as work:
            await work.execute(sa.update(sessions).values(energy=kwh * 1000))
        assert await settlement.correct(world.organization, session) is Step.DONE
        assert (await world.rows(documents))[-1]["gross"] == gross
        async with world.database.as_owner() as work:
            assert (await balance_of(work, anna, "EUR"))[0] == euros(left)
        assert not await receivable(world, anna)
    numbers = [row["number"] for row in await world.rows(documents)]
    assert numbers == [
        "INV-2026-000001",
        "CN-2026-000001",
        "INV-2026-000002",
        "CN-2026-000002",
        "INV-2026-000003",
    ]
    entries = await world.rows(ledger_entries)
    assert sum(entry["amount"] for entry in entries) == 0


async def test_any_bill_is_recomputed_to_the_cent_from_what_was_stored(world, settlement, wallet_of, now):
    anna = await world.person()
    await wallet_of(20, anna)
    session = await world.session(anna)
    rows = [
        {"session_id": session, "station_id": world.station, "evse": 1, "received_at": now, "context": "x"}
        | {"at": now + timedelta(minutes=minutes), "energy": value, "organization_id": world.organization}
        for minutes, value in ((0, 100.0), (20, 7_100.0), (40, 10_100.0))
    ]
    async with world.database.as_owner() as work:
        await work.execute(sa.insert(readings), rows)
    await settlement.settle(world.organization, session)
    (row,) = await world.rows(bills)
    from gridlane.billing.rating import rated
    from gridlane.tariffs.session import Period

    periods = msgspec.json.decode(row["periods"], type=list[Period])
    assert [period.activity.value for period in periods] == ["charging", "charging", "parking"]
    async with world.database.as_owner() as work:
        agreement = await agree_for_session(work, session)
    again = rated(periods, agreement.tariff, agreement.time_zone, agreement.terms, agreement.language)
    assert again == msgspec.json.decode(row["content"], type=Bill)


async def test_a_plan_gives_its_energy_once_a_month_and_counts_it(world, settlement, wallet_of, now):
    anna = await world.person()
    await wallet_of(50, anna)
    plan = Plan(name="Pro", monthly_fee=euros("9.90"), vat=Decimal(19), included=15_000.0)
    async with world.database.as_owner() as work:
        common, id_ = {"organization_id": world.organization}, new_id()
        content = msgspec.json.encode(plan).decode()
        await work.execute(sa.insert(plans).values(id=id_, content=content, created_at=now, **common))
        of_anna = {"id": new_id(), "person_id": anna, "plan_id": id_, "since": now.date()}
        await work.execute(sa.insert(subscriptions).values(**of_anna, **common))
    for gross in (1, "3.50"):
        await settlement.settle(world.organization, await world.session(anna))
        assert (await world.rows(documents))[-1]["gross"] == Decimal(gross)
    assert [row["energy"] for row in await world.rows(plan_usages)] == [10_000.0, 5_000.0]


async def test_a_site_that_gives_charging_away_bills_nothing(world, settlement, now):
    anna = await world.person()
    gift = msgspec.json.encode(FreeVend(reason="Opening week")).decode()
    async with world.database.as_owner() as work:
        await work.execute(
            sa.insert(free_vends).values(site_id=world.site, organization_id=world.organization, content=gift)
        )
    assert await settlement.settle(world.organization, await world.session(anna)) is Step.DONE
    (document,) = await world.rows(documents)
    assert document["gross"] == 0


async def test_a_code_shown_at_the_start_counts_in_the_bill_and_only_once(world, settlement, wallet_of, now):
    anna, request = await world.person(), new_id()
    await wallet_of(20, anna)
    code = Promotion(code="MAY", kind=PromotionKind.PERCENT, value=Decimal(50), valid_from=now)
    async with world.database.as_owner() as work:
        content = msgspec.json.encode(code).decode()
        row = {"id": new_id(), "organization_id": world.organization, "code": "MAY", "content": content}
        await work.execute(sa.insert(promotions).values(**row))
    async with world.database.unit_of_work(Scope(world.organization)) as work:
        await agree(work, world.station, now, person_id=anna, request_id=request, code="may")
    session = await world.session(anna, request_id=request)
    await settlement.settle(world.organization, session)
    (document,) = await world.rows(documents)
    assert document["gross"] == 3
    async with world.database.unit_of_work(Scope(world.organization)) as work:
        with pytest.raises(PromotionRefused, match="used it already"):
            await agree(work, world.station, now, person_id=anna, request_id=new_id(), code="MAY")


async def test_the_price_quoted_on_the_phone_is_the_price_billed(world, settlement, wallet_of, tariff, now):
    anna = await world.person()
    await wallet_of(50, anna)
    async with world.database.unit_of_work(Scope(world.organization)) as work:
        await agree(work, world.station, now, person_id=anna)
        (known,) = await publishing.assignments(work)
        caller, soon = system(world.organization), now + timedelta(minutes=2)
        await publishing.publish(work, caller, known.tariff_id, tariff(ENERGY=0.8), soon, now)
    for minutes, gross in ((5, 6), (30, 8)):
        start = now + timedelta(minutes=minutes)
        timed = {"started_at": start, "ended_at": start + timedelta(hours=1), "received_at": start}
        session = await world.session(anna, first_received_at=start, **timed)
        await settlement.settle(world.organization, session)
        assert (await world.rows(documents))[-1]["gross"] == gross


async def test_who_owes_does_not_start_again_until_it_is_paid(world, settlement, wallet_of, now):
    anna = await world.person()
    async with world.database.as_owner() as work:
        row = {"id": new_id(), "organization_id": world.organization, "key": new_id(), "person_id": anna}
        kept = {"sealed": b"x", "last4": "", "kind": "ISO14443", "created_at": now, "changed_at": now}
        await work.execute(sa.insert(tokens).values(**row, **kept))
    first, second = await world.session(anna), await world.session(anna)
    for session in (first, second):
        assert await settlement.settle(world.organization, session) is Step.OWED
    (said,) = await world.rows(admissions)
    assert (said["status"], said["token_key"]) == ("no_credit", row["key"])
    await wallet_of(10, anna)
    assert await settlement.settle(world.organization, first) is Step.DONE
    assert len(await world.rows(admissions)) == 1
    await wallet_of(10, anna)
    assert await settlement.settle(world.organization, second) is Step.DONE
    assert await world.rows(admissions) == []


async def test_a_session_at_prices_below_zero_pays_into_the_wallet(world, settlement, tariff, now):
    anna = await world.person()
    async with world.database.unit_of_work(Scope(world.organization)) as work:
        (known,) = await publishing.assignments(work)
        caller, soon = system(world.organization), now + timedelta(minutes=2)
        await publishing.publish(work, caller, known.tariff_id, tariff(ENERGY=-0.1), soon, now)
    session = await world.session(anna, started_at=soon, ended_at=soon + timedelta(hours=1))
    for _ in range(2):
        assert await settlement.settle(world.organization, session) is Step.DONE
    async with world.database.as_owner() as work:
        assert (await balance_of(work, anna, "EUR"))[0] == euros("1")
    assert not await receivable(world, anna)
