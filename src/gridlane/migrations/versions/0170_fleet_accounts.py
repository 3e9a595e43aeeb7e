"""Fleets pay on account: terms, what their sessions charge, monthly invoices and what was paid of them."""

import sqlalchemy as sa
from alembic import op

from gridlane.kernel.tenancy import protect

revision = "0170"
down_revision = "0200"


def upgrade() -> None:
    op.add_column(
        "agreements",
        sa.Column("account_id", sa.Uuid, nullable=True, comment="the fleet whose account pays, if any"),
    )
    op.add_column(
        "tokens",
        sa.Column(
            "vehicle_id",
            sa.Uuid,
            nullable=True,
            comment="the fleet vehicle it stays with; its charges are the fleet's",
        ),
    )
    _accounts()
    _charges()
    _invoices()
    _payments()
    protect("fleet_accounts")
    protect("account_invoices")
    protect("account_payments")
    protect("account_charges", person="person_id")


def _accounts() -> None:
    op.create_table(
        "fleet_accounts",
        sa.Column("group_id", sa.Uuid, nullable=False, comment="and the ledger's holder"),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("credit_limit", sa.Numeric, nullable=False),
        sa.Column(
            "payment_days", sa.SmallInteger, nullable=False, comment="from the invoice to its due date"
        ),
        sa.Column(
            "covers_drivers",
            sa.Boolean,
            nullable=False,
            comment="all its drivers' charges, not only its vehicles' cards",
        ),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("buyer", sa.Text, nullable=False, comment="JSON of billing.invoicing.Party"),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "credit_limit >= 0 AND payment_days >= 0", name=op.f("ck_fleet_accounts_terms_are_not_negative")
        ),
        sa.ForeignKeyConstraint(["group_id"], ["driver_groups.id"], name=op.f("fk_fleet_accounts_group_id")),
        sa.PrimaryKeyConstraint("group_id", name=op.f("pk_fleet_accounts")),
        comment="fleets that pay once a month by invoice",
    )


def _charges() -> None:
    op.create_table(
        "account_charges",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("session_id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=True),
        sa.Column("vehicle_id", sa.Uuid, nullable=True),
        sa.Column("kind", sa.Text, nullable=False, comment="billing.collective.ChargeKind"),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("gross", sa.Numeric, nullable=False, comment="negative where something is taken back"),
        sa.Column("content", sa.Text, nullable=False, comment="JSON of billing.collective.AccountCharge"),
        sa.Column(
            "document_id", sa.Uuid, nullable=True, comment="the invoice it stands on; null: on the next"
        ),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["fleet_accounts.group_id"], name=op.f("fk_account_charges_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_charges")),
        comment="what sessions put on a fleet's account",
    )
    op.create_index(op.f("ix_account_charges_session_id"), "account_charges", ["session_id"])
    op.create_index(
        op.f("ix_account_charges_account_id_ended_at"), "account_charges", ["account_id", "ended_at"]
    )
    op.create_index(
        "ix_account_charges_open",
        "account_charges",
        ["account_id"],
        postgresql_where=sa.text("document_id IS NULL"),
    )


def _invoices() -> None:
    op.create_table(
        "account_invoices",
        sa.Column("document_id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("month", sa.Date, nullable=False, comment="its first day"),
        sa.Column("issued_on", sa.Date, nullable=False),
        sa.Column("due_on", sa.Date, nullable=False),
        sa.Column("sessions", sa.Integer, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("gross", sa.Numeric, nullable=False),
        sa.Column("paid", sa.Numeric, server_default="0", nullable=False),
        sa.Column("reminders", sa.SmallInteger, server_default="0", nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "paid >= 0 AND paid <= gross", name=op.f("ck_account_invoices_never_more_than_due")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["fleet_accounts.group_id"], name=op.f("fk_account_invoices_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_account_invoices_document_id")
        ),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_account_invoices")),
        sa.UniqueConstraint("account_id", "month", name=op.f("uq_account_invoices_account_id_month")),
        comment="monthly invoices of fleets, with what was paid of each",
    )


def _payments() -> None:
    op.create_table(
        "account_payments",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("document_id", sa.Uuid, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("amount", sa.Numeric, nullable=False),
        sa.Column("received_on", sa.Date, nullable=False),
        sa.Column(
            "reference",
            sa.Text,
            nullable=False,
            comment="as the bank says it; the same twice is one payment",
        ),
        sa.Column("booked_by", sa.Text, nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reversed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_account_payments_brings_something")),
        sa.ForeignKeyConstraint(
            ["document_id"], ["account_invoices.document_id"], name=op.f("fk_account_payments_document_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_payments")),
        comment="money that came for invoices of fleets",
    )
    op.create_index(
        "uq_account_payments_reference",
        "account_payments",
        ["document_id", "reference"],
        unique=True,
        postgresql_where=sa.text("reversed_at IS NULL"),
    )


def downgrade() -> None:
    for table in ("account_payments", "account_invoices", "account_charges", "fleet_accounts"):
        op.drop_table(table)
    op.drop_column("tokens", "vehicle_id")
    op.drop_column("agreements", "account_id")
