"""Firmware campaigns: begun, stepped by a job, paused, called off."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.campaigns.model import campaign_stations, campaigns
from gridlane.campaigns.rollout import ENDED, Decision, Plan, Step, Target, decide, waves
from gridlane.charging.model import sessions
from gridlane.kernel import audit
from gridlane.kernel.access import Caller, Permission, system
from gridlane.kernel.bus import Bus
from gridlane.kernel.clock import Clock, system_clock
from gridlane.kernel.database import Database, Scope
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id
from gridlane.stations import asking_operations, places
from gridlane.stations.model import operations, stations


class FirmwareUnsigned(Refusal):
    code = "firmware_unsigned"
    kind = Kind.INVALID
    sentence = (
        "The firmware has no certificate and signature, so a station cannot tell whether it is whole and from its maker."
        " Give both, or say that unsigned firmware is accepted."
    )


class CampaignUnknown(Refusal):
    code = "campaign_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no campaign {campaign}."


class CampaignOver(Refusal):
    code = "campaign_over"
    kind = Kind.CONFLICT
    sentence = "The campaign is {state}; that cannot be changed."


class StationUpdating(Refusal):
    code = "station_updating"
    kind = Kind.CONFLICT
    sentence = "{count} of these stations, {station} among them, are in the campaign {campaign} already."


class Firmware(msgspec.Struct, frozen=True, kw_only=True):
    """Where stations fetch it, and what proves it. ``version`` is what a station reports when it runs it."""

    location: str
    version: str | None = None
    certificate: str | None = None
    signature: str | None = None
    unsigned_accepted: bool = False


async def begin(
    work: AsyncConnection, caller: Caller, name: str, firmware: Firmware, plan: Plan, station_ids: Sequence[UUID]
) -> dict[str, Any]:  # fmt: skip
    """Begin a campaign; the first of ``station_ids`` are the canary.

    Raises NotAllowed, FirmwareUnsigned, StationUnknown, StationUpdating.
    """
    caller.require(Permission.MAINTENANCE_WRITE)
    caller.require(Permission.STATIONS_OPERATE)
    if not (firmware.certificate and firmware.signature) and not firmware.unsigned_accepted:
        raise FirmwareUnsigned
    unique = list(dict.fromkeys(station_ids))
    before = {one: (await places.station(work, caller, one))["firmware"] for one in unique}
    await _refuse_updating(work, unique)
    now = system_clock()
    row: dict[str, Any] = {
        "id": new_id(), "organization_id": caller.organization_id, "name": name, "state": "running", "why": "",
        "firmware": msgspec.json.encode(firmware).decode(), "plan": msgspec.json.encode(plan).decode(),
        "created_by": caller.name, "created_at": now, "changed_at": now,
    }  # fmt: skip
    await work.execute(sa.insert(campaigns).values(row))
    await work.execute(
        sa.insert(campaign_stations),
        [
            {
                "campaign_id": row["id"], "station_id": station, "organization_id": caller.organization_id, "wave": wave,
                "state": "waiting", "firmware_before": before[station], "since": now,
            }
            for station, wave in waves(plan, unique)
        ],
    )  # fmt: skip
    told = {"name": name, "stations": len(unique), "location": firmware.location, "version": firmware.version}
    await audit.record(work, caller, "campaign.begun", row["id"], after=told)
    return row


async def campaign(work: AsyncConnection, caller: Caller, campaign_id: UUID) -> dict[str, Any]:
    """Raises CampaignUnknown, also for one with a station that the caller may not see."""
    row = (await work.execute(sa.select(campaigns).where(campaigns.c.id == campaign_id))).mappings().first()
    if row is None or not await _reaches(work, caller, campaign_id):
        raise CampaignUnknown(campaign=campaign_id)
    return dict(row)


async def turn(work: AsyncConnection, caller: Caller, campaign_id: UUID, state: str) -> None:
    """Pause, continue (``running``) or call off (``aborted``) a campaign. Operations that wait are called back.

    Raises NotAllowed, CampaignUnknown, CampaignOver.
    """
    caller.require(Permission.MAINTENANCE_WRITE)
    found = await campaign(work, caller, campaign_id)
    if found["state"] not in ("running", "paused"):
        raise CampaignOver(state=found["state"])
    why = "" if state == "running" else f"{state} by {caller.name}"
    await work.execute(
        sa.update(campaigns)
        .where(campaigns.c.id == campaign_id)
        .values(state=state, why=why, changed_at=system_clock())
    )
    if state != "running":
        await _call_back(work, campaign_id, caller.name)
    await audit.record(work, caller, f"campaign.{state}", campaign_id)


class Stepper:
    """The job: every running campaign takes its next steps. Any number of workers may run it."""

    def __init__(self, database: Database, bus: Bus, clock: Clock = system_clock) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock

    async def run(self) -> None:
        async with self._database.as_owner() as work:
            query = sa.select(campaigns.c.id, campaigns.c.organization_id).where(
                campaigns.c.state == "running"
            )
            running = (await work.execute(query)).all()
        for row in running:
            await self._step(row.id, row.organization_id)

    async def _step(self, campaign_id: UUID, organization_id: UUID) -> None:
        now = self._clock()
        async with self._database.unit_of_work(Scope(organization_id)) as work:
            query = sa.select(campaigns).where(campaigns.c.id == campaign_id, campaigns.c.state == "running")
            row = (await work.execute(query.with_for_update(skip_locked=True))).mappings().first()
            if row is None:
                return
            firmware = msgspec.json.decode(row["firmware"], type=Firmware)
            plan = msgspec.json.decode(row["plan"], type=Plan)
            decision = decide(plan, firmware.version, await _targets(work, campaign_id), now)
            asked = await self._apply(work, row, firmware, plan, decision, now)
        for station_id in asked:
            self._bus.publish(f"station.{station_id}.operations")

    async def _apply(
        self, work: AsyncConnection, row: Any, firmware: Firmware, plan: Plan, decision: Decision, now: datetime
    ) -> list[UUID]:  # fmt: skip
        caller = system(row["organization_id"], f"campaign {row['name']}")
        asked = [step.station_id for step in decision.steps if step.ask]
        by_station = await _ask(work, caller, firmware, asked, now)
        for step in decision.steps:
            await _move(work, row["id"], step, by_station.get(step.station_id), now)
        if decision.outcome:
            await work.execute(
                sa.update(campaigns)
                .where(campaigns.c.id == row["id"])
                .values(state=decision.outcome, why=decision.why, changed_at=now)
            )
            if decision.outcome == "aborted":
                await _call_back(work, row["id"], caller.name)
            await audit.record(work, caller, f"campaign.{decision.outcome}", row["id"], reason=decision.why)
        return asked


async def _ask(
    work: AsyncConnection, caller: Caller, firmware: Firmware, station_ids: Sequence[UUID], now: datetime
) -> dict[UUID, UUID]:
    if not station_ids:
        return {}
    params = {
        "location": firmware.location, "retrieve": now.isoformat(), "certificate": firmware.certificate,
        "signature": firmware.signature,
    }  # fmt: skip
    made = await asking_operations.ask(
        work, caller, station_ids, kind="update_firmware", params=params,
        expires_in=timedelta(minutes=15), reason=caller.name,
    )  # fmt: skip
    return {one["station_id"]: one["id"] for one in made}


async def _move(
    work: AsyncConnection, campaign_id: UUID, step: Step, operation_id: UUID | None, now: datetime
) -> None:
    values: dict[str, Any] = {"state": step.state, "evidence": step.evidence, "since": now}
    if operation_id is not None:
        values["operation_id"] = operation_id
    await work.execute(
        sa.update(campaign_stations)
        .where(
            campaign_stations.c.campaign_id == campaign_id,
            campaign_stations.c.station_id == step.station_id,
        )
        .values(**values)
    )


async def _targets(work: AsyncConnection, campaign_id: UUID) -> list[Target]:
    at = campaign_stations
    charging = (
        sa.exists()
        .where(sessions.c.station_id == at.c.station_id, sessions.c.status == "active")
        .label("charging")
    )
    query = (
        sa.select(
            at.c.station_id, at.c.wave, at.c.state, at.c.since, at.c.evidence, stations.c.firmware,
            stations.c.connected, charging, operations.c.status.label("operation"),
            operations.c.evidence.label("told"),
        )
        .join_from(at, stations, stations.c.id == at.c.station_id)
        .outerjoin(operations, operations.c.id == at.c.operation_id)
        .where(at.c.campaign_id == campaign_id)
        .order_by(at.c.wave, at.c.station_id)
    )  # fmt: skip
    return [
        Target(
            station_id=row["station_id"],
            wave=row["wave"],
            state=row["state"],
            since=row["since"],
            firmware=row["firmware"],
            connected=row["connected"],
            charging=row["charging"],
            operation=row["operation"],
            evidence=row["evidence"] if row["state"] in ENDED else row["told"] or "",
        )
        for row in (await work.execute(query)).mappings()
    ]


async def _call_back(work: AsyncConnection, campaign_id: UUID, by: str) -> None:
    """Operations that were not sent yet; their stations wait again."""
    of_campaign = sa.select(campaign_stations.c.operation_id).where(
        campaign_stations.c.campaign_id == campaign_id
    )
    await work.execute(
        sa.update(operations)
        .where(operations.c.id.in_(of_campaign), operations.c.status == "queued")
        .values(status="cancelled", ended_at=system_clock(), evidence=f"called back by {by}")
    )


async def _refuse_updating(work: AsyncConnection, station_ids: Sequence[UUID]) -> None:
    query = (
        sa.select(stations.c.name.label("station"), campaigns.c.name.label("campaign"))
        .join_from(campaign_stations, campaigns, campaigns.c.id == campaign_stations.c.campaign_id)
        .join(stations, stations.c.id == campaign_stations.c.station_id)
        .where(
            campaigns.c.state.in_(("running", "paused")),
            campaign_stations.c.state.not_in(ENDED),
            campaign_stations.c.station_id.in_(station_ids),
        )
    )
    found = (await work.execute(query)).all()
    if found:
        raise StationUpdating(count=len(found), station=found[0].station, campaign=found[0].campaign)


async def _reaches(work: AsyncConnection, caller: Caller, campaign_id: UUID) -> bool:
    if caller.sites is None:
        return True
    query = (
        sa.select(stations.c.site_id)
        .join_from(campaign_stations, stations, stations.c.id == campaign_stations.c.station_id)
        .where(campaign_stations.c.campaign_id == campaign_id)
    )
    return all(caller.reaches(site) for site in await work.scalars(query))
