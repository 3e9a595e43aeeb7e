import pytest
from playwright.async_api import expect

from gridlane.simulator.virtual_station import VirtualStation

pytestmark = pytest.mark.browser

PAGES = (
    "/",
    "/?tense=day",
    "/?tense=trend",
    "/approvals",
    "/approvals?show=connect",
    "/approvals?show=doctor",
    "/campaigns",
    "/campaigns?show=batches",
    "/campaigns?show=configuration",
    "/fleets",
    "/insight",
    "/insight?show=reports",
    "/insight?show=uptime",
    "/insight?show=waste",
    "/money",
    "/money?show=balances",
    "/money?show=documents",
    "/money?show=payments",
    "/operations",
    "/organization",
    "/organization?show=audit",
    "/organization?show=devices",
    "/people",
    "/people?show=invitations",
    "/people?show=mails",
    "/prices",
    "/prices/new",
    "/prices?show=assignments",
    "/sessions",
    "/sites",
    "/stations",
    "/tokens",
)
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
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(page.locator(".error")).not_to_be_empty()
    await page.get_by_label("Password").fill("correct horse battery staple")
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    assert visit.errors == []


async def test_an_operator_resets_a_station_and_sees_that_it_booted(visit, installation):
    async with await installation.station("CP-1") as station:
        await station.boot()
        page = await visit.sign_up()
        await page.get_by_role("link", name="Stations", exact=True).click()
        await page.get_by_role("link", name="CP-1").click()
        await expect(page.get_by_role("heading", name="It is healthy")).to_be_visible()
        await page.get_by_role("button", name="Reset").first.click()
        await page.get_by_role("dialog").get_by_role("button", name="Send").click()
        await expect(page.get_by_text("Done, effect seen").first).to_be_visible(timeout=20_000)
    await expect(page.get_by_role("heading", name="It needs help")).to_be_visible(timeout=30_000)
    await expect(page.get_by_text("It is offline")).to_be_visible()
    await expect(page.get_by_text("last said: Free")).to_be_visible()  # and no plug of it is shown as free


async def test_an_operator_says_where_a_station_stands_and_what_its_plug_is(visit, installation):
    async with await installation.station("CP-1") as station:
        await station.boot()
        page = await visit.sign_up()
        await visit.open(f"/console/stations/{station.id}")
        await page.get_by_role("button", name="Change").click()
        await page.get_by_label("Name").fill("By the bakery")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_role("heading", name="By the bakery")).to_be_visible()
        await page.get_by_role("button", name="Number, bay, power and plugs").first.click()
        await page.get_by_label("Number on the sticker").fill("DE*ABC*E7")
        await page.get_by_label("Most power, kW").fill("22")
        await page.get_by_label("Plug 1").select_option("Type 2")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("Type 2")).to_be_visible()
        known = (await installation.get(f"/stations/{station.id}/evses"))["items"][0]
        assert (known["public_id"], known["max_power"]) == ("DE*ABC*E7", 22000)
        assert visit.errors == []


async def test_an_operator_lets_a_newcomer_in(visit, installation):
    page = await visit.sign_up()
    async with VirtualStation(installation.station_url, "NEW-1", password="anything-at-all"):
        await visit.open("/console/approvals")
        await page.get_by_role("button", name="Approve").click()
        await page.get_by_role("dialog").get_by_role("button", name="Approve").click()
        await expect(page.get_by_role("dialog", name="It may work now")).to_contain_text("NEW-1")
    listed = await installation.get("/stations", search="NEW-1")
    assert [one["approval"] for one in listed["items"]] == ["accepted"]


async def test_a_lost_password_is_explained_by_the_doctor(visit, installation):
    await installation.register("CP-9")
    page = await visit.sign_up()
    async with VirtualStation(installation.station_url, "CP-9", password="not-the-right-one"):
        await visit.open("/console/approvals?show=doctor")
        await expect(page.get_by_text("CP-9").first).to_be_visible(timeout=20_000)


async def test_no_page_asks_anybody_but_us(visit):
    page = await visit.sign_up()
    await expect(page.locator("canvas")).to_be_visible()
    for path in PAGES:
        await visit.open(f"/console{path}")
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert visit.strangers == []
    assert visit.errors == []


@pytest.mark.parametrize("colours", ["light", "dark"])
async def test_every_page_can_be_used_by_everybody(visit, installation, colours):
    await visit.page.emulate_media(color_scheme=colours)
    await visit.page.set_viewport_size({"width": 1280, "height": 800})
    async with await installation.station("CP-1") as station:
        page = await visit.sign_up()
        found = {}
        for path in (*PAGES, f"/stations/{station.id}", f"/sites/{installation.site_id}"):
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
    await form.get_by_role("button", name="Add", exact=True).click()
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
    await expect(page).to_have_url(f"{visit.address}/console/organization")


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_what_a_station_calls_itself_is_text_and_nothing_else(visit, installation, payload):
    station = await installation.station("CP-1", vendor=payload[:20], model=payload[:20], serial=payload[:25])
    async with station:
        await station.boot()
        await installation.http.patch(f"/api/v1/stations/{station.id}", json={"name": payload})
        page = await visit.sign_up()
        for path in ("/stations", f"/stations/{station.id}", "/", f"/sites/{installation.site_id}"):
            await visit.open(f"/console{path}")
            await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await visit.open(f"/console/stations/{station.id}")
        await page.get_by_role("tab", name="Device").click()
        await expect(page.get_by_text(payload[:20]).first).to_be_visible()
        await page.get_by_role("tab", name="Message log").click()
        await page.get_by_role("button", name="BootNotification").first.click()
        await expect(page.locator("pre").first).to_be_visible()
        assert await page.evaluate("window.hit") is None
