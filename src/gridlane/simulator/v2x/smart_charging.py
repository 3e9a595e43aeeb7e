"""Charging profiles, set, cleared, told, and what they make together (block K)."""

from datetime import datetime
from typing import Any

from gridlane.kernel.quantities import Watts
from gridlane.simulator.profiles import Installed
from gridlane.simulator.v2x.asked import Asked2x
from gridlane.simulator.vehicle import VOLTAGE


class SmartCharging2x(Asked2x):
    def on_set_charging_profile(self, payload: dict[str, Any], now: datetime) -> Any:
        profile, number = payload["chargingProfile"], payload["evseId"]
        purpose = profile["chargingProfilePurpose"]
        if self.model.value("SmartChargingCtrlr", "Enabled") != "true" or number not in (0, *self.evses):
            return {"status": "Rejected"}
        if purpose == "ChargingStationMaxProfile" and number != 0:
            return {"status": "Rejected"}
        transaction: str | None = None
        if purpose == "TxProfile":
            running = self.evses[number].transaction if number else None
            if running is None or profile.get("transactionId") != running.id:
                return {"status": "Rejected", "statusInfo": {"reasonCode": "TxNotFound"}}
            transaction = running.id
        self.profiles.install(Installed(number, profile, transaction))
        return {"status": "Accepted"}, self.advance

    def on_clear_charging_profile(self, payload: dict[str, Any], now: datetime) -> Any:
        criteria = payload.get("chargingProfileCriteria") or {}
        removed = self.profiles.remove(
            id_=payload.get("chargingProfileId"),
            evse=criteria.get("evseId"),
            purpose=criteria.get("chargingProfilePurpose"),
            level=criteria.get("stackLevel"),
        )
        return {"status": "Accepted" if removed else "Unknown"}, self.advance

    def on_get_charging_profiles(self, payload: dict[str, Any], now: datetime) -> Any:
        criteria, number = payload["chargingProfile"], payload.get("evseId")

        def wanted(one: Installed) -> bool:
            ids, purpose = criteria.get("chargingProfileId"), criteria.get("chargingProfilePurpose")
            return (
                number in (None, one.evse)
                and (ids is None or one.id in ids)
                and purpose in (None, one.purpose)
                and criteria.get("stackLevel") in (None, one.stack_level)
                and (not criteria.get("chargingLimitSource") or "CSO" in criteria["chargingLimitSource"])
            )

        found = [one for one in self.profiles.installed if wanted(one)]
        if not found:
            return {"status": "NoProfiles"}

        def after(at: datetime) -> None:
            evses = sorted({one.evse for one in found})
            for place, evse in enumerate(evses):
                report = {
                    "requestId": payload["requestId"],
                    "chargingLimitSource": "CSO",
                    "evseId": evse,
                    "chargingProfile": [one.profile for one in found if one.evse == evse],
                    "tbc": place + 1 < len(evses),
                }
                self.call("ReportChargingProfiles", report, at)

        return {"status": "Accepted"}, after

    def on_get_composite_schedule(self, payload: dict[str, Any], now: datetime) -> Any:
        number, duration = payload["evseId"], payload["duration"]
        if number not in (0, *self.evses):
            return {"status": "Rejected", "statusInfo": {"reasonCode": "UnknownEvse"}}
        one = self.evses[number or 1]
        phases = self.phases_of(one)
        rating = Watts(self.rating(phases) * (len(self.evses) if number == 0 else 1))
        running = one.transaction
        periods = self.profiles.composite(
            number,
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
            "schedule": {
                "evseId": number,
                "duration": duration,
                "scheduleStart": self.told_time(now),
                "chargingRateUnit": unit,
                "chargingSchedulePeriod": [
                    {"startPeriod": second, "limit": round(limit / divisor, 1)} for second, limit in periods
                ],
            },
        }
