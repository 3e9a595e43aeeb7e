"""What every block of a 2.x station shares: its device model, what it keeps, and answers in several messages."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from gridlane.simulator.device_model import DeviceModel, Variable
from gridlane.simulator.station import Evse, Station, StationSpec

PART = 20
"""Entries in one message of a report."""

Speak = Callable[[list[Evse], datetime], None]
"""Says something of these EVSEs."""


class Asked2x(Station):
    model: DeviceModel

    def __init__(self, spec: StationSpec) -> None:
        super().__init__(spec)
        self.certificates: list[tuple[str, dict[str, str]]] = []
        self.key: Any = None
        self.certificate_chain: str | None = None
        self.firmware_status = "Idle"
        self.log_status = "Idle"
        self.log_request: int | None = None
        self.kept_anywhere: dict[int, dict[str, Any]] = {}  # reservations that name no EVSE
        self.display: dict[int, dict[str, Any]] = {}
        self.customers: dict[str, str] = {}
        self.network_profiles: dict[int, dict[str, Any]] = {}
        self.password: str | None = None
        self.monitoring_level = 9
        self.next_monitor = 1
        self.pending_reset: str | None = None
        self.shown_costs: dict[str, float] = {}

    def send_parts(
        self, action: str, field: str, items: Sequence[Any], request: int, now: datetime, **more: Any
    ) -> None:
        """An answer in several messages: parts of ``PART`` items, each but the last to be continued."""
        parts = [items[start : start + PART] for start in range(0, len(items), PART)] or [[]]
        for number, part in enumerate(parts):
            payload: dict[str, Any] = {
                "requestId": request,
                "seqNo": number,
                "tbc": number + 1 < len(parts),
                "generatedAt": self.told_time(now),
                **more,
            }
            if part:
                payload[field] = list(part)
            self.call(action, payload, now)

    def say_security(self, kind: str, now: datetime) -> None:
        self.call("SecurityEventNotification", {"type": kind, "timestamp": self.told_time(now)}, now)

    def triggers(self) -> dict[str, Speak]:
        """What can be triggered, by its word; each block adds its own."""
        return {}


def names_variable(wanted: dict[str, Any], variable: Variable) -> bool:
    """Whether a ComponentVariable means this one."""
    component = wanted["component"]
    if component["name"].lower() != variable.component.lower():
        return False
    evse = (component.get("evse") or {}).get("id")
    name = (wanted.get("variable") or {}).get("name")
    return evse in (None, variable.evse) and (name is None or name.lower() == variable.name.lower())
