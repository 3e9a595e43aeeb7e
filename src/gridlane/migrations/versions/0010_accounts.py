"""Organizations and tokens."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from gridlane.kernel.tenancy import protect

revision = "0010"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "organizations",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, server_default="EUR", nullable=False, comment="ISO 4217"),
        sa.Column("time_zone", sa.Text, server_default="Europe/Berlin", nullable=False),
        sa.Column("country", sa.Text, server_default="DE", nullable=False, comment="ISO 3166-1 alpha-2"),
        sa.Column(
            "unknown_tokens", sa.Text, server_default="refuse", nullable=False, comment="refuse or accept"
        ),
        sa.Column(
            "free_starts",
            sa.Boolean,
            server_default=sa.false(),
            nullable=False,
            comment="start buttons without any token (NoAuthorization) may start",
        ),
        sa.Column("details", JSONB, server_default="{}", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_organizations"),
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("key", sa.Uuid, nullable=False, comment="keyed hash of the number (tokens.py)"),
        sa.Column(
            "sealed",
            sa.LargeBinary(),
            nullable=False,
            comment="the number, encrypted: for local lists and starts",
        ),
        sa.Column("last4", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False, comment="IdTokenEnumType: ISO14443, eMAID, Central, ..."),
        sa.Column("name", sa.Text, server_default="", nullable=False, comment="what its holder calls it"),
        sa.Column("person_id", sa.Uuid, nullable=True),
        sa.Column("status", sa.Text, server_default="active", nullable=False, comment="active or blocked"),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("group_id", sa.Text, nullable=True, comment="parentIdTag, groupIdToken"),
        sa.Column(
            "master_pass",
            sa.Boolean,
            server_default=sa.false(),
            nullable=False,
            comment="stops any, starts none",
        ),
        sa.Column("sites", ARRAY(sa.Uuid), server_default="{}", nullable=False, comment="empty: every site"),
        sa.Column("evses", ARRAY(sa.Uuid), server_default="{}", nullable=False, comment="empty: every EVSE"),
        sa.Column(
            "concurrent",
            sa.SmallInteger,
            server_default="1",
            nullable=False,
            comment="sessions at a time; 0: any number",
        ),
        sa.Column("budget_energy", sa.Float, nullable=True, comment="Wh in each period"),
        sa.Column(
            "budget_money",
            sa.Numeric,
            nullable=True,
            comment="in the organization's currency, in each period",
        ),
        sa.Column(
            "budget_period",
            sa.Text,
            server_default="month",
            nullable=False,
            comment="day or month, organization's time",
        ),
        sa.Column("language", sa.Text, nullable=True, comment="RFC 5646"),
        sa.Column(
            "local_list",
            sa.Boolean,
            server_default=sa.true(),
            nullable=False,
            comment="stands in the stations' local lists",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_tokens_organization_id"),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.UniqueConstraint("organization_id", "key", name="uq_tokens_organization_id_key"),
    )
    op.create_index("ix_tokens_organization_id_changed_at", "tokens", ["organization_id", "changed_at"])
    op.create_index("ix_tokens_person_id", "tokens", ["person_id"])
    protect("organizations", organization="id")
    protect("tokens", person="person_id")


def downgrade() -> None:
    for table in ("tokens", "organizations"):
        op.drop_table(table)
