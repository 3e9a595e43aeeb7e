"""What only OCPP 2.1 has: tariffs at stations, controls of feeding back, event streams, battery swaps, priority."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from gridlane.kernel.tenancy import protect

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    op.create_table(
        "station_tariffs",
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("evse", sa.Integer, nullable=False, autoincrement=False, comment="0: every EVSE"),
        sa.Column("tariff_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False, comment="DefaultTariff, DriverTariff"),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("content", JSONB, nullable=True, comment="TariffType, where we set it"),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_station_tariffs_station_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("station_id", "evse", "tariff_id", name=op.f("pk_station_tariffs")),
        comment="tariffs that stations keep",
    )
    protect("station_tariffs")
    op.create_table(
        "der_controls",
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("control_id", sa.Text, nullable=False),
        sa.Column(
            "kind",
            sa.Text,
            nullable=False,
            comment="DERControlEnumType; empty where only its acting was told",
        ),
        sa.Column("is_default", sa.Boolean, nullable=False),
        sa.Column("superseded", sa.Boolean, nullable=False),
        sa.Column("content", JSONB, nullable=False),
        sa.Column(
            "acts",
            sa.Boolean,
            nullable=False,
            server_default=sa.false(),
            comment="as the station told it last",
        ),
        sa.Column("acts_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_der_controls_station_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("station_id", "control_id", name=op.f("pk_der_controls")),
        comment="controls of distributed energy resources in stations",
    )
    protect("der_controls")
    op.create_table(
        "der_alarms",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text, nullable=False, comment="DERControlEnumType"),
        sa.Column("fault", sa.Text, nullable=True, comment="GridEventFaultEnumType"),
        sa.Column("ended", sa.Boolean, nullable=False),
        sa.Column("info", sa.Text, nullable=True),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_der_alarms_station_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_der_alarms")),
        comment="alarms of the grid at stations, begun and ended",
    )
    op.create_index(op.f("ix_der_alarms_station_id_at"), "der_alarms", ["station_id", "at"], unique=False)
    protect("der_alarms")
    op.create_table(
        "event_streams",
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("stream_id", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column(
            "monitor_id", sa.BigInteger, nullable=False, comment="the variable monitor whose values come"
        ),
        sa.Column("interval", sa.BigInteger, nullable=True, comment="seconds between two messages"),
        sa.Column("values", sa.BigInteger, nullable=True, comment="at most in one message"),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_event_streams_station_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("station_id", "stream_id", name=op.f("pk_event_streams")),
        comment="periodic event streams of stations",
    )
    protect("event_streams")
    op.create_table(
        "stream_values",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("stream_id", sa.BigInteger, nullable=False),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="what the seconds of the values count from",
        ),
        sa.Column("pending", sa.BigInteger, nullable=False, comment="values that wait in the station"),
        sa.Column("values", JSONB, nullable=False, comment="[seconds, value], ..."),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_stream_values_station_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stream_values")),
        comment="values of periodic event streams, a row for each message",
    )
    op.create_index(
        op.f("ix_stream_values_station_id_at"), "stream_values", ["station_id", "at"], unique=False
    )
    protect("stream_values")
    op.create_table(
        "battery_swaps",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.Text, nullable=False, comment="BatteryIn, BatteryOut, BatteryOutTimeout"),
        sa.Column(
            "request_id", sa.BigInteger, nullable=False, comment="joins what comes in and what goes out"
        ),
        sa.Column("token_last4", sa.Text, nullable=False),
        sa.Column(
            "batteries", JSONB, nullable=False, comment="BatteryDataType: slot, serial number, charge, health"
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_battery_swaps_station_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_battery_swaps")),
        comment="batteries put into and taken out of swap stations",
    )
    op.create_index(
        op.f("ix_battery_swaps_station_id_at"), "battery_swaps", ["station_id", "at"], unique=False
    )
    protect("battery_swaps")
    op.create_table(
        "priority_charging",
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("transaction", sa.Text, nullable=False),
        sa.Column("activated", sa.Boolean, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_station", sa.Boolean, nullable=False, comment="the driver asked there; else we did"),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_priority_charging_station_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("station_id", "transaction", name=op.f("pk_priority_charging")),
        comment="transactions that go first, as it was told last",
    )
    protect("priority_charging")


def downgrade() -> None:
    op.drop_table("priority_charging")
    op.drop_table("battery_swaps")
    op.drop_table("stream_values")
    op.drop_table("event_streams")
    op.drop_table("der_alarms")
    op.drop_table("der_controls")
    op.drop_table("station_tariffs")
