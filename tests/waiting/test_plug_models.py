"""What is learned of plugs, as rows of the database and on the way to a driver."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import pytest

from gridlane.forecasting.occupancy import DAY
from gridlane.forecasting.waits import GRID, Situation, usual, wait
from gridlane.kernel.database import Database
from gridlane.kernel.ids import new_id
from gridlane.waiting.needs import Needs
from gridlane.waiting.outlook import Outlook, PlugNow, SiteNow
from gridlane.waiting.plug_models import Stays, learn_plugs, newest_plug_models, packed, teach, unpacked

DAYS = 60
PLUGS = (UUID(int=1), UUID(int=2))


def every_morning(days=DAYS):
    """Both plugs are in use from nine to eleven of every day, one of them again in the afternoon."""
    draw = np.random.default_rng(2)
    begins = [(plug, day * DAY + hour * 60 + draw.integers(0, 9)) for day in range(days) for hour in (9, 11, 15) for plug in (0, 1) if hour != 15 or plug]  # fmt: skip
    begin = np.array([at for _, at in begins], dtype=float)
    plug = np.array([which for which, _ in begins])
    return Stays(plug, begin, begin + 110.0, PLUGS, np.array([0, 0]), np.array([False, False]))


@pytest.fixture(scope="module")
def taught():
    return teach(every_morning(), rows=8_000, trees=40)


def site(state, since, organization_id):
    plugs = tuple(
        PlugNow(one, new_id(), 1, f"DE*GRL*E{number}", state, since, 22_000.0, frozenset())
        for number, one in enumerate(PLUGS)
    )
    return SiteNow(new_id(), organization_id, 52.5, 13.4, "UTC", plugs)


def test_too_few_stays_teach_nothing():
    assert teach(every_morning(5)) is None


def test_a_model_comes_back_as_it_was_kept(taught):
    back = unpacked(packed(taught))
    assert back.row_of == taught.row_of
    assert (back.model.score, back.model.simple) == (taught.model.score, taught.model.simple)
    rows = np.random.default_rng(1).uniform(0, 10, (50, 16))
    assert np.array_equal(back.model.in_use.of(rows), taught.model.in_use.of(rows))


def test_content_that_is_none_is_refused():
    with pytest.raises((ValueError, KeyError, OSError)):
        unpacked(b"written by another release")


def test_a_free_site_in_the_early_morning_is_known_to_be_full_later(taught):
    organization_id, now = new_id(), datetime(2026, 5, 4, 8, 0, tzinfo=UTC)
    plain, learned = (Outlook(None, clock=lambda: now) for _ in range(2))
    learned.learn({}, {organization_id: taught})
    place = site("available", now - timedelta(hours=12), organization_id)
    assert plain.wait(place, Needs(), 90.0).at_once > 0.8
    assert learned.wait(place, Needs(), 90.0).at_once < 0.4
    hours = learned.free_chances(place, Needs(), now, 12)
    assert len(hours) == 12
    assert hours[2] < 0.5 < hours[0]


def test_a_plug_in_use_is_said_to_free_in_order(taught):
    organization_id, now = new_id(), datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
    outlook = Outlook(None, clock=lambda: now)
    outlook.learn({}, {organization_id: taught})
    place = site("occupied", now - timedelta(minutes=55), organization_id)
    (first, _) = outlook.frees(place, now)
    assert 0.0 <= first.low <= first.middle <= first.high
    assert 20 < first.middle < 120


def test_a_plug_that_is_not_known_yet_is_forecast_like_those_of_the_others(taught):
    organization_id, now = new_id(), datetime(2026, 5, 4, 8, 0, tzinfo=UTC)
    outlook = Outlook(None, clock=lambda: now)
    outlook.learn({}, {organization_id: taught._replace(row_of={})})
    found = outlook.wait(site("available", None, organization_id), Needs(), 60.0)
    assert 0.0 < found.at_once < 1.0


def test_a_wait_on_another_level_keeps_its_shape():
    found = wait(Situation(free=0, elapsed=(20.0,), lengths=usual(30.0)), 5.0)
    lower = found.levelled(found.at_once / 2)
    assert lower.at_once == pytest.approx(found.at_once / 2)
    assert (np.diff(lower.chance) >= 0).all()
    assert lower.quantile(0.5) > found.quantile(0.5)
    surely = wait(Situation(free=1, elapsed=(), lengths=usual(30.0)), 0.0).levelled(0.9)
    assert surely.chance[0] == pytest.approx(0.9)
    assert surely.chance.size == GRID.size


async def test_the_job_keeps_a_version_for_each_night(installation):
    async with await installation.station("CP-1", meter_interval=1) as station:
        await station.boot()
        await installation.until(lambda: installation.sql("SELECT 1 FROM evses"))
        await installation.sql(
            "INSERT INTO sessions (id, organization_id, station_id, transaction_id, status, evse, started_at, ended_at, "
            "received_at, first_received_at, energy) SELECT gen_random_uuid(), %s, %s, n::text, 'ended', 1, "
            "now() - n * interval '4 hour', now() - n * interval '4 hour' + interval '90 minutes', now(), now(), 9000 "
            "FROM generate_series(1, 400) n",
            installation.organization_id,
            station.id,
        )
    database = Database(installation.url, pool=2)
    try:
        clock = lambda: datetime.now(UTC)  # noqa: E731
        await learn_plugs(database, clock)
        await learn_plugs(database, clock)
        rows = await installation.sql(
            "SELECT version, sessions, score < simple_score FROM plug_models ORDER BY 1"
        )
        async with database.as_owner() as work:
            used = await newest_plug_models(work)
    finally:
        await database.close()
    assert [row[:2] for row in rows] == [(1, 400), (2, 400)]
    assert bool(used) is rows[-1][2]
