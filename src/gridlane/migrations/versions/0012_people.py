"""People, memberships, sign-in sessions, one-time links, API keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from gridlane.kernel.tenancy import protect

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary, nullable=False),
        sa.Column("hint", sa.Text, nullable=False, comment="the last four characters"),
        sa.Column("permissions", JSONB, nullable=False),
        sa.Column("sites", JSONB, nullable=True),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("secret_hash", name="uq_api_keys_secret_hash"),
    )
    op.create_index("ix_api_keys_organization_id", "api_keys", ["organization_id"], unique=False)
    op.create_table(
        "one_time_links",
        sa.Column("secret_hash", sa.LargeBinary, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False, comment="set_up, verify_email, reset_password, invite"),
        sa.Column("email", sa.Text, nullable=True),
        sa.Column("details", JSONB, server_default="{}", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("secret_hash", name="pk_one_time_links"),
    )
    op.create_table(
        "people",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("email", sa.Text, nullable=False, comment="lower case"),
        sa.Column("name", sa.Text, server_default="", nullable=False),
        sa.Column("language", sa.Text, server_default="en", nullable=False),
        sa.Column("password_hash", sa.Text, nullable=True, comment="argon2id; null: signs in otherwise"),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True, comment="the address was proved"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_people"),
        sa.UniqueConstraint("email", name="uq_people_email"),
    )
    op.create_table(
        "memberships",
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("sites", JSONB, nullable=True, comment="ids of the only sites; null: all"),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name="fk_memberships_person_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("organization_id", "person_id", name="pk_memberships"),
    )
    op.create_index("ix_memberships_person_id", "memberships", ["person_id"], unique=False)
    op.create_table(
        "sign_in_sessions",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=True, comment="the one chosen"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("address", sa.Text, server_default="", nullable=False),
        sa.Column("user_agent", sa.Text, server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name="fk_sign_in_sessions_person_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_sign_in_sessions"),
        sa.UniqueConstraint("secret_hash", name="uq_sign_in_sessions_secret_hash"),
    )
    op.create_index("ix_sign_in_sessions_person_id", "sign_in_sessions", ["person_id"], unique=False)
    # Recognising a caller happens before anybody is known: as the owner of the tables, never as gridlane_app.
    protect("memberships", person="person_id")
    protect("api_keys")
    op.execute("GRANT SELECT, UPDATE ON people TO gridlane_app")
    op.execute("ALTER TABLE people ENABLE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY scope ON people TO gridlane_app USING ("
        "id = nullif(current_setting('gridlane.person', true), '')::uuid OR EXISTS ("
        "SELECT FROM memberships m WHERE m.person_id = people.id))"
    )


def downgrade() -> None:
    for table in ("api_keys", "one_time_links", "sign_in_sessions", "memberships", "people"):
        op.drop_table(table)
