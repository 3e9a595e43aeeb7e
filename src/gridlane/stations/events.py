"""What a station noticed: events of its device model, and events of its security."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from gridlane.kernel.database import metadata
from gridlane.kernel.facts import Fact, Recorded
from gridlane.kernel.group_commit import RecordSink, Sink, append
from gridlane.stations.decision import Commit, report_fact
from gridlane.stations.life import plausible
from gridlane.stations.model import of_station
from gridlane.stations.replies import Noted
from gridlane.stations.reports import PartReported, SecurityReported
from gridlane.stations.state import Live

station_events = sa.Table(
    "station_events",
    metadata,
    *of_station(),
    sa.Column("at", sa.DateTime(timezone=True), primary_key=True),
    sa.Column("event_id", sa.BigInteger, primary_key=True, autoincrement=False, comment="the station's"),
    sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("trigger", sa.Text, nullable=False, comment="Alerting, Delta, Periodic"),
    sa.Column("component", sa.Text, nullable=False),
    sa.Column("component_instance", sa.Text, nullable=True),
    sa.Column("evse", sa.Integer, nullable=True),
    sa.Column("connector", sa.Integer, nullable=True),
    sa.Column("variable", sa.Text, nullable=False),
    sa.Column("variable_instance", sa.Text, nullable=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("cleared", sa.Boolean, nullable=False),
    sa.Column("origin", sa.Text, nullable=False, comment="HardWiredNotification, CustomMonitor, ..."),
    sa.Column("monitor_id", sa.Integer, nullable=True),
    sa.Column("severity", sa.SmallInteger, nullable=True, comment="told, or its monitor's"),
    sa.Column("cause_id", sa.BigInteger, nullable=True, comment="the event that caused it"),
    sa.Column("tech_code", sa.Text, nullable=True),
    sa.Column("tech_info", sa.Text, nullable=True),
    sa.Column("transaction", sa.Text, nullable=True),
    sa.Index(None, "organization_id", "at"),
    comment="events of stations' device models (NotifyEvent)",
)

security_events = sa.Table(
    "security_events",
    metadata,
    *of_station(),
    sa.Column("at", sa.DateTime(timezone=True), primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("info", sa.Text, primary_key=True),
    sa.Column("critical", sa.Boolean, nullable=False),
    sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index(None, "organization_id", "at"),
    comment="security events of stations",
)

CRITICAL = frozenset(
    (
        "FirmwareUpdated", "SettingSystemTime", "StartupOfTheDevice", "ResetOrReboot", "SecurityLogWasCleared",
        "MemoryExhaustion", "TamperDetectionActivated", "InvalidFirmwareSignature",
        "InvalidFirmwareSigningCertificate", "InvalidCsmsCertificate", "InvalidCentralSystemCertificate",
        "InvalidChargingStationCertificate", "InvalidChargePointCertificate", "InvalidTLSVersion",
        "InvalidTLSCipherSuite", "MaintenanceLoginAccepted", "MaintenanceLoginFailed",
    )
)  # fmt: skip
"""Kinds that the list of security events calls critical (2.0.1 part 2, appendix 1; 1.6 security white paper)."""


class StationEventReported(Fact, frozen=True, kw_only=True, tag="station_event_reported"):
    """A station raised or cleared an alert about one of its variables."""

    event_id: int
    component: str
    variable: str
    evse: int | None
    value: str
    cleared: bool
    tech_code: str | None
    monitor_id: int | None
    severity: int | None


class SecurityEventReported(Fact, frozen=True, kw_only=True, tag="security_event_reported"):
    """A station told of something that concerns its security."""

    kind: str
    info: str | None
    critical: bool


class EventRow(msgspec.Struct):
    organization_id: UUID | None
    station_id: UUID
    at: datetime
    event_id: int
    received_at: datetime
    trigger: str
    component: str
    component_instance: str | None
    evse: int | None
    connector: int | None
    variable: str
    variable_instance: str | None
    value: str
    cleared: bool
    origin: str
    monitor_id: int | None
    severity: int | None
    cause_id: int | None
    tech_code: str | None
    tech_info: str | None
    transaction: str | None


class SecurityEventRow(msgspec.Struct):
    organization_id: UUID | None
    station_id: UUID
    at: datetime
    kind: str
    info: str
    critical: bool
    received_at: datetime


_COLUMNS = ", ".join(EventRow.__struct_fields__)
EVENTS = RecordSink(
    "station_events",
    f"""
    INSERT INTO station_events ({_COLUMNS})
    SELECT {
        _COLUMNS.replace(
            "severity",
            "coalesce(severity, (SELECT m.severity FROM station_monitors m "
            "WHERE m.station_id = e.station_id AND m.id = e.monitor_id))",
        )
    }
    FROM json_populate_recordset(null::station_events, $1::json) AS e ON CONFLICT DO NOTHING
    """.encode(),  # noqa: S608 (our own column names)
)
SECURITY_EVENTS = append("security_events", SecurityEventRow.__struct_fields__)


def reported(live: Live, what: PartReported, now: datetime, _answer: Any) -> Commit:
    """NotifyEvent (N07, N08): each is kept; alerts and their clearing are told on."""
    events = [_row(live, item, now) for item in what.items]
    rows: list[tuple[Sink, Any]] = [(EVENTS, event) for event in events]
    facts = [report_fact(live, _fact(event), now) for event in events if event.trigger == "Alerting"]
    return Commit(live, Noted(), rows, facts)


def security_reported(live: Live, what: SecurityReported, now: datetime, _answer: Any) -> Commit:
    """SecurityEventNotification (A04)."""
    critical = what.kind in CRITICAL
    row = SecurityEventRow(
        live.station.organization_id,
        live.station.id,
        plausible(what.at, now),
        what.kind,
        what.info or "",
        critical,
        now,
    )
    fact = SecurityEventReported(kind=what.kind, info=what.info, critical=critical)
    facts: list[Recorded] = [report_fact(live, fact, now)]
    return Commit(live, Noted(), [(SECURITY_EVENTS, row)], facts)


def _row(live: Live, item: dict[str, Any], now: datetime) -> EventRow:
    component, variable = item["component"], item["variable"]
    evse = component.get("evse") or {}
    return EventRow(
        organization_id=live.station.organization_id,
        station_id=live.station.id,
        at=plausible(datetime.fromisoformat(item["timestamp"]), now),
        event_id=item["eventId"],
        received_at=now,
        trigger=item["trigger"],
        component=component["name"],
        component_instance=component.get("instance"),
        evse=evse.get("id"),
        connector=evse.get("connectorId"),
        variable=variable["name"],
        variable_instance=variable.get("instance"),
        value=item["actualValue"],
        cleared=bool(item.get("cleared", False)),
        origin=item["eventNotificationType"],
        monitor_id=item.get("variableMonitoringId"),
        severity=item.get("severity"),
        cause_id=item.get("cause"),
        tech_code=item.get("techCode"),
        tech_info=item.get("techInfo"),
        transaction=item.get("transactionId"),
    )


def _fact(event: EventRow) -> StationEventReported:
    return StationEventReported(
        event_id=event.event_id,
        component=event.component,
        variable=event.variable,
        evse=event.evse,
        value=event.value,
        cleared=event.cleared,
        tech_code=event.tech_code,
        monitor_id=event.monitor_id,
        severity=event.severity,
    )
