"""Availability, told truthfully: one ledger per EVSE, as intervals of one state with its cause.

Every figure (NEVI and UK uptime, OCPI states, maps) is a view of this ledger. A station whose link is gone is
``offline``: it is never shown as free.
"""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
import sqlalchemy as sa

from gridlane.kernel.database import metadata
from gridlane.kernel.group_commit import RecordSink
from gridlane.stations.state import ConnectorState, Live

EvseState = Literal["available", "occupied", "reserved", "unavailable", "faulted", "offline"]

availability_intervals = sa.Table(
    "availability_intervals",
    metadata,
    sa.Column("evse_id", sa.Uuid, sa.ForeignKey("evses.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("since", sa.DateTime(timezone=True), primary_key=True),
    sa.Column("until", sa.DateTime(timezone=True), nullable=True, comment="null: still so"),
    sa.Column("organization_id", sa.Uuid, nullable=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("cause", sa.Text, nullable=True),
    sa.Column("known_at", sa.DateTime(timezone=True), nullable=False, comment="when we learned of it"),
    sa.Index(
        "ix_availability_intervals_open", "evse_id", unique=True, postgresql_where=sa.text("until IS NULL")
    ),
    sa.Index(None, "organization_id", "since"),
)


class IntervalRow(msgspec.Struct):
    evse_id: UUID
    organization_id: UUID | None
    at: datetime
    state: str
    cause: str | None
    known_at: datetime


_TOLD = b"""
json_to_recordset($1::json) AS told(
  evse_id uuid, organization_id uuid, at timestamptz, state text, cause text, known_at timestamptz)
"""
_CLOSE = (
    b"UPDATE availability_intervals i SET until = greatest(told.at, i.since + interval '1 microsecond') FROM "
    + _TOLD
    + b"WHERE i.evse_id = told.evse_id AND i.until IS NULL AND i.state <> told.state"
)
_OPEN = (
    b"INSERT INTO availability_intervals (evse_id, since, organization_id, state, cause, known_at) "
    b"SELECT evse_id, coalesce((SELECT max(until) FROM availability_intervals i WHERE i.evse_id = told.evse_id), at), "
    b"organization_id, state, cause, known_at FROM "
    + _TOLD
    + b"WHERE NOT EXISTS (SELECT FROM availability_intervals i WHERE i.evse_id = told.evse_id AND i.until IS NULL)"
)
# An EVSE's open interval is closed and a new one opened, where the state differs. An instant before the open interval's
# begin (a late report) moves to just after it: what was told to the world is not rewritten here. Two statements, since
# the ledger allows one open interval per EVSE at any instant.
INTERVALS = RecordSink("availability_intervals", _CLOSE, _OPEN)


def evse_state(connectors: list[ConnectorState], *, connected: bool) -> EvseState:
    """One state of an EVSE from its connectors: in use if any is, out of order only if all are."""
    if not connected:
        return "offline"
    statuses = {connector.status for connector in connectors}
    if statuses & _IN_USE:
        return "occupied"
    if "reserved" in statuses:
        return "reserved"
    if "available" in statuses:
        return "available"
    return "faulted" if "faulted" in statuses else "unavailable"


_IN_USE = {"occupied", "preparing", "charging", "suspended_ev", "suspended_evse", "finishing"}


def mark(
    live: Live, now: datetime, *, cause: str, at: datetime | None = None, evse: int | None = None
) -> list[tuple[Any, Any]]:
    """Rows that tell the ledger the state of every EVSE (or of ``evse``) as of ``at``."""
    by_evse: dict[int, list[ConnectorState]] = {}
    for (number, _), connector in live.station.connectors.items():
        if evse in (None, number):
            by_evse.setdefault(number, []).append(connector)
    connected = live.station.connected_at is not None
    return [
        (
            INTERVALS,
            IntervalRow(
                connectors[0].evse_id,
                live.station.organization_id,
                at or now,
                evse_state(connectors, connected=connected),
                cause,
                now,
            ),
        )
        for connectors in by_evse.values()
    ]
