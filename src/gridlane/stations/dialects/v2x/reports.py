"""What a station of OCPP 2.0.1 says; 2.1 says it alike and adds fields, which are read where they are there."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
from msgspec import UNSET

from gridlane.kernel.quantities import Amperes
from gridlane.ocpp.v201 import messages as m
from gridlane.stations import reports as r
from gridlane.stations.dialects.dialect import builtins, digest_of, known
from gridlane.stations.dialects.readings import utc
from gridlane.stations.dialects.v2x.samples import readings_of

STATUSES: Final[dict[str, r.ConnectorStatus]] = {
    "Available": "available",
    "Occupied": "occupied",
    "Reserved": "reserved",
    "Unavailable": "unavailable",
    "Faulted": "faulted",
}
PHASES: Final[dict[str, r.Phase]] = {"Started": "started", "Updated": "updated", "Ended": "ended"}


# --- provisioning and life ---------------------------------------------------------------------------------------


def booted(request: m.BootNotificationRequest) -> r.Booted:
    station = request.charging_station
    modem = station.modem
    return r.Booted(
        vendor=station.vendor_name,
        model=station.model,
        serial=known(station.serial_number),
        firmware=known(station.firmware_version),
        iccid=None if modem is UNSET else known(modem.iccid),
        imsi=None if modem is UNSET else known(modem.imsi),
        reason=request.reason,
    )


_ALIVE: Final = r.Alive()


def alive(_request: m.HeartbeatRequest) -> r.Alive:
    return _ALIVE


def status_reported(request: m.StatusNotificationRequest) -> r.StatusReported:
    return r.StatusReported(
        evse=request.evse_id,
        connector=request.connector_id,
        status=STATUSES[request.connector_status],
        at=utc(request.timestamp),
    )


def data_transferred(request: m.DataTransferRequest) -> r.DataTransferred:
    return r.DataTransferred(
        vendor=request.vendor_id, message=known(request.message_id), data=known(request.data)
    )


def security_reported(request: m.SecurityEventNotificationRequest) -> r.SecurityReported:
    return r.SecurityReported(kind=request.type, at=utc(request.timestamp), info=known(request.tech_info))


# --- tokens and transactions -------------------------------------------------------------------------------------


def token_of(token: m.IdTokenType) -> r.TokenRef:
    return r.TokenRef(token.id_token, token.type)


def token_presented(request: m.AuthorizeRequest) -> r.TokenPresented:
    hashes = request.iso15118_certificate_hash_data
    return r.TokenPresented(
        token=token_of(request.id_token),
        certificate=known(request.certificate),
        certificate_hashes=() if hashes is UNSET else _items(hashes),
    )


def transaction_reported(request: m.TransactionEventRequest) -> r.TransactionReported:
    info, evse, values = request.transaction_info, request.evse, request.meter_value
    token, cable = request.id_token, request.cable_max_current
    return r.TransactionReported(
        phase=PHASES[request.event_type],
        transaction=info.transaction_id,
        at=utc(request.timestamp),
        digest=digest_of(request),
        evse=None if evse is UNSET else evse.id,
        connector=None if evse is UNSET else known(evse.connector_id),
        sequence=request.seq_no,
        trigger=request.trigger_reason,
        offline=request.offline or False,
        token=None if token is UNSET else token_of(token),
        remote_start_id=known(info.remote_start_id),
        reservation_id=known(request.reservation_id),
        charging_state=known(info.charging_state),
        stopped_reason=known(info.stopped_reason),
        phases_used=known(request.number_of_phases_used),
        cable_max_current=None if cable is UNSET else Amperes(float(cable)),
        readings=() if values is UNSET else readings_of(values),
        extra=_extra(request),
    )


_EVENT: Final = frozenset(
    (
        "event_type", "meter_value", "timestamp", "trigger_reason", "seq_no", "offline", "number_of_phases_used",
        "cable_max_current", "reservation_id", "transaction_info", "evse", "id_token",
    )
)  # fmt: skip
_INFO: Final = frozenset(("transaction_id", "charging_state", "stopped_reason", "remote_start_id"))
"""Fields of a TransactionEvent, and of its transactionInfo, that have their own place in the report."""


def _extra(request: Any) -> dict[str, Any]:
    """What else an event says, by its name on the wire: all that 2.1 adds, and what vendors do."""
    extra = _others(request.transaction_info, _INFO)
    if "customData" in extra:
        extra["transactionInfo.customData"] = extra.pop("customData")
    extra.update(_others(request, _EVENT))
    token = request.id_token
    if token is not UNSET and token.additional_info is not UNSET:
        extra["additionalInfo"] = msgspec.to_builtins(token.additional_info)
    return extra


def _others(part: Any, placed: frozenset[str]) -> dict[str, Any]:
    found = {}
    for name, wire_name in _other_fields(type(part), placed):
        value = getattr(part, name)
        if value is not UNSET:
            found[wire_name] = msgspec.to_builtins(value)
    return found


_fields: dict[type, tuple[tuple[str, str], ...]] = {}


def _other_fields(kind: type, placed: frozenset[str]) -> tuple[tuple[str, str], ...]:
    other = _fields.get(kind)
    if other is None:
        names = zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True)  # type: ignore[attr-defined]
        other = _fields[kind] = tuple(pair for pair in names if pair[0] not in placed)
    return other


def meter_reported(request: m.MeterValuesRequest) -> r.MeterReported:
    return r.MeterReported(evse=request.evse_id, readings=readings_of(request.meter_value))


def reservation_changed(request: m.ReservationStatusUpdateRequest) -> r.ReservationChanged:
    return r.ReservationChanged(
        reservation_id=request.reservation_id, status=request.reservation_update_status
    )


# --- the device model, monitoring and reports in parts -----------------------------------------------------------


def model_reported(request: m.NotifyReportRequest) -> r.PartReported:
    return r.PartReported(
        block="device_model",
        request_id=request.request_id,
        last=not request.tbc,
        part=request.seq_no,
        at=utc(request.generated_at),
        variables=tuple(variable_reported(one) for one in request.report_data or ()),
    )


def variable_reported(data: m.ReportDataType) -> r.VariableReported:
    return variable_of(
        data.component,
        data.variable,
        _items(data.variable_attribute),
        None if data.variable_characteristics is UNSET else builtins(data.variable_characteristics),
    )


def variable_of(
    component: m.ComponentType,
    variable: m.VariableType,
    attributes: tuple[dict[str, Any], ...],
    characteristics: dict[str, Any] | None = None,
) -> r.VariableReported:
    evse = component.evse
    return r.VariableReported(
        component=component.name,
        variable=variable.name,
        component_instance=known(component.instance),
        variable_instance=known(variable.instance),
        evse=None if evse is UNSET else evse.id,
        connector=None if evse is UNSET else known(evse.connector_id),
        attributes=attributes,
        characteristics=characteristics,
    )


def monitors_reported(request: m.NotifyMonitoringReportRequest) -> r.PartReported:
    return r.PartReported(
        block="monitoring",
        request_id=request.request_id,
        last=not request.tbc,
        part=request.seq_no,
        at=utc(request.generated_at),
        items=_items(request.monitor or ()),
    )


def events_reported(request: m.NotifyEventRequest) -> r.PartReported:
    return r.PartReported(
        block="events",
        request_id=None,
        last=not request.tbc,
        part=request.seq_no,
        at=utc(request.generated_at),
        items=_items(request.event_data),
    )


def customer_reported(request: m.NotifyCustomerInformationRequest) -> r.PartReported:
    return r.PartReported(
        block="customer_information",
        request_id=request.request_id,
        last=not request.tbc,
        part=request.seq_no,
        at=utc(request.generated_at),
        text=request.data,
    )


def messages_reported(request: m.NotifyDisplayMessagesRequest) -> r.PartReported:
    return r.PartReported(
        block="display_messages",
        request_id=request.request_id,
        last=not request.tbc,
        items=_items(request.message_info or ()),
    )


def profiles_reported(request: m.ReportChargingProfilesRequest) -> r.PartReported:
    return r.PartReported(
        block="charging_profiles",
        request_id=request.request_id,
        last=not request.tbc,
        items=_items(request.charging_profile),
        source=request.charging_limit_source,
        evse=request.evse_id,
    )


# --- firmware, logs, certificates --------------------------------------------------------------------------------


def firmware_reported(request: m.FirmwareStatusNotificationRequest) -> r.FirmwareReported:
    return r.FirmwareReported(
        status=request.status, request_id=known(request.request_id), info=_status_info(request)
    )


def firmware_published(request: m.PublishFirmwareStatusNotificationRequest) -> r.FirmwarePublished:
    return r.FirmwarePublished(
        status=request.status,
        request_id=known(request.request_id),
        locations=tuple(request.location or ()),
        info=_status_info(request),
    )


def log_reported(request: m.LogStatusNotificationRequest) -> r.LogReported:
    return r.LogReported(
        status=request.status, request_id=known(request.request_id), info=_status_info(request)
    )


def _status_info(request: Any) -> str | None:
    """2.1 lets a station say more than a status word."""
    info = getattr(request, "status_info", UNSET)
    if info is UNSET:
        return None
    return ": ".join(text for text in (info.reason_code, info.additional_info) if text) or None


def signing_requested(request: m.SignCertificateRequest) -> r.SigningRequested:
    """Without a type it is the station's own certificate; number and root are told by 2.1 only."""
    root = getattr(request, "hash_root_certificate", UNSET)
    return r.SigningRequested(
        request=request.csr,
        kind=request.certificate_type or "ChargingStationCertificate",
        request_id=known(getattr(request, "request_id", UNSET)),
        hash_root=None if root is UNSET else builtins(root),
    )


