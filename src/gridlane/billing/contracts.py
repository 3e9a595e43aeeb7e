"""Contracts with site hosts and employers: who is owed a share of what, from which month on.

A contract is not changed but ended, and the next one begins; a month that was closed stays as it was stated.
"""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.people import memberships
from gridlane.billing.model import home_agreements, host_contracts
from gridlane.billing.sharing import HomeAgreement, HostContract
from gridlane.kernel import audit
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id
from gridlane.stations.model import sites


class ContractUnknown(Refusal):
    code = "contract_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no contract {contract}."


class ContractOverlaps(Refusal):
    code = "contract_overlaps"
    kind = Kind.CONFLICT
    sentence = "The contract {contract} holds at that time already; end it first."


class ContractNotOfMonths(Refusal):
    code = "contract_not_of_months"
    kind = Kind.INVALID
    sentence = (
        "{field} is {day}; contracts begin and end with a month, so give its first day, after the beginning."
    )


class ContractSiteUnknown(Refusal):
    code = "contract_site_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no site {site}."


class EmployeeUnknown(Refusal):
    code = "employee_unknown"
    kind = Kind.NOT_FOUND
    sentence = "{person} is nobody of this organization."


async def agree_with_host(
    work: AsyncConnection, caller: Caller, site_id: UUID, contract: HostContract, since: date
) -> UUID:
    """A site's host gets a share from a month on. Raises NotAllowed, ContractSiteUnknown, ContractOverlaps,
    ContractNotOfMonths.
    """
    caller.require(Permission.MONEY_WRITE)
    await _require_site(work, site_id)
    _require_month("since", since)
    await _require_free(work, host_contracts, host_contracts.c.site_id == site_id, since)
    values = {"site_id": site_id, "content": msgspec.json.encode(contract).decode(), "since": since}
    return await _keep(work, caller, host_contracts, "host_contract.agreed", values)


async def agree_with_employer(
    work: AsyncConnection, caller: Caller, site_id: UUID, agreement: HomeAgreement, since: date
) -> UUID:
    """An employee gets the energy charged at home paid back. Raises as ``agree_with_host``, and EmployeeUnknown."""
    caller.require(Permission.MONEY_WRITE)
    await _require_site(work, site_id)
    belongs = sa.select(memberships.c.person_id).where(
        memberships.c.person_id == agreement.employee_id,
        memberships.c.organization_id == caller.organization_id,
    )
    if await work.scalar(belongs) is None:
        raise EmployeeUnknown(person=agreement.employee_id)
    _require_month("since", since)
    same = sa.and_(
        home_agreements.c.site_id == site_id, home_agreements.c.employee_id == agreement.employee_id
    )
    await _require_free(work, home_agreements, same, since)
    values = {
        "site_id": site_id,
        "employee_id": agreement.employee_id,
        "content": msgspec.json.encode(agreement).decode(),
        "since": since,
    }
    return await _keep(work, caller, home_agreements, "home_agreement.agreed", values)


async def end(work: AsyncConnection, caller: Caller, table: sa.Table, contract_id: UUID, until: date) -> None:
    """End a contract before a month (exclusive). Raises NotAllowed, ContractUnknown, ContractNotOfMonths."""
    caller.require(Permission.MONEY_WRITE)
    since = await work.scalar(sa.select(table.c.since).where(table.c.id == contract_id).with_for_update())
    if since is None:
        raise ContractUnknown(contract=contract_id)
    _require_month("until", until)
    if until < since:
        raise ContractNotOfMonths(field="until", day=until.isoformat())
    await work.execute(sa.update(table).where(table.c.id == contract_id).values(until=until))
    after = {"until": until, "of": str(table.name)}
    await audit.record(work, caller, "contract.ended", contract_id, after=after)


async def _keep(
    work: AsyncConnection, caller: Caller, table: sa.Table, action: str, values: dict[str, Any]
) -> UUID:
    id_ = new_id()
    await work.execute(sa.insert(table).values(id=id_, organization_id=caller.organization_id, **values))
    await audit.record(work, caller, action, id_, after=values)
    return id_


async def _require_site(work: AsyncConnection, site_id: UUID) -> None:
    if await work.scalar(sa.select(sites.c.id).where(sites.c.id == site_id)) is None:
        raise ContractSiteUnknown(site=site_id)


def _require_month(field: str, day: date) -> None:
    if day.day != 1:
        raise ContractNotOfMonths(field=field, day=day.isoformat())


async def _require_free(
    work: AsyncConnection, table: sa.Table, same: sa.ColumnElement[bool], since: date
) -> None:
    holds = sa.select(table.c.id).where(same, sa.or_(table.c.until.is_(None), table.c.until > since))
    known = await work.scalar(holds.limit(1))
    if known is not None:
        raise ContractOverlaps(contract=known)
