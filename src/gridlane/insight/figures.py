"""The figures of a network, a site or a station over days: use, energy, money, starts, uptime, waste, carbon."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.billing.model import bills
from gridlane.charging.model import authorizations, sessions, start_requests
from gridlane.insight import assuming, uptimes
from gridlane.insight.attempts import Outcome, Starts, Try, starts
from gridlane.insight.model import session_hours
from gridlane.insight.uptime import RULES, together
from gridlane.insight.waste import DIRECT_CURRENT, SiteUse, Waste, best_actions, waste
from gridlane.insight.window import Window
from gridlane.kernel.clock import system_clock
from gridlane.stations.model import evses, operations, sites, stations

DELIVERED = 100.0
"""Wh from which a session is one: less is a plug that was tried."""
Step = Literal["hour", "day", "week", "month"]
ROUND = timedelta(days=1)  # the widest that local days lie off from UTC


class Revenue(msgspec.Struct, frozen=True):
    """Net of taxes, of sessions that ended in the window."""

    currency: str
    net: Decimal
    sessions: int


async def totals(work: AsyncConnection, window: Window, zone: str) -> dict[str, Any]:
    """All figures of the window in one object. Wh, s, W; money as decimals beside its currency."""
    used = await _used(work, window)
    evse_uptimes = await uptimes.of_evses(work, window, RULES["nevi"], zone)
    up = together(one.figures for one in evse_uptimes)
    sold = await revenue(work, window, zone)
    by_site = await site_uses(work, window, zone, evse_uptimes)
    wastes = [waste(site) for site in by_site]
    assumed = {site.site_id: site.assumed for site in by_site}
    began = await started(work, window, zone)
    bought = {
        site.site_id: site.energy_alternating + site.energy_direct + one.standby + one.conversion
        for site, one in zip(by_site, wastes, strict=True)
    }
    cost = sum((_price(bought[site], assumed[site].electricity_price) for site in bought), Decimal(0))
    currency = sold[0].currency if sold else next((one.currency for one in assumed.values()), "EUR")
    net = sold[0].net if sold else Decimal(0)
    return {
        **used,
        "evses": len(evse_uptimes),
        "observed": up.observed,
        "utilisation": used["occupied"] / up.observed if up.observed else None,
        "uptime": up.share,
        "currency": currency,
        "revenue": net,
        "revenues": sold,
        "cost": cost,
        "profit": net - cost,
        "starts": {**msgspec.to_builtins(began), "share": began.share},
        "waste": _summed(wastes),
        "carbon": sum(bought[site] / 1000 * assumed[site].carbon for site in bought),
        "carbon_spared": sum(
            (site.energy_alternating + site.energy_direct) / 1000 * site.assumed.carbon_of_driving
            for site in by_site
        ),
    }


async def _used(work: AsyncConnection, window: Window) -> dict[str, Any]:
    hours = session_hours
    query = sa.select(
        sa.func.coalesce(sa.func.sum(hours.c.energy), 0.0).label("energy"),
        sa.func.count().filter(hours.c.begins).label("sessions"),
        sa.func.coalesce(sa.func.sum(hours.c.occupied), 0.0).label("occupied"),
        sa.func.coalesce(sa.func.sum(hours.c.charging), 0.0).label("charging"),
        sa.func.max(hours.c.peak_power).label("peak_power"),
    ).where(_of(window))
    row = (await work.execute(query)).mappings().one()
    return dict(row)


async def course(work: AsyncConnection, window: Window, zone: str, step: Step) -> list[dict[str, Any]]:
    """Energy, sessions and times by ``step``; every step of the window, also those without anything."""
    hours = session_hours
    at = _step_of(step)
    query = (
        sa.select(
            at.label("at"),
            sa.func.sum(hours.c.energy).label("energy"),
            sa.func.count().filter(hours.c.begins).label("sessions"),
            sa.func.sum(hours.c.occupied).label("occupied"),
            sa.func.sum(hours.c.charging).label("charging"),
        )
        .where(_of(window))
        .group_by(at)
    )
    found = {row["at"]: dict(row) for row in (await work.execute(query)).mappings()}
    money = await _revenue_course(work, window, zone, step)
    return [
        {
            **(found.get(one) or {"energy": 0.0, "sessions": 0, "occupied": 0.0, "charging": 0.0}),
            "at": one,
            "revenue": money.get(one, Decimal(0)),
        }
        for one in _steps(window, step)
    ]


async def week(work: AsyncConnection, window: Window, zone: str) -> list[list[float]]:
    """Seven days (Monday first) of 24 hours: the share of EVSEs occupied, on the sites' clocks."""
    hours = session_hours
    weekday = sa.func.extract("isodow", hours.c.day)
    query = (
        sa.select(weekday, hours.c.clock_hour, sa.func.sum(hours.c.occupied))
        .where(_of(window))
        .group_by(weekday, hours.c.clock_hour)
    )
    occupied = {(int(day), hour): seconds for day, hour, seconds in await work.execute(query)}
    up = await uptimes.of_evses(work, window, RULES["nevi"], zone)
    observed = sum(one.figures.observed for one in up)
    # EVSEs in service on average, over the days that were seen of the window
    seen = min(window.days, max(1, (system_clock().date() - window.since).days + 1))
    evses_ = observed / (seen * 86400) if seen else 0
    counts = [_weekdays(window.since, seen, day) for day in range(1, 8)]
    return [
        [
            min(1.0, occupied.get((day, hour), 0.0) / (evses_ * counts[day - 1] * 3600))
            if evses_ and counts[day - 1]
            else 0.0
            for hour in range(24)
        ]
        for day in range(1, 8)
    ]


