"""The one door to all solvers: a scenario, with money or without, in; a plan with its proof out."""

from gridlane.planning import investing
from gridlane.planning.corridors import ask_corridors, make_corridor_plan
from gridlane.planning.investment import Investment
from gridlane.planning.placement import Watch
from gridlane.planning.plan import Plan
from gridlane.planning.scenario import AimImpossible, Objective, Scenario
from gridlane.planning.siting import make_plan

IN_MONEY = (Objective.SERVICE, Objective.COST)
"""Objectives that need the page's parts about chargers, periods and money."""


def check(scenario: Scenario, investment: Investment | None) -> None:
    """Raises AimImpossible with the figure that is wrong, before any work is done."""
    if scenario.aim.objective is Objective.FLOWS:
        scenario.check()
        ask_corridors(scenario)
    elif scenario.aim.objective not in IN_MONEY:
        scenario.check()
    elif investment is None:
        raise AimImpossible(
            reason=f"the objective {scenario.aim.objective} needs chargers, layouts and periods with budgets, "
            "and the scenario has none"
        )
    else:
        investing.check(scenario, investment)


def decide(
    scenario: Scenario, investment: Investment | None, *, seed: int = 0, watch: Watch = lambda _: True
) -> Plan:
    """The best plan for what the scenario aims at. Raises AimImpossible, GridTooSmall.

    ``watch`` sees progress and may stop the work; the plan is then the best one so far with its proved gap.
    """
    check(scenario, investment)
    if scenario.aim.objective is Objective.FLOWS:
        return make_corridor_plan(scenario, seed=seed, watch=watch)
    if scenario.aim.objective not in IN_MONEY or investment is None:
        return make_plan(scenario, seed=seed, watch=watch)
    if scenario.aim.objective is Objective.COST:
        return investing.make_cheapest_plan(scenario, investment, seed=seed, watch=watch)
    return investing.make_investment_plan(scenario, investment, seed=seed, watch=watch)
