"""A meter of a building that does not exist: the default, so that a site works before its meter is wired."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from math import pi, sin

from gridlane.energy.capacity import LoadReading
from gridlane.kernel.clock import system_clock
from gridlane.kernel.quantities import Amperes


class SimulatedMeter:
    """``base`` A by night, ``busy`` A more at the height of the day, the phases a little apart."""

    def __init__(
        self,
        base: float = 8.0,
        busy: float = 20.0,
        every: float = 5.0,
        clock: Callable[[], datetime] = system_clock,
    ) -> None:
        self.base, self.busy, self.every, self.clock = base, busy, every, clock

    async def readings(self) -> AsyncIterator[LoadReading]:
        while True:
            yield self.reading(self.clock())
            await asyncio.sleep(self.every)

    def reading(self, at: datetime) -> LoadReading:
        """The load at an instant, the same at every asking."""
        hour = at.hour + at.minute / 60
        day = max(0.0, sin(pi * (hour - 6) / 12)) if 6 <= hour <= 18 else 0.0
        middle = self.base + self.busy * day
        first, second, third = (Amperes(middle * share) for share in (1.0, 0.9, 1.1))
        return LoadReading(at, (first, second, third))
