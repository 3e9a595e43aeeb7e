"""What each circuit may carry at this instant: its rating less its reserve, its hours, its other load, the grid's word.

A measured load counts only while it is fresh. A meter that fell silent, or says what cannot be, counts as the most its
circuit's other load was declared to draw. A circuit without a declared other load has none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf, isfinite

from gridlane.energy.circuit import Circuit, Site
from gridlane.kernel.quantities import Amperes, Watts

PerPhase = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Headroom:
    """What charging may take of a circuit: amperes of each phase, and watts over all. Infinite where not limited."""

    phases: PerPhase
    power: float


@dataclass(frozen=True, slots=True)
class LoadReading:
    """What the other consumers on a circuit drew, in amperes of each phase, without the stations below it."""

    at: datetime
    phases: tuple[Amperes, Amperes, Amperes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What holds now besides the ratings: readings of other loads, and what the grid operator dimmed charging to."""

    readings: Mapping[str, LoadReading] = field(default_factory=dict)
    dimmed_to: Mapping[str, Watts] = field(default_factory=dict)
    fresh_for: timedelta = timedelta(seconds=30)


def headroom(
    site: Site, conditions: Conditions, now: datetime, until: datetime | None = None
) -> dict[str, Headroom]:
    """What charging may draw through each circuit from ``now`` to ``until`` (None: at ``now``); never below 0.

    Lend only what stays there until the loan lapses: a window that opens in between counts already.
    """
    span = (site.local(now), site.local(until or now))
    return {each.id: _import_headroom(site, each, conditions, now, span) for each in site.circuits}


def export_headroom(site: Site) -> dict[str, Headroom]:
    """What vehicles may feed back through each circuit. It counts on no charging car: one may stop at any instant."""
    return {circuit.id: _export_headroom(site, circuit) for circuit in site.circuits}


def other_load(circuit: Circuit, conditions: Conditions, now: datetime) -> PerPhase:
    """The other load that must be assumed on each phase, in amperes."""
    declared = circuit.other_load
    if declared is None:
        return (0.0, 0.0, 0.0)
    reading = conditions.readings.get(circuit.id)
    if reading is None or not _is_usable(reading, conditions.fresh_for, now):
        return (declared.most, declared.most, declared.most)
    first, second, third = (max(0.0, each) + declared.rise for each in reading.phases)
    return (first, second, third)


def _is_usable(reading: LoadReading, fresh_for: timedelta, now: datetime) -> bool:
    return abs(now - reading.at) <= fresh_for and all(isfinite(each) for each in reading.phases)


def _import_headroom(
    site: Site, circuit: Circuit, conditions: Conditions, now: datetime, span: tuple[datetime, datetime]
) -> Headroom:
    current, power = _rated(circuit)
    for window in circuit.windows:
        if window.opens_within(*span):
            current = min(current, inf if window.current is None else window.current)
            power = min(power, inf if window.power is None else window.power)
    load = other_load(circuit, conditions, now)
    first, second, third = (max(0.0, current - each) for each in load)
    left = max(0.0, power - site.voltage * sum(load))
    return Headroom(
        (first, second, third), min(left, max(0.0, conditions.dimmed_to.get(circuit.id, Watts(inf))))
    )


def _rated(circuit: Circuit) -> tuple[float, float]:
    usable = 1.0 - circuit.reserve
    return (
        inf if circuit.current is None else circuit.current * usable,
        inf if circuit.power is None else circuit.power * usable,
    )


def _export_headroom(site: Site, circuit: Circuit) -> Headroom:
    taken_up = circuit.other_load.least if circuit.other_load else 0.0
    rated_current, rated_power = _rated(circuit)
    current = (rated_current if circuit.export_current is None else circuit.export_current) + taken_up
    power = (
        rated_power if circuit.export_power is None else circuit.export_power
    ) + 3 * site.voltage * taken_up
    return Headroom((current, current, current), power)
