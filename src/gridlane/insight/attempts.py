"""First-attempt start success: of the drivers who tried to charge, how many did at their first try. Pure.

One driver's tries at one site, none more than ten minutes after the one before, are one attempt. A try delivers, fails,
or is refused by a rule (a blocked card); an attempt of nothing but refusals is not the network's failure and counts apart.
"""

from collections.abc import Hashable, Iterable
from datetime import datetime, timedelta
from itertools import groupby
from typing import Literal, NamedTuple

import msgspec

GAP = timedelta(minutes=10)
Outcome = Literal["delivered", "failed", "refused"]


class Try(NamedTuple):
    who: Hashable
    """one driver at one site"""
    at: datetime
    outcome: Outcome


class Starts(msgspec.Struct, frozen=True, kw_only=True):
    attempts: int = 0
    first_time: int = 0
    """attempts whose first try delivered"""
    later: int = 0
    """attempts that delivered at a later try"""
    refused: int = 0
    """attempts that were only refused; not among ``attempts``"""

    @property
    def share(self) -> float | None:
        return self.first_time / self.attempts if self.attempts else None


def starts(tries: Iterable[Try]) -> Starts:
    """Count attempts among tries, in any order."""
    counts = {"attempts": 0, "first_time": 0, "later": 0, "refused": 0}
    ordered = sorted(tries, key=lambda one: (str(one.who), one.at))
    for _, of_one in groupby(ordered, key=lambda one: str(one.who)):
        for attempt in _attempts(of_one):
            counts[_kind(attempt)] += 1
    counts["attempts"] += counts["first_time"] + counts["later"]
    return Starts(**counts)


def _attempts(tries: Iterable[Try]) -> Iterable[list[Try]]:
    attempt: list[Try] = []
    for one in tries:
        if attempt and (one.at - attempt[-1].at > GAP or attempt[-1].outcome == "delivered"):
            yield attempt
            attempt = []
        attempt.append(one)
    if attempt:
        yield attempt


def _kind(attempt: list[Try]) -> str:
    """``attempts`` names those that never delivered."""
    asked = [one.outcome for one in attempt if one.outcome != "refused"]
    if not asked:
        return "refused"
    if asked[0] == "delivered":
        return "first_time"
    return "later" if "delivered" in asked else "attempts"
