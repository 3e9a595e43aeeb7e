"""Alert rules and what they told; planned work."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from gridlane.kernel.tenancy import protect

revision = "0052"
down_revision = "0082"

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _rules()
    _alerts()
    _windows()
    for table in ("alert_rules", "alerts", "maintenance_windows"):
        protect(table)


def _rules() -> None:
    op.create_table(
        "alert_rules",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("events", ARRAY(sa.Text), nullable=False, comment="opened, escalated, resolved"),
        sa.Column("severities", ARRAY(sa.Text), nullable=False),
        sa.Column("site_id", sa.Uuid, nullable=True, comment="null: every site"),
        sa.Column("channels", JSONB, nullable=False, comment="maintenance.alert_rules.Channel"),
        sa.Column("quiet_begin", sa.Time, nullable=True),
        sa.Column("quiet_end", sa.Time, nullable=True),
        sa.Column("time_zone", sa.Text, server_default="UTC", nullable=False),
        sa.Column("wakes", sa.Boolean, nullable=False, comment="critical ones in quiet hours too"),
        sa.Column("repeat_minutes", sa.Integer, nullable=True, comment="until somebody looks after it"),
        sa.Column("enabled", sa.Boolean, server_default=sa.true(), nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_rules")),
    )
    op.create_index(op.f("ix_alert_rules_organization_id"), "alert_rules", ["organization_id"])


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("rule_id", sa.Uuid, nullable=False),
        sa.Column("incident_id", sa.Uuid, nullable=True),
        sa.Column("key", sa.Text, nullable=False, comment="what is told once"),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False, comment="app, mail, webhook"),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("due_at", _AT, nullable=False),
        sa.Column("sent_at", _AT, nullable=True),
        sa.Column("failed_at", _AT, nullable=True),
        sa.Column("attempts", sa.SmallInteger, server_default="0", nullable=False),
        sa.Column("trouble", sa.Text, nullable=True),
        sa.Column("acknowledged_at", _AT, nullable=True),
        sa.Column("acknowledged_by", sa.Text, nullable=True),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["alert_rules.id"], name=op.f("fk_alerts_rule_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_alerts_incident_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
        sa.UniqueConstraint(
            "rule_id", "key", "channel", "target", name=op.f("uq_alerts_rule_id_key_channel_target")
        ),
    )
    op.create_index(
        "ix_alerts_due",
        "alerts",
        ["due_at"],
        postgresql_where=sa.text("sent_at IS NULL AND failed_at IS NULL"),
    )
    op.create_index(
        op.f("ix_alerts_organization_id_created_at_id"), "alerts", ["organization_id", "created_at", "id"]
    )
    op.create_index(op.f("ix_alerts_incident_id"), "alerts", ["incident_id"])


def _windows() -> None:
    op.create_table(
        "maintenance_windows",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("site_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=True),
        sa.Column("begins_at", _AT, nullable=False),
        sa.Column("ends_at", _AT, nullable=False),
        sa.Column("note", sa.Text, server_default="", nullable=False, comment="shown to drivers"),
        sa.Column("out_of_use", sa.Boolean, nullable=False, comment="stations go out of use meanwhile"),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("began_at", _AT, nullable=True),
        sa.Column("ended_at", _AT, nullable=True),
        sa.Column("cancelled_at", _AT, nullable=True),
        sa.CheckConstraint(
            "(site_id IS NULL) <> (station_id IS NULL)", name=op.f("ck_maintenance_windows_one_place")
        ),
        sa.ForeignKeyConstraint(
            ["site_id"], ["sites.id"], name=op.f("fk_maintenance_windows_site_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["station_id"],
            ["stations.id"],
            name=op.f("fk_maintenance_windows_station_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maintenance_windows")),
        comment="planned work",
    )
    op.create_index(
        op.f("ix_maintenance_windows_organization_id_begins_at"),
        "maintenance_windows",
        ["organization_id", "begins_at"],
    )
    op.create_index(
        "ix_maintenance_windows_open",
        "maintenance_windows",
        ["ends_at"],
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def downgrade() -> None:
    for table in ("maintenance_windows", "alerts", "alert_rules"):
        op.drop_table(table)
