"""The REST edge of fleets that pay on account: terms, what is open, invoices, transfers, and what each vehicle charged.

A fleet's manager reads; whoever may write money sets the terms and books transfers.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts import groups
from gridlane.billing import account_invoices as invoicing
from gridlane.billing import fleet_accounts, issuing
from gridlane.billing.api import as_pdf
from gridlane.billing.collective import AccountCharge
from gridlane.billing.contracts_api import BillingDetails, Currency
from gridlane.billing.invoicing import Party
from gridlane.billing.model import account_charges, account_invoices, account_payments
from gridlane.billing.vat import vat_number
from gridlane.kernel.clock import system_clock
from gridlane.kernel.edge import Json, TheCaller, TheDatabase, ThePaging
from gridlane.kernel.money import Money
from gridlane.kernel.paging import page

router = APIRouter(prefix="/driver-groups/{group_id}/account", tags=["fleets"])


class AccountTerms(BaseModel):
    """``credit_limit``: at so much open and under way, starts are refused. ``payment_days``: from the invoice to its due
    date. ``covers_drivers``: whatever the fleet's drivers charge, else only the cards of its vehicles. ``buyer``: whom
    invoices name; its ``email`` is where they are announced and reminded of.
    """

    credit_limit: Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=2)]
    currency: Currency = "EUR"
    payment_days: Annotated[int, Field(ge=0, le=120)] = 14
    covers_drivers: bool = True
    language: Literal["en", "de"] = "en"
    buyer: BillingDetails


class Transfer(BaseModel):
    """``amount``: what came; the whole invoice where it is left out. ``reference``: as the bank says it, once."""

    amount: Annotated[Decimal | None, Field(gt=0, max_digits=12, decimal_places=2)] = None
    received_on: date
    reference: Annotated[str, Field(min_length=1, max_length=140)]


class Reversal(BaseModel):
    reason: Annotated[str, Field(min_length=1, max_length=300)]


# ---- terms ---------------------------------------------------------------------------------------------------------


@router.get("")
async def show_account(caller: TheCaller, database: TheDatabase, group_id: UUID) -> Json:
    """The terms, and how the account stands: open, of it not invoiced yet and overdue, under way, and available."""
    async with database.unit_of_work(caller.scope) as work:
        await groups.group_of(work, caller, group_id)
        return Json(await _shown(work, await fleet_accounts.account_of(work, group_id)))


@router.put("")
async def set_account(caller: TheCaller, database: TheDatabase, group_id: UUID, wish: AccountTerms) -> Json:
    """Let a fleet pay by monthly invoice from now on, or change its terms. A tax number is checked."""
    buyer = wish.buyer.model_dump()
    if wish.buyer.vat_number:
        buyer["vat_number"] = str(vat_number(wish.buyer.vat_number))
    terms = fleet_accounts.Terms(
        credit_limit=Money(wish.credit_limit, wish.currency),
        payment_days=wish.payment_days,
        covers_drivers=wish.covers_drivers,
        language=wish.language,
        buyer=Party(**buyer),
    )
    async with database.unit_of_work(caller.scope) as work:
        account = await fleet_accounts.agree_on(work, caller, group_id, terms, system_clock())
        return Json(await _shown(work, account))


@router.delete("", status_code=204)
async def close_account(caller: TheCaller, database: TheDatabase, group_id: UUID) -> None:
    """Charges that begin from now on are paid by their drivers again; what is open is still invoiced and paid."""
    async with database.unit_of_work(caller.scope) as work:
        await fleet_accounts.close(work, caller, group_id, system_clock())


async def _shown(work: AsyncConnection, account: dict[str, Any]) -> dict[str, Any]:
    standing = await fleet_accounts.standing_of(work, account, system_clock())
    amounts = {name: getattr(standing, name).amount for name in ("open", "uninvoiced", "overdue", "running")}
    return {
        **account,
        "buyer": msgspec.to_builtins(account["buyer"]),
        **amounts,
        "available": standing.available.amount,
    }


# ---- invoices ------------------------------------------------------------------------------------------------------


@router.get("/invoices")
async def list_fleet_invoices(
    caller: TheCaller, database: TheDatabase, paging: ThePaging, group_id: UUID
) -> Json:
    """The fleet's monthly invoices, newest first, each with what was paid of it and the transfers that did."""
    async with database.unit_of_work(caller.scope) as work:
        await groups.group_of(work, caller, group_id)
        query = sa.select(account_invoices).where(account_invoices.c.account_id == group_id)
        order = [account_invoices.c.month, account_invoices.c.document_id]
        found = await page(work, query, order, paging, newest_first=True)
        payments = await _payments_of(work, [row["document_id"] for row in found.items])
    found.items = [{**row, "payments": payments.get(row["document_id"], [])} for row in found.items]
    return Json(found)


