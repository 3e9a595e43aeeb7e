"""Playbooks: what was tried against a fault, and which of them an organization lets run by themselves."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from gridlane.kernel.tenancy import protect

revision = "0051"
down_revision = "0070"

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "playbook_runs",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("incident_id", sa.Uuid, nullable=False),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("evse", sa.SmallInteger, server_default="0", nullable=False),
        sa.Column("connector", sa.SmallInteger, server_default="0", nullable=False),
        sa.Column("rule", sa.Text, nullable=False, comment="the symptom it is played against"),
        sa.Column("playbook", sa.Text, nullable=False, comment="maintenance.playbooks.PLAYBOOKS"),
        sa.Column("step", sa.SmallInteger, server_default="0", nullable=False),
        sa.Column("status", sa.Text, nullable=False, comment="under_way, helped, not_needed, gave_up"),
        sa.Column("started_at", _AT, nullable=False),
        sa.Column("step_since", _AT, nullable=False),
        sa.Column("asked_at", _AT, nullable=True),
        sa.Column("ended_at", _AT, nullable=True),
        sa.Column("operation_id", sa.Uuid, nullable=True),
        sa.Column(
            "evidence", JSONB, server_default="{}", nullable=False, comment="the symptom's, when it began"
        ),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incidents.id"],
            name=op.f("fk_playbook_runs_incident_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_playbook_runs_station_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_playbook_runs")),
    )
    op.create_index(
        "ix_playbook_runs_under_way",
        "playbook_runs",
        ["station_id"],
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(op.f("ix_playbook_runs_incident_id"), "playbook_runs", ["incident_id"])
    op.create_index(op.f("ix_playbook_runs_started_at"), "playbook_runs", ["started_at"])
    op.create_table(
        "playbook_choices",
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("playbook", sa.Text, nullable=False),
        sa.Column("automatic", sa.Boolean, nullable=False),
        sa.Column("changed_by", sa.Text, nullable=False),
        sa.Column("changed_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "playbook", name=op.f("pk_playbook_choices")),
        comment="whether an organization lets a playbook be played without being asked",
    )
    protect("playbook_runs")
    protect("playbook_choices")


def downgrade() -> None:
    op.drop_table("playbook_choices")
    op.drop_table("playbook_runs")
