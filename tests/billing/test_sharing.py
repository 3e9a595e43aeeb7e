from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID, uuid4

from gridlane.billing.sharing import EarningSession, HomeAgreement, HostContract, payout, reimbursement
from gridlane.kernel.money import Money
from gridlane.kernel.quantities import WattHours

MONTH = date(2026, 1, 1)


def euros(amount):
    return Money.of(amount, "EUR")


def contract(**changes):
    fields = {
        "host_id": UUID(int=1),
        "percent": Decimal("12.5"),
        "per_kilowatt_hour": euros("0.22"),
        "monthly_minimum": euros("0"),
    }
    return HostContract(**(fields | changes))


def earned(kwh, net):
    return EarningSession(uuid4(), datetime(2026, 1, 5, tzinfo=UTC), WattHours(kwh * 1000.0), euros(net))


def test_a_host_gets_its_electricity_and_its_share_of_the_rest():
    statement = payout(contract(), MONTH, [earned(10, "5.00"), earned(20, "10.00")])
    assert (str(statement.electricity), str(statement.share), str(statement.total)) == (
        "6.60 EUR",
        "1.05 EUR",
        "7.65 EUR",
    )


def test_a_month_that_lost_money_shares_nothing_but_pays_the_electricity():
    statement = payout(contract(), MONTH, [earned(100, "5.00")])
    assert (str(statement.share), str(statement.total)) == ("0.00 EUR", "22.00 EUR")


def test_a_minimum_is_topped_up():
    statement = payout(contract(monthly_minimum=euros("50")), MONTH, [])
    assert str(statement.total) == "50.00 EUR"


def test_an_employee_gets_the_energy_of_home_back_up_to_the_limit():
    agreement = HomeAgreement(
        employer_id=UUID(int=1),
        employee_id=UUID(int=2),
        per_kilowatt_hour=euros("0.3215"),
        at_most=euros("5"),
    )
    small = reimbursement(agreement, MONTH, [WattHours(7_000.0), WattHours(1_234.5)])
    assert (str(small.total), str(small.cut)) == ("2.65 EUR", "0.00 EUR")
    large = reimbursement(agreement, MONTH, [WattHours(30_000.0)])
    assert (str(large.total), str(large.cut)) == ("5.00 EUR", "4.65 EUR")
