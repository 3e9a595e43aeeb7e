"""What a kill loses: the gateway's process, and PostgreSQL with every backend, killed at random moments under load.

Every station keeps a log of the message ids that were acknowledged to it; afterwards the log is compared with the store. A
call that was not acknowledged is said again, as a station does, under a new message id. SIGKILL is not a power failure: what
the kernel holds survives it. That nothing is acknowledged before it is on disk is a matter of ``fsync`` and
``synchronous_commit``, which are printed.
"""

import asyncio
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import uvloop

from gridlane.bench.installed import Installed, identity_of, installed
from gridlane.bench.station_load import STEP_WH, Load, Meter, sessions
from gridlane.bench.table import CouldNotRun, Options, Row, Table

STATIONS, RATE = 100, 300
BACK_SECONDS = 5.0


@dataclass(slots=True)
class Found:
    """What the comparison says. ``back``: seconds from each kill to the next acknowledgement, by who was killed."""

    acknowledged: int = 0
    lost: int = 0
    twice: int = 0
    sessions_wrong: int = 0
    survived: int = 0
    back: dict[str, list[float]] = field(default_factory=dict)


def run(options: Options) -> Table:
    """``GRIDLANE_BENCH_KILLS`` sets the number of kills of each kind (100; 5 with --quick)."""
    kills = int(os.environ.get("GRIDLANE_BENCH_KILLS", "5" if options.quick else "100"))
    with installed(STATIONS) as made:
        settings = {name: made.rows(f"SHOW {name}")[0][0] for name in ("synchronous_commit", "fsync")}
        found = uvloop.run(kill_under_load(made, random.Random(options.seed), kills))
    rows = [
        Row("calls acknowledged", found.acknowledged),
        Row("acknowledged and not stored", found.lost, at_most=0),
        Row("stored twice", found.twice, at_most=0),
        Row("sessions missing, twice, or with another energy", found.sessions_wrong, at_most=0),
        Row("kills of PostgreSQL that the gateway's process survived", found.survived, at_least=kills),
        *(
            Row(
                f"back after a kill of the {who}, slowest of {len(times)}",
                max(times),
                "s",
                at_most=BACK_SECONDS,
            )
            for who, times in found.back.items()
        ),
        *(
            Row(f"back after a kill of the {who}, median", sorted(times)[len(times) // 2], "s")
            for who, times in found.back.items()
        ),
    ]
    remarks = (
        f"{STATIONS} stations with whole sessions of 1.6 at {RATE} calls/s, {kills} kills of each",
        f"synchronous_commit {settings['synchronous_commit']}, fsync {settings['fsync']}; SIGKILL is not a power failure",
    )
    return Table("kill", rows, options, remarks)


async def kill_under_load(
    made: Installed, rng: random.Random, kills: int, *, stations: int = STATIONS, rate: float = RATE
) -> Found:
    """Load, kills at random moments, calm, comparison."""
    load = Load(made.port, "ocpp1.6", made.tls)
    load.log.ids = []
    load.returns = True
    meters = await load.connect(range(stations), lambda meter: sessions("ocpp1.6", meter))
    over = asyncio.Event()
    speaking = asyncio.create_task(_speak(load, rate, over))
    found = Found()
    for _ in range(kills):
        for who, kill in (("gateway", _kill_gateway), ("database", _kill_postgres)):
            await asyncio.sleep(rng.uniform(0.2, 1.0))
            found.back.setdefault(who, []).append(await _time_to_be_back(load, made, kill))
        found.survived += made.is_alive
    await asyncio.sleep(1)
    over.set()
    await speaking
    await load.quiet()
    await load.leave()
    await asyncio.to_thread(compare, made, load, meters, found)
    return found


async def _speak(load: Load, rate: float, over: asyncio.Event) -> None:
    while not over.is_set():
        await load.at_rate(rate, 0.5)


async def _time_to_be_back(load: Load, made: Installed, kill: Callable[[Installed], None]) -> float:
    """Kills and starts again; seconds until a call that was said after the kill, or again, was acknowledged."""
    began = time.perf_counter()
    await asyncio.to_thread(kill, made)
    calls = load.log.calls
    while load.log.calls == calls:
        if time.perf_counter() - began > 60:
            raise CouldNotRun("nothing was acknowledged for a minute after a kill")
        await asyncio.sleep(0.01)
    return time.perf_counter() - began


def _kill_gateway(made: Installed) -> None:
    made.kill_gateway()
    made.start_gateway()


def _kill_postgres(made: Installed) -> None:
    made.kill_postgres()
    made.start_postgres()


def compare(made: Installed, load: Load, meters: list[Meter], found: Found) -> None:
    """The stations' logs with the store. Raises CouldNotRun when a station was told an error."""
    log = load.log
    assert log.ids is not None
    if log.errors:
        raise CouldNotRun(f"answers that are no results: {log.errors.most_common(3)}")
    stored = dict(
        made.rows(
            "SELECT message_id, count(*) FROM messages WHERE NOT outgoing AND message_id <> '' GROUP BY 1"
        )
    )
    found.acknowledged = len(log.ids)
    found.lost = sum(id_ not in stored for id_ in log.ids)
    found.twice = sum(count > 1 for count in stored.values())
    told = {identity_of(meter.number): meter for meter in meters}
    for identity, started, ended, energy in made.rows(_SESSIONS):
        meter = told.pop(identity)
        found.sessions_wrong += abs(meter.started - started) + abs(meter.ended - ended)
        found.sessions_wrong += abs(energy - meter.measured) > STEP_WH / 2
    found.sessions_wrong += sum(meter.started for meter in told.values())


_SESSIONS = """
SELECT identity, count(*), count(*) FILTER (WHERE status = 'ended'), sum(energy)
FROM sessions JOIN stations ON stations.id = sessions.station_id GROUP BY 1
"""
