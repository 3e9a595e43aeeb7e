"""The ports: a series of values over time, a meter, a dimming signal. A new source is one file and one row."""

from bisect import bisect_right
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any, Protocol

from gridlane.energy.capacity import LoadReading
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.quantities import Watts


class SourceUnknown(Refusal):
    code = "energy_source_unknown"
    kind = Kind.INVALID
    sentence = "There is no signal source {kind!r}; there are {known}."


class SourceUnavailable(Refusal):
    code = "energy_source_unavailable"
    kind = Kind.UNAVAILABLE
    sentence = "The signal source {source} gives nothing: {reason}."


class SeriesMisses(Refusal):
    code = "energy_series_misses"
    kind = Kind.NOT_FOUND
    sentence = "The series of {source} has no value for {at}; it ends at {ends}."


@dataclass(frozen=True, slots=True)
class Series:
    """Values that each hold from their instant to the next; the last holds as long as the one before did."""

    source: str
    begins: tuple[datetime, ...]
    values: tuple[float, ...]

    @property
    def ends(self) -> datetime:
        last = self.begins[-1]
        return last + (last - self.begins[-2] if len(self.begins) > 1 else timedelta(hours=1))

    def at(self, instant: datetime) -> float:
        """The value that holds at an instant.

        Raises SeriesMisses outside the series: a price is not invented.
        """
        index = bisect_right(self.begins, instant) - 1
        if index < 0 or instant >= self.ends:
            raise SeriesMisses(source=self.source, at=instant.isoformat(), ends=self.ends.isoformat())
        return self.values[index]


@dataclass(frozen=True, slots=True)
class Dimming:
    """The grid operator's word: charging at this circuit may take ``most`` from ``since`` until ``until``."""

    circuit: str
    most: Watts
    since: datetime
    until: datetime


class SeriesSource(Protocol):
    """Prices (per kWh), CO2 (kg per kWh) or sun (kW) as a series."""

    async def fetch(self) -> Series: ...


class Meter(Protocol):
    """The current of each phase on a circuit, again and again. Ends when the connection ends: the caller starts anew."""

    def readings(self) -> AsyncIterator[LoadReading]: ...


class DimmingSource(Protocol):
    """The dimming events that stand now or are announced."""

    async def events(self) -> list[Dimming]: ...


SOURCES: dict[str, tuple[str, str]] = {
    "csv": ("gridlane.energy.signals.files", "CsvSeries"),
    "daily": ("gridlane.energy.signals.daily", "DailySeries"),
    "http": ("gridlane.energy.signals.http", "HttpSeries"),
    "http_push": ("gridlane.energy.signals.http", "PushedMeter"),
    "modbus": ("gridlane.energy.signals.modbus", "ModbusMeter"),
    "mqtt": ("gridlane.energy.signals.mqtt", "MqttMeter"),
    "openadr": ("gridlane.energy.signals.openadr", "OpenAdr"),
    "simulated": ("gridlane.energy.signals.simulated", "SimulatedMeter"),
}
"""Kind of a source -> where it is, imported when first used."""


def source(kind: str, **settings: Any) -> Any:
    """A source by its kind and settings.

    Raises SourceUnknown, and what its own construction raises.
    """
    if kind not in SOURCES:
        raise SourceUnknown(kind=kind, known=", ".join(SOURCES))
    module, name = SOURCES[kind]
    return getattr(import_module(module), name)(**settings)
