"""Queues, reservations and notices, carried on by themselves: a turn every few seconds where somebody waits."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import OperationalError

from gridlane.accounts.tokens import TokenCipher
from gridlane.kernel.bus import Bus
from gridlane.kernel.clock import Clock
from gridlane.kernel.database import Database, Scope
from gridlane.kernel.doorbell import Doorbell
from gridlane.waiting import keeping, noticing, reserving
from gridlane.waiting.model import free_notices, queue_places, reservations
from gridlane.waiting.queue import ACTIVE

log = structlog.get_logger(__name__)

LOOK_SECONDS = 2.0
SOON = timedelta(hours=2)
"""Reservations are looked at from so long before they begin."""


class Keeper:
    """Makes turns until cancelled. Any number may run: a site's turns come one after another."""

    def __init__(self, database: Database, bus: Bus, cipher: TokenCipher, clock: Clock) -> None:
        self._database = database
        self._bus = bus
        self._cipher = cipher
        self._clock = clock
        self._bell = Doorbell()

    async def run(self) -> None:
        await self._bus.subscribe("waiting", lambda _subject, _payload: self._bell.ring())
        while True:
            try:
                await self.once()
            except (OperationalError, OSError) as trouble:
                log.warning("database away", reason=str(trouble).strip())
            await self._bell.answered(LOOK_SECONDS)

    async def once(self) -> int:
        """One turn of every site where somebody waits, has reserved, or wants to be told; gives how many sites."""
        now = self._clock()
        async with self._database.as_owner() as work:
            found = await work.execute(_waited_for(now))
            sites = [(row.organization_id, row.site_id) for row in found]
        for organization_id, site_id in sites:
            async with self._database.unit_of_work(Scope(organization_id)) as work:
                rung = await reserving.turn(work, self._cipher, organization_id, site_id, now)
                rung |= await keeping.turn(work, self._cipher, organization_id, site_id, now)
                await noticing.turn(work, organization_id, site_id, now)
            self._ring(rung)
        return len(sites)

    def _ring(self, station_ids: set[UUID]) -> None:
        for station_id in station_ids:
            self._bus.publish(f"station.{station_id}.operations")


def _waited_for(now: datetime) -> sa.CompoundSelect[Any]:
    queued = queue_places.c.status.in_([status.value for status in ACTIVE])
    booked = sa.and_(reservations.c.status == "booked", reservations.c.begins_at <= now + SOON)
    return sa.union(
        sa.select(queue_places.c.organization_id, queue_places.c.site_id).where(queued),
        sa.select(reservations.c.organization_id, reservations.c.site_id).where(booked),
        sa.select(free_notices.c.organization_id, free_notices.c.site_id),
    ).order_by("site_id")
