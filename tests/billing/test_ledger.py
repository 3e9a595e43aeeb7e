from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridlane.billing.ledger import (
    GROWS,
    HELD,
    MOVES,
    Account,
    AccountKind,
    Entry,
    Movement,
    Transfer,
    TransferUnbalanced,
    balances,
    billed,
    moved,
    standing,
)
from gridlane.kernel.errors import CurrenciesMixed
from gridlane.kernel.money import Money

NOW = datetime(2026, 1, 12, tzinfo=UTC)
ANNA = UUID(int=1)


def euros(amount):
    return Money.of(amount, "EUR")


def test_a_transfer_that_does_not_balance_is_refused():
    one, other = Account(AccountKind.BANK), Account(AccountKind.PROVIDER)
    with pytest.raises(TransferUnbalanced):
        Transfer(key="k", at=NOW, reason="x", entries=(Entry(one, euros("1")), Entry(other, euros("-0.99"))))
    with pytest.raises(TransferUnbalanced):
        Transfer(key="k", at=NOW, reason="x", entries=(Entry(one, euros("0")),))


def test_currencies_never_balance_each_other():
    one, other = Account(AccountKind.BANK), Account(AccountKind.PROVIDER)
    with pytest.raises(CurrenciesMixed):
        Transfer(
            key="k", at=NOW, reason="x", entries=(Entry(one, euros("1")), Entry(other, Money.of("-1", "CHF")))
        )


def test_a_bill_paid_from_the_wallet_leaves_nothing_due():
    story = [
        moved(Movement.TOPPED_UP, euros("20"), NOW, "top-up", holder_id=ANNA),
        billed(euros("10.00"), euros("1.90"), NOW, "bill", ANNA),
        moved(Movement.PAID_BY_WALLET, euros("11.90"), NOW, "payment", holder_id=ANNA),
    ]
    after = balances(story)
    assert not after[Account(AccountKind.RECEIVABLE, ANNA), "EUR"]
    wallet = Account(AccountKind.WALLET, ANNA)
    assert standing(wallet, after[wallet, "EUR"]) == euros("8.10")
    tax = Account(AccountKind.TAX)
    assert standing(tax, after[tax, "EUR"]) == euros("1.90")


def test_a_credit_note_and_a_refund_undo_a_bill_and_its_payment():
    story = [
        billed(euros("10.00"), euros("1.90"), NOW, "bill", ANNA),
        moved(Movement.PAID_BY_PROVIDER, euros("11.90"), NOW, "payment", holder_id=ANNA),
        billed(euros("-10.00"), euros("-1.90"), NOW, "credit note", ANNA),
        moved(Movement.REFUNDED_BY_PROVIDER, euros("11.90"), NOW, "refund", holder_id=ANNA),
    ]
    assert not any(balances(story).values())


def test_every_event_has_its_accounts_and_every_account_its_side():
    assert set(MOVES) == set(Movement)
    assert set(GROWS) == set(AccountKind)


def test_an_employers_debt_and_an_employees_claim_are_two_peoples_accounts():
    transfer = moved(Movement.REIMBURSED, euros("31"), NOW, "k", holder_id=ANNA, other_holder_id=UUID(int=2))
    assert [entry.account.holder_id for entry in transfer.entries] == [ANNA, UUID(int=2)]


@given(st.lists(st.tuples(st.sampled_from(list(Movement)), st.integers(1, 10**9)), max_size=30))
def test_whatever_happens_the_books_balance(events):
    story = [
        moved(movement, Money.from_minor(cents, "EUR"), NOW, str(n), holder_id=ANNA)
        for n, (movement, cents) in enumerate(events)
    ]
    total = sum((balance.amount for balance in balances(story).values()), start=0)
    assert total == 0
    assert all((account.holder_id is not None) == (account.kind in HELD) for account, _ in balances(story))
