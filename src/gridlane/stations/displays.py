"""Messages on stations' displays, as the stations hold them."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from gridlane.kernel.database import metadata
from gridlane.kernel.group_commit import RecordSink, upsert
from gridlane.stations import commands as c
from gridlane.stations.commands import Answer
from gridlane.stations.decision import Commit
from gridlane.stations.model import of_station
from gridlane.stations.replies import Noted
from gridlane.stations.report_parts import forgetting, stale
from gridlane.stations.reports import PartReported
from gridlane.stations.state import Live

display_messages = sa.Table(
    "display_messages",
    metadata,
    *of_station(),
    sa.Column("message_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("priority", sa.Text, nullable=False, comment="AlwaysFront, InFront, NormalCycle"),
    sa.Column("state", sa.Text, nullable=True, comment="when it is shown: Charging, Faulted, Idle, ..."),
    sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("transaction", sa.Text, nullable=True, comment="shown during this transaction only"),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("format", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=True),
    sa.Column("whole", JSONB, nullable=False, comment="MessageInfoType as it was set or told"),
    sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
    comment="messages on stations' displays",
)


class DisplayRow(msgspec.Struct):
    station_id: UUID
    message_id: int
    organization_id: UUID | None
    priority: str
    state: str | None
    starts_at: str | None
    ends_at: str | None
    transaction: str | None
    content: str
    format: str
    language: str | None
    whole: Any
    reported_at: datetime


class DisplayKey(msgspec.Struct):
    station_id: UUID
    message_id: int


DISPLAY_MESSAGES = upsert("display_messages", ("station_id", "message_id"), DisplayRow.__struct_fields__[2:])
CLEARED = RecordSink(
    "display_messages cleared",
    b"""
    DELETE FROM display_messages m USING json_to_recordset($1::json) AS gone(station_id uuid, message_id int)
    WHERE m.station_id = gone.station_id AND m.message_id = gone.message_id
    """,
)
GONE = forgetting("display_messages")


def reported(live: Live, what: PartReported, now: datetime, _answer: Any) -> Commit:
    """NotifyDisplayMessages (O03, O04)."""
    rows = {told["id"]: _row(live, told, now) for told in what.items}
    gone = stale(live, what, "get_display_messages", _asks_for_all, GONE)
    return Commit(live, Noted(), [*((DISPLAY_MESSAGES, row) for row in rows.values()), *gone])


def _asks_for_all(command: c.GetDisplayMessages) -> bool:
    return not command.ids and command.priority is None and command.state is None


def was_set(live: Live, command: c.SetDisplayMessage, answer: Answer, now: datetime) -> Commit:
    """SetDisplayMessage (O01, O02, O06)."""
    rows = [(DISPLAY_MESSAGES, _row(live, command.message, now))] if answer.agreed else []
    return Commit(live, rows=list(rows))


def was_cleared(live: Live, command: c.ClearDisplayMessage, answer: Answer, _now: datetime) -> Commit:
    """ClearDisplayMessage (O05). One that is unknown to the station is not there either."""
    if not answer.agreed and answer.status != "Unknown":
        return Commit(live)
    return Commit(live, rows=[(CLEARED, DisplayKey(live.station.id, command.id))])


def _row(live: Live, told: dict[str, Any], now: datetime) -> DisplayRow:
    message = told["message"]
    return DisplayRow(
        station_id=live.station.id,
        message_id=told["id"],
        organization_id=live.station.organization_id,
        priority=told["priority"],
        state=told.get("state"),
        starts_at=told.get("startDateTime"),
        ends_at=told.get("endDateTime"),
        transaction=told.get("transactionId"),
        content=message["content"],
        format=message["format"],
        language=message.get("language"),
        whole=told,
        reported_at=now,
    )
