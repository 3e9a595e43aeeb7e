"""What a station watches about itself, and of what importance each watch is."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from gridlane.kernel.database import metadata
from gridlane.kernel.group_commit import RecordSink, Sink, upsert
from gridlane.stations import commands as c
from gridlane.stations.commands import Answer
from gridlane.stations.decision import Commit
from gridlane.stations.model import of_station
from gridlane.stations.replies import Noted
from gridlane.stations.report_parts import forgetting, stale
from gridlane.stations.reports import PartReported
from gridlane.stations.state import Live

station_monitors = sa.Table(
    "station_monitors",
    metadata,
    *of_station(),
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False, comment="the station's number of it"),
    sa.Column("component", sa.Text, nullable=False),
    sa.Column("component_instance", sa.Text, nullable=True),
    sa.Column("evse", sa.Integer, nullable=True),
    sa.Column("connector", sa.Integer, nullable=True),
    sa.Column("variable", sa.Text, nullable=False),
    sa.Column("variable_instance", sa.Text, nullable=True),
    sa.Column(
        "kind", sa.Text, nullable=False, comment="UpperThreshold, LowerThreshold, Delta, Periodic, ..."
    ),
    sa.Column("value", sa.Float, nullable=False),
    sa.Column("severity", sa.SmallInteger, nullable=False, comment="0 danger ... 9 debug"),
    sa.Column("transaction", sa.Boolean, nullable=False, comment="only while a transaction runs"),
    sa.Column(
        "origin", sa.Text, nullable=True, comment="HardWiredMonitor, PreconfiguredMonitor, CustomMonitor"
    ),
    sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
    comment="variable monitors set in stations",
)


class MonitorRow(msgspec.Struct):
    station_id: UUID
    id: int
    organization_id: UUID | None
    component: str
    component_instance: str | None
    evse: int | None
    connector: int | None
    variable: str
    variable_instance: str | None
    kind: str
    value: float
    severity: int
    transaction: bool
    origin: str | None
    reported_at: datetime


class MonitorKey(msgspec.Struct):
    station_id: UUID
    id: int


MONITORS = upsert("station_monitors", ("station_id", "id"), MonitorRow.__struct_fields__[2:])
CLEARED = RecordSink(
    "station_monitors cleared",
    b"""
    DELETE FROM station_monitors m USING json_to_recordset($1::json) AS old(station_id uuid, id int)
    WHERE m.station_id = old.station_id AND m.id = old.id
    """,
)
GONE = forgetting("station_monitors")


def reported(live: Live, what: PartReported, now: datetime, _answer: Any) -> Commit:
    """NotifyMonitoringReport (N02)."""
    rows = {
        watch["id"]: _row(live, told, watch, now)
        for told in what.items
        for watch in told.get("variableMonitoring", ())
    }
    return Commit(
        live,
        Noted(),
        [*_stored(rows.values()), *stale(live, what, "get_monitoring_report", _asks_for_all, GONE)],
    )


def _asks_for_all(command: c.GetMonitoringReport) -> bool:
    return not command.criteria and not command.variables


def were_set(live: Live, command: c.SetMonitors, answer: Answer, now: datetime) -> Commit:
    """SetVariableMonitoring (N04): a result tells the number each monitor got. Results come in the order asked."""
    rows: dict[int, MonitorRow] = {}
    for asked, result in zip(command.monitors, answer.data.get("results", ()), strict=False):
        if result.get("status") == "Accepted" and result.get("id") is not None:
            watch = {**asked, "id": result["id"], "eventNotificationType": "CustomMonitor"}
            rows[result["id"]] = _row(live, asked, watch, now)
    return Commit(live, rows=_stored(rows.values()))


def were_cleared(live: Live, _command: c.ClearMonitors, answer: Answer, _now: datetime) -> Commit:
    """ClearVariableMonitoring (N06): what is gone, and what never was."""
    gone = {
        one["id"] for one in answer.data.get("results", ()) if one.get("status") in ("Accepted", "NotFound")
    }
    return Commit(live, rows=[(CLEARED, MonitorKey(live.station.id, number)) for number in sorted(gone)])


def _stored(rows: Iterable[MonitorRow]) -> list[tuple[Sink, Any]]:
    return [(MONITORS, row) for row in rows]


def _row(live: Live, place: dict[str, Any], watch: dict[str, Any], now: datetime) -> MonitorRow:
    component, variable = place["component"], place["variable"]
    evse = component.get("evse") or {}
    return MonitorRow(
        station_id=live.station.id,
        id=watch["id"],
        organization_id=live.station.organization_id,
        component=component["name"],
        component_instance=component.get("instance"),
        evse=evse.get("id"),
        connector=evse.get("connectorId"),
        variable=variable["name"],
        variable_instance=variable.get("instance"),
        kind=watch["type"],
        value=float(watch["value"]),
        severity=watch["severity"],
        transaction=bool(watch.get("transaction", False)),
        origin=watch.get("eventNotificationType"),
        reported_at=now,
    )
