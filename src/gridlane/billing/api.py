"""The REST edge of money for operators: bills, documents, refunds, plans, codes, vouchers, tasks, the ledger's sums."""

import asyncio
import secrets
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from gridlane.billing import issuing, reconciliation, wallet
from gridlane.billing.crediting import refund_session
from gridlane.billing.ledger import AccountKind
from gridlane.billing.model import (
    bills,
    documents,
    free_vends,
    ledger_entries,
    money_tasks,
    payments,
    plans,
    promotions,
    settlements,
    vouchers,
)
from gridlane.billing.parts import Parts, parts_of
from gridlane.billing.plans import FreeVend, Plan, Promotion, PromotionKind
from gridlane.billing.terminal_payments import terminal_payments
from gridlane.kernel import audit
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.edge import Json, TheCaller, TheDatabase, ThePaging
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id
from gridlane.kernel.money import Money
from gridlane.kernel.paging import page
from gridlane.kernel.quantities import WattHours
from gridlane.stations.model import sites

router = APIRouter(tags=["money"])

Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
Amount = Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=3)]
Percent = Annotated[Decimal, Field(ge=0, le=100, decimal_places=2)]


class RefundInput(BaseModel):
    reason: Annotated[str, Field(min_length=1, max_length=300)]
    amount: Amount | None = None
    currency: Currency = "EUR"


class PlanInput(BaseModel):
    name: Annotated[str, Field(min_length=1, max_length=100)]
    monthly_fee: Annotated[Decimal, Field(ge=0, max_digits=8, decimal_places=3)]
    currency: Currency = "EUR"
    vat: Percent | None = None
    energy_discount: Percent = Decimal(0)
    included: Annotated[float, Field(ge=0, le=10_000_000, description="Wh a month")] = 0


class PromotionInput(BaseModel):
    code: Annotated[str, Field(pattern="^[A-Za-z0-9-]{3,30}$")]
    kind: PromotionKind
    value: Amount
    valid_from: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None
    uses: Annotated[int, Field(ge=1)] | None = None
    uses_per_person: Annotated[int, Field(ge=1)] | None = 1
    at_most: Amount | None = None


class FreeVendInput(BaseModel):
    reason: Annotated[str, Field(min_length=1, max_length=100)]
    energy: Annotated[float, Field(gt=0, description="Wh of each session; none: all of it")] | None = None
    valid_until: AwareDatetime | None = None


class VouchersInput(BaseModel):
    amount: Amount
    currency: Currency = "EUR"
    count: Annotated[int, Field(ge=1, le=1_000)] = 1
    expires_at: AwareDatetime | None = None


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


class PromotionTaken(Refusal):
    code = "promotion_taken"
    kind = Kind.CONFLICT
    sentence = "There is a code {promotion} already."


class SiteUnknownHere(Refusal):
    code = "billing_site_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no site {site}."


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


# --- plans, codes, vouchers, free vend -------------------------------------------------------------------------------


@router.get("/plans")
async def list_plans(caller: TheCaller, database: TheDatabase) -> Json:
    """The plans that are offered."""
    async with database.unit_of_work(caller.scope) as work:
        query = sa.select(plans.c.id, plans.c.content).where(plans.c.archived_at.is_(None))
        rows = (await work.execute(query.order_by(plans.c.created_at))).all()
    return Json({"items": [{"id": row.id, "plan": msgspec.Raw(row.content.encode())} for row in rows]})


@router.post("/plans", status_code=201)
async def create_plan(caller: TheCaller, database: TheDatabase, wish: PlanInput) -> Json:
    """Offer a plan."""
    caller.require(Permission.PRICES_WRITE)
    plan = Plan(
        name=wish.name,
        monthly_fee=Money(wish.monthly_fee, wish.currency),
        vat=wish.vat,
        energy_discount=wish.energy_discount,
        included=WattHours(wish.included),
    )
    id_, content = new_id(), msgspec.json.encode(plan).decode()
    async with database.unit_of_work(caller.scope) as work:
        row = {"organization_id": caller.organization_id, "content": content, "created_at": system_clock()}
        await work.execute(sa.insert(plans).values(id=id_, **row))
        await audit.record(work, caller, "plan.created", id_, after={"plan": content})
    return Json({"id": id_}, status_code=201)


