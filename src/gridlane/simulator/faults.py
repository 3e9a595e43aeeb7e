"""What goes wrong at a station, by chance and by seed: the faults the field knows."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gridlane.simulator.link import StationLink
from gridlane.simulator.station import Station


@dataclass(frozen=True)
class FaultRates:
    """Expected occurrences per station and day; ``wrong_clocks`` and ``disobedient`` are shares of stations."""

    drops: float = 0.0  # the link breaks and comes back
    outages: float = 0.0  # the station is offline for minutes to hours
    reboots: float = 0.0
    connector_faults: float = 0.0
    silent_meters: float = 0.0
    flapping: float = 0.0  # many short connections in a row
    wrong_clocks: float = 0.0
    disobedient: float = 0.0  # accepts limits and does not keep them
    duplicates: float = 0.0  # share of transaction messages sent again


NONE = FaultRates()
FIELD = FaultRates(
    drops=0.5,
    outages=0.1,
    reboots=0.03,
    connector_faults=0.05,
    silent_meters=0.01,
    flapping=0.01,
    wrong_clocks=0.02,
)
"""About what a public network sees."""


@dataclass
class FaultPlan:
    """The coming faults of one station, in order."""

    station: Station
    link: StationLink
    rates: FaultRates
    random_: random.Random
    due: list[tuple[datetime, str]] = field(default_factory=list)

    def begin(self, now: datetime) -> None:
        if self.random_.random() < self.rates.wrong_clocks:
            self.station.clock_offset = timedelta(seconds=self.random_.choice((-600, 600, 3600, -86400)))
        if self.random_.random() < self.rates.disobedient:
            self.station.obeys = False
        for kind in ("drops", "outages", "reboots", "connector_faults", "silent_meters", "flapping"):
            self._plan(kind, now)

    def _plan(self, kind: str, now: datetime) -> None:
        rate: float = getattr(self.rates, kind)
        if rate > 0:
            self.due.append((now + timedelta(days=self.random_.expovariate(rate)), kind))
            self.due.sort()

    async def tick(self, now: datetime) -> None:
        while self.due and self.due[0][0] <= now:
            _, kind = self.due.pop(0)
            await self._happen(kind, now)
            self._plan(kind, now)

    async def _happen(self, kind: str, now: datetime) -> None:
        evse = self.random_.choice(list(self.station.evses))
        if kind == "drops":
            await self.link.hang_up()
        elif kind == "outages":
            await self.link.hang_up(stay_offline=True)
            span = timedelta(minutes=self.random_.uniform(5, 240))
            self.station.at(now + span, lambda _at: self.link.go_online())
        elif kind == "reboots":
            self.station.power_cycle(now, self.random_.choice(("PowerUp", "Watchdog")))
        elif kind == "connector_faults":
            error = self.random_.choice(
                ("GroundFailure", "ConnectorLockFailure", "OverVoltage", "HighTemperature")
            )
            self.station.break_connector(evse, error, now)
            repaired = now + timedelta(minutes=self.random_.uniform(10, 600))
            self.station.at(repaired, self._repair(evse))
        elif kind == "silent_meters":
            self.station.evses[evse].silent_meter = True
            self.station.at(now + timedelta(hours=3), lambda _at: self._speak_again(evse))
        elif kind == "flapping":
            for step in range(10):
                self.station.at(now + timedelta(seconds=20 * step), self._flap())

    def _repair(self, evse: int) -> Callable[[datetime], None]:
        return lambda at: self.station.break_connector(evse, None, at)

    def _speak_again(self, evse: int) -> None:
        self.station.evses[evse].silent_meter = False

    def _flap(self) -> Callable[[datetime], None]:
        def flap(_at: datetime) -> None:
            self.station.wants_reconnect = True

        return flap
