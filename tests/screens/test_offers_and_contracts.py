"""Plans, codes and vouchers that an operator offers; contracts with hosts and employers, and what they were owed."""

import re
from datetime import date

import pytest
from playwright.async_api import expect

from gridlane.billing import paying_out
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery staple"


@pytest.fixture
async def owner(visit):
    """The first person, signed in without the pages on the way."""
    link = await visit.set_up_link()
    wish = {"token": link.split("token=")[1], "organization": "Grid", "name": "Mara Lindt"}
    credentials = {"email": "mara@example.org", "password": PASSWORD}
    answer = await visit.page.request.post(f"{visit.address}/api/v1/set-up", data={**wish, **credentials})
    assert answer.ok
    return visit


async def fits_a_phone(visit) -> None:
    """Nobody is hindered; on a phone nothing is wider than it."""
    assert await visit.barriers() == []
    await visit.page.set_viewport_size({"width": 360, "height": 740})
    assert await visit.page.evaluate("document.documentElement.scrollWidth") <= 360
    await visit.page.set_viewport_size({"width": 1280, "height": 800})


async def test_an_operator_offers_a_plan_a_code_and_vouchers(owner):
    page = await owner.open("/console/offers")
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="New plan").click()
    await dialog.get_by_label("Name").fill("Commuter")
    await dialog.get_by_label("Fee a month").fill("9.90")
    await dialog.get_by_label("Included each month").fill("20")
    await dialog.get_by_role("button", name="Add").click()
    await expect(page.get_by_text(re.compile(r"€9\.90 a month · 20\.0.kWh included"))).to_be_visible()
    await fits_a_phone(owner)
    await page.get_by_role("button", name="Offer no longer").click()
    await dialog.get_by_role("button", name="Offer no longer").click()
    await expect(page.get_by_text("No plans on offer")).to_be_visible()

    await page.get_by_role("tab", name="Promotion codes").click()
    for _ in range(2):  # the second time it is there already
        await page.get_by_role("button", name="New code").click()
        await dialog.get_by_label("Code").fill("spring")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("SPRING", exact=True)).to_be_visible()
        if await dialog.count():
            await expect(dialog.get_by_label("Code")).to_have_attribute("aria-invalid", "true")
            await page.keyboard.press("Escape")
    await fits_a_phone(owner)
    await page.get_by_role("button", name="End now").click()
    await expect(page.get_by_text("ended", exact=True)).to_be_visible()

    await page.get_by_role("tab", name="Vouchers").click()
    await page.get_by_label("How many").fill("3")
    await page.get_by_role("button", name="Make vouchers").click()
    await expect(page.get_by_text("3 vouchers of €20.00")).to_be_visible()
    await expect(
        page.get_by_role("listitem").filter(has_text=re.compile(r"^\w{4}(-\w{4}){3}$"))
    ).to_have_count(3)
    await fits_a_phone(owner)
    assert owner.errors == []


async def test_a_host_and_an_employer_are_agreed_with_and_a_host_is_paid_out(owner, installation):
    page = await owner.open("/console/contracts")
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="Agree with a host").click()
    await dialog.get_by_label("Site").select_option("Site")
    await dialog.get_by_label("Host").fill("Markt GmbH")
    await dialog.get_by_label("Monthly minimum").fill("25")
    await dialog.get_by_label("From the month").fill("2026-01")
    await dialog.get_by_role("button", name="Agree", exact=True).click()
    await expect(page.get_by_text("10.0 % of the revenue · at least €25.00 a month")).to_be_visible()
    await page.get_by_role("button", name="Agree with a host").click()
    await dialog.get_by_label("Site").select_option("Site")
    await dialog.get_by_label("Host").fill("Another")
    await dialog.get_by_role("button", name="Agree", exact=True).click()
    await expect(dialog.get_by_label("Site")).to_have_attribute("aria-invalid", "true")
    await page.keyboard.press("Escape")

    database = Database(installation.url, pool=1)
    await paying_out.close_month(database, system_clock, month=date(2026, 2, 1))
    await database.close()
    await page.reload()
    await expect(page.get_by_text("February 2026")).to_be_visible()
    await fits_a_phone(owner)
    async with page.expect_download() as kept:
        await page.get_by_role("link", name="Statement of February 2026").click()
    assert (await kept.value).suggested_filename == "payout-2026-02.csv"
    await page.get_by_role("button", name="End", exact=True).click()
    await dialog.get_by_label("First month without it").fill("2026-03")
    await dialog.get_by_role("button", name="End", exact=True).click()
    await expect(page.get_by_text("ended", exact=True)).to_be_visible()

    await page.get_by_role("tab", name="Employers").click()
    await page.get_by_role("button", name="Agree with an employer").click()
    await dialog.get_by_label("Employer").fill("Stadtwerke")
    await dialog.get_by_label("Site at home").select_option("Site")
    await dialog.get_by_label("Employee").select_option("Mara Lindt")
    await dialog.get_by_label("Per kWh").fill("0.32")
    await dialog.get_by_role("button", name="Agree", exact=True).click()
    await expect(page.get_by_text("Mara Lindt · Stadtwerke")).to_be_visible()
    await fits_a_phone(owner)
    assert owner.errors == []
