"""Asking a station of OCPP 1.6 to keep a limit."""

from typing import Any, Final

from msgspec import UNSET
from msgspec.structs import replace

from gridlane.ocpp.v16 import messages as m
from gridlane.stations import commands as c
from gridlane.stations.commands import Answer
from gridlane.stations.dialects import profiles
from gridlane.stations.dialects.dialect import Payload, Said, Unsupported, answered, given, known
from gridlane.stations.dialects.v16.numbers import transaction_of

_PURPOSES: Final = dict.fromkeys(profiles.STATION_MAX, "ChargePointMaxProfile") | {
    "TxDefaultProfile": "TxDefaultProfile",
    "TxProfile": "TxProfile",
}


def set_profile(command: c.SetProfile) -> Said:
    return "SetChargingProfile", {
        "connectorId": command.evse,
        "csChargingProfiles": profile_of(command.profile),
    }


def profile_of(profile: c.Profile) -> Payload:
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
        **given(transactionId=None if profile.transaction is None else transaction_of(profile.transaction)),
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
