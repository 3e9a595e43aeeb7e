"""The device model of a 2.x station: components, variables, their attributes, and what setting them does."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Variable:
    component: str
    name: str
    value: str
    mutability: str = "ReadWrite"
    kind: str = "string"
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    evse: int | None = None
    instance: str | None = None
    reboot: bool = False
    configuration: bool = True  # part of the ConfigurationInventory
    monitors: dict[int, dict[str, Any]] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, int | None, str | None]:
        return self.component.lower(), self.name.lower(), self.evse, self.instance

    def wire_component(self) -> dict[str, Any]:
        return {"name": self.component} | ({"evse": {"id": self.evse}} if self.evse is not None else {})

    def wire_variable(self) -> dict[str, Any]:
        return {"name": self.name} | ({"instance": self.instance} if self.instance is not None else {})

    def report(self) -> dict[str, Any]:
        """ReportDataType."""
        attribute: dict[str, Any] = {"type": "Actual", "mutability": self.mutability}
        if self.mutability != "WriteOnly":
            attribute["value"] = self.value
        return {
            "component": self.wire_component(),
            "variable": self.wire_variable(),
            "variableAttribute": [attribute],
            "variableCharacteristics": {
                "dataType": self.kind,
                "supportsMonitoring": self.kind in ("decimal", "integer"),
            },
        }


def standard_variables(evses: int, power: float, serial: str, vendor: str, model: str) -> list[Variable]:
    """What a station of this size has, by the names of the standardized components."""
    v = Variable
    fixed = "ReadOnly"
    variables = [
        v("AlignedDataCtrlr", "Interval", "0", kind="integer", minimum=0),
        v("AlignedDataCtrlr", "Measurands", "Energy.Active.Import.Register", kind="MemberList"),
        v("AuthCtrlr", "Enabled", "true", kind="boolean"),
        v("AuthCtrlr", "AuthorizeRemoteStart", "false", kind="boolean"),
        v("AuthCtrlr", "LocalAuthorizeOffline", "true", kind="boolean"),
        v("AuthCtrlr", "LocalPreAuthorize", "false", kind="boolean"),
        v("AuthCtrlr", "MasterPassGroupId", "", kind="string"),
        v("AuthCacheCtrlr", "Enabled", "true", kind="boolean"),
        v("ChargingStation", "AllowNewSessionsPendingFirmwareUpdate", "false", kind="boolean"),
        v("ChargingStation", "AvailabilityState", "Available", fixed, configuration=False),
        v("ChargingStation", "Model", model, fixed, configuration=False),
        v("ChargingStation", "VendorName", vendor, fixed, configuration=False),
        v("ChargingStation", "SerialNumber", serial, fixed, configuration=False),
        v("ClockCtrlr", "DateTime", "", fixed, kind="dateTime", configuration=False),
        v("DeviceDataCtrlr", "ItemsPerMessage", "20", fixed, kind="integer", instance="GetReport"),
        v("DeviceDataCtrlr", "ItemsPerMessage", "20", fixed, kind="integer", instance="GetVariables"),
        v("DeviceDataCtrlr", "ItemsPerMessage", "20", fixed, kind="integer", instance="SetVariables"),
        v("LocalAuthListCtrlr", "Enabled", "true", kind="boolean"),
        v("LocalAuthListCtrlr", "Entries", "0", fixed, kind="integer"),
        v("MonitoringCtrlr", "Enabled", "true", kind="boolean"),
        v("OCPPCommCtrlr", "HeartbeatInterval", "300", kind="integer", minimum=1),
        v("OCPPCommCtrlr", "MessageAttempts", "5", kind="integer", instance="TransactionEvent"),
        v("OCPPCommCtrlr", "NetworkConfigurationPriority", "0", kind="SequenceList", reboot=True),
        v("OCPPCommCtrlr", "OfflineThreshold", "60", kind="integer"),
        v("OCPPCommCtrlr", "RetryBackOffWaitMinimum", "5", kind="integer"),
        v("OCPPCommCtrlr", "WebSocketPingInterval", "60", kind="integer"),
        v("ReservationCtrlr", "Enabled", "true", kind="boolean"),
        v("SampledDataCtrlr", "SignReadings", "false", kind="boolean"),
        v("SampledDataCtrlr", "TxUpdatedInterval", "60", kind="integer", minimum=0),
        v(
            "SampledDataCtrlr",
            "TxUpdatedMeasurands",
            "Energy.Active.Import.Register,Power.Active.Import",
            kind="MemberList",
        ),
        v("SecurityCtrlr", "BasicAuthPassword", "", "WriteOnly", kind="string"),
        v("SecurityCtrlr", "SecurityProfile", "1", fixed, kind="integer"),
        v("SecurityCtrlr", "OrganizationName", "Gridlane"),
        v("SmartChargingCtrlr", "Enabled", "true", kind="boolean"),
        v("SmartChargingCtrlr", "ProfileStackLevel", "10", fixed, kind="integer"),
        v("TariffCostCtrlr", "Enabled", "true", kind="boolean"),
        v("TxCtrlr", "EVConnectionTimeOut", "60", kind="integer", minimum=1),
        v("TxCtrlr", "StopTxOnEVSideDisconnect", "true", kind="boolean"),
        v("TxCtrlr", "StopTxOnInvalidId", "true", kind="boolean"),
        v("TxCtrlr", "TxStartPoint", "EVConnected,Authorized", kind="MemberList"),
        v("TxCtrlr", "TxStopPoint", "EVConnected,Authorized", kind="MemberList"),
    ]
    for number in range(1, evses + 1):
        variables += [
            v("EVSE", "AvailabilityState", "Available", fixed, evse=number, configuration=False),
            v("EVSE", "Power", f"{power:.0f}", fixed, kind="decimal", evse=number, configuration=False),
            v("Connector", "Available", "true", fixed, kind="boolean", evse=number, configuration=False),
        ]
    return variables


def variables_of_21() -> list[Variable]:
    """What came with OCPP 2.1."""
    return [Variable("SmartChargingCtrlr", "SupportsDynamicProfiles", "true", "ReadOnly", kind="boolean")]


class DeviceModel:
    def __init__(self, variables: list[Variable]) -> None:
        self.variables = {one.key: one for one in variables}
        self.components = {one.component.lower() for one in variables}

    def value(self, component: str, name: str, instance: str | None = None) -> str:
        return self.variables[component.lower(), name.lower(), None, instance].value

    def find(self, asked: dict[str, Any]) -> Variable | str:
        """The variable that ``{component, variable}`` names, or the status word for why there is none."""
        component, variable = asked["component"], asked["variable"]
        evse = (component.get("evse") or {}).get("id")
        key = (component["name"].lower(), variable["name"].lower(), evse, variable.get("instance"))
        found = self.variables.get(key) or self.variables.get((key[0], key[1], None, key[3]))
        if found is not None:
            return found
        return "UnknownVariable" if component["name"].lower() in self.components else "UnknownComponent"

    def get(self, asked: dict[str, Any]) -> dict[str, Any]:
        """GetVariableResultType."""
        base = {key: asked[key] for key in ("component", "variable")}
        if "attributeType" in asked:
            base["attributeType"] = asked["attributeType"]
        found = self.find(asked)
        if isinstance(found, str):
            return base | {"attributeStatus": found}
        if asked.get("attributeType", "Actual") != "Actual":
            return base | {"attributeStatus": "NotSupportedAttributeType"}
        if found.mutability == "WriteOnly":
            return base | {"attributeStatus": "Rejected"}
        return base | {"attributeStatus": "Accepted", "attributeValue": found.value}

    def set(self, asked: dict[str, Any]) -> dict[str, Any]:
        """SetVariableResultType."""
        base = {key: asked[key] for key in ("component", "variable")}
        if "attributeType" in asked:
            base["attributeType"] = asked["attributeType"]
        found = self.find(asked)
        if isinstance(found, str):
            return base | {"attributeStatus": found}
        if asked.get("attributeType", "Actual") != "Actual":
            return base | {"attributeStatus": "NotSupportedAttributeType"}
        if found.mutability == "ReadOnly" or not _fits(found, asked["attributeValue"]):
            return base | {"attributeStatus": "Rejected"}
        found.value = asked["attributeValue"]
        return base | {"attributeStatus": "RebootRequired" if found.reboot else "Accepted"}


def _fits(variable: Variable, value: str) -> bool:
    if variable.kind in ("integer", "decimal"):
        try:
            number = float(value)
        except ValueError:
            return False
        above = variable.minimum is None or number >= variable.minimum
        return above and (variable.maximum is None or number <= variable.maximum)
    if variable.kind == "boolean":
        return value in ("true", "false")
    return not variable.choices or value in variable.choices
