"""A session as billing reads it: its row, who pays, with what, and the bill of what was stored of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.billing import taking_at_terminals
from gridlane.billing.agreeing import Agreement
from gridlane.billing.model import checkouts, payment_sources, payments
from gridlane.billing.paying_fleets import account_of_session
from gridlane.billing.port import Source
from gridlane.billing.rating import Bill, rated
from gridlane.billing.timeline import Register, State, periods_of
from gridlane.billing.wallet import NAME as WALLET
from gridlane.charging.model import readings, sessions, transaction_events
from gridlane.charging.remote import SessionUnknown
from gridlane.kernel.quantities import WattHours
from gridlane.tariffs.session import Period


async def session_row(work: AsyncConnection, session_id: UUID) -> dict[str, Any]:
    """All that is stored of a session. Raises SessionUnknown."""
    found = (
        (await work.execute(sa.select(sessions).where(sessions.c.id == session_id))).mappings().one_or_none()
    )
    if found is None:
        raise SessionUnknown(session=session_id)
    return dict(found)


def end_of(session: Mapping[str, Any]) -> datetime:
    """When it ended, as far as is known: the station's word, what is presumed, or the last that was heard."""
    end: datetime = session["ended_at"] or session["presumed_end"] or session["received_at"]
    start: datetime = session["started_at"]
    return max(end, start)


async def payer_of(work: AsyncConnection, session: Mapping[str, Any]) -> UUID | None:
    """The holder in the ledger: the fleet that pays on account, the person, the guest's checkout, or the session that a
    terminal took money for.
    """
    payer: UUID | None = await account_of_session(work, session["id"]) or session["person_id"]
    if payer is None and session["request_id"]:
        checkout = sa.select(checkouts.c.id).where(checkouts.c.request_id == session["request_id"])
        payer = await work.scalar(checkout)
    if payer is None and await taking_at_terminals.was_paid(work, session):
        payer = session["id"]
    return payer


async def join_payments(work: AsyncConnection, checkout_id: UUID, session_id: UUID) -> None:
    """Let what a guest's checkout holds pay for its session."""
    await work.execute(
        sa.update(payments)
        .where(payments.c.payer_id == checkout_id, payments.c.session_id.is_(None))
        .values(session_id=session_id)
    )


async def bill_of(
    work: AsyncConnection, session: Mapping[str, Any], agreement: Agreement
) -> tuple[Bill, list[Period]]:
    """The bill, and the periods it was rated from."""
    energy = session["approved_energy"] if session["approved_energy"] is not None else session["energy"]
    of_session = sa.select(readings.c.at, readings.c.energy).where(
        readings.c.station_id == session["station_id"],
        readings.c.received_at >= session["first_received_at"],
        readings.c.session_id == session["id"],
        readings.c.energy.is_not(None),
    )
    told = sa.select(transaction_events.c.at, transaction_events.c.charging_state).where(
        transaction_events.c.session_id == session["id"], transaction_events.c.charging_state.is_not(None)
    )
    registers = [Register(*row) for row in await work.execute(of_session)]
    states = [State(*row) for row in await work.execute(told)]
    periods = periods_of(session["started_at"], end_of(session), registers, states, WattHours(energy))
    return rated(periods, agreement.tariff, agreement.time_zone, agreement.terms, agreement.language), periods


async def source_of(work: AsyncConnection, session: Mapping[str, Any]) -> Source | None:
    """What the person pays with: the default card, else the wallet. A guest has only what the checkout held."""
    person_id = session["person_id"]
    if person_id is None:
        return None
    query = sa.select(payment_sources).where(
        payment_sources.c.person_id == person_id,
        payment_sources.c.is_default,
        payment_sources.c.method.is_not(None),
    )
    row = (await work.execute(query.limit(1))).first()
    common = {"organization_id": session["organization_id"], "person_id": person_id}
    if row is None:
        return Source(provider=WALLET, **common)
    return Source(provider=row.provider, customer=row.customer, method=row.method, **common)


async def paid_by(work: AsyncConnection, session_id: UUID) -> str:
    """The providers that brought the money, in words."""
    query = sa.select(payments.c.provider).where(payments.c.session_id == session_id, payments.c.captured > 0)
    providers = set((await work.execute(query)).scalars())
    if await taking_at_terminals.was_paid(work, await session_row(work, session_id)):
        providers.add("terminal")
    return ", ".join(sorted(providers))
