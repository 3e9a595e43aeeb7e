from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from gridlane.planning.phasing import RolloutEffort, phase
from gridlane.planning.rollout import Network, Rollout
from gridlane.planning.rollout_bound import cost_of_change, may_become

few = settings(max_examples=8, deadline=None)


def small(
    seed: int, *, sites: int = 4, wants: int = 6, feeder_kw: float = 1e9, floor: float = 0.0
) -> Rollout:
    """Two periods, one kind, three layouts (nothing, small, large); the last site has a small station today."""
    generator = np.random.default_rng(seed)
    reach = [np.flatnonzero(generator.random(wants) < 0.6).astype(np.int32) for _ in range(sites)]
    options = [[0, 1, 2] for _ in range(sites - 1)] + [[1, 2, 0]]
    network = Network(
        offsets=np.concatenate(([0], np.cumsum([len(r) for r in reach]))).astype(np.int64),
        wants=np.concatenate(reach),
        gains=generator.uniform(0.5, 1.0, sum(len(r) for r in reach)),
        demand=np.outer([1.0, 1.5], generator.uniform(0.5, 2.0, wants)),
        group=np.arange(wants, dtype=np.int32) % 2,
        option_start=np.arange(0, 3 * sites + 1, 3, dtype=np.int64),
        options=np.concatenate(options).astype(np.int32),
        capacity=np.array([[0.0], [1.5], [4.0]]),
        power=np.array([0.0, 50.0, 120.0]),
        price=np.array([0.0, 10.0, 18.0]),
        upkeep=np.array([0.0, 0.5, 1.0]),
        counts=np.array([[0], [1], [2]], dtype=np.int32),
        ground=generator.uniform(1.0, 5.0, sites),
        feeder=np.zeros(sites, dtype=np.int32),
        upgrade_fee=1.0,
        closing_cost=0.5,
        worth=np.array([1.0, 1.0]),
        budget=np.array([16.0, 40.0]),
        feeder_kw=np.array([feeder_kw]),
    )
    return Rollout(network, wants, ("AC",), np.array([floor, 0.0]))


def path_spend(network: Network, site: int, path: tuple[int, ...]) -> list[float] | None:
    """Cumulative spending of a path, None where a step is not allowed."""
    before, total, spend = int(network.options[network.option_start[site]]), 0.0, []
    for layout in path:
        if not may_become(network, before, layout):
            return None
        total += cost_of_change(network, site, before, layout) + network.upkeep[layout]
        spend.append(total)
        before = layout
    return spend


def best_service(rollout: Rollout, layouts: np.ndarray) -> float:
    """The most these layouts can serve, as one transport problem per period; -inf where a floor cannot be kept."""
    n, total = rollout.network, 0.0
    site = np.repeat(np.arange(rollout.sites), np.diff(n.offsets))
    for t in range(rollout.periods):
        rows = [(n.wants == want).astype(float) for want in range(n.demand.shape[1])]
        rows += [(site == j).astype(float) for j in range(rollout.sites)]
        limits = np.concatenate((n.demand[t], n.capacity[layouts[:, t], 0]))
        if t == rollout.periods - 1:
            for group, floor in enumerate(rollout.floors):
                rows.append(-n.gains * (n.group[n.wants] == group))
                limits = np.append(limits, -floor * rollout.group_demand[group])
        solved = linprog(-n.gains * n.worth[t], A_ub=np.array(rows), b_ub=limits, method="highs")
        if not solved.success:
            return -np.inf
        total -= solved.fun
    return total


def brute_force(rollout: Rollout) -> float:
    n, best = rollout.network, -np.inf
    choices = []
    for j in range(rollout.sites):
        paths = [(p, path_spend(n, j, p)) for p in product(range(3), repeat=rollout.periods)]
        choices.append([(p, s) for p, s in paths if s is not None])
    for combination in product(*choices):
        spent = np.sum([spend for _, spend in combination], axis=0)
        layouts = np.array([path for path, _ in combination])
        power = n.power[layouts].sum(axis=0)
        if np.all(spent <= n.budget + 1e-9) and np.all(power <= n.feeder_kw[0] + 1e-9):
            if float(np.sum(n.worth[:, None] * n.demand)) <= best:
                break
            best = max(best, best_service(rollout, layouts))
    return best


@few
@given(seed=st.integers(0, 10**6))
def test_no_rollout_passes_the_bound_and_the_plan_is_near_it(seed):
    rollout = small(seed, sites=2)
    best = brute_force(rollout)
    found = phase(rollout, effort=RolloutEffort(rounds=6, repairs=80))
    assert found.value <= best + 1e-6
    assert found.bound >= best - 1e-6
    assert found.value >= 0.8 * best


@few
@given(seed=st.integers(0, 10**6), feeder_kw=st.sampled_from([130.0, 200.0, 1e9]))
def test_a_plan_keeps_money_power_capacity_and_demand(seed, feeder_kw):
    rollout = small(seed, sites=8, wants=15, feeder_kw=feeder_kw)
    n, found = rollout.network, phase(rollout, effort=RolloutEffort(rounds=2, repairs=40))
    spent = np.zeros(2)
    for j in range(rollout.sites):
        spend = path_spend(n, j, tuple(int(layout) for layout in found.paths[j]))
        assert spend is not None
        spent += spend
    assert np.allclose(spent, found.spent)
    assert np.all(spent <= n.budget * (1 + 1e-9))
    assert np.all(n.power[found.paths].sum(axis=0) <= feeder_kw * (1 + 1e-9))
    site = np.repeat(np.arange(rollout.sites), np.diff(n.offsets))
    for t in range(2):
        per_want = np.bincount(n.wants, weights=found.served[t], minlength=15)
        per_site = np.bincount(site, weights=found.served[t], minlength=rollout.sites)
        assert np.all(per_want <= n.demand[t] + 1e-9)
        assert np.all(per_site <= n.capacity[found.paths[:, t], 0] + 1e-9)
    assert found.value == pytest.approx(float((found.served * n.gains).sum()))


def test_a_floor_moves_service_to_the_class_it_protects():
    free = phase(small(11, sites=8, wants=20))
    floored = phase(small(11, sites=8, wants=20, floor=min(0.95, free.floors[0] + 0.1)))
    assert floored.floors[0] >= free.floors[0]
    assert floored.bound <= free.bound + 1e-6


def test_the_same_seed_gives_the_same_rollout():
    runs = [phase(small(5, sites=8, wants=15), seed=3) for _ in range(2)]
    assert np.array_equal(runs[0].paths, runs[1].paths)
    assert runs[0].bound == runs[1].bound
