"""Tables of what stands in the street, and the sinks the committer writes them through.

A column has one writer: what describes a thing (names, places, credentials) is written by the API in units of work;
what a station lives through (status, versions, connection) is written by its owner through the committer.
"""

from datetime import datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from gridlane.kernel.database import metadata
from gridlane.kernel.group_commit import ColumnSink, RecordSink, update, upsert


def _at(name: str, *, nullable: bool = True) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def of_station(*, key: bool = True) -> list[sa.Column[UUID]]:
    """The columns by which a table of things about a station belongs to it and to its organization."""
    return [
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column(
            "station_id",
            sa.Uuid,
            sa.ForeignKey("stations.id", ondelete="CASCADE"),
            nullable=False,
            primary_key=key,
        ),
    ]


sites = sa.Table(
    "sites",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False, server_default=""),
    sa.Column("city", sa.Text, nullable=False, server_default=""),
    sa.Column("postal_code", sa.Text, nullable=False, server_default=""),
    sa.Column("country", sa.Text, nullable=False, server_default="DE", comment="ISO 3166-1 alpha-2"),
    sa.Column("latitude", sa.Float, nullable=True),
    sa.Column("longitude", sa.Float, nullable=True),
    sa.Column(
        "cell", sa.BigInteger, nullable=True, comment="H3 cell of resolution 9, for finding what is near"
    ),
    sa.Column("time_zone", sa.Text, nullable=False, server_default="Europe/Berlin"),
    sa.Column("public", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column(
        "details",
        JSONB,
        nullable=False,
        server_default="{}",
        comment="opening hours, amenities, access, photos",
    ),
    _at("created_at", nullable=False),
    sa.Index(None, "organization_id", "name"),
    sa.Index(None, "cell"),
)

stations = sa.Table(
    "stations",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=True, comment="null: waits for approval, nobody's yet"),
    sa.Column("site_id", sa.Uuid, sa.ForeignKey("sites.id", ondelete="SET NULL"), nullable=True),
    sa.Column(
        "identity", sa.Text, nullable=False, unique=True, comment="OCPP identity; never shown to the public"
    ),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column(
        "approval", sa.Text, nullable=False, server_default="accepted", comment="pending, accepted, rejected"
    ),
    sa.Column("security_profile", sa.SmallInteger, nullable=False, server_default="2"),
    sa.Column(
        "next_security_profile",
        sa.SmallInteger,
        nullable=True,
        comment="also let in, until it first comes by it",
    ),
    sa.Column(
        "verifiers", JSONB, nullable=False, server_default="[]", comment="keyed verifiers of the password"
    ),
    sa.Column("certificate_serials", JSONB, nullable=False, server_default="[]"),
    sa.Column(
        "pinned_protocol", sa.Text, nullable=True, comment="the only subprotocol this station may choose"
    ),
    sa.Column(
        "changed_at", sa.DateTime(timezone=True), nullable=False, comment="of what the directory holds"
    ),
    _at("created_at", nullable=False),
    # written by the owner:
    sa.Column("protocol", sa.Text, nullable=True),
    sa.Column("secure", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("address", sa.Text, nullable=True),
    sa.Column("connected", sa.Boolean, nullable=False, server_default=sa.false()),
    _at("connected_at"),
    _at("disconnected_at"),
    _at("last_seen_at"),
    _at("booted_at"),
    sa.Column("vendor", sa.Text, nullable=True),
    sa.Column("model", sa.Text, nullable=True),
    sa.Column("serial", sa.Text, nullable=True),
    sa.Column("firmware", sa.Text, nullable=True),
    sa.Column("firmware_status", sa.Text, nullable=True),
    sa.Column("modem", sa.Text, nullable=True, comment="ICCID and IMSI"),
    sa.Column("meter", sa.Text, nullable=True, comment="type and serial of the station's main meter"),
    sa.Column("boot_reason", sa.Text, nullable=True),
    sa.Column("clock_offset", sa.Float, nullable=False, server_default="0", comment="seconds ahead of ours"),
    sa.Column(
        "flaps",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="connections superseded by a newer one",
    ),
    sa.Index(None, "organization_id", "name"),
    sa.Index(None, "site_id"),
    sa.Index(None, "changed_at"),
    sa.Index("ix_stations_pending", "created_at", postgresql_where=sa.text("approval = 'pending'")),
)

