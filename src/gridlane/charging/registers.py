"""The energy of a session from the values of its register, whatever their order.

The energy is the sum of the plausible steps of the outlet's register, in the station's own time. A step down (the
meter was reset, or its unit changed) or a step larger than the EVSE could have delivered counts nothing and holds the
session for review: better a bill that waits than a wrong one.

In order, a reading is one step. A reading out of order leaves the session ``unsettled``: shown energy does not fall,
and before the session's energy is final it is summed anew from the stored readings (``settled``).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from gridlane.charging.state import AFTER_END, FELL, HOLDING, JUMPED, RAN_BACK, Progress
from gridlane.kernel.quantities import WattHours, Watts
from gridlane.stations.reports import Reading

BEGIN = "Transaction.Begin"
UNKNOWN_POWER = Watts(400_000.0)  # the largest EVSE in the field, for one whose rating is not known
MARGIN = 1.1
PATIENCE_SECONDS = 60.0  # a register is latched, stamped and sent at slightly different times
DAY_SECONDS = 86_400.0  # no vehicle takes more than a day's worth in one step, whatever the clock says
NOISE = 1.0  # Wh a register may fall by rounding
RESOLUTION = 100.0  # Wh; meters that count whole kWh are told by their steps
WHOLE_KILOWATT_HOUR = 1000.0


class Register(NamedTuple):
    """One stored value of the outlet's energy register; ordered by the station's time, then by value."""

    at: datetime
    value: WattHours
    is_begin: bool = False


def step(before: float, after: float, seconds: float, max_power: float) -> tuple[float, str | None]:
    """What a step of the register counts (Wh), and the flag it raises.

    A plausible step is at most ``max_power`` (W) over the time passed, with a tenth and a minute to spare.
    """
    rise = after - before
    if rise <= 0.0:
        return 0.0, FELL if rise < -NOISE else None
    coarse = rise % WHOLE_KILOWATT_HOUR == 0.0
    resolution = WHOLE_KILOWATT_HOUR if coarse else RESOLUTION
    most = max_power * MARGIN * (min(seconds, DAY_SECONDS) + PATIENCE_SECONDS) / 3600.0 + resolution
    return (rise, None) if rise <= most else (0.0, JUMPED)


def advanced(
    progress: Progress, readings: Sequence[Reading], max_power: float, received_at: datetime
) -> Progress:
    """The progress after these readings. Its energy is never lower than before."""
    energy, register, register_at = progress.energy, progress.register, progress.register_at
    first, first_at, first_is_begin = (
        progress.first_register,
        progress.first_register_at,
        progress.first_is_begin,
    )
    power, power_at, soc, soc_at = progress.power, progress.power_at, progress.soc, progress.soc_at
    flags, signed, unsettled = progress.flags, progress.signed, progress.unsettled
    for reading in readings:
        at = reading.at
        if reading.power is not None and (power_at is None or (at, reading.power) > (power_at, power)):
            power, power_at = reading.power, at
        if reading.soc is not None and (soc_at is None or (at, reading.soc) > (soc_at, soc)):
            soc, soc_at = reading.soc, at
        signed = signed or reading.signed
        value = reading.energy
        if value is None:
            continue
        if register is None or register_at is None:
            first, first_at, first_is_begin = value, at, reading.context == BEGIN
            register, register_at = value, at
        elif (reading.context == BEGIN and not first_is_begin) or (at, value) < (register_at, register):
            # The beginning comes after what followed it, or a reading comes late; a repeated one changes nothing.
            known = (at, value) == (first_at, first) and (first_is_begin or reading.context != BEGIN)
            unsettled = unsettled or not known
        else:
            counted, flag = step(register, value, (at - register_at).total_seconds(), max_power)
            energy = WattHours(energy + counted)
            register, register_at = (value if flag == FELL else max(register, value)), at
            if flag is not None and flag not in flags:
                flags = tuple(sorted((*flags, flag)))
    return Progress(
        progress.id, received_at, energy, first, first_at, first_is_begin, register, register_at, power, power_at,
        soc, soc_at, progress.sequences, progress.charging_state, progress.state_sequence, flags, signed, unsettled,
    )  # fmt: skip


def settled(
    progress: Progress, registers: Iterable[Register], max_power: float, ended_at: datetime | None = None
) -> Progress:
    """The energy made anew from every register value of the session: the same whatever order they came in.

    Values stamped after the end (and a minute) do not count: they are another's, or nobody's, and hold the session.
    """
    values = sorted(set(registers))
    if not values:
        return replace(progress, unsettled=False)
    first = next((one for one in values if one.is_begin), values[0])
    until = ended_at + timedelta(seconds=PATIENCE_SECONDS) if ended_at is not None else values[-1].at
    energy, last = 0.0, first
    flags = set(progress.flags) - HOLDING
    for one in values:
        if (one.at, one.value) <= (first.at, first.value):
            if one.value > first.value + NOISE:
                flags.add(RAN_BACK)
        elif one.at > until:
            if one.value > last.value + NOISE:
                flags.add(AFTER_END)
        else:
            counted, flag = step(last.value, one.value, (one.at - last.at).total_seconds(), max_power)
            energy += counted
            last = Register(one.at, one.value if flag == FELL else max(last.value, one.value))
            if flag is not None:
                flags.add(flag)
    return replace(
        progress,
        energy=WattHours(energy),
        first_register=first.value,
        first_register_at=first.at,
        first_is_begin=first.is_begin,
        register=last.value,
        register_at=last.at,
        flags=tuple(sorted(flags)),
        unsettled=False,
    )


def runs_over(progress: Progress, ended_at: datetime | None) -> bool:
    """Whether energy was counted that is stamped after the end."""
    return (
        ended_at is not None
        and progress.register_at is not None
        and progress.register_at != progress.first_register_at
        and progress.register_at > ended_at + timedelta(seconds=PATIENCE_SECONDS)
    )


def registers_of(readings: Iterable[Reading]) -> list[Register]:
    return [Register(one.at, one.energy, one.context == BEGIN) for one in readings if one.energy is not None]
