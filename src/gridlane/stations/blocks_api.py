"""The REST edge of what stations told of themselves: each list of a station's things, and the few that can be changed."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from starlette.datastructures import UploadFile
from starlette.responses import FileResponse

from gridlane.kernel.access import Permission
from gridlane.kernel.edge import Json, TheBus, TheCaller, TheDatabase, ThePaging, TheSettings
from gridlane.kernel.paging import page
from gridlane.stations import places, uploads
from gridlane.stations.battery_swaps import battery_swaps
from gridlane.stations.certificates import installed_certificates, issued_certificates
from gridlane.stations.customers import customer_reports
from gridlane.stations.device_model import station_variables
from gridlane.stations.displays import display_messages
from gridlane.stations.dynamic_schedules import priority_charging
from gridlane.stations.event_streams import event_streams, stream_values
from gridlane.stations.events import security_events, station_events
from gridlane.stations.firmware import firmware_reports
from gridlane.stations.grid_support import der_alarms, der_controls
from gridlane.stations.local_list import station_local_lists
from gridlane.stations.local_tariffs import station_tariffs
from gridlane.stations.logs import log_uploads
from gridlane.stations.monitors import station_monitors
from gridlane.stations.reservations import station_reservations
from gridlane.stations.smart_charging import external_limits, vehicle_reports
from gridlane.stations.station_profiles import composite_schedules, station_profiles
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
        "certificates",
        issued_certificates,
        ("issued_at", "id"),
        "The certificates signed for the station, newest first.",
        newest_first=True,
        hidden=("expiry_told_at",),
    ),
    Listing(
        "installed-certificates",
        installed_certificates,
        ("use", "issuer_key_hash", "issuer_name_hash", "serial_number", "hash_algorithm"),
        "The certificates installed in the station, as it told it last.",
    ),
    Listing(
        "profiles",
        station_profiles,
        ("evse", "source", "profile_id"),
        "The charging profiles installed in the station, whoever set them.",
    ),
    Listing(
        "composite-schedules",
        composite_schedules,
        ("evse",),
        "The limit that results from all profiles, as the station told it last for each EVSE.",
    ),
    Listing(
        "external-limits",
        external_limits,
        ("at", "id"),
        "Limits that others set at the station, newest first.",
        newest_first=True,
    ),
    Listing(
        "vehicle-reports",
        vehicle_reports,
        ("at", "id"),
        "What vehicles told of their needs and plans, newest first.",
        newest_first=True,
    ),
    Listing(
        "reservations",
        station_reservations,
        ("made_at", "reservation_id"),
        "The reservations the station agreed to, newest first.",
        newest_first=True,
    ),
    Listing("displays", display_messages, ("message_id",), "The messages on the station's displays."),
    Listing(
        "local-list",
        station_local_lists,
        ("version",),
        "The version of the local authorization list the station holds, if it holds one.",
        hidden=("entries",),
    ),
    Listing(
        "customer-reports",
        customer_reports,
        ("request_id", "part"),
        "What the station told of customers on request; kept for a week.",
        permission=Permission.PEOPLE_READ,
    ),
    Listing(
        "logs",
        log_uploads,
        ("created_at", "id"),
        "Logs the station was asked for, newest first. One with `received_at` can be fetched at `/logs/{id}`.",
        newest_first=True,
        hidden=("secret_hash",),
    ),
    Listing(
        "tariffs",
        station_tariffs,
        ("evse", "tariff_id"),
        "The tariffs the station keeps to reckon costs itself.",
    ),
    Listing(
        "der-controls",
        der_controls,
        ("control_id",),
        "The controls of its feeding back, and which of them act.",
    ),
    Listing(
        "der-alarms",
        der_alarms,
        ("at", "id"),
        "Faults of the grid the station told of, newest first.",
        newest_first=True,
    ),
    Listing(
        "event-streams", event_streams, ("stream_id",), "Streams of a variable's values, open and closed."
    ),
    Listing(
        "stream-values",
        stream_values,
        ("at", "id"),
        "What came in such streams, newest first; kept as long as the message log.",
        newest_first=True,
    ),
    Listing(
        "battery-swaps",
        battery_swaps,
        ("at", "id"),
        "Batteries put in and taken out, newest first.",
        newest_first=True,
    ),
    Listing(
        "priority-charging",
        priority_charging,
        ("transaction",),
        "Transactions that go first, or did: as told last.",
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


# --- logs --------------------------------------------------------------------------------------------------------


class LogWish(BaseModel):
    """Which log a station is to upload, and of which time. ``by_extension``: by the security extension of 1.6."""

    log: Literal["DiagnosticsLog", "SecurityLog", "DataCollectorLog"] = "DiagnosticsLog"
    oldest: datetime | None = None
    latest: datetime | None = None
    retries: Annotated[int | None, Field(ge=0, le=10)] = None
    retry_interval: Annotated[int | None, Field(ge=1, le=86400)] = None
    by_extension: bool = False


@router.post("/stations/{station_id}/logs", tags=["stations"], status_code=202)
async def ask_for_log(
    caller: TheCaller,
    database: TheDatabase,
    bus: TheBus,
    settings: TheSettings,
    station_id: UUID,
    wish: LogWish,
) -> Json:
    """Ask a station for a log: it uploads it to an address of its own. The answer is the tracked operation, whose id
    is the log's.
    """
    params = wish.model_dump(exclude_none=True, mode="json")
    async with database.unit_of_work(caller.scope) as work:
        operation = await uploads.ask_for_log(work, caller, settings, station_id, params)
    bus.publish(f"station.{station_id}.operations")
    return Json(operation, status_code=202)


@router.get("/logs/{log_id}", tags=["stations"], response_class=FileResponse)
async def download_log(
    caller: TheCaller, database: TheDatabase, settings: TheSettings, log_id: UUID
) -> FileResponse:
    """The file of a log, as the station uploaded it."""
    async with database.unit_of_work(caller.scope) as work:
        path, name = await uploads.file_of(work, caller, settings, log_id)
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    return FileResponse(path, media_type="application/octet-stream", filename=name, headers=headers)


@router.put("/uploads/{secret}", tags=["stations"], status_code=201)
@router.post("/uploads/{secret}", tags=["stations"], status_code=201)
@router.put("/uploads/{secret}/{name}", tags=["stations"], status_code=201)
@router.post("/uploads/{secret}/{name}", tags=["stations"], status_code=201)
async def upload(
    request: Request, database: TheDatabase, settings: TheSettings, secret: str, name: str = ""
) -> Response:
    """Where a station puts the file it was asked for: the bytes themselves, or the first file of a form."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        await uploads.receive(database, settings, secret, name, request.stream())
        return Response(status_code=201)
    async with _bounded(request, settings.upload_bytes + FORM_BYTES).form(max_files=1) as form:
        file = next((value for value in form.values() if isinstance(value, UploadFile)), None)
        if file is None:
            raise uploads.UploadUnknown
        await uploads.receive(database, settings, secret, name or file.filename or "", _chunks(file))
    return Response(status_code=201)


FORM_BYTES = 10_000
"""What a form may add around its file."""


def _bounded(request: Request, limit: int) -> Request:
    """The request, refused with UploadTooLarge as soon as its body grows beyond the limit: forms spool to disk."""
    received = 0

    async def receive() -> Any:
        nonlocal received
        message = await request.receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise uploads.UploadTooLarge(limit=limit)
        return message

    return Request(request.scope, receive)


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(1 << 16):
        yield chunk
