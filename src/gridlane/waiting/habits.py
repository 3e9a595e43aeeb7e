"""What sites are used to: how long stays last and how often people come, hour by hour of the week. Pure.

A site's own figures are drawn towards those of all sites like it until it has enough of them, so a new site is
forecast from its first day. ``Habits`` is what the nightly job learns and stores, as plain counts.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec
import numpy as np

from gridlane.forecasting.waits import StayLengths

HOURS = 168
FAST = 43_000.0
"""W: what has more is called a fast plug; stays there are short."""
OWN_WEEKS = 3.0
"""After so many weeks a site's own arrivals weigh as much as those of sites like it."""
OWN_STAYS = 20.0
NEIGHBOURS = (0.25, 0.5, 1.0, 0.5, 0.25)
"""An hour of the week is told apart from the hours beside it only by what exceeds chance."""
LONGEST = 24 * 60

USUAL_STAYS = {"fast": 35.0, "slow": 180.0}
"""Minutes, where nobody has charged yet."""
USUAL_ARRIVALS = {"fast": 4.0 / 24.0, "slow": 1.2 / 24.0}
"""Arrivals per plug and hour, where nobody has charged yet."""


class Past(NamedTuple):
    """A session that ended. ``hour`` is the local hour of the week at its start, Monday 0:00 being 0."""

    site_id: UUID
    fast: bool
    hour: int
    minutes: float
    at: datetime


class SiteHabits(msgspec.Struct, frozen=True):
    """Counts of one kind of plug of a site: arrivals by hour of the week, stays by minutes."""

    plugs: int
    weeks: float
    arrivals: list[int]
    stays: dict[int, int]


class Habits(msgspec.Struct, frozen=True):
    """All of an organization's sites, by kind of plug (``fast``, ``slow``)."""

    made_at: datetime
    sites: dict[str, dict[UUID, SiteHabits]]

    def of(self, kind: str) -> "KindHabits":
        return KindHabits(kind, self.sites.get(kind, {}))


def learned(past: Iterable[Past], plugs: dict[tuple[UUID, bool], int], now: datetime) -> Habits:
    """From sessions that ended; ``plugs`` by site and kind."""
    since: dict[UUID, datetime] = {}
    arrivals: dict[tuple[UUID, bool], Counter[int]] = {}
    stays: dict[tuple[UUID, bool], Counter[int]] = {}
    for one in past:
        key = one.site_id, one.fast
        since[one.site_id] = min(one.at, since.get(one.site_id, one.at))
        arrivals.setdefault(key, Counter())[one.hour] += 1
        stays.setdefault(key, Counter())[min(max(round(one.minutes), 1), LONGEST)] += 1
    sites: dict[str, dict[UUID, SiteHabits]] = {"fast": {}, "slow": {}}
    for (site_id, fast), count in plugs.items():
        hours = arrivals.get((site_id, fast), Counter())
        weeks = (now - since.get(site_id, now)) / timedelta(weeks=1)
        sites["fast" if fast else "slow"][site_id] = SiteHabits(
            count, weeks, [hours[hour] for hour in range(HOURS)], dict(stays.get((site_id, fast), {}))
        )
    return Habits(now, sites)


class KindHabits:
    """The habits of one kind of plug, ready to be asked."""

    def __init__(self, kind: str, sites: dict[UUID, SiteHabits]) -> None:
        self._kind = kind
        self._sites = sites
        self._lengths: dict[UUID | None, StayLengths] = {}
        counted = [one for one in sites.values() if one.weeks > 0]
        plug_weeks = sum(one.plugs * one.weeks for one in counted)
        come = np.sum([one.arrivals for one in counted], axis=0) if counted else np.zeros(HOURS)
        guess = USUAL_ARRIVALS[kind]
        self._per_plug = _smooth((come + guess) / (plug_weeks + 1.0))

    def arrivals(self, site_id: UUID, plugs: int, hour: int) -> float:
        """People a minute who come to ``plugs`` plugs of the site in an hour of the week."""
        usual = self._per_plug * plugs
        own = self._sites.get(site_id)
        if own is None or own.weeks <= 0 or own.plugs == 0:
            return float(usual[hour]) / 60.0
        counted = _smooth(np.asarray(own.arrivals, dtype=float)) * (plugs / own.plugs)
        # the level is learned soon, the shape of the week slowly
        level = (counted.sum() + usual.sum()) / (own.weeks + 1.0)
        shaped = usual * (level / max(usual.sum(), 1e-9))
        return float((counted[hour] + OWN_WEEKS * shaped[hour]) / (own.weeks + OWN_WEEKS)) / 60.0

    def lengths(self, site_id: UUID | None) -> StayLengths:
        """How long stays last at a site; of all sites together for None."""
        if site_id is not None and (site_id not in self._sites or not self._sites[site_id].stays):
            site_id = None
        if site_id not in self._lengths:
            self._lengths[site_id] = self._learn(site_id)
        return self._lengths[site_id]

    def _learn(self, site_id: UUID | None) -> StayLengths:
        if site_id is not None:
            return StayLengths.learned(_listed(self._sites[site_id].stays), self.lengths(None), OWN_STAYS)
        together: Counter[int] = Counter()
        for one in self._sites.values():
            together.update(one.stays)
        mean = USUAL_STAYS[self._kind]
        made_up = StayLengths(np.exp(-np.arange(LONGEST + 1) / mean))
        return StayLengths.learned(_listed(together), made_up, OWN_STAYS)


def _listed(stays: dict[int, int]) -> list[float]:
    return [float(minutes) for minutes, count in stays.items() for _ in range(count)]


def _smooth(hours: "np.typing.NDArray[np.float64]") -> "np.typing.NDArray[np.float64]":
    around = [
        np.roll(hours, shift) * weight for shift, weight in zip((-2, -1, 0, 1, 2), NEIGHBOURS, strict=True)
    ]
    return np.asarray(np.sum(around, axis=0) / sum(NEIGHBOURS))
