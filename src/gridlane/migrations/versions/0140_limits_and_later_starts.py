"""Starts for later, and charges that end at a limit of their driver's."""

import sqlalchemy as sa
from alembic import op

from gridlane.kernel.tenancy import protect

revision = "0140"
down_revision = "0126"

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("start_requests", sa.Column("begins_at", _AT, nullable=True, comment="null: at once"))
    op.add_column(
        "start_requests",
        sa.Column("limits", sa.Text, nullable=True, comment="JSON: where it is to end by itself"),
    )
    op.create_table(
        "limits_reached",
        sa.Column("session_id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("which", sa.Text, nullable=False, comment="energy, cost, time, soc"),
        sa.Column("reached_at", _AT, nullable=False),
        sa.Column("operation_id", sa.Uuid, nullable=False, comment="the latest stop that was asked for"),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("asked_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("session_id", name="pk_limits_reached"),
        comment="charges that came to their driver's limit, and were asked to stop",
    )
    protect("limits_reached")


def downgrade() -> None:
    op.drop_table("limits_reached")
    op.drop_column("start_requests", "limits")
    op.drop_column("start_requests", "begins_at")
