from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridlane.energy import profiles
from gridlane.energy.circuit import Circuit, CircuitKind, Converter, Evse, Site
from gridlane.energy.profiles import Capability, Place, ProfilesUnsupported
from gridlane.energy.worst_case import Limit
from gridlane.kernel.clock import format_instant, parse_instant

NOW = parse_instant("2026-03-02T12:00:00Z")
AC = Evse(id="e", circuit="top", rating=32.0, fallback=6.0)
DC = Evse(
    id="d", circuit="top", rating=260.0, fallback=20.0, converter=Converter(power=150_000.0, efficiency=0.95)
)
SITE = Site(circuits=(Circuit(id="top", kind=CircuitKind.CONNECTION, current=400.0),), evses=(AC, DC))


def place(evse=AC, **capability):
    return Place(evse=evse, number=2, capability=Capability(**({"max_stack_level": 8} | capability)))


def limit(current, number=1):
    return Limit(number, current, NOW + timedelta(minutes=30), NOW)


def test_a_vehicles_limit_is_told_in_amperes_and_ends_by_itself():
    told = profiles.vehicle_limit(SITE, place(), limit(13.37), "tx", vehicle_phases=1)
    profile = told.profile
    assert (told.evse, profile.purpose, profile.unit, profile.transaction) == (2, "TxProfile", "A", "tx")
    assert (profile.periods[0].limit, profile.periods[0].phases) == (13.3, 1)
    assert (profile.start, profile.duration) == (NOW, 1800)
    assert profile.valid_to == NOW + timedelta(minutes=30)


def test_the_same_purpose_keeps_its_id_and_level():
    one = profiles.vehicle_limit(SITE, place(), limit(10.0, 1), "tx").profile
    other = profiles.vehicle_limit(SITE, place(), limit(16.0, 2), "tx").profile
    assert (one.id, one.stack_level) == (other.id, other.stack_level)


def test_different_purposes_have_different_ids():
    made = [
        profiles.vehicle_limit(SITE, place(), limit(10.0), "tx"),
        profiles.fallback(SITE, place()),
        profiles.station_maximum(SITE, place(), 32.0),
    ]
    assert len({each.profile.id for each in made}) == 3


def test_a_station_that_knows_only_level_0_gets_level_0():
    assert profiles.vehicle_limit(SITE, place(max_stack_level=0), limit(10.0), "tx").profile.stack_level == 0


def test_a_station_that_knows_only_watts_is_told_watts_for_the_phases_in_use():
    watts = place(units=frozenset({"W"}))
    three = profiles.vehicle_limit(SITE, watts, limit(10.0), "tx", vehicle_phases=3).profile
    assert (three.unit, three.periods[0].limit) == ("W", 6900.0)


def test_watts_for_unknown_phases_are_what_one_phase_may_take():
    watts = place(units=frozenset({"W"}))
    assert profiles.vehicle_limit(SITE, watts, limit(10.0), "tx").profile.periods[0].limit == 2300.0


def test_dc_is_told_in_watts_at_the_vehicle():
    told = profiles.vehicle_limit(SITE, place(DC, units=frozenset({"A", "W"})), limit(100.0), "tx").profile
    assert (told.unit, told.periods[0].limit, told.periods[0].phases) == ("W", 65550.0, None)


def test_dc_is_told_in_watts_where_the_station_told_nothing_of_units():
    told = profiles.vehicle_limit(SITE, place(DC), limit(100.0), "tx").profile
    assert (told.unit, told.periods[0].limit) == ("W", 65550.0)


@pytest.mark.parametrize("unit", ["A", "W"])
def test_what_a_converter_loses_comes_on_top_of_its_limit_in_either_unit(unit):
    where = place(DC, units=frozenset({unit}))
    period = profiles.vehicle_limit(SITE, where, limit(100.0), "tx").profile.periods[0]
    given = period.limit * (3 * 230.0 if unit == "A" else 1.0)
    assert given / 0.95 <= 100.0 * 3 * 230.0
    told = {"start": format_instant(NOW), "unit": unit, "periods": [{"start": 0, "limit": period.limit}]}
    assert profiles.in_force(SITE, where, told, NOW) == pytest.approx(100.0)


def test_the_fallback_stands_without_an_end():
    profile = profiles.fallback(SITE, place()).profile
    assert profile.purpose == "TxDefaultProfile"
    assert profile.periods[0].limit == 6.0
    assert profile.valid_to is None


def test_a_station_without_profiles_is_refused_in_words():
    with pytest.raises(ProfilesUnsupported, match="counted at its rating"):
        profiles.fallback(SITE, place(supported=False))


def composite(*periods, unit="A", start=NOW, duration=60):
    return {"start": format_instant(start), "duration": duration, "unit": unit, "periods": list(periods)}


def test_what_is_in_force_is_read_from_the_period_of_now():
    said = composite({"start": 0, "limit": 20.0}, {"start": 30, "limit": 6.0})
    assert profiles.in_force(SITE, place(), said, NOW + timedelta(seconds=10)) == 20.0
    assert profiles.in_force(SITE, place(), said, NOW + timedelta(seconds=40)) == 6.0


def test_a_schedule_of_another_time_says_nothing():
    said = composite({"start": 0, "limit": 20.0}, start=NOW - timedelta(hours=1))
    assert profiles.in_force(SITE, place(), said, NOW) is None
    assert profiles.in_force(SITE, place(), composite(), NOW) is None


def test_a_schedule_in_watts_is_read_as_amperes():
    said = composite({"start": 0, "limit": 6900.0}, unit="W")
    assert profiles.in_force(SITE, place(), said, NOW, vehicle_phases=3) == pytest.approx(10.0)


@given(st.floats(0, 32), st.sampled_from(["A", "W"]), st.sampled_from([None, 1, 3]))
def test_what_is_written_is_never_more_than_wanted_and_never_below_the_minimum(current, unit, phases):
    where = place(units=frozenset({unit}))
    written = profiles.written(SITE, where, current, phases)
    assert written <= current + 1e-5
    assert written == 0 or written >= AC.minimum - 1e-6


@given(st.floats(6, 32), st.sampled_from([1, 3]))
def test_reading_back_finds_what_was_written(current, phases):
    profile = profiles.vehicle_limit(SITE, place(), limit(current), "tx", phases).profile
    said = composite({"start": 0, "limit": profile.periods[0].limit}, unit=profile.unit)
    assert profiles.in_force(SITE, place(), said, NOW, phases) == pytest.approx(current, abs=0.1)


def test_an_evse_without_an_installed_fallback_is_written_its_rating():
    unsure = replace(AC, fallback=None)
    assert profiles.fallback(SITE, place(unsure)).profile.periods[0].limit == 32.0
