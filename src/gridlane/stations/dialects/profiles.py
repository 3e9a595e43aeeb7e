"""Charging profiles: the parts that 1.6 and 2.x write alike, and composite schedules as one form."""

from decimal import ROUND_FLOOR, Context, Decimal
from typing import Any

import msgspec

from gridlane.stations.commands import Profile, ProfilePeriod
from gridlane.stations.dialects.dialect import Payload, Unsupported, given

STATION_MAX = ("ChargePointMaxProfile", "ChargingStationMaxProfile")
"""The same purpose in the words of 1.6 and of 2.x."""


def head(profile: Profile) -> Payload:
    """All of a profile but its id, its purpose, its transaction and its schedule."""
    return given(
        stackLevel=profile.stack_level,
        chargingProfileKind=profile.kind,
        recurrencyKind=profile.recurrency,
        validFrom=profile.valid_from,
        validTo=profile.valid_to,
    )


def schedule(profile: Profile, periods: list[Payload], min_rate: float | None) -> Payload:
    return given(
        duration=profile.duration,
        startSchedule=profile.start,
        chargingRateUnit=profile.unit,
        chargingSchedulePeriod=periods,
        minChargingRate=min_rate,
    )


def classic_period(period: ProfilePeriod, version: str) -> Payload:
    """A period as 1.6 and 2.0.1 know it. What only 2.1 can say is refused: dropping it would change what it means."""
    if period.limit is None or period.extra:
        raise Unsupported(
            reason=f"OCPP {version} knows periods with a limit only, no set-points or directions"
        )
    return given(startPeriod=period.start, limit=period.limit, numberPhases=period.phases)


def floored(limit: float) -> float:
    """A limit in tenths, as 1.6 wants it: never more than was asked for."""
    return float(Decimal(repr(limit)).quantize(_TENTH, rounding=ROUND_FLOOR, context=_WIDE))


_TENTH = Decimal("0.1")
_WIDE = Context(prec=400)  # any finite float has room


def composite(start: Any, duration: Any, unit: Any, periods: list[Any]) -> dict[str, Any]:
    """A composite schedule as every version's answer is told: start, duration (s), unit, periods."""
    return given(
        start=msgspec.to_builtins(start),
        duration=duration,
        unit=unit,
        periods=[
            given(
                start=period["startPeriod"],
                limit=period.get("limit"),
                phases=period.get("numberPhases"),
                phase_to_use=period.get("phaseToUse"),
            )
            for period in msgspec.to_builtins(periods)
        ],
    )
