"""The REST edge of what makes charging cheaper: plans, promotion codes, vouchers, sites that give charging away."""

import secrets
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.billing import wallet
from gridlane.billing.api import Amount, Currency
from gridlane.billing.model import free_vends, plans, promotions, vouchers
from gridlane.billing.plans import FreeVend, Plan, Promotion, PromotionKind
from gridlane.billing.subscribing import PlanUnknown
from gridlane.kernel import audit
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.edge import Json, TheCaller, TheDatabase
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id
from gridlane.kernel.money import Money
from gridlane.kernel.quantities import WattHours
from gridlane.stations.model import sites

router = APIRouter(tags=["money"])

Percent = Annotated[Decimal, Field(ge=0, le=100, decimal_places=2)]


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


class PromotionTaken(Refusal):
    code = "promotion_taken"
    kind = Kind.CONFLICT
    sentence = "There is a code {promotion} already."


class PromotionUnknown(Refusal):
    code = "promotion_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no code {promotion}."


class SiteUnknownHere(Refusal):
    code = "billing_site_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no site {site}."


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


@router.delete("/plans/{plan_id}", status_code=204)
async def withdraw_plan(caller: TheCaller, database: TheDatabase, plan_id: UUID) -> None:
    """Offer a plan no longer. Who has it keeps it until they end it."""
    caller.require(Permission.PRICES_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        offered = plans.c.id == plan_id, plans.c.archived_at.is_(None)
        withdrawn = sa.update(plans).where(*offered).values(archived_at=system_clock()).returning(plans.c.id)
        if await work.scalar(withdrawn) is None:
            raise PlanUnknown(plan=plan_id)
        await audit.record(work, caller, "plan.withdrawn", plan_id)


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


@router.delete("/promotions/{promotion_id}", status_code=204)
async def end_promotion(caller: TheCaller, database: TheDatabase, promotion_id: UUID) -> None:
    """Take a code no longer. Prices agreed with it before hold."""
    caller.require(Permission.PRICES_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        this = promotions.c.id == promotion_id
        content = await work.scalar(sa.select(promotions.c.content).where(this).with_for_update())
        if content is None:
            raise PromotionUnknown(promotion=promotion_id)
        ended = msgspec.structs.replace(
            msgspec.json.decode(content, type=Promotion), valid_until=system_clock()
        )
        await work.execute(
            sa.update(promotions).where(this).values(content=msgspec.json.encode(ended).decode())
        )
        await audit.record(work, caller, "promotion.ended", promotion_id)


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


@router.get("/sites/{site_id}/free-vend")
async def show_free_vend(caller: TheCaller, database: TheDatabase, site_id: UUID) -> Json:
    """What the site gives away now; null where everything is paid."""
    caller.require(Permission.PRICES_READ)
    async with database.unit_of_work(caller.scope) as work:
        await _require_site(work, caller, site_id)
        row = (await work.execute(sa.select(free_vends).where(free_vends.c.site_id == site_id))).first()
    if row is None or (row.valid_until is not None and row.valid_until <= system_clock()):
        return Json(None)
    free = msgspec.json.decode(row.content, type=FreeVend)
    return Json({"reason": free.reason, "energy": free.energy, "valid_until": row.valid_until})


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
        await _require_site(work, caller, site_id)
        await work.execute(sa.delete(free_vends).where(free_vends.c.site_id == site_id))
        if wish:
            energy = None if wish.energy is None else WattHours(wish.energy)
            content = msgspec.json.encode(FreeVend(reason=wish.reason, energy=energy)).decode()
            row = {"organization_id": caller.organization_id, "valid_until": wish.valid_until}
            await work.execute(sa.insert(free_vends).values(site_id=site_id, content=content, **row))
        after = None if wish is None else {"reason": wish.reason, "energy": wish.energy}
        await audit.record(work, caller, "free_vend.set", site_id, after=after)


async def _require_site(work: AsyncConnection, caller: Caller, site_id: UUID) -> None:
    known = await work.scalar(sa.select(sites.c.id).where(sites.c.id == site_id))
    if known is None or not caller.reaches(site_id):
        raise SiteUnknownHere(site=site_id)


_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that are mistaken for another


def _code() -> str:
    """80 random bits in groups of four letters."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(16))
    return "-".join(letters[n : n + 4] for n in range(0, 16, 4))
