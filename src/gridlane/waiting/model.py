"""Tables of waiting: what was learned of each organization's sites."""

import sqlalchemy as sa

from gridlane.kernel.database import metadata

wait_models = sa.Table(
    "wait_models",
    metadata,
    sa.Column("organization_id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("sessions", sa.Integer, nullable=False, comment="how many it learned from"),
    sa.Column("content", sa.LargeBinary, nullable=False, comment="MessagePack of waiting.habits.Habits"),
    comment="habits of sites, learned by a job; the newest version of an organization counts",
)
