"""Playing the playbooks: each pass of the watch starts runs, moves those under way, and calls a person where none helps."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.charging.model import sessions
from gridlane.kernel.access import system
from gridlane.kernel.ids import new_id
from gridlane.maintenance import keeping
from gridlane.maintenance import playbooks as p
from gridlane.maintenance.model import (
    fault_occurrences,
    incident_symptoms,
    incidents,
    playbook_choices,
    playbook_runs,
)
from gridlane.maintenance.rules import RULES
from gridlane.stations import asking_operations
from gridlane.stations.model import operations, stations

DRAWS = 100.0  # W: a session that takes so much is not disturbed
TRIED_FOR = frozenset(("connector", "station"))
"""Causes that something can be tried against: what concerns a whole site or model is not mended by restarts."""

_UNDER_WAY = playbook_runs.c.ended_at.is_(None)


async def heal(work: AsyncConnection, now: datetime) -> list[UUID]:
    """One pass over everything that is open; gives the stations that were asked for something."""
    asked = await _move_on(work, now)
    await _begin(work, now)
    await _call_people(work, now)
    return asked


# --- runs under way ----------------------------------------------------------------------------------------------


async def _move_on(work: AsyncConnection, now: datetime) -> list[UUID]:
    asked: list[UUID] = []
    query = (
        sa.select(
            playbook_runs,
            incidents.c.status.label("incident_status"),
            stations.c.connected,
            operations.c.status.label("operation"),
        )
        .join(incidents, incidents.c.id == playbook_runs.c.incident_id)
        .join(stations, stations.c.id == playbook_runs.c.station_id)
        .outerjoin(operations, operations.c.id == playbook_runs.c.operation_id)
        .where(_UNDER_WAY)
        .order_by(playbook_runs.c.started_at)
    )
    runs = [dict(row) for row in (await work.execute(query)).mappings()]
    busy = await _busy(work, (run["station_id"] for run in runs))
    for run in runs:
        seen = await _seen(work, run, run["station_id"] not in busy)
        move = p.proceed(_run(run), seen, now)
        if isinstance(move, p.Ask):
            asked += await _ask(work, run, move.step, now)
        elif isinstance(move, p.Next):
            await _in_vain(work, run, move.why, now)
            values = {"step": run["step"] + 1, "step_since": now, "asked_at": None, "operation_id": None}
            await _update(work, run, **values)
        elif move is not None:
            await _end(work, run, move, now)
    return asked


def _run(row: Mapping[str, Any]) -> p.Run:
    return p.Run(**{name: row[name] for name in p.Run.__struct_fields__})


async def _seen(work: AsyncConnection, run: Mapping[str, Any], idle: bool) -> p.Seen:
    lasts = await work.scalar(
        sa.select(sa.func.count()).where(
            incident_symptoms.c.incident_id == run["incident_id"],
            incident_symptoms.c.rule == run["rule"],
            incident_symptoms.c.station_id == run["station_id"],
            incident_symptoms.c.evse == run["evse"],
            incident_symptoms.c.until.is_(None),
        )
    )
    counts = RULES[run["rule"]].counts
    again: int | None = 0
    if counts and run["asked_at"] is not None:
        again = await work.scalar(
            sa.select(sa.func.count()).where(
                fault_occurrences.c.station_id == run["station_id"],
                fault_occurrences.c.kind.in_(counts),
                fault_occurrences.c.at > run["asked_at"] + timedelta(seconds=5),
            )
        )
    return p.Seen(
        symptom_lasts=bool(lasts),
        connected=run["connected"],
        idle=idle,
        operation=run["operation"],
        sign_again=bool(again),
    )


async def _busy(work: AsyncConnection, station_ids: Iterable[UUID]) -> set[UUID]:
    """Stations at which somebody charges."""
    query = sa.select(sessions.c.station_id).where(
        sessions.c.station_id.in_(list(station_ids)),
        sessions.c.status == "active",
        sessions.c.power >= DRAWS,
    )
    return set((await work.execute(query)).scalars())


async def _ask(work: AsyncConnection, run: Mapping[str, Any], step: p.Step, now: datetime) -> list[UUID]:
    detail = {"playbook": run["playbook"], "command": step.command, "step": run["step"] + 1}
    operation_id = None
    if step.command is not None:
        evidence = run["evidence"] or {}
        words = {
            "evse": run["evse"] or None,
            "connector": run["connector"] or 1,
            "session": evidence.get("session"),
        }
        command = asking_operations.command_of(step.command, p.filled(step.params, **words))
        caller = system(run["organization_id"], f"playbook {run['playbook']}")
        reason = f"incident {run['incident_id']}"
        (made,) = await asking_operations.put(work, caller, [run["station_id"]], command, reason=reason)
        operation_id = made["id"]
    await _update(work, run, asked_at=now, operation_id=operation_id)
    await _step(work, run, "tried", now, detail, operation_id=operation_id)
    return [run["station_id"]] if operation_id else []  # fmt: skip


async def _in_vain(work: AsyncConnection, run: Mapping[str, Any], why: str, now: datetime) -> None:
    detail = {"playbook": run["playbook"], "step": run["step"] + 1, "why": why}
    await _step(work, run, "in_vain", now, detail)


async def _end(
    work: AsyncConnection, run: Mapping[str, Any], move: p.Helped | p.GaveUp, now: datetime
) -> None:
    if isinstance(move, p.Helped):
        status = "helped" if move.by_us else "not_needed"
        await _update(work, run, status=status, ended_at=now)
        if move.by_us:
            await _step(work, run, "helped", now, {"playbook": run["playbook"]})
        await _care(work, run["incident_id"])
        return
    await _update(work, run, status="gave_up", ended_at=now)
    await _in_vain(work, run, move.why, now)
    if run["incident_status"] == "open":
        incident = await _incident(work, run["incident_id"])
        await keeping.escalate(work, incident, now, move.why)


async def _care(work: AsyncConnection, incident_id: UUID) -> None:
    """Nothing is being tried any more: the incident is just watched, unless a person is needed."""
    others = sa.exists().where(playbook_runs.c.incident_id == incident_id, _UNDER_WAY)
    await work.execute(
        sa.update(incidents)
        .where(incidents.c.id == incident_id, incidents.c.care == "trying", ~others)
        .values(care="watched")
    )


# --- beginning and escalating ------------------------------------------------------------------------------------


async def _begin(work: AsyncConnection, now: datetime) -> None:
    """Start a run for every live symptom that has a playbook, has had none in its incident, and may be tried."""
    known = sa.exists().where(
        playbook_runs.c.incident_id == incident_symptoms.c.incident_id,
        playbook_runs.c.station_id == incident_symptoms.c.station_id,
        playbook_runs.c.rule == incident_symptoms.c.rule,
        playbook_runs.c.evse == incident_symptoms.c.evse,
    )
    with_playbook = [rule.name for rule in RULES.values() if rule.playbook]
    query = (
        sa.select(incident_symptoms)
        .join(incidents, incidents.c.id == incident_symptoms.c.incident_id)
        .where(
            incidents.c.status == "open",
            incidents.c.cause.in_(TRIED_FOR),
            incidents.c.care != "needs_person",
            incidents.c.planned.is_(False),
            incident_symptoms.c.until.is_(None),
            incident_symptoms.c.rule.in_(with_playbook),
            ~known,
        )
        .order_by(incident_symptoms.c.since)
    )
    waiting = [dict(row) for row in (await work.execute(query)).mappings()]
    if not waiting:
        return
    by_hand = await _by_hand(work)
    untouchable = await _untouchable(work)
    today, under_way, sizes = await _limits(work, now)
    for symptom in waiting:
        organization_id, station_id = symptom["organization_id"], symptom["station_id"]
        playbook = RULES[symptom["rule"]].playbook
        assert playbook is not None
        if (organization_id, playbook) in by_hand or station_id in untouchable:
            continue
        refused = p.may_start(
            runs_today=today[station_id],
            under_way=under_way[organization_id],
            stations=sizes.get(organization_id, 0),
        )
        if refused == "wait":
            continue
        if refused is not None:
            incident = await _incident(work, symptom["incident_id"])
            await keeping.escalate(work, incident, now, refused)
            continue
        await start(work, symptom, playbook, now)
        today[station_id] += 1
        under_way[organization_id] += 1


async def start(work: AsyncConnection, symptom: Mapping[str, Any], playbook: str, now: datetime) -> None:
    """Start a playbook against a symptom of an incident."""
    row = {
        "id": new_id(),
        "organization_id": symptom["organization_id"],
        "incident_id": symptom["incident_id"],
        "station_id": symptom["station_id"],
        "evse": symptom["evse"],
        "connector": symptom["connector"],
        "rule": symptom["rule"],
        "playbook": playbook,
        "step": 0,
        "status": "under_way",
        "started_at": now,
        "step_since": now,
        "evidence": symptom["evidence"],
    }
    await work.execute(sa.insert(playbook_runs).values(row))
    await work.execute(
        sa.update(incidents).where(incidents.c.id == symptom["incident_id"]).values(care="trying")
    )


async def _untouchable(work: AsyncConnection) -> set[UUID]:
    """Stations with a fault that must be looked at before anything is tried."""
    query = (
        sa.select(incident_symptoms.c.station_id)
        .join(incidents, incidents.c.id == incident_symptoms.c.incident_id)
        .where(
            incidents.c.status == "open",
            incident_symptoms.c.until.is_(None),
            incident_symptoms.c.rule.in_([rule.name for rule in RULES.values() if rule.hands_off]),
        )
    )
    return set((await work.execute(query)).scalars())


async def _by_hand(work: AsyncConnection) -> set[tuple[UUID, str]]:
    """Playbooks that an organization has switched off."""
    choices = playbook_choices
    query = sa.select(choices.c.organization_id, choices.c.playbook).where(choices.c.automatic.is_(False))
    return {(row.organization_id, row.playbook) for row in (await work.execute(query)).all()}


async def _limits(
    work: AsyncConnection, now: datetime
) -> tuple[Counter[UUID], Counter[UUID], dict[UUID | None, int]]:
    """Runs of the last day by station, runs under way by organization, stations by organization."""
    runs = playbook_runs
    today = sa.select(runs.c.station_id, sa.func.count().label("n")).where(
        runs.c.started_at > now - timedelta(days=1)
    )
    by_station = (await work.execute(today.group_by(runs.c.station_id))).all()
    going = sa.select(runs.c.organization_id, sa.func.count().label("n")).where(_UNDER_WAY)
    by_organization = (await work.execute(going.group_by(runs.c.organization_id))).all()
    counted = sa.select(stations.c.organization_id, sa.func.count().label("n"))
    sizes = (await work.execute(counted.group_by(stations.c.organization_id))).all()
    return (
        Counter({row.station_id: row.n for row in by_station}),
        Counter({row.organization_id: row.n for row in by_organization}),
        {row.organization_id: row.n for row in sizes},
    )


async def _call_people(work: AsyncConnection, now: datetime) -> None:
    """Call a person for what nothing is tried against, when its time has come."""
    query = sa.select(incidents).where(
        incidents.c.status == "open",
        incidents.c.care == "watched",
        incidents.c.planned.is_(False),
        incidents.c.quiet_since.is_(None),
    )
    by_hand = await _by_hand(work)
    tried = set((await work.execute(sa.select(playbook_runs.c.incident_id).distinct())).scalars())
    for row in (await work.execute(query)).mappings():
        rule = RULES.get(row["rule"])
        playbook = rule.playbook if rule is not None and row["cause"] in TRIED_FOR else None
        by_itself = playbook is not None and (row["organization_id"], playbook) not in by_hand
        waits = by_itself and row["id"] not in tried
        if rule is not None and not waits and now - row["detected_at"] >= rule.person_after:
            await keeping.escalate(work, dict(row), now, "nothing can be tried from here")


# --- helpers -----------------------------------------------------------------------------------------------------


async def _incident(work: AsyncConnection, incident_id: UUID) -> dict[str, Any]:
    row = (await work.execute(sa.select(incidents).where(incidents.c.id == incident_id))).mappings().one()
    return dict(row)


async def _update(work: AsyncConnection, run: Mapping[str, Any], **values: Any) -> None:
    await work.execute(sa.update(playbook_runs).where(playbook_runs.c.id == run["id"]).values(values))


async def _step(
    work: AsyncConnection,
    run: Mapping[str, Any],
    kind: str,
    now: datetime,
    detail: dict[str, Any],
    *,
    operation_id: UUID | None = None,
) -> None:
    await keeping.step(
        work, run["organization_id"], run["incident_id"], kind, now, detail, operation_id=operation_id
    )
