"""What a durable call costs: CPU, latency, memory, connects; plain and with TLS; and whether what was answered is stored.

The gateway is a process of its own over an embedded PostgreSQL and answers after the commit; the stations are this process.
``limit`` is a bare echo server on the same socket library, ``peer`` the usual Python central system (``ocpp`` on
``websockets``), which stores nothing. CPU is the process's own, so it holds where the machine is shared; wall-clock rates are
lower bounds, for load, gateway and database share its cores.
"""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import uvloop

from gridlane.bench import echo
from gridlane.bench.installed import Installed, cpu_of, free_port, installed
from gridlane.bench.station_load import Load, Meter, Script, Version, percentile, sessions
from gridlane.bench.table import CouldNotRun, Options, Row, Table

VERSIONS: tuple[Version, ...] = ("ocpp1.6", "ocpp2.0.1")
WITHOUT_END = 1_000_000
RATE = 1000
FILES_TO_SPARE = 600


@dataclass(frozen=True, slots=True)
class Sizes:
    busy: int
    seconds: float
    idle: int
    growth: tuple[int, ...]

    @property
    def stations(self) -> int:
        return max(self.busy, self.idle, *self.growth)


QUICK = Sizes(busy=300, seconds=3.0, idle=500, growth=(500,))


def full() -> Sizes:
    import resource

    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Sizes(busy=1000, seconds=10.0, idle=5000, growth=(500, 5000, files - FILES_TO_SPARE))


@dataclass(frozen=True, slots=True)
class Figures:
    """Microseconds of CPU per call, calls per second, milliseconds of median and 99th percentile."""

    gateway: float
    database: float
    rate: float
    median: float
    p99: float


def run(options: Options) -> Table:
    sizes = QUICK if options.quick else full()
    rows: list[Row] = []
    with installed(sizes.stations) as made:
        rows += uvloop.run(_plain(made, sizes))
    with installed(max(sizes.busy, sizes.idle), profile=2) as made:
        rows += uvloop.run(_with_tls(made, sizes))
    return Table(
        "gateway",
        _with_limit_and_peer(rows, sizes),
        options,
        (
            "every phase compared the calls acknowledged with the message log, the readings and the sessions stored: equal",
            f"synchronous_commit {_SETTINGS['synchronous_commit']}, fsync {_SETTINGS['fsync']}",
        ),
    )


_SETTINGS: dict[str, str] = {}


async def _plain(made: Installed, sizes: Sizes) -> list[Row]:
    for name in ("synchronous_commit", "fsync"):
        _SETTINGS[name] = made.rows(f"SHOW {name}")[0][0]
    rows = [await _idle(made, sizes.idle, "plain", 20)]
    values = await saturated(made, "ocpp1.6", sizes.busy, sizes.seconds, WITHOUT_END)
    rows += [
        Row("MeterValues 1.6, plain: gateway", values.gateway, "us CPU/call", at_most=45),
        Row("MeterValues 1.6, plain: database", values.database, "us CPU/call"),
        Row("MeterValues 1.6, plain: rate", values.rate, "1/s"),
        Row("MeterValues 1.6, plain: p50", values.median, "ms"),
        Row("MeterValues 1.6, plain: p99", values.p99, "ms"),
    ]
    for version in VERSIONS:
        whole = await saturated(made, version, sizes.busy, sizes.seconds)
        rows += [
            Row(f"whole session {version}: gateway", whole.gateway, "us CPU/call", at_most=80),
            Row(f"whole session {version}: database", whole.database, "us CPU/call", at_most=20),
            Row(f"whole session {version}: rate", whole.rate, "1/s"),
        ]
    steady, late = await at_rate(made, sizes)
    rows += [
        Row(f"{RATE} calls/s, open loop: p50", steady.median, "ms"),
        Row(
            f"{RATE} calls/s, open loop: p99",
            steady.p99,
            "ms",
            at_most=50,
            note=f"{late} waits for a free station",
        ),
    ]
    return rows + await _growth(made, sizes)


