"""Telling people: each fact about an incident becomes alerts by the rules, and alerts are sent until they are taken."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts import mail
from gridlane.kernel.bus import Bus
from gridlane.kernel.clock import Clock, system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.facts import Fact, Recorded
from gridlane.kernel.ids import new_id
from gridlane.kernel.settings import Settings
from gridlane.maintenance import webhooks
from gridlane.maintenance.alert_rules import (
    AlertRule,
    Channel,
    Event,
    Happened,
    QuietHours,
    due,
    letter_of,
    pause,
    subject,
    text,
    wants,
)
from gridlane.maintenance.incidents import IncidentEscalated, IncidentOpened, IncidentResolved
from gridlane.maintenance.model import alert_rules, alerts, incident_symptoms, incidents
from gridlane.stations.model import stations

log = structlog.get_logger(__name__)

_EVENT_OF: dict[type[Fact], Event] = {
    IncidentOpened: "opened",
    IncidentEscalated: "escalated",
    IncidentResolved: "resolved",
}


class NoMailServer(Exception):
    """Nobody takes mails here."""

    def __str__(self) -> str:
        return "there is no mail server (GRIDLANE_MAIL_URL)"


class Alerting:
    """The handlers, with the parts they need."""

    def __init__(self, database: Database, settings: Settings, bus: Bus, clock: Clock = system_clock) -> None:
        self._database = database
        self._settings = settings
        self._bus = bus
        self._clock = clock

    async def tell(self, recorded: Recorded) -> None:
        """A fact about an incident: write the alerts that the rules want, and send what is due."""
        fact: Any = recorded.fact
        if recorded.organization_id is None:
            return
        async with self._database.as_owner() as work:
            row = await _incident(work, fact.incident_id)
            if row is None or row["planned"]:
                return
            rules = await rules_of(work, recorded.organization_id)
            event = _EVENT_OF[type(fact)]
            await _write(work, row, rules, event, str(recorded.id), self._clock(), self._settings.address())
        await self.deliver()

    async def remind(self) -> None:
        """Tell again of open incidents that nobody looks after, where a rule wants that."""
        now = self._clock()
        async with self._database.as_owner() as work:
            for row in await _unattended(work):
                rules = [rule for rule in await rules_of(work, row["organization_id"]) if rule.repeat]
                for rule in rules:
                    last = await _last_told(work, rule.id, row["id"])
                    if last is not None and rule.repeat is not None and now - last >= rule.repeat:
                        key = f"reminder:{now:%Y%m%d%H%M}"
                        asking = msgspec.structs.replace(rule, events=("reminder",))
                        await _write(work, row, [asking], "reminder", key, now, self._settings.address())
        await self.deliver()

    async def deliver(self) -> int:
        """Send what is due; gives how many were taken."""
        taken = 0
        while True:
            async with self._database.as_owner() as work:
                one = await _next(work, self._clock())
                if one is None:
                    break
                taken += await self._send(work, one)
        if taken:
            self._bus.publish("alerts")
        return taken

    async def _send(self, work: AsyncConnection, alert: dict[str, Any]) -> int:
        now = self._clock()
        try:
            await self._hand_over(work, alert, now)
        except (webhooks.WebhookFailed, webhooks.WebhookAddressRefused, NoMailServer) as trouble:
            attempts = alert["attempts"] + 1
            wait = pause(attempts)
            values = {"attempts": attempts, "trouble": str(trouble)}
            values |= {"failed_at": now} if wait is None else {"due_at": now + wait}
            await work.execute(sa.update(alerts).where(alerts.c.id == alert["id"]).values(values))
            log.warning("alert not taken", channel=alert["channel"], trouble=str(trouble), attempts=attempts)
            return 0
        done = {"sent_at": now, "attempts": alert["attempts"] + 1, "trouble": None}
        await work.execute(sa.update(alerts).where(alerts.c.id == alert["id"]).values(done))
        return 1

    async def _hand_over(self, work: AsyncConnection, alert: Mapping[str, Any], now: datetime) -> None:
        """A mail is taken when it is in the outbox, which tries by itself until the mail server takes it."""
        if alert["channel"] == "mail":
            if self._settings.mail_url is None:
                raise NoMailServer
            letter = letter_of(alert["subject"], alert["text"])
            await mail.write(work, alert["organization_id"], alert["target"], letter)
        elif alert["channel"] == "webhook":
            body = msgspec.json.encode(
                {
                    "id": alert["id"],
                    "event": f"incident.{alert['event']}",
                    "at": alert["created_at"],
                    "incident_id": alert["incident_id"],
                    "severity": alert["severity"],
                    "subject": alert["subject"],
                    "text": alert["text"],
                }
            )
            await webhooks.send(self._settings, alert["rule_id"], alert["target"], body, now)


async def rules_of(work: AsyncConnection, organization_id: UUID) -> list[AlertRule]:
    query = sa.select(alert_rules).where(
        alert_rules.c.organization_id == organization_id, alert_rules.c.enabled
    )
    return [rule_of(dict(row)) for row in (await work.execute(query)).mappings()]


def rule_of(row: Mapping[str, Any]) -> AlertRule:
    quiet = None
    if row["quiet_begin"] is not None and row["quiet_end"] is not None:
        quiet = QuietHours(row["quiet_begin"], row["quiet_end"], row["time_zone"])
    return AlertRule(
        id=row["id"],
        name=row["name"],
        events=tuple(row["events"]),
        severities=tuple(row["severities"]),
        site_id=row["site_id"],
        channels=tuple(msgspec.convert(row["channels"], tuple[Channel, ...])),
        quiet=quiet,
        wakes=row["wakes"],
        repeat=timedelta(minutes=row["repeat_minutes"]) if row["repeat_minutes"] else None,
        enabled=row["enabled"],
    )


async def write_test(
    work: AsyncConnection, organization_id: UUID, rule: AlertRule, now: datetime, address: str
) -> None:
    """An alert by every channel of a rule, to try it."""
    what = Happened(
        event="test", severity="minor", site_id=None, cause="station", rule="faulted", stations=("CP-TEST",)
    )
    await _put(work, organization_id, rule, what, None, f"test:{new_id()}", now, now, address)


async def _write(
    work: AsyncConnection,
    row: Mapping[str, Any],
    rules: Iterable[AlertRule],
    event: Event,
    key: str,
    now: datetime,
    address: str,
) -> None:
    names = tuple(await _names(work, row["id"]))
    what = Happened(
        event=event,
        severity=row["severity"],
        site_id=row["site_id"],
        cause=row["cause"],
        rule=row["rule"],
        stations=names,
    )
    link = f"{address}/console/faults/{row['id']}"
    for rule in rules:
        if wants(rule, what):
            at = due(rule, what.severity, now)
            await _put(work, row["organization_id"], rule, what, row["id"], key, now, at, link)


async def _put(
    work: AsyncConnection,
    organization_id: UUID,
    rule: AlertRule,
    what: Happened,
    incident_id: UUID | None,
    key: str,
    now: datetime,
    due_at: datetime,
    link: str,
) -> None:
    rows = [
        {
            "id": new_id(),
            "organization_id": organization_id,
            "rule_id": rule.id,
            "incident_id": incident_id,
            "key": key,
            "event": what.event,
            "severity": what.severity,
            "channel": channel.kind,
            "target": channel.target,
            "subject": subject(what),
            "text": text(what, link),
            "created_at": now,
            "due_at": due_at,
            "attempts": 0,
        }
        for channel in rule.channels
    ]
    if rows:
        await work.execute(insert(alerts).on_conflict_do_nothing(), rows)


async def _incident(work: AsyncConnection, incident_id: UUID) -> dict[str, Any] | None:
    row = (await work.execute(sa.select(incidents).where(incidents.c.id == incident_id))).mappings().first()
    return dict(row) if row is not None else None


async def _names(work: AsyncConnection, incident_id: UUID) -> list[str]:
    query = (
        sa.select(stations.c.name)
        .distinct()
        .join(incident_symptoms, incident_symptoms.c.station_id == stations.c.id)
        .where(incident_symptoms.c.incident_id == incident_id)
        .order_by(stations.c.name)
    )
    return list((await work.execute(query)).scalars())


async def _unattended(work: AsyncConnection) -> list[dict[str, Any]]:
    query = sa.select(incidents).where(
        incidents.c.status == "open", incidents.c.acknowledged_at.is_(None), incidents.c.planned.is_(False)
    )
    return [dict(row) for row in (await work.execute(query)).mappings()]


async def _last_told(work: AsyncConnection, rule_id: UUID, incident_id: UUID) -> datetime | None:
    query = sa.select(sa.func.max(sa.func.greatest(alerts.c.created_at, alerts.c.due_at))).where(
        alerts.c.rule_id == rule_id, alerts.c.incident_id == incident_id
    )
    last: datetime | None = await work.scalar(query)
    return last


async def _next(work: AsyncConnection, now: datetime) -> dict[str, Any] | None:
    """The next alert that is due, locked for this process."""
    query = (
        sa.select(alerts)
        .where(alerts.c.sent_at.is_(None), alerts.c.failed_at.is_(None), alerts.c.due_at <= now)
        .order_by(alerts.c.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = (await work.execute(query)).mappings().first()
    return dict(row) if row is not None else None


class ListenerRow(NamedTuple):
    name: str
    fact: type[Fact]


LISTENERS = (
    ListenerRow("maintenance.alert_opened", IncidentOpened),
    ListenerRow("maintenance.alert_escalated", IncidentEscalated),
    ListenerRow("maintenance.alert_resolved", IncidentResolved),
)