async def revenue(work: AsyncConnection, window: Window, zone: str) -> list[Revenue]:
    """By currency, the largest first."""
    billed = _billed(window, zone).subquery()
    query = (
        sa.select(billed.c.currency, sa.func.sum(billed.c.net), sa.func.count())
        .group_by(billed.c.currency)
        .order_by(sa.func.sum(billed.c.net).desc())
    )
    return [Revenue(currency, net, count) for currency, net, count in await work.execute(query)]


async def started(work: AsyncConnection, window: Window, zone: str) -> Starts:
    """First-attempt start success of the window."""
    return starts(await _tries(work, window, zone))


async def site_uses(
    work: AsyncConnection, window: Window, zone: str, evse_uptimes: Sequence[uptimes.EvseUptime] | None = None
) -> list[SiteUse]:
    """What each site did in the window, for ``waste``."""
    known = evse_uptimes or await uptimes.of_evses(work, window, RULES["nevi"], zone)
    assumed = await assuming.read(work)
    used = await _used_by_site(work, window)
    sold = await _revenue_by_site(work, window, zone)
    grouped: dict[UUID | None, list[uptimes.EvseUptime]] = {}
    for one in known:
        grouped.setdefault(one.site_id, []).append(one)
    return [_site_use(site, some, used.get(site, _UNUSED), sold.get(site), assumed) for site, some in grouped.items()]  # fmt: skip


async def wastes(work: AsyncConnection, window: Window, zone: str) -> dict[str, Any]:
    """Losses by site, the largest first, and the three actions that would save most."""
    uses = await site_uses(work, window, zone)
    return {
        "items": sorted((waste(site) for site in uses), key=lambda one: one.lost, reverse=True),
        "actions": best_actions(uses),
    }


async def by_place(
    work: AsyncConnection, window: Window, zone: str, by: Literal["site", "station"]
) -> list[dict[str, Any]]:
    """Figures of each site or station, by energy."""
    hours = session_hours
    key = hours.c.site_id if by == "site" else hours.c.station_id
    table = sites if by == "site" else stations
    query = (
        sa.select(
            table.c.id, table.c.name, sa.func.sum(hours.c.energy).label("energy"),
            sa.func.count().filter(hours.c.begins).label("sessions"),
            sa.func.sum(hours.c.occupied).label("occupied"), sa.func.sum(hours.c.charging).label("charging"),
        )
        .join_from(hours, table, table.c.id == key)
        .where(_of(window))
        .group_by(table.c.id, table.c.name)
        .order_by(sa.func.sum(hours.c.energy).desc())
    )  # fmt: skip
    rows = [dict(row) for row in (await work.execute(query)).mappings()]
    up = await uptimes.of_evses(work, window, RULES["nevi"], zone)
    observed: dict[UUID | None, list[uptimes.EvseUptime]] = {}
    for one in up:
        observed.setdefault(one.site_id if by == "site" else one.station_id, []).append(one)
    for row in rows:
        sums = together(one.figures for one in observed.get(row["id"], []))
        row["uptime"] = sums.share
        row["utilisation"] = row["occupied"] / sums.observed if sums.observed else None
    return rows


