"""A person's month: what was charged and paid, from the ledger and the documents."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.people import people
from gridlane.billing import issuing
from gridlane.billing.invoicing import Statement, StatementRow
from gridlane.billing.ledger import AccountKind
from gridlane.billing.model import bills, documents, ledger_entries, ledger_transfers
from gridlane.kernel.money import Money

REASONS = {
    "en": {
        "billed": "Charge",
        "credited": "Credit note",
        "paid_by_wallet": "Paid from the wallet",
        "paid_by_provider": "Paid by card",
        "paid_at_terminal": "Paid at the station's terminal",
        "refunded_to_wallet": "Refund to the wallet",
        "refunded_by_provider": "Refund to the card",
    },
    "de": {
        "billed": "Ladevorgang",
        "credited": "Gutschrift",
        "paid_by_wallet": "Aus dem Guthaben bezahlt",
        "paid_by_provider": "Mit Karte bezahlt",
        "paid_at_terminal": "Am Terminal der Station bezahlt",
        "refunded_to_wallet": "Erstattung ins Guthaben",
        "refunded_by_provider": "Erstattung auf die Karte",
    },
}
"""What a row says, by the reason of its transfer; any other says its reason."""


async def statement_of(
    work: AsyncConnection, organization_id: UUID, person_id: UUID, month: date, currency: str = "EUR"
) -> Statement:
    """The statement of a calendar month (UTC). Rows are what the person's account with us has seen."""
    since = datetime(month.year, month.month, 1, tzinfo=UTC)
    until = (since + timedelta(days=32)).replace(day=1)
    seller = await issuing.seller(work, organization_id)
    language = await work.scalar(sa.select(people.c.language).where(people.c.id == person_id)) or "en"
    language = language if language in REASONS else "en"
    owed = (
        ledger_entries.c.account == AccountKind.RECEIVABLE.value,
        ledger_entries.c.holder_id == person_id,
        ledger_entries.c.currency == currency,
    )
    joined = sa.join(ledger_entries, ledger_transfers, ledger_entries.c.transfer_id == ledger_transfers.c.id)
    opening = await work.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(ledger_entries.c.amount), 0))
        .select_from(joined)
        .where(*owed, ledger_transfers.c.at < since)
    )
    numbers = sa.select(sa.func.max(documents.c.number)).where(
        documents.c.session_id == ledger_transfers.c.session_id, documents.c.kind != "credit_note"
    )
    energies = sa.select(sa.func.max(sa.cast(bills.c.content, sa.JSON)["energy"].as_float())).where(
        bills.c.session_id == ledger_transfers.c.session_id
    )
    query = (
        sa.select(
            ledger_transfers.c.at,
            ledger_transfers.c.reason,
            ledger_entries.c.amount,
            numbers.scalar_subquery().label("number"),
            energies.scalar_subquery().label("energy"),
        )
        .select_from(joined)
        .where(*owed, ledger_transfers.c.at >= since, ledger_transfers.c.at < until)
        .order_by(ledger_transfers.c.at, ledger_transfers.c.id)
    )
    rows = [
        StatementRow(
            day=row.at.date(),
            text=REASONS[language].get(row.reason, row.reason),
            number=(row.number or "") if row.reason == "billed" else "",
            energy=Decimal(repr(row.energy)) / 1000 if row.reason == "billed" and row.energy else None,
            amount=Money(row.amount, currency),
        )
        for row in await work.execute(query)
    ]
    return Statement(
        month=since.date(),
        language=language,
        seller=seller,
        buyer=await issuing.buyer(work, person_id, seller.country, "Guest"),
        opening=Money.of(opening or 0, currency),
        rows=tuple(rows),
    )
