"""What a vehicle can take, seen from what it takes: room that it leaves goes to others, and comes back when it wants it.

A vehicle that stays clearly below its limit is limited by itself (its charger, a nearly full battery, the cold). One
that takes all it is given may want more.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gridlane.energy.circuit import Evse
from gridlane.kernel.quantities import Amperes

MARGIN = Amperes(2.0)  # left above what it takes, so that a rise shows
CLEARLY_BELOW = Amperes(2.5)
SURE_AFTER = timedelta(minutes=3)
ASK_AGAIN = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Appetite:
    """The most it took lately, and since when it has stayed clearly below its limit."""

    took: Amperes = Amperes(0.0)
    below_since: datetime | None = None
    most: Amperes | None = None  # what it is believed to take at most; None is not known
    believed_at: datetime | None = None


def seen(appetite: Appetite, told: Amperes, drew: Amperes, now: datetime) -> Appetite:
    """After a measurement at ``now``, under a limit of ``told``."""
    if told <= 0:
        return appetite
    if drew >= told - CLEARLY_BELOW:
        return Appetite(took=drew)
    if appetite.below_since is None:
        return replace(appetite, took=drew, below_since=now)
    took = Amperes(max(appetite.took, drew))
    if now - appetite.below_since < SURE_AFTER:
        return replace(appetite, took=took)
    return Appetite(took=drew, below_since=now, most=Amperes(took + MARGIN), believed_at=now)


def wish(appetite: Appetite, evse: Evse, now: datetime) -> Amperes:
    """The most worth giving it now; its rating where nothing else is known, and again after a while."""
    believed = appetite.most
    if believed is None or appetite.believed_at is None or now - appetite.believed_at > ASK_AGAIN:
        return evse.rating
    return Amperes(min(evse.rating, max(believed, evse.minimum)))
