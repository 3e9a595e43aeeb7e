"""Tables of organizations and tokens."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from gridlane.kernel.database import metadata

organizations = sa.Table(
    "organizations",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("currency", sa.Text, nullable=False, server_default="EUR", comment="ISO 4217"),
    sa.Column("time_zone", sa.Text, nullable=False, server_default="Europe/Berlin"),
    sa.Column("country", sa.Text, nullable=False, server_default="DE", comment="ISO 3166-1 alpha-2"),
    sa.Column("unknown_tokens", sa.Text, nullable=False, server_default="refuse", comment="refuse or accept"),
    sa.Column(
        "free_starts",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="start buttons without any token (NoAuthorization) may start",
    ),
    sa.Column("details", JSONB, nullable=False, server_default="{}"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
)

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("key", sa.Uuid, nullable=False, comment="keyed hash of the number (tokens.py)"),
    sa.Column(
        "sealed", sa.LargeBinary, nullable=False, comment="the number, encrypted: for local lists and starts"
    ),
    sa.Column("last4", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False, comment="IdTokenEnumType: ISO14443, eMAID, Central, ..."),
    sa.Column("name", sa.Text, nullable=False, server_default="", comment="what its holder calls it"),
    sa.Column("person_id", sa.Uuid, nullable=True),
    sa.Column("status", sa.Text, nullable=False, server_default="active", comment="active or blocked"),
    sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True),
    sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
    sa.Column("group_id", sa.Text, nullable=True, comment="parentIdTag, groupIdToken"),
    sa.Column("master_pass", sa.Boolean, nullable=False, server_default=sa.false(), comment="stops any, starts none"),
    sa.Column("sites", ARRAY(sa.Uuid), nullable=False, server_default="{}", comment="empty: every site"),
    sa.Column("evses", ARRAY(sa.Uuid), nullable=False, server_default="{}", comment="empty: every EVSE"),
    sa.Column(
        "concurrent", sa.SmallInteger, nullable=False, server_default="1", comment="sessions at a time; 0: any number"
    ),
    sa.Column("budget_energy", sa.Float, nullable=True, comment="Wh in each period"),
    sa.Column("budget_money", sa.Numeric, nullable=True, comment="in the organization's currency, in each period"),
    sa.Column("budget_period", sa.Text, nullable=False, server_default="month", comment="day or month, organization's time"),
    sa.Column("language", sa.Text, nullable=True, comment="RFC 5646"),
    sa.Column("local_list", sa.Boolean, nullable=False, server_default=sa.true(), comment="stands in the stations' local lists"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("organization_id", "key"),
    sa.Index(None, "person_id"),
    sa.Index(None, "organization_id", "changed_at"),
)  # fmt: skip
