"""Reservations, which cannot be booked twice, and who wants to be told when a plug is free."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from gridlane.kernel.tenancy import protect

revision = "0082"
down_revision = "0081"

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    # A range of ids makes "the same plug" something that a GiST index knows, without the extension btree_gist.
    op.execute("CREATE TYPE uuid_range AS RANGE (subtype = uuid)")
    op.create_table(
        "reservations",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("site_id", sa.Uuid, nullable=False),
        sa.Column("evse_id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("begins_at", _AT, nullable=False),
        sa.Column("ends_at", _AT, nullable=False),
        sa.Column("status", sa.Text, nullable=False, comment="waiting.reservation.Status"),
        sa.Column("connectors", ARRAY(sa.Text), nullable=False, server_default="{}"),
        sa.Column("min_power", sa.Float, nullable=False, server_default="0", comment="W"),
        sa.Column(
            "owed", sa.Numeric(12, 2), nullable=False, server_default="0", comment="without tax, once over"
        ),
        sa.Column("billed_at", _AT, nullable=True),
        sa.Column("told_station", sa.Uuid, nullable=True, comment="the station that holds it too"),
        sa.Column("told_number", sa.BigInteger, nullable=True, comment="its number there"),
        sa.Column("made_at", _AT, nullable=False),
        sa.Column("changed_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reservations"),
        sa.CheckConstraint("begins_at < ends_at", name="ck_reservations_begins_before_it_ends"),
        comment="plugs kept for somebody ahead of time; no plug is booked twice (constraint no_double_booking)",
    )
    op.execute(
        "ALTER TABLE reservations ADD CONSTRAINT no_double_booking EXCLUDE USING gist "
        "(uuid_range(evse_id, evse_id, '[]') WITH =, tstzrange(begins_at, ends_at) WITH &&) WHERE (status = 'booked')"
    )
    booked, owed = sa.text("status = 'booked'"), sa.text("owed > 0 AND billed_at IS NULL")
    op.create_index("ix_reservations_booked", "reservations", ["begins_at"], postgresql_where=booked)
    op.create_index("ix_reservations_owed", "reservations", ["id"], postgresql_where=owed)
    op.create_index("ix_reservations_site_id", "reservations", ["site_id", "begins_at"])
    op.create_index("ix_reservations_person_id", "reservations", ["person_id", "begins_at"])
    op.create_table(
        "free_notices",
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("site_id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("connectors", ARRAY(sa.Text), nullable=False, server_default="{}"),
        sa.Column("min_power", sa.Float, nullable=False, server_default="0", comment="W"),
        sa.Column("asked_at", _AT, nullable=False),
        sa.Column("until", _AT, nullable=False),
        sa.PrimaryKeyConstraint("person_id", "site_id", name="pk_free_notices"),
        comment="who wants to be told when a plug of a site is free",
    )
    op.create_index("ix_free_notices_site_id", "free_notices", ["site_id"])
    protect("reservations", person="person_id")
    protect("free_notices", person="person_id")


def downgrade() -> None:
    op.drop_table("free_notices")
    op.drop_table("reservations")
    op.execute("DROP TYPE uuid_range")
