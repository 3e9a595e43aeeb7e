"""Fleets that pay on account: the terms, and the limit of what may stand open.

A fleet has at most one account, by the fleet's id, which is also its holder in the ledger. Starts are refused, by an
admission for each of the fleet's tokens, while what is open reaches the credit limit; a charge that runs goes on.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts import groups
from gridlane.accounts.model import group_members, tokens, vehicles
from gridlane.billing.invoicing import Party
from gridlane.billing.ledger import Account, AccountKind
from gridlane.billing.model import account_charges, account_invoices, agreements, fleet_accounts
from gridlane.billing.posting import balance
from gridlane.billing.running_cost import cost_so_far
from gridlane.charging import admission
from gridlane.charging.model import admissions, sessions
from gridlane.kernel import audit
from gridlane.kernel.access import Caller, NotAllowed, Permission
from gridlane.kernel.database import Database, Scope
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.money import Money

CLOSED_FOR = timedelta(days=365)
NO_CREDIT = {
    "en": "The credit limit of your fleet is used up; its manager can settle an invoice.",
    "de": "Der Kreditrahmen Ihrer Flotte ist ausgeschöpft; ihre Leitung kann eine Rechnung begleichen.",
}


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed with a fleet. ``covers_drivers``: whatever its drivers charge, not only its vehicles' cards."""

    credit_limit: Money
    payment_days: int
    covers_drivers: bool
    language: str
    buyer: Party


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How an account stands. ``open`` is billed and unpaid, of it ``uninvoiced`` is on the next invoice and ``overdue``
    past its day; ``running`` is what charges under way cost so far.
    """

    credit_limit: Money
    open: Money
    uninvoiced: Money
    overdue: Money
    running: Money

    @property
    def available(self) -> Money:
        return max(self.credit_limit - self.open - self.running, Money.zero(self.open.currency))


class AccountUnknown(Refusal):
    code = "fleet_account_unknown"
    kind = Kind.NOT_FOUND
    sentence = "The fleet {group} does not pay on account."


class NotAFleet(Refusal):
    code = "not_a_fleet"
    kind = Kind.CONFLICT
    sentence = "{name} is a driver group; only a fleet can pay on account."


class AccountCurrencyFixed(Refusal):
    code = "fleet_account_currency_fixed"
    kind = Kind.CONFLICT
    sentence = "The account has charges in {currency} already; it stays in that currency."


# ---- terms ---------------------------------------------------------------------------------------------------------


async def agree_on(
    work: AsyncConnection, caller: Caller, group_id: UUID, terms: Terms, now: datetime
) -> dict[str, Any]:
    """Let a fleet pay on account from now on, or change its terms.

    Raises NotAllowed, GroupUnknown, NotAFleet, AccountCurrencyFixed.
    """
    caller.require(Permission.MONEY_WRITE)
    _require_whole_reach(caller)
    fleet = await groups.group_of(work, caller, group_id)
    if fleet["kind"] != "fleet":
        raise NotAFleet(name=fleet["name"])
    before = await _row(work, group_id)
    if before is not None and before["currency"] != terms.credit_limit.currency:
        charged = sa.select(sa.exists().where(account_charges.c.account_id == group_id))
        if await work.scalar(charged):
            raise AccountCurrencyFixed(currency=before["currency"])
    row = {
        "currency": terms.credit_limit.currency,
        "credit_limit": terms.credit_limit.amount,
        "payment_days": terms.payment_days,
        "covers_drivers": terms.covers_drivers,
        "language": terms.language,
        "buyer": msgspec.json.encode(terms.buyer).decode(),
        "closed_at": None,
        "changed_at": now,
    }
    if before is not None and before["closed_at"] is not None:
        row["opened_at"] = now
    statement = insert(fleet_accounts).values(
        **{"opened_at": now, **row}, group_id=group_id, organization_id=caller.organization_id
    )
    await work.execute(statement.on_conflict_do_update(index_elements=["group_id"], set_=row))
    after = await account_of(work, group_id)
    await audit.record(work, caller, "fleet_account.agreed", group_id, before=before, after=after)
    await keep_credit(work, after, now)
    return after


async def close(work: AsyncConnection, caller: Caller, group_id: UUID, now: datetime) -> None:
    """Let sessions that begin from now on be paid by their drivers again; what is open stays to be invoiced and paid.

    Raises NotAllowed, GroupUnknown, AccountUnknown.
    """
    caller.require(Permission.MONEY_WRITE)
    _require_whole_reach(caller)
    await groups.group_of(work, caller, group_id)
    before = await account_of(work, group_id)
    of_group = fleet_accounts.c.group_id == group_id
    await work.execute(
        sa.update(fleet_accounts).where(of_group).values(closed_at=before["closed_at"] or now, changed_at=now)
    )
    after = await account_of(work, group_id)
    await audit.record(work, caller, "fleet_account.closed", group_id, before=before, after=after)
    await keep_credit(work, after, now)


async def account_of(work: AsyncConnection, group_id: UUID) -> dict[str, Any]:
    """The account of a fleet, closed or not. Raises AccountUnknown."""
    found = await _row(work, group_id)
    if found is None:
        raise AccountUnknown(group=group_id)
    return found


async def _row(work: AsyncConnection, group_id: UUID) -> dict[str, Any] | None:
    query = sa.select(fleet_accounts).where(fleet_accounts.c.group_id == group_id)
    row = (await work.execute(query)).mappings().first()
    return None if row is None else {**row, "buyer": msgspec.json.decode(row["buyer"], type=Party)}


def _require_whole_reach(caller: Caller) -> None:
    """Terms are the organization's; somebody limited to some sites does not set them."""
    if caller.sites is not None:
        raise NotAllowed(permission=Permission.MONEY_WRITE.word)


