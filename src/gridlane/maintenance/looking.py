"""What the tables of state show: the conditions that rules look at, and what stations have in common.

Every query speaks of all organizations at once and finds only what is wrong, so a pass over a healthy network of ten
thousand stations is a handful of index reads. Run as the owner of the tables.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.maintenance.causes import Census, StationFacts
from gridlane.maintenance.model import fault_occurrences
from gridlane.maintenance.rules import OF_COMPONENT, RULES, Rule, of_error
from gridlane.maintenance.symptoms import Condition, Occurrence, Place
from gridlane.stations.reasons import REASONS

REMEMBERED = timedelta(days=7)
"""The longest span over which a rule counts."""

# Errors of connectors. A 2.x station names its error in an event at about the time of the status.
_ERRORS = """
SELECT s.organization_id, c.station_id, c.evse, c.number AS connector, c.status, c.status_at AS since, c.error,
  e.component, e.variable, e.tech_code, e.tech_info
FROM connectors c JOIN stations s ON s.id = c.station_id
LEFT JOIN LATERAL (
  SELECT component, variable, tech_code, tech_info FROM station_events e
  WHERE e.station_id = c.station_id AND coalesce(e.evse, c.evse) = c.evse AND NOT e.cleared
    AND e.variable IN ('Problem', 'Tripped', 'Overload', 'Fallback') AND e.value = 'true'
    AND e.received_at > c.status_at - interval '2 minutes'
  ORDER BY e.received_at DESC LIMIT 1) e ON c.error IS NULL
WHERE s.organization_id IS NOT NULL AND s.approval = 'accepted' AND (c.status = 'faulted' OR c.error IS NOT NULL)
"""

_LOST = """
SELECT s.organization_id, s.id AS station_id, s.disconnected_at AS since, s.last_seen_at
FROM stations s WHERE s.organization_id IS NOT NULL AND s.approval = 'accepted' AND NOT s.connected AND s.disconnected_at IS NOT NULL
"""

_REFUSED = """
SELECT s.organization_id, s.id AS station_id, min(h.at) AS since, sum(h.count) AS count,
  (array_agg(h.reason_code ORDER BY h.at DESC))[1] AS reason
FROM handshake_failures h JOIN stations s ON s.identity = h.identity
WHERE h.at > %(now)s - interval '10 minutes' AND s.organization_id IS NOT NULL AND s.approval = 'accepted' AND NOT s.connected
  AND (s.disconnected_at IS NULL OR h.at > s.disconnected_at)
GROUP BY s.organization_id, s.id HAVING sum(h.count) >= 2
"""

# A running session whose values stopped coming: three times the usual gap, and never within the first minute.
# A meter is silent when three periods pass without a word: of its own station, or while that has told none yet, of its
# site's. What is told at a start or when it is asked says nothing of the period.
_SILENT = """
SELECT s.organization_id, x.station_id, x.evse, x.received_at AS since, r.gap
FROM sessions x JOIN stations s ON s.id = x.station_id
JOIN LATERAL (
  SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY gap) AS gap FROM (
    SELECT r.station_id = x.station_id AS own,
      extract(epoch FROM r.received_at - lag(r.received_at) OVER (PARTITION BY r.session_id ORDER BY r.received_at)) AS gap
    FROM readings r JOIN stations n ON n.id = r.station_id
    WHERE (n.id = x.station_id OR n.site_id = s.site_id) AND r.context IN ('Sample.Periodic', 'Sample.Clock')
      AND r.received_at > x.received_at - interval '1 hour') told
  WHERE gap >= 1 GROUP BY own ORDER BY own DESC LIMIT 1) r ON r.gap IS NOT NULL
JOIN LATERAL (
  SELECT max(r.received_at) AS last FROM readings r WHERE r.station_id = x.station_id AND r.session_id = x.id
    AND r.received_at > x.received_at - interval '1 hour') l ON true
WHERE x.status = 'active' AND s.connected AND s.organization_id IS NOT NULL AND s.approval = 'accepted' AND x.received_at < %(now)s - interval '30 seconds'
  AND s.connected_at < x.received_at AND coalesce(x.charging_state, 'Charging') = 'Charging' AND coalesce(x.power, 0) > 0
  AND l.last < %(now)s - make_interval(secs => greatest(30, 3 * r.gap + 5))
"""

# It says that energy may flow, has told values since, and none flows.
_NO_ENERGY = """
SELECT s.organization_id, x.station_id, x.evse, x.energy, x.power,
  greatest(x.started_at, coalesce(e.at, c.status_at, x.started_at)) AS since
