from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from gridlane.kernel.ids import new_id
from gridlane.kernel.settings import Settings
from gridlane.stations.housekeeping import Housekeeping
from gridlane.stations.model import stations

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def list_of(database):
    async def kept(**columns):
        """Whether a station with these columns is still there after the list was cleared."""
        row = {
            "id": new_id(), "identity": "CP-1", "name": "CP-1", "approval": "pending", "security_profile": 0,
            "verifiers": [], "created_at": NOW - timedelta(days=100), "changed_at": NOW, **columns,
        }  # fmt: skip
        async with database.as_owner() as work:
            await work.execute(sa.insert(stations).values(**row))
        await Housekeeping(database, Settings(), lambda: NOW).forget_strangers()
        async with database.as_owner() as work:
            return bool(await work.scalar(sa.select(sa.func.count()).select_from(stations)))

    return kept


async def test_a_stranger_not_seen_for_a_month_loses_its_place_in_the_approval_list(list_of):
    assert not await list_of(last_seen_at=NOW - timedelta(days=31))


async def test_a_stranger_that_was_never_heard_counts_from_when_it_came(list_of):
    assert not await list_of(last_seen_at=None)


async def test_a_stranger_seen_this_month_keeps_its_place(list_of):
    assert await list_of(last_seen_at=NOW - timedelta(days=29))


async def test_a_stranger_that_is_connected_keeps_its_place(list_of):
    assert await list_of(last_seen_at=NOW - timedelta(days=31), connected=True)


async def test_an_accepted_station_is_never_forgotten(list_of):
    assert await list_of(approval="accepted", last_seen_at=NOW - timedelta(days=400))
