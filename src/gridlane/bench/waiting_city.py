"""A simulated city: real fast-charging sites and residents of Berlin, real lengths of stay, drivers who choose by a policy.

Every driver of every policy is the same person at the same place with the same stay (paired). Sites serve in order of arrival.
Status is read once a minute, so it is up to a minute old; delays make it older.
"""

import csv
import heapq
from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from gridlane.forecasting.compiled_waits import CROWDED, GRID, HIGH, LOW, MEAN, MIDDLE, Sites, site_waits
from gridlane.forecasting.waits import StayLengths
from gridlane.planning.shipped import data_folder
from gridlane.waiting.board import integral_of
from gridlane.waiting.recommending import Weights

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DAYS, WARM_UP = 3, 720.0
NEAREST = 10
METRES_A_MINUTE = 22_000.0 / 60.0
DETOUR = 1.3
LONGEST_STAY = 240
HOURS = np.array(
    [4, 3, 2, 2, 3, 6, 13, 23, 38, 52, 61, 66, 68, 67, 66, 67, 68, 66, 56, 42, 30, 21, 13, 7], dtype=float
)
"""Arrivals by hour of the day, relative."""


@dataclass(frozen=True)
class City:
    """Sites with their plugs, places where people live, and how long stays last (minutes, one each)."""

    x: Floats
    y: Floats
    plugs: Ints
    home_x: Floats
    home_y: Floats
    residents: Floats
    stays: Floats

    @property
    def survival(self) -> NDArray[np.float32]:
        return StayLengths.learned(self.stays.tolist(), weight=1.0).survival.astype(np.float32)[None, :]


@cache
def berlin() -> City:
    """Fast sites of Berlin (devices within 60 m are one), and the 300 m cells of its residents."""
    groups: dict[tuple[int, int], list[float]] = {}
    with (data_folder() / "berlin" / "stations.csv").open(newline="", encoding="utf-8") as text:
        for row in csv.DictReader(text):
            if row["kind"] == "DC":
                x, y, points = float(row["x_m"]), float(row["y_m"]), float(row["points"])
                group = groups.setdefault((round(x / 60), round(y / 60)), [0.0, 0.0, 0.0])
                for at, value in enumerate((points, points * x, points * y)):
                    group[at] += value
    with (data_folder() / "berlin" / "demand.csv").open(newline="", encoding="utf-8") as text:
        homes = np.array(
            [[float(row[name]) for name in ("x_m", "y_m", "residents")] for row in csv.DictReader(text)]
        )
    with (data_folder() / "durations" / "durations.csv").open(newline="", encoding="utf-8") as text:
        rows = [
            (float(row["minutes"]), int(row["sessions"]))
            for row in csv.DictReader(text)
            if row["set"] == "rapid"
        ]
    kept = [(minutes, count) for minutes, count in rows if minutes <= LONGEST_STAY]
    sites = np.array([[x / n, y / n, n] for n, x, y in groups.values()])
    stays = np.repeat([minutes for minutes, _ in kept], [count for _, count in kept]).astype(float)
    home_x, home_y, residents = homes.T
    return City(sites[:, 0], sites[:, 1], sites[:, 2].astype(np.int64), home_x, home_y, residents, stays)


@dataclass(frozen=True)
class Demand:
    """Drivers in order of time: when and where they look for a plug, how long they stay, and a lot that is drawn."""

    at: Floats
    x: Floats
    y: Floats
    stay: Floats
    lot: Floats
    load: float


def demand(city: City, load: float, seed: int) -> Demand:
    """``load``: busy share of all plugs in the peak hour, were they evenly used."""
    draw = np.random.default_rng(seed)
    peak = load * city.plugs.sum() / city.stays.mean()
    times = [
        60.0 * hour
        + np.sort(draw.uniform(0.0, 60.0, draw.poisson(60.0 * peak * HOURS[hour % 24] / HOURS.max())))
        for hour in range(24 * DAYS)
    ]
    at = np.concatenate(times)
    home = draw.choice(city.residents.size, at.size, p=city.residents / city.residents.sum())
    around = draw.uniform(-150.0, 150.0, (2, at.size))
    stay = draw.choice(city.stays, at.size) + draw.uniform(-0.5, 0.5, at.size)
    return Demand(
        at,
        city.home_x[home] + around[0],
        city.home_y[home] + around[1],
        stay,
        draw.uniform(size=at.size),
        load,
    )


