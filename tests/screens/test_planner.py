"""A planner's story: tables in, a plan made and watched, a site dragged, plans side by side, a front, the report."""

import asyncio
import random
import re

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
    await dialog.get_by_label("Demand", exact=True).set_input_files(table("people.csv", demand))
    await dialog.get_by_label("Candidate sites").set_input_files(table("places.csv", SITES))
    await dialog.get_by_label("Column with the weight").fill("people")
    await dialog.get_by_role("button", name="Read and keep").click()


async def test_a_planner_makes_plays_with_and_compares_plans(visit, planner):
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

    pin = page.locator(".plan-pin").first
    await pin.hover()
    box = await pin.bounding_box()
    await page.mouse.down()
    await page.mouse.move(box["x"] + 60, box["y"] + 40, steps=6)
    await page.mouse.up()
    told = page.locator(".change")
    await expect(told).to_contain_text(re.compile(r"gained, .* lost"), timeout=PATIENCE)
    await told.get_by_role("button", name="Put back").click()
    await expect(told).to_have_count(0)

    await page.get_by_label("Sites", exact=True).fill("9")
    await page.get_by_role("button", name="Make a plan").click()
    await expect(sites.get_by_role("button")).to_have_count(9, timeout=PATIENCE)
    for box in await page.get_by_role("checkbox", name=re.compile("Compare")).all():
        await box.check()
    await page.get_by_role("button", name="Side by side").click()
    dialog = page.get_by_role("dialog", name="Side by side")
    await expect(dialog.get_by_role("row", name=re.compile(r"^Sites \d"))).to_contain_text(
        "9", timeout=PATIENCE
    )
    await dialog.get_by_role("button", name="Close").click()

    await page.get_by_role("button", name="Report").click()
    async with page.expect_popup() as opened:
        await page.get_by_role("link", name="Report as a page").click()
    report = await opened.value
    await expect(report.get_by_role("heading", level=1)).to_have_text("Town: 9 new sites", timeout=PATIENCE)

    await page.get_by_role("button", name="Front against short ways").click()
    await expect(page.get_by_role("figure", name="Coverage against distance")).to_be_visible(timeout=PATIENCE)
    assert await visit.barriers() == []
    assert visit.errors == []
    assert visit.strangers == []


ROADS = "from,to,metres\nA,B,100000\nB,C,100000\nC,D,100000\n"
NODES = "id,lon,lat\nA,9.0,50.0\nB,10.4,50.1\nC,11.8,50.0\nD,13.2,50.1\n"
STOPS = "id,lon,lat,kind\nb,10.4,50.1,services\nc,11.8,50.0,services\n"
JOURNEYS = "id,from,to,weight\nshort,A,C,40\nlong,A,D,12\n"


async def test_a_corridor_is_planned_from_journeys_and_a_road_graph(visit, planner):
    page = await visit.sign_up()
    await visit.open("/console/planner")
    await page.get_by_role("button", name="Load tables").first.click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name of the scenario").fill("Motorway")
    await dialog.get_by_text("Journeys (corridors)").click()
    await dialog.get_by_label(re.compile("^Journeys")).set_input_files(table("journeys.csv", JOURNEYS))
    await dialog.get_by_label("Candidate sites").set_input_files(table("stops.csv", STOPS))
    await dialog.get_by_label(re.compile("^Roads")).set_input_files(table("roads.csv", ROADS))
    await dialog.get_by_label(re.compile("^Nodes")).set_input_files(table("nodes.csv", NODES))
    await dialog.get_by_label("Range of one charge").fill("220")
    assert await visit.barriers() == []
    await dialog.get_by_role("button", name="Read and keep").click()
    await expect(page.get_by_role("heading", name="Motorway", level=1)).to_be_visible(timeout=PATIENCE)

    await page.get_by_label("Sites", exact=True).fill("2")
    await expect(page.get_by_label("Range of one charge")).to_have_value("220")
    await page.get_by_role("button", name="Make a plan").click()
    sites = page.get_by_role("list", name="Sites of the plan")
    await expect(sites.get_by_role("button")).to_have_count(2, timeout=PATIENCE)
    await expect(page.locator(".value")).to_have_text("52 journeys")
    assert await visit.barriers() == []
    assert visit.errors == []


async def test_a_bad_table_is_said_row_by_row_and_can_be_mended(visit):
    page = await visit.sign_up()
    await visit.open("/console/planner")
    await load(page, DEMAND + "\nx,east,52.5,3,1\n")
    await expect(page.get_by_role("alert")).to_contain_text(
        "lon is 'east'; a number is needed", timeout=PATIENCE
    )
    assert await visit.barriers() == []
    assert visit.errors == []


async def test_a_scenario_is_drawn_on_the_map_with_mouse_and_keyboard(visit, planner):
    page = await visit.sign_up()
    await visit.open("/console/planner")
    await page.get_by_role("button", name="Draw on the map").click()
    await expect(page.get_by_role("heading", name="Draw on the map", level=1)).to_be_visible()
    canvas = page.locator(".maplibregl-canvas")
    await expect(canvas).to_be_visible()
    box = await canvas.bounding_box()

    async def click(across, down):
        await canvas.click(position={"x": box["width"] * across, "y": box["height"] * down})

    for corner in ((0.2, 0.2), (0.8, 0.25), (0.75, 0.8), (0.25, 0.7)):
        await click(*corner)
    await page.get_by_label("People in the area").fill("5000")
    await page.get_by_role("button", name="Close the area").click()
    drawn = page.get_by_role("list", name="Drawn so far")
    await expect(drawn.get_by_text("5,000")).to_be_visible()

    await page.get_by_text("Place to build", exact=True).click()
    await click(0.4, 0.4)
    await click(0.6, 0.6)
    await page.get_by_role("button", name="Place at the cross").press("Enter")
    await expect(page.get_by_text("1 demand areas, 3 places, 0 areas kept free")).to_be_visible()

    await page.get_by_text("Kept free", exact=True).click()
    for corner in ((0.37, 0.37), (0.43, 0.37), (0.43, 0.43)):
        await click(*corner)
    await page.get_by_role("button", name="Last corner back").click()
    await click(0.37, 0.45)
    await page.get_by_role("button", name="Close the area").click()
    assert await visit.barriers() == []

    await page.get_by_label("Name of the scenario").fill("Drawn town")
    await page.get_by_role("button", name="Keep as a scenario").click()
    await expect(page.get_by_role("heading", name="Drawn town", level=1)).to_be_visible(timeout=PATIENCE)
    await expect(page.get_by_text("3 candidate sites", exact=False).first).to_be_visible()
    assert visit.errors == []
