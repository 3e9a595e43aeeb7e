"""The REST edge of reports as files, of their schedules, and of exports."""

import asyncio
from typing import Annotated, Literal
from uuid import UUID

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from gridlane.insight import exporting, files, scheduling
from gridlane.insight.api import TheWindow
from gridlane.insight.files import Format
from gridlane.insight.model import made_reports, report_schedules
from gridlane.insight.sheets import KINDS, OF_MONEY, Language
from gridlane.kernel.access import Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.edge import Json, TheCaller, TheDatabase, ThePaging, TheSettings
from gridlane.kernel.paging import page

router = APIRouter(tags=["reports"])

ReportKind = Literal["sessions", "days", "sites", "stations", "uptime_nevi", "uptime_uk", "waste", "carbon"]
TableName = Literal[
    "sites", "stations", "evses", "sessions", "session_hours", "readings", "authorizations", "availability",
    "operations", "messages", "bills",
]  # fmt: skip


class ScheduleInput(BaseModel):
    """A report of the last whole day, week or month, made every time one is past."""

    kind: ReportKind
    format: Format = "pdf"
    every: scheduling.Every = "month"
    site_id: UUID | None = None
    language: Language = "en"
    recipients: Annotated[
        list[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]], Field(max_length=20)
    ] = []


@router.get("/reports/{kind}.{form}", response_class=Response)
async def download_report(
    caller: TheCaller,
    database: TheDatabase,
    settings: TheSettings,
    window: TheWindow,
    kind: ReportKind,
    form: Format,
    language: Language = "en",
) -> Response:
    """A report of some days as a file."""
    if kind in OF_MONEY:
        caller.require(Permission.MONEY_READ)
    async with database.unit_of_work(caller.scope) as work:
        sheet = await KINDS[kind](work, window, settings.time_zone)
    content = await asyncio.to_thread(
        files.written, sheet, window, form, language, settings.time_zone, system_clock()
    )
    return _file(content, files.MEDIA[form], files.name_of(kind, window, form))


@router.get("/exports/{table}.parquet", response_class=Response)
async def export_table(
    caller: TheCaller, database: TheDatabase, settings: TheSettings, window: TheWindow, table: TableName
) -> Response:
    """A whole table of some days as Parquet, for analysis elsewhere."""
    async with database.unit_of_work(caller.scope) as work:
        columns, rows = await exporting.rows_of(work, caller, table, window, settings.time_zone)
    content = await asyncio.to_thread(exporting.parquet, columns, rows)
    return _file(content, files.MEDIA["parquet"], files.name_of(table, window, "parquet"))


@router.get("/report-schedules")
async def list_schedules(caller: TheCaller, database: TheDatabase, paging: ThePaging) -> Json:
    """Reports that are made again and again."""
    caller.require(Permission.REPORTS_READ)
    order = [report_schedules.c.next_at, report_schedules.c.id]
    async with database.unit_of_work(caller.scope) as work:
        found = await page(work, sa.select(report_schedules), order, paging)
    found.items = [one for one in found.items if caller.reaches(one["site_id"])]
    for row in found.items:
        row["recipients"] = msgspec.Raw(row["recipients"].encode())
    return Json(found)


@router.post("/report-schedules", status_code=201)
async def schedule_report(
    caller: TheCaller, database: TheDatabase, settings: TheSettings, wish: ScheduleInput
) -> Json:
    """Have a report made by day, week or month, kept, and mailed."""
    if wish.kind in OF_MONEY:
        caller.require(Permission.MONEY_READ)
    async with database.unit_of_work(caller.scope) as work:
        row = await scheduling.plan(work, caller, settings, wish.model_dump())
    return Json({**row, "recipients": wish.recipients}, status_code=201)


@router.delete("/report-schedules/{schedule_id}", status_code=204)
async def stop_schedule(caller: TheCaller, database: TheDatabase, schedule_id: UUID) -> None:
    """Make it no more; what was made stays."""
    async with database.unit_of_work(caller.scope) as work:
        await scheduling.stop(work, caller, schedule_id)


@router.get("/reports")
async def list_reports(caller: TheCaller, database: TheDatabase, paging: ThePaging) -> Json:
    """Reports that schedules made, the latest first."""
    caller.require(Permission.REPORTS_READ)
    columns = [column for column in made_reports.c if column.name != "content"]
    query = sa.select(*columns)
    if caller.sites is not None:
        query = query.where(made_reports.c.site_id.in_(caller.sites))
    if not caller.may(Permission.MONEY_READ):
        query = query.where(made_reports.c.kind.not_in(OF_MONEY))
    order = [made_reports.c.made_at, made_reports.c.id]
    async with database.unit_of_work(caller.scope) as work:
        return Json(await page(work, query, order, paging, newest_first=True))


@router.get("/reports/{report_id}", response_class=Response)
async def download_made_report(caller: TheCaller, database: TheDatabase, report_id: UUID) -> Response:
    """A report that a schedule made."""
    caller.require(Permission.REPORTS_READ)
    async with database.unit_of_work(caller.scope) as work:
        row = (await work.execute(sa.select(made_reports).where(made_reports.c.id == report_id))).first()
    if row is None or not caller.reaches(row.site_id):
        raise scheduling.ReportUnknown(report=report_id)
    if row.kind in OF_MONEY:
        caller.require(Permission.MONEY_READ)
    return _file(row.content, files.MEDIA[row.format], row.name)


def _file(content: bytes, media: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media, headers=headers)
