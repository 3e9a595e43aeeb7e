"""While a car charges: hold more before the hold is used up, and end the charge before it costs more than is held.

And after: who owes does not start again until it is paid.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.model import tokens
from gridlane.billing.model import payments as payment_rows
from gridlane.billing.payments import Payments, PaymentState
from gridlane.billing.port import HoldNotRaised, PaymentDeclined, ProviderUnavailable
from gridlane.billing.running_cost import cost_so_far
from gridlane.charging import admission, remote
from gridlane.charging.model import sessions
from gridlane.kernel.access import system
from gridlane.kernel.database import Database
from gridlane.kernel.money import Money

log = structlog.get_logger(__name__)

RAISE_AT = Decimal("0.8")
"""The share of a hold that is used up when more is asked for."""
RAISE_BY = Decimal("1.5")
STOP_AT = Decimal("0.97")
"""The share at which the charge is ended where no more could be held."""
OWED_FOR = timedelta(days=365)


class _Held(NamedTuple):
    organization_id: UUID
    payment_id: UUID
    session_id: UUID
    station_id: UUID
    currency: str
    held: Decimal


async def watch_holds(database: Database, payments: Payments, now: datetime) -> list[UUID]:
    """Look at every running session with money held; gives the stations to ring. A job of every minute."""
    query = (
        sa.select(
            payment_rows.c.organization_id,
            payment_rows.c.id,
            sessions.c.id,
            sessions.c.station_id,
            payment_rows.c.currency,
            payment_rows.c.held,
        )
        .join(sessions, sessions.c.id == payment_rows.c.session_id)
        .where(payment_rows.c.state == PaymentState.HELD.value, sessions.c.status == "active")
    )
    async with database.as_owner() as work:
        running = [_Held(*row) for row in await work.execute(query)]
    return [held.station_id for held in running if await _watch(database, payments, held, now)]


async def _watch(database: Database, payments: Payments, held: _Held, now: datetime) -> bool:
    """Raise the hold where it nears its end; whether the charge was asked to end instead."""
    caller = system(held.organization_id, "hold guard")
    async with database.unit_of_work(caller.scope) as work:
        bill = await cost_so_far(work, held.session_id, now)
    if bill is None or bill.gross.amount < held.held * RAISE_AT:
        return False
    more = Money(held.held * RAISE_BY, held.currency).rounded()
    try:
        await payments.raise_hold(held.organization_id, held.payment_id, more)
    except (HoldNotRaised, PaymentDeclined, ProviderUnavailable) as refusal:
        log.info("hold not raised", session=str(held.session_id), why=str(refusal))
    else:
        return False
    if bill.gross.amount < held.held * STOP_AT:
        return False
    async with database.unit_of_work(caller.scope) as work:
        await remote.stop(work, caller, held.session_id, idempotency_key=f"hold-used-up:{held.payment_id}")
    return True


async def close_credit(work: AsyncConnection, organization_id: UUID, person_id: UUID, now: datetime) -> None:
    """Let none of a person's tokens start while the person owes. Said once, however often it is called."""
    await open_credit(work, person_id)
    keys: Sequence[UUID] = (
        (await work.execute(sa.select(tokens.c.key).where(tokens.c.person_id == person_id))).scalars().all()
    )
    for key in keys:
        wish = admission.Wish(
            kind="credit",
            organization_id=organization_id,
            valid_from=now,
            valid_until=now + OWED_FOR,
            status="no_credit",
            token_key=key,
            message="An invoice is open; pay it in the app.",
            reference=_reference(person_id),
        )
        await admission.say(work, wish)


async def open_credit(work: AsyncConnection, person_id: UUID) -> None:
    """The person has paid: tokens start again."""
    await admission.withdraw(work, reference=_reference(person_id))


def _reference(person_id: UUID) -> str:
    return f"owed:{person_id}"
