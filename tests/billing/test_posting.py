from datetime import UTC, datetime
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, ProgrammingError

from gridlane.billing.ledger import Account, AccountKind, Movement, billed, moved
from gridlane.billing.model import ledger_entries, ledger_transfers
from gridlane.billing.posting import balance, post, transfers_of
from gridlane.kernel.ids import new_id
from gridlane.kernel.money import Money

NOW = datetime(2026, 1, 12, tzinfo=UTC)
ANNA, SESSION = UUID(int=1), UUID(int=2)


async def test_a_transfer_is_posted_once_by_its_key(database, organization, scope):
    transfer = moved(Movement.TOPPED_UP, Money.of("20", "EUR"), NOW, "top-up 1", holder_id=ANNA)
    async with database.unit_of_work(scope) as work:
        assert await post(work, organization, transfer)
        assert not await post(work, organization, transfer)
        wallet = Account(AccountKind.WALLET, ANNA)
        assert await balance(work, wallet, "EUR") == Money.of("-20", "EUR")


async def test_what_was_posted_comes_back(database, organization, scope):
    transfer = billed(Money.of("10.00", "EUR"), Money.of("1.90", "EUR"), NOW, "bill", ANNA)
    async with database.unit_of_work(scope) as work:
        await post(work, organization, transfer, session_id=SESSION)
        assert await transfers_of(work, SESSION) == [transfer]


async def test_the_database_refuses_a_transfer_that_does_not_balance(database, organization, scope):
    with pytest.raises(IntegrityError, match="does not balance"):
        async with database.unit_of_work(scope) as work:
            await _half_a_transfer(work, organization)


async def _half_a_transfer(work, organization):
    id_ = new_id()
    common = {"organization_id": organization}
    await work.execute(sa.insert(ledger_transfers).values(id=id_, key="x", at=NOW, reason="x", **common))
    entry = {"transfer_id": id_, "position": 0, "account": "bank", "currency": "EUR", "amount": 1}
    await work.execute(sa.insert(ledger_entries).values(**entry, **common))


async def test_nobody_changes_the_ledger_not_even_its_owner(database, organization, scope):
    async with database.unit_of_work(scope) as work:
        await post(
            work, organization, moved(Movement.TOPPED_UP, Money.of("1", "EUR"), NOW, "k", holder_id=ANNA)
        )
    for statement in (
        "UPDATE ledger_entries SET amount = 2",
        "DELETE FROM ledger_transfers",
        "TRUNCATE ledger_entries",
    ):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with database.unit_of_work(scope) as work:
                await work.execute(sa.text(statement))
        with pytest.raises(IntegrityError, match="append-only"):
            async with database.as_owner() as work:
                await work.execute(sa.text(statement))
