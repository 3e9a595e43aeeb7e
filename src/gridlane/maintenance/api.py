"""The REST edge of faults: incidents with their cause, evidence, next step and story; what the rules are."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.kernel import audit
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.edge import Json, TheBus, TheCaller, TheDatabase, ThePaging
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id
from gridlane.kernel.paging import page
from gridlane.maintenance import healing, keeping
from gridlane.maintenance.causes import CAUSES
from gridlane.maintenance.model import (
    connector_health,
    fault_occurrences,
    incident_steps,
    incident_symptoms,
    incidents,
    playbook_choices,
    playbook_runs,
)
from gridlane.maintenance.playbooks import PLAYBOOKS
from gridlane.maintenance.rules import RULES, SETTLED_BY_PERSON, Severity
from gridlane.stations.model import stations

router = APIRouter(tags=["faults"])


class IncidentUnknown(Refusal):
    code = "incident_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no incident {incident}."


class IncidentOver(Refusal):
    code = "incident_over"
    kind = Kind.CONFLICT
    sentence = "The incident is {status} already."


class StillGoing(Refusal):
    code = "incident_still_going"
    kind = Kind.CONFLICT
    sentence = "The stations still show it ({symptoms}). It ends by itself when they no longer do; acknowledge it meanwhile."


class Note(BaseModel):
    note: Annotated[str, Field(min_length=1, max_length=2000)]


class Resolution(BaseModel):
    note: Annotated[str, Field(max_length=2000)] = ""


@router.get("/incidents")
async def list_incidents(
    caller: TheCaller,
    database: TheDatabase,
    paging: ThePaging,
    status: Literal["open", "resolved", "merged"] | None = None,
    severity: Severity | None = None,
    cause: str | None = None,
    rule: str | None = None,
    care: Literal["watched", "trying", "needs_person"] | None = None,
    site_id: UUID | None = None,
    station_id: UUID | None = None,
) -> Json:
    """Incidents, newest first. Merged ones are listed only when asked for."""
    caller.require(Permission.MAINTENANCE_READ)
    query = sa.select(incidents).where(_reachable(caller))
    query = query.where(incidents.c.status == status if status else incidents.c.status != "merged")
    for column, wanted in (
        (incidents.c.severity, severity),
        (incidents.c.cause, cause),
        (incidents.c.rule, rule),
        (incidents.c.care, care),
        (incidents.c.site_id, site_id),
    ):
        query = query if wanted is None else query.where(column == wanted)
    if station_id is not None:
        query = query.where(incidents.c.id.in_(_at_station(station_id)))
    async with database.unit_of_work(caller.scope) as work:
        found = await page(
            work, query, [incidents.c.detected_at, incidents.c.id], paging, newest_first=True
        )  # fmt: skip
        places = await _places(work, [row["id"] for row in found.items])
    now = system_clock()
    found.items = [_told(row, now) | {"at": places.get(row["id"], [])} for row in found.items]
    return Json(found)


@router.get("/incidents/figures")
async def figures(
    caller: TheCaller, database: TheDatabase, days: Annotated[int, Query(ge=1, le=366)] = 30
) -> Json:
    """How fast faults are noticed and repaired: medians in seconds, and how many needed nobody."""
    caller.require(Permission.MAINTENANCE_READ)
    now = system_clock()
    async with database.unit_of_work(caller.scope) as work:
        row = (await work.execute(_figures(caller, now - timedelta(days=days)))).mappings().one()
        since_open = sa.select(incidents).where(incidents.c.status == "open", _reachable(caller))
        lasting = [_told(dict(one), now) for one in (await work.execute(since_open)).mappings()]
    at_stake: dict[str, Decimal] = {}
    for one in lasting:
        if one["currency"] is not None:
            at_stake[one["currency"]] = at_stake.get(one["currency"], Decimal(0)) + one["lost_so_far"]
    return Json(dict(row) | {"days": days, "lost_so_far": at_stake})


@router.get("/incidents/{incident_id}")
async def show_incident(caller: TheCaller, database: TheDatabase, incident_id: UUID) -> Json:
    """One incident with its symptoms, its story, and what to do next."""
    caller.require(Permission.MAINTENANCE_READ)
    async with database.unit_of_work(caller.scope) as work:
        row = await _incident(work, caller, incident_id)
        symptoms = await work.execute(
            sa.select(incident_symptoms, stations.c.name.label("station"))
            .join(stations, stations.c.id == incident_symptoms.c.station_id)
            .where(incident_symptoms.c.incident_id == incident_id)
            .order_by(incident_symptoms.c.since, stations.c.name, incident_symptoms.c.evse)
        )
        steps = await work.execute(
            sa.select(incident_steps)
            .where(incident_steps.c.incident_id == incident_id)
            .order_by(incident_steps.c.at, incident_steps.c.id)
        )
        places = await _places(work, [incident_id])
        whole = _told(row, system_clock()) | {
            "at": places.get(incident_id, []),
            "symptoms": [dict(one) for one in symptoms.mappings()],
            "steps": [dict(one) for one in steps.mappings()],
        }
    return Json(whole)


@router.post("/incidents/{incident_id}/acknowledge")
async def acknowledge(caller: TheCaller, database: TheDatabase, incident_id: UUID) -> Json:
    """Say that somebody looks after it: alerts about it are not repeated."""
    caller.require(Permission.MAINTENANCE_WRITE)
    now = system_clock()
    async with database.unit_of_work(caller.scope) as work:
        row = await _incident(work, caller, incident_id)
        if row["status"] != "open":
            raise IncidentOver(status=row["status"])
        if row["acknowledged_at"] is None:
            values = {"acknowledged_at": now, "acknowledged_by": caller.name}
            await work.execute(sa.update(incidents).where(incidents.c.id == incident_id).values(values))
            await _step(work, row, "acknowledged", now, caller)
            await audit.record(work, caller, "incident.acknowledged", incident_id)
        return Json(_told(await _incident(work, caller, incident_id), now))


@router.post("/incidents/{incident_id}/notes", status_code=201)
async def note(caller: TheCaller, database: TheDatabase, incident_id: UUID, note: Note) -> Json:
    """Write a line into the story of an incident."""
    caller.require(Permission.MAINTENANCE_WRITE)
    now = system_clock()
    async with database.unit_of_work(caller.scope) as work:
        row = await _incident(work, caller, incident_id)
        await _step(work, row, "note", now, caller, {"note": note.note})
        return Json(_told(row, now), status_code=201)


@router.post("/incidents/{incident_id}/resolve")
async def resolve(
    caller: TheCaller, database: TheDatabase, bus: TheBus, incident_id: UUID, resolution: Resolution
) -> Json:
    """Say that it is mended, where no station can show it (a tampered housing was inspected, ...)."""
    caller.require(Permission.MAINTENANCE_WRITE)
    now = system_clock()
    async with database.unit_of_work(caller.scope) as work:
        row = await _incident(work, caller, incident_id)
        if row["status"] != "open":
            raise IncidentOver(status=row["status"])
        await _forgive(work, row, now)
        await keeping.close(work, row, now, "person", actor=caller.name, note=resolution.note or None)
        await audit.record(work, caller, "incident.resolved", incident_id, reason=resolution.note or None)
        told = _told(await _incident(work, caller, incident_id), now)
    bus.publish("incidents")
    return Json(told)


@router.get("/fault-rules")
async def fault_rules(caller: TheCaller) -> Json:
    """The rules by which faults are noticed, and the causes they are grouped by."""
    caller.require(Permission.MAINTENANCE_READ)
    rules = [
        {
            "name": rule.name,
            "title": rule.title,
            "severity": rule.severity,
            "family": rule.family,
            "next_step": rule.next_step,
            "playbook": rule.playbook,
            "patience": rule.patience.total_seconds(),
            "times": rule.times,
            "within": rule.within.total_seconds(),
        }
        for rule in RULES.values()
    ]
    causes = [{"name": one.name, "title": one.title, "next_step": one.next_step} for one in CAUSES.values()]
    return Json({"rules": rules, "causes": causes})


# --- playbooks ---------------------------------------------------------------------------------------------------


class PlaybookUnknown(Refusal):
    code = "playbook_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no playbook {playbook}."


class NothingToTry(Refusal):
    code = "nothing_to_try"
    kind = Kind.CONFLICT
    sentence = "There is nothing to try against this incident now: {why}."


class PlaybookChoice(BaseModel):
    automatic: bool


@router.get("/playbooks")
async def list_playbooks(caller: TheCaller, database: TheDatabase) -> Json:
    """What is tried against which faults, how often it helped in the last 90 days, and whether it runs by itself."""
    caller.require(Permission.MAINTENANCE_READ)
    since = system_clock() - timedelta(days=90)
    runs = playbook_runs
    async with database.unit_of_work(caller.scope) as work:
        query = sa.select(playbook_choices.c.playbook, playbook_choices.c.automatic)
        choices = {row.playbook: row.automatic for row in (await work.execute(query)).all()}
        counted = sa.select(
            runs.c.playbook,
            sa.func.count().filter(runs.c.ended_at.is_not(None)).label("runs"),
            sa.func.count().filter(runs.c.status == "helped").label("helped"),
        ).where(runs.c.started_at > since)
        tallies = {row.playbook: row for row in (await work.execute(counted.group_by(runs.c.playbook))).all()}
    items = [
        {
            "name": one.name,
            "title": one.title,
            "steps": [{"command": step.command, "wait": step.wait.total_seconds()} for step in one.steps],
            "rules": [rule.name for rule in RULES.values() if rule.playbook == one.name],
            "automatic": choices.get(one.name, True),
            "runs": tallies[one.name].runs if one.name in tallies else 0,
            "helped": tallies[one.name].helped if one.name in tallies else 0,
        }
        for one in PLAYBOOKS.values()
    ]
    return Json({"items": items})


@router.put("/playbooks/{name}")
async def choose_playbook(
    caller: TheCaller, database: TheDatabase, name: str, choice: PlaybookChoice
) -> Json:
    """Let a playbook run by itself, or only when a person asks for it."""
    caller.require(Permission.MAINTENANCE_WRITE)
    if name not in PLAYBOOKS:
        raise PlaybookUnknown(playbook=name)
    values = {"automatic": choice.automatic, "changed_by": caller.name, "changed_at": system_clock()}
    statement = insert(playbook_choices).values(
        organization_id=caller.organization_id, playbook=name, **values
    )
    async with database.unit_of_work(caller.scope) as work:
        key = playbook_choices.primary_key
        await work.execute(statement.on_conflict_do_update(constraint=key, set_=values))
        await audit.record(work, caller, "playbook.chosen", name, after={"automatic": choice.automatic})
    return Json({"name": name, "automatic": choice.automatic})


@router.post("/incidents/{incident_id}/playbook", status_code=201)
async def play(caller: TheCaller, database: TheDatabase, bus: TheBus, incident_id: UUID) -> Json:
    """Try the playbook against this incident now, also where it does not run by itself."""
    caller.require(Permission.MAINTENANCE_WRITE)
    caller.require(Permission.STATIONS_OPERATE)
    now = system_clock()
    async with database.unit_of_work(caller.scope) as work:
        row = await _incident(work, caller, incident_id)
        if row["status"] != "open":
            raise IncidentOver(status=row["status"])
        going = sa.select(sa.func.count()).where(
            playbook_runs.c.incident_id == incident_id, playbook_runs.c.ended_at.is_(None)
        )
        if await work.scalar(going):
            raise NothingToTry(why="a playbook is being played")
        live = sa.select(incident_symptoms).where(
            incident_symptoms.c.incident_id == incident_id, incident_symptoms.c.until.is_(None)
        )
        symptoms = [dict(one) for one in (await work.execute(live)).mappings()]
        with_playbook = [(one, RULES[one["rule"]].playbook) for one in symptoms if one["rule"] in RULES]
        started = 0
        for symptom, playbook in with_playbook:
            if playbook is not None:
                await healing.start(work, symptom, playbook, now)
                started += 1
        if not started:
            raise NothingToTry(why="no playbook exists for what the stations show")
        await audit.record(work, caller, "incident.playbook", incident_id)
        told = _told(await _incident(work, caller, incident_id), now)
    bus.publish("facts")
    return Json(told, status_code=201)


# --- health ------------------------------------------------------------------------------------------------------


@router.get("/health-scores")
async def health_scores(
    caller: TheCaller, database: TheDatabase, paging: ThePaging, station_id: UUID | None = None
) -> Json:
    """How each EVSE has been doing, the worst first: 0 to 100, and what was taken off for what."""
    caller.require(Permission.MAINTENANCE_READ)
    table = connector_health
    query = sa.select(
        table.c.station_id, table.c.evse, table.c.score, table.c.taken, table.c.links_a_day, table.c.power_fell_since,
        table.c.updated_at, sa.cast(table.c.signals["starts"]["seen"].astext, sa.Integer).label("charges"),
        stations.c.name.label("station"), stations.c.site_id,
    ).join(stations, stations.c.id == table.c.station_id)  # fmt: skip
    if caller.sites is not None:
        query = query.where(stations.c.site_id.in_(caller.sites))
    if station_id is not None:
        query = query.where(table.c.station_id == station_id)
    async with database.unit_of_work(caller.scope) as work:
        found = await page(work, query, [table.c.score, table.c.station_id, table.c.evse], paging)
    found.items = [one | {"id": f"{one['station_id']}:{one['evse']}"} for one in found.items]
    return Json(found)


# --- helpers -----------------------------------------------------------------------------------------------------


def _reachable(caller: Caller) -> sa.ColumnElement[bool]:
    return sa.true() if caller.sites is None else incidents.c.site_id.in_(caller.sites)


def _at_station(station_id: UUID) -> sa.Select[Any]:
    return sa.select(incident_symptoms.c.incident_id).where(incident_symptoms.c.station_id == station_id)


async def _incident(work: AsyncConnection, caller: Caller, incident_id: UUID) -> dict[str, Any]:
    query = sa.select(incidents).where(incidents.c.id == incident_id, _reachable(caller))
    row = (await work.execute(query)).mappings().first()
    if row is None:
        raise IncidentUnknown(incident=incident_id)
    return dict(row)


async def _places(work: AsyncConnection, ids: list[UUID]) -> Mapping[UUID, list[dict[str, Any]]]:
    """Where each incident is: its first stations, by name."""
    if not ids:
        return {}
    query = (
        sa.select(incident_symptoms.c.incident_id, stations.c.id, stations.c.name, stations.c.site_id)
        .distinct()
        .join(stations, stations.c.id == incident_symptoms.c.station_id)
        .where(incident_symptoms.c.incident_id.in_(ids))
        .order_by(incident_symptoms.c.incident_id, stations.c.name)
    )
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in (await work.execute(query)).all():
        stations_there = found.setdefault(row.incident_id, [])
        if len(stations_there) < 50:
            stations_there.append({"id": row.id, "name": row.name, "site_id": row.site_id})
    return found


def _told(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """An incident as the API tells it: with the words of its rule and cause, and its times."""
    rule, cause = RULES.get(row["rule"]), CAUSES.get(row["cause"])
    ended = row["resolved_at"] or now
    lasted = max(0.0, (ended - row["started_at"]).total_seconds())
    lost = None if row["money_per_hour"] is None else row["money_per_hour"] * Decimal(lasted) / 3600
    next_step = (cause.next_step if cause else None) or (rule.next_step if rule else "")
    return dict(row) | {
        "title": rule.title if rule else row["rule"],
        "playbook": rule.playbook if rule and row["cause"] in healing.TRIED_FOR else None,
        "cause_title": cause.title if cause else row["cause"],
        "next_step": next_step,
        "seconds_to_detect": max(0.0, (row["detected_at"] - row["started_at"]).total_seconds()),
        "seconds_to_repair": lasted if row["resolved_at"] else None,
        "lost_so_far": None if lost is None else lost.quantize(Decimal("0.01")),
    }


def _figures(caller: Caller, since: datetime) -> sa.Select[Any]:
    def median(span: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return sa.func.percentile_cont(0.5).within_group(sa.func.extract("epoch", span))

    resolved = incidents.c.status == "resolved"
    by_playbook = sa.and_(resolved, incidents.c.resolution == "playbook")
    return sa.select(
        sa.func.count().label("incidents"),
        sa.func.count().filter(incidents.c.status == "open").label("open"),
        sa.func.count().filter(incidents.c.care == "needs_person", incidents.c.status == "open").label("needs_person"),
        sa.func.count().filter(resolved).label("resolved"),
        sa.func.count().filter(by_playbook).label("healed"),
        median(incidents.c.detected_at - incidents.c.started_at).label("seconds_to_detect"),
        median(incidents.c.resolved_at - incidents.c.started_at).filter(resolved).label("seconds_to_repair"),
    ).where(
        incidents.c.status != "merged",
        sa.or_(incidents.c.detected_at > since, incidents.c.status == "open"),
        _reachable(caller),
    )  # fmt: skip


async def _forgive(work: AsyncConnection, row: Mapping[str, Any], now: datetime) -> None:
    """What was counted so far counts no more. Raises StillGoing where the stations themselves still show it."""
    query = sa.select(incident_symptoms).where(
        incident_symptoms.c.incident_id == row["id"], incident_symptoms.c.until.is_(None)
    )
    live = (await work.execute(query)).all()
    lasting = sorted({RULES[one.rule].title for one in live if not RULES[one.rule].counts})
    if lasting:
        raise StillGoing(symptoms=", ".join(lasting))
    places = {(one.station_id, one.evse) for one in live}
    rows = [
        {
            "id": new_id(),
            "organization_id": row["organization_id"],
            "station_id": station_id,
            "evse": evse,
            "kind": SETTLED_BY_PERSON,
            "at": now,
        }
        for station_id, evse in places
    ]
    if rows:
        await work.execute(insert(fault_occurrences), rows)


async def _step(
    work: AsyncConnection,
    row: Mapping[str, Any],
    kind: str,
    now: datetime,
    caller: Caller,
    detail: dict[str, Any] | None = None,
) -> None:
    await keeping.step(work, row["organization_id"], row["id"], kind, now, detail, actor=caller.name)
