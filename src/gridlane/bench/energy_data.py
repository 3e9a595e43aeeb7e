"""The measured sessions, networks and tariffs of data/sessions as arrays that replays understand."""

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from gridlane.bench.table import CouldNotRun
from gridlane.energy.beliefs import Learned
from gridlane.energy.network import Network
from gridlane.energy.program import Floats
from gridlane.energy.replay import Sessions, Tapering
from gridlane.forecasting.stays import Arrival, Stays, Visit

HOURS = 1 / 12
STEP = timedelta(minutes=5)
PACIFIC = ZoneInfo("America/Los_Angeles")
_RATED_KW = {"caltech": 150.0, "jpl": 195.0}
_TRANSFORMERS = ("Secondary", "Primary", "Transformer")


@dataclass(frozen=True, slots=True)
class Record:
    """One session as measured. ``stated`` values are None when the driver stated nothing."""

    station: str
    arrives: datetime
    departs: datetime
    energy: float
    stated_departure: datetime | None
    stated_energy: float | None


def _folder() -> Path:
    folder = Path(__file__).parents[3] / "data" / "sessions"
    if not folder.is_dir():
        raise CouldNotRun(f"the data folder {folder.name} is not there; run this from a checkout")
    return folder


@cache
def records(site: str) -> tuple[Record, ...]:
    """All sessions of a site in order of arrival."""
    with gzip.open(_folder() / "acn_2019-05_08.csv.gz", "rt", newline="") as rows:
        found = [_record(row) for row in csv.DictReader(rows) if row["site"] == site]
    return tuple(sorted(found, key=lambda each: each.arrives))


def _record(row: dict[str, str]) -> Record:
    stated = row["estimated_departure_utc"]
    return Record(
        row["station_id"],
        datetime.fromisoformat(row["arrival_utc"]),
        datetime.fromisoformat(row["departure_utc"]),
        float(row["delivered_kwh"]),
        datetime.fromisoformat(stated) if stated else None,
        float(row["requested_kwh"]) if row["requested_kwh"] else None,
    )