@dataclass
class State:
    """The sites as they are, and what is told of them."""

    starts: list[list[float]]
    queue: list[list[int]]
    coming: list[dict[int, float]]
    told: list[list[tuple[tuple[float, ...], int]]] = field(default_factory=list)
    told_at: list[float] = field(default_factory=list)


Policy = Callable[["Scene", int, Ints, Floats], int]
"""Gives which of the nearest sites a driver goes to."""


@dataclass
class Scene:
    """One run: what a policy may look at."""

    city: City
    demand: Demand
    state: State
    delay: int
    followers: float
    quotes: list[tuple[int, float, float, float]] = field(default_factory=list)

    @property
    def shown(self) -> list[tuple[tuple[float, ...], int]]:
        """Starts of the stays, and people waiting, as told last (or ``delay`` minutes before)."""
        return self.state.told[max(0, len(self.state.told) - 1 - self.delay)]

    @property
    def seen_at(self) -> float:
        """When that was."""
        return self.state.told_at[max(0, len(self.state.told) - 1 - self.delay)]


@dataclass(frozen=True)
class Outcome:
    """Waits and travels of all who came after the warm-up, in minutes."""

    wait: Floats
    travel: Floats
    quoted: Floats
    """Rows of wait, low, middle, high, for those who were quoted a wait at a site without a free plug."""

    @property
    def mean(self) -> float:
        return float(self.wait.mean())

    @property
    def p95(self) -> float:
        return float(np.quantile(self.wait, 0.95))

    @property
    def long_percent(self) -> float:
        return float(100.0 * (self.wait > 10.0).mean())


def play(
    city: City,
    wanted: Demand,
    policy: Policy,
    *,
    followers: float = 1.0,
    delay: int = 0,
    idle_fee: bool = False,
) -> Outcome:
    """Let everybody come, wait, charge and leave. ``followers`` use the policy, the others go to the nearest site."""
    stay = (
        np.where(wanted.stay > 40.0, 40.0 + 0.35 * (wanted.stay - 40.0), wanted.stay)
        if idle_fee
        else wanted.stay
    )
    count = len(city.plugs)
    state = State([[] for _ in range(count)], [[] for _ in range(count)], [{} for _ in range(count)])
    scene = Scene(city, wanted, state, delay, followers)
    wait, travel = np.full(wanted.at.size, np.nan), np.zeros(wanted.at.size)
    begun, arrived = np.zeros(wanted.at.size), np.zeros(wanted.at.size)
    events = [(at, 2, driver, -1) for driver, at in enumerate(wanted.at)]
    heapq.heapify(events)
    read_at = -1.0

    def begin(driver: int, site: int, now: float) -> None:
        wait[driver], begun[driver] = now - arrived[driver], now
        insort(state.starts[site], now)
        heapq.heappush(events, (now + stay[driver], 0, driver, site))

    while events:
        now, kind, driver, site = heapq.heappop(events)
        if kind == 0:  # leaves
            state.starts[site].remove(begun[driver])
            if state.queue[site]:
                begin(state.queue[site].pop(0), site, now)
        elif kind == 1:  # arrives
            arrived[driver] = now
            if len(state.starts[site]) < city.plugs[site]:
                begin(driver, site, now)
            else:
                state.queue[site].append(driver)
        else:  # looks for a plug
            if now - read_at >= 1.0:
                state.told.append(
                    [(tuple(s), len(q)) for s, q in zip(state.starts, state.queue, strict=True)]
                )
                state.told_at.append(now)
                del state.told[:-8], state.told_at[:-8]
                read_at = np.floor(now)
            far = np.hypot(city.x - wanted.x[driver], city.y - wanted.y[driver]) * DETOUR / METRES_A_MINUTE
            near = np.argpartition(far, NEAREST)[:NEAREST]
            near = near[np.argsort(far[near])]
            asks = wanted.lot[driver] < followers
            choice = policy(scene, driver, near, far[near]) if asks else 0
            site = int(near[choice])
            travel[driver] = far[site]
            if asks:
                state.coming[site][driver] = now + far[site]
            heapq.heappush(events, (now + far[site], 1, driver, site))
    counted = (wanted.at >= WARM_UP) & ~np.isnan(wait)
    quoted = [(wait[driver], *rest) for driver, *rest in scene.quotes if counted[driver]]
    return Outcome(wait[counted], travel[counted], np.array(quoted, dtype=float).reshape(-1, 4))


