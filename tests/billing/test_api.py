import io

import httpx2
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from pypdf import PdfReader

from gridlane.billing import api, driver_api, offers_api
from gridlane.billing.model import checkouts, documents, money_tasks, payment_sources
from gridlane.billing.model import payments as payment_rows
from gridlane.billing.reconciliation import open_task
from gridlane.kernel.access import Caller, Permission, system
from gridlane.kernel.bus import LocalBus
from gridlane.kernel.database import Scope
from gridlane.kernel.ids import new_id
from gridlane.kernel.settings import Settings
from gridlane.web import problems

DRIVER = frozenset({Permission.CHARGE})


@pytest.fixture
def installation(world, tmp_path, stripe, stripe_server):
    """``installation(caller)``: a client of the API that is recognised as this caller."""
    app = FastAPI()
    app.state.database = world.database
    app.state.bus = LocalBus()
    app.state.settings = Settings(
        data_dir=tmp_path,
        stripe_api_key="sk_test_12345",
        stripe_url=stripe_server,
        stripe_publishable_key="pk_test",
        stripe_webhook_secret="whsec_x",
    )
    problems.register(app)
    app.include_router(api.router)
    app.include_router(driver_api.router)
    app.include_router(offers_api.router)

    def client(caller):
        async def recognise(_request):
            return caller

        app.state.recognise = recognise
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test")

    return client


@pytest.fixture
def operator(installation, world):
    return installation(system(world.organization))


def driver_of(world, person):
    return Caller("person", "Anna", world.organization, person, DRIVER)


def text_of(pdf):
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


async def test_a_driver_redeems_charges_and_reads_the_bill(world, installation, settlement):
    operator = installation(system(world.organization))
    codes = (await operator.post("/vouchers", json={"amount": "20.00", "count": 2})).json()["codes"]
    anna = await world.person()
    driver = installation(driver_of(world, anna))
    assert (await driver.post("/me/wallet/vouchers", json={"code": codes[0].lower()})).json()[
        "amount"
    ] == "20.00"
    again = await driver.post("/me/wallet/vouchers", json={"code": codes[0]})
    assert (again.status_code, again.json()["code"]) == (409, "voucher_refused")
    session = await world.session(anna)
    await settlement.settle(world.organization, session)
    wallet = (await driver.get("/me/wallet")).json()
    assert (wallet["balance"], wallet["held"]) == ("14.00", "0.00")
    bill = (await driver.get(f"/sessions/{session}/bill")).json()
    assert bill["settlement"] == "done"
    assert [line["reason"] for line in bill["bill"]["lines"]] == [
        "fee per session 1 EUR",
        "10 kWh x 0.5 EUR/kWh",
    ]
    (listed,) = (await driver.get("/documents")).json()["items"]
    pdf = await driver.get(f"/documents/{listed['id']}.pdf")
    assert "INV-2026-000001" in text_of(pdf.content)
    statement = await driver.get("/me/statements/2026-01.pdf")
    assert "Paid from the wallet" in text_of(statement.content)


async def test_a_driver_sees_nothing_of_another(world, installation, settlement, wallet_of):
    anna, eve = await world.person(), await world.person("Eve")
    await wallet_of(20, anna)
    session = await world.session(anna)
    await settlement.settle(world.organization, session)
    (document,) = await world.rows(documents)
    driver = installation(driver_of(world, eve))
    assert (await driver.get(f"/sessions/{session}/bill")).status_code == 404
    assert (await driver.get(f"/documents/{document['id']}.pdf")).status_code == 404
    assert (await driver.get("/documents")).json()["items"] == []
    assert (await driver.get(f"/sessions/{session}/cost")).status_code == 404
    for path in ("/bills", "/payments", "/ledger/balances", "/money-tasks", "/promotions"):
        assert (await driver.get(path)).status_code == 403
    assert (await driver.post(f"/sessions/{session}/refund", json={"reason": "x"})).status_code == 403


async def test_an_operator_gives_money_back_and_the_ledger_adds_up(world, operator, settlement, wallet_of):
    anna = await world.person()
    await wallet_of(20, anna)
    session = await world.session(anna)
    await settlement.settle(world.organization, session)
    answer = await operator.post(
        f"/sessions/{session}/refund", json={"reason": "Cable locked", "amount": "2.00"}
    )
    assert answer.status_code == 201
    too_much = await operator.post(f"/sessions/{session}/refund", json={"reason": "x", "amount": "4.01"})
    assert (too_much.status_code, too_much.json()["code"]) == (409, "nothing_to_credit")
    balances = (await operator.get("/ledger/balances")).json()["items"]
    assert sum(float(row["balance"]) for row in balances) == 0
    (payment,) = (await operator.get("/payments", params={"session_id": str(session)})).json()["items"]
    assert payment["refunded"] == "2.00"
    (bill,) = (await operator.get("/bills", params={"session_id": str(session)})).json()["items"]
    assert bill["revision"] == 1


