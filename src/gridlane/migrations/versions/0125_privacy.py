"""Archives that people asked for, and where the audit log begins once its oldest entries were removed."""

import sqlalchemy as sa
from alembic import op

revision = "0125"
down_revision = "0041"


def upgrade() -> None:
    op.create_table(
        "personal_archives",
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("content", sa.LargeBinary, nullable=True, comment="a zip file"),
        sa.PrimaryKeyConstraint("person_id", name="pk_personal_archives"),
        comment="archives that people asked for of everything that is known of them",
    )
    op.create_table(
        "audit_beginnings",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("number", sa.BigInteger, nullable=False, comment="of the last entry that was removed"),
        sa.Column("seal", sa.LargeBinary, nullable=False, comment="its seal, which the next entry continues"),
        sa.PrimaryKeyConstraint("id", name="pk_audit_beginnings"),
        sa.UniqueConstraint(
            "organization_id",
            name="uq_audit_beginnings_organization_id",
            postgresql_nulls_not_distinct=True,
        ),
        comment="where chains of the audit log begin once their oldest entries were removed",
    )


def downgrade() -> None:
    for table in ("audit_beginnings", "personal_archives"):
        op.drop_table(table)
