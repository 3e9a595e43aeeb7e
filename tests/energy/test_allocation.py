"""The allocator against a reference that shares no code with it: a lexicographic linear program in HiGHS."""

from dataclasses import dataclass
from math import inf

import highspy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridlane.energy.allocation import Ask, Tree, share_out
from gridlane.energy.capacity import Conditions, export_headroom, headroom
from gridlane.energy.circuit import Circuit, CircuitKind, Evse, OtherLoad, Rotation, Site
from gridlane.kernel.clock import parse_instant

NOW = parse_instant("2026-03-02T12:00:00Z")
VOLTAGE = 230.0
LIVE = {"RST": "123", "RTS": "132", "SRT": "213", "STR": "231", "TRS": "312", "TSR": "321"}


@st.composite
def sites(draw):
    """Trees of up to four circuits and seven EVSEs, each circuit limited in amperes, watts, both or not at all."""
    circuits = []
    for index in range(draw(st.integers(1, 4))):
        parent = None if index == 0 else f"c{draw(st.integers(0, index - 1))}"
        current = draw(st.sampled_from([10.0, 16.0, 20.0, 25.0, 32.0, 63.0]))
        power = draw(st.sampled_from([None, None, 3680.0, 11000.0, 22000.0]))
        if index > 0 and draw(st.booleans()):
            current = None
        circuits.append(
            Circuit(id=f"c{index}", kind=CircuitKind.PANEL, parent=parent, current=current, power=power)
        )
    evses = [
        Evse(
            id=f"e{index}",
            circuit=f"c{draw(st.integers(0, len(circuits) - 1))}",
            rating=draw(st.sampled_from([16.0, 32.0])),
            phases=draw(st.sampled_from([1, 3])),
            rotation=draw(st.sampled_from(list(Rotation))),
        )
        for index in range(draw(st.integers(1, 7)))
    ]
    return Site(circuits=tuple(circuits), evses=tuple(evses), voltage=VOLTAGE)


@st.composite
def questions(draw, least=st.sampled_from([0.0, 6.0]), tiers=st.just(0)):
    site = draw(sites())
    asks = [
        Ask(
            evse=evse.id,
            wish=draw(st.sampled_from([8.0, 13.0, 16.0, 32.0])),
            least=draw(least),
            weight=draw(st.sampled_from([0.5, 1.0, 2.0, 3.0])),
            tier=draw(tiers),
            vehicle_phases=draw(st.sampled_from([None, 1, 2, 3])),
        )
        for evse in site.evses
        if draw(st.integers(0, 5))
    ]
    turns = draw(st.permutations([ask.evse for ask in asks]))
    return site, asks, list(turns)


def free(site):
    return headroom(site, Conditions(), NOW)


@dataclass
class Row:
    """One limit as a plain sum: the reference's own reading of the site."""

    weights: dict[str, float]
    limit: float


def rows_of(site, asks):
    parents = {each.id: each.parent for each in site.circuits}
    evses = {each.id: each for each in site.evses}
    rows = []
    for circuit in site.circuits:
        inside = [ask for ask in asks if circuit.id in above(parents, evses[ask.evse].circuit)]
        for phase in "123":
            if circuit.current is not None:
                on_it = {a.evse: 1.0 for a in inside if phase in phases_of(evses[a.evse], a.vehicle_phases)}
                rows.append(Row(on_it, circuit.current))
        if circuit.power is not None:
            watts = {a.evse: VOLTAGE * used_phases(evses[a.evse], a.vehicle_phases) for a in inside}
            rows.append(Row(watts, circuit.power))
    return rows


def above(parents, circuit):
    found = []
    while circuit is not None:
        found.append(circuit)
        circuit = parents[circuit]
    return found


def used_phases(evse, vehicle):
    return evse.phases if vehicle is None else min(vehicle, evse.phases)


def phases_of(evse, vehicle):
    if evse.rotation is Rotation.UNKNOWN:
        return "123"
    # A station's terminal L1 stands on the supply phase that comes first in its rotation, and so on.
    order = {"R": "1", "S": "2", "T": "3"}
    return "".join(order[letter] for letter in evse.rotation.value)[: used_phases(evse, vehicle)]


def greedy_turns(rows, asks, turns, evses):
    by_id = {ask.evse: ask for ask in asks}
    granted = {}
    for evse in turns:
        least = min(by_id[evse].least, by_id[evse].wish, evses[evse].rating)
        trial = granted | {evse: least}
        full = any(
            sum(row.weights.get(each, 0.0) * x for each, x in trial.items()) > row.limit + 1e-6
            for row in rows
            if row.weights.get(evse, 0.0) * least > 0
        )
        if not full:
            granted = trial
    return granted


