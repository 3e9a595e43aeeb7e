"""When a new limit is worth writing: at once where a circuit needs it, else seldom, as every write wears the station.

Stations keep profiles in flash memory and must find them again after a reboot (OCPP 2.0.1 K01.FR.27); a limit every
five minutes is over 100,000 writes a year.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from gridlane.energy.safe_steps import Step
from gridlane.energy.worst_case import Limit
from gridlane.kernel.quantities import Amperes


class Reason(StrEnum):
    """Why a limit is written now, in the order of urgency."""

    CIRCUIT = "circuit"  # together with the others it would overload one
    NEWCOMER = "newcomer"  # the vehicle has only its fallback yet
    PLAN = "plan"  # fairer, cheaper or greener
    RENEWAL = "renewal"  # the limit stands but is about to lapse


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """``band``: smaller changes are not worth a write. ``per_hour``: writes in the mean; ``burst``: saved up at most.

    ``lasts``: a vehicle's limit, until it lapses to the fallback unless renewed.

    ``apart``: at least so long between two writes that no circuit needs. ``renew_before`` the lapse.
    """

    band: Amperes = Amperes(1.0)
    per_hour: float = 4.0
    burst: float = 6.0
    apart: timedelta = timedelta(seconds=60)
    lasts: timedelta = timedelta(minutes=30)
    renew_before: timedelta = timedelta(minutes=8)


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many writes a station has saved up at ``at``."""

    writes: float
    at: datetime
    written_at: datetime | None = None

    def now(self, now: datetime, pace: Pace) -> float:
        passed = max(0.0, (now - self.at).total_seconds())
        return min(pace.burst, self.writes + passed * pace.per_hour / 3600)


def worth_writing(
    step: Step, latest: Limit | None, needed: bool, allowance: Allowance, now: datetime, pace: Pace
) -> Reason | None:
    """Why ``step`` is written now; None when it is not. ``needed``: a circuit is overfull of what was told."""
    if needed and not step.raises:
        return Reason.CIRCUIT
    if latest is None or now >= latest.until:
        return Reason.NEWCOMER
    if abs(step.current - latest.current) < pace.band and step.current > 0:
        return None
    rested = allowance.written_at is None or now - allowance.written_at >= pace.apart
    return Reason.PLAN if rested and allowance.now(now, pace) >= 1 else None


def worth_renewing(latest: Limit | None, now: datetime, pace: Pace) -> bool:
    """Whether a limit that is to stay is about to lapse."""
    return latest is not None and now < latest.until <= now + pace.renew_before


def after_writing(allowance: Allowance, now: datetime, pace: Pace) -> Allowance:
    """One write less saved up; needed writes may overdraw, and the others wait for it."""
    return replace(allowance, writes=allowance.now(now, pace) - 1, at=now, written_at=now)
