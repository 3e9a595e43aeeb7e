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


async def test_an_operator_says_who_is_told_of_what(visit, installation):
    page = await visit.sign_up()
    await visit.open("/console/faults?show=alerts")
    await page.get_by_role("button", name="Add a rule").click()
    form = page.get_by_role("dialog")
    await form.get_by_label("Name").fill("Duty")
    await form.get_by_label("Mail to").fill("duty@example.org")
    await form.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("duty@example.org")).to_be_visible(timeout=20_000)
    assert await visit.barriers() == []
    for tab in ("playbooks", "windows", "health"):
        await visit.open(f"/console/faults?show={tab}")
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert await visit.barriers() == []
    (made,) = (await installation.get("/alert-rules"))["items"]
    assert [one["kind"] for one in made["channels"]] == ["app", "mail"]
    assert visit.errors == []
