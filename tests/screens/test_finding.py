"""A driver finds the right place among others: filters, favourites, and what charging costs later in the day."""

import pytest
from playwright.async_api import expect

from gridlane.kernel.ids import new_id

pytestmark = pytest.mark.browser

PLACES = (
    ("Harbour", "IEC_62196_T2", 22_000, {"opening_hours": "24/7", "amenities": ["toilets"]}),
    ("Market", "IEC_62196_T2_COMBO", 150_000, {"opening_hours": "Mo-Sa 07:00-22:00", "amenities": ["cafe"]}),
    ("School", "IEC_62196_T2", 11_000, {"accessible": True}),
)


@pytest.fixture
async def town(installation):
    """Three public places, each with a plug; nothing is connected."""
    for number, (name, kind, power, details) in enumerate(PLACES):
        where = {"name": name, "latitude": 52.5 + number / 100, "longitude": 13.4, "details": details}
        site = await installation.post("/sites", where)
        made = await installation.post(
            "/stations", {"identity": f"CP-{number}", "site_id": site["id"], "security_profile": 1}
        )
        evse = new_id()
        await installation.sql(
            "INSERT INTO evses (id, organization_id, station_id, number, public_id, max_power) "
            "VALUES (%s, %s, %s, 1, %s, %s)",
            evse, installation.organization_id, made["id"], f"E{number}", power,
        )  # fmt: skip
        await installation.sql(
            "INSERT INTO connectors (id, organization_id, station_id, evse_id, evse, number, kind, status_at) "
            "VALUES (%s, %s, %s, %s, 1, 1, %s, now())",
            new_id(), installation.organization_id, made["id"], evse, kind,
        )  # fmt: skip
    dear, cheap = [{"price_components": [{"type": "ENERGY", "price": one, "vat": 19}]} for one in (0.6, 0.3)]
    quiet = (("00:00", "06:00"), ("12:00", "18:00"))  # whatever the time, twelve hours have both prices
    split = [{**cheap, "restrictions": {"start_time": begin, "end_time": end}} for begin, end in quiet]
    content = {"currency": "EUR", "tax_included": "YES", "elements": [*split, dear]}
    tariff = await installation.post("/tariffs", {"name": "By the hour", "tariff": content})
    await installation.post("/tariff-assignments", {"tariff_id": tariff["tariff_id"]})


async def test_a_driver_narrows_the_places_down_and_keeps_a_favourite(visit, town):
    await visit.sign_up()
    page = visit.page
    await page.set_viewport_size({"width": 360, "height": 740})
    await visit.open("/app/")
    names = page.locator("ul.places").get_by_role("link")
    await expect(names).to_have_count(3)
    await page.get_by_role("button", name="Filters").click()
    form = page.get_by_role("dialog")
    await form.get_by_label("Connector").select_option("CCS 2")
    await expect(form.get_by_role("button", name="Show 1")).to_be_visible()
    await form.get_by_label("At most per kWh").fill("0.1")
    await expect(form.get_by_role("button", name="Show 0")).to_be_visible()
    assert await visit.barriers() == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await form.get_by_role("button", name="Clear").click()
    await form.get_by_label("Power").select_option(index=2)
    await form.get_by_text("Open day and night").click()
    await form.get_by_role("button", name="Show 1").click()
    await expect(names).to_have_count(1)
    await names.click()
    await expect(page.get_by_text("24/7")).to_be_visible()
    await expect(page.get_by_text("€0.30 to €0.60 per kWh")).to_be_visible()
    await page.get_by_role("button", name="Add to favourites").click()
    await expect(page.get_by_role("button", name="A favourite")).to_be_visible()
    assert await visit.barriers() == []
    await page.reload()
    await expect(page.get_by_role("button", name="A favourite")).to_be_visible()
    await visit.open("/app/")
    await expect(names).to_have_count(3)
    await page.get_by_role("button", name="Filters").click()
    await form.get_by_text("Favourites").click()
    await form.get_by_role("button", name="Show 1").click()
    await expect(names).to_have_count(1)
    assert visit.errors == []


async def test_an_operator_opens_the_line_of_a_site_and_takes_reservations(visit, installation):
    page = await visit.sign_up()
    await visit.open(f"/console/sites/{installation.site_id}?show=waiting")
    await page.get_by_text("Drivers can get in line").click()
    await page.get_by_label("Time to plug in").fill("5")
    await page.get_by_text("Plugs can be reserved").click()
    await page.get_by_label("If nobody comes").fill("4.50")
    assert await visit.barriers() == []
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("The rules are saved.").first).to_be_visible()
    await expect(page.get_by_text("Nobody waits")).to_be_visible()
    rules = (await installation.get(f"/sites/{installation.site_id}/waiting"))["rules"]
    assert (rules["queue"], rules["hold_minutes"], float(rules["no_show_fee"])) == (True, 5, 4.5)
    assert visit.errors == []
