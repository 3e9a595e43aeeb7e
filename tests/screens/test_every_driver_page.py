"""Every page of the drivers' app on a small phone: nothing that axe minds, nothing cut off, nobody else asked, no error.

The pages are read from the app's own routes, and every tab of a page is opened: a new one is tested without a word here.
"""

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.browser

ROUTES = Path(__file__).parent.parent.parent / "ui" / "driver" / "src" / "routes.ts"
WIDTH = 360
"""A small phone's."""
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


def routes() -> list[str]:
    return re.findall(r'path: "([^"]+)"', ROUTES.read_text())


@pytest.fixture
async def street(installation):
    """A public station with a number on its plug, and its price."""
    async with await installation.station("CP-1") as station:
        await station.boot()
        await installation.until(lambda: installation.sql("SELECT 1 FROM evses"))
        await installation.sql("UPDATE sites SET latitude = 52.5, longitude = 13.4, public = true")
        await installation.sql("UPDATE evses SET max_power = 22000, public_id = 'DE*GRL*E' || number")
        content = {
            "currency": "EUR",
            "tax_included": "YES",
            "elements": [{"price_components": [{"type": "ENERGY", "price": 0.5, "vat": 19}]}],
        }
        tariff = await installation.post("/tariffs", {"name": "Public", "tariff": content})
        await installation.post("/tariff-assignments", {"tariff_id": tariff["tariff_id"]})
        yield station


async def things(visit, installation):
    """What a page with a parameter is opened with; a charge and a case are of who is signed in."""
    ask = visit.page.request
    base = f"{visit.address}/api/v1"
    charge = await (await ask.post(f"{base}/driver/charges", data={"plug": "DE*GRL*E1"})).json()
    case = await (await ask.post(f"{base}/me/cases", data={"text": "Nothing happens."})).json()
    return {
        "/charges/:id": charge["id"],
        "/help/:id": case["id"],
        "/places/:id": installation.site_id,
        "/charge/:plug": "DE*GRL*E1",
    }


@pytest.mark.usefixtures("street")
async def test_every_page_and_every_tab_can_be_used_by_everybody_on_a_small_phone(visit, installation):
    await visit.page.emulate_media(color_scheme="dark")
    await visit.sign_up()
    known = await things(visit, installation)
    found: dict[str, list[str]] = {}
    await visit.page.set_viewport_size({"width": WIDTH, "height": 800})
    for route in routes():
        assert ":" not in route or route in known, f"say in `things` what {route} is opened with"
        path = re.sub(r":\w+", lambda _: str(known[route]), route)  # noqa: B023 (called at once)
        await looked_at(visit, f"/app{path}", found, route)
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
