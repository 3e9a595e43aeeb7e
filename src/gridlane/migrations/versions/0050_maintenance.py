"""What goes wrong: occurrences, incidents, their symptoms and their story."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from gridlane.kernel.tenancy import protect

revision = "0050"
down_revision = "0035"

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _occurrences()
    _incidents()
    _symptoms_and_steps()
    for table in ("fault_occurrences", "incidents", "incident_symptoms", "incident_steps"):
        protect(table)


def _occurrences() -> None:
    op.create_table(
        "fault_occurrences",
        sa.Column("id", sa.Uuid, nullable=False, comment="the fact that told it"),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("evse", sa.SmallInteger, server_default="0", nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.Column("detail", JSONB, server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(
            ["station_id"],
            ["stations.id"],
            name=op.f("fk_fault_occurrences_station_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fault_occurrences")),
        comment="what happened to stations, as far as a fault rule counts it",
    )
    op.create_index(op.f("ix_fault_occurrences_at"), "fault_occurrences", ["at"])
    op.create_index(op.f("ix_fault_occurrences_station_id_at"), "fault_occurrences", ["station_id", "at"])


def _incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("site_id", sa.Uuid, nullable=True, comment="null: more than one site"),
        sa.Column("cause", sa.Text, nullable=False, comment="maintenance.causes.CAUSES"),
        sa.Column("subject", sa.Text, nullable=False, comment="what the cause concerns, such as site:<id>"),
        sa.Column("rule", sa.Text, nullable=False, comment="maintenance.rules.RULES"),
        sa.Column("severity", sa.Text, nullable=False, comment="critical, major, minor"),
        sa.Column("status", sa.Text, nullable=False, comment="open, resolved, merged"),
        sa.Column("why", sa.Text, nullable=False, comment="what speaks for this cause"),
        sa.Column(
            "care",
            sa.Text,
            server_default="watched",
            nullable=False,
            comment="watched, trying (a playbook), needs_person",
        ),
        sa.Column("planned", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column("started_at", _AT, nullable=False),
        sa.Column("detected_at", _AT, nullable=False),
        sa.Column("quiet_since", _AT, nullable=True),
        sa.Column("resolved_at", _AT, nullable=True),
        sa.Column("resolution", sa.Text, nullable=True, comment="by_itself, playbook, person"),
        sa.Column("merged_into", sa.Uuid, nullable=True),
        sa.Column("acknowledged_at", _AT, nullable=True),
        sa.Column("acknowledged_by", sa.Text, nullable=True),
        sa.Column("stations", sa.Integer, server_default="1", nullable=False),
        sa.Column(
            "money_per_hour",
            sa.Numeric,
            nullable=True,
            comment="what these stations usually earn in an hour",
        ),
        sa.Column("currency", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
        comment="one row per cause",
    )
    op.create_index(
        "uq_incidents_open",
        "incidents",
        ["organization_id", "subject"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index(
        op.f("ix_incidents_organization_id_detected_at_id"),
        "incidents",
        ["organization_id", "detected_at", "id"],
    )


def _symptoms_and_steps() -> None:
    op.create_table(
        "incident_symptoms",
        sa.Column("incident_id", sa.Uuid, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("evse", sa.SmallInteger, autoincrement=False, nullable=False),
        sa.Column("connector", sa.SmallInteger, autoincrement=False, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("since", _AT, nullable=False),
        sa.Column("until", _AT, nullable=True),
        sa.Column("evidence", JSONB, server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incidents.id"],
            name=op.f("fk_incident_symptoms_incident_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["station_id"],
            ["stations.id"],
            name=op.f("fk_incident_symptoms_station_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "incident_id", "rule", "station_id", "evse", "connector", name=op.f("pk_incident_symptoms")
        ),
    )
    op.create_index(
        op.f("ix_incident_symptoms_station_id_since"), "incident_symptoms", ["station_id", "since"]
    )
    op.create_table(
        "incident_steps",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("incident_id", sa.Uuid, nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.Column(
            "kind",
            sa.Text,
            nullable=False,
            comment="opened, symptom_came, symptom_went, cause_changed, tried, helped, in_vain, escalated, acknowledged, "
            "note, merged, resolved, reopened",
        ),
        sa.Column("actor", sa.Text, server_default="gridlane", nullable=False),
        sa.Column("detail", JSONB, server_default="{}", nullable=False),
        sa.Column("operation_id", sa.Uuid, nullable=True),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incidents.id"],
            name=op.f("fk_incident_steps_incident_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_steps")),
        comment="the story of an incident, in order",
    )
    op.create_index(op.f("ix_incident_steps_incident_id_at"), "incident_steps", ["incident_id", "at"])


def downgrade() -> None:
    for table in ("incident_steps", "incident_symptoms", "incidents", "fault_occurrences"):
        op.drop_table(table)
