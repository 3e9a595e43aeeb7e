"""Periodic event streams (OCPP 2.1, N11 to N15): values of a monitored variable, many in one unanswered message."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from gridlane.kernel.database import metadata
from gridlane.kernel.group_commit import RecordSink, append, upsert
from gridlane.kernel.ids import new_id
from gridlane.stations import commands as c
from gridlane.stations.commands import Answer
from gridlane.stations.decision import Commit
from gridlane.stations.life import plausible
from gridlane.stations.model import of_station
from gridlane.stations.replies import Noted, StatusAnswered
from gridlane.stations.reports import StreamClosed, StreamOpened, StreamReported
from gridlane.stations.state import Live

event_streams = sa.Table(
    "event_streams",
    metadata,
    *of_station(),
    sa.Column("stream_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("monitor_id", sa.BigInteger, nullable=False, comment="the variable monitor whose values come"),
    sa.Column("interval", sa.BigInteger, nullable=True, comment="seconds between two messages"),
    sa.Column("values", sa.BigInteger, nullable=True, comment="at most in one message"),
    sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
    comment="periodic event streams of stations",
)

stream_values = sa.Table(
    "stream_values",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    *of_station(key=False),
    sa.Column("stream_id", sa.BigInteger, nullable=False),
    sa.Column(
        "at", sa.DateTime(timezone=True), nullable=False, comment="what the seconds of the values count from"
    ),
    sa.Column("pending", sa.BigInteger, nullable=False, comment="values that wait in the station"),
    sa.Column("values", JSONB, nullable=False, comment="[seconds, value], ..."),
    sa.Index(None, "station_id", "at"),
    comment="values of periodic event streams, a row for each message",
)


class StreamRow(msgspec.Struct):
    station_id: UUID
    stream_id: int
    organization_id: UUID | None
    monitor_id: int
    interval: int | None
    values: int | None
    opened_at: datetime
    closed_at: datetime | None = None


class StreamChange(msgspec.Struct):
    """None: as it was. ``stream_ids``: all but these are closed."""

    station_id: UUID
    stream_id: int | None = None
    closed_at: datetime | None = None
    interval: int | None = None
    values: int | None = None
    stream_ids: tuple[int, ...] | None = None


class ValuesRow(msgspec.Struct):
    id: UUID
    organization_id: UUID | None
    station_id: UUID
    stream_id: int
    at: datetime
    pending: int
    values: Any


STREAMS = upsert("event_streams", ("station_id", "stream_id"), StreamRow.__struct_fields__[2:])
VALUES = append("stream_values", ValuesRow.__struct_fields__)
CHANGES = RecordSink(
    "event_streams changes",
    b"""
    UPDATE event_streams s SET closed_at = coalesce(new.closed_at, s.closed_at),
      "interval" = coalesce(new."interval", s."interval"), "values" = coalesce(new."values", s."values")
    FROM json_to_recordset($1::json) AS new(station_id uuid, stream_id bigint, closed_at timestamptz,
      "interval" bigint, "values" bigint, stream_ids jsonb)
    WHERE s.station_id = new.station_id AND s.closed_at IS NULL
      AND (s.stream_id = new.stream_id OR new.stream_id IS NULL AND NOT new.stream_ids @> to_jsonb(s.stream_id))
    """,
)


def opened(live: Live, what: StreamOpened, now: datetime, _answer: Any) -> Commit:
    """OpenPeriodicEventStream (N11)."""
    row = _row(live, what.stream, what.monitor, what.interval, what.values, now)
    return Commit(live, StatusAnswered(status="Accepted"), [(STREAMS, row)])


def closed(live: Live, what: StreamClosed, now: datetime, _answer: Any) -> Commit:
    """ClosePeriodicEventStream (N13)."""
    return Commit(live, Noted(), [(CHANGES, StreamChange(live.station.id, what.stream, closed_at=now))])


def reported(live: Live, what: StreamReported, now: datetime, _answer: Any) -> Commit:
    """NotifyPeriodicEventStream (N12): never answered."""
    station = live.station
    at = plausible(what.at, now)
    row = ValuesRow(new_id(), station.organization_id, station.id, what.stream, at, what.pending, what.values)
    return Commit(live, Noted(), [(VALUES, row)])


def was_adjusted(live: Live, command: c.AdjustStream, answer: Answer, _now: datetime) -> Commit:
    """AdjustPeriodicEventStream (N15)."""
    if not answer.agreed:
        return Commit(live)
    change = StreamChange(live.station.id, command.stream, interval=command.interval, values=command.values)
    return Commit(live, rows=[(CHANGES, change)])


def were_told(live: Live, _command: c.GetStreams, answer: Answer, now: datetime) -> Commit:
    """GetPeriodicEventStream (N14): what is open; anything else is closed."""
    if not answer.agreed:
        return Commit(live)
    told = answer.data.get("constantStreamData", ())
    rows: list[tuple[Any, Any]] = []
    for one in told:
        params = one.get("params", {})
        row = _row(
            live, one["id"], one["variableMonitoringId"], params.get("interval"), params.get("values"), now
        )
        rows.append((STREAMS, row))
    others = StreamChange(live.station.id, closed_at=now, stream_ids=tuple(one["id"] for one in told))
    return Commit(live, rows=[*rows, (CHANGES, others)])


def _row(
    live: Live, stream: int, monitor: int, interval: int | None, values: int | None, now: datetime
) -> StreamRow:
    return StreamRow(live.station.id, stream, live.station.organization_id, monitor, interval, values, now)
