"""Uptime of EVSEs, sites and the network, read from the availability ledger."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.insight.model import excluded_downtime
from gridlane.insight.uptime import RULES, Exclusion, Piece, Rule, Uptime, together, uptime_of
from gridlane.insight.window import Window
from gridlane.kernel import audit
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id
from gridlane.stations import places
from gridlane.stations.availability import availability_intervals
from gridlane.stations.model import evses, sites, stations


class ExclusionUnknown(Refusal):
    code = "exclusion_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no excluded downtime {exclusion}."


class ExclusionInvalid(Refusal):
    code = "exclusion_invalid"
    kind = Kind.INVALID
    sentence = "Downtime is left out from a beginning to a later end, not from {since} to {until}."


class EvseUptime(msgspec.Struct, frozen=True, kw_only=True):
    """One EVSE's figures, and where it stands."""

    evse_id: UUID
    number: int
    public_id: str | None
    station_id: UUID
    station: str
    site_id: UUID | None
    site: str | None
    max_power: float | None
    figures: Uptime


async def of_evses(
    work: AsyncConnection, window: Window, rule: Rule, usual_zone: str, *, now: datetime | None = None
) -> list[EvseUptime]:
    """Every EVSE of the window under a rule, by site, station and number. The future does not count."""
    now = now or system_clock()
    places_ = await _evses(work, window, rule)
    if not places_:
        return []
    ids = [row["id"] for row in places_]
    first = await _first_known(work, ids)
    widest = _widest(window, {row["time_zone"] or usual_zone for row in places_}, now)
    downs = await _downs(work, ids, rule, widest)
    exclusions = await _exclusions(work, widest)
    found = []
    for row in places_:
        since, until = window.instants(row["time_zone"] or usual_zone)
        period = (since, min(until, now))
        figures = (
            uptime_of(first[row["id"]], downs.get(row["id"], []), _of_evse(exclusions, row), rule, period)
            if row["id"] in first
            else together(())
        )
        found.append(_told(row, figures))
    return found


def by_site(evses_: Sequence[EvseUptime]) -> list[dict[str, Any]]:
    """The same figures summed by site."""
    grouped: dict[UUID | None, list[EvseUptime]] = {}
    for one in evses_:
        grouped.setdefault(one.site_id, []).append(one)
    return [
        {"site_id": site_id, "site": some[0].site, "evses": len(some), **plain(together(e.figures for e in some))}
        for site_id, some in grouped.items()
    ]  # fmt: skip


def plain(figures: Uptime) -> dict[str, Any]:
    """Seconds, and the share: None where nothing was observed."""
    return {**msgspec.to_builtins(figures), "share": figures.share}


async def exclude(work: AsyncConnection, caller: Caller, described: dict[str, Any]) -> dict[str, Any]:
    """Leave downtime out of the uptime rules that allow its reason. Raises NotAllowed, ExclusionInvalid, SiteUnknown, StationUnknown."""
    caller.require(Permission.MAINTENANCE_WRITE)
    if described["since"] >= described["until"]:
        raise ExclusionInvalid(since=described["since"], until=described["until"])
    if described["station_id"] is not None:
        await places.station(work, caller, described["station_id"])
    elif described["site_id"] is not None or caller.sites is not None:
        await places.site(work, caller, described["site_id"])
    row = {
        "id": new_id(), "organization_id": caller.organization_id, "evse_id": None, "created_by": caller.name,
        "created_at": system_clock(), **described,
    }  # fmt: skip
    await work.execute(sa.insert(excluded_downtime).values(row))
    await audit.record(
        work, caller, "downtime.excluded", row["id"], after=msgspec.to_builtins(described, str_keys=True)
    )
    return row


