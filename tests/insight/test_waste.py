from decimal import Decimal
from uuid import UUID

from gridlane.insight.assuming import Assumptions
from gridlane.insight.waste import SiteUse, best_actions, waste

DAY = 86400.0


def site(number=1, **changes):
    told = {
        "site_id": UUID(int=number), "name": f"Site {number}", "alternating": 0, "direct": 1, "energy_alternating": 0.0,
        "energy_direct": 100_000.0, "observed": DAY, "occupied": 6 * 3600.0, "charging": 4 * 3600.0, "withheld": 0.0,
        "price": Decimal("0.55"), "assumed": Assumptions(), **changes,
    }  # fmt: skip
    return SiteUse(**told)


def test_what_waits_draws_and_what_charges_loses():
    found = waste(site())
    assert found.standby == 80 * 20
    assert found.conversion == 6000
    assert found.idle_time == 2 * 3600


def test_a_full_vehicle_costs_as_much_as_others_would_have_come():
    assert waste(site()).idle == 2 * 25_000 * 0.25


def test_the_three_best_actions_are_those_that_save_most():
    found = best_actions([site(1), site(2, withheld=1_000_000.0), site(3, occupied=4 * 3600.0)])
    assert [(one.kind, one.site_id.int) for one in found[:1]] == [("raise_limit", 2)]
    assert len(found) == 3
    assert found[0].saves == Decimal("300.00")


def test_a_site_that_sells_below_cost_gains_nothing_by_selling_more():
    assert waste(site(price=Decimal("0.10"), withheld=5000.0)).lost == Decimal("1.90")
