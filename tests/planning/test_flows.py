"""Captured journeys: which chains of sites let a car through, the best chain, and its proof."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridlane.planning.deciding import decide
from gridlane.planning.flows import capture, captured, needs_of
from gridlane.planning.reading import ScenarioBroken, read_scenario
from gridlane.planning.scenario import AimImpossible

places = st.integers(0, 100)
ways = st.lists(st.tuples(places, st.integers(0, 5)), min_size=0, max_size=6, unique_by=lambda one: one[1])


def gets_through(journey, length, reach, opened):
    """Round and round: no stretch between two charges may be longer than the range."""
    stops = sorted({at for at, site in journey if site in opened})
    stops = sorted({*stops, *(2 * length - at for at in stops if 0 < at < length)})
    if not stops:
        return False
    gaps = [b - a for a, b in zip(stops, [*stops[1:], stops[0] + 2 * length], strict=True)]
    return max(gaps) <= reach


@given(ways, st.integers(1, 250))
@settings(max_examples=200, deadline=None)
def test_the_sets_of_a_journey_let_through_exactly_the_chains_without_a_stretch_too_long(along, reach):
    length = 100
    needs = needs_of(along, length, reach)
    sites = {site for _, site in along}
    for size in range(len(sites) + 1):
        for opened in combinations(sorted(sites), size):
            allowed = bool(captured([needs], opened)[0])
            assert allowed == gets_through(along, length, reach, set(opened))


@given(
    st.lists(st.tuples(ways, st.integers(1, 50)), min_size=1, max_size=6),
    st.integers(0, 4),
    st.integers(40, 220),
    st.sets(st.integers(0, 5), max_size=1),
)
@settings(max_examples=40, deadline=None)
def test_the_best_chain_is_found_and_proved(journeys, budget, reach, kept):
    needs = [needs_of(along, 100, reach) for along, _ in journeys]
    weight = np.array([worth for _, worth in journeys], dtype=np.float64)
    expense = np.array([1.0, 2.0, 1.0, 1.0, 2.0, 1.0])
    found = capture(needs, weight, expense, float(budget), kept=sorted(kept))
    best = max(
        float(weight[captured(needs, [*chosen, *kept])].sum())
        for size in range(budget + 1)
        for chosen in combinations(sorted(set(range(6)) - kept), size)
        if expense[list(chosen)].sum() <= budget
    )
    assert weight.sum() - found.cost == pytest.approx(best)
    assert expense[found.sites].sum() <= budget
    assert found.optimal


def test_a_search_stopped_at_once_still_has_a_bound_that_holds():
    needs = [needs_of([(10, 0), (60, 1)], 100, 120), needs_of([(50, 2)], 100, 100), None]
    weight = np.array([5.0, 3.0, 9.0])
    found = capture(needs, weight, np.ones(3), 3.0, watch=lambda _: False)
    assert found.bound <= capture(needs, weight, np.ones(3), 3.0).cost == 9.0


MOTORWAY = {
    "plan": '[tables]\ncandidates = "candidates.csv"\nstations = "stations.csv"\njourneys = "journeys.csv"\n'
    'roads = "roads.csv"\n[aim]\nobjective = "flows"\nsites = 1\nrange_km = 220\n',
    "roads": "from,to,metres\nA,B,100000\nB,C,100000\nC,D,100000\nD,E,100000\nE,F,50000\n",
    "candidates": "id,x_m,y_m,node\nb,100000,0,B\ne,400000,0,E\n",
    "stations": "id,x_m,y_m,node\nd,300000,0,D\n",
    "journeys": "id,from,to,weight\nnorth,A,C,40\nwhole,A,F,10\nshort,C,D,3\n",
}


def test_a_corridor_is_planned_from_its_roads_and_every_site_says_what_depends_on_it(make, tmp_path):
    plan = decide(read_scenario(make.folder(tmp_path, **MOTORWAY)), None)
    assert [site.id for site in plan.sites] == ["b"]
    assert plan.certificate.proof == "optimal"
    assert plan.certificate.value == 43.0  # north by b there and back, short by the station d
    assert plan.sites[0].only_here == 40.0
    assert "lets 40 journeys through" in plan.sites[0].reasons[0]
    assert "3 journeys get through today, 43 of 53 with the plan." in plan.remarks


def test_two_sites_let_the_whole_way_through(make, tmp_path):
    pages = MOTORWAY | {"plan": MOTORWAY["plan"].replace("sites = 1", "sites = 2")}
    plan = decide(read_scenario(make.folder(tmp_path, **pages)), None)
    assert plan.certificate.value == 53.0


def test_a_range_that_lets_nobody_through_is_said(make, tmp_path):
    pages = MOTORWAY | {"plan": MOTORWAY["plan"].replace("220", "90")}
    with pytest.raises(AimImpossible, match="with 90 km of range no journey can be made"):
        decide(read_scenario(make.folder(tmp_path, **pages)), None)


def test_sites_along_a_journey_can_be_given_without_roads(make, tmp_path):
    pages = MOTORWAY | {
        "plan": MOTORWAY["plan"].replace('roads = "roads.csv"', 'stops = "stops.csv"'),
        "journeys": "id,weight,metres\nnorth,40,200000\n",
        "stops": "journey,site,metres\nnorth,b,100000\n",
    }
    plan = decide(read_scenario(make.folder(tmp_path, **pages)), None)
    assert plan.certificate.value == 40.0


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        (
            "journeys",
            "id,from,to,weight\nx,A,Z,1\n",
            "journeys.csv, row 2: to is 'Z'; the roads have no such node",
        ),
        ("journeys", "id,from,to,weight\nx,A,A,1\n", "to is 'A'; it is where the journey begins"),
        ("journeys", "id,from,to,weight\nx,D,Y,1\n", "to is 'Y'; no road leads there"),
        ("candidates", "id,x_m,y_m,node\nb,0,0,Q\n", "node is 'Q'; the roads have no such node"),
        (
            "candidates",
            "id,x_m,y_m\nb,0,0\n",
            "node is missing; name the node it stands at, or add a table nodes",
        ),
        ("roads", "from,to,metres\nA,B,-3\n", "roads.csv, row 2: metres is '-3'; it must be at least 0"),
    ],
)
def test_what_is_wrong_with_a_corridor_is_said(make, tmp_path, file, text, said):
    pages = MOTORWAY | {"roads": MOTORWAY["roads"] + "Y,Z2,5\n"} | {file: text}
    with pytest.raises(ScenarioBroken) as broken:
        read_scenario(make.folder(tmp_path, **pages))
    assert said in str(broken.value)


def test_journeys_need_roads_or_stops(make, tmp_path):
    pages = MOTORWAY | {"plan": MOTORWAY["plan"].replace('roads = "roads.csv"\n', "")}
    with pytest.raises(ScenarioBroken, match="the scenario has no roads: add a table roads"):
        read_scenario(make.folder(tmp_path, **pages))
