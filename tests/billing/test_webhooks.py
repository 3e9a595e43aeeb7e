"""Events signed with Stripe's real scheme: replayed, reordered, duplicated, forged."""

import hashlib
import hmac
import json
import time

import httpx2
import pytest
import sqlalchemy as sa

from gridlane.billing.ledger import Account, AccountKind
from gridlane.billing.model import money_tasks, payment_sources, provider_events
from gridlane.billing.payments import PaymentState
from gridlane.billing.port import Source
from gridlane.billing.posting import balance
from gridlane.billing.webhooks import EventForged, Webhooks
from gridlane.kernel.database import Scope
from gridlane.kernel.ids import new_id
from gridlane.kernel.money import Money

SECRET = "whsec_of_a_test"


def signed(event, secret=SECRET, at=None):
    """The body and header of an event, by Stripe's scheme: HMAC-SHA256 over ``<time>.<body>``."""
    at = int(time.time()) if at is None else at
    body = json.dumps(event).encode()
    digest = hmac.new(secret.encode(), b"%d.%s" % (at, body), hashlib.sha256).hexdigest()
    return body, f"t={at},v1={digest}"


def event(kind, subject, id_=None):
    return {
        "id": id_ or f"evt_{new_id().hex}",
        "object": "event",
        "type": kind,
        "created": int(time.time()),
        "data": {"object": subject},
    }


@pytest.fixture
def webhooks(database, payments, stripe, clock):
    return Webhooks(database, payments, stripe, SECRET, clock)


@pytest.fixture
def paid(database, payments, card, organization):
    """``await paid("10")``: a card payment of so many euros, captured."""

    async def build(amount):
        euros = Money.of(amount, "EUR")
        async with database.unit_of_work(Scope(organization)) as work:
            id_ = await payments.begin(work, card(), euros, payer_id=new_id())
        await payments.carry_on(organization, id_)
        return await payments.capture(organization, id_, euros)

    return build


async def owed(database, payment):
    async with database.as_owner() as work:
        return await balance(work, Account(AccountKind.RECEIVABLE, payment.payer_id), "EUR")


def dispute(payment, **fields):
    common = {"id": "dp_1", "object": "dispute", "payment_intent": payment.reference}
    return common | {"amount": 1000, "currency": "eur", "status": "needs_response"} | fields


@pytest.mark.parametrize("wrong", ["other secret", "changed body", "old", "no signature"])
async def test_a_forged_event_is_refused_and_leaves_nothing(database, webhooks, paid, wrong):
    payment = await paid("10")
    body, header = signed(event("charge.dispute.created", dispute(payment)))
    if wrong == "other secret":
        _, header = signed(event("charge.dispute.created", dispute(payment)), "whsec_of_somebody")
    elif wrong == "changed body":
        body = body.replace(b"1000", b"9000")
    elif wrong == "old":
        body, header = signed(event("charge.dispute.created", dispute(payment)), at=int(time.time()) - 3_600)
    else:
        header = ""
    with pytest.raises(EventForged):
        await webhooks.take(body, header)
    async with database.as_owner() as work:
        assert (await work.execute(sa.select(provider_events))).all() == []


async def test_an_event_sent_twice_counts_once(database, webhooks, paid):
    payment = await paid("10")
    once = signed(event("charge.dispute.created", dispute(payment)))
    for _ in range(3):
        await webhooks.take(*once)
    assert await owed(database, payment) == Money.of("0", "EUR")
    async with database.as_owner() as work:
        assert len((await work.execute(sa.select(money_tasks))).all()) == 1


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["in order", "reordered"])
@pytest.mark.parametrize(("status", "left"), [("won", "-10"), ("lost", "-10")])
async def test_a_dispute_ends_the_same_in_any_order(database, webhooks, paid, order, status, left):
    payment = await paid("10")
    events = [
        signed(event("charge.dispute.created", dispute(payment))),
        signed(event("charge.dispute.closed", dispute(payment, status=status))),
    ]
    for index in order:
        await webhooks.take(*events[index])
    assert await owed(database, payment) == Money.of(left, "EUR")
    async with database.as_owner() as work:
        loss = await balance(work, Account(AccountKind.LOSS), "EUR")
    assert loss == Money.of("10" if status == "lost" else "0", "EUR")


