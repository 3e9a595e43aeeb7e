"""Which part of the network and which days a figure is of."""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa

from gridlane.kernel.access import Caller
from gridlane.kernel.errors import Kind, Refusal

LONGEST = timedelta(days=3 * 366)


class WindowInvalid(Refusal):
    code = "window_invalid"
    kind = Kind.INVALID
    sentence = "Figures are of whole days, from {since} to before {until}: give an end after the beginning, at most three years."


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """Days from ``since`` to before ``until`` on the clock of each site; the whole network or a part of it.

    ``sites`` limits to what the caller may see; None: everything. Raises WindowInvalid.
    """

    since: date
    until: date
    site_id: UUID | None = None
    station_id: UUID | None = None
    sites: frozenset[UUID] | None = None

    def __post_init__(self) -> None:
        if not timedelta(0) < self.until - self.since <= LONGEST:
            raise WindowInvalid(since=self.since, until=self.until)

    @property
    def days(self) -> int:
        return (self.until - self.since).days

    def before(self) -> "Window":
        """As many days just before."""
        return msgspec.structs.replace(self, since=self.since - timedelta(days=self.days), until=self.since)

    def instants(self, zone: str) -> tuple[datetime, datetime]:
        """Midnight to midnight in a time zone, in UTC."""
        where = ZoneInfo(zone)
        return (
            datetime.combine(self.since, time(), where),
            datetime.combine(self.until, time(), where),
        )

    def within(self, site_id: sa.ColumnElement[Any], station_id: sa.ColumnElement[Any]) -> Any:
        """The condition on rows that name their site and station."""
        conditions = []
        if self.site_id is not None:
            conditions.append(site_id == self.site_id)
        if self.station_id is not None:
            conditions.append(station_id == self.station_id)
        if self.sites is not None:
            conditions.append(site_id.in_(self.sites))
        return sa.and_(sa.true(), *conditions)


def window_of(
    caller: Caller, since: date, until: date, site_id: UUID | None = None, station_id: UUID | None = None
) -> Window:
    return Window(since=since, until=until, site_id=site_id, station_id=station_id, sites=caller.sites)
