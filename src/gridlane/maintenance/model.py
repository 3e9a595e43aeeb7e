"""Tables of what goes wrong: occurrences that count, incidents, their symptoms, and the steps of their story."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from gridlane.kernel.database import metadata


def _at(name: str, *, nullable: bool = True) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _organization() -> sa.Column[UUID]:
    return sa.Column("organization_id", sa.Uuid, nullable=False)


def _incident(*, key: bool = False) -> sa.Column[UUID]:
    return sa.Column(
        "incident_id",
        sa.Uuid,
        sa.ForeignKey("incidents.id", ondelete="CASCADE"),
        nullable=False,
        primary_key=key,
    )


fault_occurrences = sa.Table(
    "fault_occurrences",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, comment="the fact that told it"),
    _organization(),
    sa.Column("station_id", sa.Uuid, sa.ForeignKey("stations.id", ondelete="CASCADE"), nullable=False),
    sa.Column("evse", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("kind", sa.Text, nullable=False),
    _at("at", nullable=False),
    sa.Column("detail", JSONB, nullable=False, server_default="{}"),
    sa.Index(None, "at"),
    sa.Index(None, "kind", "at"),
    sa.Index(None, "station_id", "at"),
    comment="what happened to stations, as far as a fault rule counts it",
)

incidents = sa.Table(
    "incidents",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    _organization(),
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
        nullable=False,
        server_default="watched",
        comment="watched, trying (a playbook), needs_person",
    ),
    sa.Column("planned", sa.Boolean, nullable=False, server_default=sa.false()),
    _at("started_at", nullable=False),
    _at("detected_at", nullable=False),
    _at("quiet_since"),
    _at("resolved_at"),
    sa.Column("resolution", sa.Text, nullable=True, comment="by_itself, playbook, person"),
    sa.Column("merged_into", sa.Uuid, nullable=True),
    _at("acknowledged_at"),
    sa.Column("acknowledged_by", sa.Text, nullable=True),
    sa.Column("stations", sa.Integer, nullable=False, server_default="1"),
    sa.Column(
        "money_per_hour", sa.Numeric, nullable=True, comment="what these stations usually earn in an hour"
    ),
    sa.Column("currency", sa.Text, nullable=True),
    sa.Index(
        "uq_incidents_open", "organization_id", "subject", unique=True, postgresql_where=sa.text("status = 'open'")
    ),
    sa.Index(None, "organization_id", "detected_at", "id"),
    comment="one row per cause",
)  # fmt: skip

incident_symptoms = sa.Table(
    "incident_symptoms",
    metadata,
    _incident(key=True),
    sa.Column("rule", sa.Text, primary_key=True),
    sa.Column(
        "station_id", sa.Uuid, sa.ForeignKey("stations.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("evse", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("connector", sa.SmallInteger, primary_key=True, autoincrement=False),
    _organization(),
    _at("since", nullable=False),
    _at("until"),
    sa.Column("evidence", JSONB, nullable=False, server_default="{}"),
    sa.Index(None, "station_id", "since"),
)  # fmt: skip

incident_steps = sa.Table(
    "incident_steps",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    _organization(),
    _incident(),
    _at("at", nullable=False),
    sa.Column(
        "kind",
        sa.Text,
        nullable=False,
        comment="opened, symptom_came, symptom_went, cause_changed, tried, helped, in_vain, escalated, acknowledged, "
        "note, merged, resolved, reopened",
    ),
    sa.Column("actor", sa.Text, nullable=False, server_default="gridlane"),
    sa.Column("detail", JSONB, nullable=False, server_default="{}"),
    sa.Column("operation_id", sa.Uuid, nullable=True),
    sa.Index(None, "incident_id", "at"),
    comment="the story of an incident, in order",
)

playbook_runs = sa.Table(
    "playbook_runs",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    _organization(),
    _incident(),
    sa.Column("station_id", sa.Uuid, sa.ForeignKey("stations.id", ondelete="CASCADE"), nullable=False),
    sa.Column("evse", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("connector", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("rule", sa.Text, nullable=False, comment="the symptom it is played against"),
    sa.Column("playbook", sa.Text, nullable=False, comment="maintenance.playbooks.PLAYBOOKS"),
    sa.Column("step", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("status", sa.Text, nullable=False, comment="under_way, helped, not_needed, gave_up"),
    _at("started_at", nullable=False),
    _at("step_since", nullable=False),
    _at("asked_at"),
    _at("ended_at"),
    sa.Column("operation_id", sa.Uuid, nullable=True),
    sa.Column("evidence", JSONB, nullable=False, server_default="{}", comment="the symptom's, when it began"),
    sa.Index("ix_playbook_runs_under_way", "station_id", postgresql_where=sa.text("ended_at IS NULL")),
    sa.Index(None, "incident_id"),
    sa.Index(None, "started_at"),
)

playbook_choices = sa.Table(
    "playbook_choices",
    metadata,
    sa.Column("organization_id", sa.Uuid, primary_key=True),
    sa.Column("playbook", sa.Text, primary_key=True),
    sa.Column("automatic", sa.Boolean, nullable=False),
    sa.Column("changed_by", sa.Text, nullable=False),
    _at("changed_at", nullable=False),
    comment="whether an organization lets a playbook be played without being asked",
)

alert_rules = sa.Table(
    "alert_rules",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    _organization(),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("events", ARRAY(sa.Text), nullable=False, comment="opened, escalated, resolved"),
    sa.Column("severities", ARRAY(sa.Text), nullable=False),
    sa.Column("site_id", sa.Uuid, nullable=True, comment="null: every site"),
    sa.Column("channels", JSONB, nullable=False, comment="maintenance.alert_rules.Channel"),
    sa.Column("quiet_begin", sa.Time, nullable=True),
    sa.Column("quiet_end", sa.Time, nullable=True),
    sa.Column("time_zone", sa.Text, nullable=False, server_default="UTC"),
    sa.Column("wakes", sa.Boolean, nullable=False, comment="critical ones in quiet hours too"),
    sa.Column("repeat_minutes", sa.Integer, nullable=True, comment="until somebody looks after it"),
    sa.Column("enabled", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("created_by", sa.Text, nullable=False),
    _at("created_at", nullable=False),
    sa.Index(None, "organization_id"),
)

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    _organization(),
    sa.Column("rule_id", sa.Uuid, sa.ForeignKey("alert_rules.id", ondelete="CASCADE"), nullable=False),
    sa.Column(
        "incident_id", sa.Uuid, sa.ForeignKey("incidents.id", ondelete="CASCADE"), nullable=True
    ),
    sa.Column("key", sa.Text, nullable=False, comment="what is told once"),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False, comment="app, mail, webhook"),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    _at("created_at", nullable=False),
    _at("due_at", nullable=False),
    _at("sent_at"),
    _at("failed_at"),
    sa.Column("attempts", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("trouble", sa.Text, nullable=True),
    _at("acknowledged_at"),
    sa.Column("acknowledged_by", sa.Text, nullable=True),
    sa.UniqueConstraint("rule_id", "key", "channel", "target"),
    sa.Index(
        "ix_alerts_due", "due_at", postgresql_where=sa.text("sent_at IS NULL AND failed_at IS NULL")
    ),
    sa.Index(None, "organization_id", "created_at", "id"),
    sa.Index(None, "incident_id"),
)  # fmt: skip

maintenance_windows = sa.Table(
    "maintenance_windows",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    _organization(),
    sa.Column("site_id", sa.Uuid, sa.ForeignKey("sites.id", ondelete="CASCADE"), nullable=True),
    sa.Column("station_id", sa.Uuid, sa.ForeignKey("stations.id", ondelete="CASCADE"), nullable=True),
    _at("begins_at", nullable=False),
    _at("ends_at", nullable=False),
    sa.Column("note", sa.Text, nullable=False, server_default="", comment="shown to drivers"),
    sa.Column("out_of_use", sa.Boolean, nullable=False, comment="stations go out of use meanwhile"),
    sa.Column("created_by", sa.Text, nullable=False),
    _at("created_at", nullable=False),
    _at("began_at"),
    _at("ended_at"),
    _at("cancelled_at"),
    sa.CheckConstraint("(site_id IS NULL) <> (station_id IS NULL)", name="one_place"),
    sa.Index(None, "organization_id", "begins_at"),
    sa.Index("ix_maintenance_windows_open", "ends_at", postgresql_where=sa.text("ended_at IS NULL")),
    comment="planned work",
)
connector_health = sa.Table(
    "connector_health",
    metadata,
    sa.Column(
        "station_id", sa.Uuid, sa.ForeignKey("stations.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("evse", sa.SmallInteger, primary_key=True, autoincrement=False),
    _organization(),
    sa.Column("signals", JSONB, nullable=False, comment="maintenance.drift.Health"),
    sa.Column("links_a_day", sa.Float, nullable=False, server_default="0"),
    sa.Column("score", sa.SmallInteger, nullable=False, comment="0 to 100"),
    sa.Column("taken", JSONB, nullable=False, comment="points taken off, by what"),
    _at("power_fell_since"),
    _at("updated_at", nullable=False),
    sa.Index(None, "organization_id", "score"),
    sa.Index(
        "ix_connector_health_fell", "station_id", postgresql_where=sa.text("power_fell_since IS NOT NULL")
    ),
    comment="how each EVSE has been doing, learned from its charges",
)  # fmt: skip
