"""A series fetched by HTTP as CSV or JSON, and a meter that pushes its readings to us."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from gridlane.energy.capacity import LoadReading
from gridlane.energy.signals.files import parsed
from gridlane.energy.signals.ports import Series, SourceUnavailable
from gridlane.kernel.errors import InputInvalid
from gridlane.kernel.quantities import Amperes

WAITING = 64


class HttpSeries:
    """``items``: the key under which a JSON answer has its list; ``time`` and ``value``: the keys in each of it.

    CSV answers need no keys. Times are RFC 3339 or seconds or milliseconds of Unix.
    """

    def __init__(
        self,
        url: str,
        items: str = "data",
        time: str = "start_timestamp",
        value: str = "marketprice",
        factor: float = 1.0,
        timeout: float = 20.0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.url, self.items, self.time, self.value = url, items, time, value
        self.factor, self.timeout, self.headers = factor, timeout, dict(headers or {})

    async def fetch(self) -> Series:
        """Asks once. Raises SourceUnavailable with what went wrong."""
        import httpx2

        try:
            async with httpx2.AsyncClient(timeout=self.timeout) as client:
                answer = await client.get(self.url, headers=self.headers)
                answer.raise_for_status()
        except httpx2.HTTPError as wrong:
            raise SourceUnavailable(source=self.url, reason=str(wrong) or type(wrong).__name__) from None
        if "json" not in answer.headers.get("content-type", ""):
            return parsed(self.url, answer.text.splitlines(), self.factor)
        return self._of_json(answer.json())

    def _of_json(self, body: Any) -> Series:
        rows = body.get(self.items, []) if isinstance(body, dict) else body
        try:
            points = sorted((_instant(row[self.time]), float(row[self.value]) * self.factor) for row in rows)
        except (KeyError, TypeError, ValueError) as wrong:
            raise SourceUnavailable(source=self.url, reason=f"cannot read {wrong!r}") from None
        if not points:
            raise SourceUnavailable(source=self.url, reason="it holds no values")
        return Series(self.url, tuple(at for at, _ in points), tuple(value for _, value in points))


class PushedMeter:
    """Readings that come to the API are given to ``push``; whoever reads gets them in order, the oldest dropped."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[LoadReading] = asyncio.Queue(WAITING)

    def push(self, at: datetime, phases: Iterable[float]) -> None:
        """Takes one reading. Raises InputInvalid unless it has three phases."""
        currents = [Amperes(float(each)) for each in phases]
        if len(currents) != 3:
            raise InputInvalid(problems={"phases": f"three currents are needed, there are {len(currents)}"})
        if self._waiting.full():
            self._waiting.get_nowait()
        self._waiting.put_nowait(LoadReading(at, (currents[0], currents[1], currents[2])))

    async def readings(self) -> AsyncIterator[LoadReading]:
        while True:
            yield await self._waiting.get()


def _instant(value: Any) -> datetime:
    if isinstance(value, int | float):
        seconds = value / 1000 if value > 1e11 else value
        return datetime.fromtimestamp(seconds, UTC)
    at = datetime.fromisoformat(str(value))
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
