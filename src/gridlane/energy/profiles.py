"""What each station is told, in the vocabulary of commands, within what it can do; and what it says of it when asked.

One profile id for each (EVSE, purpose), updated in place: stations replace by id or by purpose and level, and some
refuse a second id on the same level. Standing profiles (the fallback, the station's maximum) are written at
commissioning and last; a vehicle's limit is a TxProfile that ends by itself and leaves the fallback.

Amperes on AC, since without a number of phases a limit in watts lets a one-phase vehicle take three times its share of
one phase; watts on DC, and where a station knows nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Literal

from gridlane.energy.circuit import Evse, Site
from gridlane.energy.worst_case import Limit
from gridlane.kernel.clock import parse_instant
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.quantities import Amperes
from gridlane.stations.commands import (
    GetCompositeSchedule,
    Profile,
    ProfilePeriod,
    SetProfile,
    UpdateSchedule,
)

Unit = Literal["A", "W"]

STATION_MAXIMUM, FALLBACK, VEHICLE = 1, 2, 3
READ_BACK_SECONDS = 60
TENTH = Decimal("0.1")


class ProfilesUnsupported(Refusal):
    code = "charging_profiles_unsupported"
    kind = Kind.UNSUPPORTED
    sentence = "The station of EVSE {evse} takes no charging profiles; it is counted at its rating."


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """What was read from a station before anything is written to it.

    ``dynamic``: it takes profiles whose limit is changed without being written anew (OCPP 2.1, K28).
    OCPP 1.6: SupportedFeatureProfiles, ChargingScheduleAllowedChargingRateUnit, ChargeProfileMaxStackLevel,
    ChargingScheduleMaxPeriods, ConnectorSwitch3to1PhaseSupported; 2.x: the SmartChargingCtrlr's variables.
    """

    supported: bool = True
    units: frozenset[Unit] = frozenset()  # none: not told
    max_stack_level: int = 0
    max_periods: int = 1
    switches_phases: bool = False
    dynamic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An EVSE as its station numbers it, with what the station can do."""

    evse: Evse
    number: int
    capability: Capability


def station_maximum(site: Site, place: Place, current: Amperes) -> SetProfile:
    """The most that the whole station may take whatever happens; EVSE 0 is the station.

    Raises ProfilesUnsupported.
    """
    profile = _profile(site, place, current, STATION_MAXIMUM, purpose="ChargingStationMaxProfile", level=0)
    return SetProfile(evse=0, profile=profile)


def fallback(site: Site, place: Place) -> SetProfile:
    """The standing limit that every vehicle begins with, and to which every other limit lapses.

    Raises ProfilesUnsupported.
    """
    profile = _profile(site, place, place.evse.assured, FALLBACK, purpose="TxDefaultProfile", level=0)
    return SetProfile(evse=place.number, profile=profile)


def vehicle_limit(
    site: Site, place: Place, limit: Limit, transaction: str, vehicle_phases: int | None = None
) -> SetProfile:
    """The limit for the vehicle of ``transaction``, ending at ``limit.until`` by the station's own clock.

    Raises ProfilesUnsupported.
    """
    lasts = max(1, int((limit.until - limit.sent_at).total_seconds()))
    profile = _profile(
        site, place, limit.current, VEHICLE, purpose="TxProfile", level=min(1, place.capability.max_stack_level),
        vehicle_phases=vehicle_phases, transaction=transaction, valid_from=limit.sent_at, valid_to=limit.until,
        start=limit.sent_at, duration=lasts, dynamic=limit.changes,
    )  # fmt: skip
    return SetProfile(evse=place.number, profile=profile)


def changed_limit(
    site: Site, place: Place, current: Amperes, vehicle_phases: int | None = None
) -> UpdateSchedule:
    """Another limit under the dynamic profile of ``vehicle_limit``, which ends when it was to end. It wears no memory."""
    unit = _unit(place)
    limit = _floored(
        current * _per_ampere(site, place.evse, unit, vehicle_phases), TENTH if unit == "A" else Decimal(1)
    )
    return UpdateSchedule(profile_id=profile_id(place, VEHICLE), update={"limit": limit})


