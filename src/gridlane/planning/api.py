"""The REST edge of planning: scenarios, plans and how far they are, what-if, side by side, fronts, reports.

Nothing here computes: planners have processes of their own (``planning.process``).
"""

from base64 import b64decode
from binascii import Error as NotBase64
from datetime import timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.kernel import audit
from gridlane.kernel.access import Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.edge import Json, TheBus, TheCaller, TheDatabase, ThePaging
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id
from gridlane.kernel.paging import page
from gridlane.planning import keeping, own_network
from gridlane.planning.comparing import side_by_side
from gridlane.planning.model import planning_plans, planning_scenarios
from gridlane.planning.process import WarmPlanner
from gridlane.planning.shipped import scenarios as shipped_scenarios
from gridlane.planning.shipped import shipped
from gridlane.planning.working import SUBJECT

router = APIRouter(prefix="/planning", tags=["planning"])

Name = Annotated[str, Field(min_length=1, max_length=100)]
Share = Annotated[float, Field(gt=0, le=1)]


def _planner(request: Request) -> WarmPlanner:
    planner: WarmPlanner = request.app.state.planner
    return planner


ThePlanner = Annotated[WarmPlanner, Depends(_planner)]


class Table(BaseModel):
    """A table by its file name, which says its form: CSV and GeoJSON as text, GeoPackage and Parquet as base64."""

    file: Annotated[str, Field(min_length=1, max_length=200)]
    text: str | None = None
    base64: str | None = None


class Aim(BaseModel):
    """What "better" means. Give one of ``sites``, ``budget`` (as in "2500000 EUR") and ``share``."""

    objective: Literal["coverage", "access", "service", "cost", "flows"] = "coverage"
    radius_m: Annotated[float, Field(gt=0, le=500_000)] = 500
    decay: Literal["step", "linear", "logit"] = "step"
    sites: Annotated[int | None, Field(ge=1, le=100_000)] = None
    budget: str | None = None
    share: Share | None = None
    people: Annotated[str, Field(max_length=60)] = "residents"
    floors: dict[str, Share] = {}
    largest_difference: Share | None = None
    range_km: Annotated[float, Field(gt=0, le=2_000, description="of one charge, for flows")] = 300


class Period(BaseModel):
    name: Name
    budget: Annotated[float, Field(ge=0)]
    demand: Annotated[float, Field(ge=0)] = 1.0


class Wait(BaseModel):
    share: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    minutes: Annotated[float, Field(ge=0, le=600)] = 10


class NewScenario(BaseModel):
    """Either tables of one's own (candidates, and demand or journeys) or a data set that comes with Gridlane."""

    name: Annotated[str, Field(max_length=100)] = ""
    shipped: str | None = None
    demand: Table | None = None
    candidates: Table | None = None
    stations: Table | None = None
    exclusions: Annotated[Table | None, Field(description="GeoJSON polygons where nothing may be built")] = (
        None
    )
    travel: Annotated[Table | None, Field(description="distances: demand, site, metres")] = None
    missing: Annotated[
        Literal["refused", "unreachable"], Field(description="what a pair that travel lacks means")
    ] = "refused"
    roads: Annotated[Table | None, Field(description="a road graph: from, to, metres, perhaps one_way")] = (
        None
    )
    nodes: Annotated[Table | None, Field(description="where the nodes of the roads are: id, lon, lat")] = None
    journeys: Annotated[Table | None, Field(description="for flows: id, from, to, weight")] = None
    stops: Annotated[
        Table | None, Field(description="sites along journeys (without roads): journey, site, metres")
    ] = None
    columns: Annotated[
        dict[str, dict[str, str]],
        Field(description='what the tables call a column, as in {"demand": {"weight": "residents"}}'),
    ] = {}
    aim: Aim = Aim(sites=10)
    source: Annotated[str, Field(max_length=1000)] = ""


class FromNetwork(BaseModel):
    name: Annotated[str, Field(max_length=100)] = ""
    days: Annotated[int, Field(ge=7, le=730)] = 90
    budget: Annotated[float, Field(gt=0, le=1e12)] = 500_000


class NewPlan(BaseModel):
    """``aim``, ``periods`` and ``wait`` replace what the scenario says; ``against`` asks for a Pareto front instead."""

    scenario_id: UUID
    name: Annotated[str, Field(max_length=100)] = ""
    aim: Aim | None = None
    periods: Annotated[list[Period] | None, Field(max_length=20)] = None
    wait: Wait | None = None
    seed: Annotated[int, Field(ge=0, le=2**31)] = 0
    seconds: Annotated[float | None, Field(gt=0, le=86_400, description="stop after so long")] = None
    against: Literal["money", "access", "equity"] | None = None
    steps: Annotated[int, Field(ge=2, le=30)] = 8


