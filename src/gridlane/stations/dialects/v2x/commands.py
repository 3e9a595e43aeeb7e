"""What a station of OCPP 2.0.1 can be asked. ``v21`` says the same and more."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from gridlane.ocpp.v201 import messages as m
from gridlane.stations import commands as c
from gridlane.stations.commands import Answer
from gridlane.stations.dialects import profiles
from gridlane.stations.dialects.configuration_keys import variable_of
from gridlane.stations.dialects.dialect import (
    AGREEING,
    CommandInvalid,
    Payload,
    Phrase,
    Unsupported,
    answered,
    given,
    known,
)
from gridlane.stations.dialects.readings import scaled
from gridlane.stations.dialects.v2x import reports
from gridlane.stations.dialects.v2x.replies import TOKEN_KINDS, TOKEN_LENGTH, token
from gridlane.stations.reports import TokenRef

Said = tuple[str, Payload]
Tokens = Callable[[TokenRef], Payload]
Periods = Callable[[c.ProfilePeriod], Payload]


# --- charging ----------------------------------------------------------------------------------------------------


def start(command: c.StartCharging, tokens: Tokens, profile_of: "Profiles") -> Said:
    """A profile that comes along is for the transaction to be, so it names none (F01.FR.11).

    The command's limits go with the answer to the transaction's first event, where the version has them (2.1, F07).
    """
    profile = command.profile
    return "RequestStartTransaction", given(
        idToken=tokens(command.token),
        remoteStartId=command.remote_start_id or 0,
        evseId=command.evse,
        groupIdToken=None if command.group is None else tokens(command.group),
        chargingProfile=None if profile is None else profile_of(replace(profile, transaction=None)),
    )


def stop(command: c.StopCharging) -> Said:
    return "RequestStopTransaction", {"transactionId": command.transaction}


def unlock(command: c.Unlock) -> Said:
    return "UnlockConnector", {"evseId": command.evse, "connectorId": command.connector}


def reset(command: c.Reset) -> Said:
    if command.resume:
        raise Unsupported(reason="OCPP 2.0.1 cannot resume transactions after a reset")
    return "Reset", given(type="Immediate" if command.immediate else "OnIdle", evseId=command.evse)


def change_availability(command: c.ChangeAvailability) -> Said:
    return "ChangeAvailability", given(
        operationalStatus="Operative" if command.operative else "Inoperative",
        evse=_evse(command.evse or None, command.connector),
    )


def get_transaction_status(command: c.GetTransactionStatus) -> Said:
    return "GetTransactionStatus", given(transactionId=command.transaction)


def reserve(command: c.Reserve, tokens: Tokens) -> Said:
    return "ReserveNow", given(
        id=command.reservation_id,
        expiryDateTime=command.expires,
        idToken=tokens(command.token),
        evseId=command.evse or None,
        connectorType=command.connector_type,
        groupIdToken=None if command.group is None else tokens(command.group),
    )


def cancel_reservation(command: c.CancelReservation) -> Said:
    return "CancelReservation", {"reservationId": command.reservation_id}


def show_cost(command: c.ShowCost) -> Said:
    try:
        total = scaled(command.total, 0)
    except ValueError:
        raise CommandInvalid(action="CostUpdated", problem=f"{command.total!r} is no number") from None
    return "CostUpdated", {"transactionId": command.transaction, "totalCost": total}


# --- limits ------------------------------------------------------------------------------------------------------

Profiles = Callable[[c.Profile], Payload]

PURPOSES: Final = dict.fromkeys(profiles.STATION_MAX, "ChargingStationMaxProfile") | {
    name: name for name in ("ChargingStationExternalConstraints", "TxDefaultProfile", "TxProfile")
}


def profile_of(profile: c.Profile) -> Payload:
    """ChargingProfile of 2.0.1: one schedule, whose id is the profile's."""
    if profile.kind == "Dynamic":
        raise Unsupported(reason="OCPP 2.0.1 has no dynamic profiles")
    return written_profile(profile, PURPOSES, _period, _SCHEDULE_EXTRAS, _PROFILE_EXTRAS, "2.0.1")


