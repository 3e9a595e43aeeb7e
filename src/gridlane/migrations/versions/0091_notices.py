"""Notices to drivers: announcements, maintenance, outages; and which news went by mail."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from gridlane.kernel.tenancy import protect

revision = "0091"
down_revision = "0090"

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False, comment="announcement, maintenance, outage"),
        sa.Column("words", sa.Text, nullable=False, comment="JSON: language -> title and text"),
        sa.Column(
            "sites", ARRAY(sa.Uuid), server_default="{}", nullable=False, comment="empty: the whole network"
        ),
        sa.Column("starts_at", _AT, nullable=False),
        sa.Column("ends_at", _AT, nullable=True),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("withdrawn_at", _AT, nullable=True),
        sa.Column(
            "told", sa.Integer, server_default="0", nullable=False, comment="people whose inbox has it"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
    )
    op.create_index("ix_notices_organization_id_starts_at", "notices", ["organization_id", "starts_at"])
    protect("notices")
    op.add_column("inbox_messages", sa.Column("mailed_at", _AT, nullable=True))
