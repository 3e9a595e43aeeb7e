"""The compiled loops against the sum they abbreviate."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridlane.forecasting import compiled_waits as fast
from gridlane.forecasting.compiled_waits import GRID, Sites, site_waits
from gridlane.forecasting.waits import LONGEST, Situation, StayLengths, usual, wait

LENGTHS = StayLengths(usual(30.0).survival.astype(np.float32).astype(float))
SURVIVAL = LENGTHS.survival.astype(np.float32)[None, :]
INTEGRAL = np.concatenate(([[0.0]], SURVIVAL.cumsum(axis=1)[:, :-1]), axis=1).astype(np.float32)


def sites(free, elapsed, arrivals=0.0, **more):
    plugs = free + len(elapsed)
    return Sites(
        offset=np.array([0, plugs]),
        state=np.array([fast.FREE] * free + [fast.BUSY] * len(elapsed), dtype=np.int8),
        since=np.array([0.0] * free + [1000.0 - one for one in elapsed]),
        kinds=more.get("kinds", np.zeros(plugs, dtype=np.int64)),
        power=more.get("power", np.full(plugs, 50_000.0)),
        habit=np.array([0]),
        arrivals=np.array([arrivals]),
        survival=SURVIVAL,
        integral=INTEGRAL,
    )


def asked(made, arriving=0.0, before=0, after=0, strangers=1.0, need=0, min_power=0.0):
    one = np.array([0])
    return site_waits(
        made, one, np.array([arriving]), np.array([before]), np.array([after]), strangers, 1000.0, need, min_power, GRID
    )[0]  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 3),
    st.lists(st.integers(0, 200), max_size=5),
    st.floats(0, 0.2),
    st.integers(0, 40),
    st.integers(0, 2),
)
def test_it_says_what_the_full_sum_says(free, elapsed, arrivals, arriving, before):
    if free + len(elapsed) == 0:
        return
    found = asked(sites(free, elapsed, arrivals), float(arriving), before)
    situation = Situation(
        free=free, elapsed=tuple(map(float, elapsed)), lengths=LENGTHS, arrivals=arrivals, before=before
    )
    full = wait(situation, float(arriving))
    assert found[fast.FREE_CHANCE] == pytest.approx(full.at_once, abs=0.02)
    if full.quantile(0.5) < 60:
        assert found[fast.MIDDLE] == pytest.approx(full.quantile(0.5), abs=3.0)


def test_plugs_that_do_not_fit_or_do_not_work_count_for_nothing():
    made = sites(2, [], kinds=np.array([1, 2]), power=np.array([50_000.0, 11_000.0]))
    assert asked(made, need=4)[fast.PLUGS] == 0
    assert asked(made, need=1)[fast.PLUGS] == 1
    assert asked(made, min_power=20_000.0)[fast.PLUGS] == 1
    made.state[0] = fast.OUT
    assert asked(made)[fast.PLUGS] == 1


def test_the_last_plug_of_a_busy_site_is_dear_and_one_of_many_is_not():
    busy = 2 / LONGEST * 48  # about two at a time
    assert asked(sites(1, [], busy))[fast.CROWDED] > 0.5
    assert asked(sites(8, [], busy))[fast.CROWDED] < 0.05
    assert asked(sites(8, [], busy), after=7)[fast.CROWDED] > 0.5
