"""What a station can be asked to do, in one vocabulary. The dialects turn these into a version's call, or say that
the version has none; ``operations`` tracks each from the wish to the effect.

A command's tag is its ``kind`` in the API; its fields are the API's ``params``.
"""

from datetime import datetime
from typing import Any, Literal

import msgspec

from gridlane.stations.reports import TokenRef, VariableReported


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Base of all commands."""


class ProfilePeriod(msgspec.Struct, frozen=True, kw_only=True):
    """ChargingSchedulePeriodType: from ``start`` seconds on, at most ``limit`` (unit of its schedule)."""

    start: int
    limit: float | None = None
    phases: int | None = None
    phase_to_use: int | None = None
    extra: dict[str, Any] = {}  # 2.1: limits per phase, setpoints, operationMode, discharge


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """ChargingProfileType. ``limit`` of its periods is in ``unit``: A (per phase) or W."""

    id: int
    stack_level: int
    purpose: Literal[
        "ChargePointMaxProfile", "ChargingStationMaxProfile", "ChargingStationExternalConstraints",
        "TxDefaultProfile", "TxProfile", "PriorityCharging", "LocalGeneration",
    ]  # fmt: skip
    kind: Literal["Absolute", "Recurring", "Relative", "Dynamic"] = "Absolute"
    recurrency: Literal["Daily", "Weekly"] | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    transaction: str | None = None
    unit: Literal["A", "W"] = "A"
    start: datetime | None = None
    duration: int | None = None  # seconds
    min_rate: float | None = None
    periods: tuple[ProfilePeriod, ...] = ()
    extra: dict[str, Any] = {}


class StartCharging(Command, frozen=True, kw_only=True, tag="start_charging"):
    """Verified by the transaction that carries ``remote_start_id`` (or, over 1.6, that starts there with the token)."""

    token: TokenRef
    evse: int | None = None
    remote_start_id: int | None = None  # set by the tracker
    group: TokenRef | None = None
    profile: Profile | None = None
    limits: dict[str, Any] = {}  # 2.1: maxCost, maxEnergy, maxTime, maxSoC


class StopCharging(Command, frozen=True, kw_only=True, tag="stop_charging"):
    """Verified by the transaction's end."""

    transaction: str


class Unlock(Command, frozen=True, kw_only=True, tag="unlock"):
    evse: int
    connector: int = 1


class Reset(Command, frozen=True, kw_only=True, tag="reset"):
    """Verified by the boot that follows. ``immediate`` is Hard over 1.6."""

    immediate: bool = False
    evse: int | None = None
    resume: bool = False  # 2.1: ImmediateAndResume


class ChangeAvailability(Command, frozen=True, kw_only=True, tag="change_availability"):
    """Verified by the status that follows."""

    operative: bool
    evse: int = 0
    connector: int | None = None


class Trigger(Command, frozen=True, kw_only=True, tag="trigger"):
    """Verified by the message asked for. ``message`` is MessageTriggerEnumType."""

    message: str
    evse: int | None = None
    connector: int | None = None
    custom: str | None = None


class VariableRef(msgspec.Struct, frozen=True, kw_only=True):
    """A variable of the device model; over 1.6 only ``variable`` counts (the configuration key)."""

    variable: str
    component: str = ""
    component_instance: str | None = None
    variable_instance: str | None = None
    evse: int | None = None
    connector: int | None = None
    attribute: str | None = None  # Actual, Target, MinSet, MaxSet
    value: str | None = None  # for SetVariables


class GetVariables(Command, frozen=True, kw_only=True, tag="get_variables"):
    """Over 1.6 an empty list asks for every configuration key."""

    variables: tuple[VariableRef, ...] = ()


class SetVariables(Command, frozen=True, kw_only=True, tag="set_variables"):
    variables: tuple[VariableRef, ...]


class GetReport(Command, frozen=True, kw_only=True, tag="get_report"):
    """Base report (``base``) or a custom one. Verified by the last part."""

    base: Literal["ConfigurationInventory", "FullInventory", "SummaryInventory"] | None = None
    criteria: tuple[str, ...] = ()
    variables: tuple[VariableRef, ...] = ()
    request_id: int | None = None


class SetNetworkProfile(Command, frozen=True, kw_only=True, tag="set_network_profile"):
    slot: int
    data: dict[str, Any]  # NetworkConnectionProfileType


class SetPassword(Command, frozen=True, kw_only=True, tag="set_password"):
    """A new station password (BasicAuthPassword; AuthorizationKey over 1.6), made when it is sent and never stored in
    the operation. The old one is valid until the station accepts, then no longer.
    """

    password: str | None = None


class ClearCache(Command, frozen=True, kw_only=True, tag="clear_cache"):
    pass


class GetListVersion(Command, frozen=True, kw_only=True, tag="get_local_list_version"):
    pass


