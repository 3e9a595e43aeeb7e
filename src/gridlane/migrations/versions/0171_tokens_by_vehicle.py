"""Tokens are found by the vehicle they stay with."""

from alembic import op

revision = "0171"
down_revision = "0170"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index(
            op.f("ix_tokens_vehicle_id"),
            "tokens",
            ["vehicle_id"],
            postgresql_concurrently=True,
            if_not_exists=True,
        )


def downgrade() -> None:
    op.drop_index(op.f("ix_tokens_vehicle_id"), table_name="tokens")
