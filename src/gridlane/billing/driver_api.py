"""The REST edge of money for drivers and guests: wallet, cards, plan, statement, checkout by QR, and Stripe's events."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Header, Path, Request, Response
from pydantic import BaseModel, Field

from gridlane.accounts.people import people
from gridlane.billing import issuing, subscribing, wallet
from gridlane.billing.agreeing import QUOTED_FOR, agree
from gridlane.billing.api import Currency, as_pdf, the_parts
from gridlane.billing.checkout import CardsNotTaken, Shown
from gridlane.billing.model import payment_sources, plans, subscriptions, wallet_movements
from gridlane.billing.payments import PaymentState, Purpose
from gridlane.billing.port import PaymentDeclined, Source
from gridlane.billing.running_cost import cost_so_far
from gridlane.billing.stating import statement_of
from gridlane.charging import remote
from gridlane.kernel.access import Caller, NotAllowed, Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Scope
from gridlane.kernel.edge import Json, TheCaller, TheDatabase, TheSettings
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id
from gridlane.kernel.money import Money
from gridlane.tariffs.exchange import to_json
from gridlane.tariffs.preview import drawn

router = APIRouter(tags=["paying"])


class TopUpInput(BaseModel):
    amount: Annotated[Decimal, Field(ge=5, le=500, decimal_places=2)]
    currency: Currency = "EUR"
    source_id: UUID


class VoucherInput(BaseModel):
    code: Annotated[str, Field(min_length=8, max_length=40)]


class PlanChoice(BaseModel):
    plan_id: UUID


class QuoteInput(BaseModel):
    station_id: UUID
    code: Annotated[str, Field(max_length=30)] | None = None


class CheckoutInput(BaseModel):
    station_id: UUID
    evse: Annotated[int, Field(ge=1, le=1_000)]
    language: Annotated[str, Field(pattern="^(en|de)$")] = "en"


class HoldInput(BaseModel):
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=254)] | None = None


class SourceUnknown(Refusal):
    code = "payment_source_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no such card, or it is not set up yet."


# --- wallet and cards ------------------------------------------------------------------------------------------------


@router.get("/me/wallet")
async def my_wallet(caller: TheCaller, database: TheDatabase, currency: Currency = "EUR") -> Json:
    """The balance, what is held of it, and the latest movements."""
    person_id = caller.person()
    async with database.unit_of_work(caller.scope) as work:
        balance, held = await wallet.balance_of(work, person_id, currency)
        query = sa.select(
            wallet_movements.c.at,
            wallet_movements.c.kind,
            wallet_movements.c.amount,
            wallet_movements.c.currency,
        ).where(wallet_movements.c.person_id == person_id)
        movements = (await work.execute(query.order_by(wallet_movements.c.at.desc()).limit(50))).mappings()
        return Json(
            {
                "balance": balance.amount,
                "held": held.amount,
                "currency": currency,
                "movements": list(map(dict, movements)),
            }
        )


@router.post("/me/wallet/top-ups", status_code=201)
async def top_up(request: Request, caller: TheCaller, database: TheDatabase, wish: TopUpInput) -> Json:
    """Put money into the wallet from a saved card."""
    person_id, parts = caller.person(), the_parts(request)
    amount = Money(wish.amount, wish.currency)
    async with database.unit_of_work(caller.scope) as work:
        query = sa.select(payment_sources).where(
            payment_sources.c.id == wish.source_id,
            payment_sources.c.person_id == person_id,
            payment_sources.c.method.is_not(None),
        )
        row = (await work.execute(query)).first()
        if row is None:
            raise SourceUnknown
        source = Source(
            provider=row.provider,
            organization_id=row.organization_id,
            person_id=person_id,
            customer=row.customer,
            method=row.method,
        )
        payment_id = await parts.payments.begin(
            work, source, amount, payer_id=person_id, purpose=Purpose.TOP_UP
        )
    payment = await parts.payments.carry_on(row.organization_id, payment_id)
    if payment.state is not PaymentState.HELD:
        raise PaymentDeclined(why="the card was declined")
    await parts.payments.capture(row.organization_id, payment_id, amount)
    return Json({"payment_id": payment_id}, status_code=201)


@router.post("/me/wallet/vouchers", status_code=201)
async def redeem_voucher(caller: TheCaller, database: TheDatabase, wish: VoucherInput) -> Json:
    """Redeem a voucher; its amount goes into the wallet."""
    person_id, organization_id = caller.person(), _organization(caller)
    async with database.unit_of_work(Scope(organization_id)) as work:
        amount = await wallet.redeem(work, organization_id, person_id, wish.code, system_clock())
    return Json({"amount": amount.amount, "currency": amount.currency}, status_code=201)


@router.get("/me/payment-sources")
async def my_sources(caller: TheCaller, database: TheDatabase) -> Json:
    """Saved cards, by label; the numbers are with the provider."""
    person_id = caller.person()
    columns = [payment_sources.c[name] for name in ("id", "provider", "label", "is_default", "created_at")]
    query = sa.select(*columns, payment_sources.c.method.is_not(None).label("is_ready"))
    async with database.unit_of_work(caller.scope) as work:
        rows = (await work.execute(query.where(payment_sources.c.person_id == person_id))).mappings()
        return Json({"items": list(map(dict, rows))})


@router.post("/me/payment-sources", status_code=201)
async def save_card(
    request: Request, caller: TheCaller, database: TheDatabase, settings: TheSettings
) -> Json:
    """Begin to save a card: the provider's form in the browser takes the number, with these keys."""
    person_id, cards = caller.person(), the_parts(request).cards
    if cards is None:
        raise CardsNotTaken
    id_ = new_id()
    async with database.unit_of_work(caller.scope) as work:
        email = await work.scalar(sa.select(people.c.email).where(people.c.id == person_id))
    customer = await cards.customer(f"person:{person_id}", str(email))
    set_up = await cards.set_up(f"source:{id_}", customer)
    async with database.unit_of_work(caller.scope) as work:
        others = sa.select(sa.func.count()).where(payment_sources.c.person_id == person_id)
        row = {"organization_id": _organization(caller), "person_id": person_id, "provider": cards.name}
        await work.execute(
            sa.insert(payment_sources).values(
                id=id_,
                customer=customer,
                is_default=not await work.scalar(others),
                created_at=system_clock(),
                **row,
            )
        )
    keys = {"client_secret": set_up.next_step, "publishable_key": settings.stripe_publishable_key}
    return Json({"id": id_, **keys}, status_code=201)