async def include_again(work: AsyncConnection, caller: Caller, exclusion_id: UUID) -> None:
    """Let downtime count again. Raises NotAllowed, ExclusionUnknown."""
    caller.require(Permission.MAINTENANCE_WRITE)
    row = (
        await work.execute(
            sa.select(excluded_downtime.c.site_id, stations.c.site_id.label("at"))
            .join_from(
                excluded_downtime, stations, stations.c.id == excluded_downtime.c.station_id, isouter=True
            )
            .where(excluded_downtime.c.id == exclusion_id)
        )
    ).first()
    if row is None or not caller.reaches(row.at or row.site_id):
        raise ExclusionUnknown(exclusion=exclusion_id)
    await work.execute(sa.delete(excluded_downtime).where(excluded_downtime.c.id == exclusion_id))
    await audit.record(work, caller, "downtime.included", exclusion_id)


def rule_of(name: str) -> Rule:
    return RULES[name]


# --- reading -----------------------------------------------------------------------------------------------------


async def _evses(work: AsyncConnection, window: Window, rule: Rule) -> Sequence[Any]:
    query = (
        sa.select(
            evses.c.id, evses.c.number, evses.c.public_id, evses.c.max_power, evses.c.station_id,
            stations.c.name.label("station"), stations.c.site_id, sites.c.name.label("site"), sites.c.time_zone,
        )
        .join_from(evses, stations)
        .outerjoin(sites, sites.c.id == stations.c.site_id)
        .where(
            stations.c.organization_id.is_not(None),
            stations.c.approval == "accepted",
            window.within(stations.c.site_id, stations.c.id),
        )
        .order_by(sites.c.name, stations.c.name, evses.c.number)
    )  # fmt: skip
    if rule.least_power:
        query = query.where(evses.c.max_power >= rule.least_power)
    return (await work.execute(query)).mappings().all()


async def _first_known(work: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, datetime]:
    ledger = availability_intervals
    first = (
        sa.select(ledger.c.since)
        .where(ledger.c.evse_id == evses.c.id)
        .order_by(ledger.c.since)
        .limit(1)
        .scalar_subquery()
    )
    found = await work.execute(sa.select(evses.c.id, first.label("since")).where(evses.c.id.in_(ids)))
    return {row.id: row.since for row in found if row.since is not None}


async def _downs(
    work: AsyncConnection, ids: Sequence[UUID], rule: Rule, period: Piece
) -> dict[UUID, list[Piece]]:
    """The ledger has no gaps after its first interval, so what is not up is what says so."""
    ledger = availability_intervals
    query = sa.select(ledger.c.evse_id, ledger.c.since, ledger.c.until).where(
        ledger.c.evse_id.in_(ids),
        ledger.c.state.not_in(rule.up),
        ledger.c.since < period[1],
        sa.or_(ledger.c.until.is_(None), ledger.c.until > period[0]),
    )
    downs: dict[UUID, list[Piece]] = {}
    for row in await work.execute(query):
        downs.setdefault(row.evse_id, []).append((row.since, row.until or period[1]))
    return downs


async def _exclusions(work: AsyncConnection, period: Piece) -> Sequence[Any]:
    query = sa.select(excluded_downtime).where(
        excluded_downtime.c.since < period[1], excluded_downtime.c.until > period[0]
    )
    return (await work.execute(query)).mappings().all()


def _of_evse(exclusions: Sequence[Any], evse: Any) -> list[Exclusion]:
    return [
        Exclusion(one["since"], one["until"], one["reason"])
        for one in exclusions
        if one["site_id"] in (None, evse["site_id"])
        and one["station_id"] in (None, evse["station_id"])
        and one["evse_id"] in (None, evse["id"])
    ]


def _widest(window: Window, zones: set[str], now: datetime) -> Piece:
    instants = [window.instants(zone) for zone in zones]
    return min(since for since, _ in instants), min(max(until for _, until in instants), now)


def _told(row: Any, figures: Uptime) -> EvseUptime:
    return EvseUptime(
        evse_id=row["id"],
        number=row["number"],
        public_id=row["public_id"],
        station_id=row["station_id"],
        station=row["station"],
        site_id=row["site_id"],
        site=row["site"],
        max_power=row["max_power"],
        figures=figures,
    )
