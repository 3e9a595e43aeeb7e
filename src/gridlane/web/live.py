"""Live state for screens: server-sent events, first a snapshot, then only differences.

One process keeps one picture per organization that anybody watches, fed from the bus; each watcher gets what changed
since its last event, at most a few times a second, so a slow screen gets fewer, larger differences and never a
backlog.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Request
from starlette.responses import StreamingResponse

from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.bus import Bus
from gridlane.kernel.database import Database, Scope
from gridlane.kernel.edge import TheCaller
from gridlane.stations.availability import evse_state
from gridlane.stations.model import connectors, sites, stations
from gridlane.stations.state import ConnectorState

router = APIRouter()

PACE = 0.5  # seconds between two events of one screen
KEEP_ALIVE = 15.0


class Picture:
    """The live state of one organization. ``version`` counts changes; ``changed`` holds each station's latest."""

    def __init__(self) -> None:
        self.stations: dict[str, dict[str, Any]] = {}
        self.changed: dict[str, int] = {}
        self.version = 0
        self.news = asyncio.Event()

    def apply(self, stations: dict[str, dict[str, Any]]) -> None:
        self.version += 1
        for id_, state in stations.items():
            self.stations[id_] = {**self.stations.get(id_, {}), **state}
            self.changed[id_] = self.version
        self.news.set()
        self.news = asyncio.Event()

    def since(self, version: int) -> dict[str, dict[str, Any]]:
        return {id_: self.stations[id_] for id_, at in self.changed.items() if at > version}


class LiveState:
    """All pictures of this process."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database = database
        self._bus = bus
        self._pictures: dict[UUID, Picture] = {}
        self._loading = asyncio.Lock()

    async def picture(self, organization_id: UUID) -> Picture:
        async with self._loading:
            if organization_id not in self._pictures:
                picture = Picture()

                def heard(_subject: str, payload: bytes) -> None:
                    picture.apply(msgspec.json.decode(payload)["stations"])

                await self._bus.subscribe(f"live.{organization_id}", heard)
                picture.apply(await self._load(organization_id))
                self._pictures[organization_id] = picture
        return self._pictures[organization_id]

    async def _load(self, organization_id: UUID) -> dict[str, dict[str, Any]]:
        async with self._database.unit_of_work(Scope(organization_id)) as work:
            found = await work.execute(
                sa.select(
                    stations.c.id, stations.c.name, stations.c.site_id, stations.c.connected, stations.c.model,
                    stations.c.approval, sites.c.name.label("site"), sites.c.latitude, sites.c.longitude,
                ).join_from(stations, sites, isouter=True)
            )  # fmt: skip
            pictured = {str(row["id"]): {**row, "evses": {}, "sessions": []} for row in found.mappings()}
            plugs = await work.execute(sa.select(connectors))
            by_evse: dict[tuple[str, int], list[ConnectorState]] = {}
            for plug in plugs.mappings():
                state = ConnectorState(
                    id=plug["id"], evse_id=plug["evse_id"], status=plug["status"], status_at=plug["status_at"],
                    error=plug["error"], operative=plug["operative"],
                )  # fmt: skip
                by_evse.setdefault((str(plug["station_id"]), plug["evse"]), []).append(state)
        for (station_id, evse), states in sorted(by_evse.items()):
            station = pictured[station_id]
            station["evses"][str(evse)] = {
                "state": evse_state(states, connected=station["connected"]),
                "error": next((one.error for one in states if one.error), None),
            }
        return pictured


@router.get("/live", tags=["live"], response_class=StreamingResponse)
async def live(request: Request, caller: TheCaller) -> StreamingResponse:
    """Server-sent events: ``snapshot`` with every station the caller may see, then ``diff`` with those that changed."""
    caller.require(Permission.STATIONS_READ)
    assert caller.organization_id is not None
    picture = await request.app.state.live.picture(caller.organization_id)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(
        _events(request, picture, caller), media_type="text/event-stream", headers=headers
    )


async def _events(request: Request, picture: Picture, caller: Caller) -> AsyncIterator[bytes]:
    version = picture.version
    yield _event("snapshot", _visible(picture.stations, caller))
    while not await request.is_disconnected():
        news = picture.news
        if picture.version == version:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(KEEP_ALIVE):
                    await news.wait()
        if picture.version == version:
            yield b": still here\n\n"
            continue
        seen, version = version, picture.version
        visible = _visible(picture.since(seen), caller)
        if visible:
            yield _event("diff", visible)
        await asyncio.sleep(PACE)


def _visible(stations: dict[str, dict[str, Any]], caller: Caller) -> dict[str, dict[str, Any]]:
    if caller.sites is None:
        return stations
    allowed = {str(site) for site in caller.sites}
    return {id_: state for id_, state in stations.items() if str(state.get("site_id")) in allowed}


def _event(name: str, stations: dict[str, dict[str, Any]]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), msgspec.json.encode({"stations": stations}))
