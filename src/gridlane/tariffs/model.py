"""Tables of tariffs: versions that never change, who is assigned which, spot prices, and busy rules.

A version is valid from its instant until the next one of its tariff begins. What is published stays as it was
published (the database refuses to change it); only a version that has not begun yet can be withdrawn.
"""

import sqlalchemy as sa

from gridlane.kernel.database import metadata

tariffs = sa.Table(
    "tariffs",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("name", sa.Text, nullable=False, comment="what operators call it"),
    sa.Column("currency", sa.Text, nullable=False, comment="ISO 4217; the same in every version"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
    sa.UniqueConstraint("organization_id", "name"),
)

tariff_versions = sa.Table(
    "tariff_versions",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("tariff_id", sa.Uuid, sa.ForeignKey("tariffs.id"), nullable=False),
    sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
    sa.Column("content", sa.Text, nullable=False, comment="JSON of tariffs.exchange"),
    sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("published_by", sa.Text, nullable=False),
    sa.UniqueConstraint("tariff_id", "valid_from"),
)

tariff_assignments = sa.Table(
    "tariff_assignments",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("tariff_id", sa.Uuid, sa.ForeignKey("tariffs.id"), nullable=False),
    sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
    sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
    sa.Column("site_id", sa.Uuid, nullable=True),
    sa.Column("station_id", sa.Uuid, nullable=True),
    sa.Column("group_id", sa.Uuid, nullable=True, comment="a driver group"),
    sa.Column("for_guests", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.CheckConstraint("valid_until IS NULL OR valid_until >= valid_from", name="ends_after_it_begins"),
    sa.CheckConstraint("site_id IS NULL OR station_id IS NULL", name="one_place"),
    sa.CheckConstraint("group_id IS NULL OR NOT for_guests", name="one_audience"),
    sa.Index(None, "organization_id", "valid_from"),
)

spot_prices = sa.Table(
    "spot_prices",
    metadata,
    sa.Column("feed", sa.Text, primary_key=True, comment="such as NL: the market's day-ahead series"),
    sa.Column("start", sa.DateTime(timezone=True), primary_key=True),
    sa.Column("end", sa.DateTime(timezone=True), nullable=False),
    sa.Column("price", sa.Numeric, nullable=False, comment="per kWh"),
    sa.Column("currency", sa.Text, nullable=False),
    sa.CheckConstraint('"end" > start', name="lasts"),
    comment="markets are nobody's own: shared by all organizations",
)

busy_rules = sa.Table(
    "busy_rules",
    metadata,
    sa.Column("site_id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("rule", sa.Text, nullable=False, comment="JSON of tariffs.busy.BusyRule"),
)

busy_announcements = sa.Table(
    "busy_announcements",
    metadata,
    sa.Column("site_id", sa.Uuid, primary_key=True),
    sa.Column("since", sa.DateTime(timezone=True), primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    sa.Column(
        "level", sa.Text, nullable=True, comment="JSON of tariffs.busy.BusyLevel; null: the plain tariff"
    ),
)
