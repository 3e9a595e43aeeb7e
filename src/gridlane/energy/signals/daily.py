"""A day that repeats: prices by time of use, or a typical day of CO2 or sun, one value for each local hour."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gridlane.energy.signals.ports import Series, SourceUnavailable
from gridlane.kernel.clock import system_clock

DAYS_AHEAD = 3


class DailySeries:
    """``values``: 24, of the hours from midnight in ``time_zone``; ``factor`` turns them into per kWh (or W)."""

    def __init__(
        self,
        values: Sequence[float],
        time_zone: str = "UTC",
        factor: float = 1.0,
        clock: Callable[[], datetime] = system_clock,
    ) -> None:
        self.values, self.time_zone, self.factor, self.clock = tuple(values), time_zone, factor, clock

    async def fetch(self) -> Series:
        """From yesterday's midnight on, some days ahead. Raises SourceUnavailable."""
        if len(self.values) != 24:
            raise SourceUnavailable(
                source="daily", reason=f"24 values are needed, there are {len(self.values)}"
            )
        try:
            zone = ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise SourceUnavailable(source="daily", reason=f"no time zone {self.time_zone!r}") from None
        first = self.clock().astimezone(zone).date() - timedelta(days=1)
        midnight = datetime.combine(first, time(0), zone).astimezone(UTC)
        hours = range(24 * (DAYS_AHEAD + 1))
        begins = [midnight + timedelta(hours=hour) for hour in hours]
        return Series(
            "daily",
            tuple(begins),
            tuple(self.values[at.astimezone(zone).hour] * self.factor for at in begins),
        )
