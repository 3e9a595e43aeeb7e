"""Payments at stations' own terminals, and tax numbers typed there."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from gridlane.kernel.tenancy import protect

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.create_table(
        "terminal_payments",
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column(
            "reference", sa.Text, nullable=False, comment="of the terminal's payment provider (pspRef)"
        ),
        sa.Column(
            "transaction", sa.Text, nullable=True, comment="the station's; null: paid without a session"
        ),
        sa.Column("status", sa.Text, nullable=False, comment="Settled, Canceled, Rejected, Failed"),
        sa.Column("problem", sa.Text, nullable=True),
        sa.Column("amount", sa.Numeric, nullable=False, comment="in the currency of the station's tariff"),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "receipt", sa.Text, nullable=True, comment="its number, where the station gave the receipt"
        ),
        sa.Column("receipt_url", sa.Text, nullable=True),
        sa.Column("vat_number", sa.Text, nullable=True, comment="of the company that wanted the receipt"),
        sa.Column("company", JSONB, nullable=True, comment="AddressType"),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["station_id"],
            ["stations.id"],
            name=op.f("fk_terminal_payments_station_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("station_id", "reference", name=op.f("pk_terminal_payments")),
        comment="payments at stations' own terminals, as the stations told of them last",
    )
    op.create_index(
        op.f("ix_terminal_payments_station_id_transaction"),
        "terminal_payments",
        ["station_id", "transaction"],
        unique=False,
    )
    op.create_table(
        "presented_vat_numbers",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evse", sa.Integer, nullable=True),
        sa.Column("number", sa.Text, nullable=False, comment="compact where it is one, else as it was typed"),
        sa.Column("valid", sa.Boolean, nullable=False, comment="by its country's rules; nobody was asked"),
        sa.ForeignKeyConstraint(
            ["station_id"],
            ["stations.id"],
            name=op.f("fk_presented_vat_numbers_station_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_presented_vat_numbers")),
        comment="tax numbers that drivers typed at stations' terminals",
    )
    op.create_index(
        op.f("ix_presented_vat_numbers_station_id_at"),
        "presented_vat_numbers",
        ["station_id", "at"],
        unique=False,
    )
    protect("terminal_payments")
    protect("presented_vat_numbers")


def downgrade() -> None:
    op.drop_table("presented_vat_numbers")
    op.drop_table("terminal_payments")
