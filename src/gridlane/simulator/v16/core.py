"""The core profile: configuration, availability, remote starts and stops, resets, unlocking."""

from datetime import datetime, timedelta
from typing import Any

from gridlane.simulator.v16.configuration import BOOLEANS, DEFAULTS, HIDDEN, NUMBERS, Configured16


class Core16(Configured16):
    def on_change_availability(self, payload: dict[str, Any], now: datetime) -> Any:
        operative = payload["type"] == "Operative"
        connector = payload["connectorId"]
        if connector > len(self.evses):
            return {"status": "Rejected"}
        chosen = self.evses.values() if connector == 0 else [self.evses[connector]]
        scheduled = False
        for one in chosen:
            if one.transaction is not None:
                one.change_when_idle, scheduled = operative, True
            else:
                one.operative = operative

        def after(at: datetime) -> None:
            for one in chosen:
                self.show(one, at)

        return {"status": "Scheduled" if scheduled else "Accepted"}, after

    def on_change_configuration(self, payload: dict[str, Any], now: datetime) -> Any:
        key, value = payload["key"], payload["value"]
        if key not in self.configuration:
            return {"status": "NotSupported"}
        if DEFAULTS[key][1]:
            return {"status": "Rejected"}
        if (key in NUMBERS and not value.isdigit()) or (
            key in BOOLEANS and value.lower() not in ("true", "false")
        ):
            return {"status": "Rejected"}
        if key == "SecurityProfile" and int(value) < int(self.configuration[key]):
            return {"status": "Rejected"}
        self.configuration[key] = value.lower() if key in BOOLEANS else value
        if key == "HeartbeatInterval":
            self.heartbeat_interval = int(value)
            self._plan_heartbeat(now)
        if key == "MeterValueSampleInterval":
            self.spec.meter_interval = int(value)
        if key == "AuthorizationKey":
            self.password = value
            return {"status": "Accepted"}, lambda at: setattr(self, "wants_reconnect", True)
        return {"status": "RebootRequired" if key == "SecurityProfile" else "Accepted"}

    def on_get_configuration(self, payload: dict[str, Any], now: datetime) -> Any:
        wanted = payload.get("key") or sorted(self.configuration)
        known = [
            {"key": key, "readonly": DEFAULTS[key][1]}
            | ({} if key in HIDDEN else {"value": self.configuration[key]})
            for key in wanted
            if key in self.configuration
        ]
        unknown = [key for key in wanted if key not in self.configuration]
        return {"configurationKey": known} | ({"unknownKey": unknown} if unknown else {})

    def on_clear_cache(self, payload: dict[str, Any], now: datetime) -> Any:
        if self.configuration["AuthorizationCacheEnabled"] != "true":
            return {"status": "Rejected"}
        self.cache.clear()
        return {"status": "Accepted"}

    def on_reset(self, payload: dict[str, Any], now: datetime) -> Any:
        hard = payload["type"] == "Hard"

        def after(at: datetime) -> None:
            for one in self.evses.values():
                if one.transaction is not None:
                    self.end_transaction(one, "HardReset" if hard else "SoftReset", at)
            self.at(at + timedelta(seconds=1), lambda then: self.power_cycle(then, "RemoteReset"))

        return {"status": "Accepted"}, after

    def on_unlock_connector(self, payload: dict[str, Any], now: datetime) -> Any:
        one = self.evses.get(payload["connectorId"])
        if one is None:
            return {"status": "NotSupported"}

        def after(at: datetime) -> None:
            if one.transaction is not None:
                self.end_transaction(one, "UnlockCommand", at)

        return {"status": "Unlocked"}, after

    def on_data_transfer(self, payload: dict[str, Any], now: datetime) -> Any:
        return {"status": "UnknownVendorId"}
