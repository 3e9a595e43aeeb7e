"""What comes round by itself: partitions of readings ahead of time, readings that are old enough, past admissions."""

from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa

from gridlane.charging import admission
from gridlane.charging.claims import LASTS, token_claims
from gridlane.kernel.clock import Clock, system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.settings import Settings

DAYS_AHEAD = 14
WEEK = timedelta(days=7)


class Housekeeping:
    def __init__(self, database: Database, settings: Settings, clock: Clock = system_clock) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock

    async def make_partitions(self, first: date | None = None) -> None:
        """A partition of readings for each week (Monday to Monday, UTC) from ``first``, or today, to two weeks ahead.

        Weeks without one go to the default partition, and stay there once something is in it.
        """
        last = self._clock().date() + timedelta(days=DAYS_AHEAD)
        monday = first or self._clock().date()
        monday -= timedelta(days=monday.weekday())
        while monday <= last:
            await self._make_week(monday)
            monday += WEEK

    async def _make_week(self, monday: date) -> None:
        name, end = f"readings_{monday:%Y%m%d}", monday + WEEK
        async with self._database.as_owner() as work:
            exists = await work.scalar(sa.text("SELECT to_regclass(:name)"), {"name": name})
            in_default = await work.scalar(
                sa.text(
                    "SELECT EXISTS (SELECT FROM readings_default WHERE received_at >= :start AND received_at < :end)"
                ),
                {"start": _midnight(monday), "end": _midnight(end)},
            )
            if exists is None and not in_default:
                await work.execute(
                    sa.text(
                        f"CREATE TABLE {name} PARTITION OF readings "
                        f"FOR VALUES FROM ('{monday} 00:00+00') TO ('{end} 00:00+00')"
                    )
                )

    async def forget_old(self) -> None:
        """Drop whole weeks of readings beyond the setting's days, and what was said beforehand and is past."""
        now = self._clock()
        limit = now - timedelta(days=self._settings.reading_days)
        async with self._database.as_owner() as work:
            partitions = await work.scalars(
                sa.text(
                    "SELECT relname FROM pg_class WHERE relname ~ '^readings_[0-9]{8}$' AND relispartition"
                )
            )
            for name in partitions.all():
                monday = datetime.strptime(name.removeprefix("readings_"), "%Y%m%d").replace(tzinfo=UTC)
                if monday + WEEK <= limit:
                    await work.execute(sa.text(f"DROP TABLE {name}"))
            await work.execute(
                sa.text("DELETE FROM readings_default WHERE received_at < :limit"), {"limit": limit}
            )
            await admission.forget_past(work, now)
            await work.execute(sa.delete(token_claims).where(token_claims.c.at < now - LASTS))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
