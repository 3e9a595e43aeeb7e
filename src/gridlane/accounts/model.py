"""Tables of organizations, tokens, driver groups and vehicles."""

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
    sa.Column(
        "sign_up",
        sa.Boolean,
        nullable=False,
        server_default=sa.true(),
        comment="drivers may join by themselves",
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
    sa.Column("vehicle_id", sa.Uuid, nullable=True, comment="the fleet vehicle it stays with; its charges are the fleet's"),
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
    sa.Column("at_budget", sa.Text, nullable=False, server_default="end", comment="end or warn: what becomes of a charge that uses it up"),
    sa.Column("language", sa.Text, nullable=True, comment="RFC 5646"),
    sa.Column("local_list", sa.Boolean, nullable=False, server_default=sa.true(), comment="stands in the stations' local lists"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("organization_id", "key"),
    sa.Index(None, "person_id"),
    sa.Index(None, "vehicle_id"),
    sa.Index(None, "organization_id", "changed_at"),
)  # fmt: skip

driver_groups = sa.Table(
    "driver_groups",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False, comment="group (prices and priorities only) or fleet (a company's drivers)"),
    sa.Column("rank", sa.Integer, nullable=False, server_default="100", comment="a driver of several groups: the lowest is asked first"),
    sa.Column("priority", sa.Float, nullable=False, server_default="1", comment="weight when power is shared; 1 is everybody's"),
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("organization_id", "name"),
    comment="drivers with prices, priorities or an employer in common",
)  # fmt: skip

group_members = sa.Table(
    "group_members",
    metadata,
    sa.Column("group_id", sa.Uuid, sa.ForeignKey("driver_groups.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("person_id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("is_manager", sa.Boolean, nullable=False, server_default=sa.false(), comment="looks after the group"),
    sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    sa.Index(None, "person_id"),
)  # fmt: skip

vehicles = sa.Table(
    "vehicles",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("person_id", sa.Uuid, nullable=True, comment="whose it is; null: a pool car of its fleet"),
    sa.Column("group_id", sa.Uuid, sa.ForeignKey("driver_groups.id", ondelete="SET NULL"), nullable=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("plate", sa.Text, nullable=False, server_default=""),
    sa.Column("model", sa.Text, nullable=False, server_default=""),
    sa.Column("battery", sa.Float, nullable=True, comment="usable, Wh"),
    sa.Column("ac_power", sa.Float, nullable=True, comment="most the vehicle takes at AC, W"),
    sa.Column("ac_phases", sa.SmallInteger, nullable=True, comment="1, 2 or 3"),
    sa.Column("dc_power", sa.Float, nullable=True, comment="most the vehicle takes at DC, W"),
    sa.Column("evccid", sa.Text, nullable=True, comment="MAC address of its charging controller, 12 hexadecimal digits"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("person_id IS NOT NULL OR group_id IS NOT NULL", name="has_a_holder"),
    sa.Index(None, "person_id"),
    sa.Index(None, "group_id"),
    sa.UniqueConstraint("organization_id", "evccid"),
)  # fmt: skip
