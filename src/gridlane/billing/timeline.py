"""A session's periods, from what was stored of it: register values, states of charging, and the energy to be billed.

Pure, and the same for the same rows whenever it is asked. Between two register values energy flowed evenly; the sum of
all periods is exactly the energy that charging has settled on (a review, or the plausible steps of the register).
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from gridlane.kernel.quantities import WattHours, Watts
from gridlane.tariffs.session import Activity, Period

IDLE_BELOW = Watts(100.0)
"""Mean power under which a vehicle takes nothing: standby of its electronics."""

ACTIVITIES: dict[str, Activity] = {
    # ChargingStateEnumType of OCPP 2.x; 1.6 tells no states, there the power decides
    "Charging": Activity.CHARGING,
    "SuspendedEV": Activity.PARKING,
    "SuspendedEVSE": Activity.HELD,
    "EVConnected": Activity.PARKING,
    "Idle": Activity.PARKING,
}


class Register(NamedTuple):
    """A value of the energy register (Wh) at an instant."""

    at: datetime
    value: float


class State(NamedTuple):
    """What the station said of the charging, from an instant on."""

    at: datetime
    name: str


def periods_of(
    start: datetime, end: datetime, registers: Sequence[Register], states: Sequence[State], energy: WattHours
) -> list[Period]:
    """The periods of a session from start to end, with ``energy`` shared out as the register rose."""
    flow = _Flow(start, end, registers, energy)
    told = sorted(state for state in states if state.name in ACTIVITIES and state.at <= end)
    inner = {at for at, _ in flow.points} | {state.at for state in told}
    cuts = [start, *sorted(at for at in inner if start < at < end), end]
    periods = [_period(flow, told, a, b) for a, b in pairwise(cuts)] if end > start else []
    return periods or [Period(start, max(start, end), Activity.CHARGING, WattHours(flow.total / 1_000))]


class _Flow:
    """How much energy had flowed by when, in whole mWh: the rising steps of the register, scaled to the total."""

    def __init__(
        self, start: datetime, end: datetime, registers: Sequence[Register], energy: WattHours
    ) -> None:
        self.start, self.total = start, round(energy * 1_000)
        points, risen = [], 0.0
        before: float | None = None
        for register in sorted(register for register in registers if start <= register.at <= end):
            risen += max(register.value - before, 0.0) if before is not None else 0.0
            before = register.value if before is None else max(before, register.value)
            points.append((register.at, risen))
        if risen <= 0:
            points, risen = [(start, 0.0), (end, 1.0)], 1.0
        self.points = [(at, round(self.total * share / risen)) for at, share in points]

    def by(self, at: datetime) -> int:
        """The mWh that had flowed by an instant; what rose at the very start flows after it."""
        if at <= self.start:
            return 0
        index = bisect_right(self.points, at, key=lambda point: point[0])
        if index == 0:
            return 0
        if index == len(self.points):
            return self.points[-1][1]
        (since, low), (until, high) = self.points[index - 1], self.points[index]
        return low + round((high - low) * ((at - since) / (until - since)))


def _period(flow: _Flow, states: Sequence[State], start: datetime, end: datetime) -> Period:
    energy = WattHours((flow.by(end) - flow.by(start)) / 1_000)
    index = bisect_right(states, start, key=lambda state: state.at)
    if index:
        return Period(start, end, ACTIVITIES[states[index - 1].name], energy)
    power = energy * 3_600 / (end - start).total_seconds()
    return Period(start, end, Activity.CHARGING if power >= IDLE_BELOW else Activity.PARKING, energy)
