"""The REST edge of alerts and planned work: rules and what they told; windows."""

from datetime import datetime, time
from typing import Annotated, Any, Literal
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, BaseModel, Field, model_validator
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.kernel import audit
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.edge import Json, TheBus, TheCaller, TheDatabase, ThePaging, TheSettings
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id
from gridlane.kernel.paging import page
from gridlane.kernel.settings import Settings
from gridlane.maintenance import alerting, webhooks, windows
from gridlane.maintenance.model import alert_rules, alerts, incidents, maintenance_windows
from gridlane.maintenance.rules import Severity
from gridlane.stations import places
from gridlane.stations.model import sites, stations
from gridlane.tariffs.local_time import zone

router = APIRouter(tags=["alerts"])

MOST_CHANNELS = 20


class AlertRuleUnknown(Refusal):
    code = "alert_rule_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no alert rule {rule}."


class AlertUnknown(Refusal):
    code = "alert_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no alert {alert}."


class ChannelInput(BaseModel):
    """``target``: an address for mail, a URL for a webhook, nothing for the app."""

    kind: Literal["app", "mail", "webhook"]
    target: Annotated[str, Field(max_length=500)] = ""

    @model_validator(mode="after")
    def _fits(self) -> "ChannelInput":
        if self.kind == "mail" and ("@" not in self.target or any(one.isspace() for one in self.target)):
            raise ValueError("a mail channel needs an address")
        if self.kind == "app" and self.target:
            raise ValueError("the app needs no target")
        return self


