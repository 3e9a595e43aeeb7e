"""Asking a station of OCPP 2.x to keep a limit."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import UNSET
from msgspec.structs import replace

from gridlane.ocpp.v201 import messages as m
from gridlane.stations import commands as c
from gridlane.stations.commands import Answer
from gridlane.stations.dialects import profiles
from gridlane.stations.dialects.dialect import Payload, Said, Unsupported, answered, given

Profiles = Callable[[c.Profile], Payload]
Periods = Callable[[c.ProfilePeriod], Payload]


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
