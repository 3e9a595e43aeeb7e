"""What a station of OCPP 1.6 can be asked."""

import re
from typing import Any, Final

from msgspec import UNSET
from msgspec.structs import replace

from gridlane.ocpp.v16 import messages as m
from gridlane.stations import commands as c
from gridlane.stations.commands import Answer
from gridlane.stations.dialects import profiles
from gridlane.stations.dialects.configuration_keys import key_of
from gridlane.stations.dialects.dialect import (
    CommandInvalid,
    Payload,
    Phrase,
    Unsupported,
    answered,
    builtins,
    given,
    known,
)
from gridlane.stations.dialects.v16 import plug_and_charge
from gridlane.stations.dialects.v16.replies import ID_TAG, text_of
from gridlane.stations.reports import VariableReported

Said = tuple[str, Payload]


# --- charging ----------------------------------------------------------------------------------------------------


def start(command: c.StartCharging) -> Said:
    """A profile that comes along is for the transaction to be, so it names none."""
    profile = command.profile
    return "RemoteStartTransaction", given(
        idTag=command.token.value,
        connectorId=command.evse,
        chargingProfile=None if profile is None else _profile(replace(profile, transaction=None)),
    )


def stop(command: c.StopCharging) -> Said:
    return "RemoteStopTransaction", {"transactionId": _transaction(command.transaction)}


def unlock(command: c.Unlock) -> Said:
    return "UnlockConnector", {"connectorId": _connector(command.evse, command.connector)}


def reset(command: c.Reset) -> Said:
    if command.evse is not None:
        raise Unsupported(reason="OCPP 1.6 resets the station as a whole only")
    if command.resume:
        raise Unsupported(reason="OCPP 1.6 cannot resume transactions after a reset")
    return "Reset", {"type": "Hard" if command.immediate else "Soft"}


def change_availability(command: c.ChangeAvailability) -> Said:
    return "ChangeAvailability", {
        "connectorId": _connector(command.evse, command.connector),
        "type": "Operative" if command.operative else "Inoperative",
    }


def reserve(command: c.Reserve) -> Said:
    if command.connector_type is not None:
        raise Unsupported(reason="OCPP 1.6 cannot reserve by the type of connector")
    return "ReserveNow", given(
        connectorId=command.evse or 0,
        expiryDate=command.expires,
        idTag=command.token.value,
        parentIdTag=None if command.group is None else command.group.value,
        reservationId=command.reservation_id,
    )


def cancel_reservation(command: c.CancelReservation) -> Said:
    return "CancelReservation", {"reservationId": command.reservation_id}


# --- limits ------------------------------------------------------------------------------------------------------

_PURPOSES: Final = dict.fromkeys(profiles.STATION_MAX, "ChargePointMaxProfile") | {
    "TxDefaultProfile": "TxDefaultProfile",
    "TxProfile": "TxProfile",
}


def set_profile(command: c.SetProfile) -> Said:
    return "SetChargingProfile", {
        "connectorId": command.evse,
        "csChargingProfiles": _profile(command.profile),
    }


def _profile(profile: c.Profile) -> Payload:
    if profile.extra:
        raise Unsupported(reason=f"OCPP 1.6 profiles cannot say {', '.join(sorted(profile.extra))}")
    return {
        "chargingProfileId": profile.id,
        "chargingProfilePurpose": _purpose(profile.purpose),
        "chargingSchedule": profiles.schedule(
            profile,
            [_period(period) for period in profile.periods],
            None if profile.min_rate is None else profiles.floored(profile.min_rate),
        ),
        **given(transactionId=None if profile.transaction is None else _transaction(profile.transaction)),
        **profiles.head(profile),
    }


def _period(period: c.ProfilePeriod) -> Payload:
    if period.phase_to_use is not None:
        raise Unsupported(reason="OCPP 1.6 cannot choose the phase to charge on")
    payload = profiles.classic_period(period, "1.6")
    return payload | {"limit": profiles.floored(payload["limit"])}


def _purpose(word: str) -> str:
    purpose = _PURPOSES.get(word)
    if purpose is None:
        raise Unsupported(reason=f"OCPP 1.6 has no profiles of the purpose {word}")
    return purpose


def clear_profile(command: c.ClearProfile) -> Said:
    return "ClearChargingProfile", given(
        id=command.profile_id,
        connectorId=command.evse,
        chargingProfilePurpose=None if command.purpose is None else _purpose(command.purpose),
        stackLevel=command.stack_level,
    )


