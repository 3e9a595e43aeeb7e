"""Whether a plug still gives what it used to, told by the best of its charges. Pure.

A weak charge says little: most vehicles take less than a plug can give. But one strong charge proves the plug, so what tells
of a lost phase is that *nobody* gets much any more. The last k charges at most reached m. If the plug were whole, each of them
would have stayed below m by the share of earlier charges that did, and all k of them by that share to the k-th power. Where
this is less likely than ``CHANCE``, the plug has lost power, from the first of them on. Any mixture of vehicles is thereby its
own measure; a vehicle that comes again counts once, unless it got more at this plug before.
"""

import math
import statistics

import msgspec
from msgspec.structs import replace

KEPT = 96  # charges
SHORTEST, WARM = 3, 8  # charges of a fall, charges before it
CHANCE = math.log(1e-6)
LESS = math.log(0.85)
"""What counts as less (a lost phase leaves two thirds): smaller differences are cables, voltage and temperature."""


class Peak(msgspec.Struct, frozen=True, array_like=True):
    """The highest power of a charge, as log of W, and the vehicle it went to, where one can be told from another."""

    power: float
    vehicle: str | None = None


class Peaks(msgspec.Struct, frozen=True, kw_only=True):
    """The latest charges of a plug that nothing held back, oldest first. ``level`` (log of W) is set while the plug gives
    less than it used to: a charge that reaches it proves the repair. ``usual`` and ``recent`` are what charges reached
    before and after the fall; while there is none, both are the best of late.
    """

    taken: tuple[Peak, ...] = ()
    level: float | None = None
    usual: float = 0.0
    recent: float = 0.0

    @property
    def fell(self) -> bool:
        return self.level is not None

    @property
    def best(self) -> float | None:
        """Log of the W that a charge is known to have got; None before the first."""
        return max((peak.power for peak in self.taken), default=None)


def after_charge(peaks: Peaks, peak: Peak) -> Peaks:
    """The peaks after another charge that nothing held back."""
    if peaks.level is not None and peak.power < peaks.level:
        return replace(peaks, recent=max(peaks.recent, peak.power))
    taken = (*peaks.taken, peak)[-KEPT:]
    for length in range(
        SHORTEST, min(len(taken) - WARM, len(taken) // 2) + 1
    ):  # judged by no fewer charges than it has
        before, fall = taken[:-length], taken[-length:]
        best = max(one.power for one in fall)
        if _is_less(before, fall, best):
            usual = statistics.median(one.power for one in before if one.power > best - LESS)
            return Peaks(taken=before, level=best - LESS, usual=usual, recent=best)
    best = max(one.power for one in taken)
    return Peaks(taken=taken, usual=best, recent=best)


def _is_less(before: tuple[Peak, ...], fall: tuple[Peak, ...], best: float) -> bool:
    more = [one for one in before if one.power > best - LESS]
    below = (len(before) - len(more) + 1) / (len(before) + 2)  # Laplace's rule of succession
    return bool(more) and _witnesses(fall, more) * math.log(below) < CHANCE


def _witnesses(fall: tuple[Peak, ...], more: list[Peak]) -> int:
    """How many of the charges say something new: all of who got more before, one of everybody else who is known."""
    got_more = {one.vehicle for one in more}
    again = [one.vehicle for one in fall if one.vehicle is None or one.vehicle in got_more]
    return len(again) + len({one.vehicle for one in fall} - got_more - {None})
