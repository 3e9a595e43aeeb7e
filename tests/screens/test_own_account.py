"""What a driver looks after: vehicles, the name on receipts, a plan, a promotion code, signed-in devices."""

import re

import pytest
from playwright.async_api import expect

from gridlane.accounts import privacy
from gridlane.app.personal import SHARES
from gridlane.kernel.database import Database

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery staple"
PHONE = {"width": 360, "height": 740}


@pytest.fixture
async def driver(visit):
    """Somebody signed in on a phone, without the pages on the way."""
    await visit.page.set_viewport_size(PHONE)
    link = await visit.set_up_link()
    wish = {"token": link.split("token=")[1], "organization": "Grid", "name": "Mara Lindt"}
    credentials = {"email": "mara@example.org", "password": PASSWORD}
    answer = await visit.page.request.post(f"{visit.address}/api/v1/set-up", data={**wish, **credentials})
    assert answer.ok
    return visit


async def fits(visit) -> None:
    """Nobody is hindered, and nothing is wider than the phone."""
    assert await visit.barriers() == []
    assert await visit.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


async def test_a_driver_adds_changes_and_removes_a_vehicle(driver):
    page = await driver.open("/app/account")
    await page.get_by_role("link", name="Vehicles").click()
    await page.get_by_role("button", name="Add a vehicle").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("Ioniq")
    await dialog.get_by_label("Battery").fill("74")
    await dialog.get_by_label("AC power").fill("11")
    await dialog.get_by_label("Charging controller").fill("not hex")
    await fits(driver)
    await page.keyboard.press("Enter")
    controller = dialog.get_by_label("Charging controller")
    await expect(controller).to_have_attribute("aria-invalid", "true")
    await expect(dialog.get_by_text("has 12 hexadecimal digits")).to_be_visible()
    await controller.fill("00:1a:2b:3c:4d:5e")
    await dialog.get_by_role("button", name="Save").click()
    await expect(page.get_by_text(re.compile(r"74\.0.kWh · AC 11\.0.kW"))).to_be_visible()
    await fits(driver)
    await page.get_by_role("button", name="Change Ioniq").click()
    await expect(dialog.get_by_label("Charging controller")).to_have_value("001A2B3C4D5E")
    await dialog.get_by_label("Name").fill("Kona")
    await dialog.get_by_role("button", name="Save").click()
    await page.get_by_role("button", name="Remove Kona").click()
    await dialog.get_by_role("button", name="Remove").click()
    await expect(page.get_by_text("No vehicle yet")).to_be_visible()
    assert driver.errors == []


async def test_a_business_says_what_its_receipts_name(driver):
    page = await driver.open("/app/billing")
    await page.get_by_label("Name or business").fill("Muster Logistik GmbH")
    await page.get_by_label("VAT number").fill("DE123")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_label("VAT number")).to_have_attribute("aria-invalid", "true")
    await page.get_by_label("VAT number").fill("DE 136 695 976")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_label("VAT number")).to_have_value("DE136695976")
    await fits(driver)
    await page.get_by_role("button", name="Use my account").click()
    await expect(page.get_by_label("Name or business")).to_have_value("")
    assert driver.errors == []


async def test_a_driver_takes_a_plan_and_ends_it(driver, installation):
    wish = {
        "name": "Commuter",
        "monthly_fee": "9.90",
        "vat": "19",
        "energy_discount": "15",
        "included": 20_000,
    }
    page = await driver.open("/app/plans")
    await expect(page.get_by_text("No plans on offer")).to_be_visible()
    await page.request.post(f"{driver.address}/api/v1/plans", data=wish)
    await page.reload()
    await expect(page.get_by_text("15 % off the energy")).to_be_visible()
    await page.get_by_role("button", name="Take this plan").click()
    await page.get_by_role("dialog").get_by_role("button", name="Take this plan").click()
    await expect(page.get_by_text("Your plan", exact=True)).to_be_visible()
    await fits(driver)
    await page.get_by_role("button", name="End the plan").click()
    await page.get_by_role("dialog").get_by_role("button", name="End the plan").click()
    await expect(page.get_by_text("ends on")).to_be_visible()
    assert driver.errors == []


async def test_another_device_is_signed_out(driver, browser):
    elsewhere = await browser.new_context()
    credentials = {"email": "mara@example.org", "password": PASSWORD}
    api = f"{driver.address}/api/v1"
    assert (await elsewhere.request.post(f"{api}/sign-in", data=credentials)).ok
    page = await driver.open("/app/account/devices")
    await expect(page.get_by_text("This device")).to_be_visible()
    await fits(driver)
    await page.get_by_role("button", name="Sign out there").click()
    await expect(page.get_by_role("button", name="Sign out there")).to_have_count(0)
    assert (await elsewhere.request.get(f"{api}/me")).status == 401
    await elsewhere.close()
    assert driver.errors == []


async def test_a_code_makes_the_next_charge_cheaper(driver, installation):
    async with await installation.station("CP-1") as station:
        await station.boot()
        await installation.sql("UPDATE sites SET latitude = 52.5, longitude = 13.4, public = true")
        await installation.until(lambda: installation.sql("SELECT 1 FROM evses"))
        await installation.sql("UPDATE evses SET public_id = 'DE*GRL*E1' WHERE number = 1")
        content = {
            "currency": "EUR",
            "tax_included": "YES",
            "elements": [{"price_components": [{"type": "ENERGY", "price": 0.5, "vat": 19}]}],
        }
        made = await installation.post("/tariffs", {"name": "Public", "tariff": content})
        await installation.post("/tariff-assignments", {"tariff_id": made["tariff_id"]})
        await installation.post("/promotions", {"code": "SPRING", "kind": "percent", "value": "10"})
        page = await driver.open("/app/charge/DE*GRL*E1")
        await page.get_by_text("I have a code").click()
        await page.get_by_label("Code", exact=True).fill("winter")
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("Code", exact=True)).to_have_attribute("aria-invalid", "true")
        await page.get_by_label("Code", exact=True).fill("spring")
        await page.get_by_role("button", name="Use it").click()
        await expect(page.get_by_text("Code SPRING: 10 % off this charge")).to_be_visible()
        await fits(driver)
    assert driver.errors == []


async def test_a_driver_fetches_everything_and_is_forgotten(driver, installation):
    page = await driver.open("/app/account/privacy")
    await page.get_by_role("button", name="Ask for my data").click()
    await expect(page.get_by_text("is being made")).to_be_visible()
    database = Database(installation.url, pool=1)
    (person,) = await installation.sql("SELECT id FROM people WHERE email = 'mara@example.org'")
    await privacy.make(database, SHARES, person[0])
    await database.close()
    async with page.expect_download() as kept:
        await page.get_by_role("link", name="Download").click()
    assert (await kept.value).suggested_filename == "my-data.zip"
    await expect(page.get_by_text("Bills, payments and their bookkeeping")).to_be_visible()
    await expect(page.get_by_text("Make somebody else an owner")).to_be_visible()
    await installation.sql("UPDATE memberships SET role = 'driver'")
    await page.reload()
    await fits(driver)
    await page.get_by_role("button", name="Delete my account").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Password").fill("not this one")
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_label("Password")).to_have_attribute("aria-invalid", "true")
    await fits(driver)
    await dialog.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Your account is deleted")).to_be_visible()
    assert await installation.sql("SELECT 1 FROM people WHERE email = 'mara@example.org'") == []
    assert driver.errors == []
