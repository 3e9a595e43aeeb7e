"""The circuits of the demo's sites: a grid connection smaller than all that hangs on it, so that power is shared."""

from typing import Any
from uuid import UUID
from zlib import crc32

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.app.demo.network import DemoSite
from gridlane.energy.model import circuit_evses, circuits, energy_sites
from gridlane.energy.settings import Policy, Settings, Source
from gridlane.energy.trees import EFFICIENCY
from gridlane.kernel.clock import system_clock
from gridlane.kernel.ids import new_id
from gridlane.stations.model import evses, stations

FUSES = (32, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000, 1250, 1600, 2000, 2500)
"""Rated currents of fuses and breakers, A (IEC 60269, IEC 60898)."""
SIMULTANEITY = 0.3
"""The share of all ratings that a connection of the demo carries."""
VOLTAGE = 230.0
LEAST = 6.0
DAY_AHEAD = (
    0.24, 0.23, 0.22, 0.21, 0.22, 0.25, 0.30, 0.36, 0.37, 0.31, 0.25, 0.20,
    0.17, 0.16, 0.18, 0.23, 0.29, 0.36, 0.41, 0.42, 0.38, 0.33, 0.29, 0.26,
)  # fmt: skip
"""A made-up day of prices with the usual shape, EUR/kWh by local hour: cheap at noon, dear in the evening."""
CARBON = (
    0.33, 0.32, 0.32, 0.32, 0.33, 0.35, 0.38, 0.39, 0.35, 0.29, 0.24, 0.20,
    0.18, 0.18, 0.20, 0.24, 0.30, 0.37, 0.41, 0.42, 0.41, 0.39, 0.36, 0.34,
)  # fmt: skip
"""The same for kg CO2 per kWh."""


async def wire(
    work: AsyncConnection, organization_id: UUID, site_id: UUID, site: DemoSite
) -> dict[str, float]:
    """A connection with a feeder for each kind of station; sites with a single plug share nothing and get none.

    Gives the fallback of each EVSE by the kind of its station, in A: what electricians leave in the stations.
    """
    leaves = [
        (evse_id, station)
        for station in site.stations
        for evse_id in (
            await work.execute(
                sa.select(evses.c.id)
                .join(stations, stations.c.id == evses.c.station_id)
                .where(stations.c.identity == station.identity)
                .order_by(evses.c.number)
            )
        ).scalars()
    ]
    if len(leaves) < 2:
        return {}
    ratings = {evse_id: _rating(station.power, station.kind) for evse_id, station in leaves}
    await work.execute(
        sa.insert(energy_sites).values(
            site_id=site_id,
            organization_id=organization_id,
            settings=msgspec.to_builtins(_settings(site)),
            changed_at=system_clock(),
        )
    )
    tenant = {"organization_id": organization_id, "site_id": site_id}
    connection = new_id()
    rows = [_circuit(connection, None, "connection", "Grid connection", _fuse(sum(ratings.values())))]
    feeders: dict[str, UUID] = {}
    kinds = sorted({station.kind for _, station in leaves})
    if len(kinds) > 1:
        for kind in kinds:
            feeders[kind] = new_id()
            drawn = sum(ratings[evse_id] for evse_id, station in leaves if station.kind == kind)
            rows.append(_circuit(feeders[kind], connection, "feeder", f"{kind} feeder", _fuse(1.4 * drawn)))
    await work.execute(sa.insert(circuits), [row | tenant for row in rows])
    at_lowest = min(row["current"] for row in rows) * 0.95
    fallbacks = {"AC": LEAST if LEAST * len(leaves) <= 0.4 * at_lowest else 0.0, "DC": 0.0}
    await work.execute(
        sa.insert(circuit_evses),
        [
            {
                **tenant,
                "evse_id": evse_id,
                "circuit_id": feeders.get(station.kind, connection),
                "rating": ratings[evse_id],
                "minimum": LEAST if station.kind == "AC" else 1.0,
                "fallback": fallbacks[station.kind],
                "converter_power": None if station.kind == "AC" else station.power,
                "converter_efficiency": None if station.kind == "AC" else EFFICIENCY,
            }
            for evse_id, station in leaves
        ],
    )
    return fallbacks


def _settings(site: DemoSite) -> Settings:
    """Every third site goes by price."""
    policy = (Policy.EQUAL, Policy.EQUAL, Policy.COST)[crc32(site.name.encode()) % 3]
    return Settings(
        policy=policy,
        price=Source(kind="daily", settings={"values": list(DAY_AHEAD), "time_zone": "Europe/Berlin"}),
        co2=Source(kind="daily", settings={"values": list(CARBON), "time_zone": "Europe/Berlin"}),
    )


def _circuit(id_: UUID, parent: UUID | None, kind: str, name: str, current: float) -> dict[str, Any]:
    return {"id": id_, "parent_id": parent, "kind": kind, "name": name, "current": current, "reserve": 0.05}


def _rating(power: float, kind: str) -> float:
    taken = power / EFFICIENCY if kind == "DC" else power
    return round(taken / (3 * VOLTAGE) + 0.05, 1)


def _fuse(sum_of_ratings: float) -> float:
    wanted = SIMULTANEITY * sum_of_ratings
    return float(next((each for each in FUSES if each >= wanted), FUSES[-1]))
