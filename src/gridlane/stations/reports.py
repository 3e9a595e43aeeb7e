"""What a station says, in one vocabulary for every version of OCPP. The dialects make these.

EVSEs are numbered from 1; 0 is the station as a whole. OCPP 1.6 knows only connectors: its connector ``n`` is EVSE
``n`` with the single connector 1. Times are UTC as the station wrote them; when they were received is the input's
``now``. Energy registers are Wh, power W, current A, whatever unit the wire had.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec

from gridlane.kernel.quantities import Amperes, Volts, WattHours, Watts


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Base of everything a station says."""


# --- provisioning and life ---------------------------------------------------------------------------------------


class Booted(Report, frozen=True, kw_only=True):
    """BootNotification: the station has started (or was asked to say who it is)."""

    vendor: str
    model: str
    serial: str | None = None
    firmware: str | None = None
    iccid: str | None = None
    imsi: str | None = None
    meter_type: str | None = None
    meter_serial: str | None = None
    reason: str | None = None  # BootReasonEnumType of 2.x; None over 1.6


class Alive(Report, frozen=True, kw_only=True):
    """Heartbeat."""


ConnectorStatus = Literal[
    "available", "preparing", "charging", "suspended_ev", "suspended_evse", "finishing", "occupied",
    "reserved", "unavailable", "faulted",
]  # fmt: skip
"""The union of both generations: 1.6 tells nine states, 2.x folds five of them into ``occupied``."""


class StatusReported(Report, frozen=True, kw_only=True):
    """StatusNotification of a connector (``evse`` 0: of the station as a whole, 1.6 only)."""

    evse: int
    connector: int
    status: ConnectorStatus
    at: datetime | None = None
    error: str | None = None  # ChargePointErrorCode of 1.6, None for NoError
    info: str | None = None
    vendor_id: str | None = None
    vendor_error: str | None = None


class DataTransferred(Report, frozen=True, kw_only=True):
    """DataTransfer: a vendor's own message."""

    vendor: str
    message: str | None = None
    data: Any = None


class SecurityReported(Report, frozen=True, kw_only=True):
    """SecurityEventNotification."""

    kind: str
    at: datetime
    info: str | None = None


# --- tokens and transactions -------------------------------------------------------------------------------------


class TokenRef(msgspec.Struct, frozen=True, gc=False):
    """An idToken as presented: its characters and its kind (IdTokenEnumType of 2.x; 1.6 says ``unspecified``)."""

    value: str
    kind: str = "unspecified"


class TokenPresented(Report, frozen=True, kw_only=True):
    """Authorize."""

    token: TokenRef
    certificate: str | None = None  # PEM chain of a contract certificate
    certificate_hashes: tuple[dict[str, str], ...] = ()


