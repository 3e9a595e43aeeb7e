"""What stations tell of themselves: variables, monitors, events, firmware, and messages without a table of their own."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from gridlane.kernel.tenancy import protect

revision = "0030"
down_revision = "0024"


def upgrade() -> None:
    op.create_table(
        "firmware_reports",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "published", sa.Boolean, nullable=False, comment="true: for other stations, by a local controller"
        ),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("request_id", sa.BigInteger, nullable=True),
        sa.Column("firmware", sa.Text, nullable=True, comment="the version that ran when it was told"),
        sa.Column("info", sa.Text, nullable=True),
        sa.Column(
            "locations",
            JSONB,
            nullable=True,
            comment="where a published firmware can be fetched",
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_firmware_reports_station_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_firmware_reports")),
        comment="how firmware updates went",
    )
    op.create_index(
        op.f("ix_firmware_reports_station_id_at"), "firmware_reports", ["station_id", "at"], unique=False
    )
    op.create_table(
        "other_messages",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("vendor", sa.Text, nullable=True, comment="of a DataTransfer"),
        sa.Column("message", sa.Text, nullable=True, comment="of a DataTransfer"),
        sa.Column("payload", JSONB, nullable=True),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_other_messages_station_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_other_messages")),
        comment="what stations said that has no table of its own",
    )
    op.create_index(
        op.f("ix_other_messages_station_id_at"), "other_messages", ["station_id", "at"], unique=False
    )
    op.create_table(
        "security_events",
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("info", sa.Text, nullable=False),
        sa.Column("critical", sa.Boolean, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_security_events_station_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("station_id", "at", "kind", "info", name=op.f("pk_security_events")),
        comment="security events of stations",
    )
    op.create_index(
        op.f("ix_security_events_organization_id_at"),
        "security_events",
        ["organization_id", "at"],
        unique=False,
    )
    op.create_table(
        "station_events",
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event_id", sa.BigInteger, autoincrement=False, nullable=False, comment="the station's"),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trigger", sa.Text, nullable=False, comment="Alerting, Delta, Periodic"),
        sa.Column("component", sa.Text, nullable=False),
        sa.Column("component_instance", sa.Text, nullable=True),
        sa.Column("evse", sa.Integer, nullable=True),
        sa.Column("connector", sa.Integer, nullable=True),
        sa.Column("variable", sa.Text, nullable=False),
        sa.Column("variable_instance", sa.Text, nullable=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("cleared", sa.Boolean, nullable=False),
        sa.Column("origin", sa.Text, nullable=False, comment="HardWiredNotification, CustomMonitor, ..."),
        sa.Column("monitor_id", sa.Integer, nullable=True),
        sa.Column("severity", sa.SmallInteger, nullable=True, comment="told, or its monitor's"),
        sa.Column("cause_id", sa.BigInteger, nullable=True, comment="the event that caused it"),
        sa.Column("tech_code", sa.Text, nullable=True),
        sa.Column("tech_info", sa.Text, nullable=True),
        sa.Column("transaction", sa.Text, nullable=True),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_station_events_station_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("station_id", "at", "event_id", name=op.f("pk_station_events")),
        comment="events of stations' device models (NotifyEvent)",
    )
    op.create_index(
        op.f("ix_station_events_organization_id_at"),
        "station_events",
        ["organization_id", "at"],
        unique=False,
    )
    op.create_table(
        "station_monitors",
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column(
            "id", sa.Integer, autoincrement=False, nullable=False, comment="the station's number of it"
        ),
        sa.Column("component", sa.Text, nullable=False),
        sa.Column("component_instance", sa.Text, nullable=True),
        sa.Column("evse", sa.Integer, nullable=True),
        sa.Column("connector", sa.Integer, nullable=True),
        sa.Column("variable", sa.Text, nullable=False),
        sa.Column("variable_instance", sa.Text, nullable=True),
        sa.Column(
            "kind", sa.Text, nullable=False, comment="UpperThreshold, LowerThreshold, Delta, Periodic, ..."
        ),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("severity", sa.SmallInteger, nullable=False, comment="0 danger ... 9 debug"),
        sa.Column("transaction", sa.Boolean, nullable=False, comment="only while a transaction runs"),
        sa.Column(
            "origin", sa.Text, nullable=True, comment="HardWiredMonitor, PreconfiguredMonitor, CustomMonitor"
        ),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_station_monitors_station_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("station_id", "id", name=op.f("pk_station_monitors")),
        comment="variable monitors set in stations",
    )
    op.create_table(
        "station_variables",
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("component", sa.Text, nullable=False, comment="empty over OCPP 1.6"),
        sa.Column("component_instance", sa.Text, nullable=False),
        sa.Column("evse", sa.Integer, nullable=False, comment="0: of no EVSE"),
        sa.Column("connector", sa.Integer, nullable=False, comment="0: of no connector"),
        sa.Column("variable", sa.Text, nullable=False),
        sa.Column("variable_instance", sa.Text, nullable=False),
        sa.Column("attribute", sa.Text, nullable=False, comment="Actual, Target, MinSet, MaxSet"),
        sa.Column("value", sa.Text, nullable=True),
        sa.Column("mutability", sa.Text, nullable=True, comment="ReadOnly, WriteOnly, ReadWrite"),
        sa.Column("persistent", sa.Boolean, nullable=True),
        sa.Column("constant", sa.Boolean, nullable=True),
        sa.Column(
            "characteristics",
            JSONB,
            nullable=True,
            comment="unit, data type, limits, list of values",
        ),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_station_variables_station_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(
            "station_id",
            "component",
            "component_instance",
            "evse",
            "connector",
            "variable",
            "variable_instance",
            "attribute",
            name=op.f("pk_station_variables"),
        ),
        comment="the device model as each station told it last",
    )
    protect("firmware_reports")
    protect("other_messages")
    protect("security_events")
    protect("station_events")
    protect("station_monitors")
    protect("station_variables")


def downgrade() -> None:
    op.drop_table("station_variables")
    op.drop_table("station_monitors")
    op.drop_table("station_events")
    op.drop_table("security_events")
    op.drop_table("other_messages")
    op.drop_table("firmware_reports")
