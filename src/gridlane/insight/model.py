"""Tables of figures: sessions rolled up by hour, downtime that does not count, and what is assumed of a site."""

import sqlalchemy as sa

from gridlane.kernel.database import metadata

session_hours = sa.Table(
    "session_hours",
    metadata,
    sa.Column("session_id", sa.Uuid, primary_key=True),
    sa.Column("hour", sa.DateTime(timezone=True), primary_key=True, comment="an hour of the site's clock"),
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
    sa.Column("curtailed", sa.REAL, nullable=False, comment="s at the limit, with less offered than rated"),
    sa.Column("withheld", sa.Float, nullable=False, comment="Wh that the limit kept back"),
    sa.Column("peak_power", sa.Float, nullable=True, comment="W"),
    sa.Column("temperature", sa.REAL, nullable=True, comment="the highest told, Celsius"),
    sa.Column("readings", sa.Integer, nullable=False, comment="how many this hour rests on"),
    sa.Index(None, "organization_id", "day"),
    sa.Index(None, "station_id", "day"),
    comment="what each session did in each hour: kept when its readings are gone",
)

roll_up_marks = sa.Table(
    "roll_up_marks",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("until", sa.DateTime(timezone=True), nullable=False, comment="what came before is rolled up"),
    comment="how far each roll-up has come",
)

excluded_downtime = sa.Table(
    "excluded_downtime",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("site_id", sa.Uuid, nullable=True, comment="null with station_id null: the whole network"),
    sa.Column("station_id", sa.Uuid, nullable=True),
    sa.Column("evse_id", sa.Uuid, nullable=True),
    sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    sa.Column("reason", sa.Text, nullable=False, comment="insight.uptime.Reason"),
    sa.Column("evidence", sa.Text, nullable=False, comment="what proves it: a ticket, a letter of the grid"),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("since < until", name="lasts"),
    sa.Index(None, "organization_id", "until"),
    comment="downtime that an uptime rule may leave out, with its proof",
)

assumptions = sa.Table(
    "assumptions",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("site_id", sa.Uuid, nullable=True, comment="null: every site without its own"),
    sa.Column("content", sa.Text, nullable=False, comment="JSON of insight.assuming.Assumptions"),
    sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("organization_id", "site_id", postgresql_nulls_not_distinct=True),
    comment="what figures rest on where nothing is measured: prices of electricity, carbon, standby",
)

report_schedules = sa.Table(
    "report_schedules",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("kind", sa.Text, nullable=False, comment="insight.sheets.KINDS"),
    sa.Column("format", sa.Text, nullable=False, comment="csv, xlsx, pdf, parquet"),
    sa.Column("every", sa.Text, nullable=False, comment="day, week, month: the last whole one"),
    sa.Column("site_id", sa.Uuid, nullable=True),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("recipients", sa.Text, nullable=False, server_default="[]", comment="JSON list of addresses"),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index(None, "next_at"),
    comment="reports made again and again",
)

made_reports = sa.Table(
    "made_reports",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("schedule_id", sa.Uuid, nullable=True),
    sa.Column("site_id", sa.Uuid, nullable=True),
    sa.Column("name", sa.Text, nullable=False, comment="of the file"),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("format", sa.Text, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("mailed", sa.Text, nullable=True, comment="to how many, or why not"),
    sa.Index(None, "organization_id", "made_at"),
    comment="reports that schedules made, kept for a year",
)
