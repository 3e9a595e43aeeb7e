"""Reading and changing the settings of a station of OCPP 1.6, and asking it to speak."""

import re
from typing import Any, Final

from gridlane.ocpp.v16 import messages as m
from gridlane.stations import commands as c
from gridlane.stations.commands import Answer
from gridlane.stations.dialects.configuration_keys import key_of
from gridlane.stations.dialects.dialect import CommandInvalid, Said, Unsupported, given, known
from gridlane.stations.dialects.v16 import plug_and_charge
from gridlane.stations.dialects.v16.numbers import connector_of
from gridlane.stations.reports import VariableReported

ACTUAL: Final = (None, "Actual")


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
    connector = None if command.evse is None else connector_of(command.evse, command.connector)
    return action, given(requestedMessage=word, connectorId=connector)


_TRIGGERS: Final = {"SignChargingStationCertificate": "SignChargePointCertificate"}
_CORE_TRIGGERS: Final = frozenset(
    (
        "BootNotification", "DiagnosticsStatusNotification", "FirmwareStatusNotification", "Heartbeat",
        "MeterValues", "StatusNotification",
    )
)  # fmt: skip
_EXTENDED_TRIGGERS: Final = frozenset(("LogStatusNotification", "SignChargePointCertificate"))
