"""Names of the same setting in both generations: a variable of the device model, a configuration key of 1.6.

Asking for either name reaches stations of every version. What is not in this table goes to 1.6 by its variable's name
and cannot go to 2.x without a component. Only names whose values mean the same are here: a password, for one, is hexadecimal
in 1.6 and has a command of its own.
"""

from typing import Final

VARIABLES: Final[dict[str, tuple[str, str]]] = {
    "AuthorizationCacheEnabled": ("AuthCacheCtrlr", "Enabled"),
    "AuthorizeRemoteTxRequests": ("AuthCtrlr", "AuthorizeRemoteStart"),
    "ClockAlignedDataInterval": ("AlignedDataCtrlr", "Interval"),
    "ConnectionTimeOut": ("TxCtrlr", "EVConnectionTimeOut"),
    "CpoName": ("SecurityCtrlr", "OrganizationName"),
    "HeartbeatInterval": ("OCPPCommCtrlr", "HeartbeatInterval"),
    "LocalAuthListEnabled": ("LocalAuthListCtrlr", "Enabled"),
    "LocalAuthorizeOffline": ("AuthCtrlr", "LocalAuthorizeOffline"),
    "LocalPreAuthorize": ("AuthCtrlr", "LocalPreAuthorize"),
    "MeterValueSampleInterval": ("SampledDataCtrlr", "TxUpdatedInterval"),
    "MeterValuesAlignedData": ("AlignedDataCtrlr", "Measurands"),
    "MeterValuesSampledData": ("SampledDataCtrlr", "TxUpdatedMeasurands"),
    "ChargeProfileMaxStackLevel": ("SmartChargingCtrlr", "ProfileStackLevel"),
    "ChargingScheduleMaxPeriods": ("SmartChargingCtrlr", "PeriodsPerSchedule"),
    "SecurityProfile": ("SecurityCtrlr", "SecurityProfile"),
    "StopTransactionOnEVSideDisconnect": ("TxCtrlr", "StopTxOnEVSideDisconnect"),
    "StopTransactionOnInvalidId": ("TxCtrlr", "StopTxOnInvalidId"),
    "StopTxnSampledData": ("SampledDataCtrlr", "TxEndedMeasurands"),
    "StopTxnAlignedData": ("AlignedDataCtrlr", "TxEndedMeasurands"),
    "UnlockConnectorOnEVSideDisconnect": ("OCPPCommCtrlr", "UnlockOnEVSideDisconnect"),
    "WebSocketPingInterval": ("OCPPCommCtrlr", "WebSocketPingInterval"),
}

KEYS: Final = {variable: key for key, variable in VARIABLES.items()}


def key_of(component: str, variable: str) -> str:
    """The configuration key of a variable."""
    return KEYS.get((component, variable), variable)


def variable_of(component: str, variable: str) -> tuple[str, str]:
    """The component and variable of a name; a component that is given is left alone."""
    return (component, variable) if component else VARIABLES.get(variable, (component, variable))
