"""A driver's day on a phone, from signing up to the receipt; a day on which it goes wrong; and a plug kept for somebody."""

import pytest
from playwright.async_api import expect

from gridlane.simulator.vehicle import Vehicle
from installation import working

pytestmark = pytest.mark.browser

PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 900}
PASSWORD = "correct horse battery staple"
STRANGER = "04AABBCCDD"
TARIFF = {
    "currency": "EUR",
    "tax_included": "YES",
    "elements": [
        {
            "price_components": [
                {"type": "ENERGY", "price": 0.5, "vat": 19},
                {"type": "FLAT", "price": 1, "vat": 19},
            ]
        }
    ],
}


@pytest.fixture
async def station(installation):
    """The only plug of a public place, with a price, a queue and reservations; the worker works."""
    async with (
        working(installation),
        await installation.station("CP-1", meter_interval=1, evses=1) as station,
    ):
        await station.boot()
        await installation.sql("UPDATE sites SET latitude = 52.5, longitude = 13.4, public = true")
        await installation.until(lambda: installation.sql("SELECT 1 FROM evses"))
        await installation.sql("UPDATE evses SET public_id = 'DE*GRL*E1', max_power = 22000")
        made = await installation.post("/tariffs", {"name": "Public", "tariff": TARIFF})
        await installation.post("/tariff-assignments", {"tariff_id": made["tariff_id"]})
        rules = {"queue": True, "reservations": True}
        await installation.http.put(f"/api/v1/sites/{installation.site_id}/waiting", json=rules)
        yield station


@pytest.fixture
async def on_the_phone(visit):
    await visit.page.set_viewport_size(PHONE)
    return visit.page


async def test_a_day_of_a_driver(visit, installation, station, on_the_phone):
    page = on_the_phone
    await _somebody_charges(installation, station)
    await _sign_up(visit)
    await _fill_the_wallet(visit, installation)

    await visit.open("/app/")
    await page.get_by_role("link", name="in use").first.click()
    await page.get_by_role("button", name="Get in line").click()
    await expect(page.get_by_text("You are next")).to_be_visible()
    await _somebody_leaves(installation, station)
    await page.get_by_role("button", name="Not yet").click()  # any step makes a turn of the queue
    await page.get_by_role("button", name="I want to charge now").click()
    await expect(page.get_by_text("It is your turn")).to_be_visible()

    await station.plug_in()
    await visit.open("/q/DE*GRL*E1")  # what the phone opens when the code on the plug is scanned
    await page.get_by_role("link", name="app").click()
    await expect(page.get_by_text("€0.50 / kWh")).to_be_visible()
    await page.get_by_role("button", name="Start charging").click()
    await expect(page.get_by_role("button", name="Stop charging")).to_be_visible()
    await station.until(lambda: station.evse().power > 0, "to charge")
    await expect(page.get_by_text("kW", exact=False).first).to_be_visible()
    await expect(page.get_by_text("€1.", exact=False).first).to_be_visible()  # what it costs so far
    assert await visit.barriers() == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]

    await page.get_by_role("button", name="Stop charging").click()
    await station.until(lambda: station.evse().transaction is None, "to stop")
    await station.unplug()
    await expect(page.get_by_text("Ended").first).to_be_visible()
    receipt = page.get_by_role("link", name="Receipt")
    await expect(receipt).to_be_visible()
    paper = await page.context.request.get(visit.address + await receipt.get_attribute("href"))
    assert (await paper.body()).startswith(b"%PDF")
    await page.get_by_role("link", name="Activity").click()
    await expect(page.get_by_role("listitem")).to_have_count(1)
    assert visit.errors == []
    assert visit.strangers == []


async def test_a_charge_that_fails_is_explained_and_refunded_through_a_case(
    visit, installation, station, on_the_phone, browser
):
    page = on_the_phone
    await _sign_up(visit)
    await _fill_the_wallet(visit, installation)
    station.answers["RequestStartTransaction"] = "Rejected"
    await visit.open("/app/charge/DE*GRL*E1")
    await page.get_by_role("button", name="Start charging").click()
    await expect(page.get_by_text("The station refused to start.")).to_be_visible()

    del station.answers["RequestStartTransaction"]
    await station.plug_in(vehicle=Vehicle(wanted=3))
    await visit.open("/app/charge/DE*GRL*E1")
    await page.get_by_role("button", name="Start charging").click()
    await installation.until(lambda: installation.sql("SELECT 1 FROM sessions WHERE energy > 0"), 30)
    await station.fault()
    await station.unplug()
    await expect(page.get_by_role("link", name="Receipt")).to_be_visible()
    await page.get_by_role("link", name="Get help").click()
    await page.get_by_label("What can we do?").fill("It broke off at once, and I paid.")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_text("We are on it")).to_be_visible()
    mine = page.url
    await _refund(visit, browser)
    await page.goto(mine)
    await expect(page.get_by_text("goes back the way it was paid")).to_be_visible()
    await visit.open("/app/wallet")
    await expect(page.get_by_text("€50.00").first).to_be_visible()
    assert visit.errors == []


