"""Listening to a site's sources: series by the hour, meters all the time, the grid operator's word by the minute.

Whatever they say is stored; the loop reads it from there. A source that fails is tried again, and until it speaks again
what it last said gets old and the worst case counts.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID

import sqlalchemy as sa
import structlog
from psycopg import OperationalError
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from gridlane.energy import loads
from gridlane.energy.capacity import LoadReading
from gridlane.energy.model import dimmings, series_values
from gridlane.energy.settings import Source
from gridlane.energy.signals.ports import DimmingSource, Meter, Series, SeriesSource, source
from gridlane.energy.trees import Wired
from gridlane.kernel.bus import Bus
from gridlane.kernel.clock import Clock
from gridlane.kernel.database import Database, Scope
from gridlane.kernel.errors import Refusal
from gridlane.kernel.ids import new_id

log = structlog.get_logger(__name__)

FETCH_EVERY = 1800.0  # seconds
ASK_GRID_EVERY = 60.0
AGAIN = 15.0
PUSHED = ("http_push",)
"""Kinds whose readings come to the API by themselves."""


@dataclass
class _Site:
    changed_at: datetime
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class Listening:
    """The sources of the sites that this worker steers."""

    def __init__(self, database: Database, bus: Bus, clock: Clock) -> None:
        self._database, self._bus, self._clock = database, bus, clock
        self._sites: dict[UUID, _Site] = {}

    def to(self, wired: Wired) -> None:
        """Listen to the site's sources as they are set now."""
        known = self._sites.get(wired.site_id)
        if known is not None and known.changed_at == wired.changed_at:
            return
        self.no_more_to(wired.site_id)
        here = self._sites[wired.site_id] = _Site(wired.changed_at)
        for work in self._works(wired):
            here.tasks.append(asyncio.create_task(self._again_and_again(wired, work), name="energy source"))

    def no_more_to(self, site_id: UUID) -> None:
        for task in self._sites.pop(site_id, _Site(self._clock())).tasks:
            task.cancel()

    async def close(self) -> None:
        tasks = [task for each in self._sites.values() for task in each.tasks]
        for site_id in list(self._sites):
            self.no_more_to(site_id)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _works(self, wired: Wired) -> Iterator[Callable[[], Awaitable[None]]]:
        settings = wired.settings
        for kind, each in (("price", settings.price), ("co2", settings.co2), ("sun", settings.sun)):
            if each is not None:
                yield partial(self._fetch, wired, kind, each)
        for meter in settings.meters:
            if meter.kind not in PUSHED and meter.circuit is not None:
                yield partial(self._read, wired, meter, UUID(meter.circuit))
        if settings.dimming is not None:
            yield partial(self._ask_grid, wired, settings.dimming)

    async def _again_and_again(self, wired: Wired, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except (Refusal, OperationalError, DBAPIError, OSError, TypeError) as trouble:
                log.warning("energy source", site=wired.name, reason=str(trouble).strip())
            await asyncio.sleep(AGAIN)

    async def _fetch(self, wired: Wired, kind: str, each: Source) -> None:
        series_source: SeriesSource = source(each.kind, **each.settings)
        while True:
            await self._store_series(wired, kind, await series_source.fetch())
            await asyncio.sleep(FETCH_EVERY)

    async def _read(self, wired: Wired, each: Source, circuit_id: UUID) -> None:
        meter: Meter = source(each.kind, **each.settings)
        async for reading in meter.readings():
            await self._store_reading(wired, circuit_id, reading)

    async def _ask_grid(self, wired: Wired, each: Source) -> None:
        grid: DimmingSource = source(each.kind, **each.settings)
        while True:
            await self._store_words(wired, each, grid)
            await asyncio.sleep(ASK_GRID_EVERY)

    # --- what is stored ------------------------------------------------------------------------------------------

    async def _store_series(self, wired: Wired, kind: str, series: Series) -> None:
        rows = [
            {
                "site_id": wired.site_id, "organization_id": wired.organization_id, "kind": kind,
                "begins_at": at, "value": value,
            }
            for at, value in zip(series.begins, series.values, strict=True)
        ]  # fmt: skip
        fresh = insert(series_values)
        keys = ["site_id", "kind", "begins_at"]
        async with self._database.unit_of_work(Scope(wired.organization_id)) as work:
            await work.execute(
                fresh.on_conflict_do_update(index_elements=keys, set_={"value": fresh.excluded.value}), rows
            )
        self._bus.publish(f"energy.{wired.site_id}", b"signals")

    async def _store_reading(self, wired: Wired, circuit_id: UUID, reading: LoadReading) -> None:
        async with self._database.unit_of_work(Scope(wired.organization_id)) as work:
            await loads.store(work, wired.organization_id, wired.site_id, circuit_id, reading)
        self._bus.publish(f"energy.{wired.site_id}")

    async def _store_words(self, wired: Wired, each: Source, grid: DimmingSource) -> None:
        """What the operator says now takes the place of what it said before."""
        words = await grid.events()
        now = self._clock()
        rows = [
            {
                "id": new_id(), "organization_id": wired.organization_id, "site_id": wired.site_id,
                "circuit_id": UUID(word.circuit), "power": word.most, "since": word.since,
                "until": word.until, "source": each.kind,
            }
            for word in words
            if word.until > now
        ]  # fmt: skip
        async with self._database.unit_of_work(Scope(wired.organization_id)) as work:
            await work.execute(
                sa.delete(dimmings).where(dimmings.c.site_id == wired.site_id, dimmings.c.source == each.kind)
            )
            if rows:
                await work.execute(sa.insert(dimmings), rows)
        self._bus.publish(f"energy.{wired.site_id}")
