"""Sessions that fell silent: a station boots, and does not go on with what it was doing."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec.structs import replace
from psycopg import AsyncConnection

from gridlane.charging.metering import settle
from gridlane.charging.questions import Answered, SessionAsked
from gridlane.charging.recording import record
from gridlane.charging.state import ChargingState, Session
from gridlane.stations.decision import Ask, Commit, TimePassed
from gridlane.stations.state import Live

RESUMED_WITHIN = timedelta(minutes=15)
"""After a boot a station may resume its transactions, or send their ends from its queue, for so long."""


def interrupted(live: Live, now: datetime) -> Commit:
    """A boot: whatever was running is to be heard of again soon, or has ended with the power. Follows ``Booted``."""
    commit = Commit(live)
    for session in _open(live):
        record(commit, session, replace(session, interrupted_at=now), now, "the station booted")
    return commit


def time_passed(live: Live, _what: TimePassed, now: datetime, answer: Answered | None) -> Commit | Ask:
    """Sessions not heard of since a boot are presumed to have ended with the last word about them."""
    overdue = [
        one for one in _open(live) if one.interrupted_at and one.interrupted_at + RESUMED_WITHIN <= now
    ]
    unsettled = tuple(one.id for one in overdue if one.progress.unsettled)
    if unsettled and answer is None:
        station = live.station
        return Ask(
            SessionAsked(
                station_id=station.id, organization_id=station.organization_id, at=now, registers_of=unsettled
            )
        )
    commit = Commit(live)
    for session in overdue:
        ended = replace(session, presumed_end=max(session.started_at, session.progress.received_at))
        if session.progress.unsettled and answer is not None:
            ended = settle(live, ended, answer.registers[session.id])
        record(commit, session, ended, now, "not resumed after a boot")
    return commit


def next_deadline(charging: ChargingState) -> datetime | None:
    """When ``time_passed`` has something to do, if nothing else happens."""
    first: datetime | None = None
    for one in charging.sessions.values():
        since = one.interrupted_at
        if since is not None and one.is_open and (first is None or since < first):
            first = since
    return None if first is None else first + RESUMED_WITHIN


async def overdue(connection: AsyncConnection[Any], now: datetime) -> list[UUID]:
    """Stations that are away and have sessions to be presumed ended: nobody else lets their time pass."""
    cursor = await connection.execute(_OVERDUE, (now - RESUMED_WITHIN,))
    return [row[0] for row in await cursor.fetchall()]


_OVERDUE = """
SELECT DISTINCT s.station_id FROM sessions s JOIN stations ON stations.id = s.station_id
WHERE s.status = 'active' AND s.interrupted_at <= %s AND s.presumed_end IS NULL AND NOT stations.connected
LIMIT 200
"""


def _open(live: Live) -> list[Session]:
    charging: ChargingState = live.charging
    return [one for one in charging.sessions.values() if one.is_open]
