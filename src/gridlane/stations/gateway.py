"""The gateway: the process that holds stations' sockets.

It opens the door to stations (``knock``), claims them in groups, gives each connection its owner, rings when an
operation waits, renews the node's lease, and drains when it has to go. It imports no API, no solver, no PDF.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog
from prometheus_client import Counter, Gauge, Histogram
from psycopg import AsyncConnection, OperationalError
from psycopg.rows import dict_row

from gridlane.kernel import ownership
from gridlane.kernel.bus import Bus
from gridlane.kernel.clock import Clock, monotonic
from gridlane.kernel.doorbell import Doorbell
from gridlane.kernel.group_commit import Committer
from gridlane.kernel.ids import new_id
from gridlane.ocpp.conversation import Limits
from gridlane.stations import credentials
from gridlane.stations.claiming import ClaimQueue, LoadCharging
from gridlane.stations.commands import AnyCommand, Instruct, SetPassword
from gridlane.stations.connection import GOING_AWAY, SUPERSEDED, Connection
from gridlane.stations.decision import Described, Handler, Instructed, OperationDue, Question
from gridlane.stations.door import Visitor
from gridlane.stations.live import LiveCharging, LiveFeed
from gridlane.stations.owner import Answerer, Owner, OwnerParts
from gridlane.stations.state import Live

log = structlog.get_logger(__name__)

CONNECTED = Gauge("gridlane_stations_connected", "Stations with an open socket on this node")
ARRIVALS = Counter("gridlane_station_connections_total", "Sockets of stations that were let in")
SUPERSEDES = Counter(
    "gridlane_station_superseded_total", "Connections replaced by a newer one of the same identity"
)
COMMITTED = Counter("gridlane_decisions_total", "Decisions committed")
BATCH = Histogram(
    "gridlane_commit_batch_size",
    "Decisions per commit",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 4000),
)

FLUSH_SECONDS = 20.0
LOOK_SECONDS = 1.0


class MessageRate:
    """A token bucket per connection: a burst of a minute's worth, then the steady rate."""

    def __init__(self, per_minute: int) -> None:
        self._burst = float(per_minute)
        self._per_second = per_minute / 60

    def start(self, now: float) -> list[float]:
        return [self._burst, now]

    def allows(self, bucket: list[float], now: float) -> bool:
        tokens = min(self._burst, bucket[0] + (now - bucket[1]) * self._per_second)
        bucket[0], bucket[1] = tokens - 1, now
        return tokens >= 1


class GatewayParts(msgspec.Struct, kw_only=True):
    """What the composition root gives a gateway."""

    owner_url: str
    bus: Bus
    clock: Clock
    handlers: Mapping[type, Handler]
    answerers: Mapping[type[Question], Answerer]
    load_charging: LoadCharging
    live_charging: LiveCharging
    next_deadline: Callable[[Live], datetime | None]  # when TimePassed has something to do
    verifier: Callable[[str, str], str]  # (identity, password) -> what to store
    heartbeat: int = 300
    messages_per_minute: int = 1200
    call_seconds: float = 30.0
    frame_bytes: int = 1_048_576
    node: str = msgspec.field(default_factory=lambda: f"gateway-{new_id()}")


