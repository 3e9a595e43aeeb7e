from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridlane.planning.fewest import fewest_sites
from gridlane.planning.interchange import cost_of, opened, service
from gridlane.planning.plan import Proof
from gridlane.planning.promises import Classes, closeness, floor, place_with_promises
from gridlane.planning.scenario import AimImpossible
from gridlane.planning.siting import make_plan

few = settings(max_examples=25, deadline=None)


@few
@given(seed=st.integers(0, 10**6), share=st.floats(0.3, 0.9))
def test_no_plan_that_keeps_the_promises_passes_the_bound(make, seed, share):
    reach = make.covering(30, 7, seed)
    weight = reach.fallback
    classes = Classes.of(tuple("ab"[k % 2] for k in range(30)), weight)
    promise = floor(classes, "a", share)
    kept = place_with_promises(reach, weight, classes, [promise], np.ones(7), 3.0, seed=seed)
    best = -np.inf
    for chosen in combinations(range(7), 3):
        paid = service(reach.view, opened(reach, np.array(chosen, dtype=np.int32)))[1]
        if classes.covered(paid, weight)[0] >= share:
            best = max(best, float((weight - paid).sum()))
    assert kept.most >= best - 1e-6
    if kept.sites is not None:
        assert kept.shares[0] >= share - 1e-9
        assert kept.covered <= best + 1e-6


@few
@given(seed=st.integers(0, 10**6), share=st.floats(0.1, 0.95))
def test_the_fewest_sites_are_enough_and_one_fewer_never_is(make, seed, share):
    reach = make.covering(30, 8, seed, chance=0.3)
    most_cost = float(reach.fallback.sum()) * (1 - share)
    all_sites = np.arange(8, dtype=np.int32)
    if cost_of(reach, all_sites) > most_cost:
        with pytest.raises(AimImpossible):
            fewest_sites(reach, most_cost)
        return
    found = fewest_sites(reach, most_cost)
    assert cost_of(reach, found.sites) <= most_cost
    assert found.minimal
    if len(found.sites) > 0:
        for fewer in combinations(range(8), len(found.sites) - 1):
            assert cost_of(reach, np.array(fewer, dtype=np.int32)) > most_cost


def test_classes_are_promised_to_lie_close_in_both_directions(make):
    classes = Classes.of(("1", "2", "1", ""), np.ones(4))
    promises = closeness(classes, 0.05)
    assert [promise.words for promise in promises] == [
        "class 1 at most 5 points behind class 2",
        "class 2 at most 5 points behind class 1",
    ]


def test_a_floor_is_kept_by_the_plan_and_told(make):
    free = make_plan(make.town(points=300, radius_m=450.0))
    worst = min(free.groups, key=lambda group: group.after)
    floored = make_plan(
        make.town(points=300, radius_m=450.0, floors=((worst.group, min(0.99, worst.after + 0.03)),))
    )
    after = {group.group: group.after for group in floored.groups}
    assert after[worst.group] >= worst.after + 0.03 - 1e-9
    assert floored.certificate.value <= free.certificate.value
    assert floored.remarks


def test_a_floor_nobody_can_keep_is_refused_with_the_reason(make):
    with pytest.raises(AimImpossible, match="class 1 at least 100 % covered"):
        make_plan(make.town(sites=1, radius_m=300.0, floors=(("1", 1.0),)))
    with pytest.raises(AimImpossible, match="'9', and no demand point has it"):
        make_plan(make.town(floors=(("9", 0.5),)))


def test_the_fewest_sites_for_a_share_are_proved_minimal(make):
    plan = make_plan(make.town(sites=None, share=0.6, radius_m=600.0))
    assert plan.certificate.proof is Proof.OPTIMAL
    assert plan.certificate.value == len(plan.sites)
    assert "fewest sites for 60 % of residents within 600 m" in plan.certificate.sentence()
    weight = sum(group.weight for group in plan.groups)
    assert sum(group.weight * group.after for group in plan.groups) >= 0.6 * weight
