"""People who come to charge: when, how long, how much. Drawn from real sessions, seeded."""

import csv
import gzip
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from gridlane.kernel.quantities import WattHours

# Arrivals by hour of day at public and workplace chargers (share of a day's arrivals), used where a station has no
# recorded day of its own.
_HOURS = (1, 1, 1, 1, 1, 2, 4, 7, 9, 7, 5, 5, 6, 6, 5, 5, 6, 8, 8, 6, 4, 3, 2, 1)


@dataclass(frozen=True)
class Visit:
    """One real stay, without its date: how long and how much."""

    stay: timedelta
    energy: WattHours


def read_visits(folder: Path) -> tuple[Sequence[Visit], Sequence[Visit]]:
    """AC and DC stays of the recorded data sets (see the folder's README for source and licence)."""
    slow = [
        Visit(_span(row["arrival_utc"], row["departure_utc"]), WattHours(float(row["delivered_kwh"]) * 1000))
        for row in _rows(folder / "sessions" / "acn_2019-05_08.csv.gz")
    ]
    fast = [
        Visit(timedelta(minutes=float(row["stay_min"])), WattHours(float(row["energy_wh"])))
        for row in _rows(folder / "dc_fast" / "dc_fast_desl_2022_2023.csv.gz")
    ]
    return slow, fast


def next_arrival(random_: random.Random, after: datetime, per_day: float) -> datetime:
    """When the next person comes to an EVSE: a Poisson process that follows the hours of the day."""
    mean, at = sum(_HOURS) / 24, after
    while True:
        at += timedelta(days=random_.expovariate(per_day * max(_HOURS) / mean))
        if random_.random() < _HOURS[at.hour] / max(_HOURS):
            return at


def draw(random_: random.Random, visits: Sequence[Visit]) -> Visit:
    return random_.choice(visits)


def _rows(file: Path) -> list[dict[str, str]]:
    with gzip.open(file, "rt", encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def _span(arrival: str, departure: str) -> timedelta:
    return datetime.fromisoformat(departure) - datetime.fromisoformat(arrival)
