"""The report of a plan for people: one HTML page with its map, its proof and a reason for every site."""

import numpy as np

from gridlane.planning.corridors import ask_corridors
from gridlane.planning.drawing import draw
from gridlane.planning.objectives import ask
from gridlane.planning.plan import Plan
from gridlane.planning.reach import Floats
from gridlane.planning.scenario import Objective, Scenario
from gridlane.planning.siting import paid_by_row
from gridlane.planning.travel import within

MONEY = (Objective.SERVICE, Objective.COST)
"""Plans that decide chargers and money too."""


def as_html(scenario: Scenario, plan: Plan) -> str:
    """A page without any foreign host: styles, script and map are inside."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    page = Environment(
        loader=PackageLoader("gridlane.planning", "."), autoescape=True, undefined=StrictUndefined
    ).get_template("report.html.jinja")
    before, after = served_shares(scenario, plan)
    return page.render(
        plan=plan,
        proof=plan.certificate,
        phased=plan.settings["objective"] in MONEY,
        covers=plan.settings["objective"] == "coverage",
        picture=draw(scenario, plan, before, after),
        before=float(np.sum(before * scenario.demand.weight)),
        after=float(np.sum(after * scenario.demand.weight)),
        total=float(np.sum(scenario.demand.weight)),
    )


def served_shares(scenario: Scenario, plan: Plan) -> tuple[Floats, Floats]:
    """How well every demand point is served before and after, 0 to 1 (for access: within the radius or not)."""
    if plan.settings["objective"] in MONEY:
        return before_and_near(scenario, plan)
    if plan.settings["objective"] == Objective.FLOWS:
        return captured_journeys(scenario, plan)
    question = ask(scenario)
    number = {id_: j for j, id_ in enumerate(scenario.sites.id)}
    sites = np.array([number[site.id] for site in plan.sites], dtype=np.int32)
    weight = np.maximum(scenario.demand.weight, 1e-12)
    costs = [question.served_now / weight, paid_by_row(scenario, question, sites) / weight]
    if question.whole is not None:
        return 1.0 - costs[0], 1.0 - costs[1]
    radius = scenario.aim.radius_m
    return (costs[0] <= radius).astype(np.float64), (costs[1] <= radius).astype(np.float64)


def before_and_near(scenario: Scenario, plan: Plan) -> tuple[Floats, Floats]:
    """For a plan in money the map shows who has a station within the aim's radius, today and with the plan."""
    demand, stations = scenario.demand, scenario.stations
    x, y = np.array([site.x for site in plan.sites]), np.array([site.y for site in plan.sites])
    near = []
    for site_x, site_y in ((stations.x, stations.y), (np.append(stations.x, x), np.append(stations.y, y))):
        pairs = within(demand.x, demand.y, site_x, site_y, scenario.aim.radius_m)
        near.append((np.bincount(pairs.row, minlength=len(demand)) > 0).astype(np.float64))
    return near[0], near[1]


def captured_journeys(scenario: Scenario, plan: Plan) -> tuple[Floats, Floats]:
    """Which journeys get through today, and with the plan."""
    asked = ask_corridors(scenario)
    number = {id_: j for j, id_ in enumerate(scenario.sites.id)}
    sites = np.array([number[site.id] for site in plan.sites], dtype=np.int32)
    before, after = asked.through(sites[:0]), asked.through(sites)
    return before.astype(np.float64), after.astype(np.float64)