@router.delete("/me/payment-sources/{source_id}", status_code=204)
async def forget_card(caller: TheCaller, database: TheDatabase, source_id: UUID) -> None:
    """Forget a card."""
    async with database.unit_of_work(caller.scope) as work:
        mine = payment_sources.c.id == source_id, payment_sources.c.person_id == caller.person()
        gone = await work.execute(sa.delete(payment_sources).where(*mine).returning(payment_sources.c.id))
        if gone.first() is None:
            raise SourceUnknown


# --- plan, statement, running cost -----------------------------------------------------------------------------------


@router.post("/me/quotes", status_code=201)
async def quote(caller: TheCaller, database: TheDatabase, wish: QuoteInput) -> Json:
    """The price at a station for oneself, with plan and code; it holds for a start there within a quarter of an hour."""
    now = system_clock()
    async with database.unit_of_work(Scope(_organization(caller))) as work:
        made = await agree(work, wish.station_id, now, person_id=caller.person(), code=wish.code)
    points = drawn(made.tariff, made.time_zone, now, now + timedelta(days=1))
    return Json(
        {
            "tariff": msgspec.Raw(to_json(made.tariff)),
            "terms": made.terms,
            "prices": {dimension.value: series for dimension, series in points.items()},
            "until": now + QUOTED_FOR,
        },
        status_code=201,
    )


@router.get("/me/plan")
async def my_plan(caller: TheCaller, database: TheDatabase) -> Json:
    """The plan one has now, if any."""
    query = (
        sa.select(subscriptions.c.since, subscriptions.c.until, plans.c.id, plans.c.content)
        .join(plans, plans.c.id == subscriptions.c.plan_id)
        .where(subscriptions.c.person_id == caller.person())
        .order_by(subscriptions.c.since.desc())
        .limit(1)
    )
    async with database.unit_of_work(caller.scope) as work:
        row = (await work.execute(query)).first()
    if row is None:
        return Json({"plan": None})
    plan = msgspec.Raw(row.content.encode())
    return Json({"plan": plan, "plan_id": row.id, "since": row.since, "until": row.until})


@router.post("/me/plan", status_code=201)
async def take_plan(caller: TheCaller, database: TheDatabase, wish: PlanChoice) -> Json:
    """Take a plan from today on."""
    today = system_clock().date()
    async with database.unit_of_work(caller.scope) as work:
        id_ = await subscribing.subscribe(work, caller, caller.person(), wish.plan_id, today)
    return Json({"id": id_}, status_code=201)


@router.delete("/me/plan", status_code=204)
async def end_plan(caller: TheCaller, database: TheDatabase) -> None:
    """End one's plan with the month."""
    today = system_clock().date()
    following = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    async with database.unit_of_work(caller.scope) as work:
        await subscribing.unsubscribe(work, caller, caller.person(), following)


