"""Driver groups and fleets with their members, vehicles, and how people want to be named on invoices."""

import sqlalchemy as sa
from alembic import op

from gridlane.kernel.tenancy import protect

revision = "0100"
down_revision = "0034"


def upgrade() -> None:
    _billing_details()
    _groups()
    _vehicles()
    protect("driver_groups")
    for table in ("billing_details", "group_members", "vehicles"):
        protect(table, person="person_id")


def _billing_details() -> None:
    op.create_table(
        "billing_details",
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column(
            "content",
            sa.Text,
            nullable=False,
            comment="JSON of billing.invoicing.Party: what invoices to the person say",
        ),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "organization_id", name=op.f("pk_billing_details")),
        comment="how a person wants to be named on invoices, such as a company with its tax number",
    )


def _groups() -> None:
    op.create_table(
        "driver_groups",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column(
            "kind",
            sa.Text,
            nullable=False,
            comment="group (prices and priorities only) or fleet (a company's drivers)",
        ),
        sa.Column(
            "rank",
            sa.Integer,
            server_default="100",
            nullable=False,
            comment="a driver of several groups: the lowest is asked first",
        ),
        sa.Column(
            "priority",
            sa.Float,
            server_default="1",
            nullable=False,
            comment="weight when power is shared; 1 is everybody's",
        ),
        sa.Column("note", sa.Text, server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_driver_groups_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_driver_groups")),
        sa.UniqueConstraint("organization_id", "name", name=op.f("uq_driver_groups_organization_id_name")),
        comment="drivers with prices, priorities or an employer in common",
    )
    op.create_table(
        "group_members",
        sa.Column("group_id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column(
            "is_manager",
            sa.Boolean,
            server_default=sa.false(),
            nullable=False,
            comment="looks after the group",
        ),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["driver_groups.id"], name=op.f("fk_group_members_group_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("group_id", "person_id", name=op.f("pk_group_members")),
    )
    op.create_index(op.f("ix_group_members_person_id"), "group_members", ["person_id"], unique=False)


def _vehicles() -> None:
    op.create_table(
        "vehicles",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=True, comment="whose it is; null: a pool car of its fleet"),
        sa.Column("group_id", sa.Uuid, nullable=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("plate", sa.Text, server_default="", nullable=False),
        sa.Column("model", sa.Text, server_default="", nullable=False),
        sa.Column("battery", sa.Float, nullable=True, comment="usable, Wh"),
        sa.Column("ac_power", sa.Float, nullable=True, comment="most the vehicle takes at AC, W"),
        sa.Column("ac_phases", sa.SmallInteger, nullable=True, comment="1, 2 or 3"),
        sa.Column("dc_power", sa.Float, nullable=True, comment="most the vehicle takes at DC, W"),
        sa.Column(
            "evccid",
            sa.Text,
            nullable=True,
            comment="MAC address of its charging controller, 12 hexadecimal digits",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "person_id IS NOT NULL OR group_id IS NOT NULL", name=op.f("ck_vehicles_has_a_holder")
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["driver_groups.id"], name=op.f("fk_vehicles_group_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vehicles")),
        sa.UniqueConstraint("organization_id", "evccid", name=op.f("uq_vehicles_organization_id_evccid")),
    )
    op.create_index(op.f("ix_vehicles_group_id"), "vehicles", ["group_id"], unique=False)
    op.create_index(op.f("ix_vehicles_person_id"), "vehicles", ["person_id"], unique=False)


def downgrade() -> None:
    for table in ("vehicles", "group_members", "driver_groups", "billing_details"):
        op.drop_table(table)
