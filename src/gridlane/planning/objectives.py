"""Every objective as costs of reach: what a demand point loses by being served from where it is.

Coverage loses the part of a point's weight that is not covered; access loses weight times distance. What exists lowers the
fallback, so the solver only ever sees what a new site could still improve.
"""

from dataclasses import dataclass

import numpy as np

from gridlane.planning.reach import Floats, Indices, Reach, from_entries
from gridlane.planning.scenario import Aim, Decay, Objective, Scenario
from gridlane.planning.travel import Pairs, nearest, within

NEIGHBOURS = 120
"""Candidate sites listed per demand point for access; beyond the last one it pays that one's distance at least."""


@dataclass(frozen=True)
class Question:
    """A scenario as the solver sees it. ``whole`` is set where value means weight covered: value = whole - cost."""

    reach: Reach
    whole: float | None
    served_now: Floats  # what each row costs with the existing stations alone
    exact: bool  # False where a row's list was cut, so that its cost may be too low


def covered(distance: Floats, radius: float, decay: Decay) -> Floats:
    """The covered share of a weight at a distance, 1 to 0."""
    near = distance / radius
    if decay is Decay.STEP:
        return (near <= 1.0 + 1e-12).astype(np.float64)
    if decay is Decay.LINEAR:
        return np.clip(1.0 - near, 0.0, 1.0)
    steepness = 10.0
    share = 1.0 / (1.0 + np.exp(steepness * (near - 0.5)))
    return np.where(near <= 1.0 + 1e-12, share, 0.0)


def ask(scenario: Scenario) -> Question:
    """The scenario's objective as costs of reach."""
    return ask_coverage(scenario) if scenario.aim.objective is Objective.COVERAGE else ask_access(scenario)


def ask_coverage(scenario: Scenario) -> Question:
    demand, aim = scenario.demand, scenario.aim
    served = demand.weight.copy()
    kept = pairs_with_stations(scenario)
    np.minimum.at(served, kept.row, lost(kept, demand.weight, aim))
    sites = scenario.sites
    if scenario.travel is not None:
        pairs = scenario.travel.within(aim.radius_m)
    else:
        pairs = within(demand.x, demand.y, sites.x, sites.y, aim.radius_m)
    reach = from_entries(pairs.row, pairs.site, lost(pairs, demand.weight, aim), served, len(sites))
    return Question(reach, float(np.sum(demand.weight)), served, exact=True)


def pairs_with_stations(scenario: Scenario) -> Pairs:
    demand, stations = scenario.demand, scenario.stations
    if scenario.travel is not None:
        return scenario.travel.within(scenario.aim.radius_m, stations=True)
    return within(demand.x, demand.y, stations.x, stations.y, scenario.aim.radius_m)


def lost(pairs: Pairs, weight: Floats, aim: Aim) -> Floats:
    return weight[pairs.row] * (1.0 - covered(pairs.distance, aim.radius_m, aim.decay))


def ask_access(scenario: Scenario) -> Question:
    demand, sites, stations = scenario.demand, scenario.sites, scenario.stations
    usable = np.flatnonzero(~sites.shut).astype(np.int32)
    if scenario.travel is not None:
        pairs = scenario.travel.nearest(usable, NEIGHBOURS)
    else:
        pairs = nearest(demand.x, demand.y, sites.x[usable], sites.y[usable], NEIGHBOURS)
    cost = pairs.distance * demand.weight[pairs.row]
    whole_list = len(pairs) == len(demand) * len(usable)
    served = np.full(len(demand), np.inf)
    if len(stations):
        served = to_nearest(scenario, None) * demand.weight
    served[demand.weight == 0.0] = 0.0
    farthest = np.zeros(len(demand))
    np.maximum.at(farthest, pairs.row, cost)
    fallback = np.minimum(served, farthest + 1.0 if whole_list else farthest)
    reach = from_entries(pairs.row, usable[pairs.site], cost, fallback, len(sites))
    return Question(reach, None, served, exact=whole_list)


def to_nearest(scenario: Scenario, sites: Indices | None) -> Floats:
    """Metres from every demand point to the nearest of some candidates, or (None) of the stations."""
    if scenario.travel is not None:
        return scenario.travel.to_nearest(sites)
    demand, places = scenario.demand, scenario.stations if sites is None else scenario.sites
    x, y = (places.x, places.y) if sites is None else (places.x[sites], places.y[sites])
    return nearest(demand.x, demand.y, x, y, 1).distance
