"""Everything as Parquet: the tables behind the figures, for a time, as they are."""

import io
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.billing.model import bills
from gridlane.charging.model import authorizations, readings, sessions
from gridlane.insight.model import session_hours
from gridlane.insight.window import Window
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.errors import Kind, Refusal
from gridlane.stations.availability import availability_intervals
from gridlane.stations.model import evses, messages, operations, sites, stations

MOST = 2_000_000
"""Rows of one file: what fits into memory on a small machine."""


class ExportTooLarge(Refusal):
    code = "export_too_large"
    kind = Kind.INVALID
    sentence = "These days hold {rows} rows of {table}; one file holds at most {most}. Ask for fewer days."


class Exported(NamedTuple):
    """A table, the time it is cut by, and what one needs to see it."""

    table: sa.Table
    at: str | None
    permission: Permission
    without: frozenset[str] = frozenset()


_SECRET = frozenset(("token_key", "stop_token_key", "start_digest", "end_digest"))
TABLES: dict[str, Exported] = {
    "sites": Exported(sites, None, Permission.STATIONS_READ),
    "stations": Exported(
        stations, None, Permission.STATIONS_READ, frozenset(("verifiers", "certificate_serials"))
    ),
    "evses": Exported(evses, None, Permission.STATIONS_READ),
    "sessions": Exported(sessions, "started_at", Permission.SESSIONS_READ, _SECRET),
    "session_hours": Exported(session_hours, "hour", Permission.SESSIONS_READ),
    "readings": Exported(readings, "received_at", Permission.SESSIONS_READ),
    "authorizations": Exported(authorizations, "at", Permission.SESSIONS_READ, _SECRET),
    "availability": Exported(availability_intervals, "since", Permission.STATIONS_READ),
    "operations": Exported(operations, "created_at", Permission.STATIONS_READ),
    "messages": Exported(messages, "at", Permission.MESSAGES_READ),
    "bills": Exported(bills, "rated_at", Permission.MONEY_READ),
}


async def rows_of(
    work: AsyncConnection, caller: Caller, name: str, window: Window, zone: str
) -> tuple[list[sa.Column[Any]], list[Any]]:
    """The columns and rows of a table within the window. Raises NotAllowed, ExportTooLarge."""
    exported = TABLES[name]
    caller.require(Permission.REPORTS_READ)
    caller.require(exported.permission)
    columns = [column for column in exported.table.c if column.name not in exported.without]
    query = sa.select(*columns).where(_reachable(caller, exported.table))
    if exported.at is not None:
        since, until = window.instants(zone)
        query = query.where(exported.table.c[exported.at] >= since, exported.table.c[exported.at] < until)
    found = (await work.execute(query.limit(MOST + 1))).all()
    if len(found) > MOST:
        raise ExportTooLarge(rows=f"more than {MOST}", table=name, most=MOST)
    return columns, list(found)


def parquet(columns: list[sa.Column[Any]], rows: list[Any]) -> bytes:
    """The file; takes a while, so call it in a thread."""
    import polars as pl

    kinds = [_type(column, pl) for column in columns]
    text = [at for at, kind in enumerate(kinds) if kind == pl.String()]
    plain = [
        tuple(None if value is None else str(value) if at in text else value for at, value in enumerate(row))
        for row in rows
    ]
    schema = {column.name: kind for column, kind in zip(columns, kinds, strict=True)}
    content = io.BytesIO()
    pl.DataFrame(plain, schema=schema, orient="row", strict=False).write_parquet(content)
    return content.getvalue()


def _type(column: sa.Column[Any], pl: Any) -> Any:
    """What has no plain type in Parquet (ids, JSON, lists) is text."""
    for kind, told in (
        (sa.Boolean, pl.Boolean()),
        (sa.Integer, pl.Int64()),
        (sa.Float, pl.Float64()),
        (sa.DateTime, pl.Datetime("us", "UTC")),
        (sa.Date, pl.Date()),
        (sa.Numeric, pl.Decimal(38, 6)),
    ):
        if isinstance(column.type, kind):
            return told
    return pl.String()


def _reachable(caller: Caller, table: sa.Table) -> Any:
    if caller.sites is None:
        return sa.true()
    if "site_id" in table.c:
        return table.c.site_id.in_(caller.sites)
    if table is sites:
        return table.c.id.in_(caller.sites)
    of_sites = sa.select(stations.c.id).where(stations.c.site_id.in_(caller.sites))
    if "station_id" in table.c:
        return table.c.station_id.in_(of_sites)
    if "evse_id" in table.c:
        return table.c.evse_id.in_(sa.select(evses.c.id).where(evses.c.station_id.in_(of_sites)))
    return table.c.session_id.in_(sa.select(sessions.c.id).where(sessions.c.site_id.in_(caller.sites)))
