"""Scenarios of planners and the plans made of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from gridlane.kernel.tenancy import protect

revision = "0110"
down_revision = "0051"

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "planning_scenarios",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("origin", sa.Text, nullable=False, comment="upload, shipped, network"),
        sa.Column("shipped", sa.Text, nullable=True, comment="the data set that comes with Gridlane"),
        sa.Column("page", JSONB, nullable=False, comment="what a plan.toml holds: aim, columns, money"),
        sa.Column("files", sa.LargeBinary, nullable=True, comment="msgpack of name -> content, zlib"),
        sa.Column("drawn", sa.LargeBinary, nullable=False, comment="JSON of columns to draw from, gzip"),
        sa.Column("counts", JSONB, nullable=False, comment="what is in it"),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_planning_scenarios"),
        comment="what planners ask about: demand, candidate sites, stations, aim",
    )
    op.create_index(
        "ix_planning_scenarios_organization_id_created_at",
        "planning_scenarios",
        ["organization_id", "created_at"],
    )
    op.create_table(
        "planning_plans",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("scenario_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False, comment="plan, front"),
        sa.Column("asked", JSONB, nullable=False, comment="changes to the page, seed, seconds"),
        sa.Column("state", sa.Text, nullable=False, comment="waiting, working, done, failed"),
        sa.Column("stop_asked", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("attempts", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column("held_until", _AT, nullable=True, comment="a planner's lease"),
        sa.Column(
            "progress", JSONB, nullable=False, server_default="[]", comment="value, bound and seconds so far"
        ),
        sa.Column(
            "best", JSONB, nullable=False, server_default="[]", comment="sites of the best plan so far"
        ),
        sa.Column("result", JSONB, nullable=True),
        sa.Column("problem", sa.Text, nullable=True, comment="why there is no result"),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("started_at", _AT, nullable=True),
        sa.Column("ended_at", _AT, nullable=True),
        sa.ForeignKeyConstraint(
            ["scenario_id"],
            ["planning_scenarios.id"],
            name="fk_planning_plans_scenario_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_planning_plans"),
        comment="plans asked for, under way and made",
    )
    op.create_index(
        "ix_planning_plans_scenario_id_created_at", "planning_plans", ["scenario_id", "created_at"]
    )
    op.create_index(
        "ix_planning_plans_open",
        "planning_plans",
        ["created_at"],
        postgresql_where=sa.text("state IN ('waiting', 'working')"),
    )
    for table in ("planning_scenarios", "planning_plans"):
        protect(table)


def downgrade() -> None:
    op.drop_table("planning_plans")
    op.drop_table("planning_scenarios")
