from dataclasses import replace

import numpy as np
import pytest

from gridlane.planning.interchange import cost_of
from gridlane.planning.objectives import ask
from gridlane.planning.scenario import Decay, Objective
from gridlane.planning.siting import make_plan
from gridlane.planning.whatif import SiteUnknown, WhatIf


@pytest.mark.parametrize(
    "aim", [{"decay": Decay.STEP}, {"decay": Decay.LOGIT}, {"objective": Objective.ACCESS}]
)
def test_a_moved_site_is_valued_as_a_scenario_with_it_there(make, aim):
    town = make.town(radius_m=700.0, **aim)
    sites = [site.id for site in make_plan(town).sites]
    x, y = 391_000.0, 5_821_500.0
    change = WhatIf(town, sites).move(sites[0], x, y)
    number = {id_: j for j, id_ in enumerate(town.sites.id)}
    xs, ys = town.sites.x.copy(), town.sites.y.copy()
    xs[number[sites[0]]], ys[number[sites[0]]] = x, y
    moved = replace(town, sites=replace(town.sites, x=xs, y=ys))
    question = ask(moved)
    cost = cost_of(question.reach, np.array([number[site] for site in sites], dtype=np.int32))
    expected = cost if question.whole is None else question.whole - cost
    assert change.after == pytest.approx(expected)
    sign = -1 if question.whole is None else 1
    assert change.after - change.before == pytest.approx(sign * (change.gained - change.lost))


def test_moving_a_site_away_from_its_best_place_names_the_better_one(make):
    town = make.town(radius_m=700.0)
    sites = [site.id for site in make_plan(town).sites]
    change = WhatIf(town, sites).move(sites[0], 0.0, 0.0)
    assert change.after < change.before
    assert change.advice is not None


def test_dropping_a_site_loses_what_only_it_gives(make):
    town = make.town(radius_m=700.0)
    plan = make_plan(town)
    change = WhatIf(town, [site.id for site in plan.sites]).drop(plan.sites[0].id)
    assert change.lost == pytest.approx(plan.sites[0].only_here)


def test_swapping_for_the_next_best_loses_what_the_plan_says(make):
    town = make.town(radius_m=700.0)
    plan = make_plan(town)
    site = plan.sites[0]
    assert site.next_best is not None
    change = WhatIf(town, [each.id for each in plan.sites]).swap(site.id, site.next_best)
    assert change.lost - change.gained == pytest.approx(
        site.only_here * (site.next_best_loses or 0.0), abs=1e-6
    )


def test_an_unknown_site_is_refused_by_name(make):
    with pytest.raises(SiteUnknown, match="'nowhere'"):
        WhatIf(make.town(), ["nowhere"])
