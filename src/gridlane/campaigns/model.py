"""Tables of campaigns and of configuration templates."""

import sqlalchemy as sa

from gridlane.kernel.database import metadata


def _at(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


campaigns = sa.Table(
    "campaigns",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, comment="running, paused, done, aborted"),
    sa.Column("why", sa.Text, nullable=False, server_default="", comment="of the state, in one sentence"),
    sa.Column("firmware", sa.Text, nullable=False, comment="JSON of campaigns.firmware.Firmware"),
    sa.Column("plan", sa.Text, nullable=False, comment="JSON of campaigns.rollout.Plan"),
    sa.Column("created_by", sa.Text, nullable=False),
    _at("created_at"),
    _at("changed_at"),
    sa.Index(None, "organization_id", "created_at"),
    sa.Index("ix_campaigns_running", "changed_at", postgresql_where=sa.text("state = 'running'")),
    comment="firmware updates of many stations",
)

campaign_stations = sa.Table(
    "campaign_stations",
    metadata,
    sa.Column("campaign_id", sa.Uuid, sa.ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("station_id", sa.Uuid, sa.ForeignKey("stations.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("wave", sa.SmallInteger, nullable=False, comment="0: the canary"),
    sa.Column("state", sa.Text, nullable=False, comment="campaigns.rollout.TargetState"),
    sa.Column("firmware_before", sa.Text, nullable=True),
    sa.Column("operation_id", sa.Uuid, nullable=True),
    sa.Column("evidence", sa.Text, nullable=False, server_default=""),
    _at("since"),
    sa.Index(None, "station_id"),
    comment="how far each station of a campaign is",
)

configuration_templates = sa.Table(
    "configuration_templates",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("applies", sa.Text, nullable=False, comment="JSON of campaigns.configuration.Applies"),
    sa.Column("settings", sa.Text, nullable=False, comment="JSON list of campaigns.drift.Setting"),
    sa.Column("repairs", sa.Boolean, nullable=False, comment="true: drift is mended without being asked"),
    _at("changed_at"),
    sa.UniqueConstraint("organization_id", "name"),
    comment="how stations of a kind shall be set",
)
