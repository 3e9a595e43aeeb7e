"""The ledger in the database: transfers are posted once by their key, and balances are read from their entries."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.billing.ledger import Account, AccountKind, Entry, Transfer
from gridlane.billing.model import ledger_entries, ledger_transfers
from gridlane.kernel.ids import new_id
from gridlane.kernel.money import Money


async def post(
    work: AsyncConnection, organization_id: UUID, transfer: Transfer, *, session_id: UUID | None = None
) -> bool:
    """Post a transfer within the caller's unit of work; False where its key has been posted before."""
    id_ = new_id()
    made = await work.execute(
        insert(ledger_transfers)
        .values(
            id=id_,
            organization_id=organization_id,
            key=transfer.key,
            at=transfer.at,
            reason=transfer.reason,
            session_id=session_id,
        )
        .on_conflict_do_nothing(index_elements=["organization_id", "key"])
        .returning(ledger_transfers.c.id)
    )
    if made.first() is None:
        return False
    values = [
        {
            "transfer_id": id_,
            "position": position,
            "organization_id": organization_id,
            "account": entry.account.kind.value,
            "holder_id": entry.account.holder_id,
            "currency": entry.amount.currency,
            "amount": entry.amount.amount,
        }
        for position, entry in enumerate(transfer.entries)
    ]
    await work.execute(sa.insert(ledger_entries), values)
    return True


async def balance(work: AsyncConnection, account: Account, currency: str) -> Money:
    """Debit minus credit of an account, as far as the unit of work may see it."""
    total = await work.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(ledger_entries.c.amount), 0)).where(
            ledger_entries.c.account == account.kind.value,
            ledger_entries.c.holder_id.is_not_distinct_from(account.holder_id),
            ledger_entries.c.currency == currency,
        )
    )
    return Money(Decimal(total or 0), currency)


async def owed_for(work: AsyncConnection, session_id: UUID, currency: str) -> Money:
    """What is still owed for a session; negative where we owe it."""
    total = await work.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(ledger_entries.c.amount), 0))
        .join(ledger_transfers, ledger_transfers.c.id == ledger_entries.c.transfer_id)
        .where(
            ledger_transfers.c.session_id == session_id,
            ledger_entries.c.account == AccountKind.RECEIVABLE.value,
            ledger_entries.c.currency == currency,
        )
    )
    return Money(Decimal(total or 0), currency)


async def transfers_of(work: AsyncConnection, session_id: UUID) -> Sequence[Transfer]:
    """What was posted about a session, in order."""
    found = await work.execute(
        sa.select(ledger_transfers, ledger_entries)
        .join(ledger_entries, ledger_entries.c.transfer_id == ledger_transfers.c.id)
        .where(ledger_transfers.c.session_id == session_id)
        .order_by(ledger_transfers.c.id, ledger_entries.c.position)
    )
    groups: dict[UUID, tuple[sa.RowMapping, list[Entry]]] = {}
    for row in found.mappings():
        account = Account(AccountKind(row["account"]), row["holder_id"])
        entry = Entry(account, Money(row["amount"], row["currency"]))
        groups.setdefault(row["transfer_id"], (row, []))[1].append(entry)
    return [
        Transfer(key=row["key"], at=row["at"], reason=row["reason"], entries=tuple(entries))
        for row, entries in groups.values()
    ]