async def test_a_refund_made_at_stripe_is_posted_and_asks_for_a_credit_note(
    database, webhooks, payments, paid
):
    payment = await paid("10")
    refund = {
        "id": "re_1",
        "object": "refund",
        "payment_intent": payment.reference,
        "amount": 400,
        "currency": "eur",
    }
    await webhooks.take(*signed(event("refund.created", refund | {"metadata": {}})))
    assert (await payments.read(payment.organization_id, payment.id)).refunded == Money.of("4", "EUR")
    async with database.as_owner() as work:
        (kind,) = (await work.execute(sa.select(money_tasks.c.kind))).scalars()
    assert kind == "refund_elsewhere"


async def test_a_refund_of_ours_is_not_posted_again(database, webhooks, payments, paid):
    payment = await paid("10")
    await payments.refund(payment.organization_id, payment.id, Money.of("4", "EUR"), "x")
    refund = {
        "id": "re_2",
        "object": "refund",
        "payment_intent": payment.reference,
        "amount": 400,
        "currency": "eur",
    }
    await webhooks.take(*signed(event("refund.created", refund | {"metadata": {"gridlane_key": "x:refund"}})))
    assert await owed(database, payment) == Money.of("-6", "EUR")


async def test_a_guests_confirmation_is_seen_by_looking_not_by_believing(
    database, webhooks, payments, organization, stripe_server, confirm
):
    async with database.unit_of_work(Scope(organization)) as work:
        source = Source(provider="stripe", organization_id=organization)
        id_ = await payments.begin(work, source, Money.of("20", "EUR"), payer_id=new_id())
    payment = await payments.carry_on(organization, id_)
    subject = {"id": payment.reference, "object": "payment_intent", "amount": 2000, "currency": "eur"}
    told = signed(event("payment_intent.amount_capturable_updated", subject))
    assert (await webhooks.take(*told)).state is PaymentState.NEEDS_DRIVER
    confirm(payment.reference)
    assert (await webhooks.take(*told)).state is PaymentState.HELD


async def test_an_event_about_a_payment_of_others_is_left_alone(webhooks):
    subject = {"id": "pi_unknown", "object": "payment_intent", "amount": 1, "currency": "eur"}
    assert await webhooks.take(*signed(event("payment_intent.succeeded", subject))) is None


async def test_a_card_is_saved_when_its_set_up_succeeds(
    database, webhooks, stripe, organization, stripe_server
):
    person = new_id()
    customer = await stripe.customer(f"person:{person}", "anna@example.org")
    set_up = await stripe.set_up(f"set-up:{person}", customer)
    async with database.as_owner() as work:
        row = {"id": new_id(), "organization_id": organization, "person_id": person, "provider": "stripe"}
        await work.execute(
            sa.insert(payment_sources).values(customer=customer, created_at=sa.func.now(), **row)
        )
    told = signed(
        event(
            "setup_intent.succeeded", {"id": set_up.reference, "object": "setup_intent", "customer": customer}
        )
    )
    await webhooks.take(*told)
    async with database.as_owner() as work:
        assert await work.scalar(sa.select(payment_sources.c.method)) is None
    number = {
        "card[number]": "4242424242424242",
        "card[exp_month]": "12",
        "card[exp_year]": "30",
        "card[cvc]": "123",
    }
    fields = {
        f"payment_method_data[{name.partition('[')[0]}][{name.partition('[')[2]}": v
        for name, v in number.items()
    }
    answer = httpx2.post(
        f"{stripe_server}/v1/setup_intents/{set_up.reference}/confirm",
        data=fields | {"payment_method_data[type]": "card"},
        auth=("sk_test_12345", ""),
    )
    answer.raise_for_status()
    await webhooks.take(*told)
    async with database.as_owner() as work:
        row = (await work.execute(sa.select(payment_sources))).mappings().one()
    assert row["method"].startswith("pm_")
    assert row["label"] == "visa 4242"