class Reading(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """All samples of one instant. Common measurands have their field; every sample that has none, and every signed
    value byte for byte, stands in ``rest`` as JSON exactly as received.
    """

    at: datetime
    context: str = "Sample.Periodic"
    energy: WattHours | None = None  # Energy.Active.Import.Register, at the outlet, sum of phases
    energy_export: WattHours | None = None
    power: Watts | None = None  # Power.Active.Import
    power_offered: Watts | None = None
    current: Amperes | None = None  # largest phase, or the one value without a phase
    current_offered: Amperes | None = None
    current_l1: Amperes | None = None
    current_l2: Amperes | None = None
    current_l3: Amperes | None = None
    voltage: Volts | None = None  # phase to neutral, largest phase, or the one value
    soc: float | None = None  # percent
    temperature: float | None = None  # Celsius
    frequency: float | None = None  # Hz
    rest: str | None = None  # JSON array of sampledValue objects as received
    signed: bool = False  # one of the samples in ``rest`` carries a signature


class MeterReported(Report, frozen=True, kw_only=True):
    """MeterValues. ``transaction`` is the station's id where it named one (1.6 inside a transaction)."""

    evse: int
    readings: tuple[Reading, ...]
    transaction: str | None = None


Phase = Literal["started", "updated", "ended"]


class TransactionReported(Report, frozen=True, kw_only=True):
    """TransactionEvent of 2.x; StartTransaction and StopTransaction of 1.6.

    ``transaction`` is None only for a StartTransaction of 1.6, where the central system gives the id. ``digest`` is a
    hash of the payload as received: the same event sent again has the same digest whatever its message id.
    """

    phase: Phase
    transaction: str | None
    at: datetime
    digest: bytes
    evse: int | None = None
    connector: int | None = None
    sequence: int | None = None
    trigger: str | None = None  # TriggerReasonEnumType
    offline: bool = False
    token: TokenRef | None = None
    remote_start_id: int | None = None
    reservation_id: int | None = None
    charging_state: str | None = None  # ChargingStateEnumType
    stopped_reason: str | None = None  # ReasonEnumType (2.x) or Reason (1.6)
    phases_used: int | None = None
    cable_max_current: Amperes | None = None
    readings: tuple[Reading, ...] = ()
    extra: dict[
        str, Any
    ] = {}  # what 2.1 adds: costDetails, preconditioningStatus, evseSleep, operationMode, ...


class ReservationChanged(Report, frozen=True, kw_only=True):
    """ReservationStatusUpdate."""

    reservation_id: int
    status: str  # Expired, Removed, NoTransaction


# --- the device model, monitoring and reports in parts -----------------------------------------------------------


class VariableReported(msgspec.Struct, frozen=True, kw_only=True):
    """One variable of the device model with its attributes (over 1.6: a configuration key)."""

    component: str
    variable: str
    component_instance: str | None = None
    variable_instance: str | None = None
    evse: int | None = None
    connector: int | None = None
    attributes: tuple[dict[str, Any], ...] = ()  # type, value, mutability, persistent, constant
    characteristics: dict[str, Any] | None = None


class PartReported(Report, frozen=True, kw_only=True):
    """One part of an answer that comes in several messages (NotifyReport and its kin).

    ``block`` says of what: device_model, monitoring, customer_information, display_messages, charging_profiles,
    events, der_controls.
    """

    block: str
    request_id: int | None
    last: bool
    part: int = 0
    at: datetime | None = None
    variables: tuple[VariableReported, ...] = ()
    items: tuple[dict[str, Any], ...] = ()  # monitors, messages, profiles, events: as received
    text: str | None = None  # customer information
    source: str | None = None  # chargingLimitSource
    evse: int | None = None


# --- firmware, logs, certificates --------------------------------------------------------------------------------


class FirmwareReported(Report, frozen=True, kw_only=True):
    """FirmwareStatusNotification and SignedFirmwareStatusNotification."""

    status: str
    request_id: int | None = None
    info: str | None = None


class FirmwarePublished(Report, frozen=True, kw_only=True):
    """PublishFirmwareStatusNotification of a local controller."""

    status: str
    request_id: int | None = None
    locations: tuple[str, ...] = ()
    info: str | None = None


class LogReported(Report, frozen=True, kw_only=True):
    """LogStatusNotification, and DiagnosticsStatusNotification of 1.6."""

    status: str
    request_id: int | None = None
    info: str | None = None


class SigningRequested(Report, frozen=True, kw_only=True):
    """SignCertificate: the station wants its request (PEM) signed."""

    request: str
    kind: str = "ChargingStationCertificate"
    request_id: int | None = None
    hash_root: dict[str, str] | None = None


class VehicleCertificateRequested(Report, frozen=True, kw_only=True):
    """Get15118EVCertificate: an opaque EXI request to be passed on to a contract certificate pool."""

    exi: str
    schema: str
    action: str
    contracts: int | None = None
    eimds: tuple[str, ...] = ()


class CertificateStatusRequested(Report, frozen=True, kw_only=True):
    """GetCertificateStatus (OCSP) and GetCertificateChainStatus of 2.1."""

    certificates: tuple[dict[str, Any], ...]
    chain: bool = False


# --- smart charging ----------------------------------------------------------------------------------------------


class LimitReported(Report, frozen=True, kw_only=True):
    """NotifyChargingLimit, ClearedChargingLimit (``cleared``): a limit from outside, such as a local energy system."""

    evse: int | None
    source: str
    cleared: bool = False
    grid_critical: bool = False
    local_generation: bool = False  # 2.1: the limit comes from what is generated at the site
    schedules: tuple[dict[str, Any], ...] = ()


class NeedsReported(Report, frozen=True, kw_only=True):
    """NotifyEVChargingNeeds: what the vehicle told over ISO 15118."""

    evse: int
    needs: dict[str, Any]
    max_schedule_tuples: int | None = None
    at: datetime | None = None


class VehicleScheduleReported(Report, frozen=True, kw_only=True):
    """NotifyEVChargingSchedule: the schedule the vehicle chose."""

    evse: int
    schedule: dict[str, Any]
    at: datetime
    tuple_id: int | None = None
    tolerates_power: bool | None = None  # 2.1: the vehicle accepts the power tolerance that was offered


# --- payment -----------------------------------------------------------------------------------------------------


class VatNumberPresented(Report, frozen=True, kw_only=True):
    """VatNumberValidation of 2.1: a driver at a payment terminal wants a receipt for his company."""

    number: str
    evse: int | None = None


class SettlementReported(Report, frozen=True, kw_only=True):
    """NotifySettlement of 2.1: how a payment at the station's own terminal ended. ``reference`` is the provider's."""

    reference: str
    status: str  # PaymentStatusEnumType
    amount: Decimal
    at: datetime
    transaction: str | None = None
    problem: str | None = None
    receipt: str | None = None
    receipt_url: str | None = None
    vat_number: str | None = None
    company: dict[str, Any] | None = None  # AddressType


# --- what only 2.1 says ------------------------------------------------------------------------------------------


class PriorityReported(Report, frozen=True, kw_only=True):
    """NotifyPriorityCharging: a driver asked at the station to go first, or no longer."""

    transaction: str
    activated: bool


class DynamicSchedulePulled(Report, frozen=True, kw_only=True):
    """PullDynamicScheduleUpdate: which limits hold now by this profile?"""

    profile_id: int


class StreamOpened(Report, frozen=True, kw_only=True):
    """OpenPeriodicEventStream: values of a monitor are going to come."""

    stream: int
    monitor: int
    interval: int | None = None  # seconds
    values: int | None = None


class StreamClosed(Report, frozen=True, kw_only=True):
    """ClosePeriodicEventStream."""

    stream: int


class StreamReported(Report, frozen=True, kw_only=True):
    """NotifyPeriodicEventStream: (seconds after ``at``, value), oldest first."""

    stream: int
    at: datetime
    pending: int
    values: tuple[tuple[float, str], ...]


class DerAlarmReported(Report, frozen=True, kw_only=True):
    """NotifyDERAlarm: a fault of the grid, or its end. ``kind`` is DERControlEnumType."""

    kind: str
    at: datetime
    fault: str | None = None
    ended: bool = False
    info: str | None = None


class DerControlReported(Report, frozen=True, kw_only=True):
    """NotifyDERStartStop: a control begins or ends to act."""

    control_id: str
    started: bool
    at: datetime
    superseded: tuple[str, ...] = ()


class BatteriesSwapped(Report, frozen=True, kw_only=True):
    """BatterySwap: batteries put in (``BatteryIn``) or taken out (``BatteryOut``)."""

    event: str
    request_id: int
    token: TokenRef
    batteries: tuple[dict[str, Any], ...]  # BatteryDataType


# --- everything else ---------------------------------------------------------------------------------------------


class OtherReported(Report, frozen=True, kw_only=True):
    """A valid message Gridlane has no meaning for yet: kept whole, answered as the specification says."""

    action: str
    payload: dict[str, Any]
