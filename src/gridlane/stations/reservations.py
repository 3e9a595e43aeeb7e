"""Reservations as the stations hold them: made, cancelled, used, or over without a transaction."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from gridlane.kernel.database import metadata
from gridlane.kernel.facts import Fact
from gridlane.kernel.group_commit import RecordSink, upsert
from gridlane.stations import commands as c
from gridlane.stations.commands import Answer
from gridlane.stations.decision import Commit, report_fact
from gridlane.stations.model import of_station
from gridlane.stations.replies import Noted
from gridlane.stations.reports import ReservationChanged, TransactionReported
from gridlane.stations.state import Live

station_reservations = sa.Table(
    "station_reservations",
    metadata,
    *of_station(),
    sa.Column("reservation_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("evse", sa.Integer, nullable=True, comment="null: any EVSE of the station"),
    sa.Column("connector_type", sa.Text, nullable=True),
    sa.Column("token_last4", sa.Text, nullable=False),
    sa.Column(
        "status", sa.Text, nullable=False, comment="active, cancelled, used, expired, removed, no_transaction"
    ),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("ix_station_reservations_active", "expires_at", postgresql_where=sa.text("status = 'active'")),
    comment="reservations that stations agreed to",
)

ENDS = {"Expired": "expired", "Removed": "removed", "NoTransaction": "no_transaction"}


class StationReservationChanged(Fact, frozen=True, kw_only=True, tag="station_reservation_changed"):
    """A reservation at a station was made, cancelled, used, or ended without a transaction."""

    reservation_id: int
    status: str


class ReservationRow(msgspec.Struct):
    station_id: UUID
    reservation_id: int
    organization_id: UUID | None
    evse: int | None
    connector_type: str | None
    token_last4: str
    status: str
    expires_at: datetime
    made_at: datetime
    changed_at: datetime


class ReservationEnd(msgspec.Struct):
    station_id: UUID
    reservation_id: int
    status: str
    changed_at: datetime


RESERVATIONS = upsert(
    "station_reservations", ("station_id", "reservation_id"), ReservationRow.__struct_fields__[2:]
)
RESERVATION_ENDS = RecordSink(
    "station_reservations ends",
    b"""
    UPDATE station_reservations r SET status = new.status, changed_at = new.changed_at
    FROM json_populate_recordset(null::station_reservations, $1::json) AS new
    WHERE r.station_id = new.station_id AND r.reservation_id = new.reservation_id AND r.status = 'active'
    """,
)


def made(live: Live, command: c.Reserve, answer: Answer, now: datetime) -> Commit:
    """ReserveNow (H01): what the station agreed to. The same number again replaces the reservation (H01.FR.02)."""
    if not answer.agreed:
        return Commit(live)
    station = live.station
    row = ReservationRow(
        station.id,
        command.reservation_id,
        station.organization_id,
        command.evse,
        command.connector_type,
        command.token.value[-4:],
        "active",
        command.expires,
        now,
        now,
    )
    return Commit(
        live,
        rows=[(RESERVATIONS, row)],
        facts=[report_fact(live, _fact(command.reservation_id, "active"), now)],
    )


def cancelled(live: Live, command: c.CancelReservation, answer: Answer, now: datetime) -> Commit:
    """CancelReservation (H02)."""
    if not answer.agreed:
        return Commit(live)
    return _ended(live, command.reservation_id, "cancelled", now)


def changed(live: Live, what: ReservationChanged, now: datetime, _answer: Any) -> Commit:
    """ReservationStatusUpdate (H04)."""
    commit = _ended(live, what.reservation_id, ENDS.get(what.status, what.status.lower()), now)
    commit.reply = Noted()
    return commit


def used(live: Live, what: TransactionReported, now: datetime, _answer: Any) -> Commit:
    """A transaction that names its reservation has used it (H03)."""
    if what.reservation_id is None:
        return Commit(live)
    return _ended(live, what.reservation_id, "used", now)


def _ended(live: Live, number: int, status: str, now: datetime) -> Commit:
    row = ReservationEnd(live.station.id, number, status, now)
    return Commit(live, rows=[(RESERVATION_ENDS, row)], facts=[report_fact(live, _fact(number, status), now)])


def _fact(number: int, status: str) -> StationReservationChanged:
    return StationReservationChanged(reservation_id=number, status=status)
