"""Sessions, their events and readings, authorizations, starts asked for, admissions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from gridlane.kernel.embedded_postgres import APP
from gridlane.kernel.tenancy import protect

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "admissions",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("kind", sa.Text, nullable=False, comment="reservation, credit, external"),
        sa.Column("token_key", sa.Uuid, nullable=True),
        sa.Column("group_id", sa.Text, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=True),
        sa.Column("evse", sa.SmallInteger, nullable=True),
        sa.Column("status", sa.Text, nullable=False, comment="AuthorizationStatusEnumType"),
        sa.Column("message", sa.Text, nullable=True, comment="shown to the driver"),
        sa.Column("reference", sa.Text, nullable=True, comment="what it is about, to whom wrote it"),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_admissions"),
        comment="what other parts say beforehand about a token or an EVSE",
    )
    op.create_index("ix_admissions_station_id", "admissions", ["station_id"])
    op.create_index("ix_admissions_token_key", "admissions", ["token_key"])
    op.create_index("ix_admissions_valid_until", "admissions", ["valid_until"])
    op.create_table(
        "authorizations",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("evse", sa.SmallInteger, nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("occasion", sa.Text, nullable=False, comment="authorize, start, stop"),
        sa.Column("token_id", sa.Uuid, nullable=True),
        sa.Column("token_key", sa.Uuid, nullable=False),
        sa.Column("token_last4", sa.Text, nullable=False),
        sa.Column("token_kind", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False, comment="AuthorizationStatusEnumType"),
        sa.Column("reason", sa.Text, nullable=True, comment="the rule that decided"),
        sa.Column("session_id", sa.Uuid, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_authorizations"),
    )
    op.create_index("ix_authorizations_organization_id_at", "authorizations", ["organization_id", "at"])
    op.create_index("ix_authorizations_station_id_at", "authorizations", ["station_id", "at"])
    op.create_index("ix_authorizations_token_key_at", "authorizations", ["token_key", "at"])
    op.create_table(
        "readings",
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("evse", sa.SmallInteger, nullable=False),
        sa.Column("session_id", sa.Uuid, nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
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
        sa.Column("signed", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column("rest", sa.Text, nullable=True, comment="JSON: samples without a column, byte for byte"),
        postgresql_partition_by="RANGE (received_at)",
    )
    op.create_index("ix_readings_station_id_received_at", "readings", ["station_id", "received_at"])
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("site_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("transaction_id", sa.Text, nullable=False, comment="the station's; unique only within it"),
        sa.Column("generation", sa.SmallInteger, server_default="0", nullable=False),
        sa.Column("status", sa.Text, nullable=False, comment="active, ended, presumed_ended"),
        sa.Column("evse", sa.SmallInteger, nullable=True),
        sa.Column("connector", sa.SmallInteger, nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("presumed_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("interrupted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("start_digest", sa.Text, nullable=True),
        sa.Column("end_digest", sa.Text, nullable=True),
        sa.Column("end_received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stop_reason", sa.Text, nullable=True, comment="as the station said"),
        sa.Column("closed_by", sa.Text, nullable=True, comment="the operator who closed it"),
        sa.Column("refused", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column(
            "verdict", sa.Text, nullable=True, comment="AuthorizationStatusEnumType; null: no token yet"
        ),
        sa.Column("token_id", sa.Uuid, nullable=True),
        sa.Column("token_key", sa.Uuid, nullable=True),
        sa.Column("token_last4", sa.Text, nullable=True),
        sa.Column("token_kind", sa.Text, nullable=True),
        sa.Column("token_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("group_id", sa.Text, nullable=True),
        sa.Column("person_id", sa.Uuid, nullable=True),
        sa.Column("stop_token_key", sa.Uuid, nullable=True),
        sa.Column("stop_token_last4", sa.Text, nullable=True),
        sa.Column("request_id", sa.Uuid, nullable=True),
        sa.Column("remote_start_id", sa.BigInteger, nullable=True),
        sa.Column("reservation_id", sa.BigInteger, nullable=True),
        sa.Column("phases_used", sa.SmallInteger, nullable=True),
        sa.Column("cable_max_current", sa.Float, nullable=True, comment="A"),
        sa.Column("offline", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column("stopping", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column(
            "clock_offset", sa.Float, server_default="0", nullable=False, comment="seconds ahead of ours"
        ),
        sa.Column("tariff_version_id", sa.Uuid, nullable=True, comment="the price frozen at the start"),
        sa.Column("approved_energy", sa.Float, nullable=True, comment="Wh; what a review decided"),
        sa.Column("reviewed_by", sa.Text, nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("energy", sa.Float, nullable=False, comment="Wh"),
        sa.Column("first_register", sa.Float, nullable=True, comment="Wh"),
        sa.Column("first_register_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_is_begin", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column("register", sa.Float, nullable=True, comment="Wh"),
        sa.Column("register_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("power", sa.Float, nullable=True, comment="W"),
        sa.Column("power_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("soc", sa.Float, nullable=True, comment="percent"),
        sa.Column("soc_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sequences", ARRAY(sa.BigInteger), server_default="{}", nullable=False),
        sa.Column("charging_state", sa.Text, nullable=True),
        sa.Column("state_sequence", sa.BigInteger, server_default="-1", nullable=False),
        sa.Column("flags", ARRAY(sa.Text), server_default="{}", nullable=False),
        sa.Column("signed", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column("unsettled", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column(
            "held",
            sa.Boolean,
            sa.Computed(
                "reviewed_at IS NULL AND flags && ARRAY['clock_ran_back', 'register_fell', 'register_jumped']",
                persisted=True,
            ),
            nullable=True,
            comment="somebody has to look at it before it is billed",
        ),
        sa.Column("sequence_conflict", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index(
        "ix_sessions_active", "sessions", ["station_id"], postgresql_where=sa.text("status = 'active'")
    )
    op.create_index("ix_sessions_held", "sessions", ["organization_id"], postgresql_where=sa.text("held"))
    op.create_index(
        "ix_sessions_organization_id_started_at_id", "sessions", ["organization_id", "started_at", "id"]
    )
    op.create_index("ix_sessions_person_id_started_at", "sessions", ["person_id", "started_at"])
    op.create_index("ix_sessions_site_id_started_at", "sessions", ["site_id", "started_at"])
    op.create_index("ix_sessions_token_key_started_at", "sessions", ["token_key", "started_at"])
    op.create_index(
        "uq_sessions_station_id_transaction_id_generation",
        "sessions",
        ["station_id", "transaction_id", "generation"],
        unique=True,
    )
    op.create_table(
        "start_requests",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("evse", sa.SmallInteger, nullable=True, comment="null: any of the station"),
        sa.Column("token_id", sa.Uuid, nullable=True),
        sa.Column("token_key", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=True),
        sa.Column(
            "remote_start_id", sa.BigInteger, nullable=False, comment="random, so that none can be guessed"
        ),
        sa.Column("operation_id", sa.Uuid, nullable=False),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("session_id", sa.Uuid, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_start_requests"),
        comment="starts asked for by app, API or checkout, until their transaction comes",
    )
    op.create_index("ix_start_requests_person_id", "start_requests", ["person_id"])
    op.create_index("ix_start_requests_session_id", "start_requests", ["session_id"])
    op.create_index(
        "ix_start_requests_waiting",
        "start_requests",
        ["station_id"],
        postgresql_where=sa.text("session_id IS NULL"),
    )
    op.create_table(
        "transaction_events",
        sa.Column("session_id", sa.Uuid, nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False, comment="of the payload, so of sequence and time too"),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("transaction_id", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trigger", sa.Text, nullable=True),
        sa.Column("charging_state", sa.Text, nullable=True),
        sa.Column("stopped_reason", sa.Text, nullable=True),
        sa.Column("offline", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column("evse", sa.SmallInteger, nullable=True),
        sa.Column("connector", sa.SmallInteger, nullable=True),
        sa.Column("token_last4", sa.Text, nullable=True),
        sa.Column("remote_start_id", sa.BigInteger, nullable=True),
        sa.Column("reservation_id", sa.BigInteger, nullable=True),
        sa.Column("extra", sa.Text, nullable=True, comment="JSON: what else the event said"),
        sa.PrimaryKeyConstraint("session_id", "phase", "digest", name="pk_transaction_events"),
    )
    op.execute("CREATE TABLE readings_default PARTITION OF readings DEFAULT")
    op.execute(f"GRANT USAGE ON SEQUENCE authorizations_id_seq TO {APP}")
    for table in ("transaction_events", "readings", "authorizations", "admissions"):
        protect(table)
    for table in ("sessions", "start_requests"):
        protect(table, person="person_id")


def downgrade() -> None:
    for table in (
        "admissions",
        "start_requests",
        "authorizations",
        "readings",
        "transaction_events",
        "sessions",
    ):
        op.drop_table(table)
