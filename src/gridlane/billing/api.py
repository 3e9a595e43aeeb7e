"""The REST edge of money for operators: bills, documents, refunds, payments, tasks, the ledger's sums."""

import asyncio
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from gridlane.billing import issuing, reconciliation
from gridlane.billing.crediting import refund_session
from gridlane.billing.ledger import AccountKind
from gridlane.billing.model import (
    bills,
    documents,
    ledger_entries,
    money_tasks,
    payments,
    settlements,
)
from gridlane.billing.parts import Parts, parts_of
from gridlane.billing.terminal_payments import terminal_payments
from gridlane.kernel import audit
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.edge import Json, TheCaller, TheDatabase, ThePaging
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.money import Money
from gridlane.kernel.paging import page

router = APIRouter(tags=["money"])

Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
Amount = Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=3)]


class RefundInput(BaseModel):
    reason: Annotated[str, Field(min_length=1, max_length=300)]
    amount: Amount | None = None
    currency: Currency = "EUR"


class Resolution(BaseModel):
    resolution: Annotated[str, Field(min_length=1, max_length=1_000)]


class BillUnknown(Refusal):
    code = "bill_unknown"
    kind = Kind.NOT_FOUND
    sentence = "The session {session} has no bill."


class TaskUnknown(Refusal):
    code = "money_task_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no open task {task}."


def the_parts(request: Request) -> Parts:
    """Billing of this process, made at its first use."""
    state = request.app.state
    if not hasattr(state, "billing"):
        state.billing = parts_of(state.settings, state.database, state.bus)
    parts: Parts = state.billing
    return parts


# --- bills and documents ---------------------------------------------------------------------------------------------


@router.get("/bills")
async def list_bills(
    caller: TheCaller,
    database: TheDatabase,
    paging: ThePaging,
    session_id: UUID | None = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
) -> Json:
    """Bills, newest first; a corrected session has several revisions."""
    caller.require(Permission.MONEY_READ)
    columns = [column for column in bills.c if column.name not in ("content", "periods")]
    query = sa.select(*columns)
    if session_id is not None:
        query = query.where(bills.c.session_id == session_id)
    if since is not None:
        query = query.where(bills.c.rated_at >= since)
    if until is not None:
        query = query.where(bills.c.rated_at < until)
    async with database.unit_of_work(caller.scope) as work:
        return Json(await page(work, query, [bills.c.rated_at, bills.c.id], paging, newest_first=True))


@router.get("/sessions/{session_id}/bill")
async def bill_of_session(caller: TheCaller, database: TheDatabase, session_id: UUID) -> Json:
    """The bill of a session with every line's reason; a driver sees one's own."""
    query = sa.select(bills.c.content, bills.c.revision, bills.c.rated_at).where(
        bills.c.session_id == session_id, _own(caller, bills.c.person_id)
    )
    async with database.unit_of_work(caller.scope) as work:
        row = (await work.execute(query.order_by(bills.c.revision.desc()).limit(1))).first()
        state = await work.scalar(
            sa.select(settlements.c.state).where(settlements.c.session_id == session_id)
        )
    if row is None:
        raise BillUnknown(session=session_id)
    bill = msgspec.Raw(row.content.encode())
    return Json({"bill": bill, "revision": row.revision, "rated_at": row.rated_at, "settlement": state})


@router.get("/documents")
async def list_documents(
    caller: TheCaller,
    database: TheDatabase,
    paging: ThePaging,
    session_id: UUID | None = None,
    person_id: UUID | None = None,
) -> Json:
    """Invoices, receipts and credit notes, newest first; a driver sees one's own."""
    columns = [column for column in documents.c if column.name != "content"]
    query = sa.select(*columns).where(_own(caller, documents.c.person_id))
    if session_id:
        query = query.where(documents.c.session_id == session_id)
    if person_id:
        query = query.where(documents.c.person_id == person_id)
    async with database.unit_of_work(caller.scope) as work:
        order = [documents.c.issued_at, documents.c.id]
        return Json(await page(work, query, order, paging, newest_first=True))


@router.get("/documents/{document_id}.pdf")
async def document_pdf(caller: TheCaller, database: TheDatabase, document_id: UUID) -> Response:
    """The document as PDF/A-3 with its electronic invoice inside; a driver sees one's own."""
    async with database.unit_of_work(caller.scope) as work:
        visible = sa.select(documents.c.id).where(
            documents.c.id == document_id, _own(caller, documents.c.person_id)
        )
        if await work.scalar(visible) is None:
            raise issuing.DocumentUnknown(document=document_id)
        document = await issuing.read(work, document_id)
    return await as_pdf(document)


