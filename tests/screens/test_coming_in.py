"""People come in: drivers sign up in the app, staff are invited from the console, forgotten passwords are replaced."""

import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery staple"


async def test_a_driver_signs_up_forgets_the_password_and_chooses_another(visit):
    page = await visit.open("/app/account")
    await page.get_by_role("button", name="New here? Sign up").click()
    await page.get_by_label("Name").fill("Ada Lovelace")
    await page.get_by_label("E-mail").fill("ada@example.org")
    await page.get_by_role("button", name="Sign up").click()
    await expect(page.get_by_text("Look at your mail")).to_be_visible()
    await visit.open(await visit.mailed_link("ada@example.org"))
    await expect(page.get_by_text("You join Test as ada@example.org.")).to_be_visible()
    await page.get_by_label("New password").fill(PASSWORD)
    await page.get_by_role("button", name="Join").click()
    await expect(page.get_by_role("heading", name="Find a plug")).to_be_visible()
    await visit.open("/app/account")
    await expect(page.get_by_role("heading", name="Ada Lovelace")).to_be_visible()
    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_role("button", name="Forgot your password?").click()
    await page.get_by_label("E-mail").fill("ada@example.org")
    await page.get_by_role("button", name="Send the link").click()
    await expect(page.get_by_text("Look at your mail")).to_be_visible()
    await visit.open(await visit.mailed_link("ada@example.org"))
    await page.get_by_label("New password").fill("another long password")
    await page.get_by_role("button", name="Set the password").click()
    await expect(page.get_by_role("heading", name="Find a plug")).to_be_visible()
    assert visit.errors == []


async def test_an_owner_invites_a_technician_for_one_site(visit, browser):
    page = await visit.sign_up()
    await page.get_by_role("link", name="People", exact=True).click()
    await page.get_by_role("button", name="Invite").click()
    form = page.get_by_role("dialog")
    await form.get_by_label("E-mail").fill("tom@example.org")
    await form.get_by_label("Name").fill("Tom Fix")
    await form.get_by_label("Role").select_option("Technician")
    await form.get_by_text("Only these sites").click()
    await form.get_by_label("Site", exact=True).check()
    await form.get_by_role("button", name="Invite").click()
    await page.get_by_role("tab", name="Invitations").click()
    await expect(page.get_by_text("Tom Fix")).to_be_visible()
    assert await visit.barriers() == []
    context = await browser.new_context(locale="en-GB")
    toms = await context.new_page()
    await toms.goto(visit.address + await visit.mailed_link("tom@example.org"))
    await toms.get_by_label("New password").fill(PASSWORD)
    await toms.get_by_role("button", name="Join").click()
    await expect(toms.get_by_role("heading", name="Overview")).to_be_visible()
    await expect(toms.get_by_role("link", name="People", exact=True)).to_have_count(0)
    await context.close()
    await page.get_by_role("tab", name="Staff").click()
    await expect(page.get_by_role("cell", name="1 site")).to_be_visible()
    assert visit.errors == []
