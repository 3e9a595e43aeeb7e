from datetime import date
from decimal import Decimal

import msgspec
import sqlalchemy as sa

from gridlane.billing.ledger import Account, AccountKind
from gridlane.billing.model import home_agreements, host_contracts, payouts, reimbursements
from gridlane.billing.paying_out import close_month
from gridlane.billing.posting import balance
from gridlane.billing.sharing import HomeAgreement, HostContract, Payout, Reimbursement
from gridlane.kernel.ids import new_id
from gridlane.kernel.money import Money

JANUARY = date(2026, 1, 31)


def euros(amount):
    return Money.of(amount, "EUR")


async def test_a_host_is_owed_its_share_of_the_month_once(world, settlement, wallet_of, clock):
    host, anna = new_id(), await world.person()
    await wallet_of(50, anna)
    for kwh in (10.0, 20.0):
        await settlement.settle(world.organization, await world.session(anna, kwh=kwh))
    contract = HostContract(
        host_id=host, percent=Decimal(10), per_kilowatt_hour=euros("0.20"), monthly_minimum=euros("0")
    )
    async with world.database.as_owner() as work:
        row = {"id": new_id(), "organization_id": world.organization, "site_id": world.site}
        content = msgspec.json.encode(contract).decode()
        await work.execute(sa.insert(host_contracts).values(content=content, since=date(2026, 1, 1), **row))
    assert await close_month(world.database, clock, JANUARY) == (1, 0)
    assert await close_month(world.database, clock, JANUARY) == (0, 0)
    (row,) = await world.rows(payouts)
    statement = msgspec.json.decode(row["content"], type=Payout)
    # 6.00 and 11.00 with 19 % inside are 5.04 and 9.24; 30 kWh cost 6.00
    assert (str(statement.revenue), str(statement.share)) == ("14.28 EUR", "0.83 EUR")
    async with world.database.as_owner() as work:
        assert await balance(work, Account(AccountKind.HOST, host), "EUR") == euros("-6.83")


async def test_an_employee_gets_the_energy_of_home_back(world, clock):
    employer, employee = new_id(), await world.person()
    agreement = HomeAgreement(
        employer_id=employer, employee_id=employee, per_kilowatt_hour=euros("0.32"), at_most=euros("100")
    )
    async with world.database.as_owner() as work:
        row = {"id": new_id(), "organization_id": world.organization, "site_id": world.site}
        content = msgspec.json.encode(agreement).decode()
        of_employee = {"employee_id": employee, "since": date(2026, 1, 1)}
        await work.execute(sa.insert(home_agreements).values(content=content, **of_employee, **row))
    await world.session(employee, kwh=25.0)
    await world.session(await world.person(), kwh=99.0)
    assert await close_month(world.database, clock, JANUARY) == (0, 1)
    (row,) = await world.rows(reimbursements)
    assert msgspec.json.decode(row["content"], type=Reimbursement).total == euros("8.00")
    async with world.database.as_owner() as work:
        assert await balance(work, Account(AccountKind.EMPLOYEE, employee), "EUR") == euros("-8.00")
        assert await balance(work, Account(AccountKind.EMPLOYER, employer), "EUR") == euros("8.00")