def get_composite_schedule(command: c.GetCompositeSchedule) -> Said:
    return "GetCompositeSchedule", given(
        connectorId=command.evse, duration=command.duration, chargingRateUnit=command.unit
    )


def composite_schedule_told(_command: Any, response: m.GetCompositeScheduleResponse) -> Answer:
    plan = response.charging_schedule
    data = {}
    if plan is not UNSET:
        start_at = plan.start_schedule if response.schedule_start is UNSET else response.schedule_start
        told = profiles.composite(
            known(start_at), known(plan.duration), plan.charging_rate_unit, plan.charging_schedule_period
        )
        data = {"schedule": told}
    return replace(answered(None, response), data=data)


# --- configuration -----------------------------------------------------------------------------------------------

ACTUAL: Final = (None, "Actual")
LIST_UNSUPPORTED: Final = -1


def get_variables(command: c.GetVariables) -> Said:
    keys = [_configuration_key(one) for one in command.variables]
    return "GetConfiguration", given(key=keys or None)


def _configuration_key(variable: c.VariableRef) -> str:
    if variable.attribute not in ACTUAL:
        raise Unsupported(reason=f"OCPP 1.6 keeps no {variable.attribute} values of its settings")
    return key_of(variable.component, variable.variable)


def variables_read(_command: Any, response: m.GetConfigurationResponse) -> Answer:
    """Keys as variables without component. Unknown keys are told; only they alone are a no."""
    keys, unknown = response.configuration_key or [], response.unknown_key or []
    agreed = bool(keys) or not unknown
    status = "Accepted" if not unknown else "PartlyAccepted" if keys else "UnknownVariable"
    variables = tuple(
        VariableReported(
            component="",
            variable=one.key,
            attributes=(
                given(
                    type="Actual",
                    value=known(one.value),
                    mutability="ReadOnly" if one.readonly else "ReadWrite",
                ),
            ),
        )
        for one in keys
    )
    return Answer(
        agreed=agreed, status=status, data=given(unknown=list(unknown) or None), variables=variables
    )


def set_variables(command: c.SetVariables) -> Said:
    if len(command.variables) != 1:
        raise Unsupported(reason="OCPP 1.6 changes one setting at a time")
    (variable,) = command.variables
    if variable.value is None:
        raise CommandInvalid(action="ChangeConfiguration", problem=f"no value for {variable.variable}")
    return "ChangeConfiguration", {"key": _configuration_key(variable), "value": variable.value}


def set_password(command: c.SetPassword) -> Said:
    """The key goes in hexadecimal: 32 to 40 digits for 16 to 20 bytes (security white paper, 2.3).

    A password that is written in such digits is the key (``credentials`` makes all of them so); another's bytes are.
    """
    password = command.password or ""
    value = password if _KEY.fullmatch(password) else password.encode().hex()
    if not _KEY.fullmatch(value):
        raise CommandInvalid(
            action="ChangeConfiguration", problem="an AuthorizationKey has 16 to 20 bytes in OCPP 1.6"
        )
    return "ChangeConfiguration", {"key": "AuthorizationKey", "value": value}


_KEY: Final = re.compile("(?:[0-9A-Fa-f]{2}){16,20}")


def clear_cache(_command: c.ClearCache) -> Said:
    return "ClearCache", {}


def trigger(command: c.Trigger) -> Said:
    word = _TRIGGERS.get(command.message, command.message)
    if word in plug_and_charge.VEHICLES:
        return plug_and_charge.carried(command)
    action = "TriggerMessage" if word in _CORE_TRIGGERS else "ExtendedTriggerMessage"
    if word not in _CORE_TRIGGERS and word not in _EXTENDED_TRIGGERS:
        raise Unsupported(reason=f"OCPP 1.6 cannot be asked to send {command.message}")
    connector = None if command.evse is None else _connector(command.evse, command.connector)
    return action, given(requestedMessage=word, connectorId=connector)


_TRIGGERS: Final = {"SignChargingStationCertificate": "SignChargePointCertificate"}
_CORE_TRIGGERS: Final = frozenset(
    (
        "BootNotification", "DiagnosticsStatusNotification", "FirmwareStatusNotification", "Heartbeat",
        "MeterValues", "StatusNotification",
    )
)  # fmt: skip
_EXTENDED_TRIGGERS: Final = frozenset(("LogStatusNotification", "SignChargePointCertificate"))


# --- local list --------------------------------------------------------------------------------------------------


def get_list_version(_command: c.GetListVersion) -> Said:
    return "GetLocalListVersion", {}