@router.get("/me/statements/{month}.pdf")
async def my_statement(
    caller: TheCaller, database: TheDatabase, month: Annotated[str, Path(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
) -> Response:
    """What happened in a month, as PDF: charges, payments, and where one stands."""
    from gridlane.billing.paper import statement_pdf

    first = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC).date()
    organization_id = _organization(caller)
    async with database.unit_of_work(Scope(organization_id)) as work:
        statement = await statement_of(work, organization_id, caller.person(), first)
    content = await asyncio.to_thread(statement_pdf, statement)
    return Response(content, media_type="application/pdf")


@router.get("/sessions/{session_id}/cost")
async def running_cost(caller: TheCaller, database: TheDatabase, session_id: UUID) -> Json:
    """What a session costs so far, line by line."""
    async with database.unit_of_work(caller.scope) as work:
        session = await remote.session_of(work, caller, session_id)
        bill = await cost_so_far(work, session["id"], system_clock())
    if bill is None:
        return Json({"gross": None, "lines": []})
    return Json({"gross": bill.gross.amount, "currency": bill.gross.currency, "lines": bill.lines})


# --- guests ----------------------------------------------------------------------------------------------------------


@router.post("/checkouts", status_code=201)
async def open_checkout(request: Request, settings: TheSettings, wish: CheckoutInput) -> Json:
    """A guest scanned the code at an EVSE: the price, and the secret of this checkout. No account is asked for."""
    parts = the_parts(request)
    secret, shown = await parts.checkout.open(wish.station_id, wish.evse, wish.language)
    return Json({"secret": secret, **_shown(shown, settings.stripe_publishable_key)}, status_code=201)


@router.post("/checkouts/{secret}/hold")
async def hold_money(request: Request, settings: TheSettings, secret: str, wish: HoldInput) -> Json:
    """Begin to hold the money; the guest confirms it in the provider's form."""
    shown = await the_parts(request).checkout.hold(secret, wish.email)
    return Json(_shown(shown, settings.stripe_publishable_key))


@router.get("/checkouts/{secret}")
async def look_at_checkout(request: Request, settings: TheSettings, secret: str) -> Json:
    """Where the checkout stands; asking carries it on."""
    return Json(_shown(await the_parts(request).checkout.look(secret), settings.stripe_publishable_key))


@router.post("/checkouts/{secret}/cancel")
async def cancel_checkout(request: Request, settings: TheSettings, secret: str) -> Json:
    """Change one's mind before the start."""
    return Json(_shown(await the_parts(request).checkout.cancel(secret), settings.stripe_publishable_key))


@router.post("/checkouts/{secret}/stop")
async def stop_checkout(request: Request, settings: TheSettings, secret: str) -> Json:
    """End the charge."""
    return Json(_shown(await the_parts(request).checkout.stop(secret), settings.stripe_publishable_key))


@router.get("/checkouts/{secret}/receipt.pdf")
async def guest_receipt(request: Request, database: TheDatabase, secret: str) -> Response:
    """The receipt of a guest's charge."""
    shown = await the_parts(request).checkout.look(secret)
    async with database.unit_of_work(Scope(shown.agreement.organization_id)) as work:
        document = await issuing.read(work, shown.document_id or shown.id)
    return await as_pdf(document)


@router.post("/provider-events/stripe", status_code=204, include_in_schema=False)
async def stripe_event(request: Request, stripe_signature: Annotated[str, Header()] = "") -> None:
    """What Stripe tells; believed by its signature."""
    webhooks = the_parts(request).webhooks
    if webhooks is None:
        raise CardsNotTaken
    await webhooks.take(await request.body(), stripe_signature)


def _shown(shown: Shown, publishable_key: str | None) -> dict[str, Any]:
    now = system_clock()
    points = drawn(shown.agreement.tariff, shown.agreement.time_zone, now, now + timedelta(days=1))
    return {
        "id": shown.id,
        "step": shown.step,
        "trouble": shown.trouble,
        "tariff": msgspec.Raw(to_json(shown.agreement.tariff)),
        "prices": {dimension.value: series for dimension, series in points.items()},
        "hold": shown.hold.amount,
        "currency": shown.hold.currency,
        "client_secret": shown.next_step,
        "publishable_key": publishable_key,
        "energy": shown.energy,
        "has_receipt": shown.document_id is not None,
    }


def _organization(caller: Caller) -> UUID:
    if caller.organization_id is None:
        raise NotAllowed(permission=Permission.CHARGE.word)
    return caller.organization_id
