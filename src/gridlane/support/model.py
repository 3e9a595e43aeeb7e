"""Tables of help: cases with their entries and attachments, canned answers, notices."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from gridlane.kernel.database import metadata


def _id() -> sa.Column[object]:
    return sa.Column("id", sa.Uuid, primary_key=True)


def _organization() -> sa.Column[object]:
    return sa.Column("organization_id", sa.Uuid, nullable=False)


def _at(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


support_cases = sa.Table(
    "support_cases",
    metadata,
    _id(),
    _organization(),
    sa.Column("code", sa.Text, nullable=False, comment="short, for the phone and the subject of mails"),
    sa.Column("origin", sa.Text, nullable=False, comment="app, mail, phone, operator, noticed"),
    sa.Column("state", sa.Text, nullable=False, comment="open, waiting, solved, merged"),
    sa.Column("priority", sa.SmallInteger, nullable=False, comment="1 to 4, by support.deadlines"),
    sa.Column("escalation", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False, server_default="en"),
    sa.Column("person_id", sa.Uuid, nullable=True),
    sa.Column("contact", sa.Text, nullable=True, comment="mail or phone of somebody without an account"),
    sa.Column("subject_id", sa.Uuid, nullable=True, comment="the start, session or checkout it is about"),
    sa.Column("session_id", sa.Uuid, nullable=True),
    sa.Column("payment_id", sa.Uuid, nullable=True),
    sa.Column("station_id", sa.Uuid, nullable=True),
    sa.Column("site_id", sa.Uuid, nullable=True),
    sa.Column("evse", sa.SmallInteger, nullable=True),
    sa.Column("cause", sa.Text, nullable=True, comment="code of support.causes when it was opened"),
    sa.Column("assigned_to", sa.Uuid, nullable=True, comment="the person who looks after it"),
    sa.Column("opened_by", sa.Text, nullable=False),
    _at("opened_at", nullable=False),
    _at("changed_at", nullable=False),
    _at("answered_at"),
    _at("solved_at"),
    _at("waiting_since"),
    sa.Column(
        "waited", sa.Interval, nullable=False, server_default="0", comment="while the driver was asked"
    ),
    sa.Column("merged_into", sa.Uuid, nullable=True),
    sa.Column("stars", sa.SmallInteger, nullable=True, comment="1 to 5, asked once"),
    sa.Column("stars_comment", sa.Text, nullable=True),
    sa.UniqueConstraint("organization_id", "code"),
    sa.Index(None, "organization_id", "changed_at", "id"),
    sa.Index(None, "person_id"),
    sa.Index(None, "session_id"),
    sa.Index("ix_support_cases_open", "opened_at", postgresql_where=sa.text("state = 'open'")),
    sa.Index(
        "uq_support_cases_noticed",
        "subject_id",
        unique=True,
        postgresql_where=sa.text("origin = 'noticed'"),
    ),
)

support_entries = sa.Table(
    "support_entries",
    metadata,
    _id(),
    _organization(),
    sa.Column("case_id", sa.Uuid, sa.ForeignKey("support_cases.id", ondelete="CASCADE"), nullable=False),
    _at("at", nullable=False),
    sa.Column("kind", sa.Text, nullable=False, comment="message, note, remedy, change"),
    sa.Column("side", sa.Text, nullable=False, comment="driver, agent, system"),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("is_public", sa.Boolean, nullable=False, comment="the driver sees it"),
    sa.Index(None, "case_id", "at"),
)

support_attachments = sa.Table(
    "support_attachments",
    metadata,
    _id(),
    _organization(),
    sa.Column("case_id", sa.Uuid, sa.ForeignKey("support_cases.id", ondelete="CASCADE"), nullable=False),
    _at("at", nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("size", sa.Integer, nullable=False, comment="bytes"),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Index(None, "case_id"),
)

canned_answers = sa.Table(
    "canned_answers",
    metadata,
    _id(),
    _organization(),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False, comment="may have the holes {name}, {place}, {code}, {cause}"),
    sa.UniqueConstraint("organization_id", "name", "language"),
)

notices = sa.Table(
    "notices",
    metadata,
    _id(),
    _organization(),
    sa.Column("kind", sa.Text, nullable=False, comment="announcement, maintenance, outage"),
    sa.Column("words", sa.Text, nullable=False, comment="JSON: language -> title and text"),
    sa.Column(
        "sites", ARRAY(sa.Uuid), nullable=False, server_default="{}", comment="empty: the whole network"
    ),
    _at("starts_at", nullable=False),
    _at("ends_at"),
    _at("created_at", nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    _at("withdrawn_at"),
    sa.Column("told", sa.Integer, nullable=False, server_default="0", comment="people whose inbox has it"),
    sa.Index(None, "organization_id", "starts_at"),
)
