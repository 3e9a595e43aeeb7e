"""A planner's story: tables in, a plan made and watched, and every site with its reason."""

import asyncio
import random

import pytest
from playwright.async_api import expect

from gridlane.kernel.database import Database
from gridlane.planning.working import Planner

pytestmark = pytest.mark.browser

PATIENCE = 120_000

generator = random.Random(2)


def places(letter, count):
    return [
        f"{letter}{k},{13.3 + 0.15 * generator.random()},{52.45 + 0.08 * generator.random()}"
        for k in range(count)
    ]


DEMAND = "\n".join(
    [
        "id,lon,lat,people,group",
        *(f"{place},{1 + k * 7 % 40},{1 + k % 2}" for k, place in enumerate(places("d", 90))),
    ]
)
SITES = "\n".join(["id,lon,lat,kind", *(f"{place},car park" for place in places("s", 30))])


@pytest.fixture
async def planner(installation):
    database = Database(installation.url, pool=2)
    task = asyncio.create_task(Planner(database, installation.bus).run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await database.close()


def table(name, text):
    return {"name": name, "mimeType": "text/csv", "buffer": text.encode()}


async def load(page, demand=DEMAND):
    await page.get_by_role("button", name="Load tables").first.click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name of the scenario").fill("Town")
    await dialog.get_by_label("Demand").set_input_files(table("people.csv", demand))
    await dialog.get_by_label("Candidate sites").set_input_files(table("places.csv", SITES))
    await dialog.get_by_label("Column with the weight").fill("people")
    await dialog.get_by_role("button", name="Read and keep").click()


async def test_a_planner_loads_tables_and_makes_a_proved_plan(visit, planner):
    page = await visit.sign_up()
    await page.get_by_role("link", name="Planner", exact=True).click()
    await load(page)
    await expect(page.get_by_role("heading", name="Town", level=1)).to_be_visible(timeout=PATIENCE)

    await page.get_by_label("Sites", exact=True).fill("6")
    await page.get_by_role("button", name="Make a plan").click()
    sites = page.get_by_role("list", name="Sites of the plan")
    await expect(sites.get_by_role("button")).to_have_count(6, timeout=PATIENCE)
    await expect(page.get_by_text("proved optimal").first).to_be_visible()
    await expect(sites.get_by_text("nobody else reaches").first).to_be_visible()

    assert visit.errors == []
    assert visit.strangers == []


async def test_a_bad_table_is_said_row_by_row_and_can_be_mended(visit):
    page = await visit.sign_up()
    await visit.open("/console/planner")
    await load(page, DEMAND + "\nx,east,52.5,3,1\n")
    await expect(page.get_by_role("alert")).to_contain_text(
        "lon is 'east'; a number is needed", timeout=PATIENCE
    )
    assert await visit.barriers() == []
    assert visit.errors == []