def question(place: Place) -> GetCompositeSchedule:
    """Asks what is really in force."""
    return GetCompositeSchedule(evse=place.number, duration=READ_BACK_SECONDS, unit=_unit(place))


def in_force(
    site: Site, place: Place, composite: Mapping[str, Any], at: datetime, vehicle_phases: int | None = None
) -> Amperes | None:
    """The current per phase that a composite schedule gives for ``at``; None when it says nothing of that instant."""
    start = composite.get("start")
    begin = at if start is None else parse_instant(str(start))
    passed = (at - begin).total_seconds()
    if passed < -READ_BACK_SECONDS or passed > float(composite.get("duration", READ_BACK_SECONDS)):
        return None
    limit: float | None = None
    for period in composite.get("periods", ()):
        if period["start"] <= max(passed, 0.0):
            limit = period.get("limit")
    if limit is None:
        return None
    unit: Unit = "A" if composite.get("unit", "A") == "A" else "W"
    return Amperes(float(limit) / _per_ampere(site, place.evse, unit, vehicle_phases))


def profile_id(place: Place, kind: int) -> int:
    """Always the same for an EVSE and purpose, so that writing again replaces."""
    return 10 * place.number + kind


def written(site: Site, place: Place, current: Amperes, vehicle_phases: int | None = None) -> Amperes:
    """What ``current`` becomes by the rounding of its unit: never more, and never between 0 and the minimum."""
    unit = _unit(place)
    per_ampere = _per_ampere(site, place.evse, unit, vehicle_phases)
    down = _floored(current * per_ampere, TENTH if unit == "A" else Decimal(1)) / per_ampere
    return Amperes(down if down >= place.evse.minimum - 1e-6 else 0.0)


def _profile(
    site: Site,
    place: Place,
    current: Amperes,
    kind: int,
    *,
    purpose: Literal["ChargingStationMaxProfile", "TxDefaultProfile", "TxProfile"],
    level: int,
    vehicle_phases: int | None = None,
    transaction: str | None = None,
    valid_from: datetime | None = None,
    valid_to: datetime | None = None,
    start: datetime | None = None,
    duration: int | None = None,
    dynamic: bool = False,
) -> Profile:
    if not place.capability.supported:
        raise ProfilesUnsupported(evse=place.evse.id)
    unit = _unit(place)
    per_ampere = _per_ampere(site, place.evse, unit, vehicle_phases)
    limit = _floored(current * per_ampere, TENTH if unit == "A" else Decimal(1))
    phases = None if place.evse.converter else vehicle_phases or place.evse.phases
    return Profile(
        id=profile_id(place, kind),
        stack_level=level,
        purpose=purpose,
        kind="Dynamic" if dynamic else "Absolute" if start is not None else "Relative",
        valid_from=valid_from,
        valid_to=valid_to,
        transaction=transaction,
        unit=unit,
        start=start,
        duration=duration,
        periods=(ProfilePeriod(start=0, limit=limit, phases=phases),),
    )


def _unit(place: Place) -> Unit:
    """Watts on DC and amperes on AC, unless the station told that it knows only the other."""
    units = place.capability.units
    wanted: Unit = "W" if place.evse.converter else "A"
    other: Unit = "A" if wanted == "W" else "W"
    return wanted if wanted in units or other not in units else other


def _per_ampere(site: Site, evse: Evse, unit: Unit, vehicle_phases: int | None) -> float:
    """What a station is told for one ampere that the circuit may give it.

    A converter keeps its limit at the vehicle's side, in either unit: what it loses comes on top.
    """
    if evse.converter is not None:
        return evse.converter.efficiency * (1.0 if unit == "A" else site.draw(evse).watts_per_ampere)
    # Of unknown phases one is assumed: it may take the whole limit on one phase.
    return 1.0 if unit == "A" else site.draw(evse, vehicle_phases or 1).watts_per_ampere


def _floored(value: float, quantum: Decimal) -> float:
    return float((Decimal(repr(value)) + Decimal("1e-6")).quantize(quantum, rounding=ROUND_FLOOR))
