"""Tables of planning: the scenarios of an organization, as their files, and the plans made of them.

A scenario never changes: another table is another scenario. A plan is a piece of work that a planner takes, with what was
asked, how far it is, and its result.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from gridlane.kernel.database import metadata

planning_scenarios = sa.Table(
    "planning_scenarios",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("origin", sa.Text, nullable=False, comment="upload, shipped, network"),
    sa.Column("shipped", sa.Text, nullable=True, comment="the data set that comes with Gridlane"),
    sa.Column("page", JSONB, nullable=False, comment="what a plan.toml holds: aim, columns, money"),
    sa.Column("files", sa.LargeBinary, nullable=True, comment="msgpack of name -> content, zlib"),
    sa.Column("drawn", sa.LargeBinary, nullable=False, comment="JSON of columns to draw from, gzip"),
    sa.Column("counts", JSONB, nullable=False, comment="what is in it"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Index(None, "organization_id", "created_at"),
    comment="what planners ask about: demand, candidate sites, stations, aim",
)

planning_plans = sa.Table(
    "planning_plans",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column(
        "scenario_id", sa.Uuid, sa.ForeignKey("planning_scenarios.id", ondelete="CASCADE"), nullable=False
    ),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False, comment="plan, front"),
    sa.Column("asked", JSONB, nullable=False, comment="changes to the page, seed, seconds"),
    sa.Column("state", sa.Text, nullable=False, comment="waiting, working, done, failed"),
    sa.Column("stop_asked", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("attempts", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("held_until", sa.DateTime(timezone=True), nullable=True, comment="a planner's lease"),
    sa.Column(
        "progress", JSONB, nullable=False, server_default="[]", comment="value, bound and seconds so far"
    ),
    sa.Column("best", JSONB, nullable=False, server_default="[]", comment="sites of the best plan so far"),
    sa.Column("result", JSONB, nullable=True),
    sa.Column("problem", sa.Text, nullable=True, comment="why there is no result"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
    sa.Index(None, "scenario_id", "created_at"),
    sa.Index(
        "ix_planning_plans_open", "created_at", postgresql_where=sa.text("state IN ('waiting', 'working')")
    ),
    comment="plans asked for, under way and made",
)