@dataclass(frozen=True, slots=True)
class Period:
    """Local midnights of the first day and of the day after the last."""

    begin: datetime
    end: datetime

    @classmethod
    def days(cls, first: str, count: int) -> "Period":
        begin = datetime.fromisoformat(first).replace(tzinfo=PACIFIC)
        return cls(begin, begin + timedelta(days=count))

    @property
    def steps(self) -> int:
        return self.step(self.end)

    def step(self, at: datetime) -> int:
        return int((at.astimezone(UTC) - self.begin.astimezone(UTC)) // STEP)

    def inside(self, site: str) -> Iterator[Record]:
        return (each for each in records(site) if self.begin <= each.arrives < self.end)


def sessions_of(site: str, network: Network, period: Period) -> Sessions:
    """The sessions that arrive in the period, with what really happened as what is believed."""
    number = {name: index for index, name in enumerate(network.names)}
    kept = [each for each in period.inside(site) if each.station in number]
    begin = np.array([period.step(each.arrives) for each in kept], dtype=np.int64)
    end = np.array([period.step(each.departs) for each in kept], dtype=np.int64)
    end = np.maximum(end, begin + 1)
    energy = np.array([each.energy for each in kept])
    evse = np.array([number[each.station] for each in kept], dtype=np.int64)
    return Sessions(evse=evse, begin=begin, end=end, energy=energy, believed_end=end, believed_energy=energy)


def network_of_site(site: str, kilowatts: float) -> Network:
    """The garage's network with transformers of ``kilowatts``, all their windings scaled alike."""
    facts: dict[str, Any] = json.loads((_folder() / f"network_{site}.json").read_text())
    stations, limits = facts["stations"], facts["constraints"]
    names = [each["id"] for each in stations]
    phasor = {each["id"]: np.exp(1j * np.radians(each["phase_angle_deg"])) for each in stations}
    per_ampere = np.array([each["voltage_v"] / 1000 for each in stations])
    weight = np.array(
        [[each["coefficients"].get(name, 0.0) * phasor[name] for name in names] for each in limits]
    )
    kinds, kind = np.unique(np.round(weight / per_ampere, 9), axis=1, return_inverse=True)
    scale = kilowatts / _RATED_KW[site]
    capacity = [each["limit_a"] * (scale if _of_transformer(each["name"]) else 1.0) for each in limits]
    return Network(
        names=tuple(names),
        kind=kind.reshape(-1).astype(np.int64),
        most=np.array([max(each["allowed_a"]) for each in stations]) * per_ampere,
        kilowatts_per_ampere=per_ampere,
        weight=kinds,
        capacity=np.array(capacity),
        minimum=np.array([each["allowed_a"][1] for each in stations]) * per_ampere,
        limit_names=tuple(each["name"] for each in limits),
    )


def _of_transformer(name: str) -> bool:
    return any(word in name for word in _TRANSFORMERS)


def pilots_of_site(site: str) -> tuple[Floats, ...]:
    """The power steps of each station, in the order of its network."""
    facts: dict[str, Any] = json.loads((_folder() / f"network_{site}.json").read_text())
    return tuple(np.array(each["allowed_a"]) * each["voltage_v"] / 1000 for each in facts["stations"])


@dataclass(frozen=True, slots=True)
class Tariff:
    """Energy price of every step (per kWh) and the demand charge (per kW of the month's peak)."""

    price: Floats
    demand: float


def tariff_of(name: str, period: Period, steps: int) -> Tariff:
    """A tariff by its key in tariffs_tou.json, over ``steps`` steps from the period's begin."""
    seasons = json.loads((_folder() / "tariffs_tou.json").read_text())[name]["schedule"]
    price = np.zeros(steps)
    for step in range(steps):
        local = (period.begin.astimezone(UTC) + step * STEP).astimezone(PACIFIC)
        price[step] = _price_at(seasons, local)
    return Tariff(price, max(each["demand_charge"] for each in seasons))


def _price_at(seasons: list[dict[str, Any]], local: datetime) -> float:
    day = "WEEKENDS" if local.weekday() >= 5 else "WEEKDAYS"
    season = next(
        each for each in seasons if each["dow_mask"] in {day, "ALL"} and _in_season(each, f"{local:%m-%d}")
    )
    hour = local.hour + local.minute / 60
    edges = [*season["times"], 24]
    return float(
        next(
            price
            for price, (since, until) in zip(season["tariffs"], pairwise(edges), strict=True)
            if since <= hour < until
        )
    )


def _in_season(season: dict[str, Any], day: str) -> bool:
    begin, end = str(season["effective_start"]), str(season["effective_end"])
    return begin <= day <= end if begin <= end else day >= begin or day <= end


def tapering(sessions: Sessions, network: Network) -> Tapering:
    """Batteries under which each session could just be what it was: the smallest usual size, the fullest begin."""
    most, stay = network.most[sessions.evse], (sessions.end - sessions.begin) * HOURS
    size, begins = np.empty(len(sessions)), np.empty(len(sessions))
    for index, energy in enumerate(sessions.energy):
        size[index], begins[index] = _battery(float(energy), float(most[index]), float(stay[index]) * 0.98)
    return Tapering(most=most, size=size, begins=begins)


_SIZES = (8.0, 24.0, 40.0, 60.0, 85.0, 100.0)
_KNEE = 0.8


def _battery(energy: float, most: float, stay: float) -> tuple[float, float]:
    for size in _SIZES:
        fullest = 1.0 - energy / size - 1e-3
        if fullest < 0:
            continue
        for begin in np.linspace(fullest, 0.0, 50):
            if _hours_to_charge(float(begin), energy, size, most) <= stay:
                return size, float(begin) * size
    return 100.0, 0.0


def _hours_to_charge(begin: float, energy: float, size: float, most: float) -> float:
    end = begin + energy / size
    steady = max(0.0, min(end, _KNEE) - begin) * size / most
    if end <= _KNEE:
        return steady
    return steady + size * (1 - _KNEE) / most * float(np.log((1 - max(begin, _KNEE)) / (1 - end)))


def arrival_of(record: Record) -> Arrival:
    """What is known of a session when it begins."""
    local = record.arrives.astimezone(PACIFIC)
    stated = record.stated_departure
    return Arrival(
        hour=local.hour + local.minute / 60,
        working_day=local.weekday() < 5,
        stated_stay=None if stated is None else max((stated - record.arrives).total_seconds() / 3600, 0.1),
        stated_energy=record.stated_energy,
    )


def visit_of(record: Record) -> Visit:
    stay = (record.departs - record.arrives).total_seconds() / 3600
    return Visit(arrival=arrival_of(record), stay=stay, energy=record.energy)


def learned(site: str, network: Network, period: Period) -> Learned:
    """Forecasts for the period's sessions from all sessions that had ended before it began."""
    stays = Stays([visit_of(each) for each in records(site) if each.departs < period.begin])
    known = set(network.names)
    return Learned(
        stays.forecast([arrival_of(each) for each in period.inside(site) if each.station in known])
    )


def as_stated(site: str, network: Network, period: Period) -> Sessions:
    """The same sessions, believed as their drivers stated them; who stated nothing gets the median of the others."""
    sessions, known = sessions_of(site, network, period), set(network.names)
    kept = [each for each in period.inside(site) if each.station in known]
    stays = [arrival_of(each).stated_stay for each in kept]
    energies = [each.stated_energy for each in kept]
    usual_stay = float(np.median([each for each in stays if each is not None]))
    usual_energy = float(np.median([each for each in energies if each is not None]))
    hours = np.array([usual_stay if each is None else each for each in stays])
    sessions.believed_end = sessions.begin + np.maximum(np.round(hours / HOURS), 1).astype(np.int64)
    sessions.believed_energy = np.array([usual_energy if each is None else each for each in energies])
    return sessions
