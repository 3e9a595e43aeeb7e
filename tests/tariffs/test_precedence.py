from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridlane.tariffs.precedence import Assignment, Customer, TariffMissing, assigned, overlaps

NOW = datetime(2026, 1, 12, 12, tzinfo=UTC)
STATION, SITE, FLEET, STAFF = (UUID(int=n) for n in range(1, 5))


def assignment(valid_from=NOW - timedelta(days=1), **given):
    return Assignment(id=uuid4(), tariff_id=uuid4(), valid_from=valid_from, **given)


LADDER = [
    assignment(group_id=STAFF, station_id=STATION),
    assignment(group_id=STAFF, site_id=SITE),
    assignment(group_id=STAFF),
    assignment(group_id=FLEET, station_id=STATION),
    assignment(group_id=FLEET),
    assignment(for_guests=True, station_id=STATION),
    assignment(for_guests=True, site_id=SITE),
    assignment(for_guests=True),
    assignment(station_id=STATION),
    assignment(site_id=SITE),
    assignment(),
]
EVERYBODY_AT_ONCE = Customer((STAFF, FLEET), is_guest=True)


@given(st.sets(st.sampled_from(range(len(LADDER))), min_size=1), st.randoms())
def test_the_highest_rung_of_the_ladder_wins_in_any_order(rungs, random):
    chosen = [LADDER[rung] for rung in rungs]
    random.shuffle(chosen)
    assert assigned(chosen, STATION, SITE, EVERYBODY_AT_ONCE, NOW) == LADDER[min(rungs)]


def test_a_driver_without_a_group_gets_what_everyone_gets():
    assert assigned(LADDER, STATION, SITE, Customer(), NOW) == LADDER[8]


def test_another_station_of_the_site_gets_the_sites_tariff():
    assert assigned(LADDER, uuid4(), SITE, Customer(), NOW) == LADDER[9]


def test_another_site_gets_the_organizations_tariff():
    assert assigned(LADDER, uuid4(), uuid4(), Customer(), NOW) == LADDER[10]


def test_an_assignment_holds_from_its_beginning_to_before_its_end():
    timed = assignment(valid_from=NOW, valid_until=NOW + timedelta(hours=1))
    assert assigned([timed], STATION, SITE, Customer(), NOW) == timed
    for outside in (NOW - timedelta(seconds=1), NOW + timedelta(hours=1)):
        with pytest.raises(TariffMissing):
            assigned([timed], STATION, SITE, Customer(), outside)


def test_of_two_that_overlap_the_later_wins_and_the_operator_is_warned():
    old = assignment(site_id=SITE, valid_until=NOW + timedelta(days=3))
    new = assignment(site_id=SITE, valid_from=NOW)
    assert assigned([old, new], STATION, SITE, Customer(), NOW) == new
    (warning,) = overlaps([old, new])
    assert (warning.winner, warning.loser) == (new, old)
    assert (warning.since, warning.until) == (NOW, NOW + timedelta(days=3))


def test_different_places_audiences_and_times_do_not_overlap():
    following = assignment(valid_from=NOW, site_id=SITE)
    before = assignment(valid_until=NOW, site_id=SITE)
    assert overlaps([*LADDER, before]) == overlaps([LADDER[9], before])
    assert overlaps([following, before]) == []
