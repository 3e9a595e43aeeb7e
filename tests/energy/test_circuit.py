from datetime import time

import pytest

from gridlane.energy.circuit import (
    Circuit,
    CircuitKind,
    Draw,
    Evse,
    OtherLoad,
    Rotation,
    Site,
    Window,
    Wiring,
)
from gridlane.kernel.clock import parse_instant
from gridlane.kernel.errors import InputInvalid


def connection(**more):
    return Circuit(**({"id": "top", "kind": CircuitKind.CONNECTION, "current": 63.0} | more))


def evse(**more):
    return Evse(**({"id": "e", "circuit": "top", "rating": 32.0} | more))


def site(*evses, circuits=(), **more):
    return Site(circuits=(connection(), *circuits), evses=evses or (evse(),), **more)


def problems(make):
    with pytest.raises(InputInvalid) as refusal:
        make()
    return refusal.value.details["problems"]


def test_a_site_needs_exactly_one_circuit_at_the_top():
    assert "circuits" in problems(lambda: Site(circuits=(connection(), connection(id="second")), evses=()))


def test_a_circle_of_circuits_is_named():
    ring = [connection(id="a", parent="b"), connection(id="b", parent="a")]
    assert "circuits.a.parent" in problems(lambda: Site(circuits=(connection(), *ring), evses=()))


def test_the_top_without_a_limit_is_refused():
    found = problems(lambda: Site(circuits=(connection(current=None),), evses=()))
    assert found == {"circuits.top.current": "the circuit at the top needs a limit in A or in W"}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"circuit": "nowhere"}, "circuit"),
        ({"phases": 4}, "phases"),
        ({"rating": 0.0}, "rating"),
        ({"rating": float("nan")}, "rating"),
        ({"minimum": 40.0}, "minimum"),
        ({"fallback": 33.0}, "fallback"),
    ],
)
def test_an_evse_that_cannot_be_right_is_named_with_its_field(wrong, field):
    assert f"evses.e.{field}" in problems(lambda: site(evse(**wrong)))


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"current": -1.0}, "current"),
        ({"export_power": -1.0}, "export_power"),
        ({"reserve": 1.0}, "reserve"),
        ({"other_load": OtherLoad(most=1.0, least=2.0)}, "other_load"),
        ({"windows": (Window(since=time(1), until=time(2), current=-1.0),)}, "windows.0"),
    ],
)
def test_a_circuit_that_cannot_be_right_is_named_with_its_field(wrong, field):
    assert f"circuits.top.{field}" in problems(lambda: Site(circuits=(connection(**wrong),), evses=()))


def test_rotation_says_on_which_phase_a_one_phase_car_really_is():
    assert site().draw(evse(rotation=Rotation.STR), 1) == Draw((False, True, False), 230.0)
    assert site().draw(evse(rotation=Rotation.TRS), 1) == Draw((False, False, True), 230.0)


def test_unknown_rotation_counts_on_every_phase():
    assert site().draw(evse(rotation=Rotation.UNKNOWN), 1).phases == (True, True, True)


def test_a_car_uses_no_more_phases_than_its_evse_has():
    assert site().draw(evse(phases=1), 3) == Draw((True, False, False), 230.0)


def test_an_evse_between_two_lines_counts_on_both_at_the_line_voltage():
    between = evse(phases=1, wiring=Wiring.LINE_TO_LINE)
    draw = site(between, voltage=120.0).draw(between)
    assert draw.phases == (True, True, False)
    assert draw.watts_per_ampere == pytest.approx(207.8, abs=0.1)


def test_a_window_past_midnight_belongs_to_the_day_on_which_it_opens():
    friday_night = Window(since=time(22), until=time(6), weekdays=frozenset({4}), current=10.0)
    assert friday_night.is_open(parse_instant("2026-03-06T23:00:00Z"))
    assert friday_night.is_open(parse_instant("2026-03-07T05:59:00Z"))
    assert not friday_night.is_open(parse_instant("2026-03-06T05:00:00Z"))
    assert not friday_night.is_open(parse_instant("2026-03-07T23:00:00Z"))


def test_what_cannot_keep_a_fallback_may_draw_its_rating():
    assert evse(fallback=None).assured == 32.0
    assert evse(fallback=8.0).assured == 8.0


def test_the_chain_of_a_circuit_leads_to_the_top():
    feeder = Circuit(id="feeder", kind=CircuitKind.FEEDER, parent="top")
    assert [each.id for each in site(circuits=(feeder,)).chain("feeder")] == ["feeder", "top"]
