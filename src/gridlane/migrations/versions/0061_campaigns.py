"""Firmware campaigns, and configuration templates."""

import sqlalchemy as sa
from alembic import op

from gridlane.kernel.tenancy import protect

revision = "0061"
down_revision = "0060"


def _at(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def upgrade() -> None:
    _campaigns()
    _campaign_stations()
    _templates()
    for table in ("campaigns", "campaign_stations", "configuration_templates"):
        protect(table)


def _campaigns() -> None:
    op.create_table(
        "campaigns",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False, comment="running, paused, done, aborted"),
        sa.Column("why", sa.Text, nullable=False, server_default="", comment="of the state, in one sentence"),
        sa.Column("firmware", sa.Text, nullable=False, comment="JSON of campaigns.firmware.Firmware"),
        sa.Column("plan", sa.Text, nullable=False, comment="JSON of campaigns.rollout.Plan"),
        sa.Column("created_by", sa.Text, nullable=False),
        _at("created_at"),
        _at("changed_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
        comment="firmware updates of many stations",
    )
    op.create_index(
        op.f("ix_campaigns_organization_id_created_at"), "campaigns", ["organization_id", "created_at"]
    )
    op.create_index(
        "ix_campaigns_running", "campaigns", ["changed_at"], postgresql_where=sa.text("state = 'running'")
    )


def _campaign_stations() -> None:
    op.create_table(
        "campaign_stations",
        sa.Column("campaign_id", sa.Uuid, nullable=False),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("wave", sa.SmallInteger, nullable=False, comment="0: the canary"),
        sa.Column("state", sa.Text, nullable=False, comment="campaigns.rollout.TargetState"),
        sa.Column("firmware_before", sa.Text, nullable=True),
        sa.Column("operation_id", sa.Uuid, nullable=True),
        sa.Column("evidence", sa.Text, nullable=False, server_default=""),
        _at("since"),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaigns.id"],
            name=op.f("fk_campaign_stations_campaign_id_campaigns"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["station_id"],
            ["stations.id"],
            name=op.f("fk_campaign_stations_station_id_stations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("campaign_id", "station_id", name=op.f("pk_campaign_stations")),
        comment="how far each station of a campaign is",
    )
    op.create_index(op.f("ix_campaign_stations_station_id"), "campaign_stations", ["station_id"])


def _templates() -> None:
    op.create_table(
        "configuration_templates",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("applies", sa.Text, nullable=False, comment="JSON of campaigns.configuration.Applies"),
        sa.Column("settings", sa.Text, nullable=False, comment="JSON list of campaigns.drift.Setting"),
        sa.Column("repairs", sa.Boolean, nullable=False, comment="true: drift is mended without being asked"),
        _at("changed_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_configuration_templates")),
        sa.UniqueConstraint(
            "organization_id", "name", name=op.f("uq_configuration_templates_organization_id_name")
        ),
        comment="how stations of a kind shall be set",
    )