# Filled by triggers, so that whoever deletes or renames need not think of it.
gone_identities = sa.Table(
    "gone_identities",
    metadata,
    sa.Column("position", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("identity", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Index(None, "at"),
    comment="identities that stations no longer have, for a day: what directories have to forget",
)

evses = sa.Table(
    "evses",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=True),
    sa.Column("station_id", sa.Uuid, sa.ForeignKey("stations.id", ondelete="CASCADE"), nullable=False),
    sa.Column("number", sa.SmallInteger, nullable=False),
    sa.Column(
        "public_id",
        sa.Text,
        nullable=True,
        unique=True,
        server_default=sa.text("plug_number(nextval('plug_numbers'))"),
        comment="EVSE id on the sticker and in roaming",
    ),
    sa.Column("label", sa.Text, nullable=True, comment="what is written on the bay"),
    sa.Column("phases", sa.SmallInteger, nullable=False, server_default="3"),
    sa.Column("max_power", sa.Float, nullable=True, comment="W"),
    sa.Column(
        "details", JSONB, nullable=False, server_default="{}", comment="accessibility, bay size, photos"
    ),
    sa.UniqueConstraint("station_id", "number"),
)

connectors = sa.Table(
    "connectors",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=True),
    sa.Column("station_id", sa.Uuid, sa.ForeignKey("stations.id", ondelete="CASCADE"), nullable=False),
    sa.Column("evse_id", sa.Uuid, sa.ForeignKey("evses.id", ondelete="CASCADE"), nullable=False),
    sa.Column("evse", sa.SmallInteger, nullable=False),
    sa.Column("number", sa.SmallInteger, nullable=False),
    sa.Column("kind", sa.Text, nullable=True, comment="OCPI ConnectorType, such as IEC_62196_T2"),
    sa.Column("max_current", sa.Float, nullable=True, comment="A"),
    # written by the owner:
    sa.Column("status", sa.Text, nullable=False, server_default="unavailable"),
    _at("status_at", nullable=False),
    sa.Column("error", sa.Text, nullable=True),
    sa.Column("operative", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.UniqueConstraint("station_id", "evse", "number"),
)

operations = sa.Table(
    "operations",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=True),
    sa.Column("station_id", sa.Uuid, sa.ForeignKey("stations.id", ondelete="CASCADE"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("params", sa.Text, nullable=False, comment="the command as JSON, without secrets"),
    sa.Column("status", sa.Text, nullable=False, server_default="queued"),
    sa.Column("idempotency_key", sa.Text, nullable=True),
    sa.Column("batch_id", sa.Uuid, nullable=True, comment="operations asked for together"),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=True),
    _at("created_at", nullable=False),
    _at("not_before", nullable=False),
    _at("expires_at", nullable=False),
    # written by the owner:
    _at("sent_at"),
    _at("answered_at"),
    _at("ended_at"),
    sa.Column("answer", sa.Text, nullable=True, comment="JSON"),
    sa.Column("evidence", sa.Text, nullable=True, comment="what verified it, or why it is not"),
    sa.UniqueConstraint("organization_id", "idempotency_key"),
    sa.Index(
        "ix_operations_queued", "station_id", "not_before", postgresql_where=sa.text("status = 'queued'")
    ),
    sa.Index("ix_operations_open", "station_id", postgresql_where=sa.text("status IN ('sent', 'agreed')")),
    sa.Index(
        "ix_operations_limits",
        "station_id",
        "sent_at",
        postgresql_where=sa.text("kind = 'set_charging_profile'"),
    ),
    sa.Index(None, "organization_id", "created_at"),
    sa.Index(None, "batch_id"),
)

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("station_id", sa.Uuid, nullable=False),
    sa.Column("organization_id", sa.Uuid, nullable=True),
    _at("at", nullable=False),
    sa.Column("outgoing", sa.Boolean, nullable=False, comment="true: Gridlane called the station"),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("message_id", sa.Text, nullable=False),
    sa.Column("payload", sa.Text, nullable=False, comment="as on the wire"),
    sa.Column("answer", sa.Text, nullable=True, comment="as on the wire; null: none came"),
    sa.Column("warnings", sa.Text, nullable=True),
    sa.Index("ix_messages_station_id_at", "station_id", "at"),
    postgresql_partition_by="RANGE (at)",
    comment="the OCPP message log",
)

quarantined_messages = sa.Table(
    "quarantined_messages",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=True),
    sa.Column("station_id", sa.Uuid, nullable=False),
    _at("at", nullable=False),
    sa.Column("frame", sa.LargeBinary, nullable=False, comment="as received"),
    sa.Column("reason", sa.Text, nullable=False),
)