class Move(BaseModel):
    """A site of the plan that stands elsewhere: at a place, instead at another candidate, or (neither) not at all."""

    site: str
    lon: Annotated[float | None, Field(ge=-180, le=180)] = None
    lat: Annotated[float | None, Field(ge=-90, le=90)] = None
    other: str | None = None


class PlanUnknown(Refusal):
    code = "planning_plan_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no plan {plan}."


class PlanUnfinished(Refusal):
    code = "planning_plan_unfinished"
    kind = Kind.CONFLICT
    sentence = "The plan {plan} has no result yet: it is {state}."


class TableGarbled(Refusal):
    code = "planning_table_garbled"
    kind = Kind.INVALID
    sentence = "{file} came neither as text nor as base64."


# --- scenarios -----------------------------------------------------------------------------------------------------


@router.get("/shipped")
async def list_shipped(caller: TheCaller) -> Json:
    """The data sets that come with Gridlane."""
    caller.require(Permission.PLANNING_READ)
    return Json({"items": shipped_scenarios()})


@router.get("/scenarios")
async def list_scenarios(caller: TheCaller, database: TheDatabase, paging: ThePaging) -> Json:
    """The latest first."""
    caller.require(Permission.PLANNING_READ)
    columns = planning_scenarios.c
    async with database.unit_of_work(caller.scope) as work:
        query = sa.select(*keeping.SHOWN)
        return Json(await page(work, query, [columns.created_at, columns.id], paging, newest_first=True))


@router.post("/scenarios", status_code=201)
async def create_scenario(
    caller: TheCaller, database: TheDatabase, planner: ThePlanner, wish: NewScenario
) -> Json:
    """Keep a scenario. Everything that is wrong with its tables is said at once, row by row."""
    caller.require(Permission.PLANNING_WRITE)
    if wish.shipped is not None:
        shipped(wish.shipped)
        read = await planner.ask({"do": "read", "shipped": wish.shipped})
        async with database.unit_of_work(caller.scope) as work:
            kept = await keeping.keep(
                work, caller, name=wish.name, origin="shipped", read=read, shipped=wish.shipped
            )
        return Json(kept, status_code=201)
    names, files = keeping.uploaded(_tables(wish))
    described = {
        "name": wish.name or "Scenario",
        "source": wish.source,
        "tables": names,
        "columns": wish.columns,
        "travel": {"missing": wish.missing},
        "aim": wish.aim.model_dump(exclude_none=True),
    }
    read = await planner.ask({"do": "read", "page": described, "files": files})
    async with database.unit_of_work(caller.scope) as work:
        kept = await keeping.keep(work, caller, name=wish.name, origin="upload", read=read, files=files)
    return Json(kept, status_code=201)


@router.post("/scenarios/network", status_code=201)
async def create_scenario_of_network(
    caller: TheCaller, database: TheDatabase, planner: ThePlanner, wish: FromNetwork
) -> Json:
    """A scenario of the own network: its stations, the demand seen and lost at them, and places around them."""
    caller.require(Permission.PLANNING_WRITE)
    caller.require(Permission.STATIONS_READ)
    caller.require(Permission.SESSIONS_READ)
    now = system_clock()
    async with database.unit_of_work(caller.scope) as work:
        found = await own_network.places(work, caller, now - timedelta(days=wish.days), now)
    name = wish.name or f"Own network, {now:%Y-%m-%d}"
    described, files = own_network.scenario_of_network(found, wish.days, name, wish.budget)
    read = await planner.ask({"do": "read", "page": described, "files": files})
    async with database.unit_of_work(caller.scope) as work:
        kept = await keeping.keep(work, caller, name=name, origin="network", read=read, files=files)
    return Json(kept, status_code=201)


@router.get("/scenarios/{scenario_id}")
async def read_scenario(caller: TheCaller, database: TheDatabase, scenario_id: UUID) -> Json:
    """A scenario with its page: aim, columns, money."""
    caller.require(Permission.PLANNING_READ)
    async with database.unit_of_work(caller.scope) as work:
        return Json(await keeping.scenario(work, scenario_id))


@router.get("/scenarios/{scenario_id}/map")
async def read_scenario_map(caller: TheCaller, database: TheDatabase, scenario_id: UUID) -> Response:
    """Demand, candidates and stations as columns to draw from, in degrees."""
    caller.require(Permission.PLANNING_READ)
    async with database.unit_of_work(caller.scope) as work:
        row = await keeping.scenario(work, scenario_id, whole=True)
    headers = {"Content-Encoding": "gzip", "Cache-Control": "private, max-age=86400"}
    return Response(row["drawn"], headers=headers, media_type="application/json")


