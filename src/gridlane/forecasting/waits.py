"""How long one waits for a plug: a site as servers with stays that go on, others who come meanwhile, and a driver who arrives.

Each plug in use frees by survival from its elapsed time; strangers come as a Poisson stream and those of them who still
stand there then are Poisson again (a server system without end, seen from now: Eick, Massey, Whitt, 1993); cars known to
be on the way count for sure. A plug is mine once more of them are free than there are others before me. For long
horizons the same sum becomes the site's usual state, so no other rule is needed there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MINUTES = 361
"""Minutes a wait is looked at; whoever waits longer is said to wait this long."""
LONGEST = 24 * 60
GRID: Floats = np.concatenate(
    (np.arange(0.0, 30.0, 1.0), np.arange(30.0, 90.0, 3.0), np.arange(90.0, 361.0, 15.0))
)
"""Minutes of a wait at which its chance is computed."""
UNKNOWN_MEAN = 40.0
"""Minutes that a stay lasts where nobody has seen one yet."""
SURE = 1e-6
USUAL_TURN = 10.0
"""Minutes one waits on average where a plug was thought to be free for sure, and is not."""


@dataclass(frozen=True)
class StayLengths:
    """How long stays last, minute by minute: ``survival[m]`` is the chance to exceed m minutes."""

    survival: Floats

    @classmethod
    def learned(
        cls, minutes: Sequence[float], prior: "StayLengths | None" = None, weight: float = 20.0
    ) -> "StayLengths":
        """From stays that ended; ``prior`` (else an exponential guess) counts like ``weight`` of them."""
        before = usual(UNKNOWN_MEAN) if prior is None else prior
        counts = np.bincount(np.clip(np.asarray(minutes, dtype=int), 0, LONGEST), minlength=LONGEST + 1)
        beyond = counts[::-1].cumsum()[::-1] - counts
        total = counts.sum() + weight
        return cls(np.asarray((beyond + weight * before.survival) / total))

    def left(self, elapsed: float, ahead: Floats) -> Floats:
        """The chance that a stay of ``elapsed`` minutes goes on for more than each of ``ahead``."""
        now = min(max(elapsed, 0.0), LONGEST)
        alive = self.survival[int(now)]
        if alive <= 1e-9:  # longer than anybody ever: it may go at any time
            return np.asarray(np.exp(-ahead / UNKNOWN_MEAN))
        later = np.minimum(now + ahead, LONGEST).astype(int)
        return np.asarray(self.survival[later] / alive)

    def mean_left_by(self, ahead: Floats) -> Floats:
        """Minutes within each of ``ahead`` during which a stay that begins now goes on (the integral of survival)."""
        integral = np.concatenate(([0.0], self.survival.cumsum()))
        return np.asarray(integral[np.minimum(ahead, LONGEST).astype(int)])

    def quantile_left(self, elapsed: float, share: float) -> float:
        """Minutes after which a stay of ``elapsed`` minutes has ended with a chance of ``share``."""
        left = self.left(elapsed, np.arange(float(LONGEST)))
        return float(np.searchsorted(-left, -(1.0 - share)))


def usual(mean: float) -> StayLengths:
    """An exponential guess."""
    return StayLengths(np.exp(-np.arange(LONGEST + 1) / mean))


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A site now, as far as it matters to a driver with one kind of plug.

    ``free``: plugs nobody uses or holds. ``elapsed``: minutes of each stay that goes on. ``before``: people in the queue.
    ``coming``: minutes until each car known to be on the way arrives. ``arrivals``: strangers a minute.
    """

    free: int
    elapsed: tuple[float, ...]
    lengths: StayLengths
    arrivals: float = 0.0
    before: int = 0
    coming: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait as its distribution: ``chance[i]`` to wait at most ``GRID[i]`` minutes."""

    chance: Floats

    @property
    def at_once(self) -> float:
        """The chance that a plug is free on arrival."""
        return float(self.chance[0])

    def quantile(self, share: float) -> float:
        """Minutes, between the points of the grid by line; the end of the grid where it is longer."""
        if self.chance[0] >= share:
            return 0.0
        at = int(np.searchsorted(self.chance, share))
        if at >= GRID.size:
            return float(GRID[-1])
        low, high = self.chance[at - 1], self.chance[at]
        part = (share - low) / (high - low) if high > low else 1.0
        return float(GRID[at - 1] + part * (GRID[at] - GRID[at - 1]))

    def levelled(self, at_once: float) -> "Wait":
        """The same shape where the chance of a free plug on arrival is known better."""
        rest = 1.0 - self.chance[0]
        later = 1.0 - self.chance if rest > SURE else np.exp(-GRID / USUAL_TURN)
        return Wait(np.clip(1.0 - later * (1.0 - at_once) / later[0], 0.0, 1.0))

    @property
    def mean(self) -> float:
        return float(_WEIGHTS @ (1.0 - self.chance))


_WEIGHTS: Floats = np.diff(np.append(GRID, GRID[-1] + 15.0))


def wait(site: Situation, arriving: float) -> Wait:
    """The wait of a driver who arrives ``arriving`` minutes from now."""
    ahead = arriving + GRID
    freed = _freed(site, ahead)
    meanwhile = arriving * site.arrivals
    others = _still_there(site, arriving, ahead) if meanwhile > 0.0 else np.zeros(GRID.size)
    certain = site.before + sum(1 for eta in site.coming if eta <= arriving)
    chance = _enough(freed, site.free - certain, others)
    return Wait(np.maximum.accumulate(np.clip(chance, 0.0, 1.0)))


def _freed(site: Situation, ahead: Floats) -> Floats:
    """Instants x (stays + 1): the chance that so many of the stays have ended (Poisson binomial)."""
    count = len(site.elapsed)
    chance = np.zeros((ahead.size, count + 1))
    chance[:, 0] = 1.0
    for number, elapsed in enumerate(site.elapsed):
        stays = site.lengths.left(elapsed, ahead)[:, None]
        ended = chance[:, : number + 1] * (1.0 - stays)
        chance[:, : number + 1] *= stays
        chance[:, 1 : number + 2] += ended
    return chance


def _still_there(site: Situation, arriving: float, ahead: Floats) -> Floats:
    """Strangers who come before the driver and still stand there: their expected number at each instant."""
    stayed = site.lengths.mean_left_by(ahead) - site.lengths.mean_left_by(ahead - arriving)
    return np.asarray(site.arrivals * np.maximum(stayed, 0.0))


def _enough(freed: Floats, free: int, others: Floats) -> Floats:
    """The chance that ``free`` plus the freed leave one beside a Poisson number of others."""
    chance = np.zeros(others.size)
    term, total, taken = np.exp(-others), np.exp(-others), 0
    for ended in range(freed.shape[1]):
        spare = free + ended - 1  # so many others may be there
        if spare < 0:
            continue
        while taken < spare:
            taken += 1
            term = term * others / taken
            total = total + term
        chance += freed[:, ended] * total
    return chance