@router.get("/promotions")
async def list_promotions(caller: TheCaller, database: TheDatabase) -> Json:
    caller.require(Permission.PRICES_READ)
    async with database.unit_of_work(caller.scope) as work:
        rows = (await work.execute(sa.select(promotions).order_by(promotions.c.code))).all()
    return Json({"items": [{"id": row.id, "promotion": msgspec.Raw(row.content.encode())} for row in rows]})


@router.post("/promotions", status_code=201)
async def create_promotion(caller: TheCaller, database: TheDatabase, wish: PromotionInput) -> Json:
    """Give out a code."""
    caller.require(Permission.PRICES_WRITE)
    fields = wish.model_dump() | {"code": wish.code.upper(), "valid_from": wish.valid_from or system_clock()}
    promotion, id_ = Promotion(**fields), new_id()
    content = msgspec.json.encode(promotion).decode()
    async with database.unit_of_work(caller.scope) as work:
        known = sa.select(promotions.c.id).where(promotions.c.code == promotion.code)
        if await work.scalar(known):
            raise PromotionTaken(promotion=promotion.code)
        row = {"organization_id": caller.organization_id, "code": promotion.code, "content": content}
        await work.execute(sa.insert(promotions).values(id=id_, **row))
        await audit.record(work, caller, "promotion.created", id_, after={"promotion": content})
    return Json({"id": id_}, status_code=201)


@router.post("/vouchers", status_code=201)
async def create_vouchers(caller: TheCaller, database: TheDatabase, wish: VouchersInput) -> Json:
    """Make vouchers for wallets. The codes are in this answer and nowhere else."""
    caller.require(Permission.MONEY_WRITE)
    codes = [_code() for _ in range(wish.count)]
    common = {
        "organization_id": caller.organization_id,
        "currency": wish.currency,
        "amount": wish.amount,
        "expires_at": wish.expires_at,
    }
    rows = [
        {"id": new_id(), "code_hash": wallet.hash_of(code), "hint": code[-4:], **common} for code in codes
    ]
    async with database.unit_of_work(caller.scope) as work:
        await work.execute(sa.insert(vouchers), rows)
        after = {"count": wish.count, "amount": str(wish.amount), "currency": wish.currency}
        await audit.record(work, caller, "vouchers.created", None, after=after)
    return Json({"codes": codes}, status_code=201)


@router.put("/sites/{site_id}/free-vend", status_code=204)
async def set_free_vend(caller: TheCaller, database: TheDatabase, site_id: UUID, wish: FreeVendInput) -> None:
    """Let a site give charging away."""
    await _set_free_vend(caller, database, site_id, wish)


@router.delete("/sites/{site_id}/free-vend", status_code=204)
async def end_free_vend(caller: TheCaller, database: TheDatabase, site_id: UUID) -> None:
    await _set_free_vend(caller, database, site_id, None)


async def _set_free_vend(
    caller: Caller, database: TheDatabase, site_id: UUID, wish: FreeVendInput | None
) -> None:
    caller.require(Permission.PRICES_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        known = await work.scalar(sa.select(sites.c.id).where(sites.c.id == site_id))
        if known is None or not caller.reaches(site_id):
            raise SiteUnknownHere(site=site_id)
        await work.execute(sa.delete(free_vends).where(free_vends.c.site_id == site_id))
        if wish:
            energy = None if wish.energy is None else WattHours(wish.energy)
            content = msgspec.json.encode(FreeVend(reason=wish.reason, energy=energy)).decode()
            row = {"organization_id": caller.organization_id, "valid_until": wish.valid_until}
            await work.execute(sa.insert(free_vends).values(site_id=site_id, content=content, **row))
        after = None if wish is None else {"reason": wish.reason, "energy": wish.energy}
        await audit.record(work, caller, "free_vend.set", site_id, after=after)


def _own(caller: Caller, person: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """All for who may see the money, else one's own."""
    return sa.true() if caller.may(Permission.MONEY_READ) else person == caller.person_id


_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that are mistaken for another


def _code() -> str:
    """80 random bits in groups of four letters."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(16))
    return "-".join(letters[n : n + 4] for n in range(0, 16, 4))
