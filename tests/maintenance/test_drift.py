import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridlane.maintenance.drift import WARM, Charge, Health, Signal, after, follow, score


def charges(count, peak, spread=0.1, seed=1, temperature=35.0):
    dice = random.Random(seed)
    return [
        Charge(
            delivered=True,
            peak=peak * (1 + dice.uniform(-spread, spread)),
            temperature=temperature + dice.uniform(-2, 2),
        )
        for _ in range(count)
    ]


def lived(*parts, health=None):
    health = health or Health()
    for part in parts:
        for charge in part:
            health = after(health, charge)
    return health


@pytest.mark.parametrize("seed", range(8))
def test_a_healthy_connector_keeps_its_score(seed):
    health = lived(charges(200, 50_000, seed=seed))
    assert not health.power.fell
    assert score(health, 0.5) == (100, {})


@pytest.mark.parametrize("seed", range(8))
def test_a_lost_phase_is_noticed_within_a_few_charges(seed):
    health = lived(charges(40, 22_000, seed=seed), charges(6, 14_700, seed=seed + 100))
    assert health.power.fell
    points, taken = score(health, 0.5)
    assert points < 90
    assert "power" in taken


def test_one_slow_vehicle_is_no_drift():
    health = lived(charges(40, 22_000), charges(1, 3_600))
    assert not health.power.fell


WATTS = st.floats(1_400, 350_000)


@given(
    st.floats(3_700, 350_000),
    st.lists(st.tuples(st.floats(-0.1, 0.1), st.none() | WATTS, st.none() | WATTS), min_size=1, max_size=80),
    st.booleans(),
)
def test_whatever_limits_are_sent_and_vehicles_come_a_whole_connector_never_fell(rating, stays, rated):
    health = Health()
    for noise, limit, vehicle in stays:
        most = min(rating, limit or math.inf, vehicle or math.inf)
        known = rating if rated else None
        peak = min(most, rating * (1 + noise))
        health = after(health, Charge(delivered=True, peak=peak, limit=limit, vehicle=vehicle, rating=known))
        assert not health.power.fell


def test_a_lost_phase_is_noticed_though_power_is_shared():
    shared = [Charge(delivered=True, peak=11_000, limit=11_000, rating=22_000)] * 30
    lost = [Charge(delivered=True, peak=14_700, limit=22_000, rating=22_000)] * 4
    health = lived(charges(40, 22_000), shared, lost, shared, lost)
    assert health.power.fell


def test_a_battery_that_comes_nearly_full_says_nothing_of_the_connector():
    full = [Charge(delivered=True, peak=20_000, soc=88.0)] * 30
    assert not lived(charges(40, 150_000), full).power.fell


def test_after_the_repair_the_alarm_ends():
    broken = lived(charges(40, 22_000), charges(10, 14_700))
    mended = lived(charges(60, 22_000, seed=5), health=broken)
    assert broken.power.fell
    assert not mended.power.fell


def test_charges_that_deliver_nothing_cost_most():
    health = lived(charges(20, 22_000), [Charge(delivered=False)] * 4)
    points, taken = score(health, 0.5)
    assert points < 65
    assert taken["starts"] > 30


def test_a_connector_that_runs_hotter_than_it_used_to_is_seen():
    health = lived(charges(30, 22_000), charges(12, 22_000, temperature=48.0))
    assert health.temperature.rose


def test_a_link_that_breaks_often_costs():
    assert score(Health(), 9.0)[0] == 80


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_what_is_usual_stays_within_what_was_seen(values):
    signal = Signal()
    for value in values:
        signal = follow(signal, value, 1.0)
    assert min(values) - 1e-6 <= signal.usual <= max(values) + 1e-6 or len(values) > WARM
    assert signal.low >= 0
    assert signal.high >= 0
