"""Charging profiles, set, cleared, and what they make together."""

from datetime import datetime
from typing import Any

from gridlane.kernel.quantities import Watts
from gridlane.simulator.profiles import Installed
from gridlane.simulator.v16.configuration import Configured16
from gridlane.simulator.vehicle import VOLTAGE


class SmartCharging16(Configured16):
    def on_set_charging_profile(self, payload: dict[str, Any], now: datetime) -> Any:
        profile, connector = payload["csChargingProfiles"], payload["connectorId"]
        purpose = profile["chargingProfilePurpose"]
        if connector not in (0, *self.evses) or (purpose == "ChargePointMaxProfile" and connector != 0):
            return {"status": "Rejected"}
        if profile["stackLevel"] > int(self.configuration["ChargeProfileMaxStackLevel"]):
            return {"status": "Rejected"}
        transaction: str | None = None
        if purpose == "TxProfile":
            running = self.evses[connector].transaction if connector else None
            if running is None or str(profile.get("transactionId", running.id)) != running.id:
                return {"status": "Rejected"}
            transaction = running.id
        self.profiles.install(Installed(connector, profile, transaction))
        return {"status": "Accepted"}, self.advance

    def on_clear_charging_profile(self, payload: dict[str, Any], now: datetime) -> Any:
        removed = self.profiles.remove(
            id_=payload.get("id"),
            evse=payload.get("connectorId"),
            purpose=payload.get("chargingProfilePurpose"),
            level=payload.get("stackLevel"),
        )
        return {"status": "Accepted" if removed else "Unknown"}, self.advance

    def on_get_composite_schedule(self, payload: dict[str, Any], now: datetime) -> Any:
        connector, duration = payload["connectorId"], payload["duration"]
        if connector not in (0, *self.evses):
            return {"status": "Rejected"}
        one = self.evses[connector or 1]
        phases = self.phases_of(one)
        rating = Watts(self.rating(phases) * (len(self.evses) if connector == 0 else 1))
        running = one.transaction
        periods = self.profiles.composite(
            connector,
            duration,
            rating,
            phases,
            now,
            running.started_at if running else None,
            running.id if running else None,
        )
        unit = payload.get("chargingRateUnit", "A")
        divisor = 1.0 if unit == "W" else VOLTAGE * phases
        return {
            "status": "Accepted",
            "connectorId": connector,
            "scheduleStart": self.told_time(now),
            "chargingSchedule": {
                "duration": duration,
                "chargingRateUnit": unit,
                "chargingSchedulePeriod": [
                    {"startPeriod": second, "limit": round(limit / divisor, 1)} for second, limit in periods
                ],
            },
        }