def _period(period: c.ProfilePeriod) -> Payload:
    return profiles.classic_period(period, "2.0.1") | given(phaseToUse=period.phase_to_use)


_SCHEDULE_EXTRAS: Final = frozenset(("salesTariff", "customData"))
_PROFILE_EXTRAS: Final[frozenset[str]] = frozenset()


def written_profile(
    profile: c.Profile,
    purposes: Mapping[str, str],
    periods: Periods,
    of_schedule: frozenset[str],
    of_profile: frozenset[str],
    version: str,
) -> Payload:
    """A profile in a version's words; its extras go where that version has them."""
    unknown = profile.extra.keys() - of_schedule - of_profile
    if unknown:
        raise Unsupported(reason=f"OCPP {version} profiles cannot say {', '.join(sorted(unknown))}")
    schedule = profiles.schedule(profile, [periods(one) for one in profile.periods], profile.min_rate)
    schedule |= {"id": profile.id} | _chosen(profile.extra, of_schedule)
    return {
        "id": profile.id,
        "chargingProfilePurpose": purpose_in(purposes, profile.purpose, version),
        "chargingSchedule": [schedule],
        **given(transactionId=profile.transaction),
        **profiles.head(profile),
        **_chosen(profile.extra, of_profile),
    }


def _chosen(extra: dict[str, Any], names: frozenset[str]) -> Payload:
    return {name: value for name, value in extra.items() if name in names}


def purpose_in(purposes: Mapping[str, str], word: str, version: str) -> str:
    purpose = purposes.get(word)
    if purpose is None:
        raise Unsupported(reason=f"OCPP {version} has no profiles of the purpose {word}")
    return purpose


def set_profile(command: c.SetProfile, profile_of: Profiles) -> Said:
    return "SetChargingProfile", {
        "evseId": command.evse,
        "chargingProfile": profile_of(command.profile),
    }


def clear_profile(command: c.ClearProfile, purposes: Mapping[str, str], version: str) -> Said:
    """By its id, or by what else is known of it (K10.FR.02)."""
    purpose = None if command.purpose is None else purpose_in(purposes, command.purpose, version)
    criteria = given(evseId=command.evse, chargingProfilePurpose=purpose, stackLevel=command.stack_level)
    if command.profile_id is not None:
        return "ClearChargingProfile", {"chargingProfileId": command.profile_id}
    return "ClearChargingProfile", given(chargingProfileCriteria=criteria or None)


def get_profiles(command: c.GetProfiles) -> Said:
    return "GetChargingProfiles", given(
        requestId=command.request_id or 0, evseId=command.evse, chargingProfile=command.criteria
    )


def get_composite_schedule(command: c.GetCompositeSchedule) -> Said:
    return "GetCompositeSchedule", given(
        evseId=command.evse, duration=command.duration, chargingRateUnit=command.unit
    )


def composite_schedule_told(_command: Any, response: m.GetCompositeScheduleResponse) -> Answer:
    plan = response.schedule
    if plan is UNSET:
        return answered(None, response)
    told = profiles.composite(
        plan.schedule_start, plan.duration, plan.charging_rate_unit, plan.charging_schedule_period
    )
    return replace(answered(None, response), data={"schedule": told})


# --- the device model --------------------------------------------------------------------------------------------


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
            evse=_evse(variable.evse, variable.connector),
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
        evse=_evse(command.evse, command.connector),
    )


TRIGGERS: Final = {
    "DiagnosticsStatusNotification": "LogStatusNotification",
    "SignChargePointCertificate": "SignChargingStationCertificate",
}
"""Messages that 1.6 calls otherwise."""


# --- local list --------------------------------------------------------------------------------------------------


