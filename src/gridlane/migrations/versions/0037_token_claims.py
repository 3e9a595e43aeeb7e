"""Starts under decision."""

import sqlalchemy as sa
from alembic import op

from gridlane.kernel.tenancy import protect

revision = "0037"
down_revision = "0091"


def upgrade() -> None:
    op.create_table(
        "token_claims",
        sa.Column("token_key", sa.Uuid, nullable=False),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column(
            "number", sa.BigInteger, sa.Identity(), nullable=False, comment="the earlier start goes first"
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_key", "station_id", name=op.f("pk_token_claims")),
        prefixes=["UNLOGGED"],
        comment="starts whose decision is not committed yet; worth nothing after a crash",
    )
    protect("token_claims")


def downgrade() -> None:
    op.drop_table("token_claims")
