"""What comes round by itself: partitions ahead of time, logs that are old enough, operations nobody came for."""

from datetime import date, datetime, timedelta

import sqlalchemy as sa

from gridlane.kernel.clock import Clock, system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.settings import Settings
from gridlane.stations.event_streams import stream_values
from gridlane.stations.model import gone_identities, handshake_failures, operations, stations
from gridlane.stations.reservations import station_reservations

DAYS_AHEAD = 3
OVERDUE = timedelta(minutes=5)  # beyond an operation's own patience, when its station did not come back

STRANGERS_KEPT = timedelta(days=30)  # a place in the approval list, since its station was last seen


class Housekeeping:
    def __init__(self, database: Database, settings: Settings, clock: Clock = system_clock) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock

    async def make_partitions(self) -> None:
        """A partition of the message log for each of the next days. Days without one go to the default partition."""
        today = self._clock().date()
        for ahead in range(DAYS_AHEAD + 1):
            await self._make_day(today + timedelta(days=ahead))

    async def _make_day(self, day: date) -> None:
        name = f"messages_{day:%Y%m%d}"
        async with self._database.as_owner() as work:
            exists = await work.scalar(sa.text("SELECT to_regclass(:name)"), {"name": name})
            in_default = await work.scalar(
                sa.text("SELECT EXISTS (SELECT FROM messages_default WHERE at >= :day AND at < :next)"),
                {"day": day, "next": day + timedelta(days=1)},
            )
            if exists is None and not in_default:
                await work.execute(
                    sa.text(
                        f"CREATE TABLE {name} PARTITION OF messages "
                        f"FOR VALUES FROM ('{day}') TO ('{day + timedelta(days=1)}')"
                    )
                )

    async def expire_operations(self) -> None:
        """End operations whose station did not come: queued ones expire, sent ones keep an unknown effect."""
        now = self._clock()
        async with self._database.as_owner() as work:
            await work.execute(
                sa.update(operations)
                .where(operations.c.status == "queued", operations.c.expires_at <= now)
                .values(status="expired", ended_at=now, evidence="the station was not connected in time")
            )
            offline = sa.select(stations.c.id).where(stations.c.connected.is_(False))
            await work.execute(
                sa.update(operations)
                .where(
                    operations.c.status.in_(("sent", "agreed")),
                    operations.c.expires_at <= now - OVERDUE,
                    operations.c.station_id.in_(offline),
                )
                .values(
                    status="unknown", ended_at=now, evidence="the station went away before it could be seen"
                )
            )

    async def expire_reservations(self) -> None:
        """End reservations whose time is over; stations of 1.6 do not tell."""
        now = self._clock()
        async with self._database.as_owner() as work:
            await work.execute(
                sa.update(station_reservations)
                .where(station_reservations.c.status == "active", station_reservations.c.expires_at <= now)
                .values(status="expired", changed_at=now)
            )

    async def forget_old(self) -> None:
        """Drop whole days of the message log, and failed handshakes older than a week."""
        limit = self._clock() - timedelta(days=self._settings.message_log_days)
        async with self._database.as_owner() as work:
            partitions = await work.scalars(
                sa.text(
                    "SELECT relname FROM pg_class WHERE relname ~ '^messages_[0-9]{8}$' AND relispartition"
                )
            )
            for name in partitions.all():
                day = datetime.strptime(name.removeprefix("messages_"), "%Y%m%d").replace(tzinfo=limit.tzinfo)
                if day + timedelta(days=1) <= limit:
                    await work.execute(sa.text(f"DROP TABLE {name}"))
            await work.execute(sa.text("DELETE FROM messages_default WHERE at < :limit"), {"limit": limit})
            await work.execute(sa.delete(stream_values).where(stream_values.c.at < limit))
            yesterday = self._clock() - timedelta(days=1)
            await work.execute(sa.delete(gone_identities).where(gone_identities.c.at < yesterday))
            week = self._clock() - timedelta(days=7)
            await work.execute(sa.delete(handshake_failures).where(handshake_failures.c.at < week))

    async def forget_strangers(self) -> None:
        """Clear the approval list of stations that nobody approved and that have not been seen for a month."""
        limit = self._clock() - STRANGERS_KEPT
        async with self._database.as_owner() as work:
            await work.execute(
                sa.delete(stations).where(
                    stations.c.approval == "pending",
                    stations.c.connected.is_(False),
                    sa.func.coalesce(stations.c.last_seen_at, stations.c.created_at) < limit,
                )
            )
