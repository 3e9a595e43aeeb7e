"""How long what is kept: one row per kind of data, its time a setting, removed by a nightly job in small batches."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
import structlog

from gridlane.kernel import audit
from gridlane.kernel.database import Database
from gridlane.kernel.settings import Settings

log = structlog.get_logger(__name__)

BATCH = 5_000
"""Rows removed in one transaction, so that nobody waits for a lock for long."""


class Kept(NamedTuple):
    """Rows of a table that go ``setting`` days after ``since``; ``over`` says which may go at all."""

    setting: str
    table: sa.Table
    since: sa.ColumnElement[Any]
    over: sa.ColumnElement[bool] = sa.true()


async def forget(
    database: Database, settings: Settings, kinds: Sequence[Kept], now: datetime, batch: int = BATCH
) -> dict[str, int]:
    """Remove what is older than its setting; gives how many rows of each table."""
    gone = {kept.table.name: await _forget(database, settings, kept, now, batch) for kept in kinds}
    limit = now - timedelta(days=settings.audit_days)
    gone[audit.audit_entries.name] = await _forget_audit(database, limit, batch)
    log.info("old data removed", **{name: count for name, count in gone.items() if count})
    return gone


async def _forget(database: Database, settings: Settings, kept: Kept, now: datetime, batch: int) -> int:
    limit = now - timedelta(days=getattr(settings, kept.setting))
    place: sa.ColumnElement[Any] = sa.literal_column("ctid")
    old = sa.select(place).select_from(kept.table).where(kept.since < limit, kept.over).limit(batch)
    removal = sa.delete(kept.table).where(place.in_(old))
    total = 0
    while True:
        async with database.as_owner() as work:
            gone = (await work.execute(removal)).rowcount
        total += gone
        if gone < batch:
            return total


async def _forget_audit(database: Database, limit: datetime, batch: int) -> int:
    async with database.as_owner() as work:
        chains = await audit.old_chains(work, limit)
    total = 0
    for organization_id in chains:
        gone = batch
        while gone == batch:
            async with database.as_owner() as work:
                gone = await audit.forget(work, organization_id, limit, batch)
            total += gone
    return total
