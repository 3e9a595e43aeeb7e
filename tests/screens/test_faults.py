import pytest
from playwright.async_api import expect

from gridlane.kernel.clock import system_clock
from gridlane.maintenance.watching import Watch
from gridlane.ocpp.version import Version

pytestmark = pytest.mark.browser


async def test_an_operator_sees_what_is_wrong_why_and_what_to_do(visit, installation, database):
    watch = Watch(database, installation.bus, system_clock)
    async with await installation.station("CP-1", Version.V16) as station:
        await station.boot()
        await station.fault(error="GroundFailure")

        async def noticed():
            await watch.once()
            return (await installation.get("/incidents"))["items"]

        await installation.until(noticed, 20)
        page = await visit.sign_up()
        await page.get_by_role("link", name="Faults", exact=True).click()
        await page.get_by_role("link", name="Ground fault").click()
        await expect(page.get_by_role("heading", name="Ground fault")).to_be_visible()
        await expect(page.get_by_text("Send an electrician")).to_be_visible()
        assert await visit.barriers() == []
        await page.get_by_role("button", name="I look after it").click()
        await expect(page.get_by_text("Somebody looks after it")).to_be_visible(timeout=20_000)
        await page.get_by_role("link", name="CP-1").first.click()
        await expect(page.get_by_role("link", name="Ground fault")).to_be_visible(timeout=20_000)
    assert visit.errors == []
