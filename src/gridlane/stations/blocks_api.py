"""The REST edge of what stations told of themselves: each list of a station's things, and the few that can be changed."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter

from gridlane.kernel.access import Permission
from gridlane.kernel.edge import Json, TheCaller, TheDatabase, ThePaging
from gridlane.kernel.paging import page
from gridlane.stations import places
from gridlane.stations.device_model import station_variables
from gridlane.stations.events import security_events, station_events
from gridlane.stations.firmware import firmware_reports
from gridlane.stations.monitors import station_monitors
from gridlane.stations.vendor_messages import other_messages

router = APIRouter()


class Listing(NamedTuple):
    """A table whose rows of one station are a list of the API, at ``/stations/{id}/<path>``."""

    path: str
    table: sa.Table
    order: tuple[str, ...]
    meaning: str
    newest_first: bool = False
    searched: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    permission: Permission = Permission.STATIONS_READ


LISTINGS: tuple[Listing, ...] = (
    Listing(
        "variables",
        station_variables,
        (
            "component",
            "component_instance",
            "evse",
            "connector",
            "variable",
            "variable_instance",
            "attribute",
        ),
        "The device model as the station told it last; over OCPP 1.6 its configuration keys.",
        searched=("component", "variable", "value"),
    ),
    Listing("monitors", station_monitors, ("id",), "The variable monitors set in the station."),
    Listing(
        "events",
        station_events,
        ("at", "event_id"),
        "Events of the station's device model, newest first.",
        newest_first=True,
        searched=("component", "variable", "tech_code", "tech_info"),
    ),
    Listing(
        "security-events",
        security_events,
        ("at", "kind", "info"),
        "Security events the station told of, newest first.",
        newest_first=True,
        searched=("kind", "info"),
    ),
    Listing(
        "firmware",
        firmware_reports,
        ("at", "id"),
        "How the station's firmware updates went, newest first.",
        newest_first=True,
    ),
    Listing(
        "other-messages",
        other_messages,
        ("at", "id"),
        "Messages of vendors' own, and valid ones without a table of their own, newest first.",
        newest_first=True,
        searched=("action", "vendor", "message"),
        permission=Permission.MESSAGES_READ,
    ),
)


def _endpoint(listing: Listing) -> Callable[..., Awaitable[Json]]:
    columns = listing.table.c
    shown = [column for column in columns if column.name not in {"organization_id", *listing.hidden}]

    async def show(
        caller: TheCaller,
        database: TheDatabase,
        paging: ThePaging,
        station_id: UUID,
        search: str | None = None,
    ) -> Json:
        caller.require(listing.permission)
        query: sa.Select[Any] = sa.select(*shown).where(columns.station_id == station_id)
        if search and listing.searched:
            query = query.where(sa.or_(*(columns[name].ilike(f"%{search}%") for name in listing.searched)))
        async with database.unit_of_work(caller.scope) as work:
            await places.station(work, caller, station_id)
            order = [columns[name] for name in listing.order]
            return Json(await page(work, query, order, paging, newest_first=listing.newest_first))

    show.__name__ = f"list_station_{listing.path.replace('-', '_')}"
    show.__doc__ = listing.meaning
    return show


for _listing in LISTINGS:
    router.add_api_route(
        f"/stations/{{station_id}}/{_listing.path}", _endpoint(_listing), methods=["GET"], tags=["stations"]
    )
