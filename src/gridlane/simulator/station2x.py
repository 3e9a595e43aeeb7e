"""A station of OCPP 2.0.1, and what one of 2.1 has in common with it: it boots and shows its connectors.

``v2x`` holds the rest: who comes, transactions, and what each functional block answers.
"""

from datetime import datetime, timedelta
from typing import Any

from gridlane.ocpp.version import Version
from gridlane.simulator.device_model import DeviceModel, standard_variables, variables_of_21
from gridlane.simulator.station import Evse, StationSpec
from gridlane.simulator.v2x.remote_control import RemoteControl2x


class Station2x(RemoteControl2x):
    def __init__(self, spec: StationSpec) -> None:
        super().__init__(spec)
        self.model = DeviceModel(
            [
                *standard_variables(spec.evses, spec.power, spec.serial, spec.vendor, spec.model),
                *(variables_of_21() if spec.version is Version.V21 else ()),
            ]
        )
        self.model.variables["sampleddatactrlr", "txupdatedinterval", None, None].value = str(
            spec.meter_interval
        )

    def boot(self, now: datetime) -> None:
        spec = self.spec
        payload = {
            "reason": self.boot_reason,
            "chargingStation": {
                "vendorName": spec.vendor,
                "model": spec.model[:20],
                "serialNumber": spec.serial[:25],
                "firmwareVersion": self.firmware_version[:50],
                **({"modem": {"iccid": spec.iccid}} if spec.iccid else {}),
            },
        }

        def answered(response: Any, at: datetime) -> None:
            if response is None:
                self.boot_wait = at + timedelta(seconds=30)
            else:
                self.boot_answered(response.status, response.interval, at)

        self.call("BootNotification", payload, now, answered)

    def show(self, one: Evse, now: datetime, *, always: bool = False) -> None:
        self._show(one, now, always=always)
        if self.kept_anywhere:  # one EVSE less is free: the others may be spoken for now
            for other in self.evses.values():
                self._show(other, now, always=False)

    def _show(self, one: Evse, now: datetime, *, always: bool) -> None:
        status = self._status_of(one)
        if status != one.status or always:
            one.status = status
            if self._may_send():
                payload = {
                    "timestamp": self.told_time(now),
                    "connectorStatus": status,
                    "evseId": one.number,
                    "connectorId": 1,
                }
                self.call("StatusNotification", payload, now)

    def _status_of(self, one: Evse) -> str:
        if one.error is not None:
            return "Faulted"
        if one.vehicle is not None:
            return "Occupied"
        if not one.operative:
            return "Unavailable"
        return "Reserved" if self.is_kept(one) else "Available"

    def break_connector(self, evse: int, error: str | None, now: datetime) -> None:
        super().break_connector(evse, error, now)
        if self._may_send():
            self.notify_event(
                "Connector", "Problem", "true" if error else "false", now, evse=evse, info=error
            )
