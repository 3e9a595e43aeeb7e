"""Finds what a caller on the phone talks about: everything that was tried at a station, or at a site, around a time."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.charging.model import authorizations, sessions, start_requests
from gridlane.stations.model import stations
from gridlane.support.evidence import attempt_of
from gridlane.support.explaining import explained

MOST = 20


async def tried_at(
    work: AsyncConnection,
    at: datetime,
    around: timedelta,
    now: datetime,
    *,
    station_id: UUID | None = None,
    site_id: UUID | None = None,
    language: str = "en",
) -> list[dict[str, Any]]:
    """Starts, sessions and refused cards, newest first, each with its cause in a sentence."""
    of_place = stations.c.id == station_id if station_id is not None else stations.c.site_id == site_id
    where = sa.select(stations.c.id).where(of_place)
    since, until = at - around, at + around
    found = [
        *await _starts(work, where, since, until),
        *await _sessions(work, where, since, until),
        *await _refused(work, where, since, until),
    ]
    found.sort(key=lambda one: one["at"], reverse=True)
    for one in found[:MOST]:
        answer = explained(await attempt_of(work, one["subject"]), now, language)
        one |= {"code": answer.code, "side": answer.side, "what": answer.what, "station": answer.station}
        one |= {"energy": answer.energy, "session_id": answer.session_id}
    return found[:MOST]


async def _starts(
    work: AsyncConnection, where: sa.Select[Any], since: datetime, until: datetime
) -> list[dict[str, Any]]:
    query = sa.select(start_requests).where(
        start_requests.c.station_id.in_(where), start_requests.c.created_at.between(since, until)
    )
    return [
        _shown("start", row, row["created_at"], row["id"]) for row in (await work.execute(query)).mappings()
    ]


async def _sessions(
    work: AsyncConnection, where: sa.Select[Any], since: datetime, until: datetime
) -> list[dict[str, Any]]:
    """Those that no start asked for: a start's own session is told with it."""
    query = sa.select(sessions).where(
        sessions.c.station_id.in_(where),
        sessions.c.started_at.between(since, until),
        sessions.c.request_id.is_(None),
    )
    return [
        _shown("session", row, row["started_at"], row["id"]) for row in (await work.execute(query)).mappings()
    ]


async def _refused(
    work: AsyncConnection, where: sa.Select[Any], since: datetime, until: datetime
) -> list[dict[str, Any]]:
    query = sa.select(authorizations).where(
        authorizations.c.station_id.in_(where),
        authorizations.c.at.between(since, until),
        authorizations.c.verdict != "accepted",
        authorizations.c.session_id.is_(None),
    )
    rows = (await work.execute(query.order_by(authorizations.c.at.desc()).limit(MOST))).mappings()
    return [_shown("card", row, row["at"], row["id"]) for row in rows]


def _shown(kind: str, row: Any, at: datetime, subject: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "subject": subject,
        "at": at,
        "station_id": row["station_id"],
        "evse": row["evse"],
        "person_id": row.get("person_id"),
        "token_last4": row["token_last4"],
    }
