"""What becomes of a charge that uses up its token's budget."""

import sqlalchemy as sa
from alembic import op

revision = "0127"
down_revision = "0140"


def upgrade() -> None:
    op.add_column(
        "tokens",
        sa.Column(
            "at_budget",
            sa.Text,
            server_default="end",
            nullable=False,
            comment="end or warn: what becomes of a charge that uses it up",
        ),
    )


def downgrade() -> None:
    op.drop_column("tokens", "at_budget")
