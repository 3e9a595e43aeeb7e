"""A spreadsheet is dropped on the console's page, looked at, and written without its bad lines."""

import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.browser

PEOPLE = "E-Mail;Name;Rolle\r\njürgen@example.org;Jürgen Groß;driver\r\nnobody;Niemand;driver\r\n"


async def test_people_are_brought_in_from_a_file(visit):
    link = await visit.set_up_link()
    wish = {"token": link.split("token=")[1], "organization": "Grid", "name": "Mara Lindt"}
    credentials = {"email": "mara@example.org", "password": "correct horse battery staple"}
    assert (await visit.page.request.post(f"{visit.address}/api/v1/set-up", data={**wish, **credentials})).ok
    page = await visit.open("/console/import?kind=people")
    file = {"name": "people.csv", "mimeType": "text/csv", "buffer": PEOPLE.encode("utf-8-sig")}
    await page.locator("input[type=file]").set_input_files(file)
    await expect(page.get_by_text("it is no mail address")).to_be_visible(timeout=20_000)
    write = page.get_by_role("button", name="Write")
    await expect(write).to_be_disabled()
    await page.get_by_text("Leave bad lines out").click()
    await write.click()
    await expect(page.get_by_text("Written", exact=True)).to_be_visible(timeout=20_000)
    await visit.open("/console/people?show=drivers")
    await expect(page.get_by_text("Jürgen Groß")).to_be_visible(timeout=20_000)
    assert visit.errors == []
