from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridlane.insight.hours import Reading, Stay, hour_of, hours

BERLIN, KOLKATA = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def test_energy_falls_into_the_hours_in_which_it_flowed():
    stay = Stay(after(30), after(90), 1000.0, 12000.0, 11000.0)
    first, second = hours(stay, [Reading(after(60), 6500.0)], BERLIN)
    assert (first.energy, second.energy) == (5500.0, 5500.0)
    assert (first.begins, second.begins) == (True, False)
    assert (first.occupied, second.occupied) == (1800.0, 1800.0)


def test_a_full_vehicle_occupies_and_does_not_charge():
    told = [Reading(after(15), 5000.0, 0.0), Reading(after(45), 5000.0, 0.0)]
    (hour,) = hours(Stay(NOON, after(60), 0.0, 5000.0, None), told, BERLIN)
    assert (hour.occupied, hour.charging) == (3600.0, 900.0)


def test_an_hour_begins_on_the_sites_clock_also_where_it_is_half_an_hour_off():
    assert hour_of(after(10), KOLKATA) == after(-30)
    assert hour_of(after(10), BERLIN) == NOON


def test_what_a_limit_kept_back_is_counted_only_while_the_vehicle_wanted_more():
    held = Reading(after(60), 6000.0, 6000.0, 6000.0)
    (hour,) = hours(Stay(NOON, after(60), 0.0, 6000.0, 11000.0), [held], BERLIN)
    assert (hour.curtailed, hour.withheld) == (3600.0, 5000.0)
    slow = Reading(after(60), 3000.0, 3000.0, 6000.0)
    (hour,) = hours(Stay(NOON, after(60), 0.0, 3000.0, 11000.0), [slow], BERLIN)
    assert hour.withheld == 0


def test_a_register_that_falls_takes_nothing_back():
    told = [Reading(after(10), 900.0), Reading(after(20), 10.0), Reading(after(30), 1000.0)]
    (hour,) = hours(Stay(NOON, after(40), 0.0, 1000.0, None), told, BERLIN)
    assert hour.energy == 1000.0


@given(
    st.floats(0, 6000),
    st.lists(st.tuples(st.floats(0, 6000), st.floats(0, 5000)), max_size=20),
    st.sampled_from((BERLIN, KOLKATA, ZoneInfo("Australia/Lord_Howe"))),
)
def test_the_hours_add_up_to_the_session(begin, steps, zone):
    total, told, at = 0.0, [], begin
    for minutes, energy in steps:
        at, total = at + minutes, total + energy
        told.append(Reading(after(at), total))
    rows = hours(Stay(after(begin), after(at), 0.0, total, None), told, zone)
    assert sum(row.energy for row in rows) == pytest.approx(total)
    assert sum(row.occupied for row in rows) == pytest.approx((at - begin) * 60, abs=1e-3)
    assert all(row.charging <= row.occupied + 1e-6 <= 3600 + 1e-5 for row in rows)
    assert sum(row.begins for row in rows) == 1
