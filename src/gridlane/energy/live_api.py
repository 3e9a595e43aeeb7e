"""The REST edge of a site's power as it changes: server-sent events, first the whole picture, then only differences.

A controller rings after each picture that it has stored; whoever watches reads it then, at most a few times a second, and
is told what differs from what he was told last. So a slow screen gets fewer, larger differences, and never a backlog.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Request
from starlette.responses import StreamingResponse

from gridlane.energy import trees
from gridlane.energy.model import energy_sites
from gridlane.energy.picturing import differences
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.bus import Bus
from gridlane.kernel.database import Database
from gridlane.kernel.doorbell import Doorbell
from gridlane.kernel.edge import TheBus, TheCaller, TheDatabase
from gridlane.stations import places

router = APIRouter()

PACE = 0.5  # seconds between two events of one screen
KEEP_ALIVE = 15.0
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@router.get("/sites/{site_id}/energy/live", response_class=StreamingResponse)
async def live(
    request: Request, caller: TheCaller, database: TheDatabase, bus: TheBus, site_id: UUID
) -> StreamingResponse:
    """Server-sent events: ``snapshot`` with what holds at every circuit and EVSE, then ``diff`` with those that changed."""
    caller.require(Permission.ENERGY_READ)
    async with database.unit_of_work(caller.scope) as work:
        await places.site(work, caller, site_id)
        await trees.head(work, site_id)
    events = _events(request, database, bus, caller, site_id)
    return StreamingResponse(events, media_type="text/event-stream", headers=HEADERS)


async def _events(
    request: Request, database: Database, bus: Bus, caller: Caller, site_id: UUID
) -> AsyncIterator[bytes]:
    bell = Doorbell()
    end = await bus.subscribe(f"power.{site_id}", lambda _subject, _payload: bell.ring())
    try:
        told = await _picture(database, caller, site_id)
        yield _event("snapshot", told)
        while not await request.is_disconnected():
            rung = await bell.answered(KEEP_ALIVE)
            now = await _picture(database, caller, site_id)
            changed = differences(told, now)
            told = now
            if changed:
                yield _event("diff", changed)
            elif not rung:
                yield b": still here\n\n"
            await asyncio.sleep(PACE)
    finally:
        await end()


async def _picture(database: Database, caller: Caller, site_id: UUID) -> dict[str, Any]:
    async with database.unit_of_work(caller.scope) as work:
        query = sa.select(energy_sites.c.picture).where(energy_sites.c.site_id == site_id)
        stored = await work.scalar(query)
    picture: dict[str, Any] = {} if stored is None else msgspec.json.decode(stored)
    return picture


def _event(name: str, what: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), msgspec.json.encode(what))
