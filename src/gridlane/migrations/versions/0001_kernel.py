"""Ownership and leases, the outbox of facts, the audit log, jobs."""

import procrastinate.schema
import sqlalchemy as sa
from alembic import op

from gridlane.kernel.embedded_postgres import APP
from gridlane.kernel.facts import TransactionId
from gridlane.kernel.tenancy import grant, protect

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APP}') THEN "
        f"CREATE ROLE {APP} NOLOGIN NOBYPASSRLS; END IF; "
        f"IF NOT pg_has_role(current_user, '{APP}', 'MEMBER') THEN GRANT {APP} TO CURRENT_USER; END IF; END $$"
    )
    op.create_table(
        "ownerships",
        sa.Column("aggregate_id", sa.Uuid, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("node", sa.Text, nullable=True, comment="null: nobody owns it now"),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("aggregate_id", name="pk_ownerships"),
    )
    op.create_index("ix_ownerships_node", "ownerships", ["node"])
    op.create_table(
        "nodes",
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("node", name="pk_nodes"),
    )
    op.create_table(
        "facts",
        sa.Column(
            "transaction_id", TransactionId, server_default=sa.text("pg_current_xact_id()"), nullable=False
        ),
        sa.Column("position", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("aggregate_id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fact", sa.Text, nullable=False, comment="JSON"),
        sa.PrimaryKeyConstraint("transaction_id", "position", name="pk_facts"),
    )
    op.create_index("ix_facts_aggregate_id_position", "facts", ["aggregate_id", "position"])
    op.create_table(
        "fact_readers",
        sa.Column("subscription", sa.Text, nullable=False),
        sa.Column("transaction_id", sa.BigInteger, server_default="0", nullable=False),
        sa.Column("position", sa.BigInteger, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("subscription", name="pk_fact_readers"),
    )
    _audit()
    # Many statements in one text: only the driver itself takes them.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(procrastinate.schema.SchemaManager.get_schema())
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {APP}")
    op.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {APP}")
    op.execute(f"REVOKE UPDATE, DELETE ON facts, audit_entries FROM {APP}")
    op.execute(f"REVOKE ALL ON ownerships, nodes FROM {APP}")
    grant("ownerships", "SELECT")
    grant("nodes", "SELECT")


def _audit() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False, comment="what was done, as thing.verb"),
        sa.Column("object_id", sa.Text, nullable=True),
        sa.Column("reason", sa.Text, nullable=True),
        sa.Column("before", sa.Text, nullable=True, comment="JSON"),
        sa.Column("after", sa.Text, nullable=True, comment="JSON"),
        sa.Column(
            "number",
            sa.BigInteger,
            nullable=True,
            comment="place in the organization's chain, set when sealed",
        ),
        sa.Column("seal", sa.LargeBinary, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit_entries"),
    )
    op.create_index("ix_audit_entries_organization_id_at", "audit_entries", ["organization_id", "at"])
    op.create_index(
        "ix_audit_entries_unsealed", "audit_entries", ["id"], postgresql_where=sa.text("seal IS NULL")
    )
    protect("audit_entries")


def downgrade() -> None:
    raise NotImplementedError("the first migration is not taken back: drop the database")
