"""Passkeys, authenticator apps and recovery codes. Only the owner of the tables reads them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0041"
down_revision = "0038"


def upgrade() -> None:
    op.create_table(
        "passkeys",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("credential_id", sa.LargeBinary, nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False, comment="COSE"),
        sa.Column(
            "uses",
            sa.BigInteger,
            nullable=False,
            comment="the authenticator's own count; 0: it does not count",
        ),
        sa.Column("transports", JSONB, server_default="[]", nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name="fk_passkeys_person_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_passkeys"),
        sa.UniqueConstraint("credential_id", name="uq_passkeys_credential_id"),
        comment="keys in people's devices that sign them in",
    )
    op.create_index("ix_passkeys_person_id", "passkeys", ["person_id"])
    op.create_table(
        "second_factors",
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False, comment="the shared secret, encrypted"),
        sa.Column(
            "confirmed_at", sa.DateTime(timezone=True), nullable=True, comment="null: not asked for yet"
        ),
        sa.Column("last_step", sa.BigInteger, nullable=True, comment="of the last code; no older one works"),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name="fk_second_factors_person_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", name="pk_second_factors"),
        comment="authenticator apps",
    )
    op.create_table(
        "recovery_codes",
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("code_hash", sa.LargeBinary, nullable=False, comment="keyed"),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name="fk_recovery_codes_person_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", "code_hash", name="pk_recovery_codes"),
        comment="what signs in once when the phone is lost; a used one is removed",
    )


def downgrade() -> None:
    for table in ("recovery_codes", "second_factors", "passkeys"):
        op.drop_table(table)
