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
        await expect(page.get_by_text("of 24.0")).to_be_visible(timeout=PATIENCE)
        await _picture(page, "power")
        assert await visit.barriers() == []
        assert visit.errors == []
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        for station in stations:
            await station.__aexit__(None, None, None)
        await database.close()
