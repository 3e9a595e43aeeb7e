"""The answer to "why did my charge not start?": the cause in plain words, and the timeline it was read from."""

from datetime import datetime
from uuid import UUID

import msgspec

from gridlane.support import timeline
from gridlane.support.attempt import Attempt
from gridlane.support.causes import cause_of
from gridlane.support.timeline import Line


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """``code`` and ``side`` are stable words; ``what`` and ``advice`` are sentences in the language asked for."""

    code: str
    side: str
    what: str
    advice: str
    at: datetime
    place: str
    station: str
    station_id: UUID
    evse: int | None
    session_id: UUID | None
    energy: float
    timeline: list[Line]


def explained(attempt: Attempt, now: datetime, language: str = "en") -> Explanation:
    """Pure: the same facts give the same answer, to whoever asks."""
    cause = cause_of(attempt, now)
    said = cause.said(language)
    charged = attempt.charged
    return Explanation(
        code=cause.code,
        side=cause.side.value,
        what=said.what,
        advice=said.advice,
        at=attempt.at,
        place=attempt.place,
        station=attempt.station,
        station_id=attempt.station_id,
        evse=attempt.evse,
        session_id=charged.id if charged else None,
        energy=charged.energy if charged else 0.0,
        timeline=timeline.told(attempt, language),
    )
