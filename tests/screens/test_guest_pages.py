"""A guest at the plug with any browser: no account, and scripts switched off."""

from contextlib import asynccontextmanager

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

import local_stripe
from hosted_page import hosted_page
from installation import running, working

pytestmark = pytest.mark.browser
PATIENCE = 30_000
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
TARIFF = {
    "currency": "EUR",
    "tax_included": "YES",
    "elements": [
        {
            "price_components": [
                {"type": "ENERGY", "price": 0.49, "vat": 19},
                {"type": "PARKING_TIME", "price": 6, "vat": 19},
                {"type": "FLAT", "price": 1, "vat": 19},
            ]
        }
    ],
}


@pytest.fixture
async def network(database_url, tmp_path):
    """An installation that takes cards on its provider's own page."""
    with local_stripe.local_stripe(tmp_path) as stripe:
        async with hosted_page(stripe) as address:
            keys = {"stripe_api_key": local_stripe.KEY, "stripe_url": address, "stripe_publishable_key": "pk"}
            async with running(database_url, tmp_path, **keys) as installation:
                yield installation


@asynccontextmanager
async def plug(installation):
    """A public plug with a price."""
    async with await installation.station("CP-1", meter_interval=1) as station:
        await station.boot()
        await installation.sql(
            "UPDATE sites SET latitude = 52.5, longitude = 13.4, public = true, address = 'Am Ufer 3', city = 'Berlin'"
        )
        await installation.until(lambda: installation.sql("SELECT 1 FROM evses"))
        await installation.sql("UPDATE evses SET public_id = 'DE*GRL*E1', max_power = 22000 WHERE number = 1")
        made = await installation.post("/tariffs", {"name": "Public", "tariff": TARIFF})
        await installation.post("/tariff-assignments", {"tariff_id": made["tariff_id"]})
        yield station


@pytest.fixture
async def guest(browser):
    """A phone whose browser runs no scripts."""
    size = {"width": 360, "height": 740}
    context = await browser.new_context(locale="en-GB", java_script_enabled=False, viewport=size)
    yield await context.new_page()
    await context.close()


async def test_a_guest_pays_starts_watches_stops_and_gets_a_receipt(network, guest):
    address = network.settings.address()
    async with working(network), plug(network) as station:
        await guest.goto(f"{address}/q/DE*GRL*E1")
        await expect(guest.get_by_text("€0.49")).to_be_visible()
        await expect(guest.get_by_text("€0.10")).to_be_visible()  # an hour of standing, per minute
        await guest.get_by_role("button", name="Charge without an account").click()
        await expect(guest.get_by_text("€50.00 are held on your card now", exact=False)).to_be_visible()
        await guest.reload()
        await guest.get_by_label("E-mail for the receipt").fill("guest@example.org")
        await guest.get_by_role("button", name="Pay and start").click()
        await guest.get_by_role("button", name="Pay").click()
        await expect(guest.get_by_text("Plug in your car now")).to_be_visible(timeout=PATIENCE)
        await station.plug_in()
        stop = guest.get_by_role("button", name="Stop charging")
        await expect(stop).to_be_visible(timeout=PATIENCE)
        await station.until(lambda: station.evse().power > 0, "to charge")
        await guest.goto(f"{address}/q/DE*GRL*E1")  # scanned again: the way back is there
        await guest.get_by_role("link", name="Your charge").click()
        await network.until(lambda: network.sql("SELECT 1 FROM sessions WHERE energy > 0"), 30)
        await stop.click()
        await station.until(lambda: station.evse().transaction is None, "to stop")
        await expect(guest.get_by_role("link", name="Receipt (PDF)")).to_be_visible(timeout=PATIENCE)
        await expect(guest.get_by_text("Paid")).to_be_visible()
        paper = await guest.get_by_role("link", name="Receipt (PDF)").get_attribute("href")
        answer = await network.http.get(paper)
    assert answer.content.startswith(b"%PDF")
    ((state, reference),) = await network.sql("SELECT state, reference FROM payments")
    assert state == "captured"
    assert reference.startswith("pi_")