class SendList(Command, frozen=True, kw_only=True, tag="send_local_list"):
    """``entries`` are AuthorizationData of 2.x: {idToken: {...}, idTokenInfo: {...}}; without info an entry is removed."""

    version: int
    full: bool = True
    entries: tuple[dict[str, Any], ...] = ()


class GetTransactionStatus(Command, frozen=True, kw_only=True, tag="get_transaction_status"):
    transaction: str | None = None


class Reserve(Command, frozen=True, kw_only=True, tag="reserve"):
    reservation_id: int
    token: TokenRef
    expires: datetime
    evse: int | None = None
    connector_type: str | None = None
    group: TokenRef | None = None


class CancelReservation(Command, frozen=True, kw_only=True, tag="cancel_reservation"):
    reservation_id: int


class SetProfile(Command, frozen=True, kw_only=True, tag="set_charging_profile"):
    evse: int
    profile: Profile


class ClearProfile(Command, frozen=True, kw_only=True, tag="clear_charging_profile"):
    profile_id: int | None = None
    evse: int | None = None
    purpose: str | None = None
    stack_level: int | None = None


class GetProfiles(Command, frozen=True, kw_only=True, tag="get_charging_profiles"):
    evse: int | None = None
    criteria: dict[str, Any] = {}
    request_id: int | None = None


class GetCompositeSchedule(Command, frozen=True, kw_only=True, tag="get_composite_schedule"):
    evse: int
    duration: int
    unit: Literal["A", "W"] | None = None


class UpdateFirmware(Command, frozen=True, kw_only=True, tag="update_firmware"):
    """Signed when ``certificate`` and ``signature`` are given. Verified by the status Installed."""

    location: str
    retrieve: datetime
    install: datetime | None = None
    certificate: str | None = None
    signature: str | None = None
    retries: int | None = None
    retry_interval: int | None = None
    request_id: int | None = None


class PublishFirmware(Command, frozen=True, kw_only=True, tag="publish_firmware"):
    location: str
    checksum: str
    retries: int | None = None
    retry_interval: int | None = None
    request_id: int | None = None


class UnpublishFirmware(Command, frozen=True, kw_only=True, tag="unpublish_firmware"):
    checksum: str


class GetLog(Command, frozen=True, kw_only=True, tag="get_log"):
    """Verified by the status Uploaded. Over 1.6 the diagnostics come by GetDiagnostics, which every station knows; by the
    security extension's GetLog where ``by_extension``. A security log always comes by the extension.
    """

    location: str
    log: Literal["DiagnosticsLog", "SecurityLog", "DataCollectorLog"] = "DiagnosticsLog"
    oldest: datetime | None = None
    latest: datetime | None = None
    retries: int | None = None
    retry_interval: int | None = None
    request_id: int | None = None
    by_extension: bool = False


class InstallCertificate(Command, frozen=True, kw_only=True, tag="install_certificate"):
    use: str  # InstallCertificateUseEnumType
    certificate: str  # PEM


class DeleteCertificate(Command, frozen=True, kw_only=True, tag="delete_certificate"):
    hash_data: dict[str, str]  # CertificateHashDataType
    use: str | None = (
        None  # GetCertificateIdUseEnumType; over 1.6 it tells a vehicle's world from the station's own
    )


class GetCertificates(Command, frozen=True, kw_only=True, tag="get_installed_certificates"):
    uses: tuple[str, ...] = ()


class CertificateSigned(Command, frozen=True, kw_only=True, tag="certificate_signed"):
    chain: str  # PEM
    use: str | None = None  # CertificateSigningUseEnumType
    request_id: int | None = None


class SetMonitoringBase(Command, frozen=True, kw_only=True, tag="set_monitoring_base"):
    base: str


class SetMonitoringLevel(Command, frozen=True, kw_only=True, tag="set_monitoring_level"):
    severity: int


class SetMonitors(Command, frozen=True, kw_only=True, tag="set_variable_monitoring"):
    monitors: tuple[dict[str, Any], ...]  # SetMonitoringDataType


class ClearMonitors(Command, frozen=True, kw_only=True, tag="clear_variable_monitoring"):
    ids: tuple[int, ...]


class GetMonitoringReport(Command, frozen=True, kw_only=True, tag="get_monitoring_report"):
    criteria: tuple[str, ...] = ()
    variables: tuple[VariableRef, ...] = ()
    request_id: int | None = None


class CustomerInformation(Command, frozen=True, kw_only=True, tag="customer_information"):
    report: bool
    clear: bool
    customer_identifier: str | None = None
    token: TokenRef | None = None
    certificate: dict[str, str] | None = None
    request_id: int | None = None


class SetDisplayMessage(Command, frozen=True, kw_only=True, tag="set_display_message"):
    message: dict[str, Any]  # MessageInfoType


class GetDisplayMessages(Command, frozen=True, kw_only=True, tag="get_display_messages"):
    ids: tuple[int, ...] = ()
    priority: str | None = None
    state: str | None = None
    request_id: int | None = None


class ClearDisplayMessage(Command, frozen=True, kw_only=True, tag="clear_display_message"):
    id: int


