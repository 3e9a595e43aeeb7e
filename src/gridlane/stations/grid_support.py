"""Distributed energy resources (OCPP 2.1, block R): the grid codes set in a station that feeds back, when they act, and
its alarms.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from gridlane.kernel.database import metadata
from gridlane.kernel.facts import Fact
from gridlane.kernel.group_commit import RecordSink, append, upsert
from gridlane.kernel.ids import new_id
from gridlane.stations import commands as c
from gridlane.stations.commands import Answer
from gridlane.stations.decision import Commit, report_fact
from gridlane.stations.life import plausible
from gridlane.stations.model import of_station
from gridlane.stations.replies import Noted
from gridlane.stations.reports import DerAlarmReported, DerControlReported, PartReported
from gridlane.stations.state import Live

der_controls = sa.Table(
    "der_controls",
    metadata,
    *of_station(),
    sa.Column("control_id", sa.Text, primary_key=True),
    sa.Column(
        "kind", sa.Text, nullable=False, comment="DERControlEnumType; empty where only its acting was told"
    ),
    sa.Column("is_default", sa.Boolean, nullable=False),
    sa.Column("superseded", sa.Boolean, nullable=False),
    sa.Column("content", JSONB, nullable=False),
    sa.Column(
        "acts", sa.Boolean, nullable=False, server_default=sa.false(), comment="as the station told it last"
    ),
    sa.Column("acts_since", sa.DateTime(timezone=True), nullable=True),
    sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
    comment="controls of distributed energy resources in stations",
)

der_alarms = sa.Table(
    "der_alarms",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    *of_station(key=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("kind", sa.Text, nullable=False, comment="DERControlEnumType"),
    sa.Column("fault", sa.Text, nullable=True, comment="GridEventFaultEnumType"),
    sa.Column("ended", sa.Boolean, nullable=False),
    sa.Column("info", sa.Text, nullable=True),
    sa.Index(None, "station_id", "at"),
    comment="alarms of the grid at stations, begun and ended",
)


class DerAlarmRaised(Fact, frozen=True, kw_only=True, tag="der_alarm_raised"):
    """A station that feeds back (or could) told of a fault of the grid, or of its end."""

    kind: str
    fault: str | None
    ended: bool


class ControlRow(msgspec.Struct):
    station_id: UUID
    control_id: str
    organization_id: UUID | None
    kind: str
    is_default: bool
    superseded: bool
    content: Any
    told_at: datetime


class ActsRow(msgspec.Struct):
    station_id: UUID
    control_id: str
    organization_id: UUID | None
    kind: str
    is_default: bool
    superseded: bool
    content: Any
    acts: bool
    acts_since: datetime
    told_at: datetime


class AlarmRow(msgspec.Struct):
    id: UUID
    organization_id: UUID | None
    station_id: UUID
    at: datetime
    kind: str
    fault: str | None
    ended: bool
    info: str | None


class ControlsGone(msgspec.Struct):
    station_id: UUID
    is_default: bool
    kind: str | None
    control_id: str | None


class Superseded(msgspec.Struct):
    station_id: UUID
    control_id: str


_KEY = ("station_id", "control_id")
CONTROLS = upsert("der_controls", _KEY, ControlRow.__struct_fields__[2:])
ACTS = upsert(
    "der_controls",
    _KEY,
    ActsRow.__struct_fields__[2:],
    keep=("kind", "is_default", "superseded", "content"),
    name="der_controls acts",
)
ALARMS = append("der_alarms", AlarmRow.__struct_fields__)
GONE = RecordSink(
    "der_controls gone",
    b"""
    DELETE FROM der_controls c
    USING json_to_recordset($1::json) AS gone(station_id uuid, is_default bool, kind text, control_id text)
    WHERE c.station_id = gone.station_id AND c.is_default = gone.is_default
      AND c.kind = coalesce(gone.kind, c.kind) AND c.control_id = coalesce(gone.control_id, c.control_id)
    """,
)
SUPERSEDED = RecordSink(
    "der_controls superseded",
    b"""
    UPDATE der_controls c SET superseded = true
    FROM json_to_recordset($1::json) AS old(station_id uuid, control_id text)
    WHERE c.station_id = old.station_id AND c.control_id = old.control_id
    """,
)


def alarm_reported(live: Live, what: DerAlarmReported, now: datetime, _answer: Any) -> Commit:
    """NotifyDERAlarm (R05)."""
    station = live.station
    row = AlarmRow(
        new_id(),
        station.organization_id,
        station.id,
        plausible(what.at, now),
        what.kind,
        what.fault,
        what.ended,
        what.info,
    )
    fact = DerAlarmRaised(kind=what.kind, fault=what.fault, ended=what.ended)
    return Commit(live, Noted(), [(ALARMS, row)], [report_fact(live, fact, now)])


def acting_reported(live: Live, what: DerControlReported, now: datetime, _answer: Any) -> Commit:
    """NotifyDERStartStop (R04): a control begins or ends to act, and may take the place of others."""
    station = live.station
    at = plausible(what.at, now)
    row = ActsRow(
        station.id, what.control_id, station.organization_id, "", False, False, {}, what.started, at, now
    )
    rows: list[tuple[Any, Any]] = [(ACTS, row)]
    rows += [(SUPERSEDED, Superseded(station.id, one)) for one in what.superseded]
    return Commit(live, Noted(), rows)


def reported(live: Live, what: PartReported, now: datetime, _answer: Any) -> Commit:
    """ReportDERControl (R04)."""
    return Commit(live, Noted(), [(CONTROLS, _control(live, one, now)) for one in what.items])


def _control(live: Live, told: dict[str, Any], now: datetime) -> ControlRow:
    return ControlRow(
        live.station.id,
        told["id"],
        live.station.organization_id,
        told["kind"],
        told.get("isDefault", False),
        told.get("isSuperseded", False),
        told["content"],
        now,
    )


def was_set(live: Live, command: c.SetDerControl, answer: Answer, now: datetime) -> Commit:
    """SetDERControl (R04)."""
    if not answer.agreed:
        return Commit(live)
    told = {
        "id": command.control_id, "kind": command.control_type, "isDefault": command.default, "content": command.control
    }  # fmt: skip
    rows: list[tuple[Any, Any]] = [(CONTROLS, _control(live, told, now))]
    rows += [(SUPERSEDED, Superseded(live.station.id, one)) for one in answer.data.get("supersededIds", ())]
    return Commit(live, rows=rows)


def were_cleared(live: Live, command: c.ClearDerControl, answer: Answer, _now: datetime) -> Commit:
    """ClearDERControl (R04). NotFound: then none is there either."""
    if not answer.agreed and answer.status != "NotFound":
        return Commit(live)
    gone = ControlsGone(live.station.id, command.default, command.control_type, command.control_id)
    return Commit(live, rows=[(GONE, gone)])
