"""How far the stations' local lists follow the tokens."""

import sqlalchemy as sa
from alembic import op

from gridlane.kernel.tenancy import protect

revision = "0035"
down_revision = "0100"


def upgrade() -> None:
    op.create_table(
        "local_list_upkeep",
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column(
            "in_step_at", sa.DateTime(timezone=True), nullable=True, comment="when nothing was to be sent"
        ),
        sa.Column("operation_id", sa.Uuid, nullable=True, comment="the step under way"),
        sa.Column("tries", sa.SmallInteger, nullable=False, comment="steps that failed since one went well"),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False, comment="no step before"),
        sa.ForeignKeyConstraint(
            ["station_id"],
            ["stations.id"],
            name=op.f("fk_local_list_upkeep_station_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("station_id", name=op.f("pk_local_list_upkeep")),
        comment="how far the stations' local lists follow the tokens",
    )
    protect("local_list_upkeep")


def downgrade() -> None:
    op.drop_table("local_list_upkeep")
