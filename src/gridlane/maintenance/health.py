"""The health of connectors, learned from every charge that ends; kept in one row per EVSE."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.charging.ending import SessionEnded
from gridlane.kernel.database import Database
from gridlane.kernel.facts import Recorded
from gridlane.maintenance.drift import Charge, Health, after, score
from gridlane.maintenance.hearing import EMPTY, LONG_ENOUGH
from gridlane.maintenance.model import connector_health, fault_occurrences

LINKS_OVER = timedelta(days=7)

# A limit in A holds for each phase: those that the vehicle was seen to use.
_CHARGES = """
SELECT x.id, x.station_id, x.organization_id, x.evse, x.token_id, x.energy, r.peak, r.temperature, r.soc, e.max_power AS rating,
  extract(epoch FROM x.ended_at - x.started_at) AS seconds, v.vehicle,
  (SELECT max((p->>'limit')::float *
      CASE o.params::jsonb #>> '{profile,unit}' WHEN 'W' THEN 1 ELSE 230 * coalesce(x.phases_used, r.phases, 3) END)
    FROM operations o, jsonb_array_elements(o.params::jsonb #> '{profile,periods}') p
    WHERE o.station_id = x.station_id AND o.kind = 'set_charging_profile'
      AND o.sent_at BETWEEN x.started_at - %(still)s AND x.ended_at AND (o.params::jsonb ->> 'evse')::int = x.evse) AS "limit"
FROM sessions x
LEFT JOIN evses e ON e.station_id = x.station_id AND e.number = x.evse
LEFT JOIN LATERAL (
  SELECT max(power) AS peak, max(temperature) AS temperature, min(soc) AS soc,
    nullif((max(current_l1) > 1)::int + (max(current_l2) > 1)::int + (max(current_l3) > 1)::int, 0) AS phases
  FROM readings r
  WHERE r.station_id = x.station_id AND r.session_id = x.id AND r.received_at >= x.first_received_at
    AND r.received_at <= x.received_at + interval '1 minute') r ON true
LEFT JOIN LATERAL (
  SELECT min(CASE WHEN e.max_power > %(largest_ac)s THEN dc_power ELSE ac_power END) AS vehicle
  FROM vehicles WHERE person_id = x.person_id) v ON true
WHERE x.id = ANY(%(sessions)s) AND x.evse > 0 AND x.organization_id IS NOT NULL ORDER BY x.ended_at
"""
HOLDS_STILL = timedelta(minutes=30)
"""A limit that was sent so long before a charge may still hold when it begins."""
LARGEST_AC = 43_500.0  # W: 63 A on three phases; what gives more is DC


async def learn(work: AsyncConnection, recorded: Sequence[Recorded], now: datetime) -> None:
    """Learn from the charges whose end these facts tell."""
    ids = [
        fact.session_id for one in recorded if isinstance(fact := one.fact, SessionEnded) and not fact.refused
    ]
    if not ids:
        return
    asked = {"sessions": ids, "still": HOLDS_STILL, "largest_ac": LARGEST_AC}
    told_of = await work.exec_driver_sql(_CHARGES, asked)
    charges = [dict(row) for row in told_of.mappings()]
    known = await _known(work, {(row["station_id"], row["evse"]) for row in charges})
    told: dict[tuple[UUID, int], dict[str, Any]] = {}
    for row in charges:
        charge = _charge(row)
        if charge is None:
            continue
        key = (row["station_id"], row["evse"])
        before, links, since = known.get(key, (Health(), 0.0, None))
        health = after(before, charge)
        since = (since or now) if health.power.fell else None
        known[key] = (health, links, since)
        told[key] = _row(row, health, links, since, now)
    if told:
        statement = insert(connector_health).values(list(told.values()))
        same = {
            name: statement.excluded[name]
            for name in ("signals", "score", "taken", "power_fell_since", "updated_at")
        }
        await work.execute(
            statement.on_conflict_do_update(constraint=connector_health.primary_key, set_=same)
        )  # fmt: skip


def _charge(row: Mapping[str, Any]) -> Charge | None:
    """None for a stay that tells nothing: somebody left before anything could flow."""
    delivered = row["energy"] >= EMPTY
    if not delivered and (row["seconds"] or 0) < LONG_ENOUGH:
        return None
    told = {name: row[name] for name in ("peak", "temperature", "limit", "vehicle", "soc", "rating")}
    return Charge(delivered=delivered, who=row["token_id"] and row["token_id"].hex[-8:], **told)


def _row(
    row: Mapping[str, Any], health: Health, links: float, since: datetime | None, now: datetime
) -> dict[str, Any]:
    points, taken = score(health, links)
    return {
        "station_id": row["station_id"],
        "evse": row["evse"],
        "organization_id": row["organization_id"],
        "signals": msgspec.to_builtins(health),
        "links_a_day": links,
        "score": points,
        "taken": taken,
        "power_fell_since": since,
        "updated_at": now,
    }


async def _known(
    work: AsyncConnection, keys: Iterable[tuple[UUID, int]]
) -> dict[tuple[UUID, int], tuple[Health, float, datetime | None]]:
    table = connector_health
    where = sa.tuple_(table.c.station_id, table.c.evse).in_(list(keys))
    return {
        (row.station_id, row.evse): (
            msgspec.convert(row.signals, Health),
            row.links_a_day,
            row.power_fell_since,
        )
        for row in (await work.execute(sa.select(table).where(where))).all()
    }


async def count_links(database: Database, now: datetime) -> None:
    """How often each station connects a day, over a week, and the scores that follow."""
    occurrences, table = fault_occurrences, connector_health
    async with database.as_owner() as work:
        counted = await work.execute(
            sa.select(occurrences.c.station_id, sa.func.count().label("n"))
            .where(occurrences.c.kind == "connected", occurrences.c.at > now - LINKS_OVER)
            .group_by(occurrences.c.station_id)
        )
        links = {row.station_id: row.n / LINKS_OVER.days for row in counted.all()}
        for row in (await work.execute(sa.select(table))).mappings().all():
            a_day = links.get(row["station_id"], 0.0)
            if abs(a_day - row["links_a_day"]) < 0.1:
                continue
            points, taken = score(msgspec.convert(row["signals"], Health), a_day)
            where = sa.and_(table.c.station_id == row["station_id"], table.c.evse == row["evse"])
            values = {"links_a_day": a_day, "score": points, "taken": taken}
            await work.execute(sa.update(table).where(where).values(values))
