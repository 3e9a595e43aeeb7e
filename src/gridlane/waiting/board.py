"""All public plugs as arrays in memory, so that the best place for a driver is found without asking anybody.

The tables are read now and then by a thread; between two readings the live messages of the gateways move single plugs. A car
on its way is told over the bus by whoever sends it, and forgotten once it is there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import numpy as np
from numpy.typing import NDArray

from gridlane.forecasting.compiled_waits import (
    BUSY,
    CROWDED,
    FREE,
    FREE_CHANCE,
    GRID,
    HIGH,
    LOW,
    MEAN,
    MIDDLE,
    OUT,
    PLUGS,
    POWER,
    Sites,
    site_waits,
)
from gridlane.forecasting.waits import LONGEST
from gridlane.kernel.bus import Bus
from gridlane.kernel.clock import Clock
from gridlane.waiting.needs import Needs
from gridlane.waiting.outlook import OUT as OUT_STATES
from gridlane.waiting.outlook import Outlook
from gridlane.waiting.recommending import Weights, charging_minutes, costs, kilometres, travel_minutes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NEAREST = 40
"""Sites that are looked at closely for one driver."""
SUBJECT = "journeys"
KNOWN_SHARE = 0.6
"""Share of drivers who ask before they come, until it is measured."""
UNKNOWN_KIND = 62
PATIENCE = 2.0
"""Minutes after its time at which a car has come (and is seen at its plug), or does not come."""


class Wish(NamedTuple):
    """Where a driver is and what the car takes: energy in Wh, its most power in W; weights for what matters."""

    latitude: float
    longitude: float
    needs: Needs = Needs()
    energy: float = 20_000.0
    vehicle_power: float = 150_000.0
    most: int = 5


class Choice(msgspec.Struct, frozen=True):
    """A place for a driver now, with what it costs in minutes and why."""

    site_id: UUID
    travel: float
    kilometres: float
    free_chance: float
    low: float
    middle: float
    high: float
    charging: float
    price: float | None
    cost: float
    coming: int
    max_power: float


class Journey(msgspec.Struct, frozen=True):
    """A car on its way to a site; it arrives at ``arrives_at`` (seconds since 1970), or has given up."""

    id: UUID
    site_id: UUID
    arrives_at: float
    given_up: bool = False


@dataclass
class Plan:
    """The arrays; a new one replaces the old at once."""

    site_ids: list[UUID]
    latitude: Floats
    longitude: Floats
    sites: Sites
    queued: Ints
    price: Floats
    """Of a kWh; not a number where it is unknown."""
    plug_of: dict[tuple[str, str], int] = field(default_factory=dict)
    """Station and EVSE number -> plug."""
    kind_bits: dict[str, int] = field(default_factory=dict)

    def bits(self, needs: Needs) -> int:
        """The connector types as a mask; one that no plug has matches none."""
        return sum(1 << self.kind_bits.get(kind, UNKNOWN_KIND) for kind in needs.connectors)


class Board:
    """Answers ``best`` from memory."""

    def __init__(self, clock: Clock, weights: Weights = Weights()) -> None:  # noqa: B008 (immutable)
        self._clock = clock
        self._weights = weights
        self.plan: Plan | None = None
        self._journeys: dict[UUID, Journey] = {}
        self._coming: dict[UUID, dict[UUID, float]] = {}
        self._index: dict[UUID, int] = {}

    # --- what becomes known --------------------------------------------------------------------------------------

    def put(self, plan: Plan) -> None:
        self._index = {site_id: number for number, site_id in enumerate(plan.site_ids)}
        self.plan = plan

    async def follow(self, bus: Bus) -> None:
        await bus.subscribe("live.>", lambda _subject, payload: self.heard(payload))
        await bus.subscribe(SUBJECT, lambda _subject, payload: self.told(_decode_journey(payload)))

    def heard(self, payload: bytes) -> None:
        """A difference of the live state (``stations.live``)."""
        plan = self.plan
        if plan is None:
            return
        now = self._clock().timestamp() / 60.0
        for station_id, station in _decode_live(payload).stations.items():
            for number, evse in station.evses.items():
                at = plan.plug_of.get((station_id, number))
                if at is None:
                    continue
                state = code_of(evse.state)
                if plan.sites.state[at] != state:
                    plan.sites.state[at] = state
                    plan.sites.since[at] = now

    def told(self, journey: Journey) -> None:
        """A car is on its way, or has given up."""
        self._coming.get(journey.site_id, {}).pop(journey.id, None)
        if not journey.given_up:
            self._coming.setdefault(journey.site_id, {})[journey.id] = journey.arrives_at

    # --- what is asked -------------------------------------------------------------------------------------------

    def best(self, wish: Wish) -> list[Choice]:
        """The best places, best first."""
        plan = self.plan
        if plan is None or not plan.site_ids:
            return []
        now = self._clock().timestamp()
        km = kilometres(wish.latitude, wish.longitude, plan.latitude, plan.longitude)
        chosen = np.argpartition(km, NEAREST)[:NEAREST] if km.size > NEAREST else np.arange(km.size)
        travel = travel_minutes(km[chosen])
        waits, coming = self._waits(plan, chosen, travel, wish.needs, now)
        charging = charging_minutes(wish.energy, waits[:, POWER], wish.vehicle_power)
        price = plan.price[chosen] * wish.energy / 1000.0
        dear = np.where(np.isnan(price), _usual(price), price)
        cost = costs(travel, waits[:, MEAN], waits[:, CROWDED], charging, dear, self._weights, KNOWN_SHARE)
        cost[waits[:, PLUGS] == 0] = np.inf
        order = [at for at in np.argsort(cost)[: wish.most].tolist() if np.isfinite(cost[at])]
        return [
            Choice(
                site_id=plan.site_ids[int(chosen[at])],
                travel=round(float(travel[at]), 1),
                kilometres=round(float(km[chosen[at]]), 1),
                free_chance=round(float(waits[at, FREE_CHANCE]), 3),
                low=round(float(waits[at, LOW]), 1),
                middle=round(float(waits[at, MIDDLE]), 1),
                high=round(float(waits[at, HIGH]), 1),
                charging=round(float(charging[at]), 1),
                price=None if np.isnan(price[at]) else round(float(price[at]), 2),
                cost=round(float(cost[at]), 1),
                coming=coming[at],
                max_power=float(waits[at, POWER]),
            )
            for at in order
        ]

    def _waits(
        self, plan: Plan, chosen: Ints, travel: Floats, needs: Needs, now: float
    ) -> tuple[Floats, list[int]]:
        before, after = plan.queued[chosen].copy(), np.zeros(chosen.size, dtype=np.int64)
        coming = [0] * chosen.size
        for at, site in enumerate(chosen.tolist()):
            for arrives_at in self._on_the_way(plan.site_ids[site], now):
                coming[at] += 1
                if arrives_at <= now + 60.0 * travel[at]:
                    before[at] += 1
                else:
                    after[at] += 1
        asked = plan.bits(needs), needs.min_power, GRID
        waits = site_waits(plan.sites, chosen, travel, before, after, 1.0 - KNOWN_SHARE, now / 60.0, *asked)
        return waits, coming

    def _on_the_way(self, site_id: UUID, now: float) -> Iterable[float]:
        journeys = self._coming.get(site_id)
        if not journeys:
            return ()
        for id_ in [id_ for id_, at in journeys.items() if at < now - 60.0 * PATIENCE]:
            del journeys[id_]
        return journeys.values()


def _usual(price: Floats) -> float:
    """What stands for an unknown price: neither cheap nor dear."""
    known = price[~np.isnan(price)]
    return float(known.mean()) if known.size else 0.0


def code_of(state: str) -> int:
    if state == "available":
        return FREE
    return OUT if state in OUT_STATES else BUSY


class _LiveEvse(msgspec.Struct):
    state: str


class _LiveStation(msgspec.Struct):
    evses: dict[str, _LiveEvse] = {}


class _Live(msgspec.Struct):
    stations: dict[str, _LiveStation] = {}


_decode_live = msgspec.json.Decoder(_Live).decode
_decode_journey = msgspec.json.Decoder(Journey).decode


def plan_of(outlook: Outlook, prices: Mapping[UUID, float], now: datetime) -> Plan:
    """The arrays of what an outlook knows."""
    sites = list(outlook.sites.values())
    plugs = [plug for site in sites for plug in site.plugs]
    bits: dict[str, int] = {}
    for plug in plugs:
        for kind in plug.connectors:
            bits.setdefault(kind, len(bits) % 62)
    rows, survival = _habit_rows(outlook)
    return Plan(
        site_ids=[site.id for site in sites],
        latitude=np.array([site.latitude for site in sites], dtype=float),
        longitude=np.array([site.longitude for site in sites], dtype=float),
        sites=Sites(
            offset=np.concatenate(([0], np.cumsum([len(site.plugs) for site in sites]))).astype(np.int64),
            state=np.array([code_of(plug.state) for plug in plugs], dtype=np.int8),
            since=np.array([(plug.since or now).timestamp() / 60.0 for plug in plugs], dtype=float),
            kinds=np.array(
                [sum(1 << bits[kind] for kind in plug.connectors) for plug in plugs], dtype=np.int64
            ),
            power=np.array([plug.max_power for plug in plugs], dtype=float),
            habit=np.array(rows, dtype=np.int64),
            arrivals=np.array([outlook.arrivals(site, now) for site in sites], dtype=float),
            survival=survival,
            integral=integral_of(survival),
        ),
        queued=np.array([site.queued for site in sites], dtype=np.int64),
        price=np.array([prices.get(site.id, np.nan) for site in sites], dtype=float),
        plug_of={(str(plug.station_id), str(plug.number)): number for number, plug in enumerate(plugs)},
        kind_bits=bits,
    )


def integral_of(survival: NDArray[np.float32]) -> NDArray[np.float32]:
    """Minutes a stay lasts within each number of minutes."""
    zero = np.zeros((survival.shape[0], 1), dtype=np.float32)
    return np.concatenate((zero, survival.cumsum(axis=1)[:, :-1]), axis=1).astype(np.float32)


def _habit_rows(outlook: Outlook) -> tuple[list[int], NDArray[np.float32]]:
    """Each site's row of survival; sites that are forecast from their kind share one."""
    rows: list[int] = []
    known: dict[int, int] = {}
    survival: list[Any] = []
    for site in outlook.sites.values():
        lengths = outlook.lengths_of(site)
        if id(lengths) not in known:
            known[id(lengths)] = len(survival)
            survival.append(lengths.survival.astype(np.float32))
        rows.append(known[id(lengths)])
    empty = np.ones((1, LONGEST + 1), dtype=np.float32)
    return rows, np.stack(survival) if survival else empty
