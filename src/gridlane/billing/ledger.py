"""Double entry, pure: accounts, transfers that balance, and the table of what each event of business moves.

An amount in an entry is positive on the debit side and negative on the credit side; the entries of a transfer add up
to zero in its currency. Transfers are only ever added. A transfer's ``key`` names the event once and for all, so the
same event posted twice is one transfer.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.money import Money


class Side(StrEnum):
    """Where an account grows: what we have and spend on the debit side, what we owe and earn on the credit side."""

    DEBIT = "debit"
    CREDIT = "credit"


class AccountKind(StrEnum):
    RECEIVABLE = "receivable"  # what a customer owes us for bills
    PROVIDER = "provider"  # what a payment provider holds for us
    TERMINAL = "terminal"  # what stations' own terminals took; their provider pays it out
    BANK = "bank"
    WALLET = "wallet"  # what we owe a driver: prepaid balance
    TAX = "tax"  # what we owe the state
    REVENUE = "revenue"
    GOODWILL = "goodwill"  # vouchers and bonuses we gave
    LOSS = "loss"  # disputes lost and bills written off
    PROVIDER_FEE = "provider_fee"
    HOST_SHARE = "host_share"  # the cost of what hosts get
    HOST = "host"  # what we owe a site's host
    EMPLOYER = "employer"  # what an employer owes us for reimbursements
    EMPLOYEE = "employee"  # what we owe an employee for energy charged at home


GROWS: dict[AccountKind, Side] = {
    AccountKind.RECEIVABLE: Side.DEBIT,
    AccountKind.PROVIDER: Side.DEBIT,
    AccountKind.TERMINAL: Side.DEBIT,
    AccountKind.BANK: Side.DEBIT,
    AccountKind.WALLET: Side.CREDIT,
    AccountKind.TAX: Side.CREDIT,
    AccountKind.REVENUE: Side.CREDIT,
    AccountKind.GOODWILL: Side.DEBIT,
    AccountKind.LOSS: Side.DEBIT,
    AccountKind.PROVIDER_FEE: Side.DEBIT,
    AccountKind.HOST_SHARE: Side.DEBIT,
    AccountKind.HOST: Side.CREDIT,
    AccountKind.EMPLOYER: Side.DEBIT,
    AccountKind.EMPLOYEE: Side.CREDIT,
}


class Account(msgspec.Struct, frozen=True):
    """An account of one kind; of one holder (a person, a host, an employer) where the kind has holders."""

    kind: AccountKind
    holder_id: UUID | None = None


class Entry(msgspec.Struct, frozen=True):
    account: Account
    amount: Money


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """Entries that belong together and balance. Raises TransferUnbalanced when they do not."""

    key: str
    at: datetime
    reason: str
    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        if len(self.entries) < 2 or sum_of(entry.amount for entry in self.entries):
            raise TransferUnbalanced(key=self.key)


class TransferUnbalanced(Refusal):
    code = "transfer_unbalanced"
    kind = Kind.INVALID
    sentence = "The transfer {key} does not balance; its entries must be two or more and add up to zero."


class Movement(StrEnum):
    """The events that move one amount from one account to another."""

    PAID_BY_WALLET = "paid_by_wallet"
    PAID_BY_PROVIDER = "paid_by_provider"
    PAID_AT_TERMINAL = "paid_at_terminal"
    PAID_BY_TRANSFER = "paid_by_transfer"
    TRANSFER_REVERSED = "transfer_reversed"
    TOPPED_UP = "topped_up"
    VOUCHER = "voucher"
    REFUNDED_TO_WALLET = "refunded_to_wallet"
    REFUNDED_BY_PROVIDER = "refunded_by_provider"
    WALLET_PAID_OUT = "wallet_paid_out"
    DISPUTED = "disputed"
    DISPUTE_WON = "dispute_won"
    WRITTEN_OFF = "written_off"
    PROVIDER_FEE = "provider_fee"
    PROVIDER_PAID_OUT = "provider_paid_out"
    HOST_EARNED = "host_earned"
    HOST_PAID = "host_paid"
    REIMBURSED = "reimbursed"
    EMPLOYER_PAID = "employer_paid"
    EMPLOYEE_PAID = "employee_paid"


_K = AccountKind
MOVES: dict[Movement, tuple[AccountKind, AccountKind]] = {
    # event: (debit, credit)
    Movement.PAID_BY_WALLET: (_K.WALLET, _K.RECEIVABLE),
    Movement.PAID_BY_PROVIDER: (_K.PROVIDER, _K.RECEIVABLE),
    Movement.PAID_AT_TERMINAL: (_K.TERMINAL, _K.RECEIVABLE),
    Movement.PAID_BY_TRANSFER: (_K.BANK, _K.RECEIVABLE),
    Movement.TRANSFER_REVERSED: (_K.RECEIVABLE, _K.BANK),
    Movement.TOPPED_UP: (_K.PROVIDER, _K.WALLET),
    Movement.VOUCHER: (_K.GOODWILL, _K.WALLET),
    Movement.REFUNDED_TO_WALLET: (_K.RECEIVABLE, _K.WALLET),
    Movement.REFUNDED_BY_PROVIDER: (_K.RECEIVABLE, _K.PROVIDER),
    Movement.WALLET_PAID_OUT: (_K.WALLET, _K.PROVIDER),
    Movement.DISPUTED: (_K.RECEIVABLE, _K.PROVIDER),
    Movement.DISPUTE_WON: (_K.PROVIDER, _K.RECEIVABLE),
    Movement.WRITTEN_OFF: (_K.LOSS, _K.RECEIVABLE),
    Movement.PROVIDER_FEE: (_K.PROVIDER_FEE, _K.PROVIDER),
    Movement.PROVIDER_PAID_OUT: (_K.BANK, _K.PROVIDER),
    Movement.HOST_EARNED: (_K.HOST_SHARE, _K.HOST),
    Movement.HOST_PAID: (_K.HOST, _K.BANK),
    Movement.REIMBURSED: (_K.EMPLOYER, _K.EMPLOYEE),
    Movement.EMPLOYER_PAID: (_K.BANK, _K.EMPLOYER),
    Movement.EMPLOYEE_PAID: (_K.EMPLOYEE, _K.BANK),
}
"""What each event moves: the account debited and the account credited."""

HELD: frozenset[AccountKind] = frozenset({_K.RECEIVABLE, _K.WALLET, _K.HOST, _K.EMPLOYER, _K.EMPLOYEE})
"""Kinds that have one account per holder; the others have one per organization."""


def moved(
    movement: Movement,
    amount: Money,
    at: datetime,
    key: str,
    *,
    holder_id: UUID | None = None,
    other_holder_id: UUID | None = None,
) -> Transfer:
    """The transfer of an event. ``holder_id`` is whom it is about; ``other_holder_id`` where two are (employee)."""
    debit, credit = MOVES[movement]
    both = debit in HELD and credit in HELD
    second = other_holder_id if both and other_holder_id else holder_id
    return Transfer(
        key=key,
        at=at,
        reason=movement.value,
        entries=(
            Entry(_account(debit, holder_id), amount),
            Entry(_account(credit, second), -amount),
        ),
    )


def billed(
    net: Money, tax: Money, at: datetime, key: str, holder_id: UUID, reason: str = "billed"
) -> Transfer:
    """A bill becomes due; with negative amounts, a credit note takes one back."""
    entries = [
        Entry(Account(AccountKind.RECEIVABLE, holder_id), net + tax),
        Entry(Account(AccountKind.REVENUE), -net),
        Entry(Account(AccountKind.TAX), -tax),
    ]
    return Transfer(key=key, at=at, reason=reason, entries=tuple(entry for entry in entries if entry.amount))


def balances(transfers: Iterable[Transfer]) -> dict[tuple[Account, str], Money]:
    """Debit minus credit of every account and currency."""
    totals: dict[tuple[Account, str], Money] = {}
    for entry in (entry for transfer in transfers for entry in transfer.entries):
        place = entry.account, entry.amount.currency
        totals[place] = totals.get(place, Money.zero(entry.amount.currency)) + entry.amount
    return totals


def standing(account: Account, balance: Money) -> Money:
    """A balance as people say it: positive on the side where the account grows."""
    return balance if GROWS[account.kind] is Side.DEBIT else -balance


def sum_of(amounts: Iterable[Money]) -> Money:
    """The sum of one or more amounts of one currency. Raises CurrenciesMixed."""
    first, *others = amounts
    return sum(others, start=first)


def _account(kind: AccountKind, holder_id: UUID | None) -> Account:
    return Account(kind, holder_id if kind in HELD else None)
