from datetime import time, timedelta
from math import inf, nan

import pytest

from gridlane.energy.capacity import Conditions, LoadReading, headroom
from gridlane.energy.circuit import Circuit, CircuitKind, OtherLoad, Site, Window
from gridlane.kernel.clock import parse_instant

NOW = parse_instant("2026-03-02T12:00:00Z")


def top(conditions=Conditions(), at=NOW, **more):  # noqa: B008 - frozen
    connection = Circuit(**({"id": "top", "kind": CircuitKind.CONNECTION, "current": 100.0} | more))
    return headroom(Site(circuits=(connection,), evses=(), time_zone="Europe/Berlin"), conditions, at)["top"]


def reading(*phases, age=timedelta(0)):
    return Conditions(readings={"top": LoadReading(NOW - age, phases)})


BUILDING = OtherLoad(most=60.0, rise=5.0)


def test_the_reserve_is_left_free():
    assert top(reserve=0.1).phases == (90.0, 90.0, 90.0)


def test_a_fresh_reading_leaves_what_it_does_not_draw_less_what_it_may_rise():
    assert top(reading(10.0, 20.0, 30.0), other_load=BUILDING).phases == (85.0, 75.0, 65.0)


@pytest.mark.parametrize(
    "conditions",
    [
        Conditions(),
        reading(10.0, 10.0, 10.0, age=timedelta(seconds=31)),
        reading(10.0, 10.0, 10.0, age=timedelta(seconds=-31)),
        reading(10.0, nan, 10.0),
    ],
)
def test_a_meter_that_is_silent_late_early_or_absurd_counts_as_the_declared_most(conditions):
    assert top(conditions, other_load=BUILDING).phases == (40.0, 40.0, 40.0)


def test_a_building_that_feeds_in_gives_no_extra_room():
    assert top(reading(-50.0, 0.0, 0.0), other_load=OtherLoad(most=60.0)).phases == (100.0, 100.0, 100.0)


def test_a_load_above_the_rating_leaves_nothing_and_no_less():
    assert top(reading(120.0, 0.0, 0.0), other_load=OtherLoad(most=60.0)).phases == (0.0, 100.0, 100.0)


def test_the_watts_of_the_load_count_against_the_watts_of_the_circuit():
    assert top(reading(10.0, 10.0, 10.0), other_load=OtherLoad(most=60.0), power=20_000.0).power == 13_100.0


def test_hours_are_local_to_the_site():
    evening = Window(since=time(13), until=time(14), power=5_000.0)
    assert top(windows=(evening,)).power == 5_000.0
    assert top(windows=(evening,), at=NOW + timedelta(hours=1)).power == inf


def test_a_dimming_signal_limits_charging_and_not_the_building():
    dimmed = Conditions(dimmed_to={"top": 4_200.0})
    assert top(dimmed, other_load=OtherLoad(most=10.0), power=50_000.0).power == 4_200.0


def test_a_window_that_opens_before_a_loan_lapses_counts_already():
    evening = Window(since=time(14), until=time(15), power=5_000.0)
    connection = Circuit(id="top", kind=CircuitKind.CONNECTION, current=100.0, windows=(evening,))
    site = Site(circuits=(connection,), evses=(), time_zone="Europe/Berlin")

    def power(minutes):
        return headroom(site, Conditions(), NOW, NOW + timedelta(minutes=minutes))["top"].power

    assert power(59) == inf
    assert power(61) == power(600) == 5_000.0
