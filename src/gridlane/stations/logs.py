"""Logs that stations were asked for: what was asked, how far it is, and the file that came."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from gridlane.kernel.database import metadata
from gridlane.kernel.group_commit import RecordSink
from gridlane.stations.commands import AnyCommand, GetLog
from gridlane.stations.decision import Commit
from gridlane.stations.model import of_station
from gridlane.stations.replies import Noted
from gridlane.stations.reports import LogReported
from gridlane.stations.state import Live

log_uploads = sa.Table(
    "log_uploads",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, comment="the operation that asked for it"),
    *of_station(key=False),
    sa.Column("kind", sa.Text, nullable=False, comment="DiagnosticsLog, SecurityLog, DataCollectorLog"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("status", sa.Text, nullable=True, comment="the station's last word"),
    sa.Column("status_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("info", sa.Text, nullable=True),
    # Where it goes to us; null where the station was sent elsewhere:
    sa.Column("secret_hash", sa.Text, nullable=True, unique=True, comment="SHA-256 of the address's secret"),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("file_name", sa.Text, nullable=True, comment="as the station called it"),
    sa.Column("size", sa.BigInteger, nullable=True, comment="bytes"),
    sa.Column("sha256", sa.Text, nullable=True),
    sa.Index(None, "station_id", "created_at"),
    comment="logs that stations were asked for",
)


class LogRow(msgspec.Struct):
    """What a station said of a log; ``id`` None where it did not say which."""

    id: UUID | None
    organization_id: UUID | None
    station_id: UUID
    kind: str
    created_at: datetime
    status: str
    status_at: datetime
    info: str | None


_TOLD = b"""
json_to_recordset($1::json) AS told(id uuid, organization_id uuid, station_id uuid, kind text,
  created_at timestamptz, status text, status_at timestamptz, info text)
"""
LOGS = RecordSink(
    "log_uploads",
    b"INSERT INTO log_uploads (id, organization_id, station_id, kind, created_at, status, status_at, info) "
    b"SELECT * FROM " + _TOLD + b"ON CONFLICT (id) DO UPDATE SET status = excluded.status, "
    b"status_at = excluded.status_at, info = excluded.info",
)
LATEST_LOG = RecordSink(
    "log_uploads latest",
    b"UPDATE log_uploads u SET status = told.status, status_at = told.status_at, info = told.info FROM "
    + _TOLD
    + b"WHERE u.id = (SELECT id FROM log_uploads l WHERE l.station_id = told.station_id "
    b"ORDER BY created_at DESC LIMIT 1)",
)


def reported(live: Live, what: LogReported, now: datetime, _answer: Any) -> Commit:
    """LogStatusNotification, DiagnosticsStatusNotification (N01): of the log it names, else of the latest asked for."""
    if what.status == "Idle":
        return Commit(live, Noted())
    station = live.station
    asked = _asked(live, what)
    row = LogRow(
        None, station.organization_id, station.id, "DiagnosticsLog", now, what.status, now, what.info
    )
    if asked is None:
        return Commit(live, Noted(), [(LATEST_LOG, row)])
    row.id, row.created_at, row.kind = asked
    return Commit(live, Noted(), [(LOGS, row)])


def _asked(live: Live, what: LogReported) -> tuple[UUID, datetime, str] | None:
    """The operation under way that a status belongs to: by its number; over 1.6's diagnostics there is none."""
    for state in live.station.operations.values():
        if state.kind == "get_log":
            command = msgspec.json.decode(state.params, type=AnyCommand)
            assert isinstance(command, GetLog)
            if what.request_id in (None, command.request_id):
                return state.id, state.sent_at, command.log
    return None