async def test_plans_codes_and_free_vend_are_offered(world, installation):
    operator = installation(system(world.organization))
    plan = await operator.post("/plans", json={"name": "Pro", "monthly_fee": "9.90", "vat": "19"})
    assert plan.status_code == 201
    assert (
        await operator.post("/promotions", json={"code": "may", "kind": "percent", "value": 50})
    ).status_code == 201
    twice = await operator.post("/promotions", json={"code": "MAY", "kind": "percent", "value": 50})
    assert twice.json()["code"] == "promotion_taken"
    assert len((await operator.get("/promotions")).json()["items"]) == 1
    gift = {"reason": "Opening week", "energy": 5_000}
    assert (await operator.put(f"/sites/{world.site}/free-vend", json=gift)).status_code == 204
    assert (await operator.get(f"/sites/{world.site}/free-vend")).json() == gift | {"valid_until": None}
    assert (await operator.delete(f"/sites/{world.site}/free-vend")).status_code == 204
    assert (await operator.get(f"/sites/{world.site}/free-vend")).json() is None
    assert (await operator.put(f"/sites/{new_id()}/free-vend", json=gift)).status_code == 404
    driver = installation(driver_of(world, await world.person()))
    (offered,) = (await driver.get("/plans")).json()["items"]
    assert (await driver.post("/me/plan", json={"plan_id": offered["id"]})).status_code == 201
    assert (await driver.post("/me/plan", json={"plan_id": offered["id"]})).status_code == 409
    assert (await driver.get("/me/plan")).json()["plan"]["name"] == "Pro"
    assert (await driver.delete("/me/plan")).status_code == 204


async def test_a_task_is_resolved_once(world, operator, clock):
    async with world.database.unit_of_work(Scope(world.organization)) as work:
        await open_task(work, world.organization, "dispute", new_id(), "Look at it.", clock())
    (task,) = (await operator.get("/money-tasks")).json()["items"]
    path = f"/money-tasks/{task['id']}/resolve"
    assert (await operator.post(path, json={"resolution": "answered"})).status_code == 204
    assert (await operator.post(path, json={"resolution": "again"})).status_code == 404
    assert (await world.rows(money_tasks))[0]["resolution"] == "answered"


async def test_a_card_is_saved_used_and_forgotten(world, installation, card):
    anna, source = await world.person(), card()
    driver = installation(driver_of(world, anna))
    begun = await driver.post("/me/payment-sources")
    assert begun.status_code == 201
    assert begun.json()["publishable_key"] == "pk_test"
    wish = {"amount": "25.00", "source_id": begun.json()["id"]}
    assert (await driver.post("/me/wallet/top-ups", json=wish)).status_code == 404
    async with world.database.as_owner() as work:
        ready = {"customer": source.customer, "method": source.method}
        await work.execute(sa.update(payment_sources).values(**ready))
    assert (await driver.post("/me/wallet/top-ups", json=wish)).status_code == 201
    assert (await driver.get("/me/wallet")).json()["balance"] == "25.00"
    (saved,) = (await driver.get("/me/payment-sources")).json()["items"]
    assert saved["is_ready"]
    assert (await driver.delete(f"/me/payment-sources/{saved['id']}")).status_code == 204
    assert (await driver.delete(f"/me/payment-sources/{saved['id']}")).status_code == 404


async def test_a_guest_walks_through_the_checkout(world, installation, confirm):
    nobody = installation(Caller("nobody", "", None))
    opened = await nobody.post("/checkouts", json={"station_id": str(world.station), "evse": 1})
    assert opened.status_code == 201
    secret = opened.json()["secret"]
    assert (opened.json()["step"], opened.json()["hold"]) == ("shown", "50")
    held = (await nobody.post(f"/checkouts/{secret}/hold", json={})).json()
    assert held["client_secret"]
    (payment,) = await world.rows(payment_rows)
    confirm(payment["reference"])
    assert (await nobody.get(f"/checkouts/{secret}")).json()["step"] == "starting"
    assert (await nobody.post(f"/checkouts/{secret}/cancel")).status_code == 409
    assert (await nobody.get(f"/checkouts/{secret}/receipt.pdf")).status_code == 404
    assert (await nobody.get("/checkouts/guessed")).status_code == 404
    assert len(await world.rows(checkouts)) == 1


async def test_a_forged_event_gets_no_ear(installation):
    nobody = installation(Caller("nobody", "", None))
    answer = await nobody.post(
        "/provider-events/stripe", content=b"{}", headers={"stripe-signature": "t=1,v1=0"}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "provider_event_forged")


async def test_a_plan_that_is_withdrawn_and_a_code_that_is_ended_are_offered_no_longer(world, installation):
    operator = installation(system(world.organization))
    plan = (await operator.post("/plans", json={"name": "Pro", "monthly_fee": "9.90"})).json()["id"]
    wish = {"code": "may", "kind": "percent", "value": 50}
    code = (await operator.post("/promotions", json=wish)).json()["id"]
    for path in (f"/plans/{plan}", f"/promotions/{code}"):
        assert (await operator.delete(path)).status_code == 204
    assert (await operator.get("/plans")).json()["items"] == []
    assert (await operator.delete(f"/plans/{plan}")).json()["code"] == "plan_unknown"
    assert (await operator.delete(f"/promotions/{new_id()}")).json()["code"] == "promotion_unknown"
    (ended,) = (await operator.get("/promotions")).json()["items"]
    assert ended["promotion"]["valid_until"] is not None
    driver = installation(driver_of(world, await world.person()))
    for path in (f"/plans/{plan}", f"/promotions/{code}"):
        assert (await driver.delete(path)).status_code == 403
