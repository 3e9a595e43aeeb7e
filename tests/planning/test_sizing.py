from itertools import pairwise

import numpy as np
import pytest

from gridlane.planning.queue_simulation import Cars, simulate
from gridlane.planning.sizing import WaitTarget, capacity, chargers_needed, shipped_stays, wait_table

TARGET = WaitTarget(share=0.95, minutes=5.0)


@pytest.fixture(scope="module")
def dc():
    return shipped_stays("dc_fast")


def test_predicted_waits_match_a_fresh_simulation_between_grid_points(dc):
    table = wait_table(dc, count=150_000)
    cars = Cars.draw(dc.minutes, 1_000_000, seed=77)
    for servers, utilisation in ((2, 0.55), (7, 0.72), (9, 0.87)):
        rate = utilisation * servers * 60 / dc.mean
        waits, predicted = simulate(cars, servers, rate), table.waits(servers, rate)
        assert predicted.mean == pytest.approx(waits.mean(), rel=0.05)
        assert predicted.wait_at(0.95) == pytest.approx(np.quantile(waits, 0.95), rel=0.1)


def test_capacity_keeps_the_target_and_grows_faster_than_chargers(dc):
    capacities = [capacity(dc, servers, TARGET) for servers in (1, 2, 4, 8)]
    assert all(later > 2 * earlier for earlier, later in pairwise(capacities))
    waits = simulate(Cars.draw(dc.minutes, 500_000, seed=5), 4, capacities[2])
    assert np.mean(waits > TARGET.minutes) == pytest.approx(0.05, abs=0.004)


def test_the_fewest_chargers_are_enough_and_one_fewer_is_not(dc):
    for rate in (0.05, 1.0, 6.0, 14.0):
        needed = chargers_needed(dc, rate, TARGET)
        assert capacity(dc, needed, TARGET) >= rate
        assert needed == 1 or capacity(dc, needed - 1, TARGET) < rate


def test_more_arrivals_than_any_station_takes_are_refused(dc):
    with pytest.raises(ValueError, match="more than 64 chargers"):
        chargers_needed(dc, 1000.0, TARGET)


def test_an_unknown_set_of_stays_lists_the_known_ones():
    with pytest.raises(ValueError, match="dc_fast, public_ac, rapid, workplace_ac"):
        shipped_stays("teleport")
