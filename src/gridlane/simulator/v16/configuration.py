"""What every part of a 1.6 station shares: its configuration keys and what it keeps."""

from datetime import datetime

from gridlane.simulator.station import Evse, Station, StationSpec

DEFAULTS: dict[str, tuple[str, bool]] = {
    "AuthorizeRemoteTxRequests": ("false", False),
    "AuthorizationCacheEnabled": ("true", False),
    "AuthorizationKey": ("", False),
    "ClockAlignedDataInterval": ("0", False),
    "ConnectionTimeOut": ("60", False),
    "GetConfigurationMaxKeys": ("100", True),
    "HeartbeatInterval": ("300", False),
    "LocalAuthListEnabled": ("true", False),
    "LocalAuthListMaxLength": ("1000", True),
    "LocalAuthorizeOffline": ("true", False),
    "LocalPreAuthorize": ("false", False),
    "MeterValuesSampledData": (
        "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage",
        False,
    ),
    "MeterValueSampleInterval": ("60", False),
    "NumberOfConnectors": ("1", True),
    "SecurityProfile": ("1", False),
    "SendLocalListMaxLength": ("1000", True),
    "StopTransactionOnEVSideDisconnect": ("true", False),
    "StopTransactionOnInvalidId": ("true", False),
    "SupportedFeatureProfiles": (
        "Core,FirmwareManagement,LocalAuthListManagement,Reservation,SmartCharging,RemoteTrigger",
        True,
    ),
    "ChargeProfileMaxStackLevel": ("10", True),
    "ChargingScheduleAllowedChargingRateUnit": ("Current,Power", True),
    "ChargingScheduleMaxPeriods": ("24", True),
    "MaxChargingProfilesInstalled": ("20", True),
    "TransactionMessageAttempts": ("5", False),
    "TransactionMessageRetryInterval": ("5", False),
    "UnlockConnectorOnEVSideDisconnect": ("true", False),
    "WebSocketPingInterval": ("60", False),
    "CpoName": ("Gridlane", False),
}
HIDDEN = {"AuthorizationKey"}
NUMBERS = {
    "ClockAlignedDataInterval", "ConnectionTimeOut", "HeartbeatInterval", "MeterValueSampleInterval", "SecurityProfile",
    "TransactionMessageAttempts", "TransactionMessageRetryInterval", "WebSocketPingInterval",
}  # fmt: skip
BOOLEANS = {name for name, (value, _) in DEFAULTS.items() if value in ("true", "false")}


class Configured16(Station):
    def __init__(self, spec: StationSpec) -> None:
        super().__init__(spec)
        self.configuration = {name: value for name, (value, _) in DEFAULTS.items()}
        self.configuration["NumberOfConnectors"] = str(spec.evses)
        self.configuration["MeterValueSampleInterval"] = str(spec.meter_interval)
        self.certificates: list[tuple[str, dict[str, str]]] = []
        self.firmware_status = "Idle"
        self.diagnostics_status = "Idle"
        self.password: str | None = None
        self.station_status = "Available"

    def say_security(self, kind: str, now: datetime) -> None:
        self.call("SecurityEventNotification", {"type": kind, "timestamp": self.told_time(now)}, now)

    def meter(self, one: Evse, now: datetime, context: str = "Sample.Periodic") -> None:
        raise NotImplementedError
