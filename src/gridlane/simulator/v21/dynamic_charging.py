"""Limits that change while a profile stands (K28), who charges first (K21), and what a plain charger has not: batteries to
swap, a signal of the grid to follow.
"""

from datetime import datetime
from typing import Any

from gridlane.simulator.station import StationSpec
from gridlane.simulator.station2x import Station2x


class DynamicCharging21(Station2x):
    def __init__(self, spec: StationSpec) -> None:
        super().__init__(spec)
        self.web_payment_until: dict[int, int] = {}  # EVSE -> seconds that its display waits for a payment
        self.allowed_transfer: dict[str, list[str]] = {}

    def on_update_dynamic_schedule(self, payload: dict[str, Any], now: datetime) -> Any:
        """K28: another limit under a dynamic profile, at once."""
        wanted = payload["chargingProfileId"]
        found = next((one for one in self.profiles.installed if one.id == wanted), None)
        if found is None or found.profile["chargingProfileKind"] != "Dynamic":
            return {"status": "Rejected"}
        found.schedule["chargingSchedulePeriod"][0].update(payload["scheduleUpdate"])
        return {"status": "Accepted"}, self.advance

    def on_use_priority_charging(self, payload: dict[str, Any], now: datetime) -> Any:
        """K21: the profile of priority takes the place of the others, where there is one."""
        one = self.running(payload["transactionId"])
        if one is None or one.transaction is None:
            return {"status": "Rejected", "statusInfo": {"reasonCode": "TxNotFound"}}
        if not self.profiles.has_priority(one.number):
            return {"status": "NoProfile"}
        if payload["activate"]:
            self.profiles.prioritized.add(one.transaction.id)
        else:
            self.profiles.prioritized.discard(one.transaction.id)
        return {"status": "Accepted"}, self.advance

    def on_notify_allowed_energy_transfer(self, payload: dict[str, Any], now: datetime) -> Any:
        """Only where the vehicle speaks ISO 15118, here on direct current, is there anything to renegotiate."""
        if not self.spec.direct or self.running(payload["transactionId"]) is None:
            return {"status": "Rejected"}
        self.allowed_transfer[payload["transactionId"]] = payload["allowedEnergyTransfer"]
        return {"status": "Accepted"}

    def on_notify_web_payment_started(self, payload: dict[str, Any], now: datetime) -> Any:
        self.web_payment_until[payload["evseId"]] = payload["timeout"]
        return {}

    def on_afrr_signal(self, payload: dict[str, Any], now: datetime) -> Any:
        return {"status": "Rejected", "statusInfo": {"reasonCode": "UnsupportedRequest"}}

    def on_request_battery_swap(self, payload: dict[str, Any], now: datetime) -> Any:
        return {"status": "Rejected", "statusInfo": {"reasonCode": "UnsupportedRequest"}}
