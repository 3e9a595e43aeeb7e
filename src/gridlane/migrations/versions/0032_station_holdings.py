"""What stations hold for us: reservations, profiles, display messages, local lists; and what they told of limits, vehicles and customers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from gridlane.kernel.tenancy import protect

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.create_table(
        "composite_schedules",
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("evse", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("schedule", JSONB, nullable=False),
        sa.ForeignKeyConstraint(
            ["station_id"],
            ["stations.id"],
            name=op.f("fk_composite_schedules_station_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("station_id", "evse", name=op.f("pk_composite_schedules")),
        comment="the limit that results from all profiles, as each station told it last",
    )
    op.create_table(
        "customer_reports",
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("request_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("part", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last", sa.Boolean, nullable=False, comment="nothing follows"),
        sa.Column("data", sa.Text, nullable=False, comment="as the station told it"),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_customer_reports_station_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("station_id", "request_id", "part", name=op.f("pk_customer_reports")),
        comment="what stations keep of customers, told on request; kept for a week",
    )
    op.create_index(op.f("ix_customer_reports_at"), "customer_reports", ["at"], unique=False)
    op.create_table(
        "display_messages",
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("message_id", sa.Integer, autoincrement=False, nullable=False),
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
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_display_messages_station_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("station_id", "message_id", name=op.f("pk_display_messages")),
        comment="messages on stations' displays",
    )
    op.create_table(
        "external_limits",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evse", sa.Integer, nullable=True, comment="null: the station as a whole"),
        sa.Column("source", sa.Text, nullable=False, comment="EMS, SO, Other, ..."),
        sa.Column("cleared", sa.Boolean, nullable=False, comment="true: the limit is over"),
        sa.Column("grid_critical", sa.Boolean, nullable=False),
        sa.Column("local_generation", sa.Boolean, nullable=False),
        sa.Column("schedules", JSONB, nullable=False),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_external_limits_station_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_external_limits")),
        comment="limits that others than we set at stations; the latest of an EVSE and source holds",
    )
    op.create_index(
        op.f("ix_external_limits_station_id_at"), "external_limits", ["station_id", "at"], unique=False
    )
    op.create_table(
        "station_local_lists",
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False, comment="0: no list"),
        sa.Column(
            "entries", JSONB, nullable=True, comment="digest of token -> digest of entry; null: not known"
        ),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["station_id"],
            ["stations.id"],
            name=op.f("fk_station_local_lists_station_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("station_id", name=op.f("pk_station_local_lists")),
        comment="the local authorization list of each station",
    )
    op.create_table(
        "station_profiles",
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column(
            "evse", sa.Integer, autoincrement=False, nullable=False, comment="0: the station as a whole"
        ),
        sa.Column("source", sa.Text, nullable=False, comment="who set it: CSO (we), EMS, SO, Other"),
        sa.Column("profile_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("stack_level", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False, comment="Absolute, Recurring, Relative, Dynamic"),
        sa.Column("transaction", sa.Text, nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("schedules", JSONB, nullable=False, comment="chargingSchedule, by the names of OCPP 2.x"),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_station_profiles_station_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(
            "station_id", "evse", "source", "profile_id", name=op.f("pk_station_profiles")
        ),
        comment="charging profiles installed in stations",
    )
    op.create_table(
        "station_reservations",
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("reservation_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("evse", sa.Integer, nullable=True, comment="null: any EVSE of the station"),
        sa.Column("connector_type", sa.Text, nullable=True),
        sa.Column("token_last4", sa.Text, nullable=False),
        sa.Column(
            "status",
            sa.Text,
            nullable=False,
            comment="active, cancelled, used, expired, removed, no_transaction",
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["station_id"],
            ["stations.id"],
            name=op.f("fk_station_reservations_station_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("station_id", "reservation_id", name=op.f("pk_station_reservations")),
        comment="reservations that stations agreed to",
    )
    op.create_index(
        "ix_station_reservations_active",
        "station_reservations",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_table(
        "vehicle_reports",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evse", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False, comment="needs: what it wants; schedule: what it chose"),
        sa.Column("content", JSONB, nullable=False, comment="chargingNeeds, or chargingSchedule"),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_vehicle_reports_station_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vehicle_reports")),
        comment="what vehicles told over ISO 15118",
    )
    op.create_index(
        op.f("ix_vehicle_reports_station_id_at"), "vehicle_reports", ["station_id", "at"], unique=False
    )
    protect("composite_schedules")
    protect("customer_reports")
    protect("display_messages")
    protect("external_limits")
    protect("station_local_lists")
    protect("station_profiles")
    protect("station_reservations")
    protect("vehicle_reports")


def downgrade() -> None:
    op.drop_table("vehicle_reports")
    op.drop_table("station_reservations")
    op.drop_table("station_profiles")
    op.drop_table("station_local_lists")
    op.drop_table("external_limits")
    op.drop_table("display_messages")
    op.drop_table("customer_reports")
    op.drop_table("composite_schedules")