def get_list_version(_command: c.GetListVersion) -> Said:
    return "GetLocalListVersion", {}


def list_version_told(_command: Any, response: m.GetLocalListVersionResponse) -> Answer:
    return Answer(agreed=True, status="Accepted", data={"version": response.version_number})


def send_list(command: c.SendList, fits: Callable[[dict[str, Any]], bool]) -> Said:
    entries = [one for one in command.entries if fits(one)]
    return "SendLocalList", given(
        versionNumber=command.version,
        updateType="Full" if command.full else "Differential",
        localAuthorizationList=entries or None,
    )


def fits(entry: dict[str, Any]) -> bool:
    """Tokens that 2.0.1 has no form for can be presented at none of its stations: they are not sent."""
    presented = entry.get("idToken")
    if not isinstance(presented, dict):
        return True  # to be refused for what it is
    return presented.get("type") in TOKEN_KINDS and len(str(presented.get("idToken", ""))) <= TOKEN_LENGTH


# --- firmware and logs -------------------------------------------------------------------------------------------


def update_firmware(command: c.UpdateFirmware) -> Said:
    firmware = given(
        location=command.location,
        retrieveDateTime=command.retrieve,
        installDateTime=command.install,
        signingCertificate=command.certificate,
        signature=command.signature,
    )
    return "UpdateFirmware", _retried(command) | {"firmware": firmware}


def publish_firmware(command: c.PublishFirmware) -> Said:
    return "PublishFirmware", _retried(command) | {
        "location": command.location,
        "checksum": command.checksum,
    }


def unpublish_firmware(command: c.UnpublishFirmware) -> Said:
    return "UnpublishFirmware", {"checksum": command.checksum}


def get_log(command: c.GetLog) -> Said:
    log = given(
        remoteLocation=command.location, oldestTimestamp=command.oldest, latestTimestamp=command.latest
    )
    return "GetLog", _retried(command) | {"logType": command.log, "log": log}


def _retried(command: c.UpdateFirmware | c.PublishFirmware | c.GetLog) -> Payload:
    return given(
        requestId=command.request_id or 0, retries=command.retries, retryInterval=command.retry_interval
    )


# --- certificates ------------------------------------------------------------------------------------------------


def install_certificate(command: c.InstallCertificate) -> Said:
    use = {"CentralSystemRootCertificate": "CSMSRootCertificate"}.get(command.use, command.use)
    return "InstallCertificate", {"certificateType": use, "certificate": command.certificate}


def delete_certificate(command: c.DeleteCertificate) -> Said:
    return "DeleteCertificate", {"certificateHashData": command.hash_data}


def get_certificates(command: c.GetCertificates) -> Said:
    return "GetInstalledCertificateIds", given(certificateType=list(command.uses) or None)


def certificate_signed(command: c.CertificateSigned) -> Said:
    return "CertificateSigned", given(certificateChain=command.chain, certificateType=command.use)


# --- monitoring --------------------------------------------------------------------------------------------------


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


# --- display, a vendor's own -------------------------------------------------------------------------------------


def set_display_message(command: c.SetDisplayMessage) -> Said:
    return "SetDisplayMessage", {"message": command.message}


def get_display_messages(command: c.GetDisplayMessages) -> Said:
    return "GetDisplayMessages", given(
        requestId=command.request_id or 0,
        id=list(command.ids) or None,
        priority=command.priority,
        state=command.state,
    )


def clear_display_message(command: c.ClearDisplayMessage) -> Said:
    return "ClearDisplayMessage", {"id": command.id}


def transfer_data(command: c.TransferData) -> Said:
    return "DataTransfer", given(vendorId=command.vendor, messageId=command.message, data=command.data)


def _evse(evse: int | None, connector: int | None) -> Payload | None:
    return None if evse is None else given(id=evse, connectorId=connector)