def lexicographic(rows, floors, ceilings, weights):
    """Raise the lowest share by weight as far as it goes, fix those who cannot have more, and again."""
    fixed, free_ones, solution = {}, set(floors), {}
    while free_ones:
        level = solve(rows, floors, ceilings, fixed, {each: weights[each] for each in free_ones}, None)
        stuck = set()
        for each in free_ones:
            floor_now = {
                other: max(floors[other], weights[other] * level if other in free_ones else 0.0)
                for other in floors
            }
            most = solve(
                rows, {k: min(v, ceilings[k]) for k, v in floor_now.items()}, ceilings, fixed, {}, each
            )
            if most <= weights[each] * level + 1e-7:
                stuck.add(each)
                solution[each] = max(floors[each], weights[each] * level)
        assert stuck
        fixed |= {each: solution[each] for each in stuck}
        free_ones -= stuck
    return solution


def solve(rows, floors, ceilings, fixed, shares, favourite):
    """Maximise the common level of ``shares``, or the current of ``favourite``."""
    names = list(floors)
    at = {each: index for index, each in enumerate(names)}
    model = highspy.Highs()
    model.setOptionValue("output_flag", False)
    model.setOptionValue("primal_feasibility_tolerance", 1e-10)
    model.setOptionValue("dual_feasibility_tolerance", 1e-10)
    for each in names:
        low, high = (fixed[each] - 1e-9, fixed[each]) if each in fixed else (floors[each], ceilings[each])
        model.addCol(1.0 if each == favourite else 0.0, low, high, 0, [], [])
    model.addCol(1.0 if favourite is None else 0.0, 0.0, 1000.0, 0, [], [])
    for row in rows:
        inside = [each for each in row.weights if each in at]
        if inside:
            scale = max(row.weights.values())
            model.addRow(
                -highspy.kHighsInf, row.limit / scale + 1e-9, len(inside),
                [at[each] for each in inside], [row.weights[each] / scale for each in inside],
            )  # fmt: skip
    for each, weight in shares.items():
        model.addRow(0.0, highspy.kHighsInf, 2, [at[each], len(names)], [1.0, -weight])
    model.changeObjectiveSense(highspy.ObjSense.kMaximize)
    model.run()
    assert model.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return model.getInfo().objective_function_value


@settings(max_examples=150, deadline=None)
@given(questions())
def test_shares_agree_with_the_lexicographic_program(question):
    site, asks, turns = question
    evses = {each.id: each for each in site.evses}
    rows = rows_of(site, asks)
    granted = greedy_turns(rows, asks, turns, evses)
    wishes = {ask.evse: min(ask.wish, evses[ask.evse].rating) for ask in asks}
    weights = {ask.evse: ask.weight for ask in asks}
    expected = lexicographic(rows, granted, {each: wishes[each] for each in granted}, weights)

    shares = share_out(Tree(site), asks, free(site), turns=turns)

    assert {each for each, share in shares.items() if share.current > 0} == {
        each for each, current in expected.items() if current > 1e-6
    }
    for each, current in expected.items():
        assert shares[each].current == pytest.approx(current, abs=1e-6)


@settings(max_examples=200, deadline=None)
@given(questions(tiers=st.integers(0, 2)))
def test_no_circuit_is_ever_above_its_limit(question):
    site, asks, turns = question
    shares = share_out(Tree(site), asks, free(site), turns=turns)
    for row in rows_of(site, asks):
        assert sum(weight * shares[each].current for each, weight in row.weights.items()) <= row.limit * (
            1 + 1e-9
        )


@settings(max_examples=200, deadline=None)
@given(questions(least=st.just(6.0), tiers=st.integers(0, 2)))
def test_a_vehicle_gets_nothing_or_at_least_its_minimum(question):
    site, asks, turns = question
    for share in share_out(Tree(site), asks, free(site), turns=turns).values():
        assert share.current == 0 or share.current >= 6.0


@settings(max_examples=100, deadline=None)
@given(questions(least=st.just(6.0)))
def test_who_has_less_than_it_wishes_is_told_which_circuit_is_full(question):
    site, asks, turns = question
    ratings = {each.id: each.rating for each in site.evses}
    shares = share_out(Tree(site), asks, free(site), turns=turns)
    for ask in asks:
        short = shares[ask.evse].current < min(ask.wish, ratings[ask.evse]) - 1e-9
        assert (shares[ask.evse].bound_by is not None) == short


