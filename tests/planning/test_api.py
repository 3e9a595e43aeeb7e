"""Planning over REST: real planner processes, a real database; the worker's planner runs beside the API."""

import asyncio
import subprocess
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from gridlane.kernel.database import Database
from gridlane.planning.process import PlannerProcess
from gridlane.planning.working import Planner

PATIENCE = 240.0  # the first plan on a machine compiles the solver

DEMAND = "id,lon,lat,weight,group\n" + "\n".join(
    f"d{i}-{k},{13.30 + 0.01 * i},{52.50 + 0.006 * k},{10 + (7 * i + 3 * k) % 40},{1 + (i + k) % 2}"
    for i in range(8)
    for k in range(8)
)
SITES = "id,lon,lat\n" + "\n".join(
    f"s{i}-{k},{13.305 + 0.01 * i},{52.503 + 0.006 * k}" for i in range(7) for k in range(7)
)


@asynccontextmanager
async def working(installation):
    """The worker's part."""
    database = Database(installation.url, pool=2)
    task = asyncio.create_task(Planner(database, installation.bus).run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await database.close()


@pytest.fixture
async def planner(installation):
    async with working(installation):
        yield


@pytest.fixture(autouse=True)
def patience(request):
    """The first planner of a machine may read, move and draw slowly."""
    if "installation" in request.fixturenames:
        request.getfixturevalue("installation").http.timeout = PATIENCE


def tables(demand=DEMAND, candidates=SITES, **more):
    return {
        "name": "Town",
        "demand": {"file": "people.csv", "text": demand},
        "candidates": {"file": "places.csv", "text": candidates},
        "aim": {"sites": 4, "radius_m": 900},
        **more,
    }


async def made(installation, wish):
    return await once_ended(installation, await installation.post("/planning/plans", wish))


async def once_ended(installation, plan):
    found = None

    async def ended():
        nonlocal found
        found = await installation.get(f"/planning/plans/{plan['id']}")
        return found["state"] in {"done", "failed"}

    await installation.until(ended, PATIENCE, lambda: f"the plan is {found}")
    return found


async def test_a_plan_is_asked_for_watched_made_played_with_compared_and_reported(installation, planner):
    scenario = await installation.post("/planning/scenarios", tables())
    assert scenario["counts"]["demand_points"] == 64
    drawn = await installation.get(f"/planning/scenarios/{scenario['id']}/map")
    assert drawn["candidates"]["id"][0] == "s0-0"
    assert drawn["demand"]["lon"][0] == pytest.approx(13.3, abs=1e-4)

    first = await made(installation, {"scenario_id": scenario["id"], "name": "four"})
    assert first["state"] == "done", first["problem"]
    plan = first["result"]["plan"]
    assert plan["certificate"]["proof"] == "optimal"
    assert len(plan["sites"]) == 4
    assert set(first["result"]["served"]) == {"0", "2"}
    assert all(site["reasons"] for site in plan["sites"])

    site = plan["sites"][0]
    moved = await installation.post(
        f"/planning/plans/{first['id']}/what-if", {"site": site["id"], "lon": 13.6, "lat": 52.9}
    )
    assert moved["after"] == pytest.approx(moved["before"] - site["only_here"])
    same = await installation.post(
        f"/planning/plans/{first['id']}/what-if", {"site": site["id"], "other": site["id"]}
    )
    assert same["after"] == pytest.approx(same["before"])

    aim = {"sites": 5, "radius_m": 900}
    second = await made(installation, {"scenario_id": scenario["id"], "name": "five", "aim": aim})
    told = await installation.get("/planning/comparison", plan=[first["id"], second["id"]])
    assert [column["sites"] for column in told["columns"]] == [4, 5]
    assert told["comparable"]
    assert told["columns"][1]["value"] > told["columns"][0]["value"]

    for form, begin in (("html", b"<!doctype html>"), ("pdf", b"%PDF"), ("geojson", b"{"), ("json", b"{")):
        answer = await installation.http.get(f"/api/v1/planning/plans/{first['id']}/report.{form}")
        assert answer.status_code == 200, answer.text
        assert answer.content.startswith(begin)

    listed = await installation.get("/planning/plans", scenario_id=scenario["id"])
    assert [row["certificate"]["proof"] for row in listed["items"]] == ["optimal", "optimal"]


async def test_a_corridor_is_planned_from_journeys_and_roads(installation, planner):
    corridor = {
        "name": "Motorway",
        "candidates": {"file": "c.csv", "text": "id,lon,lat,node\nb,14.0,52.0,B\nc,15.0,52.0,C\n"},
        "journeys": {"file": "j.csv", "text": "id,from,to,weight\nn,A,C,40\nw,B,D,50\n"},
        "roads": {"file": "r.csv", "text": "from,to,metres\nA,B,100000\nB,C,100000\nC,D,100000\n"},
        "aim": {"objective": "flows", "sites": 1, "range_km": 205},
    }
    scenario = await installation.post("/planning/scenarios", corridor)
    made_plan = await made(installation, {"scenario_id": scenario["id"]})
    assert made_plan["state"] == "done", made_plan["problem"]
    plan = made_plan["result"]["plan"]
    assert [site["id"] for site in plan["sites"]] == ["c"]
    assert plan["certificate"]["proof"] == "optimal"
    assert made_plan["result"]["served"] == "02"
    for form in ("html", "pdf"):
        answer = await installation.http.get(f"/api/v1/planning/plans/{made_plan['id']}/report.{form}")
        assert answer.status_code == 200, answer.text


async def test_a_pareto_front_grows_from_few_sites_to_all_that_are_asked_for(installation, planner):
    scenario = await installation.post("/planning/scenarios", tables())
    wish = {"scenario_id": scenario["id"], "against": "money", "steps": 4}
    points = (await made(installation, wish))["result"]["points"]
    assert points[-1]["other"] == 4
    assert [p["covered"] for p in points] == sorted(p["covered"] for p in points)
    assert all(p["most"] >= p["covered"] - 1e-6 for p in points)


async def test_a_stop_reaches_the_plan_under_way(installation, planner, monkeypatch):
    """The planner is held back until it was told to stop, so that it can never end before."""
    told, ask = asyncio.Event(), PlannerProcess.ask

    async def ask_when_told(process, question, hear=lambda _: None):
        if question["do"] != "plan":
            return await ask(process, question, hear)
        hear({"progress": {"stage": "swapping", "value": 1.0, "bound": None, "sites": ["s0-0"]}})
        await told.wait()
        return await ask(process, question | {"stop_asked": True}, hear)

    async def tell(_process):
        told.set()

    monkeypatch.setattr(PlannerProcess, "ask", ask_when_told)
    monkeypatch.setattr(PlannerProcess, "stop_working", tell)
    scenario = await installation.post("/planning/scenarios", tables())
    plan = await installation.post("/planning/plans", {"scenario_id": scenario["id"]})
    path = f"/planning/plans/{plan['id']}"

    async def improved():
        return (await installation.get(path))["best"] == ["s0-0"]

    await installation.until(improved, PATIENCE)
    await installation.post(f"{path}/stop")
    ended = await once_ended(installation, plan)
    assert ended["result"]["plan"]["certificate"]["stopped_early"]


async def test_a_plan_stopped_while_it_waits_gets_its_first_sites_and_a_bound(installation):
    scenario = await installation.post("/planning/scenarios", tables())
    aim = {"sites": 4, "objective": "access"}
    plan = await installation.post("/planning/plans", {"scenario_id": scenario["id"], "aim": aim})
    await installation.post(f"/planning/plans/{plan['id']}/stop")
    async with working(installation):
        made = (await once_ended(installation, plan))["result"]["plan"]
    assert made["certificate"]["stopped_early"]
    assert len(made["sites"]) == 4
    assert made["certificate"]["bound"] is not None


async def test_every_bad_row_is_said_and_nothing_is_kept(installation):
    bad = tables(demand="id,lon,lat,weight\na,13.3,52.5,10\na,east,52.5,-1\n")
    answer = await installation.http.post("/api/v1/planning/scenarios", json=bad)
    problem = answer.json()
    assert answer.status_code == 422
    assert problem["details"]["because"] == "planning_scenario_broken"
    assert problem["details"]["problems"] == [
        "demand.csv, row 3: lon is 'east'; a number is needed",
        "demand.csv, row 3: id is 'a'; row 2 has the same; ids must be unique",
        "demand.csv, row 3: weight is '-1'; it must be at least 0",
    ]
    assert (await installation.get("/planning/scenarios"))["items"] == []


@pytest.mark.parametrize(
    ("aim", "reason"),
    [
        ({"budget": "0.5 EUR"}, "the budget of 0.50 EUR buys nothing"),
        ({"sites": 99}, "99 sites are asked for and 49 candidates may be built on"),
        ({"sites": 3, "objective": "service"}, "needs chargers, layouts and periods with budgets"),
    ],
)
async def test_an_aim_that_cannot_be_met_is_refused_with_the_figure_that_is_wrong(installation, aim, reason):
    scenario = await installation.post("/planning/scenarios", tables())
    wish = {"scenario_id": scenario["id"], "aim": aim}
    answer = await installation.http.post("/api/v1/planning/plans", json=wish)
    assert answer.status_code == 422
    assert reason in answer.json()["title"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"stations": {"file": "stations.xls", "text": "x"}}, "planning_form_unknown"),
        ({"candidates": None}, "planning_table_missing"),
        ({"candidates": {"file": "places.csv", "text": "id,lon,lat"}}, "planning_refused"),
        ({"demand": {"file": "people.gpkg", "base64": "?"}}, "planning_table_garbled"),
    ],
)
async def test_a_table_that_is_none_is_refused(installation, change, code):
    answer = await installation.http.post("/api/v1/planning/scenarios", json=tables() | change)
    assert answer.json()["code"] == code