@router.delete("/scenarios/{scenario_id}", status_code=204)
async def delete_scenario(caller: TheCaller, database: TheDatabase, scenario_id: UUID) -> None:
    """Remove a scenario and its plans."""
    caller.require(Permission.PLANNING_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        await keeping.forget(work, caller, scenario_id)


# --- plans ---------------------------------------------------------------------------------------------------------

_LISTED = [
    column
    for column in planning_plans.c
    if column.name not in {"organization_id", "progress", "best", "result", "held_until", "attempts"}
]


@router.get("/plans")
async def list_plans(
    caller: TheCaller,
    database: TheDatabase,
    paging: ThePaging,
    scenario_id: Annotated[UUID | None, Query()] = None,
) -> Json:
    """The latest first, each with its certificate once it is made."""
    caller.require(Permission.PLANNING_READ)
    plans = planning_plans.c
    query = sa.select(*_LISTED, plans.result["plan"]["certificate"].label("certificate"))
    if scenario_id is not None:
        query = query.where(plans.scenario_id == scenario_id)
    async with database.unit_of_work(caller.scope) as work:
        return Json(await page(work, query, [plans.created_at, plans.id], paging, newest_first=True))


@router.post("/plans", status_code=201)
async def create_plan(
    caller: TheCaller, database: TheDatabase, bus: TheBus, planner: ThePlanner, wish: NewPlan
) -> Json:
    """Ask for a plan (or a Pareto front). An aim that no plan can meet is refused here, with the figure that is wrong."""
    caller.require(Permission.PLANNING_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        scenario = await keeping.scenario(work, wish.scenario_id, whole=True)
    asked = _asked(wish)
    await planner.ask({"do": "check", **asked, **keeping.question_of(scenario)})
    plan_id = new_id()
    row = {
        "id": plan_id,
        "organization_id": caller.organization_id,
        "scenario_id": wish.scenario_id,
        "name": wish.name or scenario["name"],
        "kind": "plan" if wish.against is None else "front",
        "asked": asked,
        "state": "waiting",
        "created_at": system_clock(),
        "created_by": caller.name,
    }
    async with database.unit_of_work(caller.scope) as work:
        await work.execute(sa.insert(planning_plans).values(row))
        await audit.record(work, caller, "plan.asked", plan_id, after={"name": row["name"], "asked": asked})
    bus.publish(SUBJECT)
    return Json({key: value for key, value in row.items() if key != "organization_id"}, status_code=201)


@router.get("/plans/{plan_id}")
async def read_plan(caller: TheCaller, database: TheDatabase, plan_id: UUID) -> Json:
    """How far it is and its best sites so far; once made, the plan with its proof and a reason for every site."""
    caller.require(Permission.PLANNING_READ)
    async with database.unit_of_work(caller.scope) as work:
        found = await _plan(work, plan_id)
    hidden = {"organization_id", "held_until", "attempts"}
    return Json({key: value for key, value in found.items() if key not in hidden})


@router.post("/plans/{plan_id}/stop")
async def stop_plan(caller: TheCaller, database: TheDatabase, plan_id: UUID) -> Json:
    """Stop with the best plan so far and its proved gap. A plan that is made already stays as it is."""
    caller.require(Permission.PLANNING_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        found = await _plan(work, plan_id)
        await work.execute(
            sa.update(planning_plans).where(planning_plans.c.id == plan_id).values(stop_asked=True)
        )
    return Json({"id": plan_id, "state": found["state"], "stop_asked": True})


@router.delete("/plans/{plan_id}", status_code=204)
async def delete_plan(caller: TheCaller, database: TheDatabase, plan_id: UUID) -> None:
    """Remove a plan; one under way is given up."""
    caller.require(Permission.PLANNING_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        found = await _plan(work, plan_id)
        await work.execute(sa.delete(planning_plans).where(planning_plans.c.id == plan_id))
        await audit.record(work, caller, "plan.deleted", plan_id, before={"name": found["name"]})


@router.post("/plans/{plan_id}/what-if")
async def play_what_if(
    caller: TheCaller, database: TheDatabase, planner: ThePlanner, plan_id: UUID, wish: Move
) -> Json:
    """What changes if a site of the plan stood elsewhere. The plan itself stays as it is."""
    caller.require(Permission.PLANNING_READ)
    move = {"do": "what_if", "plan_id": str(plan_id), **wish.model_dump(exclude_none=True)}
    if wish.lon is None or wish.lat is None:
        move = {key: value for key, value in move.items() if key not in {"lon", "lat"}}
    async with database.unit_of_work(caller.scope) as work:  # also: may the caller see it
        scenario_id = await work.scalar(
            sa.select(planning_plans.c.scenario_id).where(planning_plans.c.id == plan_id)
        )
    if scenario_id is None:
        raise PlanUnknown(plan=plan_id)
    answer = await planner.ask(move)
    if "unknown" in answer:
        async with database.unit_of_work(caller.scope) as work:
            made = await _made(work, plan_id)
            scenario = await keeping.scenario(work, scenario_id, whole=True)
        sites = [site["id"] for site in made["result"]["plan"]["sites"]]
        opened = {"sites": sites, "changes": made["asked"]["changes"], **keeping.question_of(scenario)}
        answer = await planner.ask({**move, **opened})
    return Json(answer["change"])


@router.get("/comparison")
async def compare_plans(
    caller: TheCaller,
    database: TheDatabase,
    plan: Annotated[list[UUID], Query(min_length=2, max_length=6)],
) -> Json:
    """Plans side by side: value, proof, expense, classes, and the sites they share or have alone."""
    caller.require(Permission.PLANNING_READ)
    async with database.unit_of_work(caller.scope) as work:
        made = [await _made(work, one) for one in plan]
    told = side_by_side([one["result"]["plan"] for one in made])
    names = [{"id": one["id"], "name": one["name"]} for one in made]
    return Json(told | {"plans": names})


_MEDIA = {
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "geojson": "application/geo+json",
    "json": "application/json",
}


@router.get("/plans/{plan_id}/report.{form}")
async def read_report(
    caller: TheCaller,
    database: TheDatabase,
    planner: ThePlanner,
    plan_id: UUID,
    form: Literal["html", "pdf", "geojson", "json"],
) -> Response:
    """The report for people (HTML, PDF), the sites for maps (GeoJSON), or the whole plan (JSON)."""
    caller.require(Permission.PLANNING_READ)
    async with database.unit_of_work(caller.scope) as work:
        made = await _made(work, plan_id)
        scenario = await keeping.scenario(work, made["scenario_id"], whole=True)
    plan = made["result"]["plan"]
    if form == "json":
        return Json(plan)
    question = {"do": "report", "form": form, "plan": plan, "changes": made["asked"]["changes"]}
    answer = await planner.ask({**question, **keeping.question_of(scenario)})
    headers = {"Content-Disposition": f'inline; filename="plan-{plan_id}.{form}"'}
    if form == "html":  # its script is its own; it may reach nothing else
        headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; sandbox allow-scripts"
        )
    return Response(answer["content"], headers=headers, media_type=_MEDIA[form])


def _asked(wish: NewPlan) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if wish.aim is not None:
        changes["aim"] = wish.aim.model_dump(exclude_none=True)
    if wish.periods is not None:
        changes["periods"] = [period.model_dump() for period in wish.periods]
    if wish.wait is not None:
        changes["wait"] = wish.wait.model_dump()
    asked: dict[str, Any] = {"changes": changes, "seed": wish.seed}
    if wish.seconds is not None:
        asked["seconds"] = wish.seconds
    if wish.against is not None:
        asked |= {"against": wish.against, "steps": wish.steps}
    return asked


def _tables(wish: NewScenario) -> dict[str, tuple[str, bytes]]:
    found = {}
    for name in keeping.TABLES:
        table: Table | None = getattr(wish, name)
        if table is not None:
            found[name] = (table.file, _content(table))
    return found


def _content(table: Table) -> bytes:
    if table.text is not None:
        return table.text.encode()
    if table.base64 is None:
        raise TableGarbled(file=table.file)
    try:
        return b64decode(table.base64, validate=True)
    except NotBase64:
        raise TableGarbled(file=table.file) from None


async def _plan(work: AsyncConnection, plan_id: UUID) -> dict[str, Any]:
    query = sa.select(planning_plans).where(planning_plans.c.id == plan_id)
    row = (await work.execute(query)).mappings().first()
    if row is None:
        raise PlanUnknown(plan=plan_id)
    return dict(row)


async def _made(work: AsyncConnection, plan_id: UUID) -> dict[str, Any]:
    """A plan that has its result. Raises PlanUnknown, PlanUnfinished."""
    found = await _plan(work, plan_id)
    if found["result"] is None or "plan" not in found["result"]:
        raise PlanUnfinished(plan=plan_id, state=found["state"])
    return found
