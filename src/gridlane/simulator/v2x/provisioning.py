"""The device model, asked for and changed; network profiles (blocks B05 to B09)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from gridlane.simulator.device_model import Variable
from gridlane.simulator.v2x.asked import Asked2x, names_variable


class Provisioning2x(Asked2x):
    def on_get_variables(self, payload: dict[str, Any], now: datetime) -> Any:
        return {"getVariableResult": [self.model.get(one) for one in payload["getVariableData"]]}

    def on_set_variables(self, payload: dict[str, Any], now: datetime) -> Any:
        results = [self.model.set(one) for one in payload["setVariableData"]]

        def after(at: datetime) -> None:
            for one, result in zip(payload["setVariableData"], results, strict=True):
                if result["attributeStatus"] == "Accepted":
                    self.variable_set(one["variable"]["name"], one["attributeValue"], at)

        return {"setVariableResult": results}, after

    def variable_set(self, name: str, value: str, now: datetime) -> None:
        if name == "HeartbeatInterval":
            self.heartbeat_interval = int(value)
            self._plan_heartbeat(now)
        elif name == "TxUpdatedInterval":
            self.spec.meter_interval = int(value) or 10**6
        elif name == "BasicAuthPassword":
            self.password, self.wants_reconnect = value, True

    def on_get_base_report(self, payload: dict[str, Any], now: datetime) -> Any:
        variables = list(self.model.variables.values())
        if payload["reportBase"] == "ConfigurationInventory":
            variables = [one for one in variables if one.configuration]
        elif payload["reportBase"] == "SummaryInventory":
            variables = [
                one for one in variables if one.name in ("AvailabilityState", "Available", "Problem")
            ]
        return self._report(payload["requestId"], variables, now)

    def on_get_report(self, payload: dict[str, Any], now: datetime) -> Any:
        variables = list(self.model.variables.values())
        if payload.get("componentVariable"):
            variables = [
                one for one in variables if any(names_variable(w, one) for w in payload["componentVariable"])
            ]
        if payload.get("componentCriteria") and "Problem" in payload["componentCriteria"]:
            variables = []
        return self._report(payload["requestId"], variables, now)

    def _report(self, request: int, variables: Sequence[Variable], now: datetime) -> Any:
        if not variables:
            return {"status": "EmptyResultSet"}
        items = [one.report() for one in variables]
        return {"status": "Accepted"}, lambda at: self.send_parts(
            "NotifyReport", "reportData", items, request, at
        )

    def power_cycle(self, now: datetime, reason: str = "PowerUp") -> None:
        """From a boot on, the first network profile of the configured order that is known is used."""
        super().power_cycle(now, reason)
        order = self.model.value("OCPPCommCtrlr", "NetworkConfigurationPriority").split(",")
        slots = [int(one) for one in order if one.isdecimal() and int(one) in self.network_profiles]
        if slots:
            used = self.network_profiles[slots[0]]
            self.central_url = used["ocppCsmsUrl"]
            self.model.variables["securityctrlr", "securityprofile", None, None].value = str(
                used["securityProfile"]
            )

    def on_set_network_profile(self, payload: dict[str, Any], now: datetime) -> Any:
        url = payload["connectionData"]["ocppCsmsUrl"]
        if not url.startswith(("ws://", "wss://")):
            return {"status": "Failed"}
        self.network_profiles[payload["configurationSlot"]] = payload["connectionData"]
        return {"status": "Accepted"}
