"""The wallet: a prepaid balance as a payment provider. Built in, works offline, takes no card.

The balance and what is held of it stand in one row per person and currency, guarded by a constraint; every movement is
a row of its own whose key makes it happen once. The ledger says the same again, and reconciliation compares the two.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.billing.ledger import Movement, moved
from gridlane.billing.model import vouchers, wallet_movements, wallets
from gridlane.billing.port import Hold, HoldNotRaised, HoldState, PaymentDeclined, Seen, Source
from gridlane.billing.posting import post
from gridlane.kernel.clock import Clock
from gridlane.kernel.database import Database, Scope
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.money import Money

NAME = "wallet"


class VoucherRefused(Refusal):
    code = "voucher_refused"
    kind = Kind.CONFLICT
    sentence = "This voucher cannot be redeemed: {why}."


class Wallet:
    """Pays from the driver's own balance with the organization."""

    name = NAME

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def hold(self, key: str, amount: Money, source: Source) -> Hold:
        async with self._database.unit_of_work(Scope(source.organization_id)) as work:
            row = await _locked(work, source, amount.currency)
            if await self._note(work, key, "hold", key, source, amount):
                if row.balance - row.held < amount.amount:
                    raise PaymentDeclined(why="the balance is too low")
                await _change(work, source, amount.currency, held=amount.amount)
        return Hold(key, HoldState.HELD)

    async def raise_hold(self, key: str, reference: str, source: Source, to: Money) -> None:
        async with self._database.unit_of_work(Scope(source.organization_id)) as work:
            row = await _locked(work, source, to.currency)
            more = to - Money(await _held(work, reference), to.currency)
            if more.amount > 0 and await self._note(work, key, "raise", reference, source, more):
                if row.balance - row.held < more.amount:
                    raise HoldNotRaised(why="the balance is too low")
                await _change(work, source, to.currency, held=more.amount)

    async def capture(self, key: str, reference: str, source: Source, amount: Money) -> None:
        async with self._database.unit_of_work(Scope(source.organization_id)) as work:
            await _locked(work, source, amount.currency)
            held = await _held(work, reference)
            if await self._note(work, key, "capture", reference, source, amount):
                if amount.amount > held:
                    raise PaymentDeclined(why="more was asked than is held")
                await _change(work, source, amount.currency, held=-held, balance=-amount.amount)

    async def release(self, key: str, reference: str, source: Source) -> None:
        async with self._database.unit_of_work(Scope(source.organization_id)) as work:
            currency = await work.scalar(
                sa.select(wallet_movements.c.currency).where(wallet_movements.c.key == reference)
            )
            if currency is None:
                return
            await _locked(work, source, currency)
            held = Money(await _held(work, reference), currency)
            if await self._note(work, key, "release", reference, source, held):
                await _change(work, source, currency, held=-held.amount)

    async def refund(self, key: str, reference: str, source: Source, amount: Money) -> None:
        async with self._database.unit_of_work(Scope(source.organization_id)) as work:
            await _locked(work, source, amount.currency)
            if await self._note(work, key, "refund", reference, source, amount):
                await _change(work, source, amount.currency, balance=amount.amount)

    async def seen(self, reference: str, source: Source) -> Seen:
        async with self._database.unit_of_work(Scope(source.organization_id)) as work:
            found = await work.execute(
                sa.select(
                    wallet_movements.c.kind,
                    wallet_movements.c.currency,
                    sa.func.sum(wallet_movements.c.amount),
                )
                .where(wallet_movements.c.reference == reference)
                .group_by(wallet_movements.c.kind, wallet_movements.c.currency)
            )
            sums = {kind: Money(total, currency) for kind, currency, total in found.all()}
        if "capture" in sums:
            zero = Money.zero(sums["capture"].currency)
            return Seen(HoldState.CAPTURED, sums["capture"], sums.get("refund", zero))
        return Seen(HoldState.HELD if "hold" in sums and "release" not in sums else HoldState.GONE)

    async def _note(
        self, work: AsyncConnection, key: str, kind: str, reference: str, source: Source, amount: Money
    ) -> bool:
        """Write the movement down; False where it has happened already."""
        return await _note(
            work,
            source.organization_id,
            person_id=source.person_id,
            key=key,
            kind=kind,
            reference=reference,
            currency=amount.currency,
            amount=amount.amount,
            at=self._clock(),
        )


