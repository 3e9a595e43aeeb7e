"""What is learned of every plug."""

import sqlalchemy as sa
from alembic import op

from gridlane.kernel.tenancy import protect

revision = "0200"
down_revision = "0142"


def upgrade() -> None:
    op.create_table(
        "plug_models",
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sessions", sa.Integer, nullable=False, comment="how many it learned from"),
        sa.Column("score", sa.Float, nullable=False, comment="Brier score on days it did not see"),
        sa.Column(
            "simple_score", sa.Float, nullable=False, comment="that of weekly habits; better means not used"
        ),
        sa.Column("content", sa.LargeBinary, nullable=False, comment="arrays of waiting.plug_models.Taught"),
        sa.PrimaryKeyConstraint("organization_id", "version", name="pk_plug_models"),
        comment="trees that forecast plugs, learned by a job; the newest version of an organization counts",
    )
    protect("plug_models")


def downgrade() -> None:
    op.drop_table("plug_models")
