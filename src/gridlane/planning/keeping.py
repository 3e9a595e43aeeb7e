"""Scenarios kept for an organization: what was uploaded, what comes with Gridlane, what the own network shows.

A scenario is read and checked by a planner before it is kept, so that only readable ones are; what is kept are the files
as they were given.
"""

import gzip
import zlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.kernel import audit
from gridlane.kernel.access import Caller
from gridlane.kernel.clock import system_clock
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id
from gridlane.planning.model import planning_plans, planning_scenarios

LARGEST = 32 * 1024 * 1024
TABLES = (
    "demand", "candidates", "stations", "exclusions", "travel", "roads", "nodes", "journeys", "stops",
)  # fmt: skip
FORMS = (".csv", ".geojson", ".json", ".gpkg", ".parquet")


class ScenarioUnknown(Refusal):
    code = "planning_scenario_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no scenario {scenario}."


class UploadTooLarge(Refusal):
    code = "planning_upload_too_large"
    kind = Kind.INVALID
    sentence = "The tables hold {size} bytes; at most {most} can be kept. Use gridlane plan for larger ones."


class FormUnknown(Refusal):
    code = "planning_form_unknown"
    kind = Kind.INVALID
    sentence = "{file!r} is no table Gridlane reads: its name must end in one of {forms}."


class TableMissing(Refusal):
    code = "planning_table_missing"
    kind = Kind.INVALID
    sentence = "The table {table} is missing: a scenario needs candidates, and demand or journeys."


def question_of(scenario: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a planner's question that says which scenario it is about."""
    files = msgspec.msgpack.decode(zlib.decompress(scenario["files"])) if scenario["files"] else {}
    return {"page": scenario["page"], "shipped": scenario["shipped"], "files": files}


def uploaded(tables: Mapping[str, tuple[str, bytes]]) -> tuple[dict[str, str], dict[str, bytes]]:
    """Table -> file name and content, under names of our own. Raises FormUnknown, TableMissing, UploadTooLarge."""
    for table in ("candidates", "journeys" if "journeys" in tables else "demand"):
        if table not in tables:
            raise TableMissing(table=table)
    names, files = {}, {}
    for table in TABLES:
        if table in tables:
            given, content = tables[table]
            form = next((form for form in FORMS if given.lower().endswith(form)), None)
            if form is None:
                raise FormUnknown(file=given, forms=", ".join(FORMS))
            names[table] = f"{table}{form}"
            files[names[table]] = content
    size = sum(len(content) for content in files.values())
    if size > LARGEST:
        raise UploadTooLarge(size=size, most=LARGEST)
    return names, files


async def keep(
    work: AsyncConnection,
    caller: Caller,
    *,
    name: str,
    origin: str,
    read: Mapping[str, Any],
    shipped: str | None = None,
    files: Mapping[str, bytes] | None = None,
) -> dict[str, Any]:
    """Keep what a planner has read (its answer ``read``); gives what a list shows of it."""
    row = {
        "id": new_id(),
        "organization_id": caller.organization_id,
        "name": name or read["name"],
        "origin": origin,
        "shipped": shipped,
        "page": read["page"],
        "files": zlib.compress(msgspec.msgpack.encode(files)) if files else None,
        "drawn": gzip.compress(msgspec.json.encode(read["map"])),
        "counts": read["counts"],
        "created_at": system_clock(),
        "created_by": caller.name,
    }
    await work.execute(sa.insert(planning_scenarios).values(row))
    await audit.record(
        work, caller, "planning_scenario.created", row["id"], after={"name": row["name"], "origin": origin}
    )
    return {key: value for key, value in row.items() if key not in {"files", "drawn", "organization_id"}}


SHOWN = [
    column for column in planning_scenarios.c if column.name not in ("files", "drawn", "organization_id")
]


async def scenario(work: AsyncConnection, scenario_id: UUID, *, whole: bool = False) -> dict[str, Any]:
    """Raises ScenarioUnknown."""
    query = sa.select(planning_scenarios) if whole else sa.select(*SHOWN)
    row = (await work.execute(query.where(planning_scenarios.c.id == scenario_id))).mappings().first()
    if row is None:
        raise ScenarioUnknown(scenario=scenario_id)
    return dict(row)


async def forget(work: AsyncConnection, caller: Caller, scenario_id: UUID) -> None:
    """Remove a scenario and its plans; one under way is given up by its planner. Raises ScenarioUnknown."""
    known = await scenario(work, scenario_id)
    await work.execute(sa.delete(planning_plans).where(planning_plans.c.scenario_id == scenario_id))
    await work.execute(sa.delete(planning_scenarios).where(planning_scenarios.c.id == scenario_id))
    await audit.record(work, caller, "planning_scenario.deleted", scenario_id, before={"name": known["name"]})
