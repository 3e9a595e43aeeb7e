"""Incidents in the database: what is open, what becomes of it, and the steps of its story. All within one unit of work."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.kernel import facts
from gridlane.kernel.facts import Recorded
from gridlane.kernel.ids import new_id
from gridlane.maintenance.causes import Census, Finding
from gridlane.maintenance.incidents import (
    Change,
    Changed,
    Incident,
    IncidentEscalated,
    IncidentOpened,
    IncidentResolved,
    Opened,
    Over,
)
from gridlane.maintenance.looking import usual_takings
from gridlane.maintenance.model import fault_occurrences, incident_steps, incident_symptoms, incidents
from gridlane.maintenance.rules import RULES
from gridlane.maintenance.symptoms import Place, Symptom


async def open_incidents(work: AsyncConnection) -> dict[UUID, list[Incident]]:
    """Everything that is open, by organization."""
    symptoms = incident_symptoms
    live: dict[UUID, set[tuple[str, Place]]] = defaultdict(set)
    query = (
        sa.select(symptoms)
        .join(incidents, incidents.c.id == symptoms.c.incident_id)
        .where(incidents.c.status == "open", symptoms.c.until.is_(None))
    )
    for row in (await work.execute(query)).all():
        place = Place(row.station_id, row.evse, row.connector)
        live[row.incident_id].add((row.rule, place))
    found: dict[UUID, list[Incident]] = defaultdict(list)
    for row in (await work.execute(sa.select(incidents).where(incidents.c.status == "open"))).all():
        incident = Incident(
            id=row.id,
            cause=row.cause,
            subject=row.subject,
            rule=row.rule,
            severity=row.severity,
            live=frozenset(live[row.id]),
            quiet_since=row.quiet_since,
        )
        found[row.organization_id].append(incident)
    return found


async def write(
    work: AsyncConnection, organization_id: UUID, changes: Sequence[Change], census: Census, now: datetime
) -> None:
    """Carry out what ``incidents.follow`` said."""
    for change in changes:
        if isinstance(change, Opened):
            await _open(work, organization_id, change, census, now)
        elif isinstance(change, Changed):
            await _change(work, organization_id, change, now)
        else:
            await _settle(work, organization_id, change, now)


async def _open(
    work: AsyncConnection, organization_id: UUID, change: Opened, census: Census, now: datetime
) -> None:
    finding, id_ = change.finding, new_id()
    stations = sorted({one.place.station_id for one in change.symptoms})
    sites = {census.stations[one].site_id for one in stations}
    site_id = sites.pop() if len(sites) == 1 else None
    takings = await usual_takings(work, stations, now)
    row = {
        "id": id_,
        "organization_id": organization_id,
        "site_id": site_id,
        "cause": finding.cause,
        "subject": finding.subject,
        "rule": finding.rule,
        "severity": finding.severity,
        "status": "open",
        "why": finding.why,
        "started_at": finding.since,
        "detected_at": now,
        "stations": len(stations),
        "money_per_hour": takings[0] if takings else None,
        "currency": takings[1] if takings else None,
    }
    await work.execute(sa.insert(incidents).values(row))
    await _symptoms_came(work, organization_id, id_, change.symptoms)
    detail = {"cause": finding.cause, "rule": finding.rule, "why": finding.why, "stations": len(stations)}
    await step(work, organization_id, id_, "opened", now, detail)
    fact = IncidentOpened(
        incident_id=id_,
        cause=finding.cause,
        rule=finding.rule,
        severity=finding.severity,
        site_id=site_id,
        stations=tuple(stations),
    )
    await facts.record(work, [Recorded(fact, id_, organization_id, now)])
    await _merge(work, organization_id, change.merged, id_, now)


async def _change(work: AsyncConnection, organization_id: UUID, change: Changed, now: datetime) -> None:
    id_ = change.incident
    if change.came:
        await _symptoms_came(work, organization_id, id_, change.came)
        await step(work, organization_id, id_, "symptom_came", now, _told(one.key for one in change.came))
    if change.went:
        await _symptoms_went(work, id_, change.went, now)
        await step(work, organization_id, id_, "symptom_went", now, _told(change.went))
    if change.finding is not None:
        await _rename(work, organization_id, id_, change.finding, now)
    await _merge(work, organization_id, change.merged, id_, now)
    live = sa.exists().where(
        incident_symptoms.c.incident_id == id_, incident_symptoms.c.until.is_(None)
    )  # fmt: skip
    counted = (
        sa.select(sa.func.count(sa.distinct(incident_symptoms.c.station_id)))
        .where(incident_symptoms.c.incident_id == id_)
        .scalar_subquery()
    )
    values = {"quiet_since": sa.case((live, None), else_=now), "stations": counted}
    await work.execute(sa.update(incidents).where(incidents.c.id == id_).values(values))


async def _rename(
    work: AsyncConnection, organization_id: UUID, id_: UUID, finding: Finding, now: datetime
) -> None:
    seen = {"cause": finding.cause, "rule": finding.rule, "severity": finding.severity, "why": finding.why}
    await work.execute(sa.update(incidents).where(incidents.c.id == id_).values(seen))
    await step(work, organization_id, id_, "cause_changed", now, seen)


async def _merge(
    work: AsyncConnection, organization_id: UUID, merged: Iterable[UUID], into: UUID, now: datetime
) -> None:
    for id_ in merged:
        values = {"status": "merged", "merged_into": into, "resolved_at": now}
        await work.execute(sa.update(incidents).where(incidents.c.id == id_).values(values))
        await work.execute(
            sa.update(incident_symptoms)
            .where(incident_symptoms.c.incident_id == id_, incident_symptoms.c.until.is_(None))
            .values(until=now)
        )
        await step(work, organization_id, id_, "merged", now, {"into": str(into)})


async def _symptoms_came(
    work: AsyncConnection, organization_id: UUID, id_: UUID, symptoms: Iterable[Symptom]
) -> None:
    rows = [
        {
            "incident_id": id_,
            "rule": one.rule,
            "station_id": one.place.station_id,
            "evse": one.place.evse,
            "connector": one.place.connector,
            "organization_id": organization_id,
            "since": one.since,
            "until": None,
            "evidence": msgspec.to_builtins(one.evidence),
        }
        for one in {one.key: one for one in symptoms}.values()
    ]
    statement = insert(incident_symptoms).values(rows)
    again = {"until": None, "evidence": statement.excluded.evidence}
    key = incident_symptoms.primary_key
    await work.execute(statement.on_conflict_do_update(constraint=key, set_=again))


async def _symptoms_went(
    work: AsyncConnection, id_: UUID, keys: Iterable[tuple[str, Place]], now: datetime
) -> None:
    table = incident_symptoms
    place = sa.tuple_(table.c.rule, table.c.station_id, table.c.evse, table.c.connector)
    gone = [(rule, where.station_id, where.evse, where.connector) for rule, where in keys]
    await work.execute(
        sa.update(table).where(table.c.incident_id == id_, place.in_(gone)).values(until=now)
    )  # fmt: skip


async def _settle(work: AsyncConnection, organization_id: UUID, change: Over, now: datetime) -> None:
    """Over by what was seen: its end is when the last symptom went, and who ended it is who tried something."""
    row = (await work.execute(sa.select(incidents).where(incidents.c.id == change.incident))).mappings().one()
    await _look_back(work, row, now)
    helped = await work.scalar(
        sa.select(sa.func.count()).where(
            incident_steps.c.incident_id == change.incident, incident_steps.c.kind == "helped"
        )
    )
    await close(work, dict(row), now, "playbook" if helped else "by_itself", ended_at=row["quiet_since"])


async def _look_back(work: AsyncConnection, incident: Any, now: datetime) -> None:
    """A site that was dark shows afterwards what it lacked: stations without power start anew, others just come back."""
    cause = incident["cause"]
    if cause not in ("site_power", "site_network"):
        return
    here = sa.select(incident_symptoms.c.station_id).where(incident_symptoms.c.incident_id == incident["id"])
    booted = await work.scalar(
        sa.select(sa.func.count(sa.distinct(fault_occurrences.c.station_id))).where(
            fault_occurrences.c.station_id.in_(here),
            fault_occurrences.c.kind == "booted",
            fault_occurrences.c.at > incident["started_at"],
        )
    )
    seen = "site_power" if 2 * (booted or 0) >= incident["stations"] else "site_network"
    if seen != cause:
        why = f"{booted or 0} of {incident['stations']} stations started anew when they came back."
        values = {"cause": seen, "why": why}
        await work.execute(sa.update(incidents).where(incidents.c.id == incident["id"]).values(values))
        detail = values | {"rule": incident["rule"], "severity": incident["severity"]}
        await step(work, incident["organization_id"], incident["id"], "cause_changed", now, detail)


async def close(
    work: AsyncConnection,
    incident: dict[str, Any],
    now: datetime,
    resolution: str,
    *,
    ended_at: datetime | None = None,
    actor: str = "gridlane",
    note: str | None = None,
) -> None:
    """End an incident."""
    id_, organization_id = incident["id"], incident["organization_id"]
    values = {"status": "resolved", "resolved_at": ended_at or now, "resolution": resolution}
    await work.execute(sa.update(incidents).where(incidents.c.id == id_).values(values))
    await work.execute(
        sa.update(incident_symptoms)
        .where(incident_symptoms.c.incident_id == id_, incident_symptoms.c.until.is_(None))
        .values(until=now)
    )
    detail = {"resolution": resolution} | ({"note": note} if note else {})
    await step(work, organization_id, id_, "resolved", now, detail, actor=actor)
    fact = IncidentResolved(**await _about(work, incident), resolution=resolution)
    await facts.record(work, [Recorded(fact, id_, organization_id, now)])


async def escalate(work: AsyncConnection, incident: dict[str, Any], now: datetime, why: str) -> None:
    """Say that a person is needed."""
    id_, organization_id = incident["id"], incident["organization_id"]
    await work.execute(sa.update(incidents).where(incidents.c.id == id_).values(care="needs_person"))
    await step(work, organization_id, id_, "escalated", now, {"why": why})
    fact = IncidentEscalated(**await _about(work, incident))
    await facts.record(work, [Recorded(fact, id_, organization_id, now)])


async def _about(work: AsyncConnection, incident: dict[str, Any]) -> dict[str, Any]:
    of_it = incident_symptoms.c.incident_id == incident["id"]
    query = sa.select(incident_symptoms.c.station_id).distinct().where(of_it)
    stations = tuple(sorted((await work.execute(query)).scalars()))
    same = {name: incident[name] for name in ("cause", "rule", "severity", "site_id")}
    return {"incident_id": incident["id"], "stations": stations, **same}


async def step(
    work: AsyncConnection,
    organization_id: UUID,
    incident_id: UUID,
    kind: str,
    now: datetime,
    detail: dict[str, Any] | None = None,
    *,
    actor: str = "gridlane",
    operation_id: UUID | None = None,
) -> None:
    """Write a step of an incident's story."""
    row = {
        "id": new_id(),
        "organization_id": organization_id,
        "incident_id": incident_id,
        "at": now,
        "kind": kind,
        "actor": actor,
        "detail": detail or {},
        "operation_id": operation_id,
    }
    await work.execute(sa.insert(incident_steps).values(row))


def _told(keys: Iterable[tuple[str, Place]]) -> dict[str, Any]:
    """Symptoms in few words: how many of which, and at which stations (the first few)."""
    places = list(keys)
    stations = list(dict.fromkeys(str(place.station_id) for _, place in places))
    rules = list(dict.fromkeys(rule for rule, _ in places))
    return {"rules": [one for one in rules if one in RULES], "stations": stations[:20], "count": len(places)}
