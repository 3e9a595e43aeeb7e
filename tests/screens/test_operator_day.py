"""An operator's day, in one chair: stations on real sockets, the worker's watches running, everything done in the browser."""

import asyncio
import re
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from playwright.async_api import expect

from gridlane.campaigns.firmware import Stepper
from gridlane.energy.control import Control
from gridlane.kernel.clock import system_clock
from gridlane.kernel.quantities import Watts
from gridlane.maintenance.watching import Watch
from gridlane.ocpp.version import Version
from gridlane.simulator.virtual_station import VirtualStation

pytestmark = pytest.mark.browser


class Worker:
    """The worker's parts that this day needs. ``ahead`` lets the watch see a calm that has lasted without waiting for it."""

    def __init__(self, database, bus):
        self.ahead = timedelta(0)
        self._watch = Watch(database, bus, lambda: system_clock() + self.ahead)
        self._stepper = Stepper(database, bus)
        self._control = Control(database, bus, system_clock, "worker")

    async def run(self):
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self._control.run())
            parts.create_task(self._over_and_over(self._watch.once))
            parts.create_task(self._over_and_over(self._stepper.run))

    async def _over_and_over(self, turn):
        while True:
            await turn()
            await asyncio.sleep(0.5)


@pytest.fixture
async def worker(database, installation):
    made = Worker(database, installation.bus)
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def street(installation):
    """CP-1, known and in service, and NEW-1, of which nobody has heard."""
    async with AsyncExitStack() as entered:
        known = await installation.station("CP-1", Version.V16, power=Watts(22_000.0), speed=8)
        await entered.enter_async_context(known)
        await known.boot()
        new = VirtualStation(installation.station_url, "NEW-1", password="anything-at-all", speed=8)
        yield known, await entered.enter_async_context(new)


async def test_an_operators_day(visit, installation, street, worker):
    known, new = street
    await installation.http.put("/api/v1/playbooks/restart", json={"automatic": False})
    await visit.sign_up()
    await lets_the_newcomer_in(visit, new)
    await finds_what_is_faulted_and_mends_it(visit, known, worker)
    await changes_a_limit(visit, installation, known)
    await brings_new_firmware_to_all(visit)
    await exports_a_report(visit)
    assert visit.errors == []
    assert visit.strangers == []


async def lets_the_newcomer_in(visit, new):
    page = await visit.open("/console/approvals")
    await page.get_by_role("button", name="Approve").click()
    await page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    done = page.get_by_role("dialog", name="It may work now")
    await expect(done).to_contain_text("NEW-1")
    await new.until(lambda: new.acknowledged("StatusNotification"), "to be let in", 60)


async def finds_what_is_faulted_and_mends_it(visit, station, worker):
    await station.fault(error="InternalError")
    page = await visit.open("/console/")
    await page.get_by_role("link", name="needs a person").click()
    await page.get_by_role("link", name="Internal error").first.click()
    await expect(page.get_by_role("heading", name="Internal error")).to_be_visible()
    await expect(page.get_by_text("Cause", exact=True)).to_be_visible()
    await page.get_by_role("link", name="CP-1").first.click()
    await expect(page.get_by_role("heading", name="It needs help")).to_be_visible()
    await page.get_by_role("button", name="Reset").first.click()
    await page.get_by_role("dialog").get_by_role("button", name="Send").click()
    await station.until(lambda: station.received("Reset"), "to be reset", 60)
    await station.fault(error=None)  # that was it
    await expect(page.get_by_text("Done, effect seen").first).to_be_visible()
    worker.ahead = timedelta(minutes=2)
    await expect(page.get_by_role("link", name="Internal error")).to_have_count(0, timeout=60_000)
    await expect(page.get_by_role("heading", name="It needs help")).to_have_count(0, timeout=60_000)
    await expect(page.get_by_role("heading", name=re.compile("It is healthy|It works"))).to_be_visible()


async def changes_a_limit(visit, installation, station):
    page = await visit.open(f"/console/sites/{installation.site_id}?show=power")
    await page.get_by_label("Grid connection, A per phase").fill("32")
    await page.get_by_role("button", name="Share power here").click()
    await page.get_by_role("button", name="Change Grid connection").click()
    await page.get_by_role("dialog").get_by_label("A per phase", exact=True).fill("24")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Grid connection holds from now on.")).to_be_visible()
    await station.until(lambda: station.received("SetChargingProfile"), "to be told its limit", 60)


async def brings_new_firmware_to_all(visit):
    page = await visit.open("/console/stations")
    for name in ("CP-1", "NEW-1"):
        await page.get_by_role("row").filter(has_text=name).get_by_role("checkbox").check()
    await page.get_by_role("button", name="New firmware campaign").click()
    form = page.get_by_role("dialog")
    await form.get_by_label("Name").fill("Spring")
    await form.get_by_label("Address of the firmware").fill("https://example.org/fw-2.0")
    await form.get_by_label("Version").fill("fw-2.0")
    await form.get_by_text("Accept unsigned firmware").click()
    await form.get_by_label("Minutes").fill("0")
    await form.get_by_role("button", name="Begin").click()
    await expect(page.get_by_role("heading", name="Spring")).to_be_visible()
    await expect(page.get_by_text("2 of 2 stations run it")).to_be_visible(timeout=90_000)
    await expect(page.get_by_role("row").filter(has_text="NEW-1")).to_contain_text("fw-2.0")


async def exports_a_report(visit):
    page = await visit.open("/console/insight?show=reports")
    await page.get_by_label("File", exact=True).select_option("csv")
    async with page.expect_download() as coming:
        await page.get_by_role("link", name="Download").first.click()
    report = await coming.value
    assert report.suggested_filename.endswith(".csv")
    assert (await report.path()).read_text(encoding="utf-8-sig").count("\n") > 1
