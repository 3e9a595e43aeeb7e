"""Claiming stations in groups: a storm of reconnecting stations costs few transactions.

A claim raises the station's epoch (waiting for batches in flight) and loads its state in later statements of the
same transaction, so the new owner starts from exactly what was committed under the old one.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from psycopg import AsyncConnection, OperationalError
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from gridlane.kernel import ownership
from gridlane.kernel.clock import Clock
from gridlane.kernel.ids import new_id
from gridlane.stations.state import ConnectorState, Live, OperationState, StationState

log = structlog.get_logger(__name__)

GROUP = 500

LoadCharging = Callable[[AsyncConnection[Any], Sequence[UUID]], Awaitable[dict[UUID, Any]]]


class Claim:
    """One wish to own a station: by its id, or by the identity of one nobody registered, with what it came with.

    ``confirms_new_password``: it used the second of its passwords, so the first is over.
    """

    def __init__(
        self,
        identity: str,
        station_id: UUID | None,
        *,
        profile: int = 0,
        verifier: str | None = None,
        is_approved: bool = False,
        confirms_new_password: bool = False,
    ) -> None:
        self.identity = identity
        self.station_id = station_id
        self.profile = profile
        self.verifier = verifier
        self.is_approved = is_approved
        self.confirms_new_password = confirms_new_password
        self.done: asyncio.Future[tuple[Live, int]] = asyncio.get_running_loop().create_future()


class ClaimQueue:
    """Claims and loads stations for one node."""

    def __init__(
        self, owner_url: str, node: str, clock: Clock, load_charging: LoadCharging, *, heartbeat: int = 300
    ) -> None:
        self._url = owner_url
        self._node = node
        self._clock = clock
        self._load_charging = load_charging
        self._heartbeat = heartbeat
        self._waiting: list[Claim] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._connection: AsyncConnection[Any] | None = None
        self._reading = asyncio.Lock()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="claims")

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._disconnect()

    def claim(self, claim: Claim) -> "asyncio.Future[tuple[Live, int]]":
        """The station's state and epoch, once claimed; cancelled when there is no such station any more. Without a
        ``station_id`` an entry is made for it.
        """
        self._waiting.append(claim)
        self._wake.set()
        return claim.done

    async def reload(self, station_id: UUID) -> Live:
        """The stored state of a station that is owned already. Raises OSError when the database is away."""
        async with self._reading:
            try:
                connection = await self._connected()
                async with connection.transaction():
                    return (await self._load(connection, [station_id]))[station_id]
            except OperationalError as trouble:
                await self._disconnect()
                raise OSError(str(trouble)) from trouble

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
                await self._claim_surely([claim for claim in group if not claim.done.cancelled()])

    async def _claim_surely(self, group: list[Claim]) -> None:
        while True:
            try:
                async with self._reading:
                    loaded = await self._claim(group)
                break
            except (OperationalError, OSError) as trouble:
                log.warning("stations not claimed, trying again", reason=str(trouble).strip())
                await self._disconnect()
                await asyncio.sleep(0.5)
        for claim in group:
            if claim.done.done() or claim.station_id is None:
                continue
            if claim.station_id in loaded:
                claim.done.set_result(loaded[claim.station_id])
            else:
                claim.done.cancel()

    async def _claim(self, group: list[Claim]) -> dict[UUID, tuple[Live, int]]:
        connection = await self._connected()
        now = self._clock()
        async with connection.transaction():
            await self._admit_unknown(connection, [claim for claim in group if claim.station_id is None], now)
            confirmed = [claim.station_id for claim in group if claim.confirms_new_password]
            if confirmed:
                await connection.execute(_CONFIRM, (now, confirmed))
            ids = sorted({claim.station_id for claim in group if claim.station_id is not None})
            epochs = await ownership.claim(connection, ids, self._node, now)
            lives = await self._load(connection, ids)
        return {id_: (lives[id_], epochs[id_]) for id_ in ids if id_ in lives}

    async def _admit_unknown(
        self, connection: AsyncConnection[Any], claims: list[Claim], now: datetime
    ) -> None:
        """An entry for each stranger: in the list of those that wait, or let in by a rule into the one organization
        there is. One that is known meanwhile is found.
        """
        for claim in claims:
            await connection.execute(
                _ADMIT,
                {
                    "id": new_id(),
                    "identity": claim.identity,
                    "approval": "accepted" if claim.is_approved else "pending",
                    "profile": claim.profile,
                    "verifiers": Jsonb([claim.verifier] if claim.verifier else []),
                    "now": now,
                },
            )
            cursor = await connection.execute(
                "SELECT id FROM stations WHERE identity = %s", (claim.identity,)
            )
            row = await cursor.fetchone()
            assert row is not None
            claim.station_id = row[0]

    async def _load(self, connection: AsyncConnection[Any], ids: Sequence[UUID]) -> dict[UUID, Live]:
        async with connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(_STATIONS, (list(ids),))
            stations = await cursor.fetchall()
            await cursor.execute(_EVSES, (list(ids),))
            evses = _grouped(await cursor.fetchall())
            await cursor.execute(_CONNECTORS, (list(ids),))
            connectors = _grouped(await cursor.fetchall())
            await cursor.execute(_OPERATIONS, (list(ids),))
            operations = _grouped(await cursor.fetchall())
        charging = await self._load_charging(connection, ids)
        return {
            row["id"]: Live(
                self._station(row, *(found.get(row["id"], []) for found in (evses, connectors, operations))),
                charging[row["id"]],
            )
            for row in stations
        }

    def _station(
        self,
        row: dict[str, Any],
        evses: list[dict[str, Any]],
        connectors: list[dict[str, Any]],
        operations: list[dict[str, Any]],
    ) -> StationState:
        return StationState(
            id=row["id"],
            organization_id=row["organization_id"],
            site_id=row["site_id"],
            identity=row["identity"],
            approval=row["approval"],
            protocol=row["protocol"] or "",
            vendor=row["vendor"],
            model=row["model"],
            firmware=row["firmware"],
            connected_at=row["connected_at"] if row["connected"] else None,
            booted_at=row["booted_at"],
            last_seen_at=row["last_seen_at"],
            clock_offset=row["clock_offset"],
            time_zone=row["time_zone"] or "UTC",
            heartbeat=self._heartbeat,
            evses={e["number"]: e["id"] for e in evses},
            connectors={(c["evse"], c["number"]): _connector(c) for c in connectors},
            operations={o["id"]: _operation(o) for o in operations},
            next_request_id=secrets.randbelow(0x3FFF_FFFF) + 1,
        )

    async def _connected(self) -> AsyncConnection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = await AsyncConnection.connect(self._url, autocommit=True)
        return self._connection

    async def _disconnect(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None


_ADMIT = """
INSERT INTO stations (id, identity, name, approval, security_profile, verifiers, organization_id, changed_at, created_at)
SELECT %(id)s, %(identity)s, %(identity)s, %(approval)s, %(profile)s, %(verifiers)s,
       CASE WHEN %(approval)s = 'accepted' AND (SELECT count(*) FROM organizations) = 1
            THEN (SELECT id FROM organizations) END, %(now)s, %(now)s
