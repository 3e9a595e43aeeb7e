"""Tariffs and their versions, assignments, spot prices, busy rules and what they announced."""

import sqlalchemy as sa
from alembic import op

from gridlane.kernel.tenancy import grant, protect

revision = "0020"
down_revision = "0012"

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "tariffs",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False, comment="what operators call it"),
        sa.Column("currency", sa.Text, nullable=False, comment="ISO 4217; the same in every version"),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("archived_at", _AT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_tariffs"),
        sa.UniqueConstraint("organization_id", "name", name="uq_tariffs_organization_id_name"),
    )
    op.create_table(
        "tariff_versions",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("tariff_id", sa.Uuid, nullable=False),
        sa.Column("valid_from", _AT, nullable=False),
        sa.Column("content", sa.Text, nullable=False, comment="JSON of tariffs.exchange"),
        sa.Column("published_at", _AT, nullable=False),
        sa.Column("published_by", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["tariff_id"], ["tariffs.id"], name="fk_tariff_versions_tariff_id_tariffs"),
        sa.PrimaryKeyConstraint("id", name="pk_tariff_versions"),
        sa.UniqueConstraint("tariff_id", "valid_from", name="uq_tariff_versions_tariff_id_valid_from"),
    )
    _assignments()
    op.create_table(
        "spot_prices",
        sa.Column("feed", sa.Text, nullable=False, comment="such as NL: the market's day-ahead series"),
        sa.Column("start", _AT, nullable=False),
        sa.Column("end", _AT, nullable=False),
        sa.Column("price", sa.Numeric, nullable=False, comment="per kWh"),
        sa.Column("currency", sa.Text, nullable=False),
        sa.CheckConstraint('"end" > start', name="ck_spot_prices_lasts"),
        sa.PrimaryKeyConstraint("feed", "start", name="pk_spot_prices"),
        comment="markets are nobody's own: shared by all organizations",
    )
    op.create_table(
        "busy_rules",
        sa.Column("site_id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("rule", sa.Text, nullable=False, comment="JSON of tariffs.busy.BusyRule"),
        sa.PrimaryKeyConstraint("site_id", name="pk_busy_rules"),
    )
    op.create_table(
        "busy_announcements",
        sa.Column("site_id", sa.Uuid, nullable=False),
        sa.Column("since", _AT, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("until", _AT, nullable=False),
        sa.Column(
            "level", sa.Text, nullable=True, comment="JSON of tariffs.busy.BusyLevel; null: the plain tariff"
        ),
        sa.PrimaryKeyConstraint("site_id", "since", name="pk_busy_announcements"),
    )
    for table in ("tariffs", "tariff_versions", "tariff_assignments", "busy_rules", "busy_announcements"):
        protect(table)
    grant("spot_prices", "SELECT, INSERT, UPDATE")
    op.execute("REVOKE UPDATE ON tariff_versions FROM gridlane_app")


def _assignments() -> None:
    op.create_table(
        "tariff_assignments",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("tariff_id", sa.Uuid, nullable=False),
        sa.Column("valid_from", _AT, nullable=False),
        sa.Column("valid_until", _AT, nullable=True),
        sa.Column("site_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=True),
        sa.Column("group_id", sa.Uuid, nullable=True, comment="a driver group"),
        sa.Column("for_guests", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.CheckConstraint(
            "valid_until IS NULL OR valid_until >= valid_from",
            name="ck_tariff_assignments_ends_after_it_begins",
        ),
        sa.CheckConstraint("site_id IS NULL OR station_id IS NULL", name="ck_tariff_assignments_one_place"),
        sa.CheckConstraint("group_id IS NULL OR NOT for_guests", name="ck_tariff_assignments_one_audience"),
        sa.ForeignKeyConstraint(
            ["tariff_id"], ["tariffs.id"], name="fk_tariff_assignments_tariff_id_tariffs"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_tariff_assignments"),
    )
    op.create_index(
        "ix_tariff_assignments_organization_id_valid_from",
        "tariff_assignments",
        ["organization_id", "valid_from"],
    )


def downgrade() -> None:
    for table in (
        "busy_announcements",
        "busy_rules",
        "spot_prices",
        "tariff_assignments",
        "tariff_versions",
        "tariffs",
    ):
        op.drop_table(table)
