"""Reports made again and again."""

import sqlalchemy as sa
from alembic import op

from gridlane.kernel.tenancy import protect

revision = "0062"
down_revision = "0061"


def upgrade() -> None:
    op.create_table(
        "report_schedules",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False, comment="insight.sheets.KINDS"),
        sa.Column("format", sa.Text, nullable=False, comment="csv, xlsx, pdf, parquet"),
        sa.Column("every", sa.Text, nullable=False, comment="day, week, month: the last whole one"),
        sa.Column("site_id", sa.Uuid, nullable=True),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column(
            "recipients", sa.Text, nullable=False, server_default="[]", comment="JSON list of addresses"
        ),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_schedules")),
        comment="reports made again and again",
    )
    op.create_index(op.f("ix_report_schedules_next_at"), "report_schedules", ["next_at"])
    op.create_table(
        "made_reports",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("schedule_id", sa.Uuid, nullable=True),
        sa.Column("site_id", sa.Uuid, nullable=True),
        sa.Column("name", sa.Text, nullable=False, comment="of the file"),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mailed", sa.Text, nullable=True, comment="to how many, or why not"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_made_reports")),
        comment="reports that schedules made, kept for a year",
    )
    op.create_index(
        op.f("ix_made_reports_organization_id_made_at"), "made_reports", ["organization_id", "made_at"]
    )
    for table in ("report_schedules", "made_reports"):
        protect(table)