async def _growth(made: Installed, sizes: Sizes) -> list[Row]:
    rows: list[Row] = []
    for count in sizes.growth:
        values = await saturated(made, "ocpp1.6", count, sizes.seconds, WITHOUT_END, at_once=500)
        rows += [
            Row(f"{count} stations, MeterValues 1.6: gateway", values.gateway, "us CPU/call"),
            Row(f"{count} stations, MeterValues 1.6: rate", values.rate, "1/s"),
            Row(f"{count} stations, MeterValues 1.6: p99", values.p99, "ms"),
        ]
    return rows


async def _with_tls(made: Installed, sizes: Sizes) -> list[Row]:
    rows = [await _idle(made, sizes.idle, "TLS", 45)]
    values = await saturated(made, "ocpp1.6", sizes.busy, sizes.seconds, WITHOUT_END)
    return [*rows, Row("MeterValues 1.6, TLS: gateway", values.gateway, "us CPU/call", at_most=60)]


async def _idle(made: Installed, count: int, how: str, goal: int) -> Row:
    """Memory per station that is connected and booted, its state included, and what it took to let it in."""
    warm = Load(made.port, "ocpp1.6", made.tls)
    await warm.connect(range(100), lambda meter: sessions("ocpp1.6", meter))
    await asyncio.sleep(1)
    resident, before, began = made.resident_kib(), made.cost(), time.perf_counter()
    load = Load(made.port, "ocpp1.6", made.tls)
    await load.connect(range(100, count), lambda meter: sessions("ocpp1.6", meter), at_once=200)
    took = time.perf_counter() - began
    await asyncio.sleep(2)
    spent = made.cost().since(before)
    kib = (made.resident_kib() - resident) / (count - 100)
    await warm.leave()
    await load.leave()
    await _all_gone(made)
    connect_ms = spent.gateway / (count - 100) * 1e3
    note = f"state included; {(count - 100) / took:,.0f} connects/s, {connect_ms:.2f} ms CPU each, claim committed"
    return Row(f"idle station, {how}, of {count}", kib, "KiB", at_most=goal + 8, note=note)


async def saturated(
    made: Installed, version: Version, stations: int, seconds: float, values: int = 4, *, at_once: int = 100
) -> Figures:
    """Closed loop: every station has a call in flight. Raises CouldNotRun when what was answered is not what is stored."""
    before = Stored.of(made)
    load = Load(made.port, version, made.tls)
    meters = await load.connect(range(stations), _script(version, values), at_once=at_once)
    load.begin()
    await load.until_said(stations * 5)  # past boot and start
    figures = await _measured(made, load, seconds)
    await load.quiet()
    await load.leave()
    compare(load, meters, Stored.of(made).since(before))
    await _all_gone(made)
    await asyncio.to_thread(_close_sessions, made)
    return figures


def _script(version: Version, values: int) -> Callable[[Meter], Script]:
    return lambda meter: sessions(version, meter, values)


async def _measured(made: Installed, load: Load, seconds: float) -> Figures:
    load.log.times.clear()
    calls, before, began = load.log.calls, made.cost(), time.perf_counter()
    await asyncio.sleep(seconds)
    took, spent, calls = time.perf_counter() - began, made.cost().since(before), load.log.calls - calls
    if not calls:
        raise CouldNotRun("no call was answered")
    times = load.log.times
    return Figures(
        spent.gateway / calls * 1e6,
        spent.database / calls * 1e6,
        calls / took,
        percentile(times, 0.5),
        percentile(times, 0.99),
    )


async def at_rate(made: Installed, sizes: Sizes) -> tuple[Figures, int]:
    """Open loop of whole sessions at a rate far from saturation."""
    before = Stored.of(made)
    load = Load(made.port, "ocpp1.6", made.tls)
    meters = await load.connect(range(sizes.busy), _script("ocpp1.6", 4))
    await load.at_rate(RATE, 2)
    late, figures = await asyncio.gather(
        load.at_rate(RATE, sizes.seconds), _measured(made, load, sizes.seconds * 0.95)
    )
    await load.quiet()
    await load.leave()
    compare(load, meters, Stored.of(made).since(before))
    await _all_gone(made)
    await asyncio.to_thread(_close_sessions, made)
    return figures, late


