"""What an organization says of itself, and where it is seen."""

import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.browser


async def test_whom_drivers_call_is_set_once_and_seen_at_the_plug_and_in_the_app(visit, installation):
    page = await visit.sign_up()
    await visit.open("/console/organization")
    await page.get_by_label("Phone").fill("call us")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_label("Phone")).to_have_attribute("aria-invalid", "true")
    await page.get_by_label("Phone").fill("+49 30 1234567")
    await page.get_by_label("Company").fill("Stadtwerke Muster GmbH")
    await page.get_by_label("Cards that nobody issued").press("Space")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved.")).to_be_visible()
    assert await visit.barriers() == []
    await page.reload()
    await expect(page.get_by_label("Company")).to_have_value("Stadtwerke Muster GmbH")
    await expect(page.get_by_label("Cards that nobody issued")).to_be_checked()
    await page.set_viewport_size({"width": 360, "height": 740})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await visit.open("/app/help")
    await expect(page.get_by_role("link", name="+49 30 1234567")).to_be_visible()
    async with await installation.station("CP-1") as station:
        await station.boot()
        await installation.until(lambda: installation.sql("SELECT 1 FROM evses"))
        await installation.sql("UPDATE sites SET latitude = 52.5, longitude = 13.4, public = true")
        await installation.sql("UPDATE evses SET public_id = 'DE*GRL*E1' WHERE number = 1")
        await visit.open("/q/DE*GRL*E1")
        await expect(page.get_by_role("link", name="Call +49 30 1234567")).to_be_visible()
    assert visit.errors == []
