"""Help: cases with what was written and attached, canned answers; people's inboxes and what they choose to be told."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from gridlane.kernel.tenancy import protect

revision = "0090"
down_revision = "0062"

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _cases()
    _entries()
    _attachments()
    _answers()
    _inbox()
    _choices()
    for table in ("support_entries", "support_attachments", "canned_answers"):
        protect(table)
    for table in ("support_cases", "inbox_messages"):
        protect(table, person="person_id")
    protect("notification_choices", organization=None, person="person_id")


def _answers() -> None:
    op.create_table(
        "canned_answers",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column(
            "text", sa.Text, nullable=False, comment="may have the holes {name}, {place}, {code}, {cause}"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_canned_answers"),
        sa.UniqueConstraint(
            "organization_id", "name", "language", name="uq_canned_answers_organization_id_name_language"
        ),
    )


def _inbox() -> None:
    op.create_table(
        "inbox_messages",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.Column("topic", sa.Text, nullable=False, comment="accounts.inbox.TOPICS"),
        sa.Column("key", sa.Text, nullable=False, comment="what is told once"),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("link", sa.Text, nullable=True, comment="path in the drivers' app"),
        sa.Column("read_at", _AT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_inbox_messages"),
        sa.UniqueConstraint("person_id", "key", name="uq_inbox_messages_person_id_key"),
        comment="news for a person, in the app",
    )
    op.create_index("ix_inbox_messages_person_id_at_id", "inbox_messages", ["person_id", "at", "id"])


def _choices() -> None:
    op.create_table(
        "notification_choices",
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("choices", JSONB, nullable=False, comment="topic -> channel -> whether"),
        sa.Column("changed_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("person_id", name="pk_notification_choices"),
    )


def _cases() -> None:
    op.create_table(
        "support_cases",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("code", sa.Text, nullable=False, comment="short, for the phone and the subject of mails"),
        sa.Column("origin", sa.Text, nullable=False, comment="app, mail, phone, operator, noticed"),
        sa.Column("state", sa.Text, nullable=False, comment="open, waiting, solved, merged"),
        sa.Column("priority", sa.SmallInteger, nullable=False, comment="1 to 4, by support.deadlines"),
        sa.Column("escalation", sa.SmallInteger, server_default="0", nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("language", sa.Text, server_default="en", nullable=False),
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
        sa.Column("opened_at", _AT, nullable=False),
        sa.Column("changed_at", _AT, nullable=False),
        sa.Column("answered_at", _AT, nullable=True),
        sa.Column("solved_at", _AT, nullable=True),
        sa.Column("waiting_since", _AT, nullable=True),
        sa.Column(
            "waited", sa.Interval, server_default="0", nullable=False, comment="while the driver was asked"
        ),
        sa.Column("merged_into", sa.Uuid, nullable=True),
        sa.Column("stars", sa.SmallInteger, nullable=True, comment="1 to 5, asked once"),
        sa.Column("stars_comment", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_support_cases"),
        sa.UniqueConstraint("organization_id", "code", name="uq_support_cases_organization_id_code"),
    )
    op.create_index(
        "ix_support_cases_open", "support_cases", ["opened_at"], postgresql_where=sa.text("state = 'open'")
    )
    op.create_index(
        "ix_support_cases_organization_id_changed_at_id",
        "support_cases",
        ["organization_id", "changed_at", "id"],
    )
    op.create_index("ix_support_cases_person_id", "support_cases", ["person_id"])
    op.create_index("ix_support_cases_session_id", "support_cases", ["session_id"])
    op.create_index(
        "uq_support_cases_noticed",
        "support_cases",
        ["subject_id"],
        unique=True,
        postgresql_where=sa.text("origin = 'noticed'"),
    )


def _attachments() -> None:
    op.create_table(
        "support_attachments",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False, comment="bytes"),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["support_cases.id"], name="fk_support_attachments_case_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_support_attachments"),
    )
    op.create_index("ix_support_attachments_case_id", "support_attachments", ["case_id"])


def _entries() -> None:
    op.create_table(
        "support_entries",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.Column("kind", sa.Text, nullable=False, comment="message, note, remedy, change"),
        sa.Column("side", sa.Text, nullable=False, comment="driver, agent, system"),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("is_public", sa.Boolean, nullable=False, comment="the driver sees it"),
        sa.ForeignKeyConstraint(
            ["case_id"], ["support_cases.id"], name="fk_support_entries_case_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_support_entries"),
    )
    op.create_index("ix_support_entries_case_id_at", "support_entries", ["case_id", "at"])
