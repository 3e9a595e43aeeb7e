"""Mails, invitations, counted attempts, and whether drivers may join by themselves."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from gridlane.kernel.tenancy import grant, protect

revision = "0040"
down_revision = "0110"


def upgrade() -> None:
    op.add_column(
        "organizations",
        sa.Column(
            "sign_up",
            sa.Boolean,
            server_default=sa.true(),
            nullable=False,
            comment="drivers may join by themselves",
        ),
    )
    _attempts()
    _mails()
    _invitations()
    op.alter_column("one_time_links", "purpose", comment="a key of links.LIVES")
    protect("invitations")
    # Written by whoever may invite; what they hold is read by nobody but the owner of the tables.
    grant("mails", "INSERT")
    grant("one_time_links", "INSERT")


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("kind", sa.Text, nullable=False, comment="a key of attempts.LIMITS"),
        sa.Column("who", sa.LargeBinary, nullable=False, comment="SHA-256 of an account or a network"),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("kind", "who", name="pk_attempts"),
        comment="how often something was tried in its present window",
    )


def _mails() -> None:
    op.create_table(
        "mails",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=True, comment="removed once it was sent"),
        sa.Column("html", sa.Text, nullable=True, comment="removed once it was sent"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "refused_at", sa.DateTime(timezone=True), nullable=True, comment="the server will never take it"
        ),
        sa.Column("trouble", sa.Text, nullable=True, comment="what the mail server said last"),
        sa.PrimaryKeyConstraint("id", name="pk_mails"),
        comment="mails that wait or were sent",
    )
    op.create_index(
        "ix_mails_waiting",
        "mails",
        ["created_at"],
        postgresql_where=sa.text("sent_at IS NULL AND refused_at IS NULL"),
    )


def _invitations() -> None:
    op.create_table(
        "invitations",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("email", sa.Text, nullable=False, comment="lower case"),
        sa.Column("name", sa.Text, server_default="", nullable=False),
        sa.Column("language", sa.Text, server_default="en", nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("sites", JSONB, nullable=True, comment="ids of the only sites; null: all"),
        sa.Column("invited_by", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name="fk_invitations_organization_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_invitations"),
        sa.UniqueConstraint("organization_id", "email", name="uq_invitations_organization_id_email"),
        comment="people who were asked to join and have not answered yet",
    )


def downgrade() -> None:
    for table in ("invitations", "mails", "attempts"):
        op.drop_table(table)
    op.execute("REVOKE INSERT ON one_time_links FROM gridlane_app")
    op.drop_column("organizations", "sign_up")
