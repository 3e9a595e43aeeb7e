"""Every EVSE gets a number for its sticker by itself; an operator may give it another."""

import sqlalchemy as sa
from alembic import op

from gridlane.kernel.embedded_postgres import APP

revision = "0155"
down_revision = "0127"


def upgrade() -> None:
    op.execute(sa.schema.CreateSequence(sa.Sequence("plug_numbers")))
    op.execute(f"GRANT USAGE ON SEQUENCE plug_numbers TO {APP}")
    # An odd factor makes a permutation of 0 .. 2^30 - 1: never the same twice, and no neighbour to be guessed.
    op.execute("""
        CREATE FUNCTION plug_number(n bigint) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
        SELECT 'E' || string_agg(
            substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', ((((n * 668265263 + 1013904223) & 1073741823) >> (5 * place)) & 31)::int + 1, 1),
            '' ORDER BY place DESC
        ) FROM generate_series(0, 5) AS place
        $$
    """)
    op.alter_column("evses", "public_id", server_default=sa.text("plug_number(nextval('plug_numbers'))"))
    op.execute("UPDATE evses SET public_id = plug_number(nextval('plug_numbers')) WHERE public_id IS NULL")


def downgrade() -> None:
    op.alter_column("evses", "public_id", server_default=None)
    op.execute("DROP FUNCTION plug_number(bigint)")
    op.execute(sa.schema.DropSequence(sa.Sequence("plug_numbers")))
