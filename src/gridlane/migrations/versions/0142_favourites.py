"""Drivers' favourite places."""

import sqlalchemy as sa
from alembic import op

from gridlane.kernel.tenancy import protect

revision = "0142"
down_revision = "0141"


def upgrade() -> None:
    op.create_table(
        "favourite_places",
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("site_id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "site_id", name="pk_favourite_places"),
        comment="places that a driver wants to find again at once",
    )
    protect("favourite_places", person="person_id")


def downgrade() -> None:
    op.drop_table("favourite_places")