FROM sessions x JOIN stations s ON s.id = x.station_id
LEFT JOIN connectors c ON c.station_id = x.station_id AND c.evse = x.evse AND c.number = coalesce(x.connector, 1)
LEFT JOIN LATERAL (SELECT max(e.at) AS at FROM transaction_events e
  WHERE e.session_id = x.id AND e.charging_state IS NOT NULL AND e.trigger = 'ChargingStateChanged') e ON true
WHERE x.status = 'active' AND s.connected AND s.organization_id IS NOT NULL AND s.approval = 'accepted' AND NOT x.refused AND x.energy < 10
  AND coalesce(x.charging_state, CASE WHEN c.status = 'charging' THEN 'Charging' END) = 'Charging'
  AND coalesce(x.power, 0) < 100 AND x.register IS NOT NULL
  AND x.register_at > greatest(x.started_at, coalesce(e.at, c.status_at, x.started_at)) + interval '20 seconds'
"""

_STUCK = """
SELECT s.organization_id, x.station_id, x.evse, x.id AS session, greatest(c.status_at, x.started_at) AS since
FROM sessions x JOIN stations s ON s.id = x.station_id
JOIN connectors c ON c.station_id = x.station_id AND c.evse = x.evse AND c.number = coalesce(x.connector, 1)
WHERE x.status = 'active' AND s.connected AND s.organization_id IS NOT NULL AND s.approval = 'accepted' AND c.status = 'available'
  AND c.status_at > x.started_at AND x.received_at < %(now)s - interval '2 minutes'
"""

# A station's own time in the values it takes by the clock, against ours when they came.
_CLOCKS = """
SELECT s.organization_id, s.id AS station_id, r.seconds, r.since
FROM (SELECT r.station_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM r.at - r.received_at)) AS seconds,
    min(r.received_at) AS since
  FROM readings r WHERE r.received_at > %(now)s - interval '3 minutes' AND r.context = 'Sample.Periodic'
  GROUP BY r.station_id) r JOIN stations s ON s.id = r.station_id
WHERE s.organization_id IS NOT NULL AND s.approval = 'accepted' AND s.connected AND abs(r.seconds) > 60
"""


_FELL = """
SELECT s.organization_id, h.station_id, h.evse, h.power_fell_since AS since, h.signals->'power' AS power
FROM connector_health h JOIN stations s ON s.id = h.station_id
WHERE h.power_fell_since IS NOT NULL AND s.organization_id IS NOT NULL AND s.approval = 'accepted'
"""


async def conditions(work: AsyncConnection, now: datetime) -> dict[UUID, list[Condition]]:
    """What is wrong and lasts, by organization."""
    found: dict[UUID, list[Condition]] = defaultdict(list)
    for statement, make in _LOOKS:
        rows = await work.exec_driver_sql(statement, {"now": now})
        for row in rows.mappings():
            found[row["organization_id"]].append(make(dict(row)))
    return found


def _error(row: dict[str, Any]) -> Condition:
    told = row["error"] or row["tech_code"] or row["tech_info"]
    rule = of_error(told)
    if rule == "faulted":
        rule = OF_COMPONENT.get(row["component"] or "", rule)
    detail = {"error": told, "component": row["component"], "status": row["status"]}
    place = Place(row["station_id"], row["evse"], row["connector"])
    return Condition(rule, place, row["since"], {key: value for key, value in detail.items() if value})


def _lost(row: dict[str, Any]) -> Condition:
    return Condition("link_lost", Place(row["station_id"]), row["since"], {"last_seen": row["last_seen_at"]})


def _refused(row: dict[str, Any]) -> Condition:
    reason = REASONS.get(row["reason"])
    detail: dict[str, Any] = {"reason": row["reason"], "count": int(row["count"])}
    if reason is not None:
        detail |= {"sentence": reason.sentence, "remedy": reason.remedy}
    return Condition("refused_at_the_door", Place(row["station_id"]), row["since"], detail)


def _silent(row: dict[str, Any]) -> Condition:
    place = Place(row["station_id"], row["evse"] or 0)
    return Condition("silent_meter", place, row["since"], {"usual_seconds": round(float(row["gap"]))})


def _no_energy(row: dict[str, Any]) -> Condition:
    place = Place(row["station_id"], row["evse"] or 0)
    return Condition("no_energy", place, row["since"], {"energy": row["energy"], "power": row["power"]})


def _stuck(row: dict[str, Any]) -> Condition:
    place = Place(row["station_id"], row["evse"] or 0)
    return Condition("stuck_session", place, row["since"], {"session": str(row["session"])})


def _clock(row: dict[str, Any]) -> Condition:
    return Condition(
        "clock_wrong", Place(row["station_id"]), row["since"], {"seconds": round(float(row["seconds"]))}
    )


def _fell(row: dict[str, Any]) -> Condition:
    told = {name: round(math.exp(row["power"][name])) for name in ("usual", "recent")}
    place = Place(row["station_id"], row["evse"])
    return Condition(
        "power_fell", place, row["since"], {"usual_watts": told["usual"], "recent_watts": told["recent"]}
    )


_LOOKS = (
    (_ERRORS, _error),
    (_LOST, _lost),
    (_REFUSED, _refused),
    (_SILENT, _silent),
    (_NO_ENERGY, _no_energy),
    (_STUCK, _stuck),
    (_CLOCKS, _clock),
    (_FELL, _fell),
)


async def occurrences(work: AsyncConnection, now: datetime) -> dict[UUID, list[Occurrence]]:
    """What happened lately, by organization, at the stations where some rule may have counted enough."""
    table = fault_occurrences
    suspects = sa.union(*(_suspects(rule, now) for rule in RULES.values() if rule.counts)).subquery()
    rows = await work.execute(
        sa.select(table).where(
            table.c.at > now - REMEMBERED, table.c.station_id.in_(sa.select(suspects.c.station_id))
        )
    )
    found: dict[UUID, list[Occurrence]] = defaultdict(list)
    for row in rows.mappings():
        place = Place(row["station_id"], row["evse"])
        found[row["organization_id"]].append(Occurrence(row["kind"], place, row["at"], row["detail"]))
    return found


def _suspects(rule: Rule, now: datetime) -> sa.Select[Any]:
    table = fault_occurrences
    return (
        sa.select(table.c.station_id)
        .where(table.c.kind.in_(rule.counts), table.c.at > now - rule.within)
        .group_by(table.c.station_id)
        .having(sa.func.count() >= rule.times)
    )


_CENSUS = """
SELECT s.id, s.site_id, nullif(concat_ws(' ', s.vendor, s.model, s.firmware), '') AS model,
  substring(s.modem FROM '^[0-9]{5,7}') AS carrier, nullif(s.address, '') AS address
