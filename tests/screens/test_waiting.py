import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.browser

PATIENCE = 30_000


@pytest.fixture
async def full_place(installation):
    """A place whose only plug somebody else uses; its queue is open, and plugs can be reserved."""
    await installation.issue_token("04AABBCCDD")
    rules = {"queue": True, "reservations": True}
    await installation.http.put(f"/api/v1/sites/{installation.site_id}/waiting", json=rules)
    async with await installation.station("CP-1", meter_interval=1, evses=1) as station:
        await station.boot()
        await installation.sql("UPDATE sites SET latitude = 52.5, longitude = 13.4, public = true")
        await installation.until(lambda: installation.sql("SELECT 1 FROM evses"), 20)
        await installation.sql("UPDATE evses SET public_id = 'DE*GRL*E1', max_power = 150000")
        await station.plug_in()
        await station.tap("04AABBCCDD")
        await station.until(lambda: station.evse().power > 0, "to charge")
        yield station


async def test_a_driver_sees_the_wait_gets_in_line_and_comes_when_it_is_their_turn(
    visit, installation, full_place
):
    await visit.sign_up()
    await visit.page.set_viewport_size({"width": 360, "height": 740})
    page = await visit.open("/app/")
    await page.get_by_role("link", name="in use").first.click()
    await expect(page.get_by_text("Chance of a free plug")).to_be_visible(timeout=PATIENCE)
    await page.get_by_role("button", name="Get in line").click()
    await expect(page.get_by_text("You are next")).to_be_visible(timeout=PATIENCE)
    assert await visit.barriers() == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await full_place.tap("04AABBCCDD")
    await full_place.until(lambda: full_place.evse().transaction is None, "to stop")
    await full_place.unplug()
    await page.get_by_role("button", name="Not yet").click()  # any step makes a turn of the queue
    await page.get_by_role("button", name="I want to charge now").click()
    await expect(page.get_by_text("It is your turn")).to_be_visible(timeout=PATIENCE)
    await page.get_by_role("link", name="I am here").click()
    await page.get_by_role("button", name="Start charging").click()
    await full_place.plug_in()
    await expect(page.get_by_role("button", name="Stop charging")).to_be_visible(timeout=PATIENCE)
    assert visit.errors == []
