"""Identity providers of organizations, people by what a provider calls them, and sessions bound to one organization."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from gridlane.kernel.tenancy import protect

revision = "0126"
down_revision = "0125"


def upgrade() -> None:
    op.create_table(
        "identity_providers",
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False, comment="what the button says"),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary, nullable=False, comment="the client's secret, encrypted"),
        sa.Column("domains", ARRAY(sa.Text), server_default="{}", nullable=False, comment="whose mail addresses may join by themselves"),
        sa.Column("role", sa.Text, server_default="support", nullable=False, comment="of who joins by a domain"),
        sa.Column("trusts_addresses", sa.Boolean, server_default=sa.false(), nullable=False, comment="it need not say that an address was proved"),
        sa.Column("enabled", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_identity_providers_organization_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("organization_id", name="pk_identity_providers"),
        comment="where an organization's staff sign in (OpenID Connect)",
    )  # fmt: skip
    protect("identity_providers")
    op.create_table(
        "identities",
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False, comment="who it is at the provider"),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_identities_person_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("organization_id", "issuer", "subject", name="pk_identities"),
        comment="people by what an organization's identity provider calls them",
    )  # fmt: skip
    op.create_index("ix_identities_person_id", "identities", ["person_id"])
    protect("identities")
    op.add_column(
        "sign_in_sessions",
        sa.Column(
            "is_bound",
            sa.Boolean,
            server_default=sa.false(),
            nullable=False,
            comment="reaches this organization only",
        ),
    )


def downgrade() -> None:
    op.drop_column("sign_in_sessions", "is_bound")
    for table in ("identities", "identity_providers"):
        op.drop_table(table)