async def test_a_reservation_is_honoured_at_the_plug(visit, installation, station, on_the_phone):
    page = on_the_phone
    await installation.issue_token(STRANGER)
    await _sign_up(visit)
    await visit.open("/app/")
    await page.get_by_role("link", name="free").first.click()
    await page.get_by_role("button", name="Reserve").click()
    await expect(page.get_by_text("Reserved", exact=False).first).to_be_visible()
    assert await visit.barriers() == []

    await station.plug_in()
    await station.tap(STRANGER)
    turned_away = "SELECT 1 FROM authorizations WHERE verdict = 'not_at_this_time'"
    await installation.until(lambda: installation.sql(turned_away))
    await station.until(lambda: station.evse().transaction is None, "to end what was refused")
    await station.unplug()
    reserved = "SELECT 1 FROM connectors WHERE status IN ('available', 'reserved')"
    await installation.until(lambda: installation.sql(reserved))

    await visit.open("/q/DE*GRL*E1")
    await page.get_by_role("link", name="app").click()
    await page.get_by_role("button", name="Start charging").click()
    await station.plug_in()
    await expect(page.get_by_role("button", name="Stop charging")).to_be_visible()
    await station.until(lambda: station.evse().power > 0, "to charge")
    assert visit.errors == []


# --- what happens in the stories ---------------------------------------------------------------------------------


async def _sign_up(visit) -> None:
    page = await visit.open("/app/account")
    await page.get_by_role("button", name="New here? Sign up").click()
    await page.get_by_label("Name").fill("Ada Lovelace")
    await page.get_by_label("E-mail").fill("ada@example.org")
    await page.get_by_role("button", name="Sign up").click()
    await expect(page.get_by_text("Look at your mail")).to_be_visible()
    await visit.open(await visit.mailed_link("ada@example.org"))
    await page.get_by_label("New password").fill(PASSWORD)
    await page.get_by_role("button", name="Join").click()
    await expect(page.get_by_role("heading", name="Find a plug")).to_be_visible()


async def _fill_the_wallet(visit, installation) -> None:
    (code,) = (await installation.post("/vouchers", {"amount": "50"}))["codes"]
    page = await visit.open("/app/wallet")
    await page.get_by_label("Code").fill(code)
    await page.get_by_role("button", name="Redeem").click()
    await expect(page.get_by_text("€50.00").first).to_be_visible()


async def _somebody_charges(installation, station) -> None:
    await installation.issue_token(STRANGER)
    await station.plug_in()
    await station.tap(STRANGER)
    await station.until(lambda: station.evse().power > 0, "to charge")


async def _somebody_leaves(installation, station) -> None:
    await station.tap(STRANGER)
    await station.until(lambda: station.evse().transaction is None, "to stop")
    await _left_free(installation, station)


async def _left_free(installation, station) -> None:
    await station.unplug()
    free = "SELECT 1 FROM availability_intervals WHERE until IS NULL AND state = 'available'"
    await installation.until(lambda: installation.sql(free))


async def _refund(visit, browser) -> None:
    """An agent, at a desk elsewhere, opens the case and gives the money back."""
    context = await browser.new_context(locale="en-GB", viewport=DESK)
    desk = await context.new_page()
    agent = type(visit)(desk, visit.installation)
    await agent.sign_up()
    await agent.open("/console/support")
    await desk.get_by_role("link", name="It broke off at once, and I paid.").click()
    await desk.get_by_role("button", name="Refund").click()
    await desk.get_by_label("Reason").fill("it broke off")
    await desk.get_by_role("dialog").get_by_role("button", name="Refund").click()
    await expect(desk.get_by_text("goes back the way it was paid").first).to_be_visible()
    await context.close()