# --- what was answered, and what is stored -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stored:
    messages: int
    readings: int
    started: int
    ended: int

    @classmethod
    def of(cls, made: Installed) -> "Stored":
        ((messages,),) = made.rows("SELECT count(*) FROM messages WHERE NOT outgoing")
        ((readings,),) = made.rows("SELECT count(*) FROM readings")
        ((started, ended),) = made.rows(
            "SELECT count(*), count(*) FILTER (WHERE closed_by IS NULL AND status = 'ended') FROM sessions"
        )
        return cls(messages, readings, started, ended)

    def since(self, before: "Stored") -> "Stored":
        return Stored(
            self.messages - before.messages,
            self.readings - before.readings,
            self.started - before.started,
            self.ended - before.ended,
        )


def compare(load: Load, meters: list[Meter], stored: Stored) -> None:
    """Raises CouldNotRun when the store differs from what the stations were told."""
    log = load.log
    if log.errors:
        raise CouldNotRun(f"answers that are no results: {log.errors.most_common(3)}")
    told = Stored(
        log.calls, log.readings, sum(meter.started for meter in meters), sum(meter.ended for meter in meters)
    )
    if told != stored:
        raise CouldNotRun(f"answered: {told}, stored: {stored}")


async def _all_gone(made: Installed) -> None:
    """Until the gateway has written that every station is gone, so that the next phase starts from rest."""
    deadline = time.monotonic() + 60
    while made.rows("SELECT count(*) FROM stations WHERE connected") != [(0,)]:
        if time.monotonic() > deadline:
            raise CouldNotRun("stations that left are still connected")
        await asyncio.sleep(0.2)


def _close_sessions(made: Installed) -> None:
    """End what a phase left running, so that no card is refused as charging elsewhere in the next."""
    made.execute(
        "UPDATE sessions SET status = 'ended', ended_at = now(), closed_by = 'bench' WHERE ended_at IS NULL"
    )


# --- beside it ---------------------------------------------------------------------------------------------------


def _with_limit_and_peer(rows: list[Row], sizes: Sizes) -> list[Row]:
    limits = {how: _echoed(sizes, tls=how == "TLS") for how in ("plain", "TLS")}
    peers = {version: usual(version, 50, sizes.seconds) for version in VERSIONS}
    found = []
    for row in rows:
        limit = next((us for how, us in limits.items() if f"{how}: gateway" in row.name), None)
        peer = next((us for version, us in peers.items() if f"{version}: gateway" in row.name), None)
        found.append(_beside(row, limit, peer))
    return found


def _beside(row: Row, limit: float | None, peer: float | None) -> Row:
    from dataclasses import replace

    return replace(row, limit=limit, peer=peer) if limit or peer else row


def _echoed(sizes: Sizes, *, tls: bool) -> float:
    with echo.echo_server("bare", tls=tls) as server:
        microseconds, _ = uvloop.run(echo.cpu_per_message(server, 100, sizes.seconds))
    return microseconds


def usual(version: Version, stations: int, seconds: float) -> float:
    """Microseconds of CPU per call of the usual central system over whole sessions."""
    with _usual_central_system(version) as (port, process):
        return uvloop.run(_usual(version, port, process, stations, seconds))


@contextmanager
def _usual_central_system(version: Version) -> Iterator[tuple[int, int]]:
    port = free_port()
    process = subprocess.Popen(  # noqa: S603 (our own module)
        [sys.executable, "-m", "gridlane.bench.usual_central_system", version, str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield port, process.pid
    finally:
        process.kill()
        process.wait()


async def _usual(version: Version, port: int, process: int, stations: int, seconds: float) -> float:
    load = Load(port, version)
    await load.connect(range(stations), _script(version, 4), at_once=10)
    load.begin()
    await asyncio.sleep(seconds / 2)
    calls, before = load.log.calls, cpu_of(process)
    await asyncio.sleep(seconds)
    calls, spent = load.log.calls - calls, cpu_of(process) - before
    await load.leave()
    if not calls:
        raise CouldNotRun("the usual central system answered nothing")
    return spent / calls * 1e6
