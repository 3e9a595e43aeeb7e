"""Reports made again and again: by day, week or month, kept for a year, and mailed where mail is set up."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from email.message import EmailMessage
from typing import Any, Literal
from urllib.parse import unquote, urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.insight import files
from gridlane.insight.model import made_reports, report_schedules
from gridlane.insight.sheets import KINDS, TITLES
from gridlane.insight.window import Window
from gridlane.kernel import audit
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.clock import Clock, system_clock
from gridlane.kernel.database import Database, Scope
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id
from gridlane.kernel.settings import Settings
from gridlane.stations import places

log = structlog.get_logger(__name__)

Every = Literal["day", "week", "month"]
HOUR = time(6)
"""When a report of yesterday is made, on the network's clock: late sessions have come by then."""
KEPT = timedelta(days=366)


class ScheduleUnknown(Refusal):
    code = "schedule_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no report schedule {schedule}."


class ReportUnknown(Refusal):
    code = "report_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no report {report}."


def last_whole(every: Every, today: date) -> tuple[date, date]:
    """The last whole day, week (Monday to Sunday) or month before ``today``."""
    if every == "day":
        return today - timedelta(days=1), today
    if every == "week":
        monday = today - timedelta(days=today.weekday())
        return monday - timedelta(days=7), monday
    first = today.replace(day=1)
    return (first - timedelta(days=1)).replace(day=1), first


def next_time(every: Every, after: datetime, zone: str) -> datetime:
    """The next morning on which a new whole day, week or month is past."""
    where = ZoneInfo(zone)
    day = after.astimezone(where).date()
    while True:
        at = datetime.combine(day, HOUR, where)
        begins = every == "day" or (day.weekday() == 0 if every == "week" else day.day == 1)
        if begins and at > after:
            return at
        day += timedelta(days=1)


async def plan(
    work: AsyncConnection, caller: Caller, settings: Settings, described: dict[str, Any]
) -> dict[str, Any]:
    """Have a report made from now on. Raises NotAllowed, SiteUnknown."""
    caller.require(Permission.REPORTS_READ)
    caller.require(Permission.ORGANIZATION_WRITE)
    if described["site_id"] is not None:
        await places.site(work, caller, described["site_id"])
    row: dict[str, Any] = {
        "id": new_id(), "organization_id": caller.organization_id, "created_by": caller.name, **described,
        "recipients": msgspec.json.encode(described["recipients"]).decode(),
        "next_at": next_time(described["every"], system_clock(), settings.time_zone),
    }  # fmt: skip
    await work.execute(sa.insert(report_schedules).values(row))
    told = {name: str(described[name]) for name in ("kind", "format", "every")}
    await audit.record(work, caller, "report.scheduled", row["id"], after=told)
    return row


async def stop(work: AsyncConnection, caller: Caller, schedule_id: UUID) -> None:
    """Raises NotAllowed, ScheduleUnknown. What was made stays."""
    caller.require(Permission.ORGANIZATION_WRITE)
    gone = await work.execute(sa.delete(report_schedules).where(report_schedules.c.id == schedule_id))
    if gone.rowcount == 0:
        raise ScheduleUnknown(schedule=schedule_id)
    await audit.record(work, caller, "report.stopped", schedule_id)


class Desk:
    """The job that makes reports that are due."""

    def __init__(self, database: Database, settings: Settings, clock: Clock = system_clock) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock

    async def make_due(self) -> None:
        """Each is made, kept and its next time set in one transaction; then it is mailed."""
        now = self._clock()
        async with self._database.as_owner() as work:
            query = sa.select(report_schedules.c.id, report_schedules.c.organization_id)
            due = (await work.execute(query.where(report_schedules.c.next_at <= now))).all()
        for row in due:
            await self._make(row.id, row.organization_id, now)

    async def forget_old(self) -> None:
        async with self._database.as_owner() as work:
            await work.execute(sa.delete(made_reports).where(made_reports.c.made_at < self._clock() - KEPT))

    async def _make(self, schedule_id: UUID, organization_id: UUID, now: datetime) -> None:
        async with self._database.unit_of_work(Scope(organization_id)) as work:
            query = sa.select(report_schedules).where(
                report_schedules.c.id == schedule_id, report_schedules.c.next_at <= now
            )
            schedule = (await work.execute(query.with_for_update(skip_locked=True))).mappings().first()
            if schedule is None:
                return
            made = await self._made(work, dict(schedule), now)
            await work.execute(sa.insert(made_reports).values(made))
            again = next_time(schedule["every"], now, self._settings.time_zone)
            mine = report_schedules.c.id == schedule_id
            await work.execute(sa.update(report_schedules).where(mine).values(next_at=again))
        recipients = msgspec.json.decode(schedule["recipients"], type=list[str])
        told = await self._mail(made, recipients, schedule["language"])
        async with self._database.unit_of_work(Scope(organization_id)) as work:
            mine = made_reports.c.id == made["id"]
            await work.execute(sa.update(made_reports).where(mine).values(mailed=told))

    async def _made(self, work: AsyncConnection, schedule: dict[str, Any], now: datetime) -> dict[str, Any]:
        zone = self._settings.time_zone
        since, until = last_whole(schedule["every"], now.astimezone(ZoneInfo(zone)).date())
        window = Window(since=since, until=until, site_id=schedule["site_id"])
        sheet = await KINDS[schedule["kind"]](work, window, zone)
        content = await asyncio.to_thread(
            files.written, sheet, window, schedule["format"], schedule["language"], zone, now
        )
        return {
            "id": new_id(), "organization_id": schedule["organization_id"], "schedule_id": schedule["id"],
            "site_id": schedule["site_id"], "kind": schedule["kind"], "format": schedule["format"],
            "name": files.name_of(schedule["kind"], window, schedule["format"]), "content": content, "made_at": now,
        }  # fmt: skip

    async def _mail(self, made: dict[str, Any], recipients: Sequence[str], language: Any) -> str:
        if not recipients:
            return "to nobody"
        if not self._settings.mail_url:
            return "mail is not set up"
        message = EmailMessage()
        message["From"] = self._settings.mail_from
        message["To"] = ", ".join(recipients)
        message["Subject"] = f"{TITLES[language][made['kind']]}: {made['name']}"
        message.set_content(f"{TITLES[language][made['kind']]}\n{made['name']}\n")
        main, _, sub = files.MEDIA[made["format"]].partition(";")[0].partition("/")
        message.add_attachment(made["content"], maintype=main, subtype=sub, filename=made["name"])
        return await _sent(self._settings.mail_url, message)


async def _sent(url: str, message: EmailMessage) -> str:
    """smtp://user:password@host:port, or smtps:// for TLS from the first byte."""
    import aiosmtplib

    to = urlsplit(url)
    try:
        await aiosmtplib.send(
            message,
            hostname=to.hostname,
            port=to.port,
            username=unquote(to.username) if to.username else None,
            password=unquote(to.password) if to.password else None,
            use_tls=to.scheme == "smtps",
            timeout=30,
        )
    except (aiosmtplib.SMTPException, OSError) as trouble:
        log.warning("a report could not be mailed", reason=str(trouble))
        return f"not mailed: {trouble}"
    return f"mailed to {message['To']}"