def garage(*evses, current=32.0, **more):
    connection = Circuit(id="garage", kind=CircuitKind.CONNECTION, current=current, **more)
    return Site(circuits=(connection,), evses=evses)


def evse(name, **more):
    return Evse(id=name, circuit="garage", rating=32.0, **more)


def test_one_phase_cars_on_different_phases_do_not_share_a_limit():
    site = garage(evse("a", rotation=Rotation.RST), evse("b", rotation=Rotation.STR))
    asks = [Ask(evse=each, wish=32.0, vehicle_phases=1) for each in ("a", "b")]
    assert {share.current for share in share_out(Tree(site), asks, free(site)).values()} == {32.0}


def test_a_car_of_unknown_phases_counts_on_all():
    site = garage(evse("a"), evse("b", rotation=Rotation.STR))
    asks = [Ask(evse="a", wish=32.0), Ask(evse="b", wish=32.0, vehicle_phases=1)]
    shares = share_out(Tree(site), asks, free(site))
    assert shares["a"].current == shares["b"].current == 16.0


def test_targets_come_before_wishes():
    site = garage(evse("planned"), evse("patient"), current=30.0)
    asks = [Ask(evse="planned", wish=32.0, target=20.0), Ask(evse="patient", wish=32.0, target=6.0)]
    shares = share_out(Tree(site), asks, free(site))
    assert (shares["planned"].current, shares["patient"].current) == (20.0, 10.0)


def test_a_lower_tier_is_served_before_a_higher_one_but_leaves_it_its_minimum():
    site = garage(evse("bus"), evse("guest"), current=30.0)
    asks = [Ask(evse="guest", wish=32.0, tier=1), Ask(evse="bus", wish=32.0, tier=0)]
    shares = share_out(Tree(site), asks, free(site))
    assert (shares["bus"].current, shares["guest"].current) == (24.0, 6.0)


def test_where_not_all_minimums_fit_the_turns_decide():
    site = garage(evse("a"), evse("b"), evse("c"), current=13.0)
    asks = [Ask(evse=each, wish=32.0) for each in "abc"]
    shares = share_out(Tree(site), asks, free(site), turns=["c", "a", "b"])
    assert {each: share.current for each, share in shares.items()} == {"c": 6.5, "a": 6.5, "b": 0.0}
    assert shares["b"].bound_by == "garage"


def test_discharging_makes_no_room_for_charging():
    site = garage(evse("a"), evse("b"), export_current=10.0)
    asks = [Ask(evse="a", wish=32.0, target=-32.0), Ask(evse="b", wish=32.0)]
    shares = share_out(Tree(site), asks, free(site), export_headroom(site))
    assert (shares["a"].current, shares["b"].current) == (-10.0, 32.0)


def test_a_load_that_surely_draws_takes_up_discharged_energy():
    site = garage(
        evse("a"), evse("b"), export_power=0.0, export_current=0.0, other_load=OtherLoad(most=20.0, least=4.0)
    )
    shares = share_out(
        Tree(site), [Ask(evse="a", wish=32.0, target=-32.0, least=0.0)], free(site), export_headroom(site)
    )
    assert shares["a"].current == pytest.approx(-4.0)


def test_a_large_random_site_stays_inside_every_limit():
    random = np.random.default_rng(7)
    circuits = [Circuit(id="top", kind=CircuitKind.CONNECTION, current=900.0, power=500_000.0)]
    circuits += [
        Circuit(id=f"p{index}", kind=CircuitKind.PANEL, parent="top", current=float(random.integers(20, 120)))
        for index in range(30)
    ]
    evses = tuple(
        Evse(
            id=f"e{index}", circuit=f"p{index % 30}", rating=32.0, phases=int(random.choice([1, 3])),
            rotation=list(Rotation)[int(random.integers(0, 7))],
        )
        for index in range(300)
    )  # fmt: skip
    site = Site(circuits=tuple(circuits), evses=evses)
    asks = [
        Ask(evse=each.id, wish=float(random.uniform(6, 32)), weight=float(random.uniform(0.5, 3)))
        for each in evses
    ]
    shares = share_out(Tree(site), asks, free(site))
    worst = max(
        sum(weight * shares[each].current for each, weight in row.weights.items()) / row.limit
        for row in rows_of(site, asks)
    )
    assert 0.99 < worst <= 1 + 1e-9
    assert inf > sum(share.current for share in shares.values()) > 0
