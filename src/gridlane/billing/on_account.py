"""A session's bill becomes a charge on its fleet's account, and what changes later becomes another.

What stands on an invoice is never touched: a correction takes it back by a charge of its own on the next invoice. What
stands on none yet is replaced.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.model import tokens, vehicles
from gridlane.accounts.people import people
from gridlane.billing import issuing
from gridlane.billing.billable import end_of
from gridlane.billing.collective import AccountCharge, ChargeKind, taken_back
from gridlane.billing.fleet_accounts import account_of, keep_credit
from gridlane.billing.invoicing import NothingToCredit, TaxSum, shared_among
from gridlane.billing.ledger import billed
from gridlane.billing.model import account_charges
from gridlane.billing.posting import post
from gridlane.billing.rating import Bill
from gridlane.kernel.ids import new_id
from gridlane.kernel.money import Money


async def charge(
    work: AsyncConnection,
    account_id: UUID,
    session: Mapping[str, Any],
    bill: Bill,
    time_zone: str,
    now: datetime,
) -> None:
    """Put a session's bill on the account, within the caller's unit of work. A bill of nothing leaves no charge."""
    if not bill.lines:
        return
    vehicle = await _vehicle_of(work, account_id, session)
    service = await issuing.service_of(work, dict(session), time_zone, end_of(session))
    one = AccountCharge(
        kind=ChargeKind.SESSION,
        session_id=session["id"],
        start=session["started_at"],
        time_zone=time_zone,
        place=" · ".join(part for part in (service.place, service.evse) if part),
        driver=await _driver_of(work, session),
        vehicle=_named(vehicle),
        energy=(Decimal(repr(float(bill.energy))) / 1000).quantize(Decimal("0.001")),
        parts=tuple(TaxSum(part.vat, part.net, part.tax) for part in bill.taxes),
    )
    await _store(work, account_id, session, one, now, vehicle_id=vehicle["id"] if vehicle else None)


async def take_back(
    work: AsyncConnection, account_id: UUID, session: Mapping[str, Any], now: datetime
) -> None:
    """Undo what a session put on the account, before it is billed anew: what stands on no invoice yet is replaced."""
    of_session = account_charges.c.session_id == session["id"]
    await work.execute(sa.delete(account_charges).where(of_session, account_charges.c.document_id.is_(None)))
    latest = sa.select(account_charges).where(of_session).order_by(account_charges.c.id.desc()).limit(1)
    row = (await work.execute(latest)).mappings().first()
    if row is not None and row["kind"] == ChargeKind.SESSION:
        back = taken_back(msgspec.json.decode(row["content"], type=AccountCharge))
        await _store(work, account_id, session, back, now, vehicle_id=row["vehicle_id"])


async def refund(
    work: AsyncConnection,
    account_id: UUID,
    session: Mapping[str, Any],
    reason: str,
    amount: Money | None,
    now: datetime,
) -> UUID:
    """Take a session's price, or a gross ``amount`` of it, off the next invoice; gives the charge's id.

    Raises NothingToCredit when more would be given back than is left.
    """
    query = sa.select(account_charges).where(account_charges.c.session_id == session["id"])
    rows = (await work.execute(query.order_by(account_charges.c.id).with_for_update())).mappings().all()
    latest = next((row for row in reversed(rows) if row["kind"] == ChargeKind.SESSION), None)
    if latest is None:
        raise NothingToCredit(number="-", left="0", amount=amount or "0")
    one = msgspec.json.decode(latest["content"], type=AccountCharge)
    left = Money(sum((row["gross"] for row in rows), start=Decimal(0)), latest["currency"])
    wanted = left if amount is None else amount
    if not Money.zero(left.currency) < wanted <= left:
        raise NothingToCredit(number=one.place, left=left, amount=wanted)
    parts = shared_among(one.parts, wanted)
    back = msgspec.structs.replace(
        one,
        kind=ChargeKind.REFUND,
        energy=Decimal(0),
        parts=tuple(TaxSum(part.vat, -part.net, -part.tax) for part in parts),
        reason=reason,
    )
    charge_id = await _store(work, account_id, session, back, now, vehicle_id=latest["vehicle_id"])
    transfer = billed(back.net, back.tax, now, f"{charge_id}:credited", account_id, reason="credited")
    await post(work, session["organization_id"], transfer, session_id=session["id"])
    await keep_credit(work, await account_of(work, account_id), now)
    return charge_id


async def was_refunded(work: AsyncConnection, session_id: UUID) -> bool:
    """Whether money was given back by hand for a session on account."""
    refunds = sa.exists().where(
        account_charges.c.session_id == session_id, account_charges.c.kind == ChargeKind.REFUND.value
    )
    return bool(await work.scalar(sa.select(refunds)))


async def _store(
    work: AsyncConnection,
    account_id: UUID,
    session: Mapping[str, Any],
    one: AccountCharge,
    now: datetime,
    *,
    vehicle_id: UUID | None,
) -> UUID:
    id_ = new_id()
    await work.execute(
        sa.insert(account_charges).values(
            id=id_,
            organization_id=session["organization_id"],
            account_id=account_id,
            session_id=session["id"],
            person_id=session["person_id"],
            vehicle_id=vehicle_id,
            kind=one.kind.value,
            ended_at=end_of(session),
            currency=one.gross.currency,
            gross=one.gross.amount,
            content=msgspec.json.encode(one).decode(),
            made_at=now,
        )
    )
    return id_


async def _vehicle_of(
    work: AsyncConnection, account_id: UUID, session: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The vehicle the token stays with; else the driver's, where there is only one in the fleet."""
    of_token = (
        sa.select(vehicles.c.id, vehicles.c.name, vehicles.c.plate)
        .join(tokens, tokens.c.vehicle_id == vehicles.c.id)
        .where(tokens.c.id == session["token_id"])
    )
    found = (await work.execute(of_token)).mappings().first()
    if found is not None or session["person_id"] is None:
        return None if found is None else dict(found)
    own = sa.select(vehicles.c.id, vehicles.c.name, vehicles.c.plate).where(
        vehicles.c.person_id == session["person_id"], vehicles.c.group_id == account_id
    )
    rows = (await work.execute(own)).mappings().all()
    return dict(rows[0]) if len(rows) == 1 else None


def _named(vehicle: Mapping[str, Any] | None) -> str:
    if vehicle is None:
        return ""
    return f"{vehicle['name']} ({vehicle['plate']})" if vehicle["plate"] else str(vehicle["name"])


async def _driver_of(work: AsyncConnection, session: Mapping[str, Any]) -> str:
    if session["person_id"] is None:
        return ""
    query = sa.select(people.c.name, people.c.email).where(people.c.id == session["person_id"])
    row = (await work.execute(query)).first()
    return "" if row is None else row.name or row.email
