"""Faults of ten kinds in a simulated network: how soon is each noticed, is its cause named, is it healed, what is a false
alarm?

Stations are simulated and speak OCPP over sockets with a gateway in a process of its own; the watch reads the database like
any worker. What breaks a station (``faults_broken``) changes only the station: its link, its meter, its answers. Nothing
passes a label on; what was broken is compared with the incidents afterwards. Meanwhile life goes on: people charge, and links
break and come back as they do in the field, many times as often, so that false alarms have their chance.
"""

import asyncio
import contextlib
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from uuid import UUID

import uvloop

from gridlane.bench.faults_broken import KINDS, Broken, Street, build
from gridlane.bench.installed import Installed, installed
from gridlane.bench.table import Options, Row, Table
from gridlane.kernel.bus import LocalBus
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database
from gridlane.maintenance.watching import Watch

ALERT_SECONDS, NAMED, HOURS_OF_A_MONTH = 60.0, 0.9, 730.0
NOISE = 40.0
"""How many times as often as in the field healthy stations lose their link for a moment or restart."""


@dataclass(frozen=True)
class Size:
    stations: int
    rounds: int
    quiet: float  # seconds of healthy life before anything is broken
    warm: float  # seconds from breaking links to breaking the rest, while charges get going
    watch: float  # seconds that faults are followed


FULL = Size(stations=500, rounds=3, quiet=120.0, warm=20.0, watch=150.0)
QUICK = Size(stations=60, rounds=1, quiet=1.0, warm=7.0, watch=43.0)


@dataclass
class Found:
    """What became of a broken thing."""

    broken: Broken
    seconds: float | None = None
    cause: str = "-"
    rule: str = "-"
    healed: bool = False
    others: list[str] = field(default_factory=list)

    @property
    def is_named(self) -> bool:
        return (self.cause, self.rule) in self.broken.kind.names


def run(options: Options) -> Table:
    size = QUICK if options.quick else FULL
    with installed(size.stations) as made:
        found, false, hours = uvloop.run(_all(made, size, options.seed))
    remarks = (
        f"{size.stations} stations, {size.rounds} round(s) of {len(KINDS)} kinds of fault; time from breaking it to the incident",
        f"links break and stations restart {NOISE:g} times as often as in the field; {hours:.1f} station-hours were watched",
    )
    return Table("faults", _rows(found, false, hours), options, remarks)


def _rows(found: list[Found], false: list[str], hours: float) -> list[Row]:
    rows = []
    for kind in KINDS:
        mine = [one for one in found if one.broken.kind is kind]
        times = [one.seconds for one in mine if one.seconds is not None]
        missed = len(mine) - len(times)
        said = sorted({f"{one.cause}/{one.rule}" for one in mine})
        note = ", ".join(said) + (f"; {missed} not noticed" if missed else "")
        rows.append(Row(f"{kind.name}: noticed after", max(times, default=float("nan")), "s", note=note))
    times = [one.seconds if one.seconds is not None else float("inf") for one in found]
    curable = [one for one in found if one.broken.kind.cure]
    month = hours / HOURS_OF_A_MONTH
    return [
        *rows,
        Row("time to alert, p50", median(times), "s"),
        Row("time to alert, slowest", max(times), "s", at_most=ALERT_SECONDS),
        Row("cause named rightly", sum(one.is_named for one in found) / len(found), at_least=NAMED),
        Row("curable faults healed without a person", sum(one.healed for one in curable) / len(curable), at_least=1.0),
        Row("false alarms", len(false), note=", ".join(false[:5])),
        Row("false alarms per station-month", len(false) / month if month else 0.0, at_most=0.1),
    ]  # fmt: skip


async def _all(made: Installed, size: Size, seed: int) -> tuple[list[Found], list[str], float]:
    database = Database(made.url, pool=4)
    watch = Watch(database, LocalBus())
    found: list[Found] = []
    false: list[str] = []
    hours = 0.0
    try:
        for number in range(size.rounds):
            random_ = random.Random(f"{seed}:{number}")
            street = build(made, random_)
            watching = asyncio.create_task(watch.run())
            began = system_clock()
            try:
                async with street.living(NOISE):
                    await _until_connected(made, street)
                    broken = await _break(street, size, random_)
                    await asyncio.sleep(size.watch)
            finally:
                watching.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watching
            hours += size.stations * (system_clock() - began).total_seconds() / 3600
            found += [_found(made, one) for one in broken]
            false += _false(made, broken, began)
            _clear(made)
    finally:
        await database.close()
    return found, false, hours


async def _until_connected(made: Installed, street: Street) -> None:
    async with asyncio.timeout(120):
        while sum(one.machine.accepted for one in street.members) < made.stations:  # noqa: ASYNC110 (plain machines)
            await asyncio.sleep(0.2)


async def _break(street: Street, size: Size, random_: random.Random) -> list[Broken]:
    """Break first what takes longest to be sure of, the rest when charges are under way."""
    await asyncio.sleep(size.quiet)
    await street.start_charges(random_)
    broken = [await street.break_(kind) for kind in KINDS if kind.early]
    await asyncio.sleep(size.warm)
    return [*broken, *[await street.break_(kind) for kind in KINDS if not kind.early]]


# --- what was found ----------------------------------------------------------------------------------------------

_INCIDENTS = """
SELECT i.id, i.cause, i.rule, i.status, i.resolution, i.detected_at, array_agg(DISTINCT s.station_id),
  EXISTS (SELECT FROM incident_steps t WHERE t.incident_id = i.id AND t.kind = 'helped')
FROM incidents i JOIN incident_symptoms s ON s.incident_id = i.id GROUP BY i.id ORDER BY i.detected_at
"""


def _incidents(made: Installed) -> list[tuple[UUID, str, str, str, str, datetime, list[UUID], bool]]:
    return [tuple(row) for row in made.rows(_INCIDENTS)]


def _found(made: Installed, broken: Broken) -> Found:
    """The incident that covers most of what was broken; how soon the first one about it was there."""
    here = [one for one in _incidents(made) if broken.stations & set(one[6])]
    here = [one for one in here if one[5] >= broken.at - timedelta(seconds=1)]
    found = Found(broken)
    if not here:
        return found
    found.seconds = (min(one[5] for one in here) - broken.at).total_seconds()
    whole = max(
        (one for one in here if one[3] != "merged"), key=lambda one: len(broken.stations & set(one[6]))
    )
    found.cause, found.rule, found.healed = whole[1], whole[2], whole[7]
    return found


def _false(made: Installed, broken: list[Broken], began: datetime) -> list[str]:
    """Incidents at stations that nobody broke."""
    touched = {station for one in broken for station in one.stations}
    return [
        f"{one[1]}/{one[2]}"
        for one in _incidents(made)
        if one[3] != "merged" and one[5] >= began and not touched & set(one[6])
    ]


def _clear(made: Installed) -> None:
    """The next round knows nothing of this one."""
    made.execute("TRUNCATE incidents, fault_occurrences, playbook_runs CASCADE")
    made.execute("UPDATE sessions SET status = 'ended', ended_at = now() WHERE status = 'active'")
