"""Tables of waiting: what was learned of each site, who waits where and by which rules, and which bays are blocked."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from gridlane.kernel.database import metadata

_ACTIVE = sa.text("status IN ('waiting', 'held', 'snoozed')")


def _at(name: str, *, nullable: bool = True) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


wait_models = sa.Table(
    "wait_models",
    metadata,
    sa.Column("organization_id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("sessions", sa.Integer, nullable=False, comment="how many it learned from"),
    sa.Column("content", sa.LargeBinary, nullable=False, comment="MessagePack of waiting.habits.Habits"),
    comment="habits of sites, learned by a job; the newest version of an organization counts",
)

plug_models = sa.Table(
    "plug_models",
    metadata,
    sa.Column("organization_id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("sessions", sa.Integer, nullable=False, comment="how many it learned from"),
    sa.Column("score", sa.Float, nullable=False, comment="Brier score on days it did not see"),
    sa.Column(
        "simple_score", sa.Float, nullable=False, comment="that of weekly habits; better means not used"
    ),
    sa.Column("content", sa.LargeBinary, nullable=False, comment="arrays of waiting.plug_models.Taught"),
    comment="trees that forecast plugs, learned by a job; the newest version of an organization counts",
)

queue_places = sa.Table(
    "queue_places",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("site_id", sa.Uuid, nullable=False),
    sa.Column("person_id", sa.Uuid, nullable=False),
    sa.Column("status", sa.Text, nullable=False, comment="waiting.queue.Status"),
    _at("joined_at", nullable=False),
    _at("rank", nullable=False),
    sa.Column("connectors", ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("min_power", sa.Float, nullable=False, server_default="0", comment="W"),
    sa.Column("plug", sa.Uuid, nullable=True, comment="the EVSE held for this place"),
    _at("held_until"),
    _at("snoozed_until"),
    sa.Column("snoozes", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("misses", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("told_station", sa.Uuid, nullable=True, comment="the station that holds a reservation for it"),
    sa.Column("told_number", sa.BigInteger, nullable=True, comment="number of that reservation"),
    _at("changed_at", nullable=False),
    sa.Index("uq_queue_places_person", "site_id", "person_id", unique=True, postgresql_where=_ACTIVE),
    sa.Index("uq_queue_places_plug", "plug", unique=True, postgresql_where=_ACTIVE),
    sa.Index("ix_queue_places_person_id", "person_id", "changed_at"),
    sa.Index("ix_queue_places_active", "site_id", "rank", postgresql_where=_ACTIVE),
    comment="who waits for a plug of a site, in order of rank",
)

waiting_rules = sa.Table(
    "waiting_rules",
    metadata,
    sa.Column("site_id", sa.Uuid, sa.ForeignKey("sites.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("content", sa.Text, nullable=False, comment="JSON of waiting.rules.SiteRules"),
    _at("changed_at", nullable=False),
    comment="queue and reservations of a site, as its operator wants them",
)

blocked_bays = sa.Table(
    "blocked_bays",
    metadata,
    sa.Column("evse_id", sa.Uuid, sa.ForeignKey("evses.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("reported_by", sa.Uuid, nullable=False, comment="a person"),
    _at("reported_at", nullable=False),
    _at("until", nullable=False),
    comment="bays that a driver found blocked by a car that does not charge",
)

reservations = sa.Table(
    "reservations",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("site_id", sa.Uuid, nullable=False),
    sa.Column("evse_id", sa.Uuid, nullable=False),
    sa.Column("person_id", sa.Uuid, nullable=False),
    _at("begins_at", nullable=False),
    _at("ends_at", nullable=False),
    sa.Column("status", sa.Text, nullable=False, comment="waiting.reservation.Status"),
    sa.Column("connectors", ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("min_power", sa.Float, nullable=False, server_default="0", comment="W"),
    sa.Column(
        "owed", sa.Numeric(12, 2), nullable=False, server_default="0", comment="without tax, once over"
    ),
    _at("billed_at"),
    sa.Column("told_station", sa.Uuid, nullable=True, comment="the station that holds it too"),
    sa.Column("told_number", sa.BigInteger, nullable=True, comment="its number there"),
    _at("made_at", nullable=False),
    _at("changed_at", nullable=False),
    sa.CheckConstraint("begins_at < ends_at", name="begins_before_it_ends"),
    sa.Index("ix_reservations_booked", "begins_at", postgresql_where=sa.text("status = 'booked'")),
    sa.Index("ix_reservations_owed", "id", postgresql_where=sa.text("owed > 0 AND billed_at IS NULL")),
    sa.Index("ix_reservations_site_id", "site_id", "begins_at"),
    sa.Index("ix_reservations_person_id", "person_id", "begins_at"),
    comment="plugs kept for somebody ahead of time; no plug is booked twice (constraint no_double_booking)",
)

favourite_places = sa.Table(
    "favourite_places",
    metadata,
    sa.Column("person_id", sa.Uuid, primary_key=True),
    sa.Column("site_id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    _at("added_at", nullable=False),
    comment="places that a driver wants to find again at once",
)

free_notices = sa.Table(
    "free_notices",
    metadata,
    sa.Column("person_id", sa.Uuid, primary_key=True),
    sa.Column("site_id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("connectors", ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("min_power", sa.Float, nullable=False, server_default="0", comment="W"),
    _at("asked_at", nullable=False),
    _at("until", nullable=False),
    sa.Index(None, "site_id"),
    comment="who wants to be told when a plug of a site is free",
)
