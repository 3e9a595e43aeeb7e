"""What a station told of itself, on its page: read, asked for anew, changed."""

import pytest
from playwright.async_api import expect

from gridlane.ocpp.version import Version

pytestmark = pytest.mark.browser


@pytest.fixture
async def station(installation):
    async with await installation.station("CP-1", Version.V201, evses=2) as known:
        await known.boot()
        await installation.command(known.id, "get_report", base="FullInventory")
        await installation.until(lambda: installation.sql("SELECT 1 FROM station_variables"))
        yield known


async def test_a_station_is_read_and_asked_on_its_page(visit, installation, station):
    page = await visit.sign_up()
    await page.goto(f"{visit.address}/console/stations/{station.id}")
    await reads_how_it_was(page)
    await changes_a_variable(page)
    await asks_for_its_log(page)
    await gives_it_a_new_password(page)
    assert visit.errors == []


async def reads_how_it_was(page):
    await page.get_by_role("tab", name="Availability").click()
    await expect(page.get_by_role("img", name="EVSE 2: usable")).to_be_visible()


async def changes_a_variable(page):
    await page.get_by_role("tab", name="Device").click()
    settings = page.get_by_role("region", name="Configuration").last
    await page.get_by_role("searchbox", name="Search this list").first.fill("Interval")
    change = settings.get_by_role("button", name="Change").first
    await change.click()
    await page.get_by_role("dialog").get_by_label("Value").fill("77")
    await page.get_by_role("dialog").get_by_role("button", name="Send").click()
    await expect(page.get_by_text("Set variables").first).to_be_visible()


async def asks_for_its_log(page):
    await page.get_by_role("tab", name="Firmware and logs").click()
    await page.get_by_role("button", name="Ask for a log").click()
    await page.get_by_role("dialog").get_by_role("button", name="Ask for a log").click()
    await expect(page.get_by_role("heading", name="Logs")).to_be_visible()
    await expect(page.get_by_role("cell", name="DiagnosticsLog")).to_be_visible()


async def gives_it_a_new_password(page):
    await page.get_by_role("tab", name="Security").click()
    await page.get_by_role("button", name="New password").click()
    await page.get_by_role("button", name="Replace the password").click()
    await expect(page.get_by_text("The password is shown this once")).to_be_visible()
