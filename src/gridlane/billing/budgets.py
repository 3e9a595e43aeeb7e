"""Budgets of tokens, in energy or money for each day or month, while a car charges and when a bill is made.

A start is refused by ``charging`` when the energy is used up, and by what is said here beforehand when the money is. What
becomes of a charge that runs when its token's budget is used up the token says: it ends, or goes on and its holder is told.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts import inbox
from gridlane.accounts.model import organizations, tokens
from gridlane.accounts.people import people
from gridlane.billing.model import bills
from gridlane.billing.running_cost import cost_so_far
from gridlane.charging import admission, remote
from gridlane.charging.evidence import period_start
from gridlane.charging.model import admissions, sessions
from gridlane.kernel.access import Caller, system
from gridlane.kernel.database import Database
from gridlane.kernel.quantities import WattHours

Limit = Literal["energy", "money"]


class Spent(NamedTuple):
    """What a token has used in its present period; money with tax, in the organization's currency."""

    energy: WattHours
    money: Decimal


def used_up(energy: float | None, money: Decimal | None, spent: Spent) -> Limit | None:
    """Which budget is used up, if one is."""
    if energy is not None and spent.energy >= energy:
        return "energy"
    return "money" if money is not None and spent.money >= money else None


def period_end(period: str, time_zone: str, now: datetime) -> datetime:
    """When the next day or month begins where the organization is."""
    start = period_start(period, time_zone, now)
    following = start + timedelta(days=1 if period == "day" else 32)
    return following if period == "day" else following.replace(day=1)


async def watch(database: Database, now: datetime, *, session_id: UUID | None = None) -> list[UUID]:
    """Look at every token with a budget that charges or was refused, or at that of one session; gives the stations to
    ring. A job of every minute, and done after each bill.
    """
    async with database.as_owner() as work:
        found = [dict(row) for row in (await work.execute(_limited(session_id))).mappings()]
    return [station for token in found for station in await _watch(database, token, now)]


def _limited(session_id: UUID | None) -> sa.Select[Any]:
    of_token = sa.select(sessions.c.id).where(sessions.c.token_id == tokens.c.id)
    charges = of_token.where(sessions.c.status == "active").exists()
    refused = sa.exists().where(admissions.c.reference == sa.literal("budget:").concat(tokens.c.id))
    concerned = (
        sa.or_(charges, refused)
        if session_id is None
        else of_token.where(sessions.c.id == session_id).exists()
    )
    has_budget = sa.or_(tokens.c.budget_energy.is_not(None), tokens.c.budget_money.is_not(None))
    columns = [tokens.c[name] for name in _NEEDED]
    return (
        sa.select(*columns, organizations.c.time_zone)
        .join(organizations, organizations.c.id == tokens.c.organization_id)
        .where(has_budget, concerned)
    )


_NEEDED = (
    "id", "organization_id", "key", "person_id", "budget_energy", "budget_money", "budget_period", "at_budget",
)  # fmt: skip


async def _watch(database: Database, token: Mapping[str, Any], now: datetime) -> list[UUID]:
    """Say or take back that the token may start nothing more; gives the stations whose charge is to end."""
    caller = system(token["organization_id"], "budget guard")
    async with database.unit_of_work(caller.scope) as work:
        await admission.withdraw(work, reference=_reference(token))
        since = period_start(token["budget_period"], token["time_zone"], now)
        spent, running = await _spent(work, token, since, now)
        limit = used_up(token["budget_energy"], token["budget_money"], spent)
        if limit is None:
            return []
        if limit == "money":
            await _refuse_starts(work, token, now)
        if not running:
            return []
        await _tell(work, token, since, now)
        return await _end(work, caller, running) if token["at_budget"] == "end" else []


async def _spent(
    work: AsyncConnection, token: Mapping[str, Any], since: datetime, now: datetime
) -> tuple[Spent, dict[UUID, UUID]]:
    """What was used since, by the latest bills, or as far as is known of what runs; and what runs: session -> station."""
    latest = (
        sa.select(bills.c.net + bills.c.tax)
        .where(bills.c.session_id == sessions.c.id)
        .order_by(bills.c.revision.desc())
        .limit(1)
        .scalar_subquery()
    )
    columns = [sessions.c[name] for name in ("id", "station_id", "energy", "status")]
    query = sa.select(*columns, latest.label("gross")).where(
        sessions.c.token_id == token["id"], sessions.c.started_at >= since, sessions.c.refused.is_(False)
    )
    rows = (await work.execute(query)).all()
    money = Decimal(0)
    for row in rows:
        bill = None if row.gross is not None else await cost_so_far(work, row.id, now)
        money += row.gross if row.gross is not None else bill.gross.amount if bill is not None else 0
    running = {row.id: row.station_id for row in rows if row.status == "active"}
    return Spent(WattHours(sum(row.energy for row in rows)), money), running


async def _refuse_starts(work: AsyncConnection, token: Mapping[str, Any], now: datetime) -> None:
    wish = admission.Wish(
        kind="credit",
        organization_id=token["organization_id"],
        valid_from=now,
        valid_until=period_end(token["budget_period"], token["time_zone"], now),
        status="no_credit",
        token_key=token["key"],
        message="The budget is used up.",
        reference=_reference(token),
    )
    await admission.say(work, wish)


async def _end(work: AsyncConnection, caller: Caller, running: Mapping[UUID, UUID]) -> list[UUID]:
    asked = []
    for session_id, station_id in running.items():
        with suppress(remote.SessionOver):  # it ended by itself meanwhile
            await remote.stop(work, caller, session_id, idempotency_key=f"budget-used-up:{session_id}")
            asked.append(station_id)
    return asked


async def _tell(work: AsyncConnection, token: Mapping[str, Any], since: datetime, now: datetime) -> None:
    """News for the token's holder, once in a period."""
    if token["person_id"] is None:
        return
    language = await work.scalar(sa.select(people.c.language).where(people.c.id == token["person_id"]))
    title, texts = _WORDS["de" if language == "de" else "en"]
    news = inbox.News(
        topic="charge",
        key=f"budget:{token['id']}:{since:%Y-%m-%d}",
        title=title,
        text=texts[token["at_budget"]],
    )
    await inbox.put(work, token["organization_id"], token["person_id"], news, now)


_WORDS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "en": (
        "The budget of your card is used up",
        {
            "end": "The charge that runs is ended; the next one can start when the budget begins anew.",
            "warn": "The charge that runs goes on; the next one can start when the budget begins anew.",
        },
    ),
    "de": (
        "Das Budget Ihrer Karte ist aufgebraucht",
        {
            "end": "Der laufende Ladevorgang wird beendet; der nächste kann starten, wenn das Budget neu beginnt.",
            "warn": "Der laufende Ladevorgang geht weiter; der nächste kann starten, wenn das Budget neu beginnt.",
        },
    ),
}


def _reference(token: Mapping[str, Any]) -> str:
    return f"budget:{token['id']}"
