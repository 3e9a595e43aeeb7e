"""Reports as sheets: columns with their kind, rows of plain values. How a sheet becomes a file is ``files``."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.billing.model import bills
from gridlane.charging.model import sessions
from gridlane.insight import figures, uptimes
from gridlane.insight.uptime import RULES
from gridlane.insight.waste import waste
from gridlane.insight.window import Window
from gridlane.stations.model import sites, stations

ValueKind = Literal["text", "count", "number", "share", "moment", "day", "hours", "money"]
Language = Literal["en", "de"]


class Column(msgspec.Struct, frozen=True):
    key: str
    kind: ValueKind


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """``rows`` hold one value per column: text, numbers, aware instants, dates, Decimals, None."""

    kind: str
    columns: tuple[Column, ...]
    rows: list[tuple[Any, ...]]


Maker = Callable[[AsyncConnection, Window, str], Awaitable[Sheet]]


async def sessions_of(work: AsyncConnection, window: Window, zone: str) -> Sheet:
    """Every session that began in the window, with its latest bill."""
    since, until = window.instants(zone)
    latest = (
        sa.select(bills.c.session_id, bills.c.net, bills.c.tax, bills.c.currency)
        .ext(distinct_on(bills.c.session_id))
        .order_by(bills.c.session_id, bills.c.revision.desc())
        .subquery()
    )
    query = (
        sa.select(
            sites.c.name, stations.c.name, sessions.c.evse, sessions.c.started_at,
            sa.func.coalesce(sessions.c.ended_at, sessions.c.presumed_end), sessions.c.energy / 1000,
            sessions.c.token_last4, sessions.c.stop_reason, latest.c.net, latest.c.tax, latest.c.currency,
            sa.cast(sessions.c.id, sa.Text),
        )
        .join_from(sessions, stations, stations.c.id == sessions.c.station_id)
        .outerjoin(sites, sites.c.id == sessions.c.site_id)
        .outerjoin(latest, latest.c.session_id == sessions.c.id)
        .where(
            sessions.c.organization_id.is_not(None), sessions.c.started_at >= since, sessions.c.started_at < until,
            window.within(sessions.c.site_id, sessions.c.station_id),
        )
        .order_by(sessions.c.started_at)
    )  # fmt: skip
    columns = _columns(
        "site:text station:text evse:count started:moment ended:moment energy:number token:text reason:text "
        "net:money tax:money currency:text session:text"
    )
    return Sheet(kind="sessions", columns=columns, rows=[tuple(row) for row in await work.execute(query)])


async def days_of(work: AsyncConnection, window: Window, zone: str) -> Sheet:
    """Energy, sessions, times and revenue of each day."""
    rows = await figures.course(work, window, zone, "day")
    return Sheet(
        kind="days",
        columns=_columns("day:day energy:number sessions:count occupied:hours charging:hours net:money"),
        rows=[
            (
                one["at"], one["energy"] / 1000, one["sessions"], one["occupied"] / 3600, one["charging"] / 3600,
                one["revenue"],
            )
            for one in rows
        ],
    )  # fmt: skip


async def places_of(
    work: AsyncConnection, window: Window, zone: str, by: Literal["site", "station"]
) -> Sheet:
    rows = await figures.by_place(work, window, zone, by)
    return Sheet(
        kind=f"{by}s",
        columns=_columns(
            f"{by}:text energy:number sessions:count occupied:hours charging:hours utilisation:share uptime:share"
        ),
        rows=[
            (
                one["name"], one["energy"] / 1000, one["sessions"], one["occupied"] / 3600, one["charging"] / 3600,
                one["utilisation"], one["uptime"],
            )
            for one in rows
        ],
    )  # fmt: skip


async def uptime_of(work: AsyncConnection, window: Window, zone: str, rule: str) -> Sheet:
    """What a law asks to be told of each EVSE."""
    found = await uptimes.of_evses(work, window, RULES[rule], zone)
    return Sheet(
        kind=f"uptime_{rule}",
        columns=_columns(
            "site:text station:text evse:count evse_id:text observed:hours outage:hours excluded:hours outages:count "
            "uptime:share"
        ),
        rows=[
            (
                one.site, one.station, one.number, one.public_id, one.figures.observed / 3600,
                one.figures.outage / 3600, one.figures.excluded / 3600, one.figures.outages, one.figures.share,
            )
            for one in found
        ],
    )  # fmt: skip


async def waste_of(work: AsyncConnection, window: Window, zone: str) -> Sheet:
    """What each site loses."""
    uses = await figures.site_uses(work, window, zone)
    found = [(one, waste(one)) for one in uses]
    return Sheet(
        kind="waste",
        columns=_columns(
            "site:text standby:number conversion:number idle:number idle_time:hours curtailed:number lost:money currency:text"
        ),
        rows=[
            (
                one.name, lost.standby / 1000, lost.conversion / 1000, lost.idle / 1000, lost.idle_time / 3600,
                lost.curtailed / 1000, lost.lost, one.assumed.currency,
            )
            for one, lost in found
        ],
    )  # fmt: skip


async def carbon_of(work: AsyncConnection, window: Window, zone: str) -> Sheet:
    """CO2 of each site, in kg: of what was bought, and what driving on it spared."""
    rows = []
    for one in await figures.site_uses(work, window, zone):
        lost = waste(one)
        sold = one.energy_alternating + one.energy_direct
        bought = sold + lost.standby + lost.conversion
        rows.append(
            (
                one.name, sold / 1000, bought / 1000, one.assumed.carbon, bought * one.assumed.carbon / 1e6,
                sold * one.assumed.carbon_of_driving / 1e6,
            )
        )  # fmt: skip
    columns = _columns(
        "site:text energy:number bought:number carbon_intensity:number emitted:number spared:number"
    )
    return Sheet(kind="carbon", columns=columns, rows=rows)


KINDS: dict[str, Maker] = {
    "sessions": sessions_of,
    "days": days_of,
    "sites": lambda work, window, zone: places_of(work, window, zone, "site"),
    "stations": lambda work, window, zone: places_of(work, window, zone, "station"),
    "uptime_nevi": lambda work, window, zone: uptime_of(work, window, zone, "nevi"),
    "uptime_uk": lambda work, window, zone: uptime_of(work, window, zone, "uk"),
    "waste": waste_of,
    "carbon": carbon_of,
}
"""Every report, by name."""

OF_MONEY = frozenset(("sessions", "days"))
"""Reports that name amounts of single bills or days: they need money:read too."""

TITLES: dict[Language, dict[str, str]] = {
    "en": {
        "sessions": "Sessions", "days": "By day", "sites": "By site", "stations": "By station",
        "uptime_nevi": "Uptime (NEVI)", "uptime_uk": "Uptime (United Kingdom)", "waste": "Waste", "carbon": "CO2",
        "site": "Site", "station": "Station", "evse": "EVSE", "evse_id": "EVSE id", "started": "Started",
        "ended": "Ended", "energy": "Energy, kWh", "token": "Token", "reason": "End", "net": "Net", "tax": "Tax",
        "currency": "Currency", "session": "Session", "day": "Day", "occupied": "In use, h", "charging": "Charging, h",
        "utilisation": "Utilisation", "uptime": "Uptime", "observed": "Observed, h", "outage": "Down, h",
        "excluded": "Left out, h", "outages": "Outages", "standby": "Standby, kWh", "conversion": "Conversion, kWh",
        "idle": "Idle, kWh", "idle_time": "Idle, h", "curtailed": "Held back, kWh", "lost": "Lost",
        "bought": "Bought, kWh", "carbon_intensity": "g CO2/kWh", "emitted": "Emitted, kg", "spared": "Spared, kg",
        "made": "Made", "page": "Page", "none": "Nothing in these days.",
    },
    "de": {
        "sessions": "Ladevorgänge", "days": "Nach Tagen", "sites": "Nach Standorten", "stations": "Nach Stationen",
        "uptime_nevi": "Verfügbarkeit (NEVI)", "uptime_uk": "Verfügbarkeit (Vereinigtes Königreich)",
        "waste": "Verluste", "carbon": "CO2",
        "site": "Standort", "station": "Station", "evse": "Ladepunkt", "evse_id": "EVSE-Nummer", "started": "Beginn",
        "ended": "Ende", "energy": "Energie, kWh", "token": "Karte", "reason": "Grund", "net": "Netto", "tax": "Steuer",
        "currency": "Währung", "session": "Ladevorgang", "day": "Tag", "occupied": "Belegt, h", "charging": "Ladend, h",
        "utilisation": "Auslastung", "uptime": "Verfügbarkeit", "observed": "Beobachtet, h", "outage": "Ausgefallen, h",
        "excluded": "Nicht gezählt, h", "outages": "Ausfälle", "standby": "Bereitschaft, kWh",
        "conversion": "Umwandlung, kWh", "idle": "Stehend, kWh", "idle_time": "Stehend, h",
        "curtailed": "Zurückgehalten, kWh", "lost": "Verloren", "bought": "Bezogen, kWh",
        "carbon_intensity": "g CO2/kWh", "emitted": "Ausgestoßen, kg", "spared": "Vermieden, kg", "made": "Erstellt",
        "page": "Seite", "none": "In diesen Tagen ist nichts geschehen.",
    },
}  # fmt: skip


def _columns(told: str) -> tuple[Column, ...]:
    return tuple(
        msgspec.convert(dict(zip(("key", "kind"), one.split(":"), strict=True)), Column)
        for one in told.split()
    )
