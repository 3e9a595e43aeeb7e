"""Every public site as it stands now, kept in memory, so that a wait is forecast without asking the database.

The tables are read at most every ``FRESH`` seconds, in one query; what was learned of the sites every ``LEARNED``.
What a driver may use is told by connector and power. A plug that is offline or out of order helps nobody.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.charging.model import sessions
from gridlane.forecasting.occupancy import Floats
from gridlane.forecasting.waits import Situation, StayLengths, Wait, wait
from gridlane.kernel.clock import Clock, system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.errors import Kind, Refusal
from gridlane.stations.availability import availability_intervals
from gridlane.stations.model import connectors, evses, sites, stations
from gridlane.waiting.habits import FAST, Habits, KindHabits
from gridlane.waiting.learning import newest
from gridlane.waiting.model import queue_places
from gridlane.waiting.needs import Needs
from gridlane.waiting.plug_models import (
    SOONEST,
    PlugAt,
    Taught,
    free_chances,
    minutes_left,
    newest_plug_models,
)

FRESH = timedelta(seconds=3)
LEARNED = timedelta(minutes=10)
OUT = ("unavailable", "faulted", "offline")
SHARES = (0.1, 0.5, 0.9)


class WaitUnknown(Refusal):
    code = "wait_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no such place to charge, or no plug there that fits."


class PlugNow(msgspec.Struct, frozen=True):
    """A plug as it stands. ``since``: when the present stay, or the present state, began."""

    evse_id: UUID
    station_id: UUID
    number: int
    public_id: str | None
    state: str
    since: datetime | None
    max_power: float
    connectors: frozenset[str]

    @property
    def is_fast(self) -> bool:
        return self.max_power > FAST

    def fits(self, needs: Needs) -> bool:
        return needs.met_by(self.connectors, self.max_power)


class SiteNow(msgspec.Struct, frozen=True):
    """A site and its plugs. ``queued``: how many wait in its queue."""

    id: UUID
    organization_id: UUID
    latitude: float
    longitude: float
    time_zone: str
    plugs: tuple[PlugNow, ...]
    queued: int = 0


class PlugForecast(msgspec.Struct, frozen=True):
    """When a plug in use is likely to be free, in minutes from now: one in ten before ``low``, nine before ``high``."""

    public_id: str | None
    low: float
    middle: float
    high: float


class WaitForecast(msgspec.Struct, frozen=True):
    """A wait in minutes. ``free_chance``: of finding a free plug; four waits in five lie from ``low`` to ``high``."""

    site_id: UUID
    free_chance: float
    low: float
    middle: float
    high: float
    mean: float


def forecast(site_id: UUID, found: Wait) -> WaitForecast:
    low, middle, high = (round(found.quantile(share), 1) for share in (0.1, 0.5, 0.9))
    return WaitForecast(site_id, round(found.at_once, 3), low, middle, high, round(found.mean, 2))


@dataclass
class Outlook:
    """The sites now and their habits. ``coming`` gives minutes until the cars on the way to a site arrive."""

    database: Database
    clock: Clock = system_clock
    sites: Mapping[UUID, SiteNow] = field(default_factory=dict)
    as_of: datetime | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _habits: dict[tuple[UUID, str], KindHabits] = field(default_factory=dict)
    _plugs: dict[UUID, Taught] = field(default_factory=dict)
    _learned_at: datetime | None = None

    async def refresh(self) -> None:
        """Read the tables where what is known is older than ``FRESH``."""
        now = self.clock()
        async with self._lock:
            if self.as_of is not None and now - self.as_of < FRESH:
                return
            async with self.database.as_owner() as work:
                found = await sites_now(work)
                if self._learned_at is None or now - self._learned_at >= LEARNED:
                    self.learn(await newest(work), await newest_plug_models(work))
                    self._learned_at = now
            self.sites, self.as_of = found, now

    def learn(self, habits: Mapping[UUID, Habits], plugs: Mapping[UUID, Taught] | None = None) -> None:
        self._plugs = dict(plugs or {})
        self._habits = {
            (organization_id, kind): one.of(kind)
            for organization_id, one in habits.items()
            for kind in ("fast", "slow")
        }

    def site(self, site_id: UUID) -> SiteNow:
        """Raises WaitUnknown."""
        if site_id not in self.sites:
            raise WaitUnknown(place=site_id)
        return self.sites[site_id]

    def wait(self, site: SiteNow, needs: Needs, arriving: float, coming: Iterable[float] = ()) -> Wait | None:
        """The wait of somebody who arrives in ``arriving`` minutes; None where no working plug fits."""
        now = self.clock()
        situation = self.situation(site, needs, now, tuple(coming))
        if situation is None:
            return None
        found, taught = wait(situation, arriving), self._plugs.get(site.organization_id)
        if taught is None or arriving < SOONEST:
            return found
        before = situation.before + sum(eta <= arriving for eta in situation.coming)
        (chance,) = self._learned_chances(taught, site, needs, now, [arriving], before)
        return found.levelled(float(chance))

    def situation(
        self,
        site: SiteNow,
        needs: Needs,
        now: datetime,
        coming: tuple[float, ...] = (),
        arrivals_at: datetime | None = None,
    ) -> Situation | None:
        """The site as ``needs`` sees it; strangers come as often as they do at ``arrivals_at`` (else now)."""
        fitting = [one for one in site.plugs if one.state not in OUT and one.fits(needs)]
        if not fitting:
            return None
        fast = sum(one.is_fast for one in fitting) * 2 > len(fitting)
        habits = self._kind(site.organization_id, fast=fast)
        hour = hour_of_week(site.time_zone, arrivals_at or now)
        return Situation(
            free=sum(one.state == "available" for one in fitting),
            elapsed=tuple(_minutes(one.since, now) for one in fitting if one.state != "available"),
            lengths=habits.lengths(site.id),
            arrivals=habits.arrivals(site.id, len(fitting), hour),
            before=site.queued,
            coming=coming,
        )

    def lengths(self, site: SiteNow, plug: PlugNow) -> StayLengths:
        return self._kind(site.organization_id, fast=plug.is_fast).lengths(site.id)

    def lengths_of(self, site: SiteNow) -> StayLengths:
        """How long stays last at most of a site's plugs."""
        return self._kind(site.organization_id, fast=_is_fast(site)).lengths(site.id)

    def arrivals(self, site: SiteNow, now: datetime) -> float:
        """People a minute who come to a site at this hour."""
        habits = self._kind(site.organization_id, fast=_is_fast(site))
        return habits.arrivals(site.id, len(site.plugs), hour_of_week(site.time_zone, now))

    def frees(self, site: SiteNow, now: datetime) -> list[PlugForecast]:
        """When each plug in use is likely to be free."""
        busy = [plug for plug in site.plugs if plug.state == "occupied"]
        if not busy:
            return []
        taught = self._plugs.get(site.organization_id)
        if taught is None:
            shares = [
                [self.lengths(site, plug).quantile_left(_minutes(plug.since, now), share) for share in SHARES]
                for plug in busy
            ]
        else:
            working, at = _standing(site, now), _minute_of_week(site.time_zone, now)
            asked = [number for number, plug in enumerate(_working(site)) if plug.state == "occupied"]
            shares = minutes_left(taught, working, asked, at, SHARES).tolist()
        return [
            PlugForecast(plug.public_id, *(round(float(one), 1) for one in three))
            for plug, three in zip(busy, shares, strict=True)
        ]

    def free_chances(self, site: SiteNow, needs: Needs, now: datetime, hours: int) -> list[float]:
        """The chance to find a free plug now and after each full hour."""
        taught = self._plugs.get(site.organization_id)
        found = [
            self.situation(site, needs, now, arrivals_at=now + timedelta(hours=ahead))
            for ahead in range(1 if taught else hours)
        ]
        chances = [0.0 if one is None else wait(one, 60.0 * ahead).at_once for ahead, one in enumerate(found)]
        if taught and found[0] is not None:
            ahead = [60.0 * hour for hour in range(1, hours)]
            chances += self._learned_chances(taught, site, needs, now, ahead, found[0].before).tolist()
        return [round(float(chance), 3) for chance in chances] + [0.0] * (hours - len(chances))

    def _learned_chances(
        self, taught: Taught, site: SiteNow, needs: Needs, now: datetime, ahead: list[float], before: int
    ) -> Floats:
        asked = [number for number, plug in enumerate(_working(site)) if plug.fits(needs)]
        at = _minute_of_week(site.time_zone, now)
        return free_chances(taught, _standing(site, now), asked, at, np.array(ahead), before)

    def _kind(self, organization_id: UUID, *, fast: bool) -> KindHabits:
        key = organization_id, "fast" if fast else "slow"
        if key not in self._habits:
            self._habits[key] = KindHabits(key[1], {})
        return self._habits[key]


