"""The power of a site on the console: begun, watched, changed."""

import asyncio
import os
from pathlib import Path

import pytest
from playwright.async_api import expect

from gridlane.energy.control import Control
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.quantities import Watts
from gridlane.ocpp.version import Version

pytestmark = pytest.mark.browser
PATIENCE = 60_000


async def _picture(page, name):
    """Kept where somebody wants to look at it."""
    folder = os.environ.get("GRIDLANE_PICTURES")
    if folder is None:
        return
    for width in (1280, 360):
        await page.set_viewport_size({"width": width, "height": 900})
        await page.screenshot(path=Path(folder) / f"{name}-{width}.png", full_page=True)
    await page.set_viewport_size({"width": 1280, "height": 900})


async def _all_known(installation):
    ((count,),) = await installation.sql("SELECT count(*) FROM evses")
    return count == 3


async def test_an_operator_begins_to_share_power_and_sees_who_gets_how_much_and_why(visit, installation):
    await installation.issue_token("04AABBCCDD", concurrent=0)
    database = Database(installation.url, pool=4)
    running = asyncio.create_task(Control(database, installation.bus, system_clock, "worker").run())
    stations = [
        await installation.station(f"CP-{number}", version, meter_interval=1, power=Watts(22_000.0))
        for number, version in enumerate((Version.V16, Version.V201, Version.V21), start=1)
    ]
    for station in stations:
        await station.__aenter__()
        await station.boot()
    try:
        await installation.until(lambda: _all_known(installation), 60)
        page = await visit.sign_up()
        await visit.open(f"/console/sites/{installation.site_id}?show=power")
        await page.get_by_label("Grid connection, A per phase").fill("32")
        await page.get_by_role("button", name="Share power here").click()
        await expect(page.get_by_text("what the next vehicle begins with")).to_have_count(3, timeout=PATIENCE)
        for station in stations:
            await station.plug_in()
            await station.tap("04AABBCCDD")
        await expect(page.get_by_text("3 vehicles share it").first).to_be_visible(timeout=PATIENCE)
        await _picture(page, "site-power")
        assert await visit.barriers() == []
        await page.get_by_role("button", name="Change Grid connection").click()
        await page.get_by_role("dialog").get_by_label("A per phase", exact=True).fill("24")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("Grid connection holds from now on.")).to_be_visible()
        await visit.open("/console/power")
        await expect(page.get_by_text("of 22.8")).to_be_visible(timeout=PATIENCE)  # 5 % are left free
        await _picture(page, "power")
        assert await visit.barriers() == []
        assert visit.errors == []
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        for station in stations:
            await station.__aexit__(None, None, None)
        await database.close()


async def test_a_driver_says_when_he_leaves_and_sees_the_plan_over_the_price(visit, installation):
    async with await installation.station("CP-1", meter_interval=1) as station:
        await station.boot()
        await installation.until(lambda: installation.sql("SELECT 1 FROM evses"), 60)
        await installation.sql("UPDATE sites SET latitude = 52.5, longitude = 13.4, public = true")
        await installation.sql("UPDATE evses SET public_id = 'DE*GRL*E1', max_power = 11000 WHERE number = 1")
        await installation.post(f"/sites/{installation.site_id}/energy", {"current": 32})
        await installation.sql(
            "INSERT INTO series_values (site_id, organization_id, kind, begins_at, value) "
            "SELECT %s, %s, 'price', date_trunc('hour', now()) + n * interval '1 hour', "
            "  CASE WHEN n IN (2, 3) THEN 0.12 ELSE 0.28 + 0.01 * n END FROM generate_series(-1, 47) n",
            installation.site_id,
            installation.organization_id,
        )
        await visit.sign_up()
        page = await visit.open("/app/charge/DE*GRL*E1")
        await page.get_by_text("in the cheapest hours").click()
        in_six_hours = "new Date(Date.now() + 6 * 3600e3).toTimeString().slice(0, 5)"
        await page.get_by_label("I leave at").fill(await page.evaluate(in_six_hours))
        await expect(page.get_by_role("img", name="in steps, over the price")).to_be_visible(timeout=PATIENCE)
        await expect(page.get_by_text("ready at")).to_be_visible()
        await _picture(page, "driver-plan")
        assert await visit.barriers() == []
        await page.get_by_role("button", name="Start charging").click()

        async def wished():
            return await installation.sql("SELECT 1 FROM charging_wishes WHERE mode = 'cheapest'")

        await installation.until(wished, 30)
        await station.plug_in()
        database = Database(installation.url, pool=4)
        steering = asyncio.create_task(Control(database, installation.bus, system_clock, "worker").run())
        try:
            goes_on = page.get_by_role("img", name="How the charge goes on, over the price")
            await expect(goes_on).to_be_visible(timeout=PATIENCE)
            await expect(page.get_by_text("waits for cheaper hours")).to_be_visible(timeout=PATIENCE)
            await station.until(lambda: station.evse().power == 0, "to wait")
            await _picture(page, "driver-goes-on")
        finally:
            steering.cancel()
            await asyncio.gather(steering, return_exceptions=True)
            await database.close()
        assert visit.errors == []
