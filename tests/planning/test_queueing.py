from decimal import Decimal, getcontext
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridlane.planning.queue_simulation import Cars, simulate
from gridlane.planning.queueing import Queue, erlang_b, erlang_c, most_arrivals

getcontext().prec = 60


def exact_erlang_b(servers: int, load: str) -> Decimal:
    """The defining sum, with 60 digits."""
    term = total = Decimal(1)
    for count in range(1, servers + 1):
        term *= Decimal(load) / count
        total += term
    return term / total


@settings(max_examples=60, deadline=None)
@given(servers=st.integers(1, 1000), share=st.integers(1, 3000))
def test_erlang_agrees_with_the_closed_forms_to_nine_digits(servers, share):
    load = str(Decimal(servers) * share / 1000)
    blocked = exact_erlang_b(servers, load)
    assert float(abs(Decimal(erlang_b(servers, float(load))) / blocked - 1)) < 1e-9 or blocked < Decimal(
        "1e-300"
    )
    if share < 1000:
        rho = Decimal(load) / servers
        waits = blocked / (1 - rho * (1 - blocked))
        assert float(abs(Decimal(erlang_c(servers, float(load))) / waits - 1)) < 1e-9 or waits < Decimal(
            "1e-300"
        )


def test_a_station_with_more_load_than_chargers_waits_for_ever():
    queue = Queue(2, 5.0, 30.0)
    assert queue.chance_of_waiting == 1.0
    assert queue.mean_wait == inf
    assert queue.wait_at(0.95) == inf


@pytest.mark.parametrize(("servers", "utilisation"), [(1, 0.5), (3, 0.7), (8, 0.8)])
def test_erlang_c_equals_the_simulation_of_exponential_stays(servers, utilisation):
    stays = -np.log1p(-(np.arange(20_000) + 0.5) / 20_000) * 30.0
    rate = utilisation * servers * 2.0
    waits = simulate(Cars.draw(stays, 1_000_000, seed=3), servers, rate)
    queue = Queue(servers, rate, 30.0)
    assert np.mean(waits > 0) == pytest.approx(queue.chance_of_waiting, rel=0.02)
    assert waits.mean() == pytest.approx(queue.mean_wait, rel=0.04)
    assert np.quantile(waits, 0.95) == pytest.approx(queue.wait_at(0.95), rel=0.04)


@settings(max_examples=50, deadline=None)
@given(servers=st.integers(1, 40), minutes=st.floats(0.5, 60))
def test_the_most_arrivals_just_keep_the_target(servers, minutes):
    rate = most_arrivals(servers, 33.0, 0.95, minutes)
    assert Queue(servers, rate, 33.0).wait_at(0.95) <= minutes
    assert Queue(servers, rate * 1.001 + 1e-9, 33.0).wait_at(0.95) >= minutes * 0.999


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), servers=st.integers(1, 6))
def test_a_heap_of_free_times_gives_what_a_plain_list_gives(seed, servers):
    cars = Cars.draw(np.array([5.0, 20.0, 45.0]), 300, seed)
    free, now, expected = [0.0] * servers, 0.0, []
    for gap, stay in zip(cars.gaps * 60.0 / 7.0, cars.stays, strict=True):
        now += gap
        first = min(range(servers), key=free.__getitem__)
        expected.append(max(now, free[first]) - now)
        free[first] = max(now, free[first]) + stay
    assert np.allclose(simulate(cars, servers, 7.0), expected[15:])


def test_the_same_seed_plays_the_same_day():
    runs = [simulate(Cars.draw(np.array([10.0, 50.0]), 5000, seed=9), 2, 2.5) for _ in range(2)]
    assert np.array_equal(runs[0], runs[1])
