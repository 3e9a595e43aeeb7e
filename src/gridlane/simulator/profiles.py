"""Charging profiles as a station keeps and obeys them (1.6 section 5.16.. and 3.13; 2.0.1 K01).

Per EVSE the limit is that of the valid profile with the highest stack level: of its PriorityCharging profile while that is
in use (2.1 K21), else of its TxProfile, else of its TxDefaultProfile; and never above the station's maximum profile.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gridlane.kernel.quantities import Watts
from gridlane.simulator.vehicle import VOLTAGE

PRIORITY = "PriorityCharging"
MAX_PURPOSES = ("ChargePointMaxProfile", "ChargingStationMaxProfile", "ChargingStationExternalConstraints")


@dataclass
class Installed:
    """One profile as received (wire form), where it applies, and for which transaction."""

    evse: int
    profile: dict[str, Any]
    transaction: str | None = None

    @property
    def purpose(self) -> str:
        return str(self.profile["chargingProfilePurpose"])

    @property
    def stack_level(self) -> int:
        return int(self.profile["stackLevel"])

    @property
    def id(self) -> int:
        return int(self.profile.get("id", self.profile.get("chargingProfileId", 0)))

    @property
    def schedule(self) -> dict[str, Any]:
        schedules = self.profile["chargingSchedule"]
        return dict(schedules[0] if isinstance(schedules, list) else schedules)


@dataclass
class ProfileStack:
    """All profiles of a station."""

    installed: list[Installed] = field(default_factory=list)
    prioritized: set[str] = field(
        default_factory=set
    )  # transactions that charge by their profile of priority

    def has_priority(self, evse: int) -> bool:
        return any(one.purpose == PRIORITY and one.evse in (0, evse) for one in self.installed)

    def install(self, new: Installed) -> None:
        """Same id, or same purpose, level and EVSE: it replaces (K01.FR.05, 1.6 3.13.2)."""
        self.installed = [
            one
            for one in self.installed
            if one.id != new.id
            and (one.purpose, one.stack_level, one.evse) != (new.purpose, new.stack_level, new.evse)
        ]
        self.installed.append(new)

    def remove(self, *, id_: int | None, evse: int | None, purpose: str | None, level: int | None) -> int:
        """Remove what matches; gives how many."""

        def matches(one: Installed) -> bool:
            if id_ is not None:
                return one.id == id_
            return (
                evse in (None, one.evse)
                and purpose in (None, one.purpose)
                and level in (None, one.stack_level)
            )

        kept = [one for one in self.installed if not matches(one)]
        removed = len(self.installed) - len(kept)
        self.installed = kept
        return removed

    def end_transaction(self, transaction: str) -> None:
        self.prioritized.discard(transaction)
        self.installed = [
            one
            for one in self.installed
            if not (one.purpose == "TxProfile" and one.transaction == transaction)
        ]

    def limit(
        self,
        evse: int,
        rating: Watts,
        phases: int,
        now: datetime,
        started: datetime | None,
        transaction: str | None,
    ) -> Watts:
        """What the EVSE may draw now."""
        own = [one for one in self.installed if one.evse in (0, evse)]
        chosen = [one for one in own if one.purpose == PRIORITY and transaction in self.prioritized]
        chosen = chosen or [
            one for one in own if one.purpose == "TxProfile" and one.transaction in (transaction, None)
        ]
        chosen = chosen or [one for one in own if one.purpose == "TxDefaultProfile"]
        limit = self._limit_of(chosen, rating, phases, now, started)
        maxima = [one for one in own if one.purpose in MAX_PURPOSES]
        return Watts(min(limit, self._limit_of(maxima, rating, phases, now, started)))

    def _limit_of(
        self, candidates: list[Installed], rating: Watts, phases: int, now: datetime, started: datetime | None
    ) -> float:
        for one in sorted(candidates, key=lambda each: -each.stack_level):
            limit = limit_at(one.profile, now, started, phases)
            if limit is not None:
                return min(rating, limit)
        return rating

    def composite(
        self,
        evse: int,
        duration: int,
        rating: Watts,
        phases: int,
        now: datetime,
        started: datetime | None,
        transaction: str | None,
    ) -> list[tuple[int, float]]:
        """(second, W) from now, at every change within ``duration``."""
        periods: list[tuple[int, float]] = []
        step = max(1, min(60, duration // 60))
        for second in range(0, duration, step):
            at = now + timedelta(seconds=second)
            limit = self.limit(evse, rating, phases, at, started, transaction)
            if not periods or abs(periods[-1][1] - limit) > 0.01:
                periods.append((second, limit))
        return periods


def limit_at(profile: dict[str, Any], now: datetime, started: datetime | None, phases: int) -> float | None:
    """The profile's limit in W, or None where it does not speak at this instant."""
    valid_from, valid_to = _instant(profile.get("validFrom")), _instant(profile.get("validTo"))
    if (valid_from and now < valid_from) or (valid_to and now >= valid_to):
        return None
    schedules = profile["chargingSchedule"]
    schedule = schedules[0] if isinstance(schedules, list) else schedules
    begin = _begin(profile, schedule, now, started)
    if begin is None or now < begin:
        return None
    elapsed = (now - begin).total_seconds()
    duration = schedule.get("duration")
    if duration is not None and elapsed >= duration:
        return None
    period = None
    for one in schedule["chargingSchedulePeriod"]:
        if one["startPeriod"] <= elapsed:
            period = one
    if period is None or period.get("limit") is None:
        return None
    limit = float(period["limit"])
    return (
        limit
        if schedule["chargingRateUnit"] == "W"
        else limit * VOLTAGE * min(phases, period.get("numberPhases", 3))
    )


def _begin(
    profile: dict[str, Any], schedule: dict[str, Any], now: datetime, started: datetime | None
) -> datetime | None:
    kind = profile["chargingProfileKind"]
    start = _instant(schedule.get("startSchedule"))
    if kind == "Relative":
        return started or now
    if kind == "Recurring" and start is not None:
        span = timedelta(days=7 if profile.get("recurrencyKind") == "Weekly" else 1)
        return start + span * ((now - start) // span)
    return start or started or now


def _instant(value: Any) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    return datetime.fromisoformat(value)
