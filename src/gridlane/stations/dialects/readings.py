"""Sampled values to readings: one unit each, one place each, nothing lost.

A sample has a field of its own when it is an instant's value at the outlet in a unit we know. Everything else stays in
``rest`` as it was received: interval energies (no register must be made of them), other measurands and places, texts
that are no numbers, single phases, and whatever is signed.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from math import isfinite
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET

from gridlane.stations.reports import Reading

DEFAULT_CONTEXT: Final = "Sample.Periodic"
DEFAULT_MEASURAND: Final = "Energy.Active.Import.Register"
OUTLET: Final = (UNSET, "Outlet")
ANYWHERE: Final = (UNSET, "Outlet", "EV", "Inlet", "Cable", "Body")


class Measurand(NamedTuple):
    """A measurand with a field of its own. ``units``: the power of ten that makes the field's unit of each."""

    field: str
    units: dict[Any, int]
    places: tuple[Any, ...] = OUTLET


ENERGY: Final = {UNSET: 0, "Wh": 0, "kWh": 3, "MWh": 6}
POWER: Final = {UNSET: 0, "W": 0, "kW": 3, "MW": 6}
CURRENT: Final = {UNSET: 0, "A": 0, "mA": -3}
VOLTAGE: Final = {UNSET: 0, "V": 0, "kV": 3, "mV": -3}

MEASURANDS: Final[dict[str, Measurand]] = {
    "Energy.Active.Import.Register": Measurand("energy", ENERGY),
    "Energy.Active.Export.Register": Measurand("energy_export", ENERGY),
    "Power.Active.Import": Measurand("power", POWER),
    "Power.Offered": Measurand("power_offered", POWER),
    "Power.Import.Offered": Measurand("power_offered", POWER),
    "Current.Import": Measurand("current", CURRENT),
    "Current.Offered": Measurand("current_offered", CURRENT),
    "Current.Import.Offered": Measurand("current_offered", CURRENT),
    "Voltage": Measurand("voltage", VOLTAGE),
    "SoC": Measurand("soc", {UNSET: 0, "Percent": 0, "%": 0}, ANYWHERE),
    "Temperature": Measurand(
        "temperature", {UNSET: 0, "Celsius": 0, "Celcius": 0}, (UNSET, "Outlet", "Body")
    ),
    "Frequency": Measurand("frequency", {UNSET: 0, "Hertz": 0, "Hz": 0}),
}

PHASES: Final = {"L1": 1, "L2": 2, "L3": 3, "L1-N": 1, "L2-N": 2, "L3-N": 3}
"""Phases to neutral. Values between phases (400 V where the field says 230 V) have no field."""

SUMMED: Final = ("energy", "energy_export", "power", "power_offered")
"""Fields that are the sum of their phases; of any other the largest phase counts."""

DELIVERED: Final = ("Outlet", "Cable")
"""What is measured at the cable is what the outlet delivers; it counts where the outlet itself says nothing."""


class Slot(NamedTuple):
    field: str
    exponent: int


Key = tuple[Any, Any, Any, Any]
"""Measurand, phase, place, unit; UNSET where the sample does not say."""


def _slots() -> dict[Key, Slot]:
    """Every way a station may name a sample that has a field."""
    slots: dict[Key, Slot] = {}
    for name, measurand in MEASURANDS.items():
        for place in measurand.places:
            for unit, exponent in measurand.units.items():
                slots[name, UNSET, place, unit] = Slot(measurand.field, exponent)
                if name == "Current.Import":
                    for phase, number in PHASES.items():
                        slots[name, phase, place, unit] = Slot(f"current_l{number}", exponent)
    slots |= {(UNSET, *key[1:]): slot for key, slot in slots.items() if key[0] == DEFAULT_MEASURAND}
    return slots


SLOTS: Final = _slots()

_encoder: Final = msgspec.json.Encoder()


def utc(at: datetime) -> datetime:
    """A station's time in UTC. Decoded messages are there already; those made in Python need not be."""
    return at if at.tzinfo is UTC else at.astimezone(UTC)


def scaled(text: str, exponent: int) -> float:
    """The number of a decimal text times a power of ten, rounded once. Raises ValueError when it is no finite number.

    7.4201 kWh are 7420.1 Wh and not the binary neighbour of it.
    """
    if exponent:
        digits, _, own = text.strip().lower().partition("e")
        text = f"{digits}e{int(own or 0) + exponent}"
    value = float(text)
    if "_" in text or not isfinite(value):
        raise ValueError(text)
    return value


