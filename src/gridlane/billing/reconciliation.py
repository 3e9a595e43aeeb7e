"""Every night: does the ledger say what the providers say, and is every session settled? A task for each difference.

Nothing is mended here; a person looks at each task, and what mends it is a document or transfer of its own.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.billing.ledger import AccountKind
from gridlane.billing.model import (
    bills,
    ledger_entries,
    ledger_transfers,
    money_tasks,
    payments,
    settlements,
    wallets,
)
from gridlane.billing.payments import UNDER_WAY, PaymentState, payment_of
from gridlane.billing.port import HoldState, PaymentProvider, ProviderUnavailable
from gridlane.charging.model import sessions
from gridlane.kernel.database import Database
from gridlane.kernel.ids import new_id

log = structlog.get_logger(__name__)

LATE = timedelta(hours=1)
"""What is under way for longer is a difference."""


class Difference(NamedTuple):
    """Something that does not agree, about a session, payment or person."""

    organization_id: UUID
    kind: str
    subject_id: UUID
    sentence: str


async def reconcile(
    database: Database, providers: Mapping[str, PaymentProvider], now: datetime, since: datetime
) -> list[Difference]:
    """Compare everything since an instant, and open a task for each difference that has none yet."""
    async with database.as_owner() as work:
        found = [difference async for difference in _in_the_books(work, now)]
        rows = (
            (await work.execute(sa.select(payments).where(payments.c.changed_at >= since))).mappings().all()
        )
    for row in rows:
        found += [difference async for difference in _at_the_provider(dict(row), providers, now)]
    async with database.as_owner() as work:
        for difference in found:
            await open_task(work, *difference, now)
    return found


async def open_task(
    work: AsyncConnection, organization_id: UUID, kind: str, subject_id: UUID, sentence: str, now: datetime
) -> None:
    """Ask a person to look; one open task per kind and subject."""
    await work.execute(
        insert(money_tasks)
        .values(
            id=new_id(),
            organization_id=organization_id,
            kind=kind,
            subject_id=subject_id,
            sentence=sentence,
            opened_at=now,
        )
        .on_conflict_do_nothing()
    )


async def resolve_task(work: AsyncConnection, task_id: UUID, resolution: str, now: datetime) -> bool:
    """Close a task with what was done; False where it is closed or unknown."""
    done = await work.execute(
        sa.update(money_tasks)
        .where(money_tasks.c.id == task_id, money_tasks.c.resolved_at.is_(None))
        .values(resolved_at=now, resolution=resolution)
        .returning(money_tasks.c.id)
    )
    return done.first() is not None


async def _in_the_books(work: AsyncConnection, now: datetime) -> AsyncIterator[Difference]:
    async for difference in _sessions_without_settlement(work, now):
        yield difference
    async for difference in _bills_without_entries(work):
        yield difference
    async for difference in _wallets_unlike_the_ledger(work):
        yield difference
    async for difference in _payments_unlike_the_ledger(work):
        yield difference


async def _sessions_without_settlement(work: AsyncConnection, now: datetime) -> AsyncIterator[Difference]:
    query = (
        sa.select(sessions.c.organization_id, sessions.c.id)
        .join(settlements, settlements.c.session_id == sessions.c.id, isouter=True)
        .where(
            sessions.c.status == "ended",
            sessions.c.organization_id.is_not(None),
            sessions.c.ended_at < now - LATE,
            settlements.c.session_id.is_(None),
        )
    )
    for row in await work.execute(query):
        yield Difference(
            row.organization_id, "not_settled", row.id, "The session has ended and was never billed."
        )


async def _bills_without_entries(work: AsyncConnection) -> AsyncIterator[Difference]:
    """Each bill that asks for something has its transfer."""
    key = sa.func.concat(sa.cast(bills.c.id, sa.Text), ":billed")
    query = (
        sa.select(bills.c.organization_id, bills.c.session_id)
        .join(
            ledger_transfers,
            sa.and_(
                ledger_transfers.c.organization_id == bills.c.organization_id, ledger_transfers.c.key == key
            ),
            isouter=True,
        )
        .where(bills.c.net + bills.c.tax != 0, ledger_transfers.c.id.is_(None))
    )
    for row in await work.execute(query):
        yield Difference(row.organization_id, "not_posted", row.session_id, "The bill is not in the ledger.")


async def _wallets_unlike_the_ledger(work: AsyncConnection) -> AsyncIterator[Difference]:
    posted = (
        sa.select(
            ledger_entries.c.organization_id,
            ledger_entries.c.holder_id,
            ledger_entries.c.currency,
            (-sa.func.sum(ledger_entries.c.amount)).label("balance"),
        )
        .where(ledger_entries.c.account == AccountKind.WALLET.value)
        .group_by(ledger_entries.c.organization_id, ledger_entries.c.holder_id, ledger_entries.c.currency)
        .subquery()
    )
    same = sa.and_(
        posted.c.organization_id == wallets.c.organization_id,
        posted.c.holder_id == wallets.c.person_id,
        posted.c.currency == wallets.c.currency,
    )
    says = sa.func.coalesce(posted.c.balance, 0)
    query = (
        sa.select(wallets, says.label("posted"))
        .join(posted, same, isouter=True)
        .where(wallets.c.balance != says)
    )
    for row in await work.execute(query):
        sentence = f"The wallet has {row.balance} {row.currency}, the ledger says {row.posted}."
        yield Difference(row.organization_id, "wallet_differs", row.person_id, sentence)


async def _payments_unlike_the_ledger(work: AsyncConnection) -> AsyncIterator[Difference]:
    key = sa.func.concat(sa.cast(payments.c.id, sa.Text), ":capture")
    query = (
        sa.select(payments.c.organization_id, payments.c.id)
        .join(
            ledger_transfers,
            sa.and_(
                ledger_transfers.c.organization_id == payments.c.organization_id,
                ledger_transfers.c.key == key,
            ),
            isouter=True,
        )
        .where(payments.c.state == PaymentState.CAPTURED.value, ledger_transfers.c.id.is_(None))
    )
    for row in await work.execute(query):
        yield Difference(row.organization_id, "capture_not_posted", row.id, "A capture is not in the ledger.")


async def _at_the_provider(
    row: dict[str, Any], providers: Mapping[str, PaymentProvider], now: datetime
) -> AsyncIterator[Difference]:
    payment = payment_of(row)
    if payment.state in UNDER_WAY and row["changed_at"] < now - LATE:
        sentence = f"The payment is {payment.state.value} since {row['changed_at']:%Y-%m-%d %H:%M}."
        yield Difference(payment.organization_id, "payment_stuck", payment.id, sentence)
    provider = providers.get(payment.source.provider)
    if provider is None or payment.reference is None:
        return
    try:
        seen = await provider.seen(payment.reference, payment.source)
    except ProviderUnavailable:
        log.warning("provider not compared", payment=str(payment.id))
        return
    if not _agrees(payment.state, seen.state):
        sentence = f"We say {payment.state.value}, {payment.source.provider} says {seen.state.value}."
        yield Difference(payment.organization_id, "state_differs", payment.id, sentence)
    elif seen.captured is not None and seen.captured != payment.captured:
        sentence = f"We captured {payment.captured}, {payment.source.provider} says {seen.captured}."
        yield Difference(payment.organization_id, "amount_differs", payment.id, sentence)
    elif seen.refunded is not None and seen.refunded != payment.refunded:
        sentence = f"We refunded {payment.refunded}, {payment.source.provider} says {seen.refunded}."
        yield Difference(payment.organization_id, "refund_differs", payment.id, sentence)


_EXPECTED = {
    PaymentState.HELD: {HoldState.HELD},
    PaymentState.CAPTURED: {HoldState.CAPTURED},
    PaymentState.RELEASED: {HoldState.GONE},
    PaymentState.NEEDS_DRIVER: {HoldState.NEEDS_DRIVER, HoldState.HELD, HoldState.GONE},
}


def _agrees(ours: PaymentState, theirs: HoldState) -> bool:
    return theirs in _EXPECTED.get(ours, set(HoldState))
