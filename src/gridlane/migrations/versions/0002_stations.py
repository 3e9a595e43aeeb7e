"""Sites, stations, EVSEs, connectors, operations, the message log and the availability ledger."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from gridlane.kernel.tenancy import protect

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "handshake_failures",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column(
            "organization_id", sa.Uuid, nullable=True, comment="known when the identity is a known station's"
        ),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "count", sa.Integer, server_default="1", nullable=False, comment="alike within the same minute"
        ),
        sa.Column("reason_code", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_handshake_failures"),
    )
    op.create_index("ix_handshake_failures_at", "handshake_failures", ["at"], unique=False)
    op.create_table(
        "messages",
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outgoing", sa.Boolean, nullable=False, comment="true: Gridlane called the station"),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False, comment="as on the wire"),
        sa.Column("answer", sa.Text, nullable=True, comment="as on the wire; null: none came"),
        sa.Column("warnings", sa.Text, nullable=True),
        comment="the OCPP message log",
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index("ix_messages_station_id_at", "messages", ["station_id", "at"], unique=False)
    op.create_table(
        "quarantined_messages",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("frame", sa.LargeBinary, nullable=False, comment="as received"),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_quarantined_messages"),
    )
    op.create_table(
        "sites",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("address", sa.Text, server_default="", nullable=False),
        sa.Column("city", sa.Text, server_default="", nullable=False),
        sa.Column("postal_code", sa.Text, server_default="", nullable=False),
        sa.Column("country", sa.Text, server_default="DE", nullable=False, comment="ISO 3166-1 alpha-2"),
        sa.Column("latitude", sa.Float, nullable=True),
        sa.Column("longitude", sa.Float, nullable=True),
        sa.Column(
            "cell", sa.BigInteger, nullable=True, comment="H3 cell of resolution 9, for finding what is near"
        ),
        sa.Column("time_zone", sa.Text, server_default="Europe/Berlin", nullable=False),
        sa.Column("public", sa.Boolean, server_default=sa.true(), nullable=False),
        sa.Column(
            "details",
            JSONB,
            server_default="{}",
            nullable=False,
            comment="opening hours, amenities, access, photos",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sites"),
    )
    op.create_index("ix_sites_cell", "sites", ["cell"], unique=False)
    op.create_index("ix_sites_organization_id_name", "sites", ["organization_id", "name"], unique=False)
    op.create_table(
        "stations",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column(
            "organization_id", sa.Uuid, nullable=True, comment="null: waits for approval, nobody's yet"
        ),
        sa.Column("site_id", sa.Uuid, nullable=True),
        sa.Column("identity", sa.Text, nullable=False, comment="OCPP identity; never shown to the public"),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column(
            "approval",
            sa.Text,
            server_default="accepted",
            nullable=False,
            comment="pending, accepted, rejected",
        ),
        sa.Column("security_profile", sa.SmallInteger, server_default="2", nullable=False),
        sa.Column(
            "verifiers", JSONB, server_default="[]", nullable=False, comment="keyed verifiers of the password"
        ),
        sa.Column("certificate_serials", JSONB, server_default="[]", nullable=False),
        sa.Column(
            "pinned_protocol", sa.Text, nullable=True, comment="the only subprotocol this station may choose"
        ),
        sa.Column(
            "changed_at", sa.DateTime(timezone=True), nullable=False, comment="of what the directory holds"
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("protocol", sa.Text, nullable=True),
        sa.Column("secure", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column("address", sa.Text, nullable=True),
        sa.Column("connected", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disconnected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("booted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("vendor", sa.Text, nullable=True),
        sa.Column("model", sa.Text, nullable=True),
        sa.Column("serial", sa.Text, nullable=True),
        sa.Column("firmware", sa.Text, nullable=True),
        sa.Column("firmware_status", sa.Text, nullable=True),
        sa.Column("modem", sa.Text, nullable=True, comment="ICCID and IMSI"),
        sa.Column("meter", sa.Text, nullable=True, comment="type and serial of the station's main meter"),
        sa.Column("boot_reason", sa.Text, nullable=True),
        sa.Column(
            "clock_offset", sa.Float, server_default="0", nullable=False, comment="seconds ahead of ours"
        ),
        sa.Column(
            "flaps",
            sa.Integer,
            server_default="0",
            nullable=False,
            comment="connections superseded by a newer one",
        ),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_stations_site_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_stations"),
        sa.UniqueConstraint("identity", name="uq_stations_identity"),
    )
    op.create_index("ix_stations_changed_at", "stations", ["changed_at"], unique=False)
    op.create_index("ix_stations_organization_id_name", "stations", ["organization_id", "name"], unique=False)
    op.create_index(
        "ix_stations_pending",
        "stations",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("approval = 'pending'"),
    )
    op.create_index("ix_stations_site_id", "stations", ["site_id"], unique=False)
    op.create_table(
        "evses",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("number", sa.SmallInteger, nullable=False),
        sa.Column("public_id", sa.Text, nullable=True, comment="EVSE id on the sticker and in roaming"),
        sa.Column("label", sa.Text, nullable=True, comment="what is written on the bay"),
        sa.Column("phases", sa.SmallInteger, server_default="3", nullable=False),
        sa.Column("max_power", sa.Float, nullable=True, comment="W"),
        sa.Column(
            "details", JSONB, server_default="{}", nullable=False, comment="accessibility, bay size, photos"
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name="fk_evses_station_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_evses"),
        sa.UniqueConstraint("public_id", name="uq_evses_public_id"),
        sa.UniqueConstraint("station_id", "number", name="uq_evses_station_id_number"),
    )
    op.create_table(
        "operations",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("params", sa.Text, nullable=False, comment="the command as JSON, without secrets"),
        sa.Column("status", sa.Text, server_default="queued", nullable=False),
        sa.Column("idempotency_key", sa.Text, nullable=True),
        sa.Column("batch_id", sa.Uuid, nullable=True, comment="operations asked for together"),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.Text, nullable=True, comment="JSON"),
        sa.Column("evidence", sa.Text, nullable=True, comment="what verified it, or why it is not"),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name="fk_operations_station_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_operations"),
        sa.UniqueConstraint(
            "organization_id", "idempotency_key", name="uq_operations_organization_id_idempotency_key"
        ),
    )
    op.create_index("ix_operations_batch_id", "operations", ["batch_id"], unique=False)
    op.create_index(
        "ix_operations_open",
        "operations",
        ["station_id"],
        unique=False,
        postgresql_where=sa.text("status IN ('sent', 'agreed')"),
    )
    op.create_index(
        "ix_operations_organization_id_created_at",
        "operations",
        ["organization_id", "created_at"],
        unique=False,
    )
    op.create_index(
        "ix_operations_queued",
        "operations",
        ["station_id", "not_before"],
        unique=False,
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_table(
        "availability_intervals",
        sa.Column("evse_id", sa.Uuid, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True, comment="null: still so"),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=True),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False, comment="when we learned of it"),
        sa.ForeignKeyConstraint(
            ["evse_id"], ["evses.id"], name="fk_availability_intervals_evse_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("evse_id", "since", name="pk_availability_intervals"),
    )
    op.create_index(
        "ix_availability_intervals_open",
        "availability_intervals",
        ["evse_id"],
        unique=True,
        postgresql_where=sa.text("until IS NULL"),
    )
    op.create_index(
        "ix_availability_intervals_organization_id_since",
        "availability_intervals",
        ["organization_id", "since"],
        unique=False,
    )
    op.create_table(
        "connectors",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("evse_id", sa.Uuid, nullable=False),
        sa.Column("evse", sa.SmallInteger, nullable=False),
        sa.Column("number", sa.SmallInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=True, comment="OCPI ConnectorType, such as IEC_62196_T2"),
        sa.Column("max_current", sa.Float, nullable=True, comment="A"),
        sa.Column("status", sa.Text, server_default="unavailable", nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("error", sa.Text, nullable=True),
        sa.Column("operative", sa.Boolean, server_default=sa.true(), nullable=False),
        sa.ForeignKeyConstraint(["evse_id"], ["evses.id"], name="fk_connectors_evse_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name="fk_connectors_station_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_connectors"),
        sa.UniqueConstraint("station_id", "evse", "number", name="uq_connectors_station_id_evse_number"),
    )
    op.execute("CREATE TABLE messages_default PARTITION OF messages DEFAULT")
    for table in (
        "sites",
        "stations",
        "evses",
        "connectors",
        "operations",
        "messages",
        "quarantined_messages",
        "handshake_failures",
        "availability_intervals",
    ):
        protect(table)


def downgrade() -> None:
    for table in (
        "availability_intervals",
        "handshake_failures",
        "quarantined_messages",
        "messages",
        "operations",
        "connectors",
        "evses",
        "stations",
        "sites",
    ):
        op.drop_table(table)
