import pytest
from playwright.async_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PAGES = ("/", "/sessions", "/prices", "/prices/new", "/tokens", "/organization", "/organization?show=audit")
PAYLOADS = (
    "<img src=x onerror=\"window.hit='img'\">",
    "<svg/onload=\"window.hit='svg'\">",
    "\"><script>window.hit='script'</script>",
    "javascript:window.hit='link'",
    "{constructor.constructor('window.hit=1')()}",
)


async def test_the_first_person_sets_up_leaves_and_comes_back(visit):
    page = await visit.sign_up()
    await page.get_by_role("button", name="appearance, language, sign out").click()
    await page.get_by_role("button", name="Sign out", exact=True).click()
    await page.get_by_label("E-mail").fill("mara@example.org")
    await page.get_by_label("Password").fill("wrong horse battery staple")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator(".error")).not_to_be_empty()
    await page.get_by_label("Password").fill("correct horse battery staple")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    assert visit.errors == []


async def test_no_page_asks_anybody_but_us(visit):
    page = await visit.sign_up()
    await expect(page.locator("canvas")).to_be_visible()
    for path in PAGES:
        await visit.open(f"/console{path}")
        await page.wait_for_load_state("load")
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert visit.strangers == []
    assert visit.errors == []


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
async def test_every_page_can_be_used_by_everybody(visit, colours, width):
    await visit.page.emulate_media(color_scheme=colours)
    await visit.page.set_viewport_size({"width": width, "height": 800})
    page = await visit.sign_up()
    found = {}
    for path in PAGES:
        await visit.open(f"/console{path}")
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await expect(page.get_by_role("status", name="Loading")).to_have_count(0)
        found[path] = await visit.barriers()
    assert {path: barriers for path, barriers in found.items() if barriers} == {}


async def test_an_operator_adds_a_token_and_blocks_it(visit):
    page = await visit.sign_up()
    await page.get_by_role("link", name="Tokens").click()
    await page.get_by_role("button", name="Add a token").click()
    form = page.get_by_role("dialog", name="Add a token")
    await form.get_by_label("Number").fill("04A1B2C3D4E5F6")
    await form.get_by_label("Name").fill("Anna Weber")
    await page.get_by_role("button", name="Add", exact=True).click()
    row = page.get_by_role("row").filter(has_text="Anna Weber")
    await expect(row).to_contain_text("E5F6")
    await row.get_by_role("button", name="Block").click()
    await expect(row).to_contain_text("Blocked")


async def test_an_operator_writes_a_tariff_and_sees_what_it_costs(visit):
    page = await visit.sign_up()
    await page.get_by_role("link", name="Prices").click()
    await page.get_by_role("link", name="New tariff").click()
    await page.get_by_label("Name", exact=True).fill("Public")
    await page.get_by_label("EUR per kWh").fill("0.50")
    await page.get_by_label("kWh", exact=True).fill("10")
    await expect(page.get_by_text("€5.00").last).to_be_visible()
    await page.get_by_role("button", name="Publish").click()
    await expect(page.get_by_text("in force")).to_be_visible()


async def test_a_mistake_in_a_tariff_is_shown_at_its_field(visit):
    page = await visit.sign_up()
    await visit.open("/console/prices/new")
    await page.get_by_label("Name", exact=True).fill("Public")
    await page.get_by_label("VAT %").evaluate("field => field.removeAttribute('max')")
    await page.get_by_label("VAT %").fill("190")
    await page.get_by_role("button", name="Publish").click()
    await expect(page.get_by_label("VAT %")).to_have_attribute("aria-invalid", "true")


async def test_german_is_spoken_whole_and_remembered(visit):
    page = await visit.sign_up()
    await page.get_by_role("button", name="appearance, language, sign out").click()
    await page.get_by_role("button", name="Deutsch").click()
    await expect(page.get_by_role("heading", name="Übersicht")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("link", name="Stationen", exact=True)).to_be_visible()
    assert await page.locator("html").get_attribute("lang") == "de"


async def test_the_palette_goes_to_a_page_without_a_mouse(visit):
    page = await visit.sign_up()
    await page.keyboard.press("Control+k")
    await page.keyboard.type("organi")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{visit.served.address}/console/organization")


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_what_people_write_is_text_and_nothing_else(visit, payload):
    page = await visit.sign_up()
    answer = await page.request.post(
        f"{visit.served.address}/api/v1/tokens", data={"number": "04A1B2C3D4E5F6", "name": payload}
    )
    assert answer.status == 201
    await visit.open("/console/tokens")
    await expect(page.get_by_text(payload)).to_be_visible()
    assert await page.evaluate("window.hit") is None
