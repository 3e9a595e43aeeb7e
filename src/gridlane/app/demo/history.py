"""Thirty days of the demo network, made by the same pipeline as a real one's on a virtual clock.

Only sockets are left out: a virtual station says its frames, the conversation and the dialect read them, the station's
owner decides, the committer writes, the answer goes back. Each station lives through its month by itself; the
committer gathers what they say into common transactions.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from gridlane.app import handlers
from gridlane.app.answerers import answerers
from gridlane.app.demo.network import DAYS, data_dir
from gridlane.app.demo.simulated import SimulatedNetwork, SimulatedStation
from gridlane.charging import loading
from gridlane.charging.housekeeping import Housekeeping
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.group_commit import Committer
from gridlane.kernel.quantities import Watts
from gridlane.kernel.settings import Settings
from gridlane.ocpp import codec
from gridlane.ocpp.actions import Role
from gridlane.ocpp.conversation import Conversation
from gridlane.ocpp.events import CallReceived
from gridlane.ocpp.version import Version
from gridlane.simulator.making import make
from gridlane.simulator.people import Visit, draw, next_arrival, read_visits
from gridlane.simulator.station import Evse, Station, StationSpec
from gridlane.simulator.vehicle import draw_vehicle
from gridlane.stations.claiming import Claim, ClaimQueue
from gridlane.stations.decision import Commit, Connected, Disconnected
from gridlane.stations.dialects import dialect_for
from gridlane.stations.model import MESSAGES, messages, stations
from gridlane.stations.owner import Input, Owner, OwnerParts
from gridlane.stations.replies import Noted, Refused

VISITS_PER_DAY = 0.6  # per EVSE
METER_INTERVAL = 900  # seconds: a quarter of an hour is enough to draw a month
NODE = "demo history"


@dataclass
class Pipeline:
    """What all stations of the history share."""

    owners: OwnerParts
    claims: ClaimQueue
    committer: Committer


async def write_history(
    settings: Settings, database: Database, network: SimulatedNetwork, told: Callable[[int], None]
) -> None:
    """Let every station live through the last ``DAYS``; ``told`` hears of each that is done."""
    end = system_clock()
    begin = end - timedelta(days=DAYS)
    await Housekeeping(database, settings).make_partitions(begin.date())
    pipeline = _pipeline(settings, database.owner_url)
    pipeline.committer.start()
    pipeline.claims.start()
    slow, fast = read_visits(data_dir())
    try:
        ids, told_until = await _ids(database), await _told_until(database)
        lives = [
            _Life(pipeline, one, ids[one.identity], network.tokens, fast if one.kind == "DC" else slow)
            for one in network.stations
        ]
        running = asyncio.Semaphore(100)

        async def live(life: _Life) -> None:
            async with running:
                await life.run(told_until.get(life.id, begin), end)
                told(1)

        async with asyncio.TaskGroup() as group:
            for life in lives:
                group.create_task(live(life))
    finally:
        await pipeline.claims.stop()
        await pipeline.committer.stop()
        for answerer in pipeline.owners.answerers.values():
            await answerer.close()


def _pipeline(settings: Settings, owner_url: str) -> Pipeline:
    committer = Committer(owner_url)
    claims = ClaimQueue(owner_url, NODE, system_clock, loading.load)
    owners = OwnerParts(
        committer=committer,
        handlers=handlers.table(),
        answerers=answerers(settings, owner_url),
        reload=claims.reload,
        changed=lambda _owner: None,
        fenced=lambda _owner: None,
    )
    return Pipeline(owners, claims, committer)


async def _ids(database: Database) -> dict[str, UUID]:
    async with database.as_owner() as work:
        found = await work.execute(sa.select(stations.c.identity, stations.c.id))
        return {row.identity: row.id for row in found}


async def _told_until(database: Database) -> dict[UUID, datetime]:
    """The last message of each station that has lived through a part of its month already."""
    async with database.as_owner() as work:
        query = sa.select(messages.c.station_id, sa.func.max(messages.c.at).label("at"))
        found = await work.execute(query.group_by(messages.c.station_id))
        return {row.station_id: row.at for row in found}


class _Life:
    """One station's month."""

    def __init__(
        self,
        pipeline: Pipeline,
        simulated: SimulatedStation,
        station_id: UUID,
        tokens: Sequence[str],
        visits: Sequence[Visit],
    ) -> None:
        spec = StationSpec(
            simulated.identity,
            Version(simulated.version),
            vendor=simulated.vendor,
            model=simulated.model,
            serial=simulated.identity,
            evses=simulated.evses,
            power=Watts(simulated.power),
            direct=simulated.kind == "DC",
            meter_interval=METER_INTERVAL,
        )
        self._pipeline = pipeline
        self.id = station_id
        self._station: Station = make(spec)
        self._central = Conversation(spec.version, Role.CENTRAL)
        self._dialect = dialect_for(spec.version)
        self._tokens = tokens
        self._visits = visits
        self._random = random.Random(f"history:{simulated.identity}")
        self._per_day = VISITS_PER_DAY * self._random.uniform(0.3, 2.0)
        self._end = system_clock()
        self._owner: Owner

    async def run(self, begin: datetime, end: datetime) -> None:
        station, self._end = self._station, end
        live, epoch = await self._pipeline.claims.claim(Claim(station.spec.identity, self.id))
        self._owner = Owner(self._pipeline.owners, live, epoch)
        await self._connect(begin)
        for one in station.evses.values():
            station.at(next_arrival(self._random, begin, self._per_day), self._arrival(one))
        self._plan_trouble(begin)
        while (now := self._next()) < end:
            station.tick(now)
            await self._talk(now)
        await self._leave(end)

    def _next(self) -> datetime:
        """The next thing to happen: no seconds are counted in between."""
        station = self._station
        times = [when for when, _, _ in station.later[:1]] + list(station.next_meter.values())
        return min(times, default=self._end)

    # --- the link ------------------------------------------------------------------------------------------------

    async def _connect(self, now: datetime) -> None:
        self._central = Conversation(self._station.spec.version, Role.CENTRAL)
        connected = Connected(
            node=NODE, protocol=self._station.spec.version.value, secure=False, address="127.0.0.1"
        )
        await self._decide(Input(connected, now))
        self._station.opened(now)
        self._station.next_heartbeat = None
        await self._talk(now)

    async def _leave(self, now: datetime) -> None:
        self._station.closed(now)
        await self._decide(Input(Disconnected(code=1001, reason="the month is over"), now))

    async def _talk(self, now: datetime) -> None:
        """Carry frames to and fro until neither side has more to say."""
        station = self._station
        if station.wants_reconnect:
            station.closed(now)
            await self._decide(Input(Disconnected(code=1006, reason="link lost"), now))
            station.wants_reconnect = False
            await self._connect(now + timedelta(seconds=self._random.uniform(10, 3600)))
            return
        while station.out:
            for event in self._central.receive(station.out.popleft(), now.timestamp()):
                if isinstance(event, CallReceived):
                    await self._answer(event, now)
        station.next_heartbeat = None
        for record in (station.trace, station.sent, station.acknowledged, station.received):
            record.clear()

    async def _answer(self, event: CallReceived, now: datetime) -> None:
        response: Any = None
        owner = self._owner

        def finish(commit: Commit) -> None:
            nonlocal response
            reply = commit.reply or Noted()
            assert not isinstance(reply, Refused)
            response = self._dialect.response(event.action, reply)
            state = owner.live.station
            answer = codec.encode(response).decode()
            row = (
                state.id, state.organization_id, now, False, event.action, event.message_id, event.raw.decode(), answer, None,
            )  # fmt: skip
            commit.rows.append((MESSAGES, row))

        report = self._dialect.report(event.action, event.request)
        await self._decide(Input(report, now, finish, None, event.raw))
        self._station.received_frame(self._central.answer(event.message_id, response), now)

    async def _decide(self, item: Input) -> None:
        done: asyncio.Future[Commit | None] = asyncio.get_running_loop().create_future()

        def settled(commit: Commit | None) -> None:
            if not done.cancelled():
                done.set_result(commit)

        item.settled = settled
        self._owner.put(item)
        if await done is None:
            raise RuntimeError(f"the history of {self._station.spec.identity} was not accepted: {item.what}")

    # --- what happens --------------------------------------------------------------------------------------------

    def _arrival(self, one: Evse) -> Callable[[datetime], None]:
        """Somebody comes, stays as long as somebody real did, and goes."""
        station, random_ = self._station, self._random

        def again(now: datetime) -> None:
            station.at(next_arrival(random_, now, self._per_day), arrive)

        def arrive(now: datetime) -> None:
            if not one.is_free:
                again(now)
                return
            visit = draw(random_, self._visits)
            leaving = now + visit.stay
            if leaving >= self._end - timedelta(minutes=30):
                return
            token = random_.choice(self._tokens)
            vehicle = draw_vehicle(random_, wanted=visit.energy, direct=station.spec.direct)
            station.plug_in(one.number, vehicle, now)
            station.at(now + timedelta(seconds=15), lambda at: station.tap(token, one.number, at))
            station.at(now + timedelta(seconds=30), station.advance)
            station.at(leaving, lambda at: leave(at, token))

        def leave(now: datetime, token: str) -> None:
            if one.transaction is not None and one.transaction.stop_reason is None:
                station.tap(token, one.number, now)
            station.at(now + timedelta(seconds=20), drive_off)

        def drive_off(now: datetime) -> None:
            if one.vehicle is not None:
                station.unplug(one.number, now)
            again(now)

        return arrive

    def _plan_trouble(self, begin: datetime) -> None:
        """A few faults and lost links in the month, as in the field."""
        station, random_ = self._station, self._random
        for _ in range(random_.choice((0, 0, 1, 1, 2, 5))):
            at = begin + timedelta(days=random_.uniform(0, DAYS - 1))
            station.at(at, lambda _at: setattr(station, "wants_reconnect", True))
        for _ in range(random_.choice((0, 0, 0, 0, 1, 2))):
            number = random_.choice(list(station.evses))
            at = begin + timedelta(days=random_.uniform(0, DAYS - 2))
            error = random_.choice(("GroundFailure", "ConnectorLockFailure", "HighTemperature"))
            station.at(at, self._break(number, error))
            station.at(at + timedelta(hours=random_.uniform(0.5, 30)), self._break(number, None))

    def _break(self, number: int, error: str | None) -> Callable[[datetime], None]:
        return lambda at: self._station.break_connector(number, error, at)
