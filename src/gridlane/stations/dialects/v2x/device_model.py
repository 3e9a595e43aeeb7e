"""Reading, changing and watching the device model of a station of OCPP 2.x."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from gridlane.ocpp.v201 import messages as m
from gridlane.stations import commands as c
from gridlane.stations.commands import Answer
from gridlane.stations.dialects.configuration_keys import variable_of
from gridlane.stations.dialects.dialect import (
    AGREEING,
    CommandInvalid,
    Payload,
    Said,
    Unsupported,
    given,
    known,
)
from gridlane.stations.dialects.v2x import reports
from gridlane.stations.dialects.v2x.charging import Tokens, evse_of

# --- variables ----------------------------------------------------------------------------------------------------


def get_variables(command: c.GetVariables) -> Said:
    return "GetVariables", {"getVariableData": [_attribute(one) for one in command.variables]}


def set_variables(command: c.SetVariables) -> Said:
    return "SetVariables", {
        "setVariableData": [_attribute(one) | given(attributeValue=one.value) for one in command.variables]
    }


def set_password(command: c.SetPassword) -> Said:
    """A01: BasicAuthPassword has 16 to 40 characters."""
    password = command.password or ""
    if not 16 <= len(password) <= 40:
        raise CommandInvalid(action="SetVariables", problem="a BasicAuthPassword has 16 to 40 characters")
    return "SetVariables", {
        "setVariableData": [
            {
                "component": {"name": "SecurityCtrlr"},
                "variable": {"name": "BasicAuthPassword"},
                "attributeValue": password,
            }
        ]
    }


def _attribute(variable: c.VariableRef) -> Payload:
    return _component_variable(variable) | given(attributeType=variable.attribute)


def _component_variable(variable: c.VariableRef) -> Payload:
    component, name = variable_of(variable.component, variable.variable)
    if not component:
        raise CommandInvalid(action="request", problem=f"variable {name!r} needs its component in OCPP 2.x")
    return given(
        component=given(
            name=component,
            instance=variable.component_instance,
            evse=evse_of(variable.evse, variable.connector),
        ),
        variable=given(name=name, instance=variable.variable_instance) if name else None,
    )


def variables_read(_command: Any, response: m.GetVariablesResponse) -> Answer:
    """What could be read, as variables; what could not, with the station's word for it."""
    results = response.get_variable_result
    variables = tuple(
        reports.variable_of(one.component, one.variable, (_read(one),))
        for one in results
        if one.attribute_status == "Accepted"
    )
    status = _common_status([one.attribute_status for one in results])
    return Answer(
        agreed=bool(variables),
        status=status,
        reason=_reasons(results),
        data={"results": msgspec.to_builtins(results)},
        variables=variables,
    )


def _read(result: m.GetVariableResultType) -> dict[str, Any]:
    return given(type=result.attribute_type or "Actual", value=known(result.attribute_value))


def variables_set(_command: Any, response: m.SetVariablesResponse) -> Answer:
    results = response.set_variable_result
    statuses = [one.attribute_status for one in results]
    return Answer(
        agreed=AGREEING.issuperset(statuses),
        status=_common_status(statuses),
        reason=_reasons(results),
        data={"results": msgspec.to_builtins(results)},
    )


def _common_status(statuses: Sequence[str]) -> str:
    """The one word of all; of mixed ones whether a part agreed."""
    if len(set(statuses)) == 1:
        return statuses[0]
    if AGREEING.issuperset(statuses):
        return next(status for status in statuses if status != "Accepted")
    return "PartlyAccepted" if AGREEING.intersection(statuses) else statuses[0]


def _reasons(results: Iterable[Any]) -> str | None:
    """Which variables were not done, and how the station puts it."""
    said = [
        f"{one.component.name}.{one.variable.name} {one.attribute_status}"
        for one in results
        if one.attribute_status not in AGREEING
    ]
    return ", ".join(said) or None


def get_report(command: c.GetReport) -> Said:
    """A base report (B07), or one of one's own choice (B08)."""
    number = command.request_id or 0
    if command.base is not None:
        return "GetBaseReport", {"requestId": number, "reportBase": command.base}
    return "GetReport", given(
        requestId=number,
        componentCriteria=list(command.criteria) or None,
        componentVariable=[_component_variable(one) for one in command.variables] or None,
    )


def set_network_profile(command: c.SetNetworkProfile) -> Said:
    return "SetNetworkProfile", {"configurationSlot": command.slot, "connectionData": command.data}


def clear_cache(_command: c.ClearCache) -> Said:
    return "ClearCache", {}


def trigger(command: c.Trigger) -> Said:
    if command.custom is not None:
        raise Unsupported(reason="OCPP 2.0.1 has no triggers of one's own")
    return "TriggerMessage", given(
        requestedMessage=TRIGGERS.get(command.message, command.message),
        evse=evse_of(command.evse, command.connector),
    )


TRIGGERS: Final = {
    "DiagnosticsStatusNotification": "LogStatusNotification",
    "SignChargePointCertificate": "SignChargingStationCertificate",
}
"""Messages that 1.6 calls otherwise."""


# --- monitors -----------------------------------------------------------------------------------------------------


def set_monitoring_base(command: c.SetMonitoringBase) -> Said:
    return "SetMonitoringBase", {"monitoringBase": command.base}


def set_monitoring_level(command: c.SetMonitoringLevel) -> Said:
    return "SetMonitoringLevel", {"severity": command.severity}


def set_monitors(command: c.SetMonitors) -> Said:
    return "SetVariableMonitoring", {"setMonitoringData": list(command.monitors)}


def monitors_set(_command: Any, response: m.SetVariableMonitoringResponse) -> Answer:
    return _each(response.set_monitoring_result)


def clear_monitors(command: c.ClearMonitors) -> Said:
    return "ClearVariableMonitoring", {"id": list(command.ids)}


def monitors_cleared(_command: Any, response: m.ClearVariableMonitoringResponse) -> Answer:
    return _each(response.clear_monitoring_result)


def _each(results: Sequence[Any]) -> Answer:
    """The answer of a list of results: agreed when each of them is."""
    statuses = [one.status for one in results]
    return Answer(
        agreed=AGREEING.issuperset(statuses),
        status=_common_status(statuses),
        data={"results": msgspec.to_builtins(results)},
    )


def get_monitoring_report(command: c.GetMonitoringReport) -> Said:
    return "GetMonitoringReport", given(
        requestId=command.request_id or 0,
        monitoringCriteria=list(command.criteria) or None,
        componentVariable=[_component_variable(one) for one in command.variables] or None,
    )


def customer_information(command: c.CustomerInformation, tokens: Tokens) -> Said:
    return "CustomerInformation", given(
        requestId=command.request_id or 0,
        report=command.report,
        clear=command.clear,
        customerIdentifier=command.customer_identifier,
        idToken=None if command.token is None else tokens(command.token),
        customerCertificate=command.certificate,
    )
