"""Devices that show a person's news though no page is open."""

import sqlalchemy as sa
from alembic import op

from gridlane.kernel.tenancy import protect

revision = "0141"
down_revision = "0130"

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "push_subscriptions",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column(
            "endpoint", sa.Text, nullable=False, comment="of the device, at its browser's push service"
        ),
        sa.Column("p256dh", sa.Text, nullable=False, comment="the device's public key, base64url"),
        sa.Column("auth", sa.Text, nullable=False, comment="the device's shared secret, base64url"),
        sa.Column("device", sa.Text, nullable=False, comment="what the browser calls itself"),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("told_at", _AT, nullable=True, comment="the last news that was taken"),
        sa.Column("last_message_id", sa.Uuid, nullable=True, comment="of those news"),
        sa.Column("trouble", sa.Text, nullable=True, comment="what the push service said last"),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name="fk_push_subscriptions_person_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_push_subscriptions"),
        sa.UniqueConstraint("endpoint", name="uq_push_subscriptions_endpoint"),
        comment="devices that show a person's news though no page is open",
    )
    op.create_index("ix_push_subscriptions_person_id", "push_subscriptions", ["person_id"])
    protect("push_subscriptions", organization=None, person="person_id")


def downgrade() -> None:
    op.drop_table("push_subscriptions")
