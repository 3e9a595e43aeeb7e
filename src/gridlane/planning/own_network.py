"""A scenario from the own network: where cars charged, where they found everything taken, and what stands there.

Who comes while every charger of a site is taken leaves no trace. But the time a site was full is known, and so is how
often cars came while it was not; at that pace the full hours would have brought so many more. That is the lost demand.
"""

import csv
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.kernel.access import Caller
from gridlane.kernel.errors import Kind, Refusal

FAST_W = 43_000.0
"""From this power on a charger counts as DC."""

AROUND_M, STEP_M, APART_M = 1_200.0, 400.0, 200.0
"""Candidates: a lattice of this step around every site, this far, and no nearer to a site than that."""

MOST_CANDIDATES = 4_000
LEAST_SHARE = 0.02
"""Of a kind of charging in the demand, so that a kind nobody uses yet can be planned for."""


class NetworkEmpty(Refusal):
    code = "planning_network_empty"
    kind = Kind.CONFLICT
    sentence = (
        "The network shows no demand: in {days} days no session was charged at a site with a position. "
        "Give the sites their positions, or load demand as a table."
    )


@dataclass(frozen=True)
class Place:
    """One site over the days looked at."""

    id: str
    name: str
    latitude: float
    longitude: float
    slow: int
    fast: int
    sessions: int
    fast_sessions: int
    peak_share: float  # of a day's sessions, in its busiest hour
    full_share: float  # of the time, all chargers taken
    days: float

    @property
    def came(self) -> float:
        """Arrivals an hour in the busiest hour of a day, as seen."""
        return self.sessions / self.days * self.peak_share

    @property
    def lost(self) -> float:
        """Arrivals an hour that found everything taken; at most as many again as were seen."""
        full = min(self.full_share, 0.5)
        return self.came * full / (1.0 - full)


_SQL = sa.text(
    """
    WITH stays AS (
      SELECT s.site_id, s.started_at AS begun, least(coalesce(s.ended_at, s.presumed_end, :now), :now) AS over,
             coalesce(e.max_power, 0) >= :fast AS fast,
             extract(hour FROM s.started_at AT TIME ZONE coalesce(p.time_zone, 'UTC')) AS hour
      FROM sessions s JOIN sites p ON p.id = s.site_id
      LEFT JOIN evses e ON e.station_id = s.station_id AND e.number = s.evse
      WHERE s.started_at >= :since AND s.started_at < :now AND p.latitude IS NOT NULL AND p.longitude IS NOT NULL
    ), plugs AS (
      SELECT t.site_id, count(*) FILTER (WHERE coalesce(e.max_power, 0) < :fast) AS slow,
             count(*) FILTER (WHERE e.max_power >= :fast) AS fast
      FROM evses e JOIN stations t ON t.id = e.station_id WHERE t.site_id IS NOT NULL GROUP BY t.site_id
    ), steps AS (
      SELECT site_id, at, sum(step) OVER w AS taken, lead(at) OVER w AS until
      FROM (SELECT site_id, begun AS at, 1 AS step FROM stays UNION ALL SELECT site_id, over, -1 FROM stays) moves
      WINDOW w AS (PARTITION BY site_id ORDER BY at, step ROWS UNBOUNDED PRECEDING)
    ), full_time AS (
      SELECT s.site_id, sum(extract(epoch FROM s.until - s.at)) AS seconds
      FROM steps s JOIN plugs p USING (site_id) WHERE s.taken >= p.slow + p.fast GROUP BY s.site_id
    ), hours AS (
      SELECT site_id, max(n) AS most, sum(n) AS sessions, sum(fast) AS fast
      FROM (SELECT site_id, hour, count(*) AS n, count(*) FILTER (WHERE fast) AS fast
            FROM stays GROUP BY site_id, hour) per GROUP BY site_id
    )
    SELECT p.id, p.name, p.latitude, p.longitude, coalesce(c.slow, 0) AS slow, coalesce(c.fast, 0) AS fast,
           coalesce(h.sessions, 0) AS sessions, coalesce(h.fast, 0) AS fast_sessions,
           coalesce(h.most, 0) AS most, coalesce(f.seconds, 0) AS full_seconds,
           extract(epoch FROM :now - greatest(:since, p.created_at)) AS seconds
    FROM sites p LEFT JOIN plugs c ON c.site_id = p.id LEFT JOIN hours h ON h.site_id = p.id
    LEFT JOIN full_time f ON f.site_id = p.id
    WHERE p.latitude IS NOT NULL AND p.longitude IS NOT NULL ORDER BY p.name, p.id
    """
)


async def places(work: AsyncConnection, caller: Caller, since: datetime, now: datetime) -> list[Place]:
    """Every site the caller reaches that has a position."""
    found = await work.execute(_SQL, {"since": since, "now": now, "fast": FAST_W})
    return [
        place_of(dict(row), (now - since).total_seconds())
        for row in found.mappings()
        if caller.reaches(row["id"])
    ]


