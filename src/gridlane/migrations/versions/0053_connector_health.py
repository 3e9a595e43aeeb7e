"""Health of connectors; an index for what the watch counts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from gridlane.kernel.tenancy import protect

revision = "0053"
down_revision = "0052"

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_index(op.f("ix_fault_occurrences_kind_at"), "fault_occurrences", ["kind", "at"])
    op.create_table(
        "connector_health",
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("evse", sa.SmallInteger, autoincrement=False, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("signals", JSONB, nullable=False, comment="maintenance.drift.Health"),
        sa.Column("links_a_day", sa.Float, server_default="0", nullable=False),
        sa.Column("score", sa.SmallInteger, nullable=False, comment="0 to 100"),
        sa.Column("taken", JSONB, nullable=False, comment="points taken off, by what"),
        sa.Column("power_fell_since", _AT, nullable=True),
        sa.Column("updated_at", _AT, nullable=False),
        sa.ForeignKeyConstraint(
            ["station_id"],
            ["stations.id"],
            name=op.f("fk_connector_health_station_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("station_id", "evse", name=op.f("pk_connector_health")),
        comment="how each EVSE has been doing, learned from its charges",
    )
    op.create_index(
        op.f("ix_connector_health_organization_id_score"), "connector_health", ["organization_id", "score"]
    )
    op.create_index(
        "ix_connector_health_fell",
        "connector_health",
        ["station_id"],
        postgresql_where=sa.text("power_fell_since IS NOT NULL"),
    )
    protect("connector_health")


def downgrade() -> None:
    op.drop_table("connector_health")
    op.drop_index(op.f("ix_fault_occurrences_kind_at"), "fault_occurrences")
