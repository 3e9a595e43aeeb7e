"""What a station tells of a transaction, joined into a session: in any order, any number of times.

Every field is joined by a rule that does not care for order or repetition: the earliest start, the latest end, the
first token, the union of the numbers seen. So a queue replayed after a week offline, twice and backwards, makes the
same session as the events in their order.

The identity of an event is its digest (station, transaction, number, phase, time and content), never its number
alone: stations do use one number for two events.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from gridlane.charging.state import CLOCK_WRONG, EVSE_CHANGED, Progress, Session, is_believed
from gridlane.kernel.ids import new_id
from gridlane.stations.reports import TransactionReported
from gridlane.stations.state import Live

RECENT = 8
MOST_RANGES = 200
STOPPING = frozenset(("StopAuthorized", "Deauthorized", "RemoteStop", "EVDeparted"))
"""Triggers that say a transaction is about to end; a token they carry is the one that stops, not the one that pays."""


def blank(
    live: Live, transaction_id: str, started_at: datetime, now: datetime, generation: int = 0
) -> Session:
    """A session of which nothing is known yet but that it exists."""
    station = live.station
    id_ = new_id()
    return Session(
        id=id_,
        organization_id=station.organization_id,
        site_id=station.site_id,
        station_id=station.id,
        transaction_id=transaction_id,
        generation=generation,
        received_at=now,
        clock_offset=station.clock_offset,
        started_at=started_at,
        progress=Progress(id_, now),
    )


def is_repeated(session: Session, report: TransactionReported) -> bool:
    """Whether this very event is known already."""
    return report.digest in session.recent or report.digest.hex() in (
        session.start_digest,
        session.end_digest,
    )


def joined(session: Session, report: TransactionReported, now: datetime) -> Session:
    """The session with this event in it; readings and tokens are joined by ``metering`` and ``starting``."""
    recent = (*session.recent[1 - RECENT :], report.digest)
    progress = _progress(session, report, now)
    if _tells_nothing_new(session, report):
        return replace(session, recent=recent, progress=progress)
    changes: dict[str, Any] = {
        "evse": _least(session.evse, report.evse or None),
        "connector": _least(session.connector, report.connector or None),
        "remote_start_id": _least(session.remote_start_id, report.remote_start_id),
        "reservation_id": _least(session.reservation_id, report.reservation_id),
        "phases_used": _most(session.phases_used, report.phases_used),
        "cable_max_current": _most(session.cable_max_current, report.cable_max_current),
        "offline": session.offline or report.offline,
        "stopping": session.stopping or report.trigger in STOPPING,
        "interrupted_at": None,
        "recent": recent,
        "progress": progress,
    }
    if report.phase == "started":
        changes |= _started(session, report)
    elif session.start_digest is None:
        changes["started_at"] = min(session.started_at, report.at)
    if report.phase == "ended":
        changes |= _ended(session, report, now)
    return replace(session, **changes)


def _tells_nothing_new(session: Session, report: TransactionReported) -> bool:
    """Whether an update says of the session only what is known: the common case, and so it is quick."""
    return (
        report.phase == "updated"
        and session.start_digest is not None
        and session.interrupted_at is None
        and report.evse in (None, session.evse)
        and report.connector in (None, session.connector)
        and report.remote_start_id in (None, session.remote_start_id)
        and report.reservation_id in (None, session.reservation_id)
        and report.phases_used in (None, session.phases_used)
        and report.cable_max_current in (None, session.cable_max_current)
        and report.trigger not in STOPPING
        and session.offline >= report.offline
    )


def is_another(session: Session, report: TransactionReported) -> bool:
    """Whether a start uses the id of a session that is over: a station that was reset counts from one again."""
    return (
        report.phase == "started"
        and session.ended_at is not None
        and session.start_digest not in (None, report.digest.hex())
        and report.at > session.ended_at
    )


def missing(sequences: tuple[int, ...]) -> int:
    """How many numbers between 0 and the last one were not seen."""
    seen = sum(last - first + 1 for first, last in _ranges(sequences))
    return sequences[-1] + 1 - seen if sequences else 0


def with_number(sequences: tuple[int, ...], number: int | None) -> tuple[int, ...]:
    """The ranges (first, last, first, last, ...) with one more number in them.

    A station whose numbers never follow each other is not followed beyond ``MOST_RANGES``.
    """
    if number is None:
        return sequences
    if sequences and number == sequences[-1] + 1:
        return (*sequences[:-1], number)
    if len(sequences) >= 2 * MOST_RANGES:
        return sequences
    merged: list[int] = []
    for first, last in sorted((*_ranges(sequences), (number, number))):
        if merged and first <= merged[-1] + 1:
            merged[-1] = max(merged[-1], last)
        else:
            merged += (first, last)
    return tuple(merged)


def _ranges(sequences: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    return zip(sequences[::2], sequences[1::2], strict=True)


def _progress(session: Session, report: TransactionReported, now: datetime) -> Progress:
    progress = session.progress
    state, state_sequence = progress.charging_state, progress.state_sequence
    number = report.sequence if report.sequence is not None else -1
    if report.charging_state is not None and (number, report.charging_state) > (state_sequence, state or ""):
        state, state_sequence = report.charging_state, number
    flags = progress.flags
    if not is_believed(report.at, now) and CLOCK_WRONG not in flags:
        flags = tuple(sorted((*flags, CLOCK_WRONG)))
    if report.evse and session.evse not in (None, report.evse) and EVSE_CHANGED not in flags:
        flags = tuple(sorted((*flags, EVSE_CHANGED)))
    return replace(
        progress,
        received_at=now,
        charging_state=state,
        state_sequence=state_sequence,
        sequences=with_number(progress.sequences, report.sequence),
        flags=flags,
    )


def _started(session: Session, report: TransactionReported) -> dict[str, Any]:
    digest = report.digest.hex()
    if session.start_digest is None:
        return {"start_digest": digest, "started_at": report.at}
    return {
        "start_digest": min(session.start_digest, digest),
        "started_at": min(session.started_at, report.at),
    }


def _ended(session: Session, report: TransactionReported, now: datetime) -> dict[str, Any]:
    """The latest end counts; one that an operator or we ourselves assumed gives way to the station's own."""
    digest = report.digest.hex()
    changes: dict[str, Any] = {"presumed_end": None, "end_received_at": session.end_received_at or now}
    known = session.ended_at is not None and session.end_digest is not None
    if not known or (report.at, digest) > (session.ended_at, session.end_digest):
        changes |= {
            "ended_at": report.at,
            "end_digest": digest,
            "stop_reason": report.stopped_reason,
            "closed_by": None,
        }
    return changes


def _least(one: Any, other: Any) -> Any:
    return other if one is None else one if other is None else min(one, other)


def _most(one: Any, other: Any) -> Any:
    return other if one is None else one if other is None else max(one, other)
