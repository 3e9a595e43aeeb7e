"""Whose a start asked for is, and finding the session that follows another."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    for name in ("token_last4", "token_kind"):
        op.add_column("start_requests", sa.Column(name, sa.Text, server_default="", nullable=False))
    op.create_index("ix_sessions_station_id_started_at", "sessions", ["station_id", "started_at"])


def downgrade() -> None:
    op.drop_index("ix_sessions_station_id_started_at")
    for name in ("token_last4", "token_kind"):
        op.drop_column("start_requests", name)