def list_version_told(_command: Any, response: m.GetLocalListVersionResponse) -> Answer:
    if response.list_version == LIST_UNSUPPORTED:
        return Answer(agreed=False, status="NotSupported", reason="the station keeps no local list")
    return Answer(agreed=True, status="Accepted", data={"version": response.list_version})


def send_list(command: c.SendList) -> Said:
    entries = [_entry(one) for one in command.entries if len(_id_tag(one)) <= ID_TAG]
    return "SendLocalList", given(
        listVersion=command.version,
        updateType="Full" if command.full else "Differential",
        localAuthorizationList=entries or None,
    )


def _id_tag(entry: dict[str, Any]) -> str:
    """Tokens longer than an idTag can be presented at no station of 1.6: they are not sent."""
    try:
        return str(entry["idToken"]["idToken"])
    except (KeyError, TypeError):
        raise CommandInvalid(action="SendLocalList", problem="an entry has no idToken.idToken") from None


def _entry(entry: dict[str, Any]) -> Payload:
    info = entry.get("idTokenInfo")
    if info is None:
        return {"idTag": _id_tag(entry)}
    group = (info.get("groupIdToken") or {}).get("idToken")
    return {
        "idTag": _id_tag(entry),
        "idTagInfo": given(
            status=_LIST_STATUSES.get(info.get("status"), "Invalid"),
            expiryDate=info.get("cacheExpiryDateTime"),
            parentIdTag=group if group is not None and len(group) <= ID_TAG else None,
        ),
    }


_LIST_STATUSES: Final = {
    "Accepted": "Accepted",
    "Blocked": "Blocked",
    "Expired": "Expired",
    "ConcurrentTx": "ConcurrentTx",
    "NoCredit": "Blocked",
    "NotAllowedTypeEVSE": "Blocked",
    "NotAtThisLocation": "Blocked",
    "NotAtThisTime": "Blocked",
}
"""As ``replies.VERDICTS``, from the words of 2.x that entries are kept in."""


# --- firmware and logs -------------------------------------------------------------------------------------------


def update_firmware(command: c.UpdateFirmware) -> Said:
    """Signed by the security extension, else as the core specification has it."""
    if command.certificate is not None and command.signature is not None:
        firmware = given(
            location=command.location,
            retrieveDateTime=command.retrieve,
            installDateTime=command.install,
            signingCertificate=command.certificate,
            signature=command.signature,
        )
        return "SignedUpdateFirmware", given(
            requestId=command.request_id or 0,
            retries=command.retries,
            retryInterval=command.retry_interval,
            firmware=firmware,
        )
    if command.install is not None:
        raise Unsupported(reason="OCPP 1.6 installs unsigned firmware at once, at no chosen time")
    return "UpdateFirmware", given(
        location=command.location,
        retrieveDate=command.retrieve,
        retries=command.retries,
        retryInterval=command.retry_interval,
    )


def get_log(command: c.GetLog) -> Said:
    if command.log == "DiagnosticsLog" and not command.by_extension:
        return "GetDiagnostics", given(
            location=command.location,
            startTime=command.oldest,
            stopTime=command.latest,
            retries=command.retries,
            retryInterval=command.retry_interval,
        )
    log = given(
        remoteLocation=command.location, oldestTimestamp=command.oldest, latestTimestamp=command.latest
    )
    return "GetLog", given(
        log=log,
        logType=command.log,
        requestId=command.request_id or 0,
        retries=command.retries,
        retryInterval=command.retry_interval,
    )


def log_promised(_command: Any, response: m.GetLogResponse | m.GetDiagnosticsResponse) -> Answer:
    """A station that has nothing to upload names no file (6.27 of 1.6)."""
    if isinstance(response, m.GetLogResponse):
        return answered(None, response)
    if response.file_name is UNSET:
        return Answer(agreed=False, status="NothingToUpload")
    return Answer(agreed=True, status="Accepted", data={"filename": response.file_name})


# --- certificates ------------------------------------------------------------------------------------------------

_ROOTS: Final = {"CSMSRootCertificate": "CentralSystemRootCertificate"}


def install_certificate(command: c.InstallCertificate) -> Said:
    if command.use in plug_and_charge.VEHICLES:
        return plug_and_charge.carried(command)
    use = _ROOTS.get(command.use, command.use)
    return "InstallCertificate", {"certificateType": use, "certificate": command.certificate}


