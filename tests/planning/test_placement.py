import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridlane.planning.interchange import Exchange, Means, cost_of, greedy
from gridlane.planning.lagrangian import FREE, Limits, ascent_from, climb
from gridlane.planning.placement import Effort, place
from gridlane.planning.reach import merged

few = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 10**6)


@few
@given(seed=seeds, rows=st.integers(1, 25), sites=st.integers(1, 8), p=st.integers(1, 4), whole=st.booleans())
def test_the_proved_median_is_what_brute_force_finds(make, seed, rows, sites, p, whole):
    reach, ones = make.median(rows, sites, seed, whole_numbers=whole), np.ones(sites)
    found = place(reach, ones, float(p), seed=seed)
    assert found.optimal
    assert len(found.sites) <= p
    assert found.cost == pytest.approx(make.brute_force(reach, ones, p), rel=1e-9, abs=1e-9)


@few
@given(seed=seeds, rows=st.integers(1, 40), sites=st.integers(1, 8), p=st.integers(1, 4))
def test_the_proved_coverage_is_what_brute_force_finds(make, seed, rows, sites, p):
    reach, ones = make.covering(rows, sites, seed), np.ones(sites)
    found = place(reach, ones, float(p), whole=float(reach.fallback.sum()), seed=seed)
    assert found.optimal
    assert found.cost == pytest.approx(make.brute_force(reach, ones, p), abs=1e-6)


@few
@given(seed=seeds, sites=st.integers(1, 8), budget=st.floats(1, 30))
def test_a_budget_is_kept_and_spent_as_well_as_possible(make, seed, sites, budget):
    reach = make.covering(25, sites, seed)
    expense = np.random.default_rng(seed).integers(1, 12, sites).astype(np.float64)
    found = place(reach, expense, budget, seed=seed)
    assert expense[found.sites].sum() <= budget + 1e-9
    assert found.optimal
    assert found.cost == pytest.approx(make.brute_force(reach, expense, budget), abs=1e-6)


@few
@given(seed=seeds, steps=st.integers(1, 60), p=st.integers(1, 5))
def test_a_bound_is_never_above_the_best_plan(make, seed, steps, p):
    reach = make.median(20, 7, seed)
    best = make.brute_force(reach, np.ones(7), p)
    ascent = ascent_from(reach.fallback * np.random.default_rng(seed).random(20), np.zeros(7), pace=1.0)
    limits = Limits(np.ones(7), float(p), np.full(7, FREE, np.int8))
    assert climb(reach.view, limits, ascent, best * 2 + 1, steps) <= best * (1 + 1e-9)


@few
@given(seed=seeds, p=st.integers(1, 6))
def test_swapping_keeps_its_tables_true(make, seed, p):
    reach = make.median(60, 15, seed)
    means = Means(np.ones(15), float(p), np.ones(15, dtype=np.bool_))
    exchange = Exchange.begin(reach, means, greedy(reach, means))
    exchange.descend(100)
    exchange.shake(20, np.random.default_rng(seed))
    assert exchange.cost == pytest.approx(cost_of(reach, exchange.sites))
    afresh = Exchange.begin(reach, means, exchange.tables.in_slot[exchange.tables.in_slot >= 0])
    shut = exchange.tables.slot_of < 0
    assert np.allclose(exchange.tables.gain[shut], afresh.tables.gain[shut])
    assert np.allclose(exchange.tables.loss, afresh.tables.loss)
    assert np.allclose(exchange.tables.extra[shut], afresh.tables.extra[shut])


def test_the_same_seed_gives_the_same_plan(make):
    reach = make.median(400, 80, 3)
    plans = [
        place(reach, np.ones(80), 9.0, seed=5, effort=Effort(kicks=20, rounds=2, nodes=3)) for _ in range(2)
    ]
    assert np.array_equal(plans[0].sites, plans[1].sites)
    assert plans[0].bound == plans[1].bound


def test_stopping_at_once_still_gives_a_plan_and_a_bound_that_holds(make):
    reach = make.median(200, 40, 1)
    found = place(reach, np.ones(40), 5.0, watch=lambda _: False)
    assert len(found.sites) == 5
    assert found.bound <= place(reach, np.ones(40), 5.0).cost


def test_merging_equal_rows_keeps_the_cost_of_every_plan(make):
    reach = make.covering(300, 6, 2, chance=0.4)
    small = merged(reach)
    assert small.rows < 70
    for sites in ([0], [1, 4], [0, 2, 3, 5]):
        chosen = np.array(sites, dtype=np.int32)
        assert cost_of(small, chosen) == pytest.approx(cost_of(reach, chosen))


def test_a_site_that_may_not_be_opened_stays_shut(make):
    reach = make.median(50, 6, 4)
    allowed = np.array([True, False, True, False, True, True])
    found = place(reach, np.ones(6), 4.0, allowed=allowed)
    assert set(found.sites.tolist()) <= {0, 2, 4, 5}
