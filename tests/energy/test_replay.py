"""Policies and the look-ahead played over small made-up days."""

import numpy as np
import pytest

from gridlane.energy.circuit import Circuit, CircuitKind, Evse, Rotation, Site, Wiring
from gridlane.energy.lookahead import Aims, LookAhead, StepwiseLookAhead, clairvoyant
from gridlane.energy.network import network_of
from gridlane.energy.policies import (
    EqualShare,
    InOrder,
    Uncontrolled,
    earliest_departure,
    first_come,
    least_laxity,
)
from gridlane.energy.replay import Sessions, Stations, Tapering, replay

HOURS = 0.25
FLAT = np.full(200, 0.2)


def network(evses=3, kilowatts=11.0):
    connection = Circuit(id="top", kind=CircuitKind.CONNECTION, power=kilowatts * 1000)
    return network_of(
        Site(
            circuits=(connection,),
            evses=tuple(Evse(id=f"e{n}", circuit="top", rating=16.0) for n in range(evses)),
        )
    )


def day(*visits):
    """Visits as (evse, begin, end, energy)."""
    evse, begin, end, energy = (np.array(column) for column in zip(*visits, strict=True))
    return Sessions(
        evse=evse, begin=begin, end=end, energy=energy.astype(float), believed_end=end,
        believed_energy=energy.astype(float),
    )  # fmt: skip


BUSY = day((0, 0, 20, 15), (1, 1, 8, 15), (2, 2, 30, 15), (1, 10, 16, 8))


def aims(**more):
    return lambda step, peak: Aims(**more)


@pytest.mark.parametrize(
    "policy",
    [
        InOrder(first_come),
        InOrder(earliest_departure),
        InOrder(least_laxity),
        EqualShare(),
        LookAhead(price=FLAT, aims=aims()),
    ],
)
def test_no_policy_but_the_uncontrolled_breaks_a_limit(policy):
    outcome = replay(BUSY, network(), policy, hours=HOURS)
    assert outcome.steps_over == 0
    assert outcome.overrun > 0.99


def test_the_uncontrolled_is_counted_where_it_breaks_a_limit():
    outcome = replay(BUSY, network(), Uncontrolled(), hours=HOURS)
    assert outcome.steps_over > 0
    assert outcome.overrun == pytest.approx(3 * 11.04 / 11.0, rel=0.01)


def test_looking_ahead_serves_what_can_be_served():
    site = network(kilowatts=11.0)
    best = clairvoyant(BUSY, site, hours=HOURS, price=FLAT, unmet_price=1.0)
    ahead = replay(BUSY, site, LookAhead(price=FLAT, aims=aims()), hours=HOURS)
    late = replay(BUSY, site, InOrder(first_come), hours=HOURS)
    possible = BUSY.energy.sum() - best.unmet.sum()
    assert ahead.energy == pytest.approx(possible, rel=1e-3)
    assert late.energy < possible - 1.0


def test_looking_ahead_waits_for_the_cheap_hours():
    price = np.where(np.arange(200) < 8, 0.5, 0.1)
    visit = day((0, 0, 20, 11))
    ahead = replay(visit, network(), LookAhead(price=price, aims=aims(early=1e-4)), hours=HOURS)
    assert ahead.power[:8].sum() == pytest.approx(0)
    assert ahead.energy == pytest.approx(11)


def test_a_peak_that_costs_is_kept_low():
    visit = day((0, 0, 20, 11))
    free = replay(visit, network(), LookAhead(price=FLAT, aims=aims()), hours=HOURS)
    priced_aims = lambda step, peak: Aims(peak_price=5.0, unmet_price=10.0, peak_floor=peak)  # noqa: E731
    priced = replay(visit, network(), LookAhead(price=FLAT, aims=priced_aims), hours=HOURS)
    assert priced.peak < free.peak / 3
    assert priced.energy == pytest.approx(11)


def test_with_pilots_a_vehicle_gets_a_pilot_or_nothing():
    pilots = (np.array([0.0, 4.14, 6.9, 11.04]),) * 3
    stepwise = StepwiseLookAhead(price=FLAT, aims=aims(), pilots=pilots)
    outcome = replay(BUSY, network(), stepwise, hours=HOURS, stations=Stations(pilots=pilots))
    assert outcome.steps_over == 0
    assert outcome.energy > 0.7 * BUSY.energy.sum()


def test_who_keeps_his_pilot_is_not_paused():
    pilots = (np.array([0.0, 4.14, 6.9, 11.04]),) * 3
    stepwise = StepwiseLookAhead(price=FLAT, aims=aims(), pilots=pilots)
    seen = {}

    class Watched:
        def power(self, view):
            power = stepwise.power(view)
            for session, on in zip(view.session, power > 0, strict=True):
                assert on or not seen.get(session)
                seen[session] = on
            return power

    replay(BUSY, network(), Watched(), hours=HOURS, stations=Stations(pilots=pilots))


def test_a_nearly_full_battery_takes_less():
    visit = day((0, 0, 40, 9.5))
    vehicle = Tapering(most=np.array([11.0]), size=np.array([20.0]), begins=np.array([10.0]))
    outcome = replay(visit, network(), Uncontrolled(), hours=HOURS, vehicles=vehicle)
    assert outcome.power[0] == pytest.approx(11.0)
    assert outcome.power[4] < 3.0


def test_equal_share_gives_the_rest_to_who_can_use_it():
    visits = day((0, 0, 4, 0.5), (1, 0, 4, 20))
    outcome = replay(visits, network(), EqualShare(), hours=HOURS)
    assert outcome.power[0] == pytest.approx(11.0, rel=1e-4)


def test_one_phase_cars_between_lines_add_up_as_phasors():
    connection = Circuit(id="top", kind=CircuitKind.CONNECTION, current=32.0)
    evses = tuple(
        Evse(id=name, circuit="top", rating=32.0, phases=1, rotation=rotation, wiring=Wiring.LINE_TO_LINE)
        for name, rotation in (("a", Rotation.RST), ("b", Rotation.STR), ("c", Rotation.TRS))
    )
    site = network_of(Site(circuits=(connection,), evses=evses, voltage=120.0))
    ten_amperes = 10.0 * site.kilowatts_per_ampere
    assert site.load(np.arange(3), ten_amperes) == pytest.approx(np.full(3, 10 * np.sqrt(3)))
    assert site.load(np.arange(1), ten_amperes[:1]) == pytest.approx([10, 10, 0], abs=1e-9)


def test_room_beside_others_is_exact():
    site = network(kilowatts=11.0)
    assert site.room(np.array([4.0]), 0) == pytest.approx(7.0)
    assert site.room(np.array([12.0]), 0) == 0.0
