"""Logs that stations were asked for, and the files that came."""

import sqlalchemy as sa
from alembic import op

from gridlane.kernel.tenancy import protect

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.create_table(
        "log_uploads",
        sa.Column("id", sa.Uuid, nullable=False, comment="the operation that asked for it"),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False, comment="DiagnosticsLog, SecurityLog, DataCollectorLog"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text, nullable=True, comment="the station's last word"),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("info", sa.Text, nullable=True),
        sa.Column("secret_hash", sa.Text, nullable=True, comment="SHA-256 of the address's secret"),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("file_name", sa.Text, nullable=True, comment="as the station called it"),
        sa.Column("size", sa.BigInteger, nullable=True, comment="bytes"),
        sa.Column("sha256", sa.Text, nullable=True),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_log_uploads_station_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_uploads")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_log_uploads_secret_hash")),
        comment="logs that stations were asked for",
    )
    op.create_index(
        op.f("ix_log_uploads_station_id_created_at"),
        "log_uploads",
        ["station_id", "created_at"],
        unique=False,
    )
    protect("log_uploads")


def downgrade() -> None:
    op.drop_table("log_uploads")