class AlertRuleInput(BaseModel):
    """Whom to tell of what. ``quiet_begin`` and ``quiet_end`` are times of day in ``time_zone``."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    events: Annotated[list[Literal["opened", "escalated", "resolved"]], Field(min_length=1)] = [
        "opened",
        "escalated",
    ]
    severities: Annotated[list[Severity], Field(min_length=1)] = ["critical", "major"]
    site_id: UUID | None = None
    channels: Annotated[list[ChannelInput], Field(min_length=1, max_length=MOST_CHANNELS)]
    quiet_begin: time | None = None
    quiet_end: time | None = None
    time_zone: str = "UTC"
    wakes: bool = True
    repeat_minutes: Annotated[int | None, Field(ge=5, le=10_080)] = None
    enabled: bool = True

    @model_validator(mode="after")
    def _whole(self) -> "AlertRuleInput":
        if (self.quiet_begin is None) != (self.quiet_end is None):
            raise ValueError("quiet hours need a begin and an end")
        return self


class WindowInput(BaseModel):
    """Work at one site or one station. ``note`` is what drivers are told."""

    site_id: UUID | None = None
    station_id: UUID | None = None
    begins_at: AwareDatetime
    ends_at: AwareDatetime
    note: Annotated[str, Field(max_length=500)] = ""
    out_of_use: bool = True

    @model_validator(mode="after")
    def _one_place(self) -> "WindowInput":
        if (self.site_id is None) == (self.station_id is None):
            raise ValueError("name a site or a station, not both")
        return self


# --- rules -------------------------------------------------------------------------------------------------------


@router.get("/alert-rules")
async def list_rules(caller: TheCaller, database: TheDatabase, settings: TheSettings) -> Json:
    """Every alert rule. The secret that signs its webhooks is told to those who may change it."""
    caller.require(Permission.MAINTENANCE_READ)
    async with database.unit_of_work(caller.scope) as work:
        rows = await work.execute(sa.select(alert_rules).order_by(alert_rules.c.name, alert_rules.c.id))
        items = [_told_rule(dict(row), caller, settings) for row in rows.mappings()]
    return Json({"items": items})


@router.post("/alert-rules", status_code=201)
async def make_rule(
    caller: TheCaller, database: TheDatabase, settings: TheSettings, rule: AlertRuleInput
) -> Json:
    caller.require(Permission.MAINTENANCE_WRITE)
    id_ = new_id()
    async with database.unit_of_work(caller.scope) as work:
        values = await _checked(work, caller, settings, rule)
        own = {"id": id_, "organization_id": caller.organization_id, "created_by": caller.name}
        await work.execute(sa.insert(alert_rules).values(values | own | {"created_at": system_clock()}))
        await audit.record(work, caller, "alert_rule.made", id_, after=rule.model_dump(mode="json"))
        return Json(_told_rule(await _rule(work, id_), caller, settings), status_code=201)


@router.put("/alert-rules/{rule_id}")
async def change_rule(
    caller: TheCaller, database: TheDatabase, settings: TheSettings, rule_id: UUID, rule: AlertRuleInput
) -> Json:
    caller.require(Permission.MAINTENANCE_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        await _rule(work, rule_id)
        values = await _checked(work, caller, settings, rule)
        await work.execute(sa.update(alert_rules).where(alert_rules.c.id == rule_id).values(values))
        await audit.record(work, caller, "alert_rule.changed", rule_id, after=rule.model_dump(mode="json"))
        return Json(_told_rule(await _rule(work, rule_id), caller, settings))


@router.delete("/alert-rules/{rule_id}", status_code=204)
async def remove_rule(caller: TheCaller, database: TheDatabase, rule_id: UUID) -> None:
    """Remove a rule and what it told."""
    caller.require(Permission.MAINTENANCE_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        await _rule(work, rule_id)
        await work.execute(sa.delete(alert_rules).where(alert_rules.c.id == rule_id))
        await audit.record(work, caller, "alert_rule.removed", rule_id)


@router.post("/alert-rules/{rule_id}/test", status_code=202)
async def try_rule(
    caller: TheCaller,
    database: TheDatabase,
    settings: TheSettings,
    bus: TheBus,
    request: Request,
    rule_id: UUID,
) -> Json:
    """Send a test by every channel of the rule, now; gives what became of it."""
    caller.require(Permission.MAINTENANCE_WRITE)
    now = system_clock()
    async with database.unit_of_work(caller.scope) as work:
        row = await _rule(work, rule_id)
        await alerting.write_test(
            work, row["organization_id"], alerting.rule_of(row), now, settings.address()
        )
    await alerting.Alerting(database, settings, bus).deliver()
    async with database.unit_of_work(caller.scope) as work:
        query = sa.select(alerts).where(
            alerts.c.rule_id == rule_id, alerts.c.event == "test", alerts.c.created_at == now
        )
        items = [dict(one) for one in (await work.execute(query)).mappings()]
    return Json({"items": items}, status_code=202)


# --- what was told -----------------------------------------------------------------------------------------------


@router.get("/alerts")
async def list_alerts(
    caller: TheCaller,
    database: TheDatabase,
    paging: ThePaging,
    channel: Literal["app", "mail", "webhook"] | None = None,
    unacknowledged: bool = False,
    incident_id: UUID | None = None,
) -> Json:
    """Alerts, newest first: what was told to whom, and whether it was taken."""
    caller.require(Permission.MAINTENANCE_READ)
    query = sa.select(alerts, alert_rules.c.name.label("rule")).join(
        alert_rules, alert_rules.c.id == alerts.c.rule_id
    )
    if caller.sites is not None:
        reachable = sa.select(incidents.c.id).where(incidents.c.site_id.in_(caller.sites))
        query = query.where(alerts.c.incident_id.in_(reachable))
    if channel is not None:
        query = query.where(alerts.c.channel == channel)
    if unacknowledged:
        query = query.where(alerts.c.acknowledged_at.is_(None))
    if incident_id is not None:
        query = query.where(alerts.c.incident_id == incident_id)
    async with database.unit_of_work(caller.scope) as work:
        return Json(await page(work, query, [alerts.c.created_at, alerts.c.id], paging, newest_first=True))


@router.post("/alerts/{alert_id}/acknowledge")
async def acknowledge(caller: TheCaller, database: TheDatabase, alert_id: UUID) -> Json:
    """Somebody has seen it: neither this alert nor its incident is told of again as unattended."""
    caller.require(Permission.MAINTENANCE_WRITE)
    now = system_clock()
    seen = {"acknowledged_at": now, "acknowledged_by": caller.name}
    async with database.unit_of_work(caller.scope) as work:
        row = (await work.execute(sa.select(alerts).where(alerts.c.id == alert_id))).mappings().first()
        if row is None:
            raise AlertUnknown(alert=alert_id)
        await work.execute(
            sa.update(alerts).where(alerts.c.id == alert_id, alerts.c.acknowledged_at.is_(None)).values(seen)
        )
        if row["incident_id"] is not None:
            unseen = sa.and_(incidents.c.id == row["incident_id"], incidents.c.acknowledged_at.is_(None))
            await work.execute(sa.update(incidents).where(unseen).values(seen))
        await audit.record(work, caller, "alert.acknowledged", alert_id)
        found = (await work.execute(sa.select(alerts).where(alerts.c.id == alert_id))).mappings().one()
        return Json(dict(found))


# --- planned work ------------------------------------------------------------------------------------------------


@router.get("/maintenance-windows")
async def list_windows(
    caller: TheCaller, database: TheDatabase, past: Annotated[bool, Query()] = False
) -> Json:
    """Planned work, the next first; with ``past`` what is over or was cancelled."""
    caller.require(Permission.MAINTENANCE_READ)
    table, now = maintenance_windows, system_clock()
    over = sa.or_(table.c.ends_at <= now, table.c.cancelled_at.is_not(None))
    site_of_it = sa.func.coalesce(table.c.site_id, stations.c.site_id)
    query = (
        sa.select(table, sites.c.name.label("site"), stations.c.name.label("station"))
        .outerjoin(sites, sites.c.id == table.c.site_id)
        .outerjoin(stations, stations.c.id == table.c.station_id)
        .where(over if past else ~over)
        .order_by(table.c.begins_at.desc() if past else table.c.begins_at)
        .limit(200)
    )
    if caller.sites is not None:
        query = query.where(site_of_it.in_(caller.sites))
    async with database.unit_of_work(caller.scope) as work:
        rows = [dict(row) for row in (await work.execute(query)).mappings()]
    return Json({"items": [row | {"state": _state(row, now)} for row in rows]})


@router.post("/maintenance-windows", status_code=201)
async def plan_window(caller: TheCaller, database: TheDatabase, window: WindowInput) -> Json:
    """Plan work: no alarms and nothing tried meanwhile; drivers are told."""
    caller.require(Permission.MAINTENANCE_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        if window.site_id is not None:
            await places.site(work, caller, window.site_id)
        if window.station_id is not None:
            await places.station(work, caller, window.station_id)
        id_ = await windows.plan(work, caller, window.model_dump(), system_clock())
        found = sa.select(maintenance_windows).where(maintenance_windows.c.id == id_)
        return Json(dict((await work.execute(found)).mappings().one()), status_code=201)


@router.delete("/maintenance-windows/{window_id}", status_code=204)
async def cancel_window(caller: TheCaller, database: TheDatabase, window_id: UUID) -> None:
    """Cancel planned work, or end it early."""
    caller.require(Permission.MAINTENANCE_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        await windows.cancel(work, caller, window_id, system_clock())


# --- helpers -----------------------------------------------------------------------------------------------------


async def _rule(work: AsyncConnection, rule_id: UUID) -> dict[str, Any]:
    row = (await work.execute(sa.select(alert_rules).where(alert_rules.c.id == rule_id))).mappings().first()
    if row is None:
        raise AlertRuleUnknown(rule=rule_id)
    return dict(row)


async def _checked(
    work: AsyncConnection, caller: Caller, settings: Settings, rule: AlertRuleInput
) -> dict[str, Any]:
    """The rule's columns. Raises WebhookAddressRefused, SiteUnknown, ZoneUnknown."""
    zone(rule.time_zone)
    for channel in rule.channels:
        if channel.kind == "webhook":
            webhooks.check(channel.target, settings)
    if rule.site_id is not None:
        await places.site(work, caller, rule.site_id)
    return rule.model_dump() | {"channels": [one.model_dump() for one in rule.channels]}


def _told_rule(row: dict[str, Any], caller: Caller, settings: Settings) -> dict[str, Any]:
    hooks = any(one["kind"] == "webhook" for one in row["channels"])
    tells = hooks and caller.may(Permission.MAINTENANCE_WRITE)
    return row | {"webhook_secret": webhooks.secret_of(settings, row["id"]) if tells else None}


def _state(row: dict[str, Any], now: datetime) -> str:
    if row["cancelled_at"] is not None:
        return "cancelled"
    if row["ends_at"] <= now:
        return "over"
    return "in_force" if row["begins_at"] <= now else "planned"