def vehicle_certificate_requested(
    request: m.Get15118EVCertificateRequest,
) -> r.VehicleCertificateRequested:
    return r.VehicleCertificateRequested(
        exi=request.exi_request,
        schema=request.iso15118_schema_version,
        action=request.action,
        contracts=known(getattr(request, "maximum_contract_certificate_chains", UNSET)),
        eimds=tuple(known(getattr(request, "prioritized_emai_ds", UNSET)) or ()),
    )


def certificate_status_requested(request: m.GetCertificateStatusRequest) -> r.CertificateStatusRequested:
    return r.CertificateStatusRequested(certificates=(builtins(request.ocsp_request_data),))


# --- smart charging ----------------------------------------------------------------------------------------------


def limit_reported(request: m.NotifyChargingLimitRequest) -> r.LimitReported:
    limit = request.charging_limit
    return r.LimitReported(
        evse=known(request.evse_id),
        source=limit.charging_limit_source,
        grid_critical=limit.is_grid_critical or False,
        local_generation=bool(getattr(limit, "is_local_generation", False)),
        schedules=_items(request.charging_schedule or ()),
    )


def limit_cleared(request: m.ClearedChargingLimitRequest) -> r.LimitReported:
    return r.LimitReported(evse=known(request.evse_id), source=request.charging_limit_source, cleared=True)


