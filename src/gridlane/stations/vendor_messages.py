"""Messages of a vendor's own, and valid messages that have no meaning here yet: kept whole, answered by the
specification, read by whoever knows the vendor.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from gridlane.kernel.database import metadata
from gridlane.kernel.group_commit import append
from gridlane.kernel.ids import new_id
from gridlane.stations.decision import Commit, Handler
from gridlane.stations.model import of_station
from gridlane.stations.replies import Noted, StatusAnswered
from gridlane.stations.reports import DataTransferred, OtherReported
from gridlane.stations.state import Live

other_messages = sa.Table(
    "other_messages",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    *of_station(key=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("vendor", sa.Text, nullable=True, comment="of a DataTransfer"),
    sa.Column("message", sa.Text, nullable=True, comment="of a DataTransfer"),
    sa.Column("payload", JSONB, nullable=True),
    sa.Index(None, "station_id", "at"),
    comment="what stations said that has no table of its own",
)


class OtherRow(msgspec.Struct):
    id: UUID
    organization_id: UUID | None
    station_id: UUID
    at: datetime
    action: str
    vendor: str | None
    message: str | None
    payload: Any


OTHER_MESSAGES = append("other_messages", OtherRow.__struct_fields__)

VENDORS: dict[str, Mapping[str, Handler]] = {}
"""Vendors whose messages are understood: by vendor id and message id, each decided like any other report."""


def transferred(live: Live, what: DataTransferred, now: datetime, answer: Any) -> Commit:
    """DataTransfer (P02): unknown vendors and unknown messages of known ones are told so; all are kept."""
    row = _row(live, now, "DataTransfer", what.data, vendor=what.vendor, message=what.message)
    messages = VENDORS.get(what.vendor)
    if messages is None:
        return Commit(live, StatusAnswered(status="UnknownVendorId"), [(OTHER_MESSAGES, row)])
    handler = messages.get(what.message or "")
    if handler is None:
        return Commit(live, StatusAnswered(status="UnknownMessageId"), [(OTHER_MESSAGES, row)])
    commit = handler(live, what, now, answer)
    assert type(commit) is Commit, "a vendor's message is decided without asking"
    commit.rows.append((OTHER_MESSAGES, row))
    return commit


def other(live: Live, what: OtherReported, now: datetime, _answer: Any) -> Commit:
    """A valid message without a meaning here: kept whole, answered as its specification says."""
    return Commit(live, Noted(), [(OTHER_MESSAGES, _row(live, now, what.action, what.payload))])


def _row(
    live: Live,
    now: datetime,
    action: str,
    payload: Any,
    *,
    vendor: str | None = None,
    message: str | None = None,
) -> OtherRow:
    station = live.station
    return OtherRow(new_id(), station.organization_id, station.id, now, action, vendor, message, payload)
