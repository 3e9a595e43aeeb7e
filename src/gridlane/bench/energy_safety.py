"""Is a circuit ever overloaded? Stations of three versions on real sockets, every process killed, every answer lost once.

A physical model that shares no code with the allocator adds up, ten times a second, what truly flows on each phase of
each circuit: real vehicles, real wiring, not what anybody was told. The same seeded day is run without faults first, so
that the energy lost to faults is known. Timers of the protocol run faster by a printed factor; latencies are in wall
seconds.
"""

import asyncio
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import uvloop

from gridlane.bench.installed import Installed, free_port, identity_of, installed, password_of, token_of
from gridlane.bench.station_load import percentile
from gridlane.bench.table import CouldNotRun, Options, Row, Table
from gridlane.kernel.ids import new_id
from gridlane.kernel.quantities import WattHours, Watts
from gridlane.ocpp.version import Version
from gridlane.simulator.vehicle import Vehicle
from gridlane.simulator.virtual_station import VirtualStation

FACTOR = 10.0
STATIONS, QUICK_STATIONS = 500, 24
SECONDS, QUICK_SECONDS = 24 * 3600 / FACTOR, 40.0
VERSIONS = (Version.V16, Version.V201, Version.V21)
FEEDER, FEEDER_STATIONS = 125.0, 12  # A of each phase; what 12 stations of 32 A share
RESERVE = 0.3  # covers one of them that draws 32 A whatever it is told
CONNECTION_SHARE = 0.9  # of all feeders: room for the minimum of everybody, so that nobody waits for a turn
LOOK = 0.1  # seconds between two looks of the physical model
VOLTAGE = 230.0
READY_SECONDS = 120.0
GOAL_SECONDS = 1.0  # from plug-in to limits sent
TELL_EVERY = 60.0  # seconds between two lines of progress
WIRINGS = {"RST": (0, 1, 2), "STR": (1, 2, 0), "TRS": (2, 0, 1)}


class Greedy(Vehicle):
    """A vehicle that takes a tenth more than its pilot says."""

    def power(self, limit: Watts, *, direct: bool) -> Watts:
        return Watts(super().power(limit, direct=direct) * 1.1)