async def credit(
    work: AsyncConnection,
    organization_id: UUID,
    person_id: UUID,
    amount: Money,
    movement: Movement,
    key: str,
    now: datetime,
    *,
    session_id: UUID | None = None,
) -> bool:
    """Raise a balance (top-up, voucher, goodwill) and post it; False where the key has done so before."""
    source = Source(provider=NAME, organization_id=organization_id, person_id=person_id)
    await _locked(work, source, amount.currency)
    noted = await _note(
        work,
        organization_id,
        person_id=person_id,
        key=key,
        kind=movement.value,
        reference=key,
        currency=amount.currency,
        amount=amount.amount,
        at=now,
    )
    if noted:
        await _change(work, source, amount.currency, balance=amount.amount)
        transfer = moved(movement, amount, now, key, holder_id=person_id)
        await post(work, organization_id, transfer, session_id=session_id)
    return noted


async def redeem(
    work: AsyncConnection, organization_id: UUID, person_id: UUID, code: str, now: datetime
) -> Money:
    """Put a voucher's amount into the wallet, once. Raises VoucherRefused."""
    query = sa.select(vouchers).where(vouchers.c.code_hash == hash_of(code)).with_for_update()
    row = (await work.execute(query)).first()
    why = _why_not(row, now)
    if row is None or why:
        raise VoucherRefused(why=why)
    amount = Money(row.amount, row.currency)
    await work.execute(
        sa.update(vouchers).where(vouchers.c.id == row.id).values(redeemed_by=person_id, redeemed_at=now)
    )
    await credit(work, organization_id, person_id, amount, Movement.VOUCHER, f"voucher:{row.id}", now)
    return amount


def hash_of(code: str) -> bytes:
    """Vouchers have 80 random bits, so a plain hash keeps them; spaces, dashes and case do not count."""
    plain = "".join(character for character in code.upper() if character.isalnum())
    return hashlib.sha256(plain.encode()).digest()


async def balance_of(work: AsyncConnection, person_id: UUID, currency: str) -> tuple[Money, Money]:
    """The balance and what is held of it."""
    query = sa.select(wallets.c.balance, wallets.c.held).where(
        wallets.c.person_id == person_id, wallets.c.currency == currency
    )
    row = (await work.execute(query)).first()
    balance, held = (row.balance, row.held) if row else (Decimal(0), Decimal(0))
    return Money(balance, currency), Money(held, currency)


def _why_not(row: Any, now: datetime) -> str:
    if row is None:
        return "there is no such code"
    if row.redeemed_at is not None:
        return "it has been redeemed already"
    return "it has expired" if row.expires_at is not None and row.expires_at <= now else ""


async def _locked(work: AsyncConnection, source: Source, currency: str) -> Any:
    """The wallet's row, made where there is none, locked until the end of the unit of work."""
    place: Mapping[str, Any] = {
        "organization_id": source.organization_id,
        "person_id": source.person_id,
        "currency": currency,
    }
    await work.execute(insert(wallets).values(**place).on_conflict_do_nothing())
    query = sa.select(wallets.c.balance, wallets.c.held).filter_by(**place).with_for_update()
    return (await work.execute(query)).one()


async def _change(
    work: AsyncConnection,
    source: Source,
    currency: str,
    *,
    balance: Decimal = Decimal(0),
    held: Decimal = Decimal(0),
) -> None:
    await work.execute(
        sa.update(wallets)
        .filter_by(organization_id=source.organization_id, person_id=source.person_id, currency=currency)
        .values(balance=wallets.c.balance + balance, held=wallets.c.held + held)
    )


async def _note(work: AsyncConnection, organization_id: UUID, **values: Any) -> bool:
    made = await work.execute(
        insert(wallet_movements)
        .values(organization_id=organization_id, **values)
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(wallet_movements.c.key)
    )
    return made.first() is not None


async def _held(work: AsyncConnection, reference: str) -> Decimal:
    """What a hold has set aside; nothing once it was captured or released."""
    of_hold = wallet_movements.c.reference == reference
    over = await work.scalar(
        sa.select(sa.func.count()).where(of_hold, wallet_movements.c.kind.in_(("capture", "release")))
    )
    if over:
        return Decimal(0)
    total = await work.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(wallet_movements.c.amount), 0)).where(
            of_hold, wallet_movements.c.kind.in_(("hold", "raise"))
        )
    )
    return Decimal(total or 0)
