"""Certificates signed for stations, and those installed in them."""

import sqlalchemy as sa
from alembic import op

from gridlane.kernel.tenancy import protect

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    op.create_table(
        "installed_certificates",
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("use", sa.Text, nullable=False, comment="GetCertificateIdUseEnumType"),
        sa.Column("issuer_key_hash", sa.Text, nullable=False),
        sa.Column("issuer_name_hash", sa.Text, nullable=False),
        sa.Column("serial_number", sa.Text, nullable=False),
        sa.Column("hash_algorithm", sa.Text, nullable=False),
        sa.Column("is_child", sa.Boolean, nullable=False, comment="below the first of its chain"),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["station_id"],
            ["stations.id"],
            name=op.f("fk_installed_certificates_station_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "station_id",
            "use",
            "issuer_key_hash",
            "issuer_name_hash",
            "serial_number",
            "hash_algorithm",
            name=op.f("pk_installed_certificates"),
        ),
        comment="certificates installed in stations, as they told it last",
    )
    op.create_table(
        "issued_certificates",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False, comment="CertificateSigningUseEnumType"),
        sa.Column("serial", sa.Text, nullable=False, comment="lower-case hex"),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("chain", sa.Text, nullable=False, comment="PEM"),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text, nullable=False, comment="sent, accepted, refused: by the station"),
        sa.Column("expiry_told_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["station_id"],
            ["stations.id"],
            name=op.f("fk_issued_certificates_station_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issued_certificates")),
        comment="certificates signed for stations",
    )
    op.create_index(
        "ix_issued_certificates_expiring",
        "issued_certificates",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'accepted' AND expiry_told_at IS NULL"),
    )
    op.create_index(
        op.f("ix_issued_certificates_station_id_issued_at"),
        "issued_certificates",
        ["station_id", "issued_at"],
        unique=False,
    )
    protect("installed_certificates")
    protect("issued_certificates")


def downgrade() -> None:
    op.drop_table("issued_certificates")
    op.drop_table("installed_certificates")
