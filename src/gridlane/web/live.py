"""Live state for screens: server-sent events, first a snapshot, then only differences.

One process keeps one picture per organization that anybody watches, fed from the bus; each watcher gets what changed
since its last event, at most a few times a second, so a slow screen gets fewer, larger differences and never a
backlog. All screens look at the same beats, so what they get is the same, and is encoded and compressed once for all.
"""

import asyncio
import contextlib
import zlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
import structlog
from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import StreamingResponse

from gridlane.charging.model import sessions
from gridlane.kernel.access import Permission
from gridlane.kernel.bus import Bus
from gridlane.kernel.database import Database, Scope
from gridlane.kernel.edge import TheCaller
from gridlane.stations.availability import evse_state
from gridlane.stations.model import connectors, sites, stations
from gridlane.stations.state import ConnectorState

log = structlog.get_logger(__name__)

router = APIRouter()

PACE = 0.5  # seconds between two events of one screen
KEEP_ALIVE = 15.0
GZIP_BEGINS = bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF))
"""RFC 1952: deflated, no name, no time."""

LIVE = frozenset({"connected", "evses", "sessions"})
"""What gateways tell of a station; the rest is what people say of it."""

Station = dict[str, Any]
Sites = frozenset[str] | None
"""The sites a watcher may see; None: all."""


class Picture:
    """The live state of one organization. ``version`` counts changes; ``changed`` holds each field's latest."""

    def __init__(self) -> None:
        self.stations: dict[str, Station] = {}
        self.changed: dict[str, dict[str, int]] = {}
        self.version = 0
        self.news = asyncio.Event()
        self._encoded: dict[tuple[int, Sites, bool], bytes] = {}

    def apply(self, stations: dict[str, Station]) -> None:
        """Take what is said of stations; what is as it was is no change."""
        version = self.version + 1
        for id_, said in stations.items():
            known = self.stations.setdefault(id_, {})
            fresh = {name: value for name, value in said.items() if name not in known or known[name] != value}
            if not fresh:
                continue
            known |= fresh
            self.changed.setdefault(id_, {}).update(dict.fromkeys(fresh, version))
            self.version = version
        if self.version == version:
            self._encoded.clear()
            self.news.set()
            self.news = asyncio.Event()

    def since(self, version: int, seen: Sites = None) -> dict[str, Station]:
        """The fields that changed after a version, of the stations that somebody may see."""
        found = {}
        for id_, fields in self.changed.items():
            station = self.stations[id_]
            if seen is None or str(station.get("site_id")) in seen:
                moved = fields.get("site_id", 0) > version  # it may not have been in sight before
                fresh = (
                    station if moved else {name: station[name] for name, at in fields.items() if at > version}
                )
                if fresh:
                    found[id_] = fresh
        return found

    def event(self, version: int, seen: Sites, *, packed: bool) -> bytes:
        """What a watcher gets who knows the picture up to a version (0: nothing of it); empty where nothing changed."""
        key = (version, seen, packed)
        if key not in self._encoded:
            self._encoded[key] = _event(version, self.since(version, seen), packed=packed)
        return self._encoded[key]


