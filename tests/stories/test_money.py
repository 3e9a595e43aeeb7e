"""Stories of money: virtual stations on real sockets, a real worker, a real payment provider next door."""

import asyncio
import io
from contextlib import asynccontextmanager

import pytest
from pypdf import PdfReader

import local_stripe
from gridlane.accounts.people import hashed, new_secret
from gridlane.app.facts import Dispatcher
from gridlane.app.worker import listeners
from gridlane.kernel.database import Database
from gridlane.kernel.ids import new_id
from gridlane.kernel.jobs import Jobs
from gridlane.ocpp.version import Version
from installation import running

VERSIONS = [Version.V16, Version.V201, Version.V21]


def tariff(price):
    energy = {"type": "ENERGY", "price": price, "vat": 19}
    flat = {"type": "FLAT", "price": 1, "vat": 19}
    return {"currency": "EUR", "tax_included": "YES", "elements": [{"price_components": [flat, energy]}]}


@asynccontextmanager
async def worker(installation):
    """The jobs and the dispatcher of facts, as the worker role runs them."""
    database, jobs = Database(installation.url), Jobs(installation.url)
    rows = listeners(database, installation.settings, installation.bus)
    dispatcher = Dispatcher(database, installation.bus, jobs, rows)
    await jobs.open()
    tasks = [asyncio.create_task(jobs.run_worker()), asyncio.create_task(dispatcher.run())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await jobs.close()
        await database.close()


@pytest.fixture
async def network(database_url, tmp_path):
    """An installation whose payment provider is a real process."""
    with local_stripe.local_stripe(tmp_path) as address:
        keys = {
            "stripe_api_key": local_stripe.KEY,
            "stripe_url": address,
            "stripe_publishable_key": "pk_test",
        }
        async with running(database_url, tmp_path, **keys) as installation:
            yield installation, address


async def published(installation, price):
    made = await installation.post("/tariffs", {"name": "Public", "tariff": tariff(price)})
    await installation.post("/tariff-assignments", {"tariff_id": made["tariff_id"]})
    return made["tariff_id"]


async def anna_with(installation, euros):
    """A driver with a token and so much in the wallet; gives the person's id and a key to call the API with."""
    person, key = new_id(), new_secret()
    await installation.sql(
        "INSERT INTO people (id, email, name, created_at) VALUES (%s, 'anna@example.org', 'Anna', now())",
        person,
    )
    await installation.sql(
        "INSERT INTO memberships (organization_id, person_id, role, since) VALUES (%s, %s, 'driver', now())",
        installation.organization_id, person,
    )  # fmt: skip
    await installation.sql(
        "INSERT INTO sign_in_sessions (id, secret_hash, person_id, organization_id, created_at, last_seen_at, expires_at)"
        " VALUES (%s, %s, %s, %s, now(), now(), now() + interval '1 day')",
        new_id(), hashed(key), person, installation.organization_id,
    )  # fmt: skip
    await installation.issue_token("04AABBCCDD", person_id=person)
    (code,) = (await installation.post("/vouchers", {"amount": str(euros)}))["codes"]
    cookie = {"cookie": f"gridlane_session={key}", "authorization": ""}
    answer = await installation.http.post("/api/v1/me/wallet/vouchers", json={"code": code}, headers=cookie)
    assert answer.status_code == 201, answer.text
    return person


async def charge_once(station):
    await station.plug_in()
    await station.tap("04AABBCCDD")
    await station.until(lambda: station.evse().transaction and station.evse().power > 0, "to charge")
    await asyncio.sleep(2)
    await station.tap("04AABBCCDD")
    await station.until(lambda: station.evse().transaction is None, "to stop")
    await station.unplug()


async def documents(installation, count):
    async def there():
        found = (await installation.get("/documents"))["items"]
        return found if len(found) >= count else None

    return list(reversed(await installation.until(there, 30)))


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_driver_charges_pays_from_the_wallet_and_gets_the_invoice(network, version):
    installation, _ = network
    tariff_id = await published(installation, 100)
    await anna_with(installation, 500)
    async with worker(installation), await installation.station("CP-1", version, meter_interval=1) as station:
        await station.boot()
        await charge_once(station)
        (first,) = await documents(installation, 1)
        await installation.post(f"/tariffs/{tariff_id}/versions", {"tariff": tariff(200)})
        await charge_once(station)
        _, second = await documents(installation, 2)
    for document, price in ((first, 100), (second, 200)):
        bill = (await installation.get(f"/sessions/{document['session_id']}/bill"))["bill"]
        ((energy,),) = await installation.sql(
            "SELECT energy FROM sessions WHERE id = %s", document["session_id"]
        )
        assert float(document["gross"]) == pytest.approx(1 + energy / 1000 * price, abs=0.01 + price / 1000)
        assert bill["lines"][1]["reason"].endswith(f"x {price} EUR/kWh")
    pdf = await installation.http.get(f"/api/v1/documents/{first['id']}.pdf")
    assert first["number"] in PdfReader(io.BytesIO(pdf.content)).pages[0].extract_text()
    balances = (await installation.get("/ledger/balances"))["items"]
    assert sum(float(row["balance"]) for row in balances) == pytest.approx(0, abs=1e-9)
    receivable = [row for row in balances if row["account"] == "receivable"]
    assert [float(row["balance"]) for row in receivable] == [0]


async def test_what_a_stations_terminal_took_pays_the_session_it_names(network):
    installation, _ = network
    await published(installation, 0)  # 1 EUR a session
    await installation.issue_token("04AABBCCDD")
    async with (
        worker(installation),
        await installation.station("CP-1", Version.V21, meter_interval=1) as station,
    ):
        await station.boot()
        await charge_once(station)
        (ended,) = (one for one in station.sent("TransactionEvent") if one["eventType"] == "Ended")
        told = {
            "transactionId": ended["transactionInfo"]["transactionId"],
            "pspRef": "PSP-1",
            "status": "Settled",
            "settlementAmount": 1.0,
            "settlementTime": ended["timestamp"],
        }
        for _ in range(2):
            await station.call("NotifySettlement", told)
        (receipt,) = await documents(installation, 1)
    assert (receipt["kind"], float(receipt["gross"])) == ("receipt", 1.0)
    balances = {
        row["account"]: float(row["balance"]) for row in (await installation.get("/ledger/balances"))["items"]
    }
    assert (balances["terminal"], balances["receivable"]) == (1.0, 0.0)
    assert (await installation.get("/money-tasks"))["items"] == []


async def test_a_guest_pays_by_card_at_the_code_charges_and_gets_a_receipt(network):
    installation, stripe = network
    await published(installation, 100)
    async with (
        worker(installation),
        await installation.station("CP-1", Version.V201, meter_interval=1) as station,
    ):
        await station.boot()
        await station.plug_in()
        opened = await installation.post("/checkouts", {"station_id": station.id, "evse": 1})
        path = f"/checkouts/{opened['secret']}"
        held = await installation.post(f"{path}/hold", {"email": "guest@example.org"})
        local_stripe.confirm(stripe, held["client_secret"].partition("_secret_")[0])

        async def at(step):
            found = await installation.get(path)
            return found if found["step"] == step else None

        await installation.until(lambda: at("charging"), 20)
        await station.until(lambda: station.evse().power > 0, "to charge")
        await asyncio.sleep(2)
        await installation.post(f"{path}/stop")
        await station.until(lambda: station.evse().transaction is None, "to stop")
        await installation.until(lambda: at("done"), 30)
        receipt = await installation.http.get(f"/api/v1{path}/receipt.pdf")
    assert "Receipt" in PdfReader(io.BytesIO(receipt.content)).pages[0].extract_text()
    ((captured, held_amount, state),) = await installation.sql("SELECT captured, held, state FROM payments")
    assert state == "captured"
    assert 0 < captured < held_amount