async def as_pdf(document: Any) -> Response:
    from gridlane.billing.paper import pdf_of

    content = await asyncio.to_thread(pdf_of, document)
    headers = {"Content-Disposition": f'inline; filename="{document.number}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


@router.post("/sessions/{session_id}/refund", status_code=201)
async def refund(
    request: Request, caller: TheCaller, database: TheDatabase, session_id: UUID, wish: RefundInput
) -> Json:
    """Give back a session's price, or a part: a credit note, and the money the way it came."""
    amount = None if wish.amount is None else Money(wish.amount, wish.currency)
    payments_ = the_parts(request).payments
    note = await refund_session(database, payments_, system_clock, caller, session_id, wish.reason, amount)
    return Json({"document_id": note}, status_code=201)


@router.get("/payments")
async def list_payments(
    caller: TheCaller, database: TheDatabase, paging: ThePaging, session_id: UUID | None = None
) -> Json:
    """Payments, newest first, with what is held, captured and refunded."""
    caller.require(Permission.MONEY_READ)
    columns = [column for column in payments.c if column.name not in ("source", "next_step")]
    query = sa.select(*columns)
    if session_id:
        query = query.where(payments.c.session_id == session_id)
    async with database.unit_of_work(caller.scope) as work:
        order = [payments.c.created_at, payments.c.id]
        return Json(await page(work, query, order, paging, newest_first=True))


@router.get("/terminal-payments")
async def list_terminal_payments(
    caller: TheCaller, database: TheDatabase, paging: ThePaging, station_id: UUID | None = None
) -> Json:
    """What was paid at the stations' own terminals, newest first: the money is not ours, the sessions are."""
    caller.require(Permission.MONEY_READ)
    columns = terminal_payments.c
    query = sa.select(*(one for one in columns if one.name != "organization_id"))
    if station_id is not None:
        query = query.where(columns.station_id == station_id)
    async with database.unit_of_work(caller.scope) as work:
        order = [columns.told_at, columns.reference, columns.station_id]
        return Json(await page(work, query, order, paging, newest_first=True))


@router.get("/ledger/balances")
async def ledger_balances(caller: TheCaller, database: TheDatabase) -> Json:
    """The sum of each kind of account and currency: debit positive, credit negative. They add up to zero."""
    caller.require(Permission.MONEY_READ)
    query = (
        sa.select(
            ledger_entries.c.account,
            ledger_entries.c.currency,
            sa.func.sum(ledger_entries.c.amount).label("balance"),
        )
        .group_by(ledger_entries.c.account, ledger_entries.c.currency)
        .order_by(ledger_entries.c.account)
    )
    async with database.unit_of_work(caller.scope) as work:
        rows = (await work.execute(query)).mappings().all()
    return Json({"items": [dict(row) for row in rows], "accounts": [kind.value for kind in AccountKind]})


# --- tasks -----------------------------------------------------------------------------------------------------------


@router.get("/money-tasks")
async def list_tasks(
    caller: TheCaller, database: TheDatabase, paging: ThePaging, open_only: Annotated[bool, Query()] = True
) -> Json:
    """What a person has to look at: differences between ledger, providers and sessions."""
    caller.require(Permission.MONEY_READ)
    query = sa.select(money_tasks)
    if open_only:
        query = query.where(money_tasks.c.resolved_at.is_(None))
    async with database.unit_of_work(caller.scope) as work:
        order = [money_tasks.c.opened_at, money_tasks.c.id]
        return Json(await page(work, query, order, paging, newest_first=True))


@router.post("/money-tasks/{task_id}/resolve", status_code=204)
async def resolve_task(caller: TheCaller, database: TheDatabase, task_id: UUID, wish: Resolution) -> None:
    """Close a task with what was done."""
    caller.require(Permission.MONEY_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        if not await reconciliation.resolve_task(work, task_id, wish.resolution, system_clock()):
            raise TaskUnknown(task=task_id)
        await audit.record(work, caller, "money_task.resolved", task_id, reason=wish.resolution)


def _own(caller: Caller, person: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """All for who may see the money, else one's own."""
    return sa.true() if caller.may(Permission.MONEY_READ) else person == caller.person_id
