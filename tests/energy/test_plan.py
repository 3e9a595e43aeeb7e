from datetime import timedelta
from itertools import pairwise

import pytest

from gridlane.energy.allocation import Tree, share_out
from gridlane.energy.capacity import Conditions, headroom
from gridlane.energy.circuit import Circuit, CircuitKind, Evse, Site
from gridlane.energy.plan import Feedback, Mode, Need, Outlook, Wants, asks, make_plan, steps_of_plan
from gridlane.energy.program import Battery
from gridlane.kernel.clock import parse_instant

MORNING = parse_instant("2026-03-02T08:00:00Z")
EVENING = MORNING + timedelta(hours=9)


def site(current=63.0, evses=2):
    connection = Circuit(id="top", kind=CircuitKind.CONNECTION, current=current)
    return Site(
        circuits=(connection,),
        evses=tuple(Evse(id=f"e{n}", circuit="top", rating=32.0) for n in range(evses)),
    )


def need(evse="e0", **more):
    return Need(
        **({"evse": evse, "energy": 20_000.0, "departs": EVENING, "most": 32.0, "vehicle_phases": 3} | more)
    )


def at_noon_cheap(at):
    return 0.10 if 12 <= at.hour < 14 else 0.40


def charged(plan, evse="e0"):
    """Wh of each hour of the day."""
    hours = {}
    for begin, end, watts in zip(plan.edges, plan.edges[1:], plan.power[evse], strict=False):
        hours[begin.hour] = hours.get(begin.hour, 0.0) + watts * (end - begin).total_seconds() / 3600
    return hours


def test_ready_by_five_and_cheapest_is_charged_at_noon_and_kept():
    plan = make_plan(site(), [need(mode=Mode.CHEAPEST)], Outlook(price=at_noon_cheap), Wants(), MORNING)
    hours = charged(plan)
    assert hours[12] + hours[13] == pytest.approx(20_000, rel=1e-3)
    assert plan.unmet["e0"] == pytest.approx(0, abs=1)


def test_now_does_not_wait_for_a_price():
    plan = make_plan(site(), [need(mode=Mode.NOW)], Outlook(price=at_noon_cheap), Wants(), MORNING)
    assert charged(plan)[8] == pytest.approx(20_000, rel=1e-3)


def test_greenest_follows_the_carbon_and_not_the_price():
    outlook = Outlook(price=at_noon_cheap, co2=lambda at: 0.05 if at.hour == 10 else 0.5)
    plan = make_plan(site(), [need(mode=Mode.GREENEST)], outlook, Wants(), MORNING)
    assert charged(plan)[10] == pytest.approx(20_000, rel=1e-3)


def test_solar_takes_the_surplus_and_nothing_else():
    outlook = Outlook(
        price=lambda at: 0.3, export_price=lambda at: 0.08, sun=lambda at: 8.0 if at.hour == 11 else 0.0
    )
    plan = make_plan(site(), [need(mode=Mode.SOLAR)], outlook, Wants(export_most=20_000.0), MORNING)
    hours = charged(plan)
    assert hours[11] == pytest.approx(8_000, rel=1e-3)
    assert sum(hours.values()) == pytest.approx(8_000, rel=1e-3)


def test_a_demand_charge_flattens_the_day_without_leaving_energy():
    wants = Wants(peak_price=15.0, unmet_price=100.0)
    plan = make_plan(site(), [need(), need("e1")], Outlook(price=lambda at: 0.2), wants, MORNING)
    assert plan.peak == pytest.approx(40_000 / 9, rel=0.02)


def test_a_battery_of_the_site_carries_cheap_energy_over():
    early = need(departs=MORNING + timedelta(hours=3), most=32.0)
    outlook = Outlook(price=lambda at: 0.1 if at.hour == 8 else 0.5)
    wants = Wants(battery=Battery(level=0.0, size=20.0, power=20.0))
    with_battery = make_plan(site(10.0), [early], outlook, wants, MORNING)
    without = make_plan(site(10.0), [early], outlook, Wants(), MORNING)
    assert with_battery.cost < without.cost


def test_a_vehicle_that_feeds_back_still_leaves_with_its_energy():
    outlook = Outlook(
        price=lambda at: 0.1 if at.hour < 12 else 0.6, export_price=lambda at: 0.5 if at.hour == 15 else 0.0
    )
    lent = need(energy=10_000.0, feedback=Feedback(level=30.0, size=60.0, most=10_000.0))
    plan = make_plan(site(), [lent], outlook, Wants(export_most=50_000.0), MORNING)
    assert charged(plan)[15] < -1_000
    assert sum(charged(plan).values()) >= 10_000


def test_a_circuit_that_will_be_dimmed_is_planned_as_dimmed():
    tight = site()

    def room(at):
        dimmed = {"top": 4_200.0} if 12 <= at.hour < 14 else {}
        return headroom(tight, Conditions(dimmed_to=dimmed), at)

    plan = make_plan(tight, [need(mode=Mode.CHEAPEST)], Outlook(price=at_noon_cheap), Wants(), MORNING, room)
    hours = charged(plan)
    assert hours[12] + hours[13] == pytest.approx(8_400, rel=1e-3)


def test_the_plan_asks_the_allocator_and_never_bypasses_it():
    tight = site(current=20.0)
    plan = make_plan(tight, [need(), need("e1")], Outlook(price=lambda at: 0.2), Wants(), MORNING)
    shares = share_out(Tree(tight), asks(plan, tight, MORNING), headroom(tight, Conditions(), MORNING))
    assert 0 < sum(share.current for share in shares.values()) <= 20.0 + 1e-6


def test_who_is_to_wait_is_asked_nothing_for():
    plan = make_plan(site(), [need(mode=Mode.CHEAPEST)], Outlook(price=at_noon_cheap), Wants(), MORNING)
    assert [each.wish for each in asks(plan, site(), MORNING)] == [0.0]


def test_after_its_end_a_plan_asks_for_all_that_can_be_had():
    plan = make_plan(site(), [need()], Outlook(price=lambda at: 0.2), Wants(), MORNING)
    (ask,) = asks(plan, site(), EVENING + timedelta(hours=1))
    assert (ask.wish, ask.target) == (32.0, None)


def test_steps_are_short_soon_and_long_later_and_on_the_clock():
    edges = steps_of_plan(MORNING + timedelta(minutes=2), EVENING)
    lengths = [(b - a).total_seconds() / 60 for a, b in pairwise(edges)]
    assert lengths[0] == 3
    assert set(lengths[1:12]) == {5}
    assert lengths[-1] == 30
    assert edges[-1] >= EVENING


def test_an_empty_site_has_an_empty_plan():
    assert make_plan(site(), [], Outlook(price=lambda at: 0.2), Wants(), MORNING).power == {}