def place_of(row: Mapping[str, Any], window: float) -> Place:
    sessions, seconds = int(row["sessions"]), max(float(row["seconds"]), 86_400.0)
    if sessions:  # sessions may be older than the site's row, where a history was brought in
        seconds = max(seconds, min(window, 86_400.0 * 7))
    return Place(
        id=str(row["id"]),
        name=str(row["name"]),
        latitude=float(row["latitude"]),
        longitude=float(row["longitude"]),
        slow=int(row["slow"]),
        fast=int(row["fast"]),
        sessions=sessions,
        fast_sessions=int(row["fast_sessions"]),
        peak_share=int(row["most"]) / sessions if sessions else 0.0,
        full_share=min(float(row["full_seconds"]) / seconds, 1.0),
        days=seconds / 86_400.0,
    )


def scenario_of_network(
    found: list[Place], days: int, name: str, budget: float
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The page and the tables. Raises NetworkEmpty."""
    busy = [place for place in found if place.sessions]
    if not busy:
        raise NetworkEmpty(days=days)
    demand = [
        (
            place.id,
            place.longitude,
            place.latitude,
            round(place.came + place.lost, 4),
            "full at times" if place.lost else "",
        )
        for place in busy
    ]
    stations = [
        (f"{place.id}-{kind}", kind, place.longitude, place.latitude, count, kw, "upgrade")
        for place in found
        for kind, count, kw in (("AC", place.slow, 22), ("DC", place.fast, 150))
        if count
    ]
    files = {
        "demand.csv": as_csv(("id", "lon", "lat", "weight", "group"), demand),
        "candidates.csv": as_csv(("id", "lon", "lat", "kind"), list(candidates(found))[:MOST_CANDIDATES]),
        "stations.csv": as_csv(("id", "kind", "lon", "lat", "points", "max_kw", "decision"), stations),
    }
    return page_of_network(busy, days, name, budget), files


def candidates(found: list[Place]) -> Iterable[tuple[str, float, float, str]]:
    """Lattice points around the sites, the busiest site first."""
    taken: set[tuple[int, int]] = set()
    reach = int(AROUND_M // STEP_M)
    for place in sorted(found, key=lambda p: (-p.lost, -p.came, p.id)):
        east = 111_320.0 * math.cos(math.radians(place.latitude))
        north = 110_574.0
        column, row = round(place.longitude * east / STEP_M), round(place.latitude * north / STEP_M)
        for i in range(-reach, reach + 1):
            for k in range(-reach, reach + 1):
                cell = (column + i, row + k)
                x, y = cell[0] * STEP_M, cell[1] * STEP_M
                lon, lat = x / east, y / north
                if cell in taken or any(too_near(lon, lat, other, east, north) for other in found):
                    continue
                taken.add(cell)
                yield f"near {place.name} {len(taken)}", round(lon, 6), round(lat, 6), "area"


def too_near(lon: float, lat: float, place: Place, east: float, north: float) -> bool:
    return math.hypot((lon - place.longitude) * east, (lat - place.latitude) * north) < APART_M


def page_of_network(busy: list[Place], days: int, name: str, budget: float) -> dict[str, Any]:
    """Money and chargers as round assumptions, to be changed by the planner."""
    sessions = sum(place.sessions for place in busy)
    fast = sum(place.fast_sessions for place in busy) / sessions
    share = min(max(fast, LEAST_SHARE), 1.0 - LEAST_SHARE)
    lost = sum(place.lost for place in busy)
    came = sum(place.came for place in busy)
    return {
        "name": name,
        "source": (
            f"The own network, {days} days: {sessions:,} sessions at {len(busy)} sites; in the busiest hour {came:.1f} "
            f"arrivals were seen and about {lost:.1f} more found everything taken."
        ),
        "layouts": ["2 AC", "4 AC", "8 AC", "12 AC", "2 DC", "4 DC", "6 DC", "4 AC + 2 DC", "8 AC + 4 DC"],
        "tables": {"demand": "demand.csv", "candidates": "candidates.csv", "stations": "stations.csv"},
        "aim": {"objective": "service", "people": "arrivals an hour", "radius_m": 1000},
        "wait": {"share": 0.95, "minutes": 10},
        "costs": {"currency": "EUR", "ground": 8000, "upgrade": 2000, "closing": 3000, "shared_power": 0.7},
        "chargers": [
            charger("AC", 22, 5500, 400, "public_ac", 1000, (1.0 - share) * 1000),
            charger("DC", 150, 55000, 3500, "rapid", 2000, share * 1000),
        ],
        "grid": [
            {"up_to_kw": kw, "price": price}
            for kw, price in ((44, 4000), (100, 15000), (250, 40000), (630, 95000), (1260, 190000))
        ],
        "periods": [{"name": "next", "budget": budget, "demand": 1.0}],
    }  # fmt: skip


def charger(
    kind: str, kw: float, price: float, upkeep: float, stays: str, radius: float, per_thousand: float
) -> dict[str, Any]:
    return {
        "kind": kind, "kw": kw, "price": price, "upkeep": upkeep, "stays": stays, "radius_m": radius,
        "decay": "linear", "peak_arrivals_per_1000": round(per_thousand, 3),
    }  # fmt: skip


def as_csv(header: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()
