"""The queue of a site: places, rules, blocked bays. What is said to charging beforehand may name a person."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from gridlane.kernel.tenancy import protect

revision = "0081"
down_revision = "0036"

_AT = sa.DateTime(timezone=True)
_ACTIVE = sa.text("status IN ('waiting', 'held', 'snoozed')")


def upgrade() -> None:
    op.add_column("admissions", sa.Column("person_id", sa.Uuid, nullable=True))
    op.create_index("ix_admissions_reference", "admissions", ["reference"])
    _places()
    op.create_table(
        "waiting_rules",
        sa.Column("site_id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("content", sa.Text, nullable=False, comment="JSON of waiting.rules.SiteRules"),
        sa.Column("changed_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("site_id", name="pk_waiting_rules"),
        sa.ForeignKeyConstraint(
            ["site_id"], ["sites.id"], name="fk_waiting_rules_site_id_sites", ondelete="CASCADE"
        ),
        comment="queue and reservations of a site, as its operator wants them",
    )
    op.create_table(
        "blocked_bays",
        sa.Column("evse_id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("reported_by", sa.Uuid, nullable=False, comment="a person"),
        sa.Column("reported_at", _AT, nullable=False),
        sa.Column("until", _AT, nullable=False),
        sa.PrimaryKeyConstraint("evse_id", name="pk_blocked_bays"),
        sa.ForeignKeyConstraint(
            ["evse_id"], ["evses.id"], name="fk_blocked_bays_evse_id_evses", ondelete="CASCADE"
        ),
        comment="bays that a driver found blocked by a car that does not charge",
    )
    protect("queue_places", person="person_id")
    protect("waiting_rules")
    protect("blocked_bays")


def _places() -> None:
    op.create_table(
        "queue_places",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("site_id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("status", sa.Text, nullable=False, comment="waiting.queue.Status"),
        sa.Column("joined_at", _AT, nullable=False),
        sa.Column("rank", _AT, nullable=False),
        sa.Column("connectors", ARRAY(sa.Text), nullable=False, server_default="{}"),
        sa.Column("min_power", sa.Float, nullable=False, server_default="0", comment="W"),
        sa.Column("plug", sa.Uuid, nullable=True, comment="the EVSE held for this place"),
        sa.Column("held_until", _AT, nullable=True),
        sa.Column("snoozed_until", _AT, nullable=True),
        sa.Column("snoozes", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column("misses", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column(
            "told_station", sa.Uuid, nullable=True, comment="the station that holds a reservation for it"
        ),
        sa.Column("told_number", sa.BigInteger, nullable=True, comment="number of that reservation"),
        sa.Column("changed_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_queue_places"),
        comment="who waits for a plug of a site, in order of rank",
    )
    op.create_index(
        "uq_queue_places_person",
        "queue_places",
        ["site_id", "person_id"],
        unique=True,
        postgresql_where=_ACTIVE,
    )
    op.create_index("uq_queue_places_plug", "queue_places", ["plug"], unique=True, postgresql_where=_ACTIVE)
    op.create_index("ix_queue_places_person_id", "queue_places", ["person_id", "changed_at"])
    op.create_index("ix_queue_places_active", "queue_places", ["site_id", "rank"], postgresql_where=_ACTIVE)


def downgrade() -> None:
    for table in ("blocked_bays", "waiting_rules", "queue_places"):
        op.drop_table(table)
    op.drop_index("ix_admissions_reference", "admissions")
    op.drop_column("admissions", "person_id")
