"""Looking after stations that have no connection: what a dead gateway owned, and instructions for offline stations.

A worker takes a short epoch by the same claim as a gateway and acts as the station's owner: it writes the offline
interval, closes a stuck session, approves. If the station connects meanwhile, the gateway's newer claim wins.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog
from psycopg import AsyncConnection, OperationalError
from psycopg.rows import dict_row

from gridlane.kernel import ownership
from gridlane.kernel.clock import Clock
from gridlane.kernel.group_commit import Committer
from gridlane.stations.claiming import Claim, ClaimQueue, LoadCharging
from gridlane.stations.commands import Instruct
from gridlane.stations.decision import Commit, Disconnected, Handler, Instructed, Question, TimePassed
from gridlane.stations.owner import Answerer, Input, Owner, OwnerParts

Overdue = Callable[[AsyncConnection[Any], datetime], Awaitable[list[UUID]]]
"""Stations that are away and whose time has to pass all the same."""

log = structlog.get_logger(__name__)

LOOK_SECONDS = 2.0

_INSTRUCTIONS = """
SELECT o.id, o.station_id, o.params, o.actor FROM operations o
LEFT JOIN ownerships w ON w.aggregate_id = o.station_id
WHERE o.status = 'queued' AND o.kind = 'instruct' AND o.not_before <= %(now)s AND w.node IS NULL
ORDER BY o.created_at LIMIT 200
"""


class Caretaker:
    def __init__(
        self,
        *,
        owner_url: str,
        node: str,
        clock: Clock,
        handlers: Mapping[type, Handler],
        answerers: Mapping[type[Question], Answerer],
        load_charging: LoadCharging,
        overdue: Overdue,
    ) -> None:
        self._url = owner_url
        self._node = node
        self._clock = clock
        self._overdue = overdue
        self._committer = Committer(owner_url)
        self._claims = ClaimQueue(owner_url, node, clock, load_charging)
        self._parts = OwnerParts(
            committer=self._committer,
            handlers=handlers,
            answerers=answerers,
            reload=self._claims.reload,
            changed=lambda _owner: None,
            fenced=lambda _owner: None,
        )

    async def run(self) -> None:
        self._committer.start()
        self._claims.start()
        try:
            while True:
                try:
                    async with await AsyncConnection.connect(self._url, autocommit=True) as connection:
                        while True:
                            await self.once(connection)
                            await asyncio.sleep(LOOK_SECONDS)
                except (OperationalError, OSError) as trouble:
                    log.warning("database away", reason=str(trouble).strip())
                    await asyncio.sleep(1)
        finally:
            await self._claims.stop()
            await self._committer.stop()
            for answerer in self._parts.answerers.values():
                await answerer.close()

    async def once(self, connection: AsyncConnection[Any]) -> None:
        """Take what dead nodes left, then what is asked of offline stations."""
        await ownership.renew_lease(connection, self._node, "worker", self._clock())
        left_behind = await ownership.owned_by_the_dead(connection, self._clock())
        if left_behind:
            log.info("stations of a dead node", stations=len(left_behind))
            gone = Disconnected(code=1006, reason="its gateway died")
            await self._act(connection, {station: [gone] for station in left_behind})
        async with connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(_INSTRUCTIONS, {"now": self._clock()})
            instructions: dict[UUID, list[Any]] = {}
            for row in await cursor.fetchall():
                command = msgspec.json.decode(row["params"], type=Instruct)
                instructions.setdefault(row["station_id"], []).append(
                    Instructed(what=command.what, params=command.params, actor=row["actor"], id=row["id"])
                )
        await self._act(connection, instructions)
        overdue = await self._overdue(connection, self._clock())
        await self._act(connection, {station: [TimePassed()] for station in overdue})

    async def _act(self, connection: AsyncConnection[Any], inputs: Mapping[UUID, Sequence[Any]]) -> None:
        """Own each station for the moment its inputs take, then give it back."""
        if not inputs:
            return
        claimed = await asyncio.gather(*(self._claims.claim(Claim("", station)) for station in inputs))
        owners = [Owner(self._parts, live, epoch) for live, epoch in claimed]
        await asyncio.gather(
            *(_decided(owner, what, self._clock) for owner in owners for what in inputs[owner.station_id])
        )
        owned = {owner.station_id: owner.epoch for owner in owners}
        await ownership.release(connection, owned, self._clock())


async def _decided(owner: Owner, what: Any, clock: Clock) -> Commit | None:
    settled: asyncio.Future[Commit | None] = asyncio.get_running_loop().create_future()
    owner.put(Input(what, clock(), None, settled.set_result))
    return await settled
