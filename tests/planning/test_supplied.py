"""Distances that were supplied: a table of pairs, or the shortest ways of a road graph."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridlane.planning.deciding import decide
from gridlane.planning.reading import ScenarioBroken, read_scenario
from gridlane.planning.supplied import DistanceTable, Ends, Roads
from gridlane.planning.travel import Pairs
from gridlane.planning.whatif import WhatIf

PLAN = (
    '[tables]\ndemand = "demand.csv"\ncandidates = "candidates.csv"\n{more}[aim]\nsites = 1\nradius_m = 500\n'
)
FILES = {
    "demand": "id,x_m,y_m,weight,node\nd1,0,0,10,A\nd2,100,0,7,B\n",
    "candidates": "id,x_m,y_m,node\ns1,0,50,A\ns2,100,50,C\n",
}
TRAVEL = "demand,site,metres\nd1,s1,900\nd1,s2,400\nd2,s1,450\nd2,s2,300\n"
ROADS = "from,to,metres,one_way\nA,B,600,no\nB,C,100,yes\nC,A,400,no\n"


def scenario(make, path, more, **files):
    return read_scenario(make.folder(path, plan=PLAN.format(more=more), **FILES | files))


def test_a_table_of_distances_decides_instead_of_straight_lines(make, tmp_path):
    asked = scenario(make, tmp_path, 'travel = "travel.csv"\n', travel=TRAVEL)
    plan = decide(asked, None)
    assert [site.id for site in plan.sites] == [
        "s2"
    ]  # s1 is nearer to d1 in a straight line and too far by car
    assert plan.certificate.value == 17.0
    assert WhatIf(asked, ["s2"]).swap("s2", "s1").after == 7.0
    assert WhatIf(asked, ["s2"]).move("s2", 1.0, 49.0).after == 7.0


def test_the_average_way_follows_the_supplied_distances(make, tmp_path):
    asked = scenario(make, tmp_path, 'travel = "travel.csv"\n', travel=TRAVEL)
    files = FILES | {"travel": TRAVEL}
    page = PLAN.format(more='travel = "travel.csv"\n') + 'objective = "access"\n'
    plan = decide(read_scenario(make.folder(tmp_path, plan=page, **files)), None)
    assert plan.certificate.value == 10 * 400 + 7 * 300
    assert plan.certificate.proof == "optimal"
    assert plan.certificate.input_hash != asked.input_hash


def test_roads_give_the_shortest_way_in_the_direction_cars_may_drive(make, tmp_path):
    asked = scenario(make, tmp_path, 'roads = "roads.csv"\n', roads=ROADS)
    near = asked.travel.within(500.0)
    assert sorted(zip(near.row.tolist(), near.site.tolist(), near.distance.tolist(), strict=True)) == [
        (0, 0, 0.0),
        (0, 1, 400.0),
        (1, 0, 500.0),  # B to C to A; not A's 600 m back
        (1, 1, 100.0),
    ]


def test_places_without_a_node_join_the_roads_at_the_nearest_one(make, tmp_path):
    asked = scenario(
        make,
        tmp_path,
        'roads = "roads.csv"\nnodes = "nodes.csv"\n',
        roads=ROADS,
        nodes="id,x_m,y_m\nA,0,0\nB,100,0\nC,100,50\n",
        demand="id,x_m,y_m,weight\nd1,0,30,10\nd2,100,0,7\n",
    )
    assert asked.travel.to_nearest(np.array([0], dtype=np.int32)).tolist() == [30.0, 500.0]


@given(st.integers(0, 2**31), st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_roads_and_the_table_of_their_shortest_ways_answer_alike(seed, count):
    generator = np.random.default_rng(seed)
    nodes, edges = 9, 22
    tail, head = generator.integers(0, nodes, (2, edges)).astype(np.int32)
    length = generator.integers(1, 500, edges).astype(np.float64)
    far = np.full((nodes, nodes), np.inf)
    np.minimum.at(far, (tail, head), length)
    far[np.arange(nodes), np.arange(nodes)] = 0.0
    for k in range(nodes):
        far = np.minimum(far, far[:, [k]] + far[[k]])
    demand, sites = (Ends(generator.integers(0, nodes, n).astype(np.int32), np.zeros(n)) for n in (6, 5))
    nothing = Ends(np.empty(0, np.int32), np.empty(0))
    roads = Roads(tuple(map(str, range(nodes))), tail, head, length, demand, sites, nothing)
    metres = far[demand.node][:, sites.node]
    row, site = np.nonzero(np.isfinite(metres))
    none = Pairs(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0))
    table = DistanceTable(6, Pairs(row.astype(np.int32), site.astype(np.int32), metres[row, site]), none)
    chosen = np.unique(generator.integers(0, 5, 3)).astype(np.int32)
    assert np.allclose(roads.to_nearest(chosen), table.to_nearest(chosen))
    for one, other in (
        (roads.within(400.0), table.within(400.0)),
        (roads.nearest(chosen, count), table.nearest(chosen, count)),
    ):
        assert sorted(one.distance[np.lexsort((one.site, one.row))]) == pytest.approx(
            sorted(other.distance[np.lexsort((other.site, other.row))])
        )
        assert np.array_equal(np.bincount(one.row, minlength=6), np.bincount(other.row, minlength=6))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "demand,site,metres\nd1,s9,3\n",
            "travel.csv, row 2: site is 's9'; no candidate and no station has this id",
        ),
        ("demand,site,metres\nd9,s1,3\n", "travel.csv, row 2: demand is 'd9'; no demand point has this id"),
        ("demand,site,metres\nd1,s1,-3\n", "travel.csv, row 2: metres is '-3'; it must be at least 0"),
        ("demand,site,metres\nd1,s1,nan\n", "travel.csv, row 2: metres is 'nan'; a number is needed"),
        (
            TRAVEL + "d1,s2,7\n",
            "travel.csv, row 6: site is 's2'; row 3 has the same pair; give every pair once",
        ),
        ("demand,site,metres\nd1,s1,3\nd2,s2,3\n", "travel.csv lacks 2 of 4 pairs (d1 to s2, d2 to s1)"),
    ],
)
def test_what_is_wrong_with_a_table_of_distances_is_said(make, tmp_path, text, said):
    with pytest.raises(ScenarioBroken) as broken:
        scenario(make, tmp_path, 'travel = "travel.csv"\n', travel=text)
    assert said in str(broken.value)


def test_pairs_that_are_missing_can_be_declared_to_have_no_way(make, tmp_path):
    page = PLAN.format(more='travel = "travel.csv"\n') + '[travel]\nmissing = "unreachable"\n'
    files = FILES | {"travel": "demand,site,metres\nd1,s1,3\nd2,s2,3\n"}
    plan = decide(read_scenario(make.folder(tmp_path, plan=page, **files)), None)
    assert plan.certificate.value == 10.0
    with pytest.raises(ScenarioBroken, match="demand d1 has a way to 1 of 2 candidates"):
        read_scenario(
            make.folder(tmp_path, plan=page.replace("[aim]", '[aim]\nobjective = "access"'), **files)
        )
