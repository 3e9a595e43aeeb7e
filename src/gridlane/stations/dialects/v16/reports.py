"""What a station of OCPP 1.6 says."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from msgspec import UNSET

from gridlane.kernel.quantities import WattHours
from gridlane.ocpp.v16 import messages as m
from gridlane.stations import reports as r
from gridlane.stations.dialects.dialect import digest_of, known
from gridlane.stations.dialects.readings import SLOTS, Key, Measured, Placed, readings, scaled, utc
from gridlane.stations.dialects.v16 import plug_and_charge

STATUSES: Final[dict[str, r.ConnectorStatus]] = {
    "Available": "available",
    "Preparing": "preparing",
    "Charging": "charging",
    "SuspendedEV": "suspended_ev",
    "SuspendedEVSE": "suspended_evse",
    "Finishing": "finishing",
    "Reserved": "reserved",
    "Unavailable": "unavailable",
    "Faulted": "faulted",
}
NO_ERROR: Final = "NoError"
BEGIN, END = "Transaction.Begin", "Transaction.End"
ROUNDING: Final = 1.0  # Wh; meterStop is a whole number of what a sample tells more finely


def booted(request: m.BootNotificationRequest) -> r.Booted:
    return r.Booted(
        vendor=request.charge_point_vendor,
        model=request.charge_point_model,
        serial=known(request.charge_point_serial_number) or known(request.charge_box_serial_number),
        firmware=known(request.firmware_version),
        iccid=known(request.iccid),
        imsi=known(request.imsi),
        meter_type=known(request.meter_type),
        meter_serial=known(request.meter_serial_number),
    )


_ALIVE: Final = r.Alive()


def alive(_request: m.HeartbeatRequest) -> r.Alive:
    return _ALIVE


def status_reported(request: m.StatusNotificationRequest) -> r.StatusReported:
    number = request.connector_id
    return r.StatusReported(
        evse=number,
        connector=1 if number else 0,
        status=STATUSES[request.status],
        at=None if request.timestamp is UNSET else utc(request.timestamp),
        error=None if request.error_code == NO_ERROR else request.error_code,
        info=known(request.info),
        vendor_id=known(request.vendor_id),
        vendor_error=known(request.vendor_error_code),
    )


def token_presented(request: m.AuthorizeRequest) -> r.TokenPresented:
    return r.TokenPresented(token=r.TokenRef(request.id_tag))


def transaction_started(request: m.StartTransactionRequest) -> r.TransactionReported:
    at = utc(request.timestamp)
    return r.TransactionReported(
        phase="started",
        transaction=None,
        at=at,
        digest=digest_of(request),
        evse=request.connector_id,
        connector=1,
        token=r.TokenRef(request.id_tag),
        reservation_id=known(request.reservation_id),
        readings=(r.Reading(at=at, context=BEGIN, energy=WattHours(float(request.meter_start))),),
    )


def transaction_stopped(request: m.StopTransactionRequest) -> r.TransactionReported:
    """The reason is Local where the station gives none, as the standard says."""
    return r.TransactionReported(
        phase="ended",
        transaction=str(request.transaction_id),
        at=utc(request.timestamp),
        digest=digest_of(request),
        token=None if request.id_tag is UNSET else r.TokenRef(request.id_tag),
        stopped_reason="Local" if request.reason is UNSET else request.reason,
        readings=_readings_of_stop(request),
    )


def _readings_of_stop(request: m.StopTransactionRequest) -> tuple[r.Reading, ...]:
    """Those of transactionData, and meterStop unless a sample of the same instant tells it already."""
    told = readings(request.transaction_data or (), MEASURED)
    last = r.Reading(at=utc(request.timestamp), context=END, energy=WattHours(float(request.meter_stop)))
    if any(one.at == last.at and _same_register(one.energy, last.energy) for one in told):
        return told
    return tuple(sorted((*told, last), key=lambda one: one.at))


def _same_register(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and abs(one - other) < ROUNDING


def meter_reported(request: m.MeterValuesRequest) -> r.MeterReported:
    transaction = request.transaction_id
    return r.MeterReported(
        evse=request.connector_id,
        readings=readings(request.meter_value, MEASURED),
        transaction=None if transaction is UNSET else str(transaction),
    )


def data_transferred(request: m.DataTransferRequest) -> r.DataTransferred | plug_and_charge.Carried:
    """A vendor's own message, or what the standard carries in one: Plug & Charge."""
    return plug_and_charge.report_of(request) or r.DataTransferred(
        vendor=request.vendor_id, message=known(request.message_id), data=known(request.data)
    )


def diagnostics_reported(request: m.DiagnosticsStatusNotificationRequest) -> r.LogReported:
    return r.LogReported(status=request.status)


def firmware_reported(request: m.FirmwareStatusNotificationRequest) -> r.FirmwareReported:
    return r.FirmwareReported(status=request.status)


def signed_firmware_reported(request: m.SignedFirmwareStatusNotificationRequest) -> r.FirmwareReported:
    return r.FirmwareReported(status=request.status, request_id=known(request.request_id))


def log_reported(request: m.LogStatusNotificationRequest) -> r.LogReported:
    return r.LogReported(status=request.status, request_id=known(request.request_id))


def security_reported(request: m.SecurityEventNotificationRequest) -> r.SecurityReported:
    return r.SecurityReported(kind=request.type, at=utc(request.timestamp), info=known(request.tech_info))


def signing_requested(request: m.SignCertificateRequest) -> r.SigningRequested:
    return r.SigningRequested(request=request.csr)


REPORTS: Final[dict[str, Callable[[Any], r.Report]]] = {
    "Authorize": token_presented,
    "BootNotification": booted,
    "DataTransfer": data_transferred,
    "DiagnosticsStatusNotification": diagnostics_reported,
    "FirmwareStatusNotification": firmware_reported,
    "Heartbeat": alive,
    "LogStatusNotification": log_reported,
    "MeterValues": meter_reported,
    "SecurityEventNotification": security_reported,
    "SignCertificate": signing_requested,
    "SignedFirmwareStatusNotification": signed_firmware_reported,
    "StartTransaction": transaction_started,
    "StatusNotification": status_reported,
    "StopTransaction": transaction_stopped,
}


# --- samples -----------------------------------------------------------------------------------------------------

SIGNED: Final = "SignedData"


def _place(samples: Sequence[Any], context: Any) -> Placed:
    fields: dict[str, Any] = {}
    rest: list[Any] = []
    others: list[Any] = []
    find = SLOTS.get
    for sample in samples:
        if sample.context != context:
            others.append(sample)
            continue
        slot = find((sample.measurand, sample.phase, sample.location, sample.unit))
        if slot is None or slot[0] in fields or sample.format == SIGNED:
            rest.append(sample)
            continue
        try:
            fields[slot[0]] = scaled(sample.value, slot[1])
        except ValueError:
            rest.append(sample)
    return Placed(fields, rest, others)


def _key(sample: Any) -> Key:
    """A signed value is not a number of its measurand: it has no place."""
    phase = SIGNED if sample.format == SIGNED else sample.phase
    return (sample.measurand, phase, sample.location, sample.unit)


def _number(sample: Any, exponent: int) -> float:
    return scaled(sample.value, exponent)


def _is_signed(sample: Any) -> bool:
    return bool(sample.format == SIGNED)


MEASURED: Final = Measured(_place, _key, _number, _is_signed)