async def test_where_charging_is_given_away_a_guest_only_presses_start(installation, guest):
    address = installation.settings.address()
    async with working(installation), plug(installation) as station:
        gift = {"reason": "Bakery Korn"}
        answer = await installation.http.put(f"/api/v1/sites/{installation.site_id}/free-vend", json=gift)
        assert answer.status_code < 300, answer.text
        await station.plug_in()
        await guest.goto(f"{address}/q/DE*GRL*E1?lang=de")
        await expect(guest.get_by_text("Bakery Korn schenkt Ihnen hier das Laden.")).to_be_visible()
        await guest.get_by_role("button", name="Ohne Konto laden").click()
        await guest.get_by_role("button", name="Starten").click()
        stop = guest.get_by_role("button", name="Laden beenden")
        await expect(stop).to_be_visible(timeout=PATIENCE)
        await station.until(lambda: station.evse().power > 0, "to charge")
        await stop.click()
        await station.until(lambda: station.evse().transaction is None, "to stop")
        await expect(guest.get_by_role("heading", name="Geladen")).to_be_visible(timeout=PATIENCE)
    assert await installation.sql("SELECT 1 FROM payments") == []


async def test_a_guest_who_changes_their_mind_pays_nothing(network, guest):
    async with plug(network):
        await guest.goto(f"{network.settings.address()}/q/DE*GRL*E1")
        await guest.get_by_role("button", name="Charge without an account").click()
        await guest.get_by_role("button", name="Pay and start").click()
        await expect(guest.get_by_role("heading", name="Pay")).to_be_visible()
        await guest.goto(f"{network.settings.address()}/pay/back")
        await guest.get_by_role("button", name="Cancel").click()
        await expect(guest.get_by_text("No money was taken")).to_be_visible()
    ((state,),) = await network.sql("SELECT state FROM payments")
    assert state == "released"


async def test_a_plug_out_of_reach_takes_no_money(installation, guest):
    async with plug(installation) as station:
        await station.hang_up(stay_offline=True)
        held = "SELECT 1 FROM availability_intervals WHERE until IS NULL AND state = 'offline'"
        await installation.until(lambda: installation.sql(held), 30)
        await guest.goto(f"{installation.settings.address()}/q/DE*GRL*E1")
        await expect(guest.get_by_text("Nobody can charge here now")).to_be_visible()
        await expect(guest.get_by_role("button")).to_have_count(0)


async def test_a_wrong_code_and_a_guessed_link_are_explained(installation, guest):
    address = installation.settings.address()
    await guest.goto(f"{address}/q/DE*XXX*E9")
    await expect(guest.get_by_text("There is no plug with this number")).to_be_visible()
    await guest.goto(f"{address}/pay/guessed")
    await expect(guest.get_by_text("This page cannot be found")).to_be_visible()
    await guest.goto(f"{address}/pay/back")
    await expect(guest.get_by_text("This page cannot be found")).to_be_visible()


async def test_everybody_can_use_the_pages(network, browser):
    address = network.settings.address()
    async with plug(network):
        for colours in ("light", "dark"):
            size = {"width": 360, "height": 740}
            context = await browser.new_context(
                locale="en-GB", color_scheme=colours, viewport=size, bypass_csp=True
            )
            page = await context.new_page()
            for path in ("/q/DE*GRL*E1", "/q/nothing"):
                await page.goto(address + path)
                assert await barriers(page) == []
            await page.goto(f"{address}/q/DE*GRL*E1")
            await page.get_by_role("button", name="Charge without an account").click()
            await page.get_by_role("button", name="Pay and start").wait_for()
            assert await barriers(page) == []
            assert await page.evaluate("document.documentElement.scrollWidth") <= 360
            await page.get_by_role("button", name="Cancel").click()
            await page.get_by_text("No money was taken").wait_for()
            assert await barriers(page) == []
            await context.close()


async def barriers(page):
    found = await Axe().run(page, options={"resultTypes": ["violations"], "runOnly": RULES})
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found.response["violations"]]


async def test_the_code_for_the_sticker_leads_to_the_page(installation):
    async with plug(installation):
        answer = await installation.http.get("/q/de*grl*e1/code.svg")
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert b"<svg" in answer.content
