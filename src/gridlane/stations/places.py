"""Sites and stations as things that are looked up: by whoever may see them, and by nobody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa

from gridlane.kernel import audit
from gridlane.kernel.access import Caller
from gridlane.kernel.clock import system_clock
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id
from gridlane.stations.model import connectors, sites, stations

if TYPE_CHECKING:  # the ORM comes with it, and a gateway that starts again must not wait for that
    from sqlalchemy.ext.asyncio import AsyncConnection


class SiteUnknown(Refusal):
    code = "site_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no site {site}."


class StationUnknown(Refusal):
    code = "station_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no station {station}."


class TimeZoneUnknown(Refusal):
    code = "time_zone_unknown"
    kind = Kind.INVALID
    sentence = "{name!r} is not a time zone of the IANA database, such as Europe/Berlin."


async def site(work: AsyncConnection, caller: Caller, site_id: UUID) -> dict[str, Any]:
    """Raises SiteUnknown, also for what the caller may not see."""
    row = (await work.execute(sa.select(sites).where(sites.c.id == site_id))).mappings().first()
    if row is None or not caller.reaches(site_id):
        raise SiteUnknown(site=site_id)
    return dict(row)


async def station(work: AsyncConnection, caller: Caller, station_id: UUID) -> dict[str, Any]:
    """A station without its secrets. Raises StationUnknown, also for what the caller may not see."""
    columns = [column for column in stations.c if column.name not in ("verifiers", "certificate_serials")]
    row = (await work.execute(sa.select(*columns).where(stations.c.id == station_id))).mappings().first()
    if row is None or row["organization_id"] is None or not caller.reaches(row["site_id"]):
        raise StationUnknown(station=station_id)
    return dict(row)


async def create_site(
    work: AsyncConnection, caller: Caller, described: Mapping[str, Any], time_zone: str
) -> dict[str, Any]:
    values = {**described, "time_zone": checked_time_zone(described.get("time_zone") or time_zone)}
    values |= {"id": new_id(), "organization_id": caller.organization_id, "created_at": system_clock()}
    values["cell"] = cell(values.get("latitude"), values.get("longitude"))
    await work.execute(sa.insert(sites).values(values))
    await audit.record(work, caller, "site.created", values["id"], after=_plain(values))
    return values


async def change_site(
    work: AsyncConnection, caller: Caller, site_id: UUID, changes: Mapping[str, Any]
) -> dict[str, Any]:
    before = await site(work, caller, site_id)
    values = dict(changes)
    if "time_zone" in values:
        checked_time_zone(values["time_zone"])
    values["cell"] = cell(
        values.get("latitude", before["latitude"]), values.get("longitude", before["longitude"])
    )
    await work.execute(sa.update(sites).where(sites.c.id == site_id).values(values))
    await audit.record(work, caller, "site.changed", site_id, before=_plain(before), after=_plain(values))
    return {**before, **values}


async def connector_states(
    work: AsyncConnection, station_ids: Sequence[UUID]
) -> dict[UUID, list[dict[str, Any]]]:
    """The present state of every connector, by station."""
    found = await work.execute(
        sa.select(
            connectors.c.station_id, connectors.c.evse, connectors.c.number, connectors.c.kind, connectors.c.status,
            connectors.c.status_at, connectors.c.error,
        )
        .where(connectors.c.station_id.in_(station_ids))
        .order_by(connectors.c.evse, connectors.c.number)
    )  # fmt: skip
    states: dict[UUID, list[dict[str, Any]]] = {}
    for row in found.mappings():
        states.setdefault(row["station_id"], []).append({k: v for k, v in row.items() if k != "station_id"})
    return states


def checked_time_zone(name: str) -> str:
    """Raises TimeZoneUnknown."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise TimeZoneUnknown(name=name) from None
    return name


def cell(latitude: float | None, longitude: float | None) -> int | None:
    """The H3 cell of resolution 9 (about 0.1 square km) as an integer."""
    if latitude is None or longitude is None:
        return None
    import h3

    return int(h3.latlng_to_cell(latitude, longitude, 9), 16)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: str(value) if isinstance(value, UUID | datetime) else value for key, value in values.items()}
