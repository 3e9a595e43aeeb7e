"""Fewer and narrower indexes of sessions: each start writes all of them, each end too."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    for name in ("token_key_started_at", "person_id_started_at", "site_id_started_at"):
        op.drop_index(f"ix_sessions_{name}")
    op.create_index(
        "ix_sessions_active_token",
        "sessions",
        ["token_key"],
        postgresql_where=sa.text("status = 'active'"),
    )
    for name in ("token", "person"):
        column = "token_key" if name == "token" else "person_id"
        op.create_index(
            f"ix_sessions_{name}",
            "sessions",
            [column, "started_at"],
            postgresql_where=sa.text(f"{column} IS NOT NULL"),
        )


def downgrade() -> None:
    for name in ("active_token", "token", "person"):
        op.drop_index(f"ix_sessions_{name}")
    for column in ("token_key", "person_id", "site_id"):
        op.create_index(f"ix_sessions_{column}_started_at", "sessions", [column, "started_at"])
