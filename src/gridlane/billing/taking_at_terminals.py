"""What stations' own terminals took for a session joins its settlement: it pays the bill in the ledger, and nobody else is
asked for that money again. What the terminal took differs from the bill: a person looks at it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.billing.ledger import Movement, moved
from gridlane.billing.posting import post
from gridlane.billing.reconciliation import open_task
from gridlane.billing.terminal_payments import SETTLED, terminal_payments
from gridlane.charging.model import sessions
from gridlane.kernel.money import Money


class Paid(NamedTuple):
    """The session that a payment names."""

    id: UUID
    status: str


async def session_of(work: AsyncConnection, station_id: UUID, transaction: str | None) -> Paid | None:
    """The session that a station's payment names; the newest where the station used its id again."""
    query = sa.select(sessions.c.id, sessions.c.status).where(
        sessions.c.station_id == station_id, sessions.c.transaction_id == transaction
    )
    found = (await work.execute(query.order_by(sessions.c.generation.desc()).limit(1))).first()
    return None if found is None else Paid(*found)


def _of(session: Mapping[str, Any]) -> sa.Select[Any]:
    columns = terminal_payments.c
    return sa.select(columns.reference, columns.amount).where(
        columns.station_id == session["station_id"],
        columns.transaction == session["transaction_id"],
        columns.status == SETTLED,
        columns.amount > 0,
    )


async def was_paid(work: AsyncConnection, session: Mapping[str, Any]) -> bool:
    """Whether a terminal took money for a session."""
    return bool(await work.scalar(sa.select(_of(session).exists())))


async def take(
    work: AsyncConnection, session: Mapping[str, Any], payer: UUID, currency: str, now: datetime
) -> bool:
    """Post what terminals took for a session, each payment once; whether there is any."""
    found = (await work.execute(_of(session))).all()
    for payment in found:
        key = f"terminal:{session['station_id']}:{payment.reference}"
        paid = moved(Movement.PAID_AT_TERMINAL, Money(payment.amount, currency), now, key, holder_id=payer)
        await post(work, session["organization_id"], paid, session_id=session["id"])
    return bool(found)


async def compare(
    work: AsyncConnection, session: Mapping[str, Any], owed: Money, now: datetime
) -> str | None:
    """What terminals took and what is owed differ: open a task. Gives its sentence."""
    if not owed:
        return None
    sentence = (
        f"The terminal took {owed} less than the bill."
        if owed.amount > 0
        else f"The session was paid at a terminal, and {-owed} more was paid than is owed."
    )
    await open_task(work, session["organization_id"], "terminal_differs", session["id"], sentence, now)
    return sentence