class ShowCost(Command, frozen=True, kw_only=True, tag="cost_updated"):
    transaction: str
    total: str  # decimal


class TransferData(Command, frozen=True, kw_only=True, tag="data_transfer"):
    vendor: str
    message: str | None = None
    data: Any = None


class SetDefaultTariff(Command, frozen=True, kw_only=True, tag="set_default_tariff"):
    """2.1: the station reckons costs by it. ``tariff`` is TariffType; ``evse`` 0 is every EVSE."""

    tariff: dict[str, Any]
    evse: int = 0


class GetTariffs(Command, frozen=True, kw_only=True, tag="get_tariffs"):
    evse: int = 0


class ClearTariffs(Command, frozen=True, kw_only=True, tag="clear_tariffs"):
    ids: tuple[str, ...] = ()
    evse: int | None = None


class ChangeTariff(Command, frozen=True, kw_only=True, tag="change_transaction_tariff"):
    transaction: str
    tariff: dict[str, Any]  # TariffType


class PaymentStarted(Command, frozen=True, kw_only=True, tag="web_payment_started"):
    """2.1: somebody pays on the web for this EVSE; the station waits for so many seconds."""

    evse: int
    timeout: int


class UsePriorityCharging(Command, frozen=True, kw_only=True, tag="use_priority_charging"):
    transaction: str
    activate: bool = True


class UpdateSchedule(Command, frozen=True, kw_only=True, tag="update_dynamic_schedule"):
    profile_id: int
    update: dict[str, Any]  # ChargingScheduleUpdateType


class AllowEnergyTransfer(Command, frozen=True, kw_only=True, tag="allow_energy_transfer"):
    transaction: str
    modes: tuple[str, ...]  # EnergyTransferModeEnumType


class SendAfrrSignal(Command, frozen=True, kw_only=True, tag="afrr_signal"):
    signal: int
    at: datetime


class SetDerControl(Command, frozen=True, kw_only=True, tag="set_der_control"):
    """2.1: ``control`` holds the one field of SetDERControl that the type wants (curve, enterService, ...)."""

    control_id: str
    control_type: str
    control: dict[str, Any]
    default: bool = False


class GetDerControl(Command, frozen=True, kw_only=True, tag="get_der_control"):
    """Verified by the last part."""

    default: bool | None = None
    control_type: str | None = None
    control_id: str | None = None
    request_id: int | None = None


class ClearDerControl(Command, frozen=True, kw_only=True, tag="clear_der_control"):
    default: bool = False
    control_type: str | None = None
    control_id: str | None = None


class AdjustStream(Command, frozen=True, kw_only=True, tag="adjust_event_stream"):
    stream: int
    interval: int | None = None  # seconds
    values: int | None = None


class GetStreams(Command, frozen=True, kw_only=True, tag="get_event_streams"):
    pass


class RequestBatterySwap(Command, frozen=True, kw_only=True, tag="request_battery_swap"):
    """Verified by the batteries that change hands under ``request_id``."""

    token: TokenRef
    request_id: int | None = None


class SendRaw(Command, frozen=True, kw_only=True, tag="raw"):
    """Any action of the station's version with a payload of one's own (permission stations:expert)."""

    action: str
    payload: dict[str, Any]


class Instruct(Command, frozen=True, kw_only=True, tag="instruct"):
    """Not for the station but for its owner in Gridlane: close a stuck session, forget a reservation, ..."""

    what: str
    params: dict[str, Any] = {}


AnyCommand = (
    StartCharging | StopCharging | Unlock | Reset | ChangeAvailability | Trigger | GetVariables | SetVariables
    | GetReport | SetNetworkProfile | SetPassword | ClearCache | GetListVersion | SendList | GetTransactionStatus
    | Reserve | CancelReservation | SetProfile | ClearProfile | GetProfiles | GetCompositeSchedule | UpdateFirmware
    | PublishFirmware | UnpublishFirmware | GetLog | InstallCertificate | DeleteCertificate | GetCertificates
    | CertificateSigned | SetMonitoringBase | SetMonitoringLevel | SetMonitors | ClearMonitors | GetMonitoringReport
    | CustomerInformation | SetDisplayMessage | GetDisplayMessages | ClearDisplayMessage | ShowCost | TransferData
    | SetDefaultTariff | GetTariffs | ClearTariffs | ChangeTariff | PaymentStarted | UsePriorityCharging | UpdateSchedule
    | AllowEnergyTransfer | SendAfrrSignal | SetDerControl | GetDerControl | ClearDerControl | AdjustStream | GetStreams
    | RequestBatterySwap | SendRaw | Instruct
)  # fmt: skip
"""Every command; decodes ``{"kind": ..., ...}``."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a station answered to a command: whether it agrees, its own word for it, and what it told."""

    agreed: bool
    status: str  # the specification's status word
    reason: str | None = None
    data: dict[str, Any] = {}
    variables: tuple[VariableReported, ...] = ()  # what GetVariables read
