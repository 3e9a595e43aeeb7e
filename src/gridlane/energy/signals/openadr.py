"""The grid operator's word by OpenADR 3: a client (VEN) that asks the operator's server (VTN) for events.

OpenADR 3 is plain HTTPS and JSON (definition 3.0.1): a token by client credentials, then GET /events. Of an event the
payloads IMPORT_CAPACITY_LIMIT (kW at the connection) and its subscription form are understood; others are passed over.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from gridlane.energy.signals.ports import Dimming, SourceUnavailable
from gridlane.kernel.quantities import Watts

LIMITS = frozenset({"IMPORT_CAPACITY_LIMIT", "IMPORT_CAPACITY_SUBSCRIPTION"})
_DURATION = re.compile(
    r"P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?$"
)
FOREVER = timedelta(days=36500)


class OpenAdr:
    """``circuit``: the circuit that the operator's limit is for. ``program``: only this program's events."""

    def __init__(
        self,
        url: str,
        circuit: str,
        client_id: str | None = None,
        client_secret: str | None = None,
        program: str | None = None,
        timeout: float = 20.0,
    ) -> None:
        self.url, self.circuit, self.program, self.timeout = url.rstrip("/"), circuit, program, timeout
        self.client_id, self.client_secret = client_id, client_secret

    async def events(self) -> list[Dimming]:
        """Asks once for all events. Raises SourceUnavailable with what went wrong."""
        import httpx2

        try:
            async with httpx2.AsyncClient(timeout=self.timeout) as client:
                headers = await self._authorized(client)
                question = {"programID": self.program} if self.program else {}
                answer = await client.get(f"{self.url}/events", params=question, headers=headers)
                answer.raise_for_status()
                return [dimming for event in answer.json() for dimming in dimmings(event, self.circuit)]
        except (httpx2.HTTPError, KeyError, TypeError, ValueError) as wrong:
            raise SourceUnavailable(source=self.url, reason=str(wrong) or type(wrong).__name__) from None

    async def _authorized(self, client: Any) -> dict[str, str]:
        if self.client_id is None:
            return {}
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret or "",
        }
        answer = await client.post(f"{self.url}/auth/token", data=form)
        answer.raise_for_status()
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def dimmings(event: dict[str, Any], circuit: str) -> Iterator[Dimming]:
    """The limits of one event. An interval without a period of its own follows the one before it."""
    period = event.get("intervalPeriod")
    since = None if period is None else _start(period)
    for interval in event.get("intervals", []):
        own = interval.get("intervalPeriod")
        since = _start(own) if own is not None else since
        lasts = _lasts(own or period)
        if since is None:
            raise ValueError("an event without a start")
        for payload in interval.get("payloads", []):
            if payload.get("type") in LIMITS:
                yield Dimming(circuit, Watts(float(payload["values"][0]) * 1000), since, since + lasts)
        since = since + lasts


def _start(period: dict[str, Any]) -> datetime:
    at = datetime.fromisoformat(period["start"])
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _lasts(period: dict[str, Any] | None) -> timedelta:
    text = (period or {}).get("duration")
    if text is None or text.startswith("P9999"):
        return FOREVER
    parts = _DURATION.match(text)
    if parts is None:
        raise ValueError(f"not a duration: {text}")
    return timedelta(**{name: int(value) for name, value in parts.groupdict().items() if value})