def delete_certificate(command: c.DeleteCertificate) -> Said:
    if command.use in plug_and_charge.VEHICLES:
        return plug_and_charge.carried(command)
    return "DeleteCertificate", {"certificateHashData": command.hash_data}


def get_certificates(command: c.GetCertificates) -> Said:
    if command.uses and plug_and_charge.VEHICLES.issuperset(command.uses):
        return plug_and_charge.carried(command)
    if len(command.uses) != 1:
        raise Unsupported(reason="OCPP 1.6 lists the certificates of one use at a time")
    (use,) = command.uses
    return "GetInstalledCertificateIds", {"certificateType": _ROOTS.get(use, use)}


def certificates_told(command: c.GetCertificates, response: Any) -> Answer:
    """In the form of 2.x: each with its use."""
    if isinstance(response, m.DataTransferResponse):
        return plug_and_charge.unpacked(command, response)
    found = [
        {"certificateType": command.uses[0], "certificateHashData": builtins(one)}
        for one in response.certificate_hash_data or ()
    ]
    return replace(answered(None, response), data=given(certificateHashDataChain=found or None))


def certificate_signed(command: c.CertificateSigned) -> Said:
    if command.use in plug_and_charge.VEHICLES:
        return plug_and_charge.carried(command)
    return "CertificateSigned", {"certificateChain": command.chain}


# --- a vendor's own ----------------------------------------------------------------------------------------------


def transfer_data(command: c.TransferData) -> Said:
    return "DataTransfer", given(
        vendorId=command.vendor,
        messageId=command.message,
        data=None if command.data is None else text_of(command.data),
    )


def perhaps_carried(command: Any, response: Any) -> Answer:
    """The answer to what may have gone as Plug & Charge inside DataTransfer."""
    if isinstance(response, m.DataTransferResponse):
        return plug_and_charge.unpacked(command, response)
    return answered(command, response)


def _connector(evse: int, connector: int | None) -> int:
    """The connector that is an EVSE's only one."""
    if evse and connector not in (None, 1):
        raise Unsupported(reason="OCPP 1.6 numbers connectors through: each is connector 1 of its own EVSE")
    return evse


def _transaction(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise Unsupported(reason="OCPP 1.6 knows transactions by numbers only") from None


PHRASES: Final[dict[type[c.Command], Phrase]] = {
    c.StartCharging: Phrase(("RemoteStartTransaction",), start, answered),
    c.StopCharging: Phrase(("RemoteStopTransaction",), stop, answered),
    c.Unlock: Phrase(("UnlockConnector",), unlock, answered),
    c.Reset: Phrase(("Reset",), reset, answered),
    c.ChangeAvailability: Phrase(("ChangeAvailability",), change_availability, answered),
    c.Trigger: Phrase(("TriggerMessage", "ExtendedTriggerMessage"), trigger, perhaps_carried),
    c.GetVariables: Phrase(("GetConfiguration",), get_variables, variables_read),
    c.SetVariables: Phrase(("ChangeConfiguration",), set_variables, answered),
    c.SetPassword: Phrase(("ChangeConfiguration",), set_password, answered),
    c.ClearCache: Phrase(("ClearCache",), clear_cache, answered),
    c.GetListVersion: Phrase(("GetLocalListVersion",), get_list_version, list_version_told),
    c.SendList: Phrase(("SendLocalList",), send_list, answered),
    c.Reserve: Phrase(("ReserveNow",), reserve, answered),
    c.CancelReservation: Phrase(("CancelReservation",), cancel_reservation, answered),
    c.SetProfile: Phrase(("SetChargingProfile",), set_profile, answered),
    c.ClearProfile: Phrase(("ClearChargingProfile",), clear_profile, answered),
    c.GetCompositeSchedule: Phrase(
        ("GetCompositeSchedule",), get_composite_schedule, composite_schedule_told
    ),
    c.UpdateFirmware: Phrase(("UpdateFirmware", "SignedUpdateFirmware"), update_firmware, answered),
    c.GetLog: Phrase(("GetDiagnostics", "GetLog"), get_log, log_promised),
    c.InstallCertificate: Phrase(("InstallCertificate",), install_certificate, perhaps_carried),
    c.DeleteCertificate: Phrase(("DeleteCertificate",), delete_certificate, perhaps_carried),
    c.GetCertificates: Phrase(("GetInstalledCertificateIds",), get_certificates, certificates_told),
    c.CertificateSigned: Phrase(("CertificateSigned",), certificate_signed, perhaps_carried),
    c.TransferData: Phrase(("DataTransfer",), transfer_data, answered),
}