class LiveState:
    """All pictures of this process."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database = database
        self._bus = bus
        self._pictures: dict[UUID, Picture] = {}
        self._loading = asyncio.Lock()
        self._stale = False
        self._describing: asyncio.Task[None] | None = None

    async def picture(self, organization_id: UUID) -> Picture:
        async with self._loading:
            if not self._pictures:
                await self._bus.subscribe("directory", self._renamed)
            if organization_id not in self._pictures:
                picture = Picture()

                def heard(_subject: str, payload: bytes) -> None:
                    picture.apply(msgspec.json.decode(payload)["stations"])

                await self._bus.subscribe(f"live.{organization_id}", heard)
                picture.apply(await self._load(organization_id))
                self._pictures[organization_id] = picture
        return self._pictures[organization_id]

    def _renamed(self, _subject: str, _payload: bytes) -> None:
        """Stations came, were renamed or moved, or their sites were."""
        self._stale = True
        if self._describing is None or self._describing.done():
            self._describing = asyncio.create_task(self._describe())

    async def _describe(self) -> None:
        while self._stale:
            self._stale = False
            for organization_id, picture in list(self._pictures.items()):
                try:
                    async with self._database.unit_of_work(Scope(organization_id)) as work:
                        described = _as_told(await _stations(work))
                except (sa.exc.OperationalError, OSError) as trouble:
                    log.warning("stations keep their old names on screens", reason=str(trouble).strip())
                    return
                for id_, station in described.items():
                    lives = picture.stations.get(id_, {})
                    for name in LIVE & lives.keys():
                        del station[name]
                picture.apply(described)

    async def _load(self, organization_id: UUID) -> dict[str, Station]:
        async with self._database.unit_of_work(Scope(organization_id)) as work:
            pictured = await _stations(work)
            by_evse = await _connectors(work)
            running = await _sessions(work)
        for (station_id, evse), states in sorted(by_evse.items()):
            station = pictured[station_id]
            station["evses"][str(evse)] = {
                "state": evse_state(states, connected=station["connected"]),
                "error": next((one.error for one in states if one.error), None),
            }
        for station_id, told in running.items():
            pictured[station_id]["sessions"] = told
        return _as_told(pictured)


def _as_told(pictured: dict[str, Station]) -> dict[str, Station]:
    """As it comes over the bus, so that the first difference compares like with like."""
    return msgspec.json.decode(msgspec.json.encode(pictured), type=dict[str, Station])


async def _stations(work: AsyncConnection) -> dict[str, Station]:
    found = await work.execute(
        sa.select(
            stations.c.id, stations.c.name, stations.c.site_id, stations.c.connected, stations.c.model,
            stations.c.approval, sites.c.name.label("site"), sites.c.latitude, sites.c.longitude,
        ).join_from(stations, sites, isouter=True)
    )  # fmt: skip
    return {str(row["id"]): {**row, "evses": {}, "sessions": []} for row in found.mappings()}


async def _connectors(work: AsyncConnection) -> dict[tuple[str, int], list[ConnectorState]]:
    by_evse: dict[tuple[str, int], list[ConnectorState]] = {}
    table = connectors.c
    names = ("id", "evse_id", "status", "status_at", "error", "operative")
    columns = [table[name] for name in names]
    for plug in await work.execute(sa.select(table.station_id, table.evse, *columns)):
        state = ConnectorState(**{name: getattr(plug, name) for name in names})
        by_evse.setdefault((str(plug.station_id), plug.evse), []).append(state)
    return by_evse


async def _sessions(work: AsyncConnection) -> dict[str, list[dict[str, Any]]]:
    """The running sessions, as ``charging.live`` shows them."""
    table = sessions.c
    told = (
        "id", "evse", "connector", "started_at", "energy", "power", "soc", "charging_state", "token_last4", "refused", "held",
    )  # fmt: skip
    query = sa.select(table.station_id, *(table[one] for one in told)).where(table.status == "active")
    found: dict[str, list[dict[str, Any]]] = {}
    for row in (await work.execute(query)).mappings():
        shown = {name: row[name] for name in told}
        found.setdefault(str(row["station_id"]), []).append(shown)
    return found


@router.get("/live", tags=["live"], response_class=StreamingResponse)
async def live(request: Request, caller: TheCaller) -> StreamingResponse:
    """Server-sent events: ``snapshot`` with every station the caller may see, then ``diff`` with those that changed,
    each with its changed fields.
    """
    caller.require(Permission.STATIONS_READ)
    assert caller.organization_id is not None
    picture = await request.app.state.live.picture(caller.organization_id)
    seen = None if caller.sites is None else frozenset(map(str, caller.sites))
    packed = "gzip" in request.headers.get("accept-encoding", "")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    if packed:
        headers["Content-Encoding"] = "gzip"
    told = _events(request, picture, seen, packed=packed)
    return StreamingResponse(told, media_type="text/event-stream", headers=headers)


async def _events(request: Request, picture: Picture, seen: Sites, *, packed: bool) -> AsyncIterator[bytes]:
    if packed:
        yield GZIP_BEGINS
    version = picture.version
    yield picture.event(0, seen, packed=packed)
    while not await request.is_disconnected():
        if picture.version == version:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(KEEP_ALIVE):
                    await picture.news.wait()
        if picture.version == version:
            yield _packed(b": still here\n\n") if packed else b": still here\n\n"
            continue
        await _next_beat()
        told = picture.event(version, seen, packed=packed)
        version = picture.version
        if told:
            yield told


async def _next_beat() -> None:
    """All watchers wake at the same moments."""
    await asyncio.sleep(PACE - asyncio.get_running_loop().time() % PACE)


def _event(version: int, stations: dict[str, Station], *, packed: bool) -> bytes:
    if version and not stations:
        return b""
    name = b"diff" if version else b"snapshot"
    told = b"event: %b\ndata: %b\n\n" % (name, msgspec.json.encode({"stations": stations}))
    return _packed(told) if packed else told


def _packed(told: bytes) -> bytes:
    """A deflate block that ends at a byte and looks back to nothing before it, so that any stream can take it."""
    deflate = zlib.compressobj(level=1, wbits=-zlib.MAX_WBITS)
    return deflate.compress(told) + deflate.flush(zlib.Z_FULL_FLUSH)
