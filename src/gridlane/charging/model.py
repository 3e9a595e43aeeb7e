"""Tables of sessions, their events and readings, and of who was let in; and the sinks they are written through.

Sessions, events and readings are written by the owner of their station alone. A reading is one row for all samples
of one instant (``stations.reports.Reading``), in partitions by the time it was received.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec.structs import asdict
from sqlalchemy.dialects.postgresql import ARRAY

from gridlane.charging.state import HOLDING, Progress, Session
from gridlane.kernel.database import metadata
from gridlane.kernel.group_commit import ColumnSink, RecordSink, update, upsert


def _at(name: str, *, nullable: bool = True) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())


_HOLDING = ", ".join(f"'{flag}'" for flag in sorted(HOLDING))

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=True),
    sa.Column("site_id", sa.Uuid, nullable=True),
    sa.Column("station_id", sa.Uuid, nullable=False),
    sa.Column("transaction_id", sa.Text, nullable=False, comment="the station's; unique only within it"),
    sa.Column("generation", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("status", sa.Text, nullable=False, comment="active, ended, presumed_ended"),
    sa.Column("evse", sa.SmallInteger, nullable=True),
    sa.Column("connector", sa.SmallInteger, nullable=True),
    _at("started_at", nullable=False),
    _at("ended_at"),
    _at("presumed_end"),
    _at("interrupted_at"),
    sa.Column("start_digest", sa.Text, nullable=True),
    sa.Column("end_digest", sa.Text, nullable=True),
    _at("end_received_at"),
    sa.Column("stop_reason", sa.Text, nullable=True, comment="as the station said"),
    sa.Column("closed_by", sa.Text, nullable=True, comment="the operator who closed it"),
    _flag("refused"),
    sa.Column("verdict", sa.Text, nullable=True, comment="AuthorizationStatusEnumType; null: no token yet"),
    sa.Column("token_id", sa.Uuid, nullable=True),
    sa.Column("token_key", sa.Uuid, nullable=True),
    sa.Column("token_last4", sa.Text, nullable=True),
    sa.Column("token_kind", sa.Text, nullable=True),
    _at("token_at"),
    sa.Column("group_id", sa.Text, nullable=True),
    sa.Column("person_id", sa.Uuid, nullable=True),
    sa.Column("stop_token_key", sa.Uuid, nullable=True),
    sa.Column("stop_token_last4", sa.Text, nullable=True),
    sa.Column("request_id", sa.Uuid, nullable=True),
    sa.Column("remote_start_id", sa.BigInteger, nullable=True),
    sa.Column("reservation_id", sa.BigInteger, nullable=True),
    sa.Column("phases_used", sa.SmallInteger, nullable=True),
    sa.Column("cable_max_current", sa.Float, nullable=True, comment="A"),
    _flag("offline"),
    _flag("stopping"),
    sa.Column("clock_offset", sa.Float, nullable=False, server_default="0", comment="seconds ahead of ours"),
    sa.Column("tariff_version_id", sa.Uuid, nullable=True, comment="the price frozen at the start"),
    sa.Column("approved_energy", sa.Float, nullable=True, comment="Wh; what a review decided"),
    sa.Column("reviewed_by", sa.Text, nullable=True),
    _at("reviewed_at"),
    # moved by every meter value (Progress):
    _at("received_at", nullable=False),
    _at("first_received_at", nullable=False),
    sa.Column("energy", sa.Float, nullable=False, comment="Wh"),
    sa.Column("first_register", sa.Float, nullable=True, comment="Wh"),
    _at("first_register_at"),
    _flag("first_is_begin"),
    sa.Column("register", sa.Float, nullable=True, comment="Wh"),
    _at("register_at"),
    sa.Column("power", sa.Float, nullable=True, comment="W"),
    _at("power_at"),
    sa.Column("soc", sa.Float, nullable=True, comment="percent"),
    _at("soc_at"),
    sa.Column("sequences", ARRAY(sa.BigInteger), nullable=False, server_default="{}"),
    sa.Column("charging_state", sa.Text, nullable=True),
    sa.Column("state_sequence", sa.BigInteger, nullable=False, server_default="-1"),
    sa.Column("flags", ARRAY(sa.Text), nullable=False, server_default="{}"),
    _flag("signed"),
    _flag("unsettled"),
    sa.Column(
        "held",
        sa.Boolean,
        sa.Computed(f"reviewed_at IS NULL AND flags && ARRAY[{_HOLDING}]", persisted=True),
        comment="somebody has to look at it before it is billed",
    ),
    # set by the sink of the events:
    _flag("sequence_conflict"),
    sa.Index(
        "uq_sessions_station_id_transaction_id_generation",
        "station_id",
        "transaction_id",
        "generation",
        unique=True,
    ),
    sa.Index("ix_sessions_held", "organization_id", postgresql_where=sa.text("held")),
    sa.Index("ix_sessions_active", "station_id", postgresql_where=sa.text("status = 'active'")),
    sa.Index(None, "organization_id", "started_at", "id"),
    sa.Index("ix_sessions_active_token", "token_key", postgresql_where=sa.text("status = 'active'")),
    sa.Index(
        "ix_sessions_token", "token_key", "started_at", postgresql_where=sa.text("token_key IS NOT NULL")
    ),
    sa.Index(
        "ix_sessions_person", "person_id", "started_at", postgresql_where=sa.text("person_id IS NOT NULL")
    ),
    sa.Index(None, "station_id", "started_at"),
    postgresql_with={"fillfactor": 70},
)

transaction_events = sa.Table(
    "transaction_events",
    metadata,
    sa.Column("session_id", sa.Uuid, primary_key=True),
    sa.Column("phase", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True, comment="of the payload, so of sequence and time too"),
    sa.Column("organization_id", sa.Uuid, nullable=True),
    sa.Column("station_id", sa.Uuid, nullable=False),
    sa.Column("transaction_id", sa.Text, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=True),
    _at("at", nullable=False),
    _at("received_at", nullable=False),
    sa.Column("trigger", sa.Text, nullable=True),
    sa.Column("charging_state", sa.Text, nullable=True),
    sa.Column("stopped_reason", sa.Text, nullable=True),
    _flag("offline"),
    sa.Column("evse", sa.SmallInteger, nullable=True),
    sa.Column("connector", sa.SmallInteger, nullable=True),
    sa.Column("token_last4", sa.Text, nullable=True),
    sa.Column("remote_start_id", sa.BigInteger, nullable=True),
    sa.Column("reservation_id", sa.BigInteger, nullable=True),
    sa.Column("extra", sa.Text, nullable=True, comment="JSON: what else the event said"),
)

readings = sa.Table(
    "readings",
    metadata,
    sa.Column("organization_id", sa.Uuid, nullable=True),
    sa.Column("station_id", sa.Uuid, nullable=False),
    sa.Column("evse", sa.SmallInteger, nullable=False),
    sa.Column("session_id", sa.Uuid, nullable=True),
    _at("received_at", nullable=False),
    _at("at", nullable=False),
    sa.Column("context", sa.Text, nullable=False),
    sa.Column("energy", sa.Float, nullable=True, comment="Wh"),
    sa.Column("energy_export", sa.Float, nullable=True, comment="Wh"),
    sa.Column("power", sa.Float, nullable=True, comment="W"),
    sa.Column("power_offered", sa.Float, nullable=True, comment="W"),
    sa.Column("current", sa.REAL, nullable=True, comment="A"),
    sa.Column("current_offered", sa.REAL, nullable=True, comment="A"),
    sa.Column("current_l1", sa.REAL, nullable=True, comment="A"),
    sa.Column("current_l2", sa.REAL, nullable=True, comment="A"),
    sa.Column("current_l3", sa.REAL, nullable=True, comment="A"),
    sa.Column("voltage", sa.REAL, nullable=True, comment="V"),
    sa.Column("soc", sa.REAL, nullable=True, comment="percent"),
    sa.Column("temperature", sa.REAL, nullable=True, comment="Celsius"),
    sa.Column("frequency", sa.REAL, nullable=True, comment="Hz"),
    _flag("signed"),
    sa.Column("rest", sa.Text, nullable=True, comment="JSON: samples without a column, byte for byte"),
    sa.Index("ix_readings_station_id_received_at", "station_id", "received_at"),
    postgresql_partition_by="RANGE (received_at)",
)

authorizations = sa.Table(
    "authorizations",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=True),
    sa.Column("station_id", sa.Uuid, nullable=False),
    sa.Column("evse", sa.SmallInteger, nullable=True),
    _at("at", nullable=False),
    sa.Column("occasion", sa.Text, nullable=False, comment="authorize, start, stop"),
    sa.Column("token_id", sa.Uuid, nullable=True),
    sa.Column("token_key", sa.Uuid, nullable=False),
    sa.Column("token_last4", sa.Text, nullable=False),
    sa.Column("token_kind", sa.Text, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False, comment="AuthorizationStatusEnumType"),
    sa.Column("reason", sa.Text, nullable=True, comment="the rule that decided"),
    sa.Column("session_id", sa.Uuid, nullable=True),
    sa.Index(None, "organization_id", "at"),
    sa.Index(None, "token_key", "at"),
    sa.Index(None, "station_id", "at"),
)

start_requests = sa.Table(
    "start_requests",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=True),
    sa.Column("station_id", sa.Uuid, nullable=False),
    sa.Column("evse", sa.SmallInteger, nullable=True, comment="null: any of the station"),
    sa.Column("token_id", sa.Uuid, nullable=True),
    sa.Column("token_key", sa.Uuid, nullable=False),
    sa.Column("token_last4", sa.Text, nullable=False, server_default=""),
    sa.Column("token_kind", sa.Text, nullable=False, server_default=""),
    sa.Column("person_id", sa.Uuid, nullable=True),
    sa.Column(
        "remote_start_id", sa.BigInteger, nullable=False, comment="random, so that none can be guessed"
    ),
    sa.Column("operation_id", sa.Uuid, nullable=False),
    sa.Column("requested_by", sa.Text, nullable=False),
    _at("created_at", nullable=False),
    _at("expires_at", nullable=False),
    sa.Column("begins_at", sa.DateTime(timezone=True), nullable=True, comment="null: at once"),
    sa.Column("limits", sa.Text, nullable=True, comment="JSON: where it is to end by itself"),
    # written by the owner of the station:
    sa.Column("session_id", sa.Uuid, nullable=True),
    sa.Index("ix_start_requests_waiting", "station_id", postgresql_where=sa.text("session_id IS NULL")),
    sa.Index(None, "session_id"),
    sa.Index(None, "person_id"),
    comment="starts asked for by app, API or checkout, until their transaction comes",
)

limits_reached = sa.Table(
    "limits_reached",
    metadata,
    sa.Column("session_id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=True),
    sa.Column("which", sa.Text, nullable=False, comment="energy, cost, time, soc"),
    _at("reached_at", nullable=False),
    sa.Column("operation_id", sa.Uuid, nullable=False, comment="the latest stop that was asked for"),
    sa.Column("attempts", sa.Integer, nullable=False),
    _at("asked_at", nullable=False),
    comment="charges that came to their driver's limit, and were asked to stop",
)

admissions = sa.Table(
    "admissions",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=True),
    sa.Column("kind", sa.Text, nullable=False, comment="reservation, credit, external"),
    sa.Column("token_key", sa.Uuid, nullable=True),
    sa.Column("group_id", sa.Text, nullable=True),
    sa.Column("person_id", sa.Uuid, nullable=True),
    sa.Column("station_id", sa.Uuid, nullable=True),
    sa.Column("evse", sa.SmallInteger, nullable=True),
    sa.Column("status", sa.Text, nullable=False, comment="AuthorizationStatusEnumType"),
    sa.Column("message", sa.Text, nullable=True, comment="shown to the driver"),
    sa.Column("reference", sa.Text, nullable=True, comment="what it is about, to whom wrote it"),
    _at("valid_from", nullable=False),
    _at("valid_until", nullable=False),
    sa.Index(None, "token_key"),
    sa.Index(None, "station_id"),
    sa.Index(None, "valid_until"),
    sa.Index(None, "reference"),
    comment="what other parts say beforehand about a token or an EVSE",
)

# --- what the owner writes ---------------------------------------------------------------------------------------

_PROGRESS = tuple(name for name in Progress.__struct_fields__ if name != "id")
_MEMORY_ONLY = ("progress", "latest", "recent")
_OF_SESSION = tuple(
    "first_received_at" if name == "received_at" else name
    for name in Session.__struct_fields__
    if name != "id" and name not in _MEMORY_ONLY
)

SESSIONS = upsert(
    "sessions", ("id",), ("status", *_OF_SESSION, *_PROGRESS), keep=("organization_id", "station_id"), name="sessions"
)  # fmt: skip

_PROGRESS_TYPES = {
    "received_at": "timestamptz", "first_register_at": "timestamptz", "register_at": "timestamptz",
    "power_at": "timestamptz", "soc_at": "timestamptz", "first_is_begin": "boolean", "sequences": "bigint[]",
    "charging_state": "text", "state_sequence": "bigint", "flags": "text[]", "signed": "boolean",
    "unsettled": "boolean",
}  # fmt: skip
PROGRESS = RecordSink(
    "sessions progress",
    (
        f"UPDATE sessions SET {', '.join(f'{name} = new.{name}' for name in _PROGRESS)} "  # noqa: S608 (our own columns)
        "FROM json_to_recordset($1::json) AS new(id uuid, "
        + ", ".join(f"{name} {_PROGRESS_TYPES.get(name, 'float8')}" for name in _PROGRESS)
        + ") WHERE sessions.id = new.id"
    ).encode(),
)

# Every event is kept once. Two events of one number, two starts or two ends are both kept, and the session says so.
TRANSACTION_EVENTS = RecordSink(
    "transaction_events",
    b"""
    WITH added AS (
      INSERT INTO transaction_events SELECT * FROM json_populate_recordset(null::transaction_events, $1::json)
      ON CONFLICT DO NOTHING RETURNING session_id, sequence, phase, digest)
    UPDATE sessions SET sequence_conflict = true FROM added JOIN transaction_events other
      ON other.session_id = added.session_id AND (other.digest <> added.digest OR other.phase <> added.phase)
      AND (other.sequence = added.sequence OR (other.phase = added.phase AND other.phase <> 'updated'))
    WHERE sessions.id = added.session_id
    """,
)

_READING_TYPES = {
    "organization_id": "uuid", "station_id": "uuid", "session_id": "uuid", "evse": "int2",
    "received_at": "timestamptz", "at": "timestamptz", "context": "text", "rest": "text", "signed": "bool",
    "energy": "float8", "energy_export": "float8", "power": "float8", "power_offered": "float8",
}  # fmt: skip
READING_COLUMNS = tuple(column.name for column in readings.columns)
READINGS = ColumnSink(
    "readings", READING_COLUMNS, [_READING_TYPES.get(name, "float4") for name in READING_COLUMNS]
)

AUTHORIZATIONS = ColumnSink(
    "authorizations",
    (
        "organization_id", "station_id", "evse", "at", "occasion", "token_id", "token_key", "token_last4",
        "token_kind", "verdict", "reason", "session_id",
    ),
    ("uuid", "uuid", "int2", "timestamptz", "text", "uuid", "uuid", "text", "text", "text", "text", "uuid"),
)  # fmt: skip


REQUESTS_JOINED = update("start_requests", "id", ("session_id",), name="start requests joined")


def session_row(session: Session) -> dict[str, Any]:
    """All columns of a session."""
    row = asdict(session)
    for name in _MEMORY_ONLY:
        del row[name]
    row["status"] = session.status
    row["first_received_at"] = row["received_at"]
    return row | asdict(session.progress)


def session_of(row: dict[str, Any]) -> Session:
    """A session from all its columns."""
    progress = {name: row[name] for name in Progress.__struct_fields__}
    progress["sequences"] = tuple(row["sequences"])
    progress["flags"] = tuple(row["flags"])
    own = {
        name: row[name]
        for name in Session.__struct_fields__
        if name not in _MEMORY_ONLY and name != "received_at"
    }
    return Session(**own, received_at=row["first_received_at"], progress=Progress(**progress))


SESSION_COLUMNS = ", ".join(dict.fromkeys(("id", *_OF_SESSION, *_PROGRESS)))
"""What ``session_of`` wants, for a SELECT."""
