"""Plugs with a habit that can be known beforehand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridlane.forecasting.occupancy import (
    DAY,
    History,
    Moments,
    features,
    free_count,
    goes_on,
    learned,
    left,
    lessons,
    week_before,
)

DAYS = 70


def commuters(seed=1):
    """Two sites of two plugs; the first plug of each is in use on working days from about nine to about noon."""
    draw = np.random.default_rng(seed)
    plug, begin, end = [], [], []
    for day in range(DAYS):
        for one in (0, 2):
            if day % 7 < 5:
                start = day * DAY + 540 + draw.integers(-10, 10)
                plug.append(one)
                begin.append(start)
                end.append(start + 180 + draw.integers(-10, 10))
        plug.append(1 + 2 * (day % 2))
        begin.append(day * DAY + draw.integers(0, 1200))
        end.append(begin[-1] + draw.integers(10, 60))
    as_minutes = np.array(begin, dtype=float), np.array(end, dtype=float)
    return History.of(np.array(plug), *as_minutes, np.array([0, 0, 1, 1]), np.array([False, True] * 2))


@pytest.fixture(scope="module")
def history():
    return commuters()


@pytest.fixture(scope="module")
def model(history):
    return learned(history, 14, DAYS - 7, 8_000, 40)


def at(history, plug, minute, ahead):
    return history.moments(np.array([plug]), np.array([float(minute)]), np.array([float(ahead)]))


def week_of(history):
    return week_before(history, history.slots(), DAYS - 7)


def test_a_history_knows_what_was_in_use_and_since_when():
    plug, begin, end = np.array([0, 0, 0]), np.array([30.0, 5.0, 100.0]), np.array([40.0, 35.0, 120.0])
    history = History.of(plug, begin, end, np.array([0]), np.array([True]))
    asked = np.array([4.0, 5.0, 39.0, 40.0, 110.0])
    busy, since, until = history.state(np.zeros(5, dtype=int), asked)
    assert busy.tolist() == [False, True, True, False, True]
    assert (since[1], since[2], since[3], since[4]) == (5.0, 5.0, 40.0, 100.0)
    assert until[[1, 4]].tolist() == [40.0, 120.0]


def test_what_happens_every_working_day_is_forecast_and_not_on_a_sunday(history, model):
    monday, sunday = (DAYS - 7) * DAY, (DAYS - 1) * DAY
    week = week_of(history)
    rows = [features(at(history, 0, day + 480, 120), week) for day in (monday, sunday)]
    busy, calm = model.in_use.of(np.concatenate(rows))
    assert busy > 0.7
    assert calm < 0.2


def test_it_knows_more_than_weekly_habits(model):
    assert model.is_better


def test_a_stay_that_has_lasted_long_ends_sooner(history, model):
    monday = (DAYS - 7) * DAY
    moments = [at(history, 0, monday + minute, 0) for minute in (570, 690)]
    both = Moments._make(np.concatenate(columns) for columns in zip(*moments, strict=True))
    going = goes_on(model, both, week_of(history))
    assert (np.diff(going, axis=1) <= 0).all()
    early, late = left(going, 0.5)
    assert early > late


def test_what_comes_later_teaches_nothing(history):
    """The rows of a day are the same whether or not more is known afterwards."""
    known = history.begin < (DAYS - 10) * DAY
    earlier = History.of(
        history.plug[known], history.begin[known], history.end[known], history.site, history.fast, until=DAYS * DAY
    )  # fmt: skip
    day = DAYS - 20
    whole, part = (week_before(one, one.slots(), day) for one in (history, earlier))
    for mine, theirs in zip(whole, part, strict=True):
        assert np.array_equal(mine, theirs)


def test_days_without_any_plug_teach_nothing(history):
    found = lessons(history, DAYS + 5, DAYS + 9, 100)
    assert found.rows.shape == (0, 16)


@given(st.lists(st.floats(0, 1), max_size=6))
def test_the_free_plugs_are_counted_with_all_their_chances(in_use):
    found = free_count(np.array(in_use))
    assert found.sum() == pytest.approx(1.0)
    assert found @ np.arange(len(in_use) + 1) == pytest.approx(sum(1.0 - one for one in in_use))
    assert found[0] == pytest.approx(np.prod(in_use))
