"""What a session will cost, agreed when it begins and never again: the frozen tariff, plan, code and free vend.

A checkout shows the price first and stores the agreement under its request; an app asks for a quote, which is the
person's at that station for a quarter of an hour. The session takes over what was shown when the station's transaction
comes. Any other start agrees to what is assigned at its beginning.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.groups import groups_of_person
from gridlane.accounts.model import tokens, vehicles
from gridlane.accounts.people import people
from gridlane.billing.model import (
    agreements,
    free_vends,
    plan_usages,
    plans,
    promotion_uses,
    promotions,
    subscriptions,
)
from gridlane.billing.paying_fleets import account_for
from gridlane.billing.plans import FreeVend, Plan, Promotion, PromotionRefused, Terms, check_promotion
from gridlane.charging.model import sessions
from gridlane.kernel.ids import new_id
from gridlane.kernel.quantities import WattHours
from gridlane.stations.model import sites, stations
from gridlane.tariffs.exchange import from_json, to_json
from gridlane.tariffs.precedence import Customer, TariffMissing
from gridlane.tariffs.publishing import agreed
from gridlane.tariffs.tariff import Tariff

LANGUAGES = ("en", "de")
QUOTED_FOR = timedelta(minutes=15)
"""How long a quote holds: from the screen that shows the price to the plug."""


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """A row of ``agreements`` as a value."""

    id: UUID
    organization_id: UUID
    session_id: UUID | None
    person_id: UUID | None
    tariff: Tariff
    terms: Terms
    time_zone: str
    language: str
    account_id: UUID | None = None

    @property
    def is_free(self) -> bool:
        """Whether the whole session is given away, so that nothing has to be held."""
        return self.terms.free_vend is not None and self.terms.free_vend.energy is None


async def agree(
    work: AsyncConnection,
    station_id: UUID,
    at: datetime,
    *,
    customer: Customer | None = None,
    person_id: UUID | None = None,
    token_id: UUID | None = None,
    request_id: UUID | None = None,
    session_id: UUID | None = None,
    code: str | None = None,
    language: str | None = None,
) -> Agreement:
    """Fix the price of a session that begins now. Raises TariffMissing and PromotionRefused."""
    place = sa.select(stations.c.organization_id, stations.c.site_id, sites.c.time_zone).join(
        sites, sites.c.id == stations.c.site_id
    )
    where = (await work.execute(place.where(stations.c.id == station_id))).first()
    if where is None:
        raise TariffMissing(at=at.isoformat())
    pays = customer or await _customer(work, person_id, token_id)
    price = await agreed(work, station_id, where.site_id, pays, at)
    account_id = await account_for(work, person_id, token_id, at, price.tariff.currency)
    speaks = language or await _language(work, person_id)
    id_ = new_id()
    terms = await _terms(work, where.site_id, person_id, at, id_, code, plans_count=account_id is None)
    made = await work.execute(
        insert(agreements)
        .values(
            id=id_,
            organization_id=where.organization_id,
            session_id=session_id,
            request_id=request_id,
            station_id=station_id,
            person_id=person_id,
            tariff_id=price.tariff_id,
            version_id=price.version_id,
            tariff=to_json(price.tariff).decode(),
            terms=msgspec.json.encode(terms).decode(),
            time_zone=where.time_zone,
            language=speaks,
            account_id=account_id,
            agreed_at=at,
        )
        .on_conflict_do_nothing()
        .returning(agreements)
    )
    row = made.mappings().first()
    if row is None:
        known = agreements.c.session_id == session_id if session_id else agreements.c.request_id == request_id
        row = (await work.execute(sa.select(agreements).where(known))).mappings().one()
    return agreement_of(dict(row))


async def agree_for_session(work: AsyncConnection, session_id: UUID) -> Agreement | None:
    """The agreement of a session: the one it has, the one its request made, else a new one; None where no price is."""
    found = agreement_query(session_id)
    row = (await work.execute(found)).mappings().first()
    if row is not None:
        return agreement_of(dict(row))
    session = (await work.execute(sa.select(sessions).where(sessions.c.id == session_id))).mappings().one()
    for shown in _shown_before(dict(session)):
        taken = await work.execute(
            sa.update(agreements)
            .where(agreements.c.id == shown)
            .values(session_id=session_id)
            .returning(agreements)
        )
        row = taken.mappings().first()
        if row is not None:
            return await _on_its_account(work, agreement_of(dict(row)), dict(session))
    try:
        return await agree(
            work,
            session["station_id"],
            session["started_at"],
            person_id=session["person_id"],
            token_id=session["token_id"],
            session_id=session_id,
        )
    except TariffMissing:
        return None


async def _on_its_account(work: AsyncConnection, shown: Agreement, session: Mapping[str, Any]) -> Agreement:
    """What was shown before anybody knew by which token it would begin: its fleet pays, where it has one."""
    account_id = await account_for(
        work, session["person_id"], session["token_id"], session["started_at"], shown.tariff.currency
    )
    if account_id == shown.account_id:
        return shown
    of_shown = agreements.c.id == shown.id
    await work.execute(sa.update(agreements).where(of_shown).values(account_id=account_id))
    return msgspec.structs.replace(shown, account_id=account_id)


def _shown_before(session: Mapping[str, Any]) -> Iterator[sa.ScalarSelect[Any]]:
    """Queries for the agreement that was made before the session: by its request, then the person's latest quote."""
    free = sa.select(agreements.c.id).where(agreements.c.session_id.is_(None))
    if session["request_id"]:
        yield free.where(agreements.c.request_id == session["request_id"]).scalar_subquery()
    if session["person_id"]:
        yield (
            free.where(
                agreements.c.request_id.is_(None),
                agreements.c.person_id == session["person_id"],
                agreements.c.station_id == session["station_id"],
                agreements.c.agreed_at <= session["received_at"],
                agreements.c.agreed_at > session["started_at"] - QUOTED_FOR,
            )
            .order_by(agreements.c.agreed_at.desc())
            .limit(1)
            .scalar_subquery()
        )


