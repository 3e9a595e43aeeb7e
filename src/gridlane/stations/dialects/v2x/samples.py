"""Sampled values of OCPP 2.x: numbers, with a unit and a power of ten beside them."""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import UNSET

from gridlane.stations.dialects.readings import SLOTS, Key, Measured, Placed, readings, scaled
from gridlane.stations.reports import Reading


def _place(samples: Sequence[Any], context: Any) -> Placed:
    """A sample that is signed, or carries a vendor's own data, counts by its value and is kept as well."""
    fields: dict[str, Any] = {}
    rest: list[Any] = []
    others: list[Any] = []
    find = SLOTS.get
    for sample in samples:
        if sample.context != context:
            others.append(sample)
            continue
        unit = sample.unit_of_measure
        slot = find((sample.measurand, sample.phase, sample.location, unit if unit is UNSET else unit.unit))
        if slot is None or slot[0] in fields:
            rest.append(sample)
            continue
        exponent = slot[1] + (unit.multiplier or 0) if unit is not UNSET else slot[1]
        try:
            fields[slot[0]] = scaled(repr(sample.value), exponent) if exponent else sample.value
        except ValueError:
            rest.append(sample)
            continue
        if sample.signed_meter_value is not UNSET or sample.custom_data is not UNSET:
            rest.append(sample)
    return Placed(fields, rest, others)


def _key(sample: Any) -> Key:
    unit = sample.unit_of_measure
    return (sample.measurand, sample.phase, sample.location, unit if unit is UNSET else unit.unit)


def _number(sample: Any, exponent: int) -> float:
    unit = sample.unit_of_measure
    own = 0 if unit is UNSET else unit.multiplier or 0
    return scaled(repr(sample.value), exponent + own)


def _is_signed(sample: Any) -> bool:
    return sample.signed_meter_value is not UNSET


MEASURED: Final = Measured(_place, _key, _number, _is_signed)


def readings_of(meter_values: Sequence[Any]) -> tuple[Reading, ...]:
    return readings(meter_values, MEASURED)