def _is_fast(site: SiteNow) -> bool:
    return sum(plug.is_fast for plug in site.plugs) * 2 > len(site.plugs)


def _working(site: SiteNow) -> list[PlugNow]:
    return [plug for plug in site.plugs if plug.state not in OUT]


def _standing(site: SiteNow, now: datetime) -> list[PlugAt]:
    return [
        PlugAt(plug.evse_id, plug.state != "available", _minutes(plug.since, now), plug.is_fast)
        for plug in _working(site)
    ]


def _minute_of_week(time_zone: str, at: datetime) -> float:
    return hour_of_week(time_zone, at) * 60.0 + at.astimezone(ZoneInfo(time_zone)).minute


def hour_of_week(time_zone: str, at: datetime) -> int:
    local = at.astimezone(ZoneInfo(time_zone))
    return local.weekday() * 24 + local.hour


def _minutes(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max((now - since) / timedelta(minutes=1), 0.0)


async def sites_now(work: AsyncConnection) -> dict[UUID, SiteNow]:
    """All public sites with their plugs, in one query (as the tables' owner: they belong to many organizations)."""
    ledger = availability_intervals
    kinds = (
        sa.select(connectors.c.evse_id, sa.func.array_agg(connectors.c.kind.distinct()).label("kinds"))
        .where(connectors.c.kind.is_not(None))
        .group_by(connectors.c.evse_id)
        .subquery()
    )
    begun = (
        sa.select(sessions.c.station_id, sessions.c.evse, sa.func.min(sessions.c.started_at).label("since"))
        .where(sessions.c.status == "active", sessions.c.refused.is_(False))
        .group_by(sessions.c.station_id, sessions.c.evse)
        .subquery()
    )
    queued = (
        sa.select(queue_places.c.site_id, sa.func.count().label("count"))
        .where(queue_places.c.status == "waiting")
        .group_by(queue_places.c.site_id)
        .subquery()
    )
    query = (
        sa.select(
            sites.c.id, sites.c.organization_id, sites.c.latitude, sites.c.longitude, sites.c.time_zone,
            evses.c.id.label("evse_id"), evses.c.station_id, evses.c.number, evses.c.public_id, evses.c.max_power,
            ledger.c.state, sa.func.coalesce(begun.c.since, ledger.c.since).label("since"), kinds.c.kinds,
            queued.c.count.label("queued"),
        )
        .join_from(sites, stations, stations.c.site_id == sites.c.id)
        .join(evses, evses.c.station_id == stations.c.id)
        .outerjoin(ledger, sa.and_(ledger.c.evse_id == evses.c.id, ledger.c.until.is_(None)))
        .outerjoin(begun, sa.and_(begun.c.station_id == evses.c.station_id, begun.c.evse == evses.c.number))
        .outerjoin(kinds, kinds.c.evse_id == evses.c.id)
        .outerjoin(queued, queued.c.site_id == sites.c.id)
        .where(
            sites.c.public, sites.c.latitude.is_not(None), sites.c.longitude.is_not(None),
            stations.c.approval == "accepted", stations.c.organization_id.is_not(None),
        )
        .order_by(sites.c.id, stations.c.name, evses.c.number)
    )  # fmt: skip
    found: dict[UUID, tuple[Any, list[PlugNow]]] = {}
    for row in await work.execute(query):
        _, plugs = found.setdefault(row.id, (row, []))
        plugs.append(
            PlugNow(
                row.evse_id,
                row.station_id,
                row.number,
                row.public_id,
                row.state or "offline",
                row.since,
                row.max_power or 0.0,
                frozenset(row.kinds or ()),
            )
        )
    return {
        site_id: SiteNow(
            site_id,
            row.organization_id,
            row.latitude,
            row.longitude,
            row.time_zone,
            tuple(plugs),
            row.queued or 0,
        )
        for site_id, (row, plugs) in found.items()
    }
