"""A security profile that a station moves up to; identities that are gone."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0040"

_NOTE_GONE = """
CREATE FUNCTION note_gone_identity() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO gone_identities (identity, at) VALUES (OLD.identity, clock_timestamp());
  RETURN NULL;
END
$$
"""


def upgrade() -> None:
    op.add_column(
        "stations",
        sa.Column(
            "next_security_profile",
            sa.SmallInteger,
            nullable=True,
            comment="also let in, until it first comes by it",
        ),
    )
    op.create_table(
        "gone_identities",
        sa.Column("position", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_gone_identities")),
        comment="identities that stations no longer have, for a day: what directories have to forget",
    )
    op.create_index(op.f("ix_gone_identities_at"), "gone_identities", ["at"], unique=False)
    op.execute(_NOTE_GONE)
    op.execute(
        "CREATE TRIGGER note_deleted_identity AFTER DELETE ON stations "
        "FOR EACH ROW EXECUTE FUNCTION note_gone_identity()"
    )
    op.execute(
        "CREATE TRIGGER note_changed_identity AFTER UPDATE OF identity ON stations FOR EACH ROW "
        "WHEN (OLD.identity IS DISTINCT FROM NEW.identity) EXECUTE FUNCTION note_gone_identity()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER note_changed_identity ON stations")
    op.execute("DROP TRIGGER note_deleted_identity ON stations")
    op.execute("DROP FUNCTION note_gone_identity()")
    op.drop_table("gone_identities")
    op.drop_column("stations", "next_security_profile")
