"""Quotes know their station; contracts with hosts and employers, and what each month owes them."""

import sqlalchemy as sa
from alembic import op

from gridlane.kernel.tenancy import protect

revision = "0024"
down_revision = "0023"

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("agreements", sa.Column("station_id", sa.Uuid, nullable=True))
    op.create_index(
        "ix_agreements_quoted",
        "agreements",
        ["person_id", "station_id"],
        postgresql_where=sa.text("session_id IS NULL"),
    )
    _hosts()
    _homes()
    for table in ("host_contracts", "payouts"):
        protect(table)
    for table in ("home_agreements", "reimbursements"):
        protect(table, person="employee_id")


def _hosts() -> None:
    op.create_table(
        "host_contracts",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("site_id", sa.Uuid, nullable=False),
        sa.Column("content", sa.Text, nullable=False, comment="JSON of billing.sharing.HostContract"),
        sa.Column("since", sa.Date, nullable=False, comment="the first day of its first month"),
        sa.Column("until", sa.Date, nullable=True, comment="exclusive"),
        sa.PrimaryKeyConstraint("id", name="pk_host_contracts"),
    )
    op.create_index("ix_host_contracts_site_id", "host_contracts", ["site_id"])
    op.create_table(
        "payouts",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("contract_id", sa.Uuid, nullable=False),
        sa.Column("month", sa.Date, nullable=False),
        sa.Column("content", sa.Text, nullable=False, comment="JSON of billing.sharing.Payout"),
        sa.Column("made_at", _AT, nullable=False),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["host_contracts.id"], name="fk_payouts_contract_id_host_contracts"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_payouts"),
        sa.UniqueConstraint("contract_id", "month", name="uq_payouts_contract_id_month"),
    )


def _homes() -> None:
    op.create_table(
        "home_agreements",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("site_id", sa.Uuid, nullable=False, comment="the employee's home"),
        sa.Column("employee_id", sa.Uuid, nullable=False),
        sa.Column("content", sa.Text, nullable=False, comment="JSON of billing.sharing.HomeAgreement"),
        sa.Column("since", sa.Date, nullable=False),
        sa.Column("until", sa.Date, nullable=True, comment="exclusive"),
        sa.PrimaryKeyConstraint("id", name="pk_home_agreements"),
    )
    op.create_index("ix_home_agreements_employee_id", "home_agreements", ["employee_id"])
    op.create_table(
        "reimbursements",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("agreement_id", sa.Uuid, nullable=False),
        sa.Column("employee_id", sa.Uuid, nullable=False),
        sa.Column("month", sa.Date, nullable=False),
        sa.Column("content", sa.Text, nullable=False, comment="JSON of billing.sharing.Reimbursement"),
        sa.Column("made_at", _AT, nullable=False),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["home_agreements.id"], name="fk_reimbursements_agreement_id_home_agreements"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_reimbursements"),
        sa.UniqueConstraint("agreement_id", "month", name="uq_reimbursements_agreement_id_month"),
    )
    op.create_index("ix_reimbursements_employee_id", "reimbursements", ["employee_id"])


def downgrade() -> None:
    for table in ("reimbursements", "home_agreements", "payouts", "host_contracts"):
        op.drop_table(table)
    op.drop_index("ix_agreements_quoted", "agreements")
    op.drop_column("agreements", "station_id")
