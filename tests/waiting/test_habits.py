from datetime import UTC, datetime, timedelta

import pytest

from gridlane.kernel.ids import new_id
from gridlane.waiting.habits import HOURS, Past, learned

NOW = datetime(2026, 6, 1, tzinfo=UTC)
OLD, NEW, BUSY = new_id(), new_id(), new_id()
PLUGS = {(OLD, True): 2, (NEW, True): 2, (BUSY, True): 2}


def _visits(site, a_week, minutes, weeks=10, hour=30):
    at = [NOW - timedelta(weeks=number) for number in range(1, weeks + 1)]
    return [Past(site, True, hour, minutes, when) for when in at for _ in range(a_week)]


@pytest.fixture
def habits():
    return learned(_visits(OLD, 20, 30) + _visits(BUSY, 60, 60), PLUGS, NOW).of("fast")


def test_a_site_is_known_by_its_own_arrivals(habits):
    week = [sum(habits.arrivals(site, 2, hour) * 60 for hour in range(HOURS)) for site in (OLD, BUSY)]
    assert week == [pytest.approx(20, rel=0.25), pytest.approx(60, rel=0.25)]


def test_people_come_at_the_hours_they_came(habits):
    assert habits.arrivals(OLD, 2, 30) > 10 * habits.arrivals(OLD, 2, 100)


def test_a_new_site_is_what_sites_like_it_are(habits):
    week = sum(habits.arrivals(NEW, 2, hour) * 60 for hour in range(HOURS))
    assert week == pytest.approx(40, rel=0.2)
    assert habits.lengths(NEW).quantile_left(0.0, 0.5) == pytest.approx(60, abs=5)


def test_a_site_of_many_stays_is_known_by_its_own(habits):
    assert habits.lengths(OLD).quantile_left(0.0, 0.5) == pytest.approx(30, abs=3)


def test_without_any_history_there_is_still_a_guess():
    nobody = learned([], {(NEW, False): 1}, NOW).of("slow")
    assert 0 < nobody.arrivals(NEW, 1, 12) < 1
    assert nobody.lengths(NEW).quantile_left(0.0, 0.5) > 30
