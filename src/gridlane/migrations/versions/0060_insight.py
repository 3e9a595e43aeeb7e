"""Sessions rolled up by hour, downtime that does not count, and what figures assume."""

import sqlalchemy as sa
from alembic import op

from gridlane.kernel.tenancy import protect

revision = "0060"
down_revision = "0053"


def upgrade() -> None:
    _session_hours()
    _excluded_downtime()
    _assumptions()
    op.create_table(
        "roll_up_marks",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column(
            "until", sa.DateTime(timezone=True), nullable=False, comment="what came before is rolled up"
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_roll_up_marks")),
        comment="how far each roll-up has come",
    )
    for table in ("session_hours", "excluded_downtime", "assumptions"):
        protect(table)


def _session_hours() -> None:
    op.create_table(
        "session_hours",
        sa.Column("session_id", sa.Uuid, nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False, comment="an hour of the site's clock"),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("site_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("evse", sa.SmallInteger, nullable=True),
        sa.Column("day", sa.Date, nullable=False, comment="of the site's calendar"),
        sa.Column("clock_hour", sa.SmallInteger, nullable=False, comment="0 to 23 on the site's clock"),
        sa.Column("begins", sa.Boolean, nullable=False, comment="the session began in this hour"),
        sa.Column("energy", sa.Float, nullable=False, comment="Wh"),
        sa.Column("occupied", sa.REAL, nullable=False, comment="s"),
        sa.Column("charging", sa.REAL, nullable=False, comment="s with power flowing"),
        sa.Column(
            "curtailed", sa.REAL, nullable=False, comment="s at the limit, with less offered than rated"
        ),
        sa.Column("withheld", sa.Float, nullable=False, comment="Wh that the limit kept back"),
        sa.Column("peak_power", sa.Float, nullable=True, comment="W"),
        sa.Column("temperature", sa.REAL, nullable=True, comment="the highest told, Celsius"),
        sa.Column("readings", sa.Integer, nullable=False, comment="how many this hour rests on"),
        sa.PrimaryKeyConstraint("session_id", "hour", name=op.f("pk_session_hours")),
        comment="what each session did in each hour: kept when its readings are gone",
    )
    op.create_index(op.f("ix_session_hours_organization_id_day"), "session_hours", ["organization_id", "day"])
    op.create_index(op.f("ix_session_hours_station_id_day"), "session_hours", ["station_id", "day"])


def _excluded_downtime() -> None:
    op.create_table(
        "excluded_downtime",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("site_id", sa.Uuid, nullable=True, comment="null with station_id null: the whole network"),
        sa.Column("station_id", sa.Uuid, nullable=True),
        sa.Column("evse_id", sa.Uuid, nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text, nullable=False, comment="insight.uptime.Reason"),
        sa.Column(
            "evidence", sa.Text, nullable=False, comment="what proves it: a ticket, a letter of the grid"
        ),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("since < until", name=op.f("ck_excluded_downtime_lasts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_excluded_downtime")),
        comment="downtime that an uptime rule may leave out, with its proof",
    )
    op.create_index(
        op.f("ix_excluded_downtime_organization_id_until"), "excluded_downtime", ["organization_id", "until"]
    )


def _assumptions() -> None:
    op.create_table(
        "assumptions",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("site_id", sa.Uuid, nullable=True, comment="null: every site without its own"),
        sa.Column("content", sa.Text, nullable=False, comment="JSON of insight.assuming.Assumptions"),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assumptions")),
        sa.UniqueConstraint(
            "organization_id",
            "site_id",
            name=op.f("uq_assumptions_organization_id_site_id"),
            postgresql_nulls_not_distinct=True,
        ),
        comment="what figures rest on where nothing is measured: prices of electricity, carbon, standby",
    )
