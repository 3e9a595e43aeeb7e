"""Every page of both apps, by everybody: nothing that axe minds, nothing cut off, nobody else asked, no error.

The pages are read from the apps' own routes, and every tab of a page is opened: a new one is tested without a word here.
"""

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from gridlane.kernel.clock import system_clock
from gridlane.maintenance.watching import Watch
from gridlane.ocpp.version import Version

pytestmark = pytest.mark.browser

UI = Path(__file__).parent.parent.parent / "ui"
WIDTH = 360
"""A small phone's, in dark colours; the wide window in both is seen by the tests of each app."""
ALSO = {
    "console": ("/?tense=day", "/?tense=trend", "/prices/new"),
    "driver": (),
}
"""What is reached by neither a route nor a tab."""

CUT_OFF = """() => {
  const wide = document.documentElement.clientWidth;
  const scrolled = (one) => {
    for (let up = one.parentElement; up; up = up.parentElement)
      if (getComputedStyle(up).overflowX !== 'visible') return true;
    return false;
  };
  return [...document.body.querySelectorAll('*')]
    .filter((one) => one.checkVisibility({ visibilityProperty: true }))
    .filter((one) => one.getBoundingClientRect().right > wide + 1 && !scrolled(one))
    .map((one) => one.outerHTML.slice(0, 120))
    .slice(0, 3);
}"""
"""What reaches over the right edge of the window and cannot be scrolled to within its own frame."""

PLACES = "\n".join(["id,lon,lat,weight", *(f"p{k},{13.3 + k / 200},52.5,{1 + k % 7}" for k in range(24))])
SITES = "\n".join(["id,lon,lat", *(f"s{k},{13.3 + k / 100},52.5" for k in range(8))])


def routes(app: str) -> list[str]:
    return re.findall(r'path: "([^"]+)"', (UI / app / "src" / "routes.ts").read_text())


@pytest.fixture
async def street(installation):
    """A public station with a number on its plug, its price, a charge that runs on one side and a fault on the other."""
    await installation.issue_token("04A1B2C3", concurrent=0)
    async with await installation.station("CP-1", Version.V16, evses=2, meter_interval=1) as station:
        await station.boot()
        await installation.until(lambda: installation.sql("SELECT 1 FROM evses WHERE number = 2"))
        await installation.sql("UPDATE sites SET latitude = 52.5, longitude = 13.4, public = true")
        await installation.sql("UPDATE evses SET max_power = 22000, public_id = 'DE*GRL*E' || number")
        content = {
            "currency": "EUR",
            "tax_included": "YES",
            "elements": [{"price_components": [{"type": "ENERGY", "price": 0.5, "vat": 19}]}],
        }
        station.tariff = await installation.post("/tariffs", {"name": "Public", "tariff": content})
        await installation.post("/tariff-assignments", {"tariff_id": station.tariff["tariff_id"]})
        await station.plug_in()
        await station.tap("04A1B2C3")
        await installation.until(lambda: installation.sql("SELECT 1 FROM sessions WHERE power > 0"), 30)
        await station.fault(evse=2, error="GroundFailure")
        yield station


@pytest.fixture
async def things(installation, street, database):
    """What a page is about: the route of each page with a parameter, and the thing to open it with."""
    watch = Watch(database, installation.bus, system_clock)

    async def noticed():
        await watch.once()
        return (await installation.get("/incidents"))["items"]

    (incident, *_) = await installation.until(noticed, 30)
    campaign = {
        "name": "2.0", "station_ids": [street.id], "location": "https://example.org/fw", "unsigned_accepted": True,
    }  # fmt: skip
    scenario = {
        "name": "Town",
        "demand": {"file": "people.csv", "text": PLACES},
        "candidates": {"file": "places.csv", "text": SITES},
    }
    made = {
        path: (await installation.post(where, wish))["id"]
        for path, where, wish in (
            ("/campaigns/:id", "/campaigns", campaign),
            ("/support/:id", "/support/cases", {"title": "It refuses me", "text": "Help.", "station_id": street.id}),
            ("/fleets/:id", "/driver-groups", {"name": "Couriers", "kind": "fleet"}),
            ("/planner/:id", "/planning/scenarios", scenario),
        )
    }  # fmt: skip
    return made | {
        "/sites/:id": installation.site_id,
        "/stations/:id": street.id,
        "/sessions/:id": (await installation.get("/sessions"))["items"][0]["id"],
        "/faults/:id": incident["id"],
        "/prices/:id": street.tariff["tariff_id"],
        "/places/:id": installation.site_id,
        "/charge/:plug": "DE*GRL*E1",
    }


async def of_the_driver(visit):
    """A charge that was asked for, and a case about it, of who is signed in."""
    ask = visit.page.request
    base = f"{visit.address}/api/v1"
    charge = await (await ask.post(f"{base}/driver/charges", data={"plug": "DE*GRL*E1"})).json()
    case = await (await ask.post(f"{base}/me/cases", data={"text": "Nothing happens."})).json()
    return {"/charges/:id": charge["id"], "/help/:id": case["id"]}


@pytest.mark.parametrize("app", ALSO)
async def test_every_page_and_every_tab_can_be_used_by_everybody_on_a_small_phone(visit, things, app):
    await visit.page.emulate_media(color_scheme="dark")
    await visit.sign_up()
    known = things | (await of_the_driver(visit) if app == "driver" else {})
    found: dict[str, list[str]] = {}
    await visit.page.set_viewport_size({"width": WIDTH, "height": 800})
    for route in (*routes(app), *ALSO[app]):
        assert ":" not in route or route in known, f"say in `things` what {route} is opened with"
        path = re.sub(r":\w+", lambda _: str(known[route]), route)  # noqa: B023 (called at once)
        await looked_at(visit, f"/{'app' if app == 'driver' else app}{path}", found, route)
    assert {where: wrong for where, wrong in found.items() if wrong} == {}
    assert visit.strangers == []
    assert visit.errors == []


async def looked_at(visit, address, found, route):
    page = await visit.open(address)
    await drawn(page)
    found[route] = await wrong(visit)
    tabs = page.get_by_role("tab")
    for number in range(await tabs.count()):
        tab = tabs.nth(number)
        if await tab.get_attribute("aria-selected") == "true":
            continue
        await tab.click()
        await drawn(page)
        found[f"{route} {await tab.inner_text()}"] = await wrong(visit)


async def drawn(page):
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await expect(page.get_by_role("status", name="Loading")).to_have_count(0)


async def wrong(visit) -> list[str]:
    cut_off = await visit.page.evaluate(CUT_OFF)
    return [*await visit.barriers(), *(f"cut off: {one}" for one in cut_off)]