def nearest(_scene: Scene, _driver: int, _near: Ints, _travel: Floats) -> int:
    return 0


def shows_free(scene: Scene, _driver: int, near: Ints, _travel: Floats) -> int:
    """The nearest that shows a free plug, else the nearest."""
    free = (at for at, site in enumerate(near) if len(scene.shown[site][0]) < scene.city.plugs[site])
    return next(free, 0)


class Recommended:
    """The product's own recommendation: its waits, its weights, with the cars on the way."""

    def __init__(self, city: City, load: float, weights: Weights = Weights()) -> None:  # noqa: B008 (immutable)
        self._weights = weights
        self._survival = city.survival
        self._integral = integral_of(self._survival)
        far = np.stack(
            [np.hypot(city.x - x, city.y - y) for x, y in zip(city.home_x, city.home_y, strict=True)]
        )
        popular = np.bincount(far.argmin(axis=1), weights=city.residents, minlength=city.plugs.size)
        self._peak = load * city.plugs.sum() / city.stays.mean() * popular / popular.sum()
        self._mean_stay = city.stays.mean()

    def __call__(self, scene: Scene, driver: int, near: Ints, travel: Floats) -> int:
        now = float(scene.demand.at[driver])
        told = [scene.shown[site] for site in near]
        plugs = scene.city.plugs[near]
        before, after = self._claims(scene, near, travel, told, now)
        state = np.zeros(int(plugs.sum()), dtype=np.int8)
        since = np.zeros(state.size)
        offset = np.concatenate(([0], plugs.cumsum()))
        for at, (starts, _) in enumerate(told):
            state[offset[at] : offset[at] + len(starts)] = 1
            since[offset[at] : offset[at] + len(starts)] = starts
        hour = int(now // 60.0) % 24
        sites = Sites(
            offset, state, since, np.zeros(state.size, dtype=np.int64), np.full(state.size, 50_000.0),
            np.zeros(near.size, dtype=np.int64), self._peak[near] * HOURS[hour] / HOURS.max(), self._survival, self._integral,
        )  # fmt: skip
        strangers = 1.0 - scene.followers
        waits = site_waits(sites, np.arange(near.size), travel, before, after, strangers, now, 0, 0.0, GRID)
        room = scene.followers * self._weights.followers + strangers * self._weights.strangers
        choice = int(np.argmin(travel + self._weights.wait * waits[:, MEAN] + room * waits[:, CROWDED]))
        if len(told[choice][0]) >= plugs[choice]:
            low, middle, high = waits[choice, [LOW, MIDDLE, HIGH]].tolist()
            scene.quotes.append((driver, low, middle, high))
        return choice

    def _claims(
        self, scene: Scene, near: Ints, travel: Floats, told: list[tuple[tuple[float, ...], int]], now: float
    ) -> tuple[Ints, Ints]:
        """Who arrives before the driver, with those who wait there, and who comes after."""
        before = np.array([waiting for _, waiting in told], dtype=np.int64)
        after = np.zeros(near.size, dtype=np.int64)
        for at, site in enumerate(near):
            coming = scene.state.coming[site]
            for other in [other for other, eta in coming.items() if eta <= now - 7.0]:
                del coming[other]
            for eta in coming.values():
                if eta <= scene.seen_at:
                    continue  # seen at a plug, or in the line
                if eta <= now + travel[at]:
                    before[at] += 1
                else:
                    after[at] += 1
        return before, after