handshake_failures = sa.Table(
    "handshake_failures",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column(
        "organization_id", sa.Uuid, nullable=True, comment="known when the identity is a known station's"
    ),
    sa.Column("identity", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    _at("at", nullable=False),
    sa.Column(
        "count", sa.Integer, nullable=False, server_default="1", comment="alike within the same minute"
    ),
    sa.Column("reason_code", sa.Text, nullable=False),
    sa.Index(None, "at"),
)


# --- what the owner writes ---------------------------------------------------------------------------------------


class ConnectorRow(msgspec.Struct):
    station_id: UUID
    evse: int
    number: int
    id: UUID
    organization_id: UUID | None
    evse_id: UUID
    status: str
    status_at: datetime
    error: str | None
    operative: bool


class EvseRow(msgspec.Struct):
    station_id: UUID
    number: int
    id: UUID
    organization_id: UUID | None


class SeenRow(msgspec.Struct):
    id: UUID
    last_seen_at: datetime


class ConnectionRow(msgspec.Struct):
    """The connection's part of a station."""

    id: UUID
    connected: bool
    protocol: str
    secure: bool
    address: str
    connected_at: datetime | None
    disconnected_at: datetime | None
    last_seen_at: datetime
    flaps: int


class BootRow(msgspec.Struct):
    """What a BootNotification tells."""

    id: UUID
    booted_at: datetime
    vendor: str
    model: str
    serial: str | None
    firmware: str | None
    modem: str | None
    meter: str | None
    boot_reason: str | None


class VerifierRow(msgspec.Struct):
    id: UUID
    changed_at: datetime
    verifier: str | None = None


class OperationRow(msgspec.Struct):
    id: UUID
    status: str
    params: str
    sent_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    answer: str | None
    evidence: str | None


MESSAGES = ColumnSink(
    "messages",
    (
        "station_id",
        "organization_id",
        "at",
        "outgoing",
        "action",
        "message_id",
        "payload",
        "answer",
        "warnings",
    ),
    ("uuid", "uuid", "timestamptz", "bool", "text", "text", "text", "text", "text"),
)
QUARANTINE = ColumnSink(
    "quarantined_messages",
    ("id", "organization_id", "station_id", "at", "frame", "reason"),
    ("uuid", "uuid", "uuid", "timestamptz", "bytea", "text"),
)
EVSES = upsert("evses", ("station_id", "number"), ("id", "organization_id"), keep=("id",))
CONNECTORS = upsert(
    "connectors",
    ("station_id", "evse", "number"),
    ("id", "organization_id", "evse_id", "status", "status_at", "error", "operative"),
    keep=("id", "evse_id"),
)
# While a password is changed the old verifier holds beside the new one (at most two). Which of them the station uses
# next is seen at the door, and decides.
NEW_VERIFIER = RecordSink(
    "stations new verifier",
    b"""
    UPDATE stations s SET verifiers = coalesce(jsonb_build_array(s.verifiers->0), '[]') || to_jsonb(new.verifier),
      changed_at = new.changed_at
    FROM json_to_recordset($1::json) AS new(id uuid, verifier text, changed_at timestamptz) WHERE s.id = new.id
    """,
)
NO_NEW_VERIFIER = RecordSink(
    "stations no new verifier",
    b"""
    UPDATE stations s SET verifiers = jsonb_build_array(s.verifiers->0), changed_at = new.changed_at
    FROM json_to_recordset($1::json) AS new(id uuid, changed_at timestamptz)
    WHERE s.id = new.id AND jsonb_array_length(s.verifiers) = 2
    """,
)
SEEN = update("stations", "id", ("last_seen_at",), name="stations seen")
CONNECTION = update(
    "stations",
    "id",
    (
        "connected",
        "protocol",
        "secure",
        "address",
        "connected_at",
        "disconnected_at",
        "last_seen_at",
        "flaps",
    ),
    name="stations connection",
)
BOOT = update(
    "stations",
    "id",
    ("booted_at", "vendor", "model", "serial", "firmware", "modem", "meter", "boot_reason"),
    name="stations boot",
)
# When it was sent and answered stays as first noted: a later row (its end) does not know.
OPERATIONS = RecordSink(
    "operations",
    b"""
    UPDATE operations o SET status = new.status, params = new.params, answer = new.answer, evidence = new.evidence,
      sent_at = coalesce(new.sent_at, o.sent_at), answered_at = coalesce(o.answered_at, new.answered_at),
      ended_at = new.ended_at
    FROM json_populate_recordset(null::operations, $1::json) AS new WHERE o.id = new.id
    """,
)
