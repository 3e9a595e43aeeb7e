"""Whose turn it is when not even the least current of all vehicles fits: fair in time, sparing of the cars.

A vehicle keeps its turn for a while, since switching wears contactors and some cars do not wake again. After that, who
has waited longest goes first.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

KEEPS_TURN = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Turn:
    """``charging`` since ``since``, or waiting since then. A vehicle that is not ``pause_safe`` may never wake."""

    evse: str
    charging: bool
    since: datetime
    tier: int = 0
    pause_safe: bool = True


def order_of_turns(turns: Iterable[Turn], now: datetime, keeps: timedelta = KEEPS_TURN) -> list[str]:
    """EVSE ids, who gets its least current first at the front. Lower tiers come before higher ones."""
    return [each.evse for each in sorted(turns, key=lambda turn: _rank(turn, now, keeps))]


def _rank(turn: Turn, now: datetime, keeps: timedelta) -> tuple[int, int, float, str]:
    lasted = (now - turn.since).total_seconds()
    if turn.charging and (lasted < keeps.total_seconds() or not turn.pause_safe):
        return (turn.tier, 0, -lasted, turn.evse)
    if not turn.charging:
        return (turn.tier, 1, -lasted, turn.evse)
    return (turn.tier, 2, lasted, turn.evse)