async def _payments_of(work: AsyncConnection, document_ids: list[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    query = sa.select(account_payments).where(account_payments.c.document_id.in_(document_ids))
    order = (account_payments.c.received_on, account_payments.c.id)
    payments: dict[UUID, list[dict[str, Any]]] = {}
    for row in (await work.execute(query.order_by(*order))).mappings():
        payments.setdefault(row["document_id"], []).append(dict(row))
    return payments


@router.get("/invoices/{document_id}.pdf", response_class=Response)
async def fleet_invoice_pdf(
    caller: TheCaller, database: TheDatabase, group_id: UUID, document_id: UUID
) -> Response:
    """The invoice as PDF/A-3 with its electronic invoice inside."""
    async with database.unit_of_work(caller.scope) as work:
        await invoicing.invoice_of(work, caller, group_id, document_id)
        document = await issuing.read(work, document_id)
    return await as_pdf(document)


@router.post("/invoices/{document_id}/payments", status_code=201)
async def book_transfer(
    caller: TheCaller, database: TheDatabase, group_id: UUID, document_id: UUID, wish: Transfer
) -> Json:
    """Book a transfer that came for the invoice, whole or in part. The same reference counts once."""
    async with database.unit_of_work(caller.scope) as work:
        made = await invoicing.book(
            work,
            caller,
            group_id,
            document_id,
            amount=wish.amount,
            received_on=wish.received_on,
            reference=wish.reference,
            now=system_clock(),
        )
    return Json({"id": made}, status_code=201)


@router.post("/invoices/{document_id}/payments/{payment_id}/reverse", status_code=204)
async def reverse_transfer(
    caller: TheCaller,
    database: TheDatabase,
    group_id: UUID,
    document_id: UUID,
    payment_id: UUID,
    wish: Reversal,
) -> None:
    """Take back a transfer that was booked wrongly or that the bank has called back; the invoice is open again."""
    async with database.unit_of_work(caller.scope) as work:
        now = system_clock()
        await invoicing.reverse(work, caller, group_id, document_id, payment_id, wish.reason, now)


# ---- charges -------------------------------------------------------------------------------------------------------


@router.get("/charges")
async def list_account_charges(
    caller: TheCaller,
    database: TheDatabase,
    group_id: UUID,
    month: Annotated[str, Query(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")],
) -> Json:
    """What a month (UTC, by the end of the charge) put on the account, newest first, and the sums by vehicle or driver."""
    since = datetime.fromisoformat(f"{month}-01").replace(tzinfo=UTC)
    until = (since + timedelta(days=32)).replace(day=1)
    numbers = sa.select(account_invoices.c.number).where(
        account_invoices.c.document_id == account_charges.c.document_id
    )
    query = sa.select(account_charges, numbers.scalar_subquery().label("number")).where(
        account_charges.c.account_id == group_id,
        account_charges.c.ended_at >= since,
        account_charges.c.ended_at < until,
    )
    async with database.unit_of_work(caller.scope) as work:
        await groups.group_of(work, caller, group_id)
        rows = (
            await work.execute(query.order_by(account_charges.c.ended_at.desc(), account_charges.c.id))
        ).mappings()
        items = [_charge(dict(row)) for row in rows]
    sums: dict[tuple[UUID | None, str], dict[str, Any]] = {}
    for one in items:
        by = (one["vehicle_id"] or one["person_id"], one["vehicle"] or one["driver"])
        sums.setdefault(by, {"sessions": set(), "energy": Decimal(0), "gross": Decimal(0)})
        sums[by]["sessions"].add(one["session_id"])
        sums[by]["energy"] += one["energy"]
        sums[by]["gross"] += one["gross"]
    by_vehicle = [
        {"id": id_, "name": name, **told, "sessions": len(told["sessions"])}
        for (id_, name), told in sorted(sums.items(), key=lambda pair: pair[0][1].casefold())
    ]
    return Json({"items": items, "sums": by_vehicle})


def _charge(row: dict[str, Any]) -> dict[str, Any]:
    """A charge as it is told; ``energy`` in kWh as on the invoice."""
    one = msgspec.json.decode(row.pop("content"), type=AccountCharge)
    told = ("place", "driver", "vehicle", "energy", "reason")
    return {**row, "started_at": one.start, **{name: getattr(one, name) for name in told}}
