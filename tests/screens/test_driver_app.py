import gzip
import json
import struct

import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.browser

FIRST_LOAD = 200 * 1024  # bytes, compressed, without the map
PACKED = (".woff2", ".png")  # compressed already


async def test_the_first_load_without_the_map_fits_a_weak_network(visit, built):
    asked: list[str] = []
    visit.page.on("response", lambda answer: asked.append(answer.url))
    await visit.open("/app/")
    await expect(visit.page.get_by_role("heading", name="Find a plug")).to_be_visible()
    await visit.page.wait_for_load_state("networkidle")
    prefix = f"{visit.address}/app/"
    names = {url.removeprefix(prefix) for url in asked if url.startswith(prefix)}
    sizes = {name or "index.html": _size(built / "driver" / (name or "index.html")) for name in names}
    without_map = {name: size for name, size in sizes.items() if not _of_map(name)}
    assert sum(without_map.values()) <= FIRST_LOAD, without_map


def _of_map(name: str) -> bool:
    return any(part in name for part in ("StationMap", "maplibre", "ground-"))


def _size(path) -> int:
    content = path.read_bytes()
    return len(content) if path.suffix in PACKED else len(gzip.compress(content, 6))


def test_it_can_be_installed(built):
    manifest = json.loads((built / "driver" / "manifest.webmanifest").read_text())
    assert manifest["start_url"].startswith(manifest["scope"])
    assert manifest["display"] == "standalone"
    for icon in manifest["icons"]:
        if icon["type"] != "image/png":
            continue
        header = (built / "driver" / icon["src"]).read_bytes()[16:24]
        assert "x".join(map(str, struct.unpack(">II", header))) == icon["sizes"]
    assert any(icon["purpose"] == "maskable" for icon in manifest["icons"])


async def test_it_opens_without_a_network_and_says_so(visit):
    page = await visit.open("/app/")
    await page.evaluate("navigator.serviceWorker.ready")
    await page.context.set_offline(True)
    await page.reload()
    await expect(page.get_by_text("No network")).to_be_visible()
    await expect(page.get_by_role("heading", name="Find a plug")).to_be_visible()
    await visit.open("/app/account")
    await expect(page.get_by_role("heading", name="Account")).to_be_visible()


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/charge", "/activity", "/account"])
async def test_every_page_can_be_used_by_everybody_on_a_small_phone(visit, path, colours):
    await visit.page.emulate_media(color_scheme=colours)
    await visit.page.set_viewport_size({"width": 360, "height": 740})
    page = await visit.open(f"/app{path}")
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert await visit.barriers() == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    assert visit.strangers == []


@pytest.fixture
async def plug(installation):
    """A station that drivers can find, with a number on its plug and a price."""
    async with await installation.station("CP-1", meter_interval=1) as station:
        await station.boot()
        await installation.sql("UPDATE sites SET latitude = 52.5, longitude = 13.4, public = true")
        await installation.until(lambda: installation.sql("SELECT 1 FROM evses"))
        await installation.sql("UPDATE evses SET public_id = 'DE*GRL*E1', max_power = 22000 WHERE number = 1")
        content = {
            "currency": "EUR",
            "tax_included": "YES",
            "elements": [{"price_components": [{"type": "ENERGY", "price": 0.5, "vat": 19}]}],
        }
        made = await installation.post("/tariffs", {"name": "Public", "tariff": content})
        await installation.post("/tariff-assignments", {"tariff_id": made["tariff_id"]})
        yield station


async def test_a_driver_finds_a_plug_sees_the_price_charges_and_stops(visit, plug):
    await visit.sign_up()
    page = await visit.open("/app/")
    await page.get_by_role("link", name="free").first.click()
    await page.get_by_role("link", name="DE*GRL*E1").click()
    await expect(page.get_by_text("€0.50 / kWh")).to_be_visible()
    await page.get_by_role("button", name="Start charging").click()
    # On a quick station the question is answered before the page can show that it was asked.
    asked, begun = page.get_by_text("Asking the station"), page.get_by_role("button", name="Stop charging")
    await expect(asked.or_(begun).first).to_be_visible(timeout=20_000)
    await plug.plug_in()
    await expect(page.get_by_role("button", name="Stop charging")).to_be_visible(timeout=20_000)
    await plug.until(lambda: plug.evse().power > 0, "to charge")
    await page.get_by_role("button", name="Stop charging").click()
    await plug.until(lambda: plug.evse().transaction is None, "to stop")
    await expect(page.get_by_text("Ended").first).to_be_visible(timeout=20_000)
    await page.get_by_role("link", name="Activity").click()
    await expect(page.get_by_role("listitem")).to_have_count(1)
    assert visit.errors == []


async def test_a_charge_is_planned_for_later_with_a_limit_and_called_off(visit, plug):
    await visit.sign_up()
    page = visit.page
    await page.set_viewport_size({"width": 360, "height": 740})
    await visit.open("/app/charge/DE*GRL*E1")
    await page.get_by_label("Begin").select_option("at a time")
    await page.get_by_label("Stop by itself").select_option("by energy")
    await page.get_by_label("kWh", exact=True).fill("20")
    assert await visit.barriers() == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await page.get_by_role("button", name="Plan the charge").click()
    await expect(page.get_by_text("It begins by itself")).to_be_visible()
    await expect(page.get_by_text("It ends by itself at 20.0 kWh.")).to_be_visible()
    assert await visit.barriers() == []
    await page.get_by_role("link", name="Charge", exact=True).click()
    await page.get_by_role("link", name="Site").click()
    await page.get_by_role("button", name="Call it off").click()
    await expect(page.get_by_text("You called it off; nothing is charged.")).to_be_visible()
    assert plug.received("RequestStartTransaction") == []
    assert visit.errors == []


async def test_a_plug_that_lost_its_link_is_never_shown_as_free(visit, installation, plug):
    page = await visit.open("/app/")
    await expect(page.get_by_role("link", name="free").first).to_be_visible()
    await plug.hang_up(stay_offline=True)
    await expect(page.get_by_text("Out of service")).to_be_visible(timeout=30_000)
    places = await installation.get("/driver/places")
    assert [place["free"] for place in places["items"]] == [0]


async def test_news_are_shown_though_the_app_is_closed(visit):
    page = await visit.open("/app/")
    await page.context.grant_permissions(["notifications"], origin=visit.address)
    await page.evaluate("navigator.serviceWorker.ready")
    devtools = await page.context.new_cdp_session(page)
    registrations: list[str] = []
    devtools.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: registrations.extend(one["registrationId"] for one in event["registrations"]),
    )
    await devtools.send("ServiceWorker.enable")
    await visit.installation.until(lambda: registrations)
    news = {"title": "It is your turn", "body": "Plug 2 is yours.", "path": "/places/1", "tag": "1"}
    for _ in range(2):  # a push service may deliver twice
        told = {"origin": visit.address, "registrationId": registrations[0], "data": json.dumps(news)}
        await devtools.send("ServiceWorker.deliverPushMessage", told)
    shown = "navigator.serviceWorker.ready.then((it) => it.getNotifications()).then((all) => all.map((one) => one.title))"
    await visit.installation.until(lambda: page.evaluate(shown), 30)
    assert await page.evaluate(shown) == ["It is your turn"]


async def test_a_wrong_number_is_explained(visit):
    page = await visit.open("/app/charge")
    await page.get_by_label("Number at the plug").fill("DE*XXX*E9")
    await page.get_by_role("button", name="Next").click()
    await expect(page.get_by_text("There is no plug DE*XXX*E9")).to_be_visible()
