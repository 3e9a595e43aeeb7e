"""Physical quantities as types, so that a bare float for energy or current stands out at sight.

The types cost nothing at run time (``NewType``); mypy refuses to mix them. SI and IEC names and units:
energy in Wh, power in W, current in A, voltage in V, durations in s.
"""

from decimal import Decimal
from typing import NewType

WattHours = NewType("WattHours", float)
Watts = NewType("Watts", float)
Amperes = NewType("Amperes", float)
Volts = NewType("Volts", float)
Seconds = NewType("Seconds", float)

PHASES = (1, 2, 3)
"""L1, L2, L3 of a three-phase supply (IEC 60445)."""


def kilowatt_hours(energy: WattHours) -> Decimal:
    """The energy in kWh as an exact decimal of what the meter printed.

    ``repr`` of a float is the shortest text that reads back the same, so 7420.1 Wh gives 7.4201 kWh and not the
    binary neighbour of it. Pricing starts from this value.
    """
    return Decimal(repr(float(energy))) / 1000


def watts(current: Amperes, voltage: Volts, phases: int) -> Watts:
    """Real power of ``phases`` equal phase currents at a phase-to-neutral ``voltage``, power factor 1."""
    return Watts(current * voltage * phases)


def amperes(power: Watts, voltage: Volts, phases: int) -> Amperes:
    """The phase current that carries ``power`` over ``phases`` phases at phase-to-neutral ``voltage``."""
    return Amperes(power / (voltage * phases))
