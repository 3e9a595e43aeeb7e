import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridlane.forecasting.waits import GRID, Situation, StayLengths, usual, wait

LENGTHS = usual(30.0)


def site(free=0, elapsed=(), **more):
    return Situation(free=free, elapsed=elapsed, lengths=more.pop("lengths", LENGTHS), **more)


def test_who_finds_a_free_plug_now_does_not_wait():
    assert wait(site(free=1), 0.0).quantile(0.99) == 0.0


def test_the_only_plug_in_use_frees_by_survival():
    found = wait(site(elapsed=(10.0,)), 0.0)
    assert found.at_once == 0.0
    assert found.quantile(0.5) == pytest.approx(30.0 * np.log(2), abs=2.0)
    assert found.mean == pytest.approx(30.0, rel=0.1)


def test_a_stay_that_always_lasts_an_hour_ends_when_the_hour_is_over():
    lengths = StayLengths.learned([60] * 100_000)
    assert wait(site(elapsed=(45.0,), lengths=lengths), 0.0).quantile(0.5) == pytest.approx(15.0, abs=1.5)


def test_strangers_may_take_the_free_plug_before_the_driver_arrives():
    near = wait(site(free=1, arrivals=1 / 20), 2.0)
    far = wait(site(free=1, arrivals=1 / 20), 20.0)
    assert near.at_once == pytest.approx(np.exp(-2 / 20), abs=0.01)
    assert far.at_once < near.at_once


def test_a_car_on_the_way_that_arrives_later_takes_nothing():
    assert wait(site(free=1, coming=(9.0,)), 5.0).at_once == 1.0
    assert wait(site(free=1, coming=(3.0,)), 5.0).at_once == 0.0


def test_people_in_the_queue_go_first():
    alone = wait(site(elapsed=(10.0, 20.0)), 0.0)
    third = wait(site(elapsed=(10.0, 20.0), before=1), 0.0)
    assert third.quantile(0.5) > alone.quantile(0.5)


def test_far_ahead_the_site_is_as_full_as_its_load_says():
    # an M/G/c site of 4 plugs with 2 erlangs: P(fewer than 4 of a Poisson(2)) = 0.857
    found = wait(site(free=4, arrivals=2 / 30), 600.0)
    assert found.at_once == pytest.approx(0.857, abs=0.01)


@given(
    st.integers(0, 4),
    st.lists(st.floats(0, 300), max_size=6),
    st.floats(0, 0.2),
    st.floats(0, 60),
    st.integers(0, 3),
)
def test_a_wait_is_a_distribution_and_more_people_never_shorten_it(free, elapsed, arrivals, arriving, before):
    found = wait(site(free=free, elapsed=tuple(elapsed), arrivals=arrivals, before=before), arriving)
    more = wait(site(free=free, elapsed=tuple(elapsed), arrivals=arrivals, before=before + 1), arriving)
    assert np.all(np.diff(found.chance) >= 0)
    assert 0.0 <= found.chance[0] <= 1.0
    assert np.all(more.chance <= found.chance + 1e-9)
    assert 0.0 <= found.quantile(0.1) <= found.quantile(0.5) <= found.quantile(0.9) <= GRID[-1]


def test_a_new_site_is_forecast_from_its_kind_and_then_from_itself():
    kind = StayLengths.learned([30] * 1000)
    own_few = StayLengths.learned([120] * 2, kind)
    own_many = StayLengths.learned([120] * 2000, kind)
    assert own_few.quantile_left(0.0, 0.5) == pytest.approx(30, abs=3)
    assert own_many.quantile_left(0.0, 0.5) == pytest.approx(120, abs=3)