# ---- the credit limit ----------------------------------------------------------------------------------------------


async def standing_of(work: AsyncConnection, account: Mapping[str, Any], now: datetime) -> Standing:
    """What is open, invoiced or not, overdue and under way."""
    group_id, currency = account["group_id"], account["currency"]
    uninvoiced = sa.select(sa.func.sum(account_charges.c.gross)).where(
        account_charges.c.account_id == group_id, account_charges.c.document_id.is_(None)
    )
    overdue = sa.select(sa.func.sum(account_invoices.c.gross - account_invoices.c.paid)).where(
        account_invoices.c.account_id == group_id, account_invoices.c.due_on < now.date()
    )
    return Standing(
        credit_limit=Money(account["credit_limit"], currency),
        open=await balance(work, Account(AccountKind.RECEIVABLE, group_id), currency),
        uninvoiced=Money(await work.scalar(uninvoiced) or Decimal(0), currency),
        overdue=Money(await work.scalar(overdue) or Decimal(0), currency),
        running=await _running(work, group_id, currency, now),
    )


async def _running(work: AsyncConnection, group_id: UUID, currency: str, now: datetime) -> Money:
    query = (
        sa.select(sessions.c.id)
        .join(agreements, agreements.c.session_id == sessions.c.id)
        .where(agreements.c.account_id == group_id, sessions.c.status == "active")
    )
    bills = [await cost_so_far(work, one, now) for one in (await work.execute(query)).scalars().all()]
    return sum((bill.gross for bill in bills if bill is not None), start=Money.zero(currency))


async def keep_credit(work: AsyncConnection, account: Mapping[str, Any], now: datetime) -> bool:
    """Refuse the starts of a fleet's tokens while its limit is used up, and no longer; whether they are refused."""
    standing = await standing_of(work, account, now)
    used_up = account["closed_at"] is None and not standing.available
    reference = f"fleet:{account['group_id']}"
    refused = sa.select(admissions.c.token_key).where(admissions.c.reference == reference)
    before = set((await work.execute(refused)).scalars())
    wanted = await _token_keys(work, account) if used_up else set()
    if before - wanted:
        gone = sa.and_(admissions.c.reference == reference, admissions.c.token_key.in_(before - wanted))
        await work.execute(sa.delete(admissions).where(gone))
    for key in wanted - before:
        wish = admission.Wish(
            kind="credit",
            organization_id=account["organization_id"],
            valid_from=now,
            valid_until=now + CLOSED_FOR,
            status="no_credit",
            token_key=key,
            message=NO_CREDIT[account["language"]],
            reference=reference,
        )
        await admission.say(work, wish)
    return used_up


async def _token_keys(work: AsyncConnection, account: Mapping[str, Any]) -> set[UUID]:
    """The tokens whose sessions the account would pay."""
    group_id = account["group_id"]
    of_vehicles = sa.select(vehicles.c.id).where(vehicles.c.group_id == group_id)
    of_drivers = sa.select(group_members.c.person_id).where(group_members.c.group_id == group_id)
    covered: sa.ColumnElement[bool] = tokens.c.vehicle_id.in_(of_vehicles)
    if account["covers_drivers"]:
        covered = sa.or_(covered, tokens.c.person_id.in_(of_drivers))
    return set((await work.execute(sa.select(tokens.c.key).where(covered))).scalars())


async def watch_credit(database: Database, now: datetime) -> int:
    """Look at every account that is open; gives how many limits are used up. A job of every minute."""
    async with database.as_owner() as work:
        query = sa.select(fleet_accounts.c.organization_id, fleet_accounts.c.group_id)
        found = (await work.execute(query.where(fleet_accounts.c.closed_at.is_(None)))).all()
    used_up = 0
    for organization_id, group_id in found:
        async with database.unit_of_work(Scope(organization_id)) as work:
            used_up += await keep_credit(work, await account_of(work, group_id), now)
    return used_up
