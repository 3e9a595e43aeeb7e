"""A network of virtual stations against a central system: who comes when, what breaks, what was acknowledged."""

import asyncio
import hashlib
import json
import random
import ssl
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

from gridlane.simulator.faults import NONE, FaultPlan, FaultRates
from gridlane.simulator.link import FastClock, StationLink
from gridlane.simulator.making import make
from gridlane.simulator.people import Visit, draw, next_arrival
from gridlane.simulator.station import Evse, Station, StationSpec
from gridlane.simulator.vehicle import draw_vehicle


@dataclass(frozen=True)
class Member:
    """One station of a network."""

    spec: StationSpec
    password: str | None = None


@dataclass
class NetworkPlan:
    """What a network run is. ``visits_per_day`` is per EVSE."""

    url: str
    members: Sequence[Member]
    tokens: Sequence[str]
    slow: Sequence[Visit]
    fast: Sequence[Visit]
    seed: int = 1
    speed: float = 1.0
    visits_per_day: float = 3.0
    faults: FaultRates = NONE
    tls: ssl.SSLContext | None = None
    ack_log: Path | None = None
    start_spread: float = 5.0  # real seconds over which the stations connect
    occupied_at_start: float = 0.25  # share of EVSEs somebody just came to


@dataclass
class Totals:
    """What a run did."""

    acknowledged: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    visits: int = 0


class Network:
    def __init__(self, plan: NetworkPlan) -> None:
        self.plan = plan
        self.totals = Totals()
        self.links: list[StationLink] = []
        self._log: TextIO | None = None
        self._logged: dict[str, int] = {}

    async def run(self, seconds: float | None = None) -> Totals:
        """Run until cancelled, or for ``seconds`` of real time."""
        clock = FastClock(self.plan.speed)
        if self.plan.ack_log is not None:
            self._log = self.plan.ack_log.open("a", encoding="utf-8", buffering=1)
        tasks = [
            asyncio.create_task(self._live(member, clock, place))
            for place, member in enumerate(self.plan.members)
        ]
        try:
            if seconds is None:
                await asyncio.gather(*tasks)
            else:
                await asyncio.sleep(seconds)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._log is not None:
                self._log.close()
        return self.totals

    async def _live(self, member: Member, clock: FastClock, place: int) -> None:
        """One station's life: its link, its visitors, its faults."""
        plan = self.plan
        station = make(member.spec)
        link = StationLink(station, plan.url, password=member.password, tls=plan.tls, clock=clock)
        self.links.append(link)
        await asyncio.sleep(plan.start_spread * place / max(1, len(plan.members)))
        random_ = random.Random(f"{plan.seed}:{member.spec.identity}")
        running = asyncio.create_task(link.run(), name=member.spec.identity)
        faults = FaultPlan(station, link, plan.faults, random_)
        faults.begin(clock.now())
        self._expect(station, link, random_, clock.now())
        try:
            while True:
                await asyncio.sleep(max(0.25, 2 / plan.speed))
                now = clock.now()
                await faults.tick(now)
                self._note(station)
                self.totals.refused += len(link.refusals)
                link.refusals.clear()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            self._note(station)

    # --- visitors ------------------------------------------------------------------------------------------------

    def _expect(self, station: Station, link: StationLink, random_: random.Random, now: datetime) -> None:
        for one in station.evses.values():
            soon = random_.random() < self.plan.occupied_at_start
            at = now + timedelta(seconds=random_.uniform(20, 300)) if soon else self._next(random_, now)
            station.at(at, self._arrival(station, link, one, random_))

    def _next(self, random_: random.Random, now: datetime) -> datetime:
        return next_arrival(random_, now, self.plan.visits_per_day)

    def _arrival(self, station: Station, link: StationLink, one: Evse, random_: random.Random) -> Any:
        """Somebody comes, plugs in, taps, stays, and goes; then the next is awaited."""

        def arrive(now: datetime) -> None:
            if not one.is_free or one.reservation is not None or not (station.accepted or station.local_list):
                station.at(self._next(random_, now), arrive)
                return
            visit = draw(random_, self.plan.fast if station.spec.direct else self.plan.slow)
            vehicle = draw_vehicle(random_, wanted=visit.energy, direct=station.spec.direct)
            token = random_.choice(self.plan.tokens)
            self.totals.visits += 1
            station.plug_in(one.number, vehicle, now)
            station.at(
                now + timedelta(seconds=random_.uniform(3, 25)), lambda at: station.tap(token, one.number, at)
            )
            station.at(now + visit.stay, lambda at: leave(at, token))

        def leave(now: datetime, token: str) -> None:
            if one.transaction is not None and one.transaction.stop_reason is None:
                station.tap(token, one.number, now)
            station.at(now + timedelta(seconds=random_.uniform(5, 60)), drive_off)

        def drive_off(now: datetime) -> None:
            if one.vehicle is not None:
                station.unplug(one.number, now)
            station.at(self._next(random_, now), arrive)

        return arrive

    # --- what was acknowledged -----------------------------------------------------------------------------------

    def _note(self, station: Station) -> None:
        """Count what the central system acknowledged; write it down for those who compare it with the store."""
        identity = station.spec.identity
        for action, payload, message_id in station.acknowledged:
            self.totals.acknowledged[action] += 1
            if self._log is not None:
                self._log.write(json.dumps(acknowledgement(identity, action, payload, message_id)) + "\n")
        station.acknowledged.clear()
        station.sent.clear()
        station.received.clear()
        if len(station.trace) > 1000:
            del station.trace[:500]


def acknowledgement(identity: str, action: str, payload: dict[str, Any], message_id: str) -> dict[str, Any]:
    """One line of an acknowledgement log."""
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"))
    return {
        "identity": identity,
        "action": action,
        "message_id": message_id,
        "hash": hashlib.sha256(text.encode()).hexdigest()[:16],
        "transaction": (payload.get("transactionInfo") or {}).get(
            "transactionId", payload.get("transactionId")
        ),
        "sequence": payload.get("seqNo"),
    }
