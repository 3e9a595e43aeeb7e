"""Gathers what was stored of an attempt to charge: by its start, its session, or a card held to a reader."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.billing.model import bills, checkouts, payments
from gridlane.charging.model import authorizations, sessions, start_requests, transaction_events
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.money import Money
from gridlane.stations.availability import availability_intervals
from gridlane.stations.model import evses, operations, sites, stations
from gridlane.support.attempt import Asked, Attempt, Charged, Judged, Paid, Stood, Told

AROUND = timedelta(minutes=5)
"""Cards held to the reader so long around the beginning belong to the same attempt."""


class AttemptUnknown(Refusal):
    code = "attempt_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no start, session or card reading {attempt}."


async def attempt_of(work: AsyncConnection, subject: UUID | int, person_id: UUID | None = None) -> Attempt:
    """What is known of an attempt: ``subject`` is the id of a start, a session, a guest's checkout, or (a number) of
    an authorization. With ``person_id`` only what is that person's own. Raises AttemptUnknown.
    """
    start, session, tap = await _found(work, subject)
    begun = start or session or tap
    if begun is None or (person_id is not None and begun.get("person_id") != person_id):
        raise AttemptUnknown(attempt=subject)
    at: datetime = _asked_at(begun) if start else session["started_at"] if session else begun["at"]
    evse = (session or {}).get("evse") or begun["evse"]
    end = (session or {}).get("ended_at") or at + AROUND
    checkout = await _checkout(work, start, session)
    return Attempt(
        at=at,
        organization_id=begun["organization_id"],
        person_id=begun.get("person_id"),
        station_id=begun["station_id"],
        evse=evse,
        asked=await _asked(work, start, checkout is not None) if start else None,
        judged=await _judged(work, begun, at, session),
        told=await _told(work, session["id"]) if session else (),
        charged=_charged(session) if session else None,
        paid=await _paid(work, session, checkout),
        stood=await _stood(work, begun["station_id"], evse, at, end),
        trouble=checkout["trouble"] if checkout else None,
        bill=await _bill(work, session["id"]) if session else None,
        **await _place(work, begun["station_id"]),
    )


_Row = dict[str, Any]


async def _found(work: AsyncConnection, subject: UUID | int) -> tuple[_Row | None, _Row | None, _Row | None]:
    """The start, the session and the card reading that the subject names, each with the others it leads to."""
    if isinstance(subject, int):
        tap = await _one(work, sa.select(authorizations).where(authorizations.c.id == subject))
        session = await _session(work, tap["session_id"]) if tap and tap["session_id"] else None
        return None, session, tap
    request = await work.scalar(sa.select(checkouts.c.request_id).where(checkouts.c.id == subject))
    start = await _one(work, sa.select(start_requests).where(start_requests.c.id == (request or subject)))
    session = await _session(work, start["session_id"] if start else subject)
    if session is not None and start is None and session["request_id"] is not None:
        start = await _one(
            work, sa.select(start_requests).where(start_requests.c.id == session["request_id"])
        )
    return start, session, None


def _asked_at(start: _Row) -> datetime:
    """When the station was to be asked."""
    at: datetime = start["begins_at"] or start["created_at"]
    return at


async def _one(work: AsyncConnection, query: sa.Select[Any]) -> _Row | None:
    row = (await work.execute(query)).mappings().first()
    return None if row is None else dict(row)


async def _session(work: AsyncConnection, session_id: UUID | None) -> _Row | None:
    return await _one(work, sa.select(sessions).where(sessions.c.id == session_id)) if session_id else None


async def _place(work: AsyncConnection, station_id: UUID) -> dict[str, Any]:
    query = sa.select(
        stations.c.name,
        stations.c.identity,
        stations.c.site_id,
        sa.func.coalesce(sites.c.name, "").label("place"),
    ).outerjoin(sites, sites.c.id == stations.c.site_id)
    row = (await work.execute(query.where(stations.c.id == station_id))).one()
    return {"station": row.name or row.identity, "place": row.place, "site_id": row.site_id}


async def _checkout(work: AsyncConnection, start: _Row | None, session: _Row | None) -> _Row | None:
    request_id = start["id"] if start else session["request_id"] if session else None
    if request_id is None:
        return None
    return await _one(work, sa.select(checkouts).where(checkouts.c.request_id == request_id))


async def _asked(work: AsyncConnection, start: _Row, is_guest: bool) -> Asked:
    operation = await _one(work, sa.select(operations).where(operations.c.id == start["operation_id"])) or {}
    by = "guest" if is_guest else "app" if start["person_id"] else "operator"
    kept = ("status", "sent_at", "answered_at", "ended_at", "evidence")
    return Asked(
        at=_asked_at(start),
        by=by,
        expires_at=start["expires_at"],
        **{name: operation.get(name) for name in kept},
    )


async def _judged(
    work: AsyncConnection, begun: _Row, at: datetime, session: _Row | None
) -> tuple[Judged, ...]:
    """What was decided about the token: for the session, and at this station shortly around the beginning."""
    key = begun["token_key"]
    near = sa.and_(
        authorizations.c.station_id == begun["station_id"],
        authorizations.c.token_key == key,
        authorizations.c.at.between(at - AROUND, at + AROUND),
        authorizations.c.occasion != "stop",
    )
    query = sa.select(authorizations).where(near).order_by(authorizations.c.at, authorizations.c.id)
    rows = (await work.execute(query)).mappings().all() if key is not None else []
    return tuple(
        Judged(
            at=row["at"],
            occasion=row["occasion"],
            last4=row["token_last4"],
            verdict=row["verdict"],
            reason=row["reason"],
        )
        for row in rows
        if session is None or row["session_id"] in (None, session["id"])
    )


async def _told(work: AsyncConnection, session_id: UUID) -> tuple[Told, ...]:
    query = sa.select(transaction_events).where(transaction_events.c.session_id == session_id)
    order = (transaction_events.c.sequence.nulls_last(), transaction_events.c.at)
    return tuple(
        Told(
            at=row["at"],
            phase=row["phase"],
            trigger=row["trigger"],
            charging_state=row["charging_state"],
            stopped_reason=row["stopped_reason"],
            offline=row["offline"],
        )
        for row in (await work.execute(query.order_by(*order))).mappings()
        if row["phase"] != "updated" or row["charging_state"] is not None
    )


def _charged(row: Mapping[str, Any]) -> Charged:
    kept = ("id", "status", "started_at", "energy", "charging_state", "refused", "verdict", "stop_reason")
    return Charged(
        **{name: row[name] for name in kept},
        ended_at=row["ended_at"] or row["presumed_end"],
        is_presumed_over=row["end_digest"] is None and row["status"] != "active",
    )


async def _paid(work: AsyncConnection, session: _Row | None, checkout: _Row | None) -> tuple[Paid, ...]:
    of = [payments.c.session_id == session["id"]] if session else []
    of += [payments.c.id == checkout["payment_id"]] if checkout and checkout["payment_id"] else []
    if not of:
        return ()
    query = sa.select(payments).where(sa.or_(*of)).order_by(payments.c.id)
    kept = ("changed_at", "provider", "state", "held", "captured", "refunded", "currency")
    rows = (await work.execute(query)).mappings()
    return tuple(Paid(at=row["created_at"], **{name: row[name] for name in kept}) for row in rows)


async def _stood(
    work: AsyncConnection, station_id: UUID, evse: int | None, since: datetime, until: datetime
) -> tuple[Stood, ...]:
    """What the plug was in that time; where the start named none, nothing can be said."""
    if evse is None:
        return ()
    ledger = availability_intervals
    query = (
        sa.select(ledger)
        .join(evses, evses.c.id == ledger.c.evse_id)
        .where(
            evses.c.station_id == station_id,
            evses.c.number == evse,
            ledger.c.since <= until,
            sa.or_(ledger.c.until.is_(None), ledger.c.until > since),
        )
        .order_by(ledger.c.since)
    )
    rows = (await work.execute(query)).mappings()
    return tuple(
        Stood(since=row["since"], until=row["until"], state=row["state"], cause=row["cause"]) for row in rows
    )


async def _bill(work: AsyncConnection, session_id: UUID) -> str | None:
    query = sa.select(bills.c.net, bills.c.tax, bills.c.currency).where(bills.c.session_id == session_id)
    row = (await work.execute(query.order_by(bills.c.revision.desc()).limit(1))).first()
    return None if row is None else str(Money(row.net + row.tax, row.currency))