async def test_the_own_network_becomes_a_scenario_with_the_demand_it_lost(installation):
    await installation.sql(
        "UPDATE sites SET latitude = 52.52, longitude = 13.40, created_at = now() - interval '60 days' WHERE id = %s",
        installation.site_id,
    )
    nothing = await installation.http.post("/api/v1/planning/scenarios/network", json={})
    assert nothing.json()["code"] == "planning_network_empty"

    station = await installation.register("CP-1")
    await installation.sql(
        "INSERT INTO evses (id, organization_id, station_id, number, max_power) "
        "VALUES (gen_random_uuid(), %s, %s, 1, 22000)",
        installation.organization_id,
        station["id"],
    )
    now = datetime.now(UTC)
    for day in range(1, 31):  # eight hours of every day the only charger is taken
        for hour in (8, 12):
            begun = (now - timedelta(days=day)).replace(hour=hour, minute=0)
            await installation.sql(
                "INSERT INTO sessions (id, organization_id, site_id, station_id, transaction_id, status, evse, "
                "started_at, ended_at, received_at, first_received_at, energy) "
                "VALUES (gen_random_uuid(), %s, %s, %s, %s, 'ended', 1, %s, %s, %s, %s, 20000)",
                *(installation.organization_id, installation.site_id, station["id"], f"{day}-{hour}"),
                *(begun, begun + timedelta(hours=4), begun, begun),
            )
    scenario = await installation.post("/planning/scenarios/network", {"days": 30, "budget": 300_000})
    assert scenario["counts"]["stations"] == 1
    assert scenario["counts"]["money"]
    assert "found everything taken" in scenario["page"]["source"]


async def test_another_organizations_scenario_is_not_seen(installation):
    scenario = await installation.post("/planning/scenarios", tables())
    await installation.sql("UPDATE planning_scenarios SET organization_id = gen_random_uuid()")
    answer = await installation.http.get(f"/api/v1/planning/scenarios/{scenario['id']}")
    assert answer.json()["code"] == "planning_scenario_unknown"


async def test_deleting_a_scenario_takes_its_plans_along(installation):
    scenario = await installation.post("/planning/scenarios", tables())
    plan = await installation.post("/planning/plans", {"scenario_id": scenario["id"]})
    answer = await installation.http.delete(f"/api/v1/planning/scenarios/{scenario['id']}")
    assert answer.status_code == 204
    answer = await installation.http.get(f"/api/v1/planning/plans/{plan['id']}")
    assert answer.json()["code"] == "planning_plan_unknown"


def test_the_edge_of_planning_loads_no_solver():
    heavy = "{'numpy', 'numba', 'highspy', 'scipy', 'typst', 'polars', 'pyproj'}"
    code = (
        f"import gridlane.planning.api, gridlane.planning.working, sys; print(*({heavy} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == ""
