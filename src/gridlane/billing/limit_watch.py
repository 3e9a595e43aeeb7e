"""Running charges end where their driver wanted: each limit is watched, and the station is asked to stop, tracked.

What was reached is stored with the operation in one transaction, so a restart asks nothing twice; a station that does
not stop is asked again, ever more rarely.
"""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.billing.running_cost import cost_so_far
from gridlane.charging import limits, remote
from gridlane.charging.model import limits_reached, sessions, start_requests
from gridlane.kernel.access import system
from gridlane.kernel.bus import Bus
from gridlane.kernel.clock import Clock
from gridlane.kernel.database import Database
from gridlane.stations.model import operations

log = structlog.get_logger(__name__)

LOOK_SECONDS = 2.0
UNDER_WAY = ("queued", "sent", "agreed")
PATIENCE = timedelta(minutes=1)
"""How long a station may take to end a charge that it was asked to stop; doubled with every further time."""
MOST_PATIENCE = timedelta(minutes=30)
COST_EVERY = timedelta(seconds=20)
"""A price by time grows without a word of the station."""


class LimitWatch:
    """Looks until cancelled. Any number may run: an attempt has its own idempotency key."""

    def __init__(self, database: Database, bus: Bus, clock: Clock) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._costs: dict[UUID, _Cost] = {}

    async def run(self) -> None:
        while True:
            try:
                await self.once()
            except (OperationalError, OSError) as trouble:
                log.warning("database away", reason=str(trouble).strip())
            await asyncio.sleep(LOOK_SECONDS)

    async def once(self) -> int:
        """Look at every running charge with a limit; gives how many stations were asked to stop one."""
        now = self._clock()
        async with self._database.as_owner() as work:
            running = [dict(row) for row in (await work.execute(_running())).mappings()]
        self._costs = {row["id"]: self._costs[row["id"]] for row in running if row["id"] in self._costs}
        asked = [await self._look(row, now) for row in running if not _is_patient(row, now)]
        return sum(asked)

    async def _look(self, row: dict[str, Any], now: datetime) -> bool:
        caller = system(row["organization_id"], "limit")
        wanted = msgspec.json.decode(row["limits"], type=limits.Limits)
        async with self._database.unit_of_work(caller.scope) as work:
            cost = await self._cost(work, row, now) if wanted.cost is not None else None
            standing = limits.Standing(
                row["started_at"], row["first_received_at"], row["energy"], row["register_at"], row["power"],
                row["soc"], cost,
            )  # fmt: skip
            which = row["which"] or limits.reached(wanted, standing, now)
            if which is None:
                return False
            attempt = (row["attempts"] or 0) + 1
            key = f"limit:{row['id']}:{attempt}"
            try:
                operation = await remote.stop(work, caller, row["id"], idempotency_key=key)
            except (remote.SessionOver, remote.SessionUnknown):
                return False  # it ended meanwhile, or is kept no longer
            await work.execute(_kept(row, which, operation["id"], attempt, now))
        self._bus.publish(f"station.{row['station_id']}.operations")
        return True

    async def _cost(self, work: AsyncConnection, row: dict[str, Any], now: datetime) -> Decimal | None:
        known = self._costs.get(row["id"])
        if known is not None and known.of == row["received_at"] and now - known.at < COST_EVERY:
            return known.amount
        bill = await cost_so_far(work, row["id"], now)
        amount = None if bill is None else bill.gross.amount
        self._costs[row["id"]] = _Cost(row["received_at"], now, amount)
        return amount


class _Cost(msgspec.Struct, frozen=True):
    """What a charge costs, by the station's word ``of`` then, made ``at``."""

    of: datetime
    at: datetime
    amount: Decimal | None


def _is_patient(row: dict[str, Any], now: datetime) -> bool:
    """Whether the station was asked already and still has time."""
    if row["attempts"] is None:
        return False
    patience = min(PATIENCE * 2 ** (min(row["attempts"], 10) - 1), MOST_PATIENCE)
    return row["operation_status"] in UNDER_WAY or now - row["asked_at"] < patience


def _running() -> sa.Select[Any]:
    return (
        sa.select(
            sessions.c.id, sessions.c.organization_id, sessions.c.station_id, sessions.c.started_at,
            sessions.c.first_received_at, sessions.c.received_at, sessions.c.energy, sessions.c.register_at,
            sessions.c.power, sessions.c.soc, start_requests.c.limits, limits_reached.c.which,
            limits_reached.c.attempts, limits_reached.c.asked_at, operations.c.status.label("operation_status"),
        )
        .join_from(sessions, start_requests, start_requests.c.id == sessions.c.request_id)
        .outerjoin(limits_reached, limits_reached.c.session_id == sessions.c.id)
        .outerjoin(operations, operations.c.id == limits_reached.c.operation_id)
        .where(sessions.c.status == "active", start_requests.c.limits.is_not(None))
    )  # fmt: skip


def _kept(row: dict[str, Any], which: limits.Which, operation_id: UUID, attempt: int, now: datetime) -> Any:
    values = {
        "session_id": row["id"],
        "organization_id": row["organization_id"],
        "which": which,
        "reached_at": now,
        "operation_id": operation_id,
        "attempts": attempt,
        "asked_at": now,
    }
    again = {name: values[name] for name in ("operation_id", "attempts", "asked_at")}
    statement = insert(limits_reached).values(values)
    return statement.on_conflict_do_update(index_elements=[limits_reached.c.session_id], set_=again)
