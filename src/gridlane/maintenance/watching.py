"""The watch: every few seconds it hears the new facts, looks at the state, explains what it sees and follows it up.

It runs in every worker; one watches at a time. A pass is one transaction: what it heard and what it concluded are written
together, so a crash repeats a pass and never loses a sign.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from psycopg import OperationalError
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.charging.ending import SessionEnded
from gridlane.kernel.bus import Bus
from gridlane.kernel.clock import Clock, system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.doorbell import Doorbell
from gridlane.kernel.facts import Reader, Recorded
from gridlane.maintenance import health, hearing, keeping, looking, windows
from gridlane.maintenance.causes import Census, explain
from gridlane.maintenance.healing import heal
from gridlane.maintenance.incidents import follow
from gridlane.maintenance.model import fault_occurrences
from gridlane.maintenance.rules import seen
from gridlane.maintenance.symptoms import Occurrence

log = structlog.get_logger(__name__)

LOOK_SECONDS = 5.0
PACE_SECONDS = 2.0
BATCHES = 20
"""How many batches of facts a pass takes at most, so that catching up makes no endless transaction."""
_ONE_AT_A_TIME = 0x6D61696E74656E61  # an advisory lock's number: "maintena"


class Watch:
    """``run`` until cancelled, or ``once`` per call."""

    def __init__(self, database: Database, bus: Bus, clock: Clock = system_clock) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._reader = Reader("maintenance", [*hearing.HEARD, SessionEnded])
        self._bell = Doorbell()

    async def run(self) -> None:
        await self._bus.subscribe("facts", lambda _subject, _payload: self._bell.ring())
        while True:
            try:
                await self.once()
            except (OperationalError, OSError) as trouble:
                log.warning("database away", reason=str(trouble).strip())
            await asyncio.sleep(PACE_SECONDS)
            await self._bell.answered(LOOK_SECONDS - PACE_SECONDS)

    async def once(self) -> int:
        """One pass; gives how many changes it made to incidents. Nothing where another process is watching."""
        now = self._clock()
        async with self._database.as_owner() as work:
            mine = await work.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(_ONE_AT_A_TIME)))
            if not mine:
                return 0
            await self._hear(work, now)
            made = await self._follow(work, now)
            asked = [*await windows.keep(work, now), *await heal(work, now)]
        for station_id in asked:
            self._bus.publish(f"station.{station_id}.operations")
        if made:
            self._bus.publish("incidents")
        return made

    async def _hear(self, work: AsyncConnection, now: datetime) -> None:
        raw: Any = (await work.get_raw_connection()).driver_connection
        for _ in range(BATCHES):
            delivered = await self._reader.next(raw)
            if not delivered:
                return
            recorded = [one.recorded for one in delivered if one.recorded.organization_id is not None]
            ended = await hearing.sessions_of(work, recorded)
            recent = [one for one in recorded if one.at > now - looking.REMEMBERED]
            heard = [(one, hearing.occurrence(one, ended)) for one in recent]
            await _note(work, [(one, what) for one, what in heard if what is not None])
            await health.learn(work, recorded, now)

    async def _follow(self, work: AsyncConnection, now: datetime) -> int:
        conditions = await looking.conditions(work, now)
        occurrences = await looking.occurrences(work, now)
        opened = await keeping.open_incidents(work)
        made = 0
        for organization_id in {*conditions, *occurrences, *opened}:
            symptoms = seen(conditions[organization_id], occurrences[organization_id], now)
            if not symptoms and not opened[organization_id]:
                continue
            lost = [place.station_id for rule, place in symptoms if rule == "link_lost"]
            census = await looking.census(work, organization_id, lost) if symptoms else Census({})
            changes = follow(opened[organization_id], explain(symptoms.values(), census), now)
            await keeping.write(work, organization_id, changes, census, now)
            made += len(changes)
        return made


async def _note(work: AsyncConnection, heard: Sequence[tuple[Recorded, Occurrence]]) -> None:
    rows = [
        {
            "id": recorded.id,
            "organization_id": recorded.organization_id,
            "station_id": what.place.station_id,
            "evse": what.place.evse,
            "kind": what.kind,
            "at": what.at,
            "detail": what.detail,
        }
        for recorded, what in heard
    ]
    if rows:
        known = sa.text("SELECT id FROM stations WHERE id = ANY(:ids)")
        ids = list({row["station_id"] for row in rows})
        alive = set((await work.execute(known, {"ids": ids})).scalars())
        kept = [row for row in rows if row["station_id"] in alive]
        if kept:
            await work.execute(insert(fault_occurrences).on_conflict_do_nothing(), kept)


async def forget(database: Database, now: datetime, kept: timedelta = looking.REMEMBERED) -> None:
    """Drop occurrences that no rule counts any more."""
    async with database.as_owner() as work:
        await work.execute(sa.delete(fault_occurrences).where(fault_occurrences.c.at < now - kept))
