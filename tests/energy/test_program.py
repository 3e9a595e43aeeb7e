import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridlane.energy.program import Battery, Discharge, Limits, Program, overrun_of_tangents, solve

HOURS = 4


def program(vehicles=1, **more):
    """Vehicles of 10 kW that want 10 kWh within four steps of an hour; the second hour is cheap."""
    given_limits = more.pop("limits", Limits.none(vehicles, HOURS))
    return Program(
        **(
            {
                "hours": np.ones(HOURS),
                "price": np.array([0.3, 0.1, 0.3, 0.2]),
                "first": np.zeros(vehicles, dtype=np.int64),
                "last": np.full(vehicles, HOURS),
                "most": np.full(vehicles, 10.0),
                "energy": np.full(vehicles, 10.0),
                "unmet_price": np.full(vehicles, 1.0),
                "limits": given_limits,
            }
            | more
        )
    )


def shared(vehicles, capacity):
    return Limits(
        kind=np.zeros(vehicles, dtype=np.int64),
        weight=np.ones((1, 1), dtype=np.complex128),
        capacity=np.full((1, HOURS), capacity),
    )


def test_the_solver_prints_nothing(capfd):
    made = threading.Thread(target=lambda: solve(program()))  # a thread of its own has a solver of its own
    made.start()
    made.join()
    assert capfd.readouterr() == ("", "")


def test_energy_is_charged_in_the_cheapest_hour():
    assert solve(program()).power[0] == pytest.approx([0, 10, 0, 0])


def test_between_equal_prices_the_earlier_hour_is_taken():
    assert solve(program(price=np.full(HOURS, 0.2))).power[0] == pytest.approx([10, 0, 0, 0])


def test_nobody_charges_after_departure():
    found = solve(program(last=np.array([1])))
    assert found.power[0] == pytest.approx([10, 0, 0, 0])


def test_what_does_not_fit_is_left_unmet_and_said():
    found = solve(program(2, limits=shared(2, 4.0)))
    assert found.unmet.sum() == pytest.approx(4.0)
    assert found.limit_shadow_price.min() > 0


def test_a_price_on_the_peak_spreads_the_energy():
    assert solve(program(peak_price=15.0, unmet_price=np.array([100.0]))).peak == pytest.approx(2.5)


def test_up_to_the_peak_of_the_month_power_is_free_of_its_price():
    assert solve(program(peak_price=15.0, peak_so_far=10.0)).power[0] == pytest.approx([0, 10, 0, 0])


def test_the_peak_counts_what_the_rest_of_the_site_draws():
    found = solve(program(peak_price=15.0, other_power=np.array([0.0, 8.0, 0.0, 0.0])))
    assert found.peak == pytest.approx(8.0)


def test_the_sun_is_used_before_the_grid():
    found = solve(program(other_power=np.array([0.0, 0.0, -9.0, 0.0])))
    assert found.power[0, 2] == pytest.approx(9.0)


def test_a_battery_moves_the_cheap_hour():
    found = solve(
        program(
            first=np.array([2]),
            other_power=np.zeros(HOURS),
            battery=Battery(level=0.0, size=8.0, power=8.0, efficiency=1.0),
        )
    )
    assert found.battery_power == pytest.approx([0, 8, -8, 0], abs=1e-6)


def test_a_vehicle_feeds_back_when_it_pays_and_still_leaves_with_its_energy():
    found = solve(
        program(
            price=np.array([0.1, 0.1, 0.9, 0.1]),
            energy=np.array([0.0]),
            export_price=np.array([0.0, 0.0, 0.8, 0.0]),
            export_most=10.0,
            discharge=Discharge(
                power=np.array([10.0]), level=np.array([20.0]), size=np.array([30.0]), efficiency=0.9
            ),
        )
    )
    assert found.power[0, 2] == pytest.approx(-10.0)
    level = 20.0 + sum(0.9 * p if p > 0 else p / 0.9 for p in found.power[0])
    assert level == pytest.approx(20.0, abs=1e-6)


def test_energy_is_taken_while_the_vehicle_is_likely_there():
    presence = np.array([[1.0, 0.5, 0.1, 0.0]])
    assert solve(program(presence=presence)).power[0] == pytest.approx([10, 0, 0, 0])


def test_who_may_not_be_paused_keeps_the_least_until_the_energy_is_had():
    found = solve(program(least=np.array([3.0])))
    assert found.power[0, :3].min() >= 3.0 - 1e-9
    assert found.power[0].sum() == pytest.approx(10.0)


def test_line_currents_are_planned_as_phasors_not_as_sums():
    weight = np.array([[1.0, np.exp(1j * np.pi / 3)]])  # two loads 60 degrees apart on one line
    limits = Limits(kind=np.array([0, 1]), weight=weight, capacity=np.full((1, HOURS), 10.0))
    found = solve(program(2, limits=limits, last=np.array([1, 1])))
    both = found.power[:, 0]
    assert both.sum() > 11.5  # 10 / cos(30 degrees)
    assert abs(both[0] + both[1] * weight[0, 1]) <= 10.0 * (1 + overrun_of_tangents(np.radians(6)))


def test_an_empty_site_is_planned_too():
    assert solve(program(0)).power.shape == (0, HOURS)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(1, 4), st.floats(0, 30), st.floats(1, 20)),
        min_size=1,
        max_size=6,
    ),
    st.floats(1, 30),
)
def test_no_plan_breaks_a_limit_or_gives_more_than_wanted(vehicles, capacity):
    first = np.array([min(a, b - 1) for a, b, _, _ in vehicles])
    last = np.array([b for _, b, _, _ in vehicles])
    energy, most = (np.array([each[index] for each in vehicles]) for index in (2, 3))
    count = len(vehicles)
    found = solve(
        program(count, first=first, last=last, energy=energy, most=most, limits=shared(count, capacity))
    )
    assert found.power.sum(axis=0).max() <= capacity + 1e-6
    assert found.power.sum(axis=1) + found.unmet == pytest.approx(energy, abs=1e-6)
    steps = np.arange(HOURS)
    outside = (steps < first[:, None]) | (steps >= last[:, None])
    assert found.power[outside].sum() == 0