PHRASES: Final[dict[type[c.Command], Phrase]] = {
    c.StartCharging: Phrase(
        ("RequestStartTransaction",), partial(start, tokens=token, profile_of=profile_of), answered
    ),
    c.StopCharging: Phrase(("RequestStopTransaction",), stop, answered),
    c.Unlock: Phrase(("UnlockConnector",), unlock, answered),
    c.Reset: Phrase(("Reset",), reset, answered),
    c.ChangeAvailability: Phrase(("ChangeAvailability",), change_availability, answered),
    c.Trigger: Phrase(("TriggerMessage",), trigger, answered),
    c.GetVariables: Phrase(("GetVariables",), get_variables, variables_read),
    c.SetVariables: Phrase(("SetVariables",), set_variables, variables_set),
    c.GetReport: Phrase(("GetBaseReport", "GetReport"), get_report, answered),
    c.SetNetworkProfile: Phrase(("SetNetworkProfile",), set_network_profile, answered),
    c.SetPassword: Phrase(("SetVariables",), set_password, variables_set),
    c.ClearCache: Phrase(("ClearCache",), clear_cache, answered),
    c.GetListVersion: Phrase(("GetLocalListVersion",), get_list_version, list_version_told),
    c.SendList: Phrase(("SendLocalList",), partial(send_list, fits=fits), answered),
    c.GetTransactionStatus: Phrase(("GetTransactionStatus",), get_transaction_status, answered),
    c.Reserve: Phrase(("ReserveNow",), partial(reserve, tokens=token), answered),
    c.CancelReservation: Phrase(("CancelReservation",), cancel_reservation, answered),
    c.SetProfile: Phrase(("SetChargingProfile",), partial(set_profile, profile_of=profile_of), answered),
    c.ClearProfile: Phrase(
        ("ClearChargingProfile",), partial(clear_profile, purposes=PURPOSES, version="2.0.1"), answered
    ),
    c.GetProfiles: Phrase(("GetChargingProfiles",), get_profiles, answered),
    c.GetCompositeSchedule: Phrase(
        ("GetCompositeSchedule",), get_composite_schedule, composite_schedule_told
    ),
    c.UpdateFirmware: Phrase(("UpdateFirmware",), update_firmware, answered),
    c.PublishFirmware: Phrase(("PublishFirmware",), publish_firmware, answered),
    c.UnpublishFirmware: Phrase(("UnpublishFirmware",), unpublish_firmware, answered),
    c.GetLog: Phrase(("GetLog",), get_log, answered),
    c.InstallCertificate: Phrase(("InstallCertificate",), install_certificate, answered),
    c.DeleteCertificate: Phrase(("DeleteCertificate",), delete_certificate, answered),
    c.GetCertificates: Phrase(("GetInstalledCertificateIds",), get_certificates, answered),
    c.CertificateSigned: Phrase(("CertificateSigned",), certificate_signed, answered),
    c.SetMonitoringBase: Phrase(("SetMonitoringBase",), set_monitoring_base, answered),
    c.SetMonitoringLevel: Phrase(("SetMonitoringLevel",), set_monitoring_level, answered),
    c.SetMonitors: Phrase(("SetVariableMonitoring",), set_monitors, monitors_set),
    c.ClearMonitors: Phrase(("ClearVariableMonitoring",), clear_monitors, monitors_cleared),
    c.GetMonitoringReport: Phrase(("GetMonitoringReport",), get_monitoring_report, answered),
    c.CustomerInformation: Phrase(
        ("CustomerInformation",), partial(customer_information, tokens=token), answered
    ),
    c.SetDisplayMessage: Phrase(("SetDisplayMessage",), set_display_message, answered),
    c.GetDisplayMessages: Phrase(("GetDisplayMessages",), get_display_messages, answered),
    c.ClearDisplayMessage: Phrase(("ClearDisplayMessage",), clear_display_message, answered),
    c.ShowCost: Phrase(("CostUpdated",), show_cost, answered),
    c.TransferData: Phrase(("DataTransfer",), transfer_data, answered),
}