def needs_reported(request: m.NotifyEVChargingNeedsRequest) -> r.NeedsReported:
    at = getattr(request, "timestamp", UNSET)
    return r.NeedsReported(
        evse=request.evse_id,
        needs=builtins(request.charging_needs),
        max_schedule_tuples=known(request.max_schedule_tuples),
        at=None if at is UNSET else utc(at),
    )


def vehicle_schedule_reported(request: m.NotifyEVChargingScheduleRequest) -> r.VehicleScheduleReported:
    return r.VehicleScheduleReported(
        evse=request.evse_id,
        schedule=builtins(request.charging_schedule),
        at=utc(request.time_base),
        tuple_id=known(getattr(request, "selected_charging_schedule_id", UNSET)),
        tolerates_power=known(getattr(request, "power_tolerance_acceptance", UNSET)),
    )


def _items(parts: Iterable[Any]) -> tuple[dict[str, Any], ...]:
    return tuple(builtins(part) for part in parts)


REPORTS: Final[dict[str, Callable[[Any], r.Report]]] = {
    "Authorize": token_presented,
    "BootNotification": booted,
    "ClearedChargingLimit": limit_cleared,
    "DataTransfer": data_transferred,
    "FirmwareStatusNotification": firmware_reported,
    "Get15118EVCertificate": vehicle_certificate_requested,
    "GetCertificateStatus": certificate_status_requested,
    "Heartbeat": alive,
    "LogStatusNotification": log_reported,
    "MeterValues": meter_reported,
    "NotifyChargingLimit": limit_reported,
    "NotifyCustomerInformation": customer_reported,
    "NotifyDisplayMessages": messages_reported,
    "NotifyEVChargingNeeds": needs_reported,
    "NotifyEVChargingSchedule": vehicle_schedule_reported,
    "NotifyEvent": events_reported,
    "NotifyMonitoringReport": monitors_reported,
    "NotifyReport": model_reported,
    "PublishFirmwareStatusNotification": firmware_published,
    "ReportChargingProfiles": profiles_reported,
    "ReservationStatusUpdate": reservation_changed,
    "SecurityEventNotification": security_reported,
    "SignCertificate": signing_requested,
    "StatusNotification": status_reported,
    "TransactionEvent": transaction_reported,
}