ON CONFLICT (identity) DO NOTHING
"""
_CONFIRM = """
UPDATE stations SET verifiers = jsonb_build_array(verifiers->1), changed_at = %s
WHERE id = ANY(%s) AND jsonb_array_length(verifiers) = 2
"""
_STATIONS = """
SELECT s.id, s.organization_id, s.site_id, s.identity, s.approval, s.protocol, s.vendor, s.model, s.firmware,
       s.connected, s.connected_at, s.booted_at, s.last_seen_at, s.clock_offset, sites.time_zone
FROM stations s LEFT JOIN sites ON sites.id = s.site_id WHERE s.id = ANY(%s)
"""
_EVSES = "SELECT station_id, id, number FROM evses WHERE station_id = ANY(%s)"
_CONNECTORS = """
SELECT station_id, id, evse_id, evse, number, status, status_at, error, operative
FROM connectors WHERE station_id = ANY(%s)
"""
_OPERATIONS = """
SELECT station_id, id, kind, params, status, sent_at, answered_at FROM operations
WHERE station_id = ANY(%s) AND status IN ('sent', 'agreed')
"""


def _grouped(rows: list[dict[str, Any]]) -> dict[UUID, list[dict[str, Any]]]:
    groups: dict[UUID, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["station_id"], []).append(row)
    return groups


def _connector(row: dict[str, Any]) -> ConnectorState:
    return ConnectorState(
        id=row["id"],
        evse_id=row["evse_id"],
        status=row["status"],
        status_at=row["status_at"],
        error=row["error"],
        operative=row["operative"],
    )


def _operation(row: dict[str, Any]) -> OperationState:
    """An operation found under way. Its answer can no longer come on this connection; its effect still can."""
    from gridlane.stations.operations import may_be_seen, patience

    unanswered = row["status"] == "sent"
    stage: Any = "lost" if unanswered and may_be_seen(row["kind"]) else row["status"]
    return OperationState(
        id=row["id"],
        kind=row["kind"],
        params=row["params"].encode(),
        stage=stage,
        sent_at=row["sent_at"],
        deadline=patience(row["kind"], stage, row["answered_at"] or row["sent_at"]),
    )