def agreement_query(session_id: UUID) -> sa.Select[Any]:
    return sa.select(agreements).where(agreements.c.session_id == session_id)


def agreement_of(row: dict[str, Any]) -> Agreement:
    return Agreement(
        id=row["id"],
        organization_id=row["organization_id"],
        session_id=row["session_id"],
        person_id=row["person_id"],
        tariff=from_json(row["tariff"]),
        terms=msgspec.json.decode(row["terms"], type=Terms),
        time_zone=row["time_zone"],
        language=row["language"],
        account_id=row["account_id"],
    )


async def _customer(work: AsyncConnection, person_id: UUID | None, token_id: UUID | None) -> Customer:
    """Who charges, as prices see it: a person with the driver groups they are in, or a vehicle with its fleet."""
    if person_id is not None or token_id is None:
        return Customer(groups=await groups_of_person(work, person_id))
    fleet = (
        sa.select(vehicles.c.group_id)
        .join(tokens, tokens.c.vehicle_id == vehicles.c.id)
        .where(tokens.c.id == token_id, vehicles.c.group_id.is_not(None))
    )
    return Customer(groups=tuple((await work.execute(fleet)).scalars()))


async def _language(work: AsyncConnection, person_id: UUID | None) -> str:
    spoken = (
        await work.scalar(sa.select(people.c.language).where(people.c.id == person_id)) if person_id else None
    )
    return spoken if spoken in LANGUAGES else LANGUAGES[0]


async def _terms(
    work: AsyncConnection,
    site_id: UUID,
    person_id: UUID | None,
    at: datetime,
    agreement_id: UUID,
    code: str | None,
    *,
    plans_count: bool,
) -> Terms:
    """``plans_count``: whether the driver's own plan does; it does not where somebody else pays."""
    own = person_id if plans_count else None
    plan, left = await _plan(work, own, at.date()) if own else (None, WattHours(0.0))
    return Terms(
        free_vend=await free_vend_at(work, site_id, at),
        plan=plan,
        included_left=left,
        promotion=await _promotion(work, code, person_id, at, agreement_id) if code else None,
    )


async def free_vend_at(work: AsyncConnection, site_id: UUID, at: datetime) -> FreeVend | None:
    """What a site gives away at an instant, if anything."""
    query = sa.select(free_vends.c.content).where(
        free_vends.c.site_id == site_id,
        sa.or_(free_vends.c.valid_until.is_(None), free_vends.c.valid_until > at),
    )
    content = await work.scalar(query)
    return None if content is None else msgspec.json.decode(content, type=FreeVend)


async def _plan(work: AsyncConnection, person_id: UUID, day: date) -> tuple[Plan | None, WattHours]:
    """The person's plan of the day, and what it still includes this month."""
    query = (
        sa.select(subscriptions.c.id, plans.c.content)
        .join(plans, plans.c.id == subscriptions.c.plan_id)
        .where(
            subscriptions.c.person_id == person_id,
            subscriptions.c.since <= day,
            sa.or_(subscriptions.c.until.is_(None), subscriptions.c.until > day),
        )
        .order_by(subscriptions.c.since.desc())
        .limit(1)
    )
    row = (await work.execute(query)).first()
    if row is None:
        return None, WattHours(0.0)
    plan = msgspec.json.decode(row.content, type=Plan)
    used = await work.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(plan_usages.c.energy), 0.0)).where(
            plan_usages.c.subscription_id == row.id, plan_usages.c.month == day.replace(day=1)
        )
    )
    return plan, WattHours(max(plan.included - float(used or 0), 0.0))


async def _promotion(
    work: AsyncConnection, code: str, person_id: UUID | None, at: datetime, agreement_id: UUID
) -> Promotion:
    query = sa.select(promotions).where(promotions.c.code == code.strip().upper()).with_for_update()
    row = (await work.execute(query)).first()
    if row is None:
        raise PromotionRefused(promotion=code, why="there is no such code")
    promotion = msgspec.json.decode(row.content, type=Promotion)
    of_code = promotion_uses.c.promotion_id == row.id
    uses = await work.scalar(sa.select(sa.func.count()).where(of_code))
    own = await work.scalar(
        sa.select(sa.func.count()).where(of_code, promotion_uses.c.person_id == person_id)
    )
    check_promotion(promotion, at, int(uses or 0), int(own or 0) if person_id else 0)
    await work.execute(
        sa.insert(promotion_uses).values(
            agreement_id=agreement_id,
            organization_id=row.organization_id,
            promotion_id=row.id,
            person_id=person_id,
            used_at=at,
        )
    )
    return promotion