FROM stations s WHERE s.organization_id = %(organization)s AND s.organization_id IS NOT NULL AND s.approval = 'accepted' AND s.last_seen_at IS NOT NULL
"""

_LAST_ADDRESSES = """
SELECT DISTINCT ON (aggregate_id) aggregate_id, (fact::jsonb)->>'address' AS address FROM facts
WHERE kind = 'station_connected' AND aggregate_id = ANY(%(stations)s) ORDER BY aggregate_id, position DESC
"""


async def census(work: AsyncConnection, organization_id: UUID, lost: Sequence[UUID]) -> Census:
    """The organization's stations in service. What network a lost station was on is known from its last connection."""
    rows = (await work.exec_driver_sql(_CENSUS, {"organization": organization_id})).mappings().all()
    addresses: dict[UUID, str] = {}
    if lost:
        last = await work.exec_driver_sql(_LAST_ADDRESSES, {"stations": list(lost)})
        addresses = {row.aggregate_id: row.address for row in last}
    return Census(
        {
            row["id"]: StationFacts(
                id=row["id"],
                site_id=row["site_id"],
                model=row["model"],
                address=row["address"] or addresses.get(row["id"]),
                carrier=row["carrier"],
            )
            for row in rows
        }
    )


_EARNED = """
SELECT b.currency, sum(b.net + b.tax) AS earned
FROM sessions x JOIN LATERAL (
  SELECT net, tax, currency FROM bills b WHERE b.session_id = x.id ORDER BY revision DESC LIMIT 1) b ON true
WHERE x.station_id = ANY(%(stations)s) AND x.started_at > %(since)s
GROUP BY b.currency ORDER BY earned DESC LIMIT 1
"""
USUAL = timedelta(days=28)


async def usual_takings(
    work: AsyncConnection, stations: Iterable[UUID], now: datetime
) -> tuple[Decimal, str] | None:
    """What these stations usually earn in an hour, by the bills of four weeks; None where nothing was billed."""
    rows = await work.exec_driver_sql(_EARNED, {"stations": list(stations), "since": now - USUAL})
    row = rows.first()
    if row is None:
        return None
    hours = Decimal(int(USUAL.total_seconds() // 3600))
    return (row.earned / hours).quantize(Decimal("0.0001")), row.currency