class Gateway:
    def __init__(self, parts: GatewayParts) -> None:
        self.parts = parts
        self.node = parts.node
        self.clock = parts.clock
        self.now: Callable[[], float] = monotonic
        self.loop = asyncio.get_running_loop()
        self.limits = Limits(frame_bytes=parts.frame_bytes, call_timeout=parts.call_seconds)
        self.rate = MessageRate(parts.messages_per_minute)
        self.connections: dict[UUID, Connection] = {}
        self.committer = Committer(parts.owner_url, on_commit=self._on_commit)
        self.claims = ClaimQueue(
            parts.owner_url, self.node, parts.clock, parts.load_charging, heartbeat=parts.heartbeat
        )
        self.feed = LiveFeed(parts.bus, parts.live_charging)
        self.owner_parts = OwnerParts(
            committer=self.committer,
            handlers=parts.handlers,
            answerers=parts.answerers,
            reload=self.claims.reload,
            changed=self.feed.changed,
            fenced=self._fenced,
        )
        self.is_draining = False
        self._arriving: set[Connection] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._releasing: dict[UUID, int] = {}
        self._connection: AsyncConnection[Any] | None = None
        self._bell = Doorbell()

    # --- life of the node ----------------------------------------------------------------------------------------

    async def start(self) -> None:
        self.committer.start()
        self.claims.start()
        await self._with_database(self._renew)
        await self.parts.bus.subscribe("station.*.operations", self._rung)
        await self.parts.bus.subscribe("station.*.described", self._on_described)
        await self.parts.bus.subscribe("station.*.claimed", self._on_claimed)
        self._tasks = [
            asyncio.create_task(self._keep(), name="node"),
            asyncio.create_task(self._look(), name="operations"),
            asyncio.create_task(self.feed.run(), name="live"),
        ]

    async def drain(self, seconds: float = 10.0) -> None:
        """Let every station go with a goodbye, after its decisions under way are committed and answered."""
        self.is_draining = True
        connections = list(self.connections.values())
        for connection in connections:
            if connection.owner is None or connection.owner.is_idle:
                connection.close(GOING_AWAY, "the server is restarting")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.connections or self._arriving:
                    for connection in list(self.connections.values()):
                        if connection.owner is not None and connection.owner.is_idle:
                            connection.close(GOING_AWAY, "the server is restarting")
                    await asyncio.sleep(0.05)

    async def stop(self) -> None:
        await self.drain()
        await self.claims.stop()
        await self.committer.stop()
        for answerer in self.parts.answerers.values():
            await answerer.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._with_database(self._release_now, once=True)
        await self._with_database(self._flush_seen, once=True)
        if self._connection is not None:
            await self._connection.close()

    # --- connections ---------------------------------------------------------------------------------------------

    def receive(self, visitor: Visitor) -> Connection:
        """The receiver of a station that was let in."""
        return Connection(self, visitor)

    def arrived(self, connection: Connection) -> None:
        ARRIVALS.inc()
        self._arriving.add(connection)
        claimed = self.claims.claim(connection.wish())
        claimed.add_done_callback(lambda done: self._claimed(connection, done))

    def _claimed(self, connection: Connection, done: "asyncio.Future[Any]") -> None:
        self._arriving.discard(connection)
        if done.cancelled():
            connection.close(GOING_AWAY, "this station is no longer registered")
            return
        live, epoch = done.result()
        station_id = live.station.id
        older = self.connections.pop(station_id, None)
        if older is not None:
            SUPERSEDES.inc()
            assert older.owner is not None
            older.owner.is_fenced = True  # also when both were claimed in one group, under one epoch
            older.close(SUPERSEDED, "a newer connection of this identity")
        else:
            CONNECTED.inc()
        connection.owner = Owner(self.owner_parts, live, epoch)
        self.connections[station_id] = connection
        self.parts.bus.publish(f"station.{station_id}.claimed", f"{epoch} {self.node}".encode())
        if connection.is_closed:  # it left while it was claimed
            self._say_goodbye(connection, 1006, "left before it was served")
            return
        connection.begin(superseded=older is not None or live.station.connected_at is not None)
        self._bell.ring()

    def left(self, connection: Connection, code: int, reason: str) -> None:
        if connection.owner is None or self.connections.get(connection.owner.station_id) is not connection:
            return  # not served yet, or superseded: the newer connection speaks for the station
        self._say_goodbye(connection, code, reason)

    def _say_goodbye(self, connection: Connection, code: int, reason: str) -> None:
        assert connection.owner is not None
        del self.connections[connection.owner.station_id]
        CONNECTED.dec()
        connection.end(code, reason)

    def release(self, owner: Owner) -> None:
        """The station's being gone is committed: nobody owns it now."""
        if not owner.is_fenced:
            self._releasing[owner.station_id] = owner.epoch
            self._bell.ring()

    def _fenced(self, owner: Owner) -> None:
        """A newer owner exists: what this connection says does not count any more."""
        connection = self.connections.get(owner.station_id)
        if connection is not None and connection.owner is owner:
            del self.connections[owner.station_id]
            CONNECTED.dec()
            connection.close(SUPERSEDED, "a newer connection of this identity")

    # --- doorbells -----------------------------------------------------------------------------------------------

    def _rung(self, _subject: str, _payload: bytes) -> None:
        self._bell.ring()

    async def _on_described(self, subject: str, _payload: bytes) -> None:
        connection = self.connections.get(UUID(subject.split(".")[1]))
        if connection is None or connection.owner is None:
            return
        station = (await self.claims.reload(connection.owner.station_id)).station
        connection.put(
            Described(
                approval=station.approval,
                organization_id=station.organization_id,
                site_id=station.site_id,
                time_zone=station.time_zone,
            )
        )

    def _on_claimed(self, subject: str, payload: bytes) -> None:
        """Another node took a station: let its old socket go at once instead of at its next write."""
        epoch, node = payload.decode().split(" ", 1)
        connection = self.connections.get(UUID(subject.split(".")[1]))
        owner = connection.owner if connection is not None else None
        if node != self.node and owner is not None and owner.epoch < int(epoch):
            owner.is_fenced = True
            self._fenced(owner)

    def _on_commit(self, decisions: int, facts: bool) -> None:
        COMMITTED.inc(decisions)
        BATCH.observe(decisions)
        if facts:
            self.parts.bus.publish("facts")

    # --- looking after the node ----------------------------------------------------------------------------------

    async def _keep(self) -> None:
        """Renew the lease and note when stations were last seen."""
        flushed = 0.0
        while True:
            await asyncio.sleep(ownership.LEASE.total_seconds() / 3)
            await self._with_database(self._renew, once=True)
            if self.now() - flushed > FLUSH_SECONDS:
                flushed = self.now()
                await self._with_database(self._flush_seen, once=True)

    async def _look(self) -> None:
        """Fetch operations that wait for stations of this node: when rung, and now and then in any case."""
        while True:
            await self._bell.answered(LOOK_SECONDS)
            await self._with_database(self._release_now, once=True)
            await self._with_database(self._fetch_operations, once=True)

    async def _renew(self, connection: AsyncConnection[Any]) -> None:
        await ownership.renew_lease(connection, self.node, "gateway", self.clock())

    async def _release_now(self, connection: AsyncConnection[Any]) -> None:
        releasing, self._releasing = self._releasing, {}
        if releasing:
            await ownership.release(connection, releasing, self.clock())

    async def _flush_seen(self, connection: AsyncConnection[Any]) -> None:
        seen = [
            {"id": station_id, "last_seen_at": one.seen_at}
            for station_id, one in self.connections.items()
            if one.seen_at is not None
        ]
        if seen:
            await connection.execute(
                "UPDATE stations s SET last_seen_at = new.last_seen_at "
                "FROM json_populate_recordset(null::stations, %s::json) AS new WHERE s.id = new.id",
                (msgspec.json.encode(seen).decode(),),
            )

    async def _fetch_operations(self, connection: AsyncConnection[Any]) -> None:
        if not self.connections or self.is_draining:
            return
        async with connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(_QUEUED, {"node": self.node, "now": self.clock()})
            for row in await cursor.fetchall():
                self._deliver(row)

    def _deliver(self, row: Mapping[str, Any]) -> None:
        connection = self.connections.get(row["station_id"])
        if connection is None or connection.owner is None or not connection.take(row["id"]):
            return
        try:
            command = msgspec.json.decode(row["params"], type=AnyCommand)
        except msgspec.ValidationError:
            log.exception("operation not readable", operation=str(row["id"]))
            return
        if isinstance(command, Instruct):
            connection.put(
                Instructed(what=command.what, params=command.params, actor=row["actor"], id=row["id"])
            )
        else:
            verifier = None
            if isinstance(command, SetPassword):
                password = credentials.new_password()
                command = msgspec.structs.replace(command, password=password)
                verifier = self.parts.verifier(connection.visitor.identity, password)
            connection.put(
                OperationDue(id=row["id"], command=command, expires_at=row["expires_at"], verifier=verifier)
            )

    async def _with_database(self, work: Any, *, once: bool = False) -> None:
        """Run work on the node's own connection; while the database is away, wait for it (or let it be, ``once``)."""
        while True:
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = await AsyncConnection.connect(self.parts.owner_url, autocommit=True)
                await work(self._connection)
            except (OperationalError, OSError) as trouble:
                log.warning("database away", reason=str(trouble).strip())
                if self._connection is not None:
                    await self._connection.close()
                    self._connection = None
                if once:
                    return
                await asyncio.sleep(0.5)
            else:
                return


_QUEUED = """
SELECT o.id, o.station_id, o.params, o.expires_at, o.actor
FROM operations o JOIN ownerships w ON w.aggregate_id = o.station_id
WHERE o.status = 'queued' AND o.not_before <= %(now)s AND w.node = %(node)s
ORDER BY o.created_at, o.id LIMIT 1000
"""
