"""Monitors and events (blocks N02 to N08)."""

from datetime import datetime
from typing import Any

from gridlane.simulator.v2x.asked import Asked2x, names_variable


class Monitoring2x(Asked2x):
    def notify_event(
        self,
        component: str,
        variable: str,
        value: str,
        now: datetime,
        *,
        evse: int | None = None,
        info: str | None = None,
    ) -> None:
        event: dict[str, Any] = {
            "eventId": self.random.randrange(1, 2**31),
            "timestamp": self.told_time(now),
            "trigger": "Delta",
            "actualValue": value,
            "eventNotificationType": "HardWiredNotification",
            "component": {"name": component} | ({"evse": {"id": evse, "connectorId": 1}} if evse else {}),
            "variable": {"name": variable},
        }
        if info:
            event["techInfo"] = info
        self.call(
            "NotifyEvent",
            {"generatedAt": self.told_time(now), "seqNo": 0, "tbc": False, "eventData": [event]},
            now,
        )

    def on_set_monitoring_base(self, payload: dict[str, Any], now: datetime) -> Any:
        if payload["monitoringBase"] != "All":
            for variable in self.model.variables.values():
                variable.monitors.clear()
        return {"status": "Accepted"}

    def on_set_monitoring_level(self, payload: dict[str, Any], now: datetime) -> Any:
        if not 0 <= payload["severity"] <= 9:
            return {"status": "Rejected"}
        self.monitoring_level = payload["severity"]
        return {"status": "Accepted"}

    def on_set_variable_monitoring(self, payload: dict[str, Any], now: datetime) -> Any:
        return {"setMonitoringResult": [self._set_monitor(one) for one in payload["setMonitoringData"]]}

    def _set_monitor(self, asked: dict[str, Any]) -> dict[str, Any]:
        base = {key: asked[key] for key in ("type", "severity", "component", "variable")}
        found = self.model.find(asked)
        if isinstance(found, str):
            return base | {"status": found}
        if found.mutability == "WriteOnly":
            return base | {"status": "Rejected"}
        identity = asked.get("id", self.next_monitor)
        self.next_monitor = max(self.next_monitor, identity) + 1
        found.monitors[identity] = {
            "id": identity,
            "transaction": asked.get("transaction", False),
            "value": asked["value"],
            "type": asked["type"],
            "severity": asked["severity"],
        }
        return base | {"status": "Accepted", "id": identity}

    def on_clear_variable_monitoring(self, payload: dict[str, Any], now: datetime) -> Any:
        results = []
        for identity in payload["id"]:
            owner = next((v for v in self.model.variables.values() if identity in v.monitors), None)
            if owner is not None:
                del owner.monitors[identity]
            results.append({"id": identity, "status": "Accepted" if owner is not None else "NotFound"})
        return {"clearMonitoringResult": results}

    def on_get_monitoring_report(self, payload: dict[str, Any], now: datetime) -> Any:
        variables = [one for one in self.model.variables.values() if one.monitors]
        if payload.get("componentVariable"):
            variables = [
                one for one in variables if any(names_variable(w, one) for w in payload["componentVariable"])
            ]
        if not variables:
            return {"status": "EmptyResultSet"}
        items = [
            {
                "component": one.wire_component(),
                "variable": one.wire_variable(),
                "variableMonitoring": list(one.monitors.values()),
            }
            for one in variables
        ]
        request = payload["requestId"]
        return {"status": "Accepted"}, lambda at: self.send_parts(
            "NotifyMonitoringReport", "monitor", items, request, at
        )
