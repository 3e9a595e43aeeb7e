from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridlane.billing.timeline import Register, State, periods_of
from gridlane.kernel.quantities import WattHours
from gridlane.tariffs.session import Activity

START = datetime(2026, 1, 12, 8, tzinfo=UTC)


def at(minutes):
    return START + timedelta(minutes=minutes)


def told(periods):
    return [(int((p.end - p.start).total_seconds() / 60), p.activity.value, p.energy) for p in periods]


def test_a_full_car_is_known_by_its_register_standing_still():
    registers = [Register(at(0), 100.0), Register(at(30), 5_600.0), Register(at(60), 5_601.0)]
    assert told(periods_of(START, at(60), registers, [], WattHours(5_501.0))) == [
        (30, "charging", 5_500.0),
        (30, "parking", 1.0),
    ]


def test_what_the_station_says_of_the_charging_decides():
    registers = [Register(at(0), 0.0), Register(at(60), 6_000.0)]
    states = [State(at(0), "Charging"), State(at(20), "SuspendedEVSE"), State(at(40), "SuspendedEV")]
    assert told(periods_of(START, at(60), registers, states, WattHours(6_000.0))) == [
        (20, "charging", 2_000.0),
        (20, "held", 2_000.0),
        (20, "parking", 2_000.0),
    ]


def test_without_any_register_the_energy_flowed_evenly():
    assert told(periods_of(START, at(60), [], [], WattHours(9_000.0))) == [(60, "charging", 9_000.0)]


def test_the_energy_a_review_approved_is_what_is_billed():
    registers = [Register(at(0), 0.0), Register(at(30), 4_000.0), Register(at(60), 8_000.0)]
    periods = periods_of(START, at(60), registers, [], WattHours(6_000.0))
    assert [p.energy for p in periods] == [3_000.0, 3_000.0]


def test_a_register_that_fell_takes_nothing_back():
    registers = [
        Register(at(0), 500.0),
        Register(at(20), 900.0),
        Register(at(40), 100.0),
        Register(at(60), 1_300.0),
    ]
    assert [p.energy for p in periods_of(START, at(60), registers, [], WattHours(800.0))] == [
        400.0,
        0.0,
        400.0,
    ]


def test_a_register_that_rises_at_the_very_start_loses_nothing():
    twice = [Register(START, 0.0), Register(START, 9.0)]
    (period,) = periods_of(START, at(60), twice, [], WattHours(9.0))
    assert period.energy == 9.0


def test_a_session_of_no_length_is_one_moment():
    (period,) = periods_of(START, START, [], [], WattHours(5.0))
    assert (period.start, period.end, period.energy) == (START, START, 5.0)


moments = st.integers(-10, 130).map(at)
registers = st.lists(st.builds(Register, moments, st.floats(0, 1e6)), max_size=12)
states = st.lists(
    st.builds(State, moments, st.sampled_from(["Charging", "SuspendedEV", "SuspendedEVSE", "Odd"])),
    max_size=6,
)


@given(st.integers(0, 120).map(at), registers, states, st.integers(0, 10**8).map(lambda n: n / 1_000))
def test_whatever_was_stored_periods_follow_each_other_and_add_up(end, values, said, energy):
    periods = periods_of(START, end, values, said, WattHours(energy))
    assert (periods[0].start, periods[-1].end) == (START, end)
    assert all(a.end == b.start for a, b in pairwise(periods))
    assert sum(round(p.energy * 1_000) for p in periods) == pytest.approx(round(energy * 1_000), abs=0)
    assert all(p.energy >= 0 and p.activity in Activity for p in periods)