# --- reading -----------------------------------------------------------------------------------------------------

_UNUSED = {"alternating": 0.0, "direct": 0.0, "occupied": 0.0, "charging": 0.0, "withheld": 0.0}


def _of(window: Window) -> Any:
    hours = session_hours
    return sa.and_(
        hours.c.day >= window.since,
        hours.c.day < window.until,
        window.within(hours.c.site_id, hours.c.station_id),
    )


async def _used_by_site(work: AsyncConnection, window: Window) -> dict[UUID | None, dict[str, float]]:
    hours = session_hours
    direct = sa.func.coalesce(evses.c.max_power, 0) > DIRECT_CURRENT
    energy = sa.func.sum(hours.c.energy)
    query = (
        sa.select(
            stations.c.site_id,
            sa.func.coalesce(energy.filter(sa.not_(direct)), 0.0).label("alternating"),
            sa.func.coalesce(energy.filter(direct), 0.0).label("direct"),
            sa.func.sum(hours.c.occupied).label("occupied"),
            sa.func.sum(hours.c.charging).label("charging"),
            sa.func.sum(hours.c.withheld).label("withheld"),
        )
        .join_from(hours, stations, stations.c.id == hours.c.station_id)
        .outerjoin(evses, sa.and_(evses.c.station_id == hours.c.station_id, evses.c.number == hours.c.evse))
        .where(_of(window))
        .group_by(stations.c.site_id)
    )
    return {row["site_id"]: dict(row) for row in (await work.execute(query)).mappings()}


def _site_use(
    site_id: UUID | None,
    evses_: Sequence[uptimes.EvseUptime],
    used: dict[str, float],
    sold: Decimal | None,
    assumed: assuming.AssumptionsOf,
) -> SiteUse:
    direct = sum((one.max_power or 0) > DIRECT_CURRENT for one in evses_)
    energy = used["alternating"] + used["direct"]
    price = sold / Decimal(repr(energy)) * 1000 if sold and energy > 0 else Decimal(0)
    return SiteUse(
        site_id=site_id,
        name=evses_[0].site or "",
        alternating=len(evses_) - direct,
        direct=direct,
        energy_alternating=used["alternating"],
        energy_direct=used["direct"],
        observed=sum(one.figures.observed for one in evses_),
        occupied=used["occupied"],
        charging=used["charging"],
        withheld=used["withheld"],
        price=price,
        assumed=assumed.of(site_id),
    )


def _billed(window: Window, zone: str) -> sa.Select[Any]:
    """The latest bill of every session that ended in the window, with the local day of its end."""
    ended = sa.func.coalesce(sessions.c.ended_at, sessions.c.presumed_end)
    local = sa.func.timezone(sa.func.coalesce(sites.c.time_zone, zone), ended)
    newer = bills.alias("newer")
    return (
        sa.select(
            bills.c.currency, bills.c.net, sessions.c.site_id, local.label("ended"),
        )
        .join_from(sessions, bills, bills.c.session_id == sessions.c.id)
        .outerjoin(sites, sites.c.id == sessions.c.site_id)
        .where(
            sessions.c.organization_id.is_not(None),
            sessions.c.started_at >= _midnight(window.since) - timedelta(days=8),
            sessions.c.started_at < _midnight(window.until) + ROUND,
            local >= _midnight(window.since),
            local < _midnight(window.until),
            window.within(sessions.c.site_id, sessions.c.station_id),
            ~sa.exists().where(
                newer.c.session_id == bills.c.session_id, newer.c.revision > bills.c.revision
            ),
        )
    )  # fmt: skip


async def _revenue_course(work: AsyncConnection, window: Window, zone: str, step: Step) -> dict[Any, Decimal]:
    billed = _billed(window, zone).subquery()
    at: Any = sa.func.date_trunc(step, billed.c.ended)
    query = sa.select(at, sa.func.sum(billed.c.net)).group_by(at)
    return {(moment if step == "hour" else moment.date()): net for moment, net in await work.execute(query)}


async def _revenue_by_site(work: AsyncConnection, window: Window, zone: str) -> dict[UUID | None, Decimal]:
    billed = _billed(window, zone).subquery()
    query = sa.select(billed.c.site_id, sa.func.sum(billed.c.net).label("net")).group_by(billed.c.site_id)
    return {row.site_id: row.net for row in await work.execute(query)}


