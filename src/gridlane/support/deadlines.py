"""The clock of a case: by when it is to be answered and solved, and how far it has gone beyond that. Pure.

The clock stands still while the driver is asked for something.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

LOWEST = 4
MOST = 3
"""The highest step of escalation."""


class Promise(NamedTuple):
    """What is promised at a priority."""

    name: str
    answer: timedelta
    solution: timedelta


PROMISES: dict[int, Promise] = {
    1: Promise("danger, or many cannot charge", timedelta(minutes=30), timedelta(hours=4)),
    2: Promise("somebody stands at the plug", timedelta(hours=1), timedelta(hours=24)),
    3: Promise("a charge or bill went wrong", timedelta(hours=8), timedelta(days=3)),
    LOWEST: Promise("a question", timedelta(hours=24), timedelta(days=7)),
}
"""Priority -> what it is for and by when."""


class Clock(NamedTuple):
    """Where a case stands. ``escalation`` is how many steps it should have been escalated by now."""

    answer_by: datetime
    solve_by: datetime
    is_late: bool
    escalation: int


def clock(
    priority: int,
    opened_at: datetime,
    now: datetime,
    *,
    answered_at: datetime | None = None,
    solved_at: datetime | None = None,
    waiting_since: datetime | None = None,
    waited: timedelta = timedelta(0),
) -> Clock:
    """A case's deadlines. A step of escalation for a late answer, one for a late solution, one for twice as late."""
    promise = PROMISES[priority]
    stood_still = waited + (now - waiting_since if waiting_since is not None else timedelta(0))
    answer_by = opened_at + promise.answer + (stood_still if answered_at is None else timedelta(0))
    solve_by = opened_at + promise.solution + stood_still
    answer_late = (answered_at or solved_at or now) > answer_by
    solve_late = (solved_at or now) > solve_by
    twice_late = (solved_at or now) > solve_by + promise.solution
    steps = sum((answer_late, solve_late, twice_late))
    is_late = solved_at is None and (solve_late or (answered_at is None and answer_late))
    return Clock(answer_by, solve_by, is_late, min(steps, MOST))


def priority_of(side: str | None, *, stands_at_the_plug: bool) -> int:
    """The priority a new case begins with, by the side that its cause lies on."""
    if stands_at_the_plug and side in ("station", "network", "payment"):
        return 2
    return 3 if side in ("station", "network", "payment") else LOWEST