@dataclass
class Grid:
    """What truly flows. ``wiring[n]``: on which supply phases a station's terminals really lie."""

    stations: list[VirtualStation]
    wiring: list[tuple[int, int, int]]
    feeders: int
    violation_seconds: float = 0.0
    worst: float = 0.0
    full: float = 0.0
    looks: int = 0

    def look(self, lasted: float) -> None:
        feeders = [[0.0, 0.0, 0.0] for _ in range(self.feeders)]
        for number, station in enumerate(self.stations):
            for evse in station.machine.evses.values():
                if evse.vehicle is not None and evse.power > 0:
                    amperes = evse.power / (VOLTAGE * evse.vehicle.phases)
                    for terminal in range(evse.vehicle.phases):
                        feeders[number // FEEDER_STATIONS][self.wiring[number][terminal]] += amperes
        connection = [sum(feeder[phase] for feeder in feeders) for phase in range(3)]
        shares = [max(feeder) / FEEDER for feeder in feeders]
        shares.append(max(connection) / (CONNECTION_SHARE * FEEDER * self.feeders))
        self.worst = max(self.worst, *shares)
        self.full += sum(shares[:-1]) / self.feeders
        self.looks += 1
        if any(share > 1 + 1e-9 for share in shares):
            self.violation_seconds += lasted * FACTOR


@dataclass
class Seen:
    """What a run showed, in wall seconds where it is a time."""

    grid: Grid
    energy: float = 0.0
    to_sent: list[float] = field(default_factory=list)
    to_limit: list[float] = field(default_factory=list)
    detected: list[float] = field(default_factory=list)
    undetected: int = 0
    writes: int = 0
    faults: dict[str, int] = field(default_factory=dict)


def run(options: Options) -> Table:
    count, seconds = (QUICK_STATIONS, QUICK_SECONDS) if options.quick else (STATIONS, SECONDS)
    with _bus(), installed(count) as made:
        _wire(made, count)
        calm = uvloop.run(_day(made, count, seconds, options.seed, faults=False))
        chaos = uvloop.run(_day(made, count, seconds, options.seed, faults=True))
    hours = seconds * FACTOR / 3600
    rows = [
        Row("violation of any rating on any phase, without faults", calm.grid.violation_seconds, "s", at_most=0.0),
        Row("violation of any rating on any phase, under faults", chaos.grid.violation_seconds, "s", at_most=0.0),
        Row("highest true current, of the rating", 100 * chaos.grid.worst, "%", limit=100),
        Row("mean use of the feeders without faults", 100 * calm.grid.full / max(1, calm.grid.looks), "%", limit=100 * (1 - RESERVE)),
        Row("energy of who obeys, under faults, of that without", 100 * chaos.energy / max(1e-9, calm.energy), "%", at_least=95.0),
        *_latencies(calm, "without faults", at_most=GOAL_SECONDS),
        *_latencies(chaos, "under faults"),
        Row("time to find out a station that does not obey, worst", FACTOR * max(chaos.detected, default=0.0), "s"),
        Row("stations that did not obey and were not found out", chaos.undetected),
        Row("limits written per station and hour, without faults", calm.writes / count / hours, at_most=4.0 if not options.quick else None),
    ]  # fmt: skip
    remarks = (
        f"{count} stations, {hours:.1f} h of their time, clock factor {FACTOR:g}; {chaos.grid.looks} looks of the model",
        "faults: " + ", ".join(f"{name} {times}" for name, times in sorted(chaos.faults.items())),
    )
    return Table("energy-safety", rows, options, remarks)


def _latencies(seen: Seen, when: str, *, at_most: float | None = None) -> list[Row]:
    """Who was told nothing while there counts with all the time that was waited."""
    sent, came = (
        [percentile(times, share) / 1e3 for share in (0.5, 0.99)] for times in (seen.to_sent, seen.to_limit)
    )
    return [
        Row(f"plug-in to its limit sent, {when}, p50", sent[0], "s"),
        Row(f"plug-in to its limit sent, {when}, p99", sent[1], "s", at_most=at_most),
        Row(f"plug-in to its limit at the station, {when}, p50", came[0], "s"),
        Row(f"plug-in to its limit at the station, {when}, p99", came[1], "s"),
    ]


# --- the site ----------------------------------------------------------------------------------------------------


@contextmanager
def _bus() -> Iterator[None]:
    """A NATS server between gateway and controller, as ``gridlane up`` starts one."""
    beside = Path(sys.executable).parent / "nats-server"
    program = shutil.which("nats-server") or (str(beside) if beside.exists() else None)
    if program is None:
        raise CouldNotRun("there is no nats-server")
    port = free_port()
    server = subprocess.Popen([program, "--addr", "127.0.0.1", "--port", str(port), "--log", os.devnull])  # noqa: S603 (our own command)
    os.environ["GRIDLANE_NATS_URL"] = f"nats://127.0.0.1:{port}"
    try:
        time.sleep(0.5)
        yield
    finally:
        del os.environ["GRIDLANE_NATS_URL"]
        server.terminate()
        server.wait()


def _wire(made: Installed, count: int) -> None:
    """Feeders of a few stations each below one connection, declared as they are but for a few wrong phases."""
    feeders = (count + FEEDER_STATIONS - 1) // FEEDER_STATIONS
    with psycopg.connect(made.url) as connection:
        (site,) = connection.execute("SELECT id FROM sites").fetchall()[0]
        tenant = (made.organization_id, site)
        connection.execute(
            "INSERT INTO energy_sites (organization_id, site_id, changed_at) VALUES (%s, %s, now())", tenant
        )
        root = new_id()
        node = (
            "INSERT INTO circuits (id, organization_id, site_id, parent_id, kind, name, current, reserve) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
        )
        connected = CONNECTION_SHARE * FEEDER * feeders
        connection.execute(node, (root, *tenant, None, "connection", "Connection", connected, RESERVE))
        ids = [new_id() for _ in range(feeders)]
        for number, id_ in enumerate(ids):
            connection.execute(node, (id_, *tenant, root, "feeder", f"Feeder {number + 1}", FEEDER, RESERVE))
        rows = connection.execute(
            "SELECT e.id, s.identity FROM evses e JOIN stations s ON s.id = e.station_id"
        ).fetchall()
        for evse, identity in rows:
            number = int(identity.rpartition("-")[2])
            connection.execute(
                "INSERT INTO circuit_evses (evse_id, organization_id, site_id, circuit_id, rating, fallback, rotation) "
                "VALUES (%s, %s, %s, %s, 32, 0, %s)",
                (evse, *tenant, ids[number // FEEDER_STATIONS], _declared(number)),
            )


def _declared(number: int) -> str:
    return tuple(WIRINGS)[number % 3]


def _controller(made: Installed) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "GRIDLANE_DATABASE_URL": made.url, "GRIDLANE_LOG_LEVEL": "WARNING"}
    with (made.directory / "controller.log").open("ab") as log:
        return subprocess.Popen(  # noqa: S603 (our own command)
            [sys.executable, "-m", "gridlane.bench.energy_controller", str(FACTOR)],
            env=environment, cwd=made.directory, stdout=log, stderr=log,
        )  # fmt: skip


# --- a day -------------------------------------------------------------------------------------------------------


async def _day(made: Installed, count: int, seconds: float, seed: int, *, faults: bool) -> Seen:
    day = _Day(made, count, seed, faults=faults)
    try:
        await day.begin()
        await day.live(seconds)
    finally:
        await day.end()
    return day.seen


class _Day:
    def __init__(self, made: Installed, count: int, seed: int, *, faults: bool) -> None:
        self.made, self.faults = made, faults
        self.kill_every = 40.0 if count <= QUICK_STATIONS else 600.0  # seconds between two kills of the same
        self.random = random.Random(seed)
        self.chance = random.Random(seed + 1)
        self.stations = [
            VirtualStation(
                f"ws://127.0.0.1:{made.port}/ocpp", identity_of(number), VERSIONS[number % 3],
                password=password_of(identity_of(number)), meter_interval=round(60 / FACTOR), power=Watts(22_000.0),
            )
            for number in range(count)
        ]  # fmt: skip
        wiring = [WIRINGS[_declared(number)] for number in range(count)]
        if faults and count > 20:
            wiring[20] = WIRINGS["STR" if _declared(20) != "STR" else "TRS"]  # declared wrongly
        self.seen = Seen(Grid(self.stations, wiring, (count + FEEDER_STATIONS - 1) // FEEDER_STATIONS))
        self.controller: subprocess.Popen[bytes] | None = None
        self.disobeys: dict[int, float] = {}
        self.asked_at: dict[int, float] = {}
        self.plugged: list[tuple[int, float, float]] = []  # station, from when to when, of the clock
        self.tasks: list[asyncio.Task[Any]] = []

    async def begin(self) -> None:
        """Everybody is in contact and has taken its fallback."""
        if not self.made.is_alive:
            self.made.start_gateway()
        self.controller = _controller(self.made)
        for number, station in enumerate(self.stations):
            await station.__aenter__()
            station.answers["SetChargingProfile"] = self._listener(number)
        for station in self.stations:
            await station.boot()
        patience = READY_SECONDS + len(self.stations)  # a second more for each that has to be told
        deadline = time.monotonic() + patience
        while not await asyncio.to_thread(self._is_ready):
            if time.monotonic() > deadline:
                log = (self.made.directory / "controller.log").read_text()[-800:]
                raise CouldNotRun(f"stations did not take their fallback in {patience:g} s: {log}")
            await asyncio.sleep(0.5)
        self.seen.writes = 0

    def _is_ready(self) -> bool:
        ((ready,),) = self.made.rows(
            "SELECT count(*) FROM evse_standings WHERE memory::json->'standing'->>'fallback_proven' = 'true'"
        )
        return bool(ready == len(self.stations))

    async def live(self, seconds: float) -> None:
        self.tasks = [asyncio.create_task(self._street(number)) for number in range(len(self.stations))]
        if self.faults:
            self.tasks += [asyncio.create_task(each()) for each in (self._small_faults, self._kills)]
        began = before = told = time.monotonic()
        while (now := time.monotonic()) - began < seconds:
            self.seen.grid.look(now - before)
            before = now
            if now - told >= TELL_EVERY:
                self._tell(now - began, seconds)
                told = now
            await asyncio.sleep(LOOK)

    def _tell(self, lived: float, seconds: float) -> None:
        """How far it is, for whoever waits for hours."""
        grid, day = self.seen.grid, "under faults" if self.faults else "without faults"
        sys.stderr.write(
            f"{day}: {lived * FACTOR / 3600:.1f} of {seconds * FACTOR / 3600:.1f} h, "
            f"{grid.violation_seconds:.1f} s of violation, worst {100 * grid.worst:.1f} %\n"
        )

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.seen.energy = sum(
            evse.register
            for number, station in enumerate(self.stations)
            if not (_is_greedy(number) or _will_not_obey(number))  # what they take too much is no gain
            for evse in station.machine.evses.values()
        )
        await asyncio.to_thread(self._found_out)
        await asyncio.to_thread(self._sent)
        for station in self.stations:
            if getattr(station, "link", None) is not None:
                await station.__aexit__(None, None, None)
        if self.controller is not None:
            self.controller.kill()
            self.controller.wait()
        await asyncio.to_thread(self._forget)

    def _forget(self) -> None:
        """The next day begins with new stations that were told nothing yet."""
        if self.made.is_alive:
            self.made.kill_gateway()
        self.made.execute("DELETE FROM evse_standings")
        self.made.execute(
            "UPDATE sessions SET status = 'ended', ended_at = now(), end_received_at = now() WHERE status = 'active'"
        )

    # --- people --------------------------------------------------------------------------------------------------

    async def _street(self, number: int) -> None:
        """One plug after the other: people come, charge, and go."""
        own = random.Random(f"{number}:{self.random.random()}")
        await asyncio.sleep(own.uniform(0, 8))
        station = self.stations[number]
        while True:
            vehicle = _vehicle(own, greedy=self.faults and _is_greedy(number))
            await station.plug_in(1, vehicle)
            await station.tap(token_of(number))
            self.asked_at[number], since = time.monotonic(), time.time()
            try:
                await asyncio.sleep(own.uniform(20, 60))
            finally:
                self._waited_for_nothing(number)
                self.plugged.append((number, since, time.time()))
            await station.unplug()
            await asyncio.sleep(own.uniform(2, 6))

    def _waited_for_nothing(self, number: int) -> None:
        """Who goes, or is there at the end, and was told nothing; who has just come does not count."""
        begun = self.asked_at.pop(number, None)
        if begun is not None and (waited := time.monotonic() - begun) > GOAL_SECONDS:
            self.seen.to_limit.append(waited)

    def _sent(self) -> None:
        """From plug-in to the first limit on its way, by the operations of its station."""
        query = (
            "SELECT s.identity, extract(epoch FROM o.sent_at)::float8 FROM operations o JOIN stations s ON s.id = o.station_id "
            "WHERE o.reason = 'sharing power: limit' AND o.sent_at IS NOT NULL ORDER BY o.sent_at"
        )
        sent: dict[str, list[float]] = {}
        for identity, at in self.made.rows(query):
            sent.setdefault(identity, []).append(at)
        for number, since, until in self.plugged:
            times = sent.get(identity_of(number), [])
            first = next((at for at in times if since <= at <= until), until)
            if first < until or until - since > GOAL_SECONDS:
                self.seen.to_sent.append(first - since)

    def _listener(self, number: int) -> Callable[[dict[str, Any]], Any]:
        """How a station answers a profile: as it should, or late, never, or with a refusal."""

        def answer(payload: dict[str, Any]) -> Any:
            profile = payload.get("csChargingProfiles") or payload.get("chargingProfile") or {}
            if profile.get("chargingProfilePurpose") == "TxProfile":
                self.seen.writes += 1
                begun = self.asked_at.pop(number, None)
                if begun is not None:
                    self.seen.to_limit.append(time.monotonic() - begun)
                if self.faults and (drawn := self.chance.random()) < 0.06:
                    self._count("answers lost" if drawn < 0.03 else "profiles refused")
                    return "silence" if drawn < 0.03 else {"status": "Rejected"}
            return None

        return answer

    # --- faults --------------------------------------------------------------------------------------------------

    async def _small_faults(self) -> None:
        every = max(0.2, 40.0 / len(self.stations))
        kinds = (self._offline, self._skewed, self._silent_meter, self._rebooted)
        count = len(self.stations)
        self.tasks += [
            asyncio.create_task(self._stops_obeying(number))
            for number in range(count)
            if _will_not_obey(number)
        ]
        while True:
            await asyncio.sleep(self.chance.uniform(0.5, 1.5) * every * 4)
            await self.chance.choice(kinds)(self.chance.randrange(count))

    async def _offline(self, number: int) -> None:
        self._count("disconnects")
        station = self.stations[number]
        await station.hang_up(stay_offline=True)
        self.tasks.append(asyncio.create_task(self._online_again(station, self.chance.uniform(2, 15))))

    async def _online_again(self, station: VirtualStation, after: float) -> None:
        await asyncio.sleep(after)
        station.go_online()

    async def _skewed(self, number: int) -> None:
        self._count("clocks set wrong")
        machine = self.stations[number].machine
        machine.clock_offset = timedelta(seconds=self.chance.choice((-20, 20)))

    async def _silent_meter(self, number: int) -> None:
        self._count("meters lost")
        evse = self.stations[number].evse()
        evse.silent_meter = not evse.silent_meter

    async def _rebooted(self, number: int) -> None:
        self._count("reboots")
        station = self.stations[number]
        await station.link.do(lambda now: station.machine.power_cycle(now, "PowerUp"))

    async def _stops_obeying(self, number: int) -> None:
        await asyncio.sleep(self.chance.uniform(8, 20))
        self._count("stations that accept and do not obey")
        machine = self.stations[number].machine
        machine.obeys = False
        begun: float | None = None
        while True:
            if begun is None and machine.evses[1].power > 0:
                begun = time.monotonic()
            if begun is not None and await asyncio.to_thread(self._is_found_out, number):
                self.seen.detected.append(time.monotonic() - begun)
                self.disobeys.pop(number, None)
                return
            self.disobeys[number] = begun or time.monotonic()
            await asyncio.sleep(0.3)

    def _is_found_out(self, number: int) -> bool:
        rows = self.made.rows(
            "SELECT memory::json->'standing'->>'disobeyed_at' FROM evse_standings n JOIN evses e ON e.id = n.evse_id "
            "JOIN stations s ON s.id = e.station_id WHERE s.identity = %s",
            identity_of(number),
        )
        return bool(rows and rows[0][0] is not None)

    def _found_out(self) -> None:
        self.seen.undetected = len(self.disobeys)

    async def _kills(self) -> None:
        """SIGKILL of the controller and of the gateway in turn, and every connection to the database cut."""
        while True:
            for kind in (self._kill_controller, self._cut_database, self._kill_gateway):
                await asyncio.sleep(self.chance.uniform(0.2, 0.3) * self.kill_every)
                await kind()

    async def _kill_controller(self) -> None:
        self._count("controllers killed")
        assert self.controller is not None
        self.controller.kill()
        self.controller.wait()
        self.controller = _controller(self.made)

    async def _kill_gateway(self) -> None:
        self._count("gateways killed")
        await asyncio.to_thread(self.made.kill_gateway)
        await asyncio.to_thread(self.made.start_gateway)

    async def _cut_database(self) -> None:
        self._count("databases cut off")
        await asyncio.to_thread(
            self.made.rows,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename IS NOT NULL",
        )

    def _count(self, fault: str) -> None:
        self.seen.faults[fault] = self.seen.faults.get(fault, 0) + 1


def _is_greedy(number: int) -> bool:
    return number % 10 == 3


def _will_not_obey(number: int) -> bool:
    """One on every other feeder, as the reserve covers."""
    return number % (2 * FEEDER_STATIONS) == 1


def _vehicle(own: random.Random, *, greedy: bool) -> Vehicle:
    kind = Greedy if greedy else Vehicle
    phases = own.choice((1, 3, 3))
    return kind(
        capacity=WattHours(80_000.0), charge=WattHours(10_000.0), wanted=WattHours(60_000.0), phases=phases,
        ac_power=Watts(22_000.0 if phases == 3 else 7_360.0), delay=own.uniform(0, 1),
    )  # fmt: skip