async def _tries(work: AsyncConnection, window: Window, zone: str) -> list[Try]:
    since, until = window.instants(zone)
    tries: list[Try] = []
    for query in (_session_tries(), _request_tries(), _refusals()):
        inner = query.subquery()
        of_window = (
            sa.select(inner.c.who, stations.c.site_id, inner.c.station_id, inner.c.at, inner.c.outcome)
            .join_from(inner, stations, stations.c.id == inner.c.station_id)
            .where(
                inner.c.at >= since, inner.c.at < until, window.within(stations.c.site_id, inner.c.station_id)
            )
        )
        for row in await work.execute(of_window):
            outcome: Outcome = row.outcome
            tries.append(Try((row.who, row.site_id or row.station_id), row.at, outcome))
    return tries


def _session_tries() -> sa.Select[Any]:
    delivered = sa.or_(sessions.c.energy >= DELIVERED, sessions.c.power > 0)
    running = sa.and_(
        sessions.c.status == "active", sessions.c.started_at > system_clock() - timedelta(minutes=5)
    )
    return sa.select(
        sa.func.coalesce(sessions.c.token_key, sessions.c.id).label("who"),
        sessions.c.station_id,
        sessions.c.started_at.label("at"),
        sa.case((sessions.c.refused, "refused"), (delivered, "delivered"), else_="failed").label("outcome"),
    ).where(sessions.c.organization_id.is_not(None), sa.or_(delivered, sa.not_(running)))


def _request_tries() -> sa.Select[Any]:
    return sa.select(
        start_requests.c.token_key.label("who"),
        start_requests.c.station_id,
        start_requests.c.created_at.label("at"),
        sa.literal("failed").label("outcome"),
    ).where(
        start_requests.c.session_id.is_(None),
        start_requests.c.expires_at < system_clock(),
        start_requests.c.begins_at.is_(None) | ~_called_off(),
    )


def _called_off() -> sa.Exists:
    """A start for later that its driver took back was no try."""
    asked = operations.c.id == start_requests.c.operation_id
    return sa.exists().where(asked, operations.c.status == "cancelled")


def _refusals() -> sa.Select[Any]:
    return sa.select(
        authorizations.c.token_key.label("who"),
        authorizations.c.station_id,
        authorizations.c.at,
        sa.literal("refused").label("outcome"),
    ).where(
        authorizations.c.verdict != "Accepted",
        authorizations.c.occasion != "stop",
        authorizations.c.session_id.is_(None),
    )


def _step_of(step: Step) -> Any:
    hours = session_hours
    if step == "hour":
        return sa.cast(hours.c.day, sa.DateTime) + sa.func.make_interval(0, 0, 0, 0, hours.c.clock_hour)
    if step == "day":
        return hours.c.day
    return sa.cast(sa.func.date_trunc(step, sa.cast(hours.c.day, sa.DateTime)), sa.Date)


def _steps(window: Window, step: Step) -> list[Any]:
    days = [window.since + timedelta(days=n) for n in range(window.days)]
    if step == "hour":
        return [_midnight(day) + timedelta(hours=hour) for day in days for hour in range(24)]
    if step == "week":
        days = [day - timedelta(days=day.weekday()) for day in days]
    elif step == "month":
        days = [day.replace(day=1) for day in days]
    return list(dict.fromkeys(days))


def _midnight(day: date) -> datetime:
    """Local: without a zone, as ``timezone()`` in SQL gives it."""
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 (a time on each site's own clock)


def _weekdays(since: date, days: int, isoweekday: int) -> int:
    return sum((since + timedelta(days=n)).isoweekday() == isoweekday for n in range(days))


def _price(watt_hours: float, price: Decimal) -> Decimal:
    return (Decimal(repr(watt_hours)) / 1000 * price).quantize(Decimal("0.01"))


def _summed(wastes_: Sequence[Waste]) -> dict[str, Any]:
    sums: dict[str, Any] = {
        name: sum(getattr(one, name) for one in wastes_)
        for name in ("standby", "conversion", "idle", "curtailed", "idle_time")
    }
    return {**sums, "lost": sum((one.lost for one in wastes_), Decimal(0))}
