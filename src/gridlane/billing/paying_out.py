"""What a month owes to others, in the database: hosts get their share, employees the energy of their home.

A month is closed once per contract: the statement is stored and posted in one transaction, by its key.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.billing.ledger import Movement, moved
from gridlane.billing.model import bills, home_agreements, host_contracts, payouts, reimbursements
from gridlane.billing.posting import post
from gridlane.billing.sharing import EarningSession, HomeAgreement, HostContract, payout, reimbursement
from gridlane.charging.model import sessions
from gridlane.kernel.clock import Clock
from gridlane.kernel.database import Database, Scope
from gridlane.kernel.ids import new_id
from gridlane.kernel.money import Money
from gridlane.kernel.quantities import WattHours


async def close_month(database: Database, clock: Clock, month: date) -> tuple[int, int]:
    """Close a calendar month (UTC) for every contract; gives how many payouts and reimbursements were made now."""
    first = month.replace(day=1)
    following = _following(first)
    async with database.as_owner() as work:
        hosts = await _in_force(work, host_contracts, first, following)
        homes = await _in_force(work, home_agreements, first, following)
    made_payouts = [await _pay_host(database, row, first, clock()) for row in hosts]
    made_reimbursements = [await _reimburse(database, row, first, clock()) for row in homes]
    return sum(made_payouts), sum(made_reimbursements)


async def _in_force(
    work: AsyncConnection, table: sa.Table, first: date, following: date
) -> list[dict[str, Any]]:
    query = sa.select(table).where(
        table.c.since < following, sa.or_(table.c.until.is_(None), table.c.until > first)
    )
    return [dict(row) for row in (await work.execute(query)).mappings()]


async def _pay_host(database: Database, row: Mapping[str, Any], month: date, now: datetime) -> bool:
    contract = msgspec.json.decode(row["content"], type=HostContract)
    async with database.unit_of_work(Scope(row["organization_id"])) as work:
        earned = await _earned(work, row["site_id"], month)
        statement = payout(contract, month, earned)
        made = await work.execute(
            insert(payouts)
            .values(
                id=new_id(),
                organization_id=row["organization_id"],
                contract_id=row["id"],
                month=month,
                content=msgspec.json.encode(statement).decode(),
                made_at=now,
            )
            .on_conflict_do_nothing()
            .returning(payouts.c.id)
        )
        if made.first() is None:
            return False
        if statement.total:
            key = f"payout:{row['id']}:{month.isoformat()}"
            transfer = moved(Movement.HOST_EARNED, statement.total, now, key, holder_id=contract.host_id)
            await post(work, row["organization_id"], transfer)
    return True


async def _earned(work: AsyncConnection, site_id: UUID, month: date) -> list[EarningSession]:
    """The sessions of a site that ended in the month, each with its latest bill."""
    since, until = _instants(month)
    latest = (
        sa.select(bills.c.session_id, sa.func.max(bills.c.revision).label("revision"))
        .group_by(bills.c.session_id)
        .subquery()
    )
    query = (
        sa.select(sessions.c.id, sessions.c.ended_at, sessions.c.energy, bills.c.net, bills.c.currency)
        .join(bills, bills.c.session_id == sessions.c.id)
        .join(
            latest,
            sa.and_(latest.c.session_id == bills.c.session_id, latest.c.revision == bills.c.revision),
        )
        .where(sessions.c.site_id == site_id, sessions.c.ended_at >= since, sessions.c.ended_at < until)
        .order_by(sessions.c.ended_at)
    )
    return [
        EarningSession(row.id, row.ended_at, WattHours(row.energy), Money(row.net, row.currency))
        for row in await work.execute(query)
    ]


async def _reimburse(database: Database, row: Mapping[str, Any], month: date, now: datetime) -> bool:
    agreement = msgspec.json.decode(row["content"], type=HomeAgreement)
    since, until = _instants(month)
    async with database.unit_of_work(Scope(row["organization_id"])) as work:
        query = sa.select(sessions.c.energy).where(
            sessions.c.site_id == row["site_id"],
            sessions.c.person_id == row["employee_id"],
            sessions.c.ended_at >= since,
            sessions.c.ended_at < until,
        )
        energies = [WattHours(energy) for energy in (await work.execute(query)).scalars()]
        statement = reimbursement(agreement, month, energies)
        made = await work.execute(
            insert(reimbursements)
            .values(
                id=new_id(),
                organization_id=row["organization_id"],
                agreement_id=row["id"],
                employee_id=row["employee_id"],
                month=month,
                content=msgspec.json.encode(statement).decode(),
                made_at=now,
            )
            .on_conflict_do_nothing()
            .returning(reimbursements.c.id)
        )
        if made.first() is None:
            return False
        if statement.total:
            key = f"reimbursement:{row['id']}:{month.isoformat()}"
            transfer = moved(
                Movement.REIMBURSED,
                statement.total,
                now,
                key,
                holder_id=agreement.employer_id,
                other_holder_id=agreement.employee_id,
            )
            await post(work, row["organization_id"], transfer)
    return True


def _instants(month: date) -> tuple[datetime, datetime]:
    following = _following(month)
    return (
        datetime(month.year, month.month, 1, tzinfo=UTC),
        datetime(following.year, following.month, 1, tzinfo=UTC),
    )


def _following(first: date) -> date:
    return (first + timedelta(days=32)).replace(day=1)
