"""What is learned of the habits of sites."""

import sqlalchemy as sa
from alembic import op

from gridlane.kernel.tenancy import protect

revision = "0080"
down_revision = "0050"


def upgrade() -> None:
    op.create_table(
        "wait_models",
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sessions", sa.Integer, nullable=False, comment="how many it learned from"),
        sa.Column("content", sa.LargeBinary, nullable=False, comment="MessagePack of waiting.habits.Habits"),
        sa.PrimaryKeyConstraint("organization_id", "version", name="pk_wait_models"),
        comment="habits of sites, learned by a job; the newest version of an organization counts",
    )
    protect("wait_models")


def downgrade() -> None:
    op.drop_table("wait_models")
