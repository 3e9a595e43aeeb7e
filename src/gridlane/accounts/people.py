"""People, what they are in which organization, and how they were recognised: sessions, one-time links, API keys.

Secrets are kept as SHA-256 of 256 random bits (nothing to guess), passwords as argon2id.
"""

import hashlib
import secrets

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from gridlane.kernel.database import metadata

people = sa.Table(
    "people",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("email", sa.Text, nullable=False, unique=True, comment="lower case"),
    sa.Column("name", sa.Text, nullable=False, server_default=""),
    sa.Column("language", sa.Text, nullable=False, server_default="en"),
    sa.Column("password_hash", sa.Text, nullable=True, comment="argon2id; null: signs in otherwise"),
    sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True, comment="the address was proved"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
)

memberships = sa.Table(
    "memberships",
    metadata,
    sa.Column("organization_id", sa.Uuid, primary_key=True),
    sa.Column("person_id", sa.Uuid, sa.ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("sites", JSONB, nullable=True, comment="ids of the only sites; null: all"),
    sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    sa.Index(None, "person_id"),
)

sign_in_sessions = sa.Table(
    "sign_in_sessions",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("secret_hash", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("person_id", sa.Uuid, sa.ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    sa.Column("organization_id", sa.Uuid, nullable=True, comment="the one chosen"),
    sa.Column(
        "is_bound",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="reaches this organization only",
    ),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("address", sa.Text, nullable=False, server_default=""),
    sa.Column("user_agent", sa.Text, nullable=False, server_default=""),
    sa.Index(None, "person_id"),
)

invitations = sa.Table(
    "invitations",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("email", sa.Text, nullable=False, comment="lower case"),
    sa.Column("name", sa.Text, nullable=False, server_default=""),
    sa.Column("language", sa.Text, nullable=False, server_default="en"),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("sites", JSONB, nullable=True, comment="ids of the only sites; null: all"),
    sa.Column("invited_by", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("organization_id", "email"),
    comment="people who were asked to join and have not answered yet",
)

one_time_links = sa.Table(
    "one_time_links",
    metadata,
    sa.Column("secret_hash", sa.LargeBinary, primary_key=True),
    sa.Column("purpose", sa.Text, nullable=False, comment="a key of links.LIVES"),
    sa.Column("email", sa.Text, nullable=True),
    sa.Column("details", JSONB, nullable=False, server_default="{}"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("secret_hash", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("hint", sa.Text, nullable=False, comment="the last four characters"),
    sa.Column("permissions", JSONB, nullable=False),
    sa.Column("sites", JSONB, nullable=True),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
    sa.Index(None, "organization_id"),
)


def new_secret() -> str:
    """256 random bits, safe in a URL."""
    return secrets.token_urlsafe(32)


def hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
