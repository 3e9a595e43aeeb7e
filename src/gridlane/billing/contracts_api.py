"""The REST edge of contracts with hosts and employers, of what each month owed them, and of billing details."""

import csv
import io
from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy.dialects.postgresql import insert

from gridlane.accounts import groups
from gridlane.billing import contracts
from gridlane.billing.fleet_statement import sessions_of_fleet
from gridlane.billing.invoicing import Party
from gridlane.billing.model import billing_details, home_agreements, host_contracts, payouts, reimbursements
from gridlane.billing.sharing import HomeAgreement, HostContract, Payout, Reimbursement
from gridlane.billing.vat import vat_number
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.edge import Json, TheCaller, TheDatabase, ThePaging
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id
from gridlane.kernel.money import Money
from gridlane.kernel.paging import page

router = APIRouter(tags=["money"])

Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
Name = Annotated[str, Field(max_length=200)]
Price = Annotated[Decimal, Field(ge=0, max_digits=9, decimal_places=4)]
Amount = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=3)]


class HostContractInput(BaseModel):
    """The host's electricity per kWh, then ``percent`` of the net revenue that is left; at least ``monthly_minimum``.

    ``host_id`` is whom the ledger owes: that of an earlier contract of the same host, or nothing for a new one.
    """

    site_id: UUID
    host_id: UUID | None = None
    host: Name = ""
    percent: Annotated[Decimal, Field(ge=0, le=100, decimal_places=2)]
    per_kilowatt_hour: Price = Decimal(0)
    monthly_minimum: Amount = Decimal(0)
    currency: Currency = "EUR"
    since: date


class HomeAgreementInput(BaseModel):
    """``employer_id`` is whose debt it is: that of an earlier agreement of the same employer, or nothing for a new one."""

    site_id: UUID
    employer_id: UUID | None = None
    employer: Name = ""
    employee_id: UUID
    per_kilowatt_hour: Price
    at_most: Amount | None = None
    currency: Currency = "EUR"
    since: date


class Ending(BaseModel):
    until: date


class BillingDetails(BaseModel):
    """How invoices name their buyer; a tax number makes it a company's."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    street: Annotated[str, Field(max_length=200)] = ""
    postcode: Annotated[str, Field(max_length=20)] = ""
    city: Annotated[str, Field(max_length=100)] = ""
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    vat_number: Annotated[str, Field(max_length=20)] = ""
    email: Annotated[str, Field(max_length=254)] = ""


class PayoutUnknown(Refusal):
    code = "payout_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no payout {payout}."


# ---- hosts ---------------------------------------------------------------------------------------------------------


@router.get("/host-contracts")
async def list_host_contracts(
    caller: TheCaller, database: TheDatabase, paging: ThePaging, site_id: UUID | None = None
) -> Json:
    """Contracts with site hosts, the latest first."""
    return await _listed(caller, database, paging, host_contracts, HostContract, site_id)


@router.post("/host-contracts", status_code=201)
async def agree_with_host(caller: TheCaller, database: TheDatabase, wish: HostContractInput) -> Json:
    """Give a site's host a share of what its stations bring, from a month on."""
    contract = HostContract(
        host_id=wish.host_id or new_id(),
        host=wish.host,
        percent=wish.percent,
        per_kilowatt_hour=Money(wish.per_kilowatt_hour, wish.currency),
        monthly_minimum=Money(wish.monthly_minimum, wish.currency),
    )
    async with database.unit_of_work(caller.scope) as work:
        made = await contracts.agree_with_host(work, caller, wish.site_id, contract, wish.since)
    return Json({"id": made}, status_code=201)


@router.post("/host-contracts/{contract_id}/end", status_code=204)
async def end_host_contract(
    caller: TheCaller, database: TheDatabase, contract_id: UUID, ending: Ending
) -> None:
    async with database.unit_of_work(caller.scope) as work:
        await contracts.end(work, caller, host_contracts, contract_id, ending.until)


