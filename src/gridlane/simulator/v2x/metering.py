"""What the meter of a 2.x station tells: its register, power, current, voltage, and the form of a signature."""

import base64
from datetime import datetime
from typing import Any

from gridlane.simulator.station import Evse
from gridlane.simulator.v2x.blocks import Blocks2x
from gridlane.simulator.vehicle import VOLTAGE


class Metering2x(Blocks2x):
    def meter_value(self, one: Evse, now: datetime, context: str) -> dict[str, Any]:
        phases = self.phases_of(one)

        def sample(value: float, measurand: str, unit: str, **more: str) -> dict[str, Any]:
            return {
                "value": round(value, 3),
                "context": context,
                "measurand": measurand,
                "location": "Outlet",
                "unitOfMeasure": {"unit": unit},
                **more,
            }

        samples = [
            sample(one.register, "Energy.Active.Import.Register", "Wh") | self._signature(one),
            sample(one.power, "Power.Active.Import", "W"),
            *(sample(self.current(one), "Current.Import", "A", phase=f"L{n}") for n in range(1, phases + 1)),
            sample(VOLTAGE, "Voltage", "V", phase="L1-N"),
        ]
        if self.spec.direct and one.vehicle is not None:
            samples.append({**sample(one.vehicle.soc, "SoC", "Percent"), "location": "EV"})
        return {"timestamp": self.told_time(now), "sampledValue": samples}

    def _signature(self, one: Evse) -> dict[str, Any]:
        """A stand-in for what a calibrated meter adds to its register: the form of a signature, not its strength."""
        if not self._is("SampledDataCtrlr", "SignReadings"):
            return {}
        data = base64.b64encode(f"{self.spec.serial}:{one.register:.0f}".encode()).decode()
        signed = {"signedMeterData": data, "signingMethod": "", "encodingMethod": "OCMF", "publicKey": ""}
        return {"signedMeterValue": signed}

    # --- the device model's words --------------------------------------------------------------------------------

    def starts_at(self, point: str) -> bool:
        return point in self.model.value("TxCtrlr", "TxStartPoint").split(",")

    def stops_at(self, point: str) -> bool:
        return point in self.model.value("TxCtrlr", "TxStopPoint").split(",")

    def _is(self, component: str, name: str) -> bool:
        return self.model.value(component, name) == "true"

    def _is_master(self, group: str | None) -> bool:
        master = self.model.value("AuthCtrlr", "MasterPassGroupId")
        return bool(master) and group == master
