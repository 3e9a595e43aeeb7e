"""A charge that does not start is explained to the driver, a helper gives a remedy, the driver sees it."""

import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.browser
PATIENCE = 30_000


@pytest.fixture
async def plug(installation):
    """A public plug whose station refuses every start."""
    async with await installation.station("CP-1", meter_interval=1) as station:
        await station.boot()
        await installation.sql("UPDATE sites SET latitude = 52.5, longitude = 13.4, public = true")
        await installation.until(lambda: installation.sql("SELECT 1 FROM evses"))
        await installation.sql("UPDATE evses SET public_id = 'DE*GRL*E1' WHERE number = 1")
        station.answers["RequestStartTransaction"] = "Rejected"
        yield station


async def test_a_charge_that_does_not_start_is_explained_and_helped(visit, installation, plug):
    await visit.sign_up()
    page = visit.page
    await page.set_viewport_size({"width": 360, "height": 740})
    await visit.open("/app/charge/DE*GRL*E1")
    await page.get_by_role("button", name="Start charging").click()
    await expect(page.get_by_text("The station refused to start.")).to_be_visible(timeout=PATIENCE)
    await page.get_by_text("What happened, step by step").click()
    await expect(page.get_by_text("The start was asked for in the app.")).to_be_visible()
    assert await visit.barriers() == []
    await page.get_by_role("link", name="Get help").click()
    await page.get_by_label("What can we do?").fill("It refuses me. I am in a hurry.")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_text("We are on it")).to_be_visible(timeout=PATIENCE)
    assert await visit.barriers() == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    mine = page.url

    await page.set_viewport_size({"width": 1280, "height": 900})
    await visit.open("/console/support")
    await page.get_by_role("link", name="It refuses me. I am in a hurry.").click()
    await expect(page.get_by_text("The station refused to start.").first).to_be_visible(timeout=PATIENCE)
    assert await visit.barriers() == []
    await page.get_by_role("button", name="Goodwill").click()
    await page.get_by_label("Amount").fill("5")
    await page.get_by_label("Reason").fill("sorry")
    await page.get_by_role("dialog").get_by_role("button", name="Goodwill").click()
    await expect(page.get_by_text("5.00 EUR were added to the wallet.").first).to_be_visible(timeout=PATIENCE)
    await page.get_by_label("Answer or note").fill("Sorry! Please take plug 2.")
    await page.get_by_role("button", name="Solved").first.click()
    await expect(page.get_by_text("Sorry! Please take plug 2.")).to_be_visible(timeout=PATIENCE)

    await page.goto(mine)
    await expect(page.get_by_text("5.00 EUR were added to the wallet.")).to_be_visible(timeout=PATIENCE)
    await page.get_by_role("button", name="5 stars").click()
    await expect(page.get_by_text("Thank you for your rating.")).to_be_visible(timeout=PATIENCE)
    assert visit.errors == []


@pytest.mark.parametrize("path", ["/wallet", "/cards", "/inbox"])
async def test_ones_own_pages_can_be_used_by_everybody_on_a_small_phone(visit, path):
    await visit.sign_up()
    page = visit.page
    await page.set_viewport_size({"width": 360, "height": 740})
    await visit.open(f"/app{path}")
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await page.wait_for_load_state("networkidle")
    assert await visit.barriers() == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    assert visit.errors == []