@router.get("/payouts")
async def list_payouts(
    caller: TheCaller, database: TheDatabase, paging: ThePaging, contract_id: UUID | None = None
) -> Json:
    """What hosts were owed by month, the latest first; a month is closed on the second day of the next."""
    caller.require(Permission.MONEY_READ)
    query = sa.select(payouts)
    if contract_id:
        query = query.where(payouts.c.contract_id == contract_id)
    async with database.unit_of_work(caller.scope) as work:
        found = await page(work, query, [payouts.c.month, payouts.c.id], paging, newest_first=True)
    found.items = [_payout(row) for row in found.items]
    return Json(found)


@router.get("/payouts/{payout_id}.csv", response_class=Response)
async def payout_statement(caller: TheCaller, database: TheDatabase, payout_id: UUID) -> Response:
    """The statement for the host: every session of the month, then the sums."""
    caller.require(Permission.MONEY_READ)
    async with database.unit_of_work(caller.scope) as work:
        content = await work.scalar(sa.select(payouts.c.content).where(payouts.c.id == payout_id))
    if content is None:
        raise PayoutUnknown(payout=payout_id)
    statement = msgspec.json.decode(content, type=Payout)
    name = f"payout-{statement.month:%Y-%m}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(_as_csv(statement), media_type="text/csv; charset=utf-8", headers=headers)


def _payout(row: dict[str, Any]) -> dict[str, Any]:
    statement = msgspec.json.decode(row["content"], type=Payout)
    return {
        **{name: row[name] for name in ("id", "contract_id", "month", "made_at")},
        "sessions": len(statement.sessions),
        "energy": statement.energy,
        "currency": statement.revenue.currency,
        "revenue": statement.revenue.amount,
        "electricity": statement.electricity.amount,
        "share": statement.share.amount,
        "topped_up": statement.topped_up.amount,
        "total": statement.total.amount,
    }


def _as_csv(statement: Payout) -> str:
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(("session", "ended", "kWh", "net", "currency"))
    for session in statement.sessions:
        net = session.net
        rows.writerow(
            (session.session_id, session.ended.isoformat(), session.energy / 1000, net.amount, net.currency)
        )
    for name, amount in (
        ("net revenue", statement.revenue),
        ("electricity", statement.electricity),
        ("share", statement.share),
        ("raised to the minimum", statement.topped_up),
        ("total", statement.total),
    ):
        rows.writerow((name, "", "", amount.amount, amount.currency))
    return text.getvalue()


# ---- employers -----------------------------------------------------------------------------------------------------


@router.get("/home-agreements")
async def list_home_agreements(
    caller: TheCaller, database: TheDatabase, paging: ThePaging, site_id: UUID | None = None
) -> Json:
    """Agreements on charging at home, the latest first."""
    return await _listed(caller, database, paging, home_agreements, HomeAgreement, site_id)


@router.post("/home-agreements", status_code=201)
async def agree_with_employer(caller: TheCaller, database: TheDatabase, wish: HomeAgreementInput) -> Json:
    """Let an employer pay back what an employee charges at home, from a month on."""
    agreement = HomeAgreement(
        employer_id=wish.employer_id or new_id(),
        employer=wish.employer,
        employee_id=wish.employee_id,
        per_kilowatt_hour=Money(wish.per_kilowatt_hour, wish.currency),
        at_most=None if wish.at_most is None else Money(wish.at_most, wish.currency),
    )
    async with database.unit_of_work(caller.scope) as work:
        made = await contracts.agree_with_employer(work, caller, wish.site_id, agreement, wish.since)
    return Json({"id": made}, status_code=201)


@router.post("/home-agreements/{agreement_id}/end", status_code=204)
async def end_home_agreement(
    caller: TheCaller, database: TheDatabase, agreement_id: UUID, ending: Ending
) -> None:
    async with database.unit_of_work(caller.scope) as work:
        await contracts.end(work, caller, home_agreements, agreement_id, ending.until)


@router.get("/reimbursements")
async def list_reimbursements(caller: TheCaller, database: TheDatabase, paging: ThePaging) -> Json:
    """What employees were paid back by month, the latest first."""
    caller.require(Permission.MONEY_READ)
    async with database.unit_of_work(caller.scope) as work:
        order = [reimbursements.c.month, reimbursements.c.id]
        found = await page(work, sa.select(reimbursements), order, paging, newest_first=True)
    found.items = [_reimbursement(row) for row in found.items]
    return Json(found)


