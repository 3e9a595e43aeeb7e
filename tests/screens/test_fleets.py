import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.browser


async def test_an_operator_founds_a_fleet_and_gives_it_a_van(visit):
    page = await visit.sign_up()
    await visit.open("/console/fleets")
    await page.get_by_role("button", name="Add a group").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("Couriers")
    await dialog.get_by_role("button", name="Save").click()
    await page.get_by_role("link", name="Couriers").click()
    await expect(page.get_by_role("heading", name="Couriers")).to_be_visible()
    await page.get_by_role("button", name="Add a vehicle").click()
    await dialog.get_by_label("Name").fill("Van 1")
    await dialog.get_by_label("Battery").fill("68")
    await dialog.get_by_role("button", name="Add").click()
    await expect(page.get_by_text("68.0")).to_be_visible()
    assert await visit.barriers() == []
    assert visit.errors == []