class Placed(NamedTuple):
    """The samples of one instant, sorted: fields, what has none, and what is of another context."""

    fields: dict[str, Any]
    rest: list[Any]
    others: list[Any]


class Measured(NamedTuple):
    """How one version's samples are read. ``place`` is the hot loop; the others serve what it leaves in ``rest``."""

    place: Callable[[Sequence[Any], Any], Placed]  # (samples, context)
    key: Callable[[Any], Key]
    number: Callable[[Any, int], float]  # (sample, power of ten); raises ValueError
    is_signed: Callable[[Any], bool]


def readings(meter_values: Sequence[Any], measured: Measured) -> tuple[Reading, ...]:
    """The readings of a message, in the order of their times: one for each instant and context."""
    if len(meter_values) == 1:
        (only,) = meter_values
        return _readings_of(utc(only.timestamp), only.sampled_value, measured)
    instants: dict[datetime, list[Any]] = {}
    for value in meter_values:
        instants.setdefault(utc(value.timestamp), []).extend(value.sampled_value)
    return tuple(reading for at in sorted(instants) for reading in _readings_of(at, instants[at], measured))


def _readings_of(at: datetime, samples: Sequence[Any], measured: Measured) -> tuple[Reading, ...]:
    if not samples:
        return ()
    context = samples[0].context
    placed = measured.place(samples, context)
    reading = _reading(at, context or DEFAULT_CONTEXT, placed, samples, measured)
    return (reading, *_readings_of(at, placed.others, measured)) if placed.others else (reading,)


def _reading(
    at: datetime, context: str, placed: Placed, samples: Sequence[Any], measured: Measured
) -> Reading:
    fields, rest, _ = placed
    if "current_l1" in fields or "current_l2" in fields or "current_l3" in fields:
        _take_largest_phase(fields, rest, samples, measured)
    if not rest:
        return Reading(at=at, context=context, **fields)
    _fill_from_phases(fields, rest, measured)
    _fill_temperature(fields, rest, measured)
    signed = any(map(measured.is_signed, rest))
    return Reading(at=at, context=context, rest=_encoder.encode(rest).decode(), signed=signed, **fields)


def _take_largest_phase(
    fields: dict[str, Any], rest: list[Any], samples: Sequence[Any], measured: Measured
) -> None:
    """The largest phase is the current; a value without a phase beside it is kept."""
    if "current" in fields:
        rest += [
            s for s in samples if SLOTS.get(measured.key(s), _NO_SLOT).field == "current" and s not in rest
        ]
    fields["current"] = max([fields[name] for name in _PHASE_CURRENTS if name in fields])


_NO_SLOT: Final = Slot("", 0)
_PHASE_CURRENTS: Final = ("current_l1", "current_l2", "current_l3")


def _fill_from_phases(fields: dict[str, Any], rest: list[Any], measured: Measured) -> None:
    """Fields that the outlet's own total left open: the sum (or the largest) of phases, values of the cable."""
    found: dict[str, dict[int, float]] = {}
    for sample in rest:
        measurand, phase, place, unit = measured.key(sample)
        if place in DELIVERED:
            place = UNSET
        slot = SLOTS.get((measurand, UNSET, place, unit)) if phase is UNSET or phase in PHASES else None
        if slot is None:
            continue
        try:
            value = measured.number(sample, slot.exponent)
        except ValueError:
            continue
        found.setdefault(slot.field, {}).setdefault(PHASES.get(phase, 0), value)
    for name, phases in found.items():
        fields.setdefault(name, _of_phases(name, phases))


def _of_phases(field: str, phases: dict[int, float]) -> float:
    """One value of several phases, or of none (0), which then is the whole."""
    if 0 in phases:
        return phases[0]
    if field in SUMMED:
        return float(sum(Decimal(repr(value)) for value in phases.values()))
    return max(phases.values())


def _fill_temperature(fields: dict[str, Any], rest: list[Any], measured: Measured) -> None:
    for sample in rest:
        measurand, _, _, unit = measured.key(sample)
        if measurand == "Temperature" and unit in _TO_CELSIUS and "temperature" not in fields:
            try:
                fields["temperature"] = round(_TO_CELSIUS[unit](measured.number(sample, 0)), 3)
            except ValueError:
                continue


_TO_CELSIUS: Final[dict[Any, Callable[[float], float]]] = {
    "K": lambda kelvin: kelvin - 273.15,
    "Fahrenheit": lambda fahrenheit: (fahrenheit - 32) / 1.8,
}