@router.get("/me/reimbursements")
async def my_reimbursements(caller: TheCaller, database: TheDatabase, paging: ThePaging) -> Json:
    """What one's employer owes for charging at home, the latest month first."""
    query = sa.select(reimbursements).where(reimbursements.c.employee_id == caller.person())
    async with database.unit_of_work(caller.scope) as work:
        order = [reimbursements.c.month, reimbursements.c.id]
        found = await page(work, query, order, paging, newest_first=True)
    found.items = [_reimbursement(row) for row in found.items]
    return Json(found)


def _reimbursement(row: dict[str, Any]) -> dict[str, Any]:
    statement = msgspec.json.decode(row["content"], type=Reimbursement)
    return {
        **{name: row[name] for name in ("id", "agreement_id", "employee_id", "month", "made_at")},
        "energy": statement.energy,
        "currency": statement.total.currency,
        "total": statement.total.amount,
        "cut": statement.cut.amount,
    }


async def _listed(
    caller: Caller,
    database: TheDatabase,
    paging: ThePaging,
    table: sa.Table,
    kind: type,
    site_id: UUID | None,
) -> Json:
    caller.require(Permission.MONEY_READ)
    query = sa.select(table)
    if site_id:
        query = query.where(table.c.site_id == site_id)
    async with database.unit_of_work(caller.scope) as work:
        found = await page(work, query, [table.c.since, table.c.id], paging, newest_first=True)
    for row in found.items:
        row["content"] = msgspec.json.decode(row["content"], type=kind)
    return Json(found)


# ---- fleets --------------------------------------------------------------------------------------------------------


@router.get("/driver-groups/{group_id}/sessions", tags=["fleets"])
async def fleet_sessions(
    caller: TheCaller,
    database: TheDatabase,
    group_id: UUID,
    month: Annotated[str, Query(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")],
) -> Json:
    """What the fleet's drivers charged in a month, and the sums of each driver."""
    async with database.unit_of_work(caller.scope) as work:
        await groups.group_of(work, caller, group_id)
        found = await sessions_of_fleet(work, group_id, date.fromisoformat(f"{month}-01"))
    drivers: dict[UUID, dict[str, Any]] = {}
    for session in found:
        sums = drivers.setdefault(
            session["person_id"],
            {"driver": session["driver"], "sessions": 0, "energy": 0.0, "gross": Decimal(0)},
        )
        sums["sessions"] += 1
        sums["energy"] += session["energy"] or 0.0
        sums["gross"] += session["gross"] or 0
    return Json({"items": found, "drivers": [{"person_id": key, **sums} for key, sums in drivers.items()]})


# ---- who is billed -------------------------------------------------------------------------------------------------


@router.get("/me/billing-details")
async def my_billing_details(caller: TheCaller, database: TheDatabase) -> Json:
    """How one's invoices name the buyer; null where they use the account's name."""
    query = sa.select(billing_details.c.content).where(billing_details.c.person_id == caller.person())
    async with database.unit_of_work(caller.scope) as work:
        content = await work.scalar(query)
    return Json(None if content is None else msgspec.Raw(content.encode()))


@router.put("/me/billing-details", status_code=204)
async def set_my_billing_details(caller: TheCaller, database: TheDatabase, wish: BillingDetails) -> None:
    """Set how invoices from now on name the buyer. A tax number is checked by its country's rules."""
    details = wish.model_dump()
    if wish.vat_number:
        details["vat_number"] = str(vat_number(wish.vat_number))
    row = {
        "content": msgspec.json.encode(Party(**details)).decode(),
        "changed_at": system_clock(),
    }
    async with database.unit_of_work(caller.scope) as work:
        await work.execute(
            insert(billing_details)
            .values(person_id=caller.person(), organization_id=caller.organization_id, **row)
            .on_conflict_do_update(index_elements=["person_id", "organization_id"], set_=row)
        )


@router.delete("/me/billing-details", status_code=204)
async def forget_my_billing_details(caller: TheCaller, database: TheDatabase) -> None:
    """Let invoices use the account's name again; issued ones stay as they are."""
    async with database.unit_of_work(caller.scope) as work:
        of_me = billing_details.c.person_id == caller.person()
        await work.execute(sa.delete(billing_details).where(of_me))
