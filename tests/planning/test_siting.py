import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from gridlane.cli.plan import app
from gridlane.kernel.money import Money
from gridlane.planning.deciding import decide
from gridlane.planning.geojson import as_geojson
from gridlane.planning.interchange import cost_of
from gridlane.planning.objectives import ask, covered
from gridlane.planning.placement import Effort
from gridlane.planning.plan import Proof
from gridlane.planning.report import as_html
from gridlane.planning.scenario import AimImpossible, Decay, Objective
from gridlane.planning.siting import make_plan


@pytest.mark.parametrize("decay", list(Decay))
def test_coverage_is_full_at_the_door_and_nothing_beyond_the_radius(decay):
    shares = covered(np.array([0.0, 250.0, 499.0, 501.0]), 500.0, decay)
    assert shares[0] == pytest.approx(1.0, abs=0.01)
    assert shares[-1] == 0.0
    assert np.all(np.diff(shares) <= 0)


@pytest.mark.parametrize("decay", list(Decay))
def test_a_plan_is_proved_and_its_figures_agree(make, decay):
    town = make.town(decay=decay, radius_m=600.0)
    plan = make_plan(town)
    assert plan.certificate.proof is Proof.OPTIMAL
    assert len(plan.sites) == 5
    weight = sum(group.weight for group in plan.groups)
    after = sum(group.weight * group.after for group in plan.groups)
    assert weight == pytest.approx(town.demand.weight.sum())
    assert after == pytest.approx(plan.certificate.value)
    assert all(group.after >= group.before for group in plan.groups)


def test_what_only_one_site_gives_is_what_is_lost_without_it(make):
    town = make.town(radius_m=700.0)
    plan = make_plan(town)
    question = ask(town)
    number = {id_: j for j, id_ in enumerate(town.sites.id)}
    all_sites = np.array([number[site.id] for site in plan.sites], dtype=np.int32)
    for site in plan.sites:
        without = all_sites[all_sites != number[site.id]]
        lost = cost_of(question.reach, without) - cost_of(question.reach, all_sites)
        assert site.only_here == pytest.approx(lost)
        if site.next_best is not None:
            swapped = np.append(without, number[site.next_best]).astype(np.int32)
            still = cost_of(question.reach, swapped) - cost_of(question.reach, all_sites)
            assert site.next_best_loses == pytest.approx(still / lost, abs=1e-9)


def test_access_counts_existing_stations_and_real_distances(make):
    town = make.town(objective=Objective.ACCESS, sites=3)
    plan = make_plan(town)
    demand, sites, stations = town.demand, town.sites, town.stations
    number = {id_: j for j, id_ in enumerate(sites.id)}
    chosen = [number[site.id] for site in plan.sites]
    x, y = np.append(sites.x[chosen], stations.x), np.append(sites.y[chosen], stations.y)
    nearest = np.hypot(demand.x[:, None] - x, demand.y[:, None] - y).min(axis=1)
    assert plan.certificate.value == pytest.approx(float(nearest @ demand.weight))
    assert plan.certificate.proof is Proof.OPTIMAL


def test_a_budget_buys_at_most_what_it_is(make):
    town = make.town(sites=None, budget=Money.of(140, "EUR"))
    plan = make_plan(town)
    assert sum(site.expense for site in plan.sites) <= 140
    assert plan.certificate.proof is Proof.OPTIMAL


def test_a_plan_without_a_valid_bound_says_unproved(make):
    proof = replace(make_plan(make.town(), watch=lambda _: False).certificate, bound=None)
    assert proof.proof is Proof.UNPROVED
    assert proof.gap is None
    assert proof.sentence().endswith("unproved")


def test_a_plan_stopped_at_once_still_has_a_proved_gap(make):
    plan = make_plan(make.town(), watch=lambda _: False)
    assert plan.certificate.stopped_early
    assert plan.certificate.bound >= make_plan(make.town()).certificate.value


def test_less_effort_still_gives_a_valid_bound(make):
    town = make.town(points=600, candidates=80, radius_m=350.0)
    rough = make_plan(town, effort=Effort(kicks=0, rounds=1, nodes=0)).certificate
    best = make_plan(town).certificate
    assert rough.bound is not None
    assert rough.value <= best.value <= rough.bound + 1e-6


def test_the_hash_of_the_input_changes_with_the_question(make):
    assert make.town().input_hash == make.town().input_hash
    assert make.town().input_hash != make.town(radius_m=501.0).input_hash
    assert make.town().input_hash != make.town(seed=2).input_hash


def test_the_report_is_one_page_without_a_foreign_host(make):
    town = make.town()
    plan = make_plan(town)
    page = as_html(town, plan)
    assert "http" not in page.replace("http-equiv", "")
    assert plan.certificate.sentence() in page
    for site in plan.sites:
        assert site.reasons[0] in page


def test_the_geojson_has_degrees_and_reasons(make):
    plan = make_plan(make.town())
    features = as_geojson(plan)["features"]
    assert len(features) == 5
    for feature in features:
        lon, lat = feature["geometry"]["coordinates"]
        assert 13.3 < lon < 13.5
        assert 52.4 < lat < 52.6
        assert feature["properties"]["reasons"]


def test_the_command_proves_a_plan_for_berlin_and_writes_it(tmp_path):
    done = CliRunner().invoke(app, ["berlin", "--sites", "12", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "proved optimal" in done.output
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert plan["certificate"]["proof"] == "optimal"
    assert plan["certificate"]["bound"] == plan["certificate"]["value"]
    assert len(plan["sites"]) == 12
    assert (tmp_path / "report.html").is_file()
    assert (tmp_path / "plan.geojson").is_file()


def test_least_money_without_chargers_is_refused_and_says_what_it_needs(make):
    with pytest.raises(AimImpossible, match="the objective cost needs chargers, layouts and periods"):
        decide(make.town(objective=Objective.COST), None)
