"""Which limits a station was sent while somebody charged there, found without reading all operations."""

import sqlalchemy as sa
from alembic import op

revision = "0130"
down_revision = "0155"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_operations_limits",
            "operations",
            ["station_id", "sent_at"],
            postgresql_where=sa.text("kind = 'set_charging_profile'"),
            postgresql_concurrently=True,
            if_not_exists=True,
        )
