from dataclasses import replace

import numpy as np
import pytest

from gridlane.planning.cheapest import cheapest
from gridlane.planning.deciding import decide
from gridlane.planning.investing import make_investment_plan
from gridlane.planning.investment import Investment, Period, ask_investment
from gridlane.planning.investment_reading import read_investment
from gridlane.planning.layouts import Charger, GridStep, GridTooSmall, Layout, catalogue
from gridlane.planning.phasing import RolloutEffort
from gridlane.planning.plan import Proof
from gridlane.planning.reading import ScenarioBroken
from gridlane.planning.report import as_html
from gridlane.planning.scenario import AimImpossible, Objective
from gridlane.planning.shipped import scenario_page
from gridlane.planning.sizing import WaitTarget, capacity, shipped_stays

QUICK = RolloutEffort(rounds=3, repairs=40)


@pytest.fixture(scope="module")
def dc():
    return Charger("DC", 150.0, 50_000.0, 3_000.0, shipped_stays("dc_fast"), 900.0, peak_arrivals=0.002)


@pytest.fixture(scope="module")
def investment(dc):
    return Investment(
        currency="EUR",
        chargers=(dc,),
        grid=(GridStep(300.0, 40_000.0), GridStep(1000.0, 90_000.0)),
        layouts=(Layout({"DC": 2}), Layout({"DC": 4}), Layout({"DC": 6})),
        periods=(Period("2027", 600_000.0, 0.6), Period("2028", 900_000.0, 1.0)),
        target=WaitTarget(0.95, 5.0),
        ground=20_000.0,
        upgrade_fee=5_000.0,
        closing_cost=1_000.0,
    )


def test_a_layout_costs_its_chargers_and_the_connection_they_need(investment, dc):
    made = catalogue((dc,), investment.grid, investment.layouts, investment.target, shared_power=0.5)
    assert made.names == ("nothing", "2 x DC", "4 x DC", "6 x DC")
    assert made.power.tolist() == [0.0, 150.0, 300.0, 450.0]
    assert made.price.tolist() == [0.0, 140_000.0, 240_000.0, 390_000.0]
    assert made.capacity[2, 0] == capacity(dc.stays, 4, investment.target)


def test_more_power_than_any_connection_carries_is_refused(investment, dc):
    with pytest.raises(GridTooSmall, match="3000 kW"):
        catalogue((dc,), investment.grid, (Layout({"DC": 20}),), investment.target)


def test_a_phased_plan_keeps_budgets_waits_and_says_why(make, investment):
    town = make.town(points=300, objective=Objective.SERVICE, sites=None, radius_m=900.0)
    plan = make_investment_plan(town, investment, effort=QUICK)
    assert plan.certificate.proof in {Proof.BOUNDED, Proof.OPTIMAL}
    assert plan.certificate.gap is not None
    spent = np.zeros(2)
    for site in plan.sites:
        for t, stage in enumerate(site.stages):
            spent[t:] += stage.spent
            assert stage.wait_minutes <= 5.5
        assert "95th-percentile wait" in " ".join(site.reasons) or site.reasons[0].startswith("closes")
    assert np.all(spent <= [600_000.0, 1_500_000.0])
    assert plan.settings["periods"][1]["spent_so_far"] <= 1_500_000.0
    page = as_html(town, plan)
    assert "2028" in page
    assert plan.sites[0].reasons[0] in page


def test_a_feeder_limits_what_hangs_on_it(make, investment):
    town = make.town(points=300, sites=None)
    hung = replace(town, sites=replace(town.sites, feeder=("F1",) * len(town.sites)))
    limited = replace(investment, feeders_kw={"F1": 650.0})
    free = make_investment_plan(hung, investment, effort=QUICK)
    bound = make_investment_plan(hung, limited, effort=QUICK)
    kw = sum(
        150.0 * int(site.stages[-1].layout.split()[0])
        for site in bound.sites
        if "DC" in site.stages[-1].layout
    )
    assert kw <= 650.0
    assert bound.certificate.value < free.certificate.value


def test_a_site_with_little_grid_stays_small(make, investment):
    town = make.town(points=300, sites=None, candidates=3, stations=0)
    weak = replace(town, sites=replace(town.sites, grid_kw=np.full(3, 320.0)))
    plan = make_investment_plan(weak, investment, effort=QUICK)
    assert {stage.layout for site in plan.sites for stage in site.stages} <= {"nothing", "2 x DC"}


def test_a_budget_that_buys_nothing_says_what_the_cheapest_layout_costs(make, investment):
    poor = replace(investment, periods=(Period("2027", 50_000.0),))
    with pytest.raises(AimImpossible, match=r"50,000 EUR over all periods buy nothing.* 100,000 EUR"):
        make_investment_plan(make.town(), poor)


def test_the_cheapest_way_serves_the_share_and_never_beats_its_bound(make, investment):
    town = make.town(points=200, sites=None, stations=0)
    asked = ask_investment(town, replace(investment, periods=(Period("once", 1e9),)))
    found = cheapest(asked.rollout, 0.6)
    assert found.served >= 0.6 * asked.rollout.network.demand.sum() - 1e-9
    assert 0.0 < found.least <= found.cost
    assert cheapest(asked.rollout, 0.3).cost < found.cost
    with pytest.raises(AimImpossible, match="all sites together serve"):
        cheapest(asked.rollout, 1.0)


def test_the_shipped_page_reads_and_a_broken_one_names_every_mistake(tmp_path):
    shipped_page = scenario_page("berlin-rollout")
    read = read_investment(shipped_page)
    assert read is not None
    assert [period.name for period in read.periods] == ["2027", "2028", "2029"]
    text = shipped_page.read_text().replace('"2 AC"', '"2 XX"').replace("kw = 22", 'kw = "many"')
    (tmp_path / "plan.toml").write_text(text.replace("budget = 20e6", "budget = -1", 1))
    with pytest.raises(ScenarioBroken) as broken:
        read_investment(tmp_path / "plan.toml")
    assert broken.value.problems == [
        "[[chargers]] 1 kw = 'many': must be a number above 0",
        "layouts: '2 XX' is not like \"4 AC + 2 DC\" with kinds among AC, DC",
        "[[periods]] 1 budget = -1: must be a number not negative",
    ]


def test_the_least_money_for_a_share_is_planned_with_its_bound(make, investment):
    town = make.town(points=300, objective=Objective.COST, sites=None, share=0.3, radius_m=900.0)
    plan = decide(town, investment)
    proof = plan.certificate
    assert proof.unit == "EUR"
    assert proof.bound is not None
    assert 0.0 < proof.bound <= proof.value
    assert sum(site.expense for site in plan.sites) == pytest.approx(proof.value, rel=1e-6)
    assert "at once" in plan.sites[0].reasons[0]
    assert as_html(town, plan)


@pytest.mark.parametrize(
    ("aim", "reason"),
    [
        ({}, "no share of the arrivals to serve"),
        ({"share": 0.5, "floors": (("1", 0.5),)}, "goes without floors for classes"),
        ({"share": 1.0}, "all sites together serve"),
    ],
)
def test_the_least_money_is_refused_with_what_is_wrong(make, investment, aim, reason):
    town = make.town(points=300, objective=Objective.COST, sites=None, radius_m=300.0, **aim)
    with pytest.raises(AimImpossible, match=reason):
        decide(town, investment)
