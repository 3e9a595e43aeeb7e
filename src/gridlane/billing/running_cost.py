"""What a session costs so far: for the driver's screen, and for stations that have a display (OCPP 2.x, I02).

The same rating as the bill's, of what was stored up to now; so the last figure shown is the first line of the bill.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.billing.agreeing import agreement_of
from gridlane.billing.billable import bill_of, session_row
from gridlane.billing.model import agreements
from gridlane.billing.rating import Bill
from gridlane.charging.model import sessions
from gridlane.kernel.access import system
from gridlane.kernel.database import Database
from gridlane.kernel.money import Money
from gridlane.stations import asking_operations
from gridlane.stations.commands import ShowCost
from gridlane.stations.model import stations


async def cost_so_far(work: AsyncConnection, session_id: UUID, now: datetime) -> Bill | None:
    """The bill as if the session ended now; None where no price is agreed."""
    row = (
        (await work.execute(sa.select(agreements).where(agreements.c.session_id == session_id)))
        .mappings()
        .first()
    )
    if row is None:
        return None
    session = await session_row(work, session_id)
    if session["ended_at"] is None:
        session["ended_at"] = now
    bill, _ = await bill_of(work, session, agreement_of(dict(row)))
    return bill


class _Running(NamedTuple):
    organization_id: UUID
    station_id: UUID
    session_id: UUID
    transaction_id: str


async def show_costs(database: Database, now: datetime, shown: dict[UUID, Money]) -> list[UUID]:
    """Tell each connected station of 2.x what its sessions cost where that has changed; gives the stations to ring.

    ``shown`` remembers what was told last, by session; losing it only tells a figure again.
    """
    async with database.as_owner() as work:
        query = (
            sa.select(
                sessions.c.organization_id, sessions.c.station_id, sessions.c.id, sessions.c.transaction_id
            )
            .join(stations, stations.c.id == sessions.c.station_id)
            .join(agreements, agreements.c.session_id == sessions.c.id)
            .where(sessions.c.status == "active", stations.c.connected, stations.c.protocol.like("ocpp2%"))
        )
        running = [_Running(*row) for row in await work.execute(query)]
    for ended in set(shown) - {one.session_id for one in running}:
        del shown[ended]
    rung = []
    for one in running:
        caller = system(one.organization_id)
        async with database.unit_of_work(caller.scope) as work:
            bill = await cost_so_far(work, one.session_id, now)
            if bill is None or shown.get(one.session_id) == bill.gross:
                continue
            command = ShowCost(transaction=one.transaction_id, total=str(bill.gross.rounded().amount))
            await asking_operations.put(work, caller, [one.station_id], command)
        shown[one.session_id] = bill.gross
        rung.append(one.station_id)
    return rung
