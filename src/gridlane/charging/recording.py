"""What a changed session leaves behind: its rows, its facts, its place in the state. Nothing else writes sessions."""

from datetime import datetime

from msgspec.structs import replace

from gridlane.charging import ending, starting
from gridlane.charging.model import PROGRESS, READINGS, REQUESTS_JOINED, SESSIONS, session_row
from gridlane.charging.state import ChargingState, Session
from gridlane.kernel.group_commit import Sink
from gridlane.stations.decision import Commit, report_fact
from gridlane.stations.reports import Reading
from gridlane.stations.state import Live, StationState


def record(commit: Commit, before: Session | None, after: Session, now: datetime, cause: str) -> None:
    """Write what differs between two states of a session, report it, and let the state know."""
    live = commit.live
    charging: ChargingState = live.charging
    commit.live = Live(live.station, charging.with_session(after))
    if before is None or not _is_same(before, after):
        commit.rows.append((SESSIONS, session_row(after)))
        if after.request_id is not None and (before is None or before.request_id != after.request_id):
            commit.rows.append((REQUESTS_JOINED, {"id": after.request_id, "session_id": after.id}))
        _report(commit, before, after, now, cause)
    elif before.progress is not after.progress:
        commit.rows.append((PROGRESS, after.progress))
        if not after.is_open:
            _report(commit, before, after, now, cause)


def _is_same(before: Session, after: Session) -> bool:
    """Whether only the progress differs."""
    return before == replace(after, progress=before.progress, latest=before.latest, recent=before.recent)


def _report(commit: Commit, before: Session | None, after: Session, now: datetime, cause: str) -> None:
    live = commit.live
    if before is None:
        commit.facts.append(report_fact(live, starting.started(after), now))
    if _is_authorized(after) and (before is None or not _is_authorized(before)):
        commit.facts.append(report_fact(live, starting.authorized(after), now))
    if not after.is_open and (before is None or before.is_open):
        commit.facts.append(report_fact(live, ending.ended(after), now))
    elif before is not None and not before.is_open:
        corrected = ending.corrected(before, after, cause)
        if corrected is not None:
            commit.facts.append(report_fact(live, corrected, now))


def _is_authorized(session: Session) -> bool:
    return session.token_at is not None and not session.refused


def reading_row(
    station: StationState, evse: int, session: Session | None, reading: Reading, now: datetime
) -> tuple[Sink, tuple[object, ...]]:
    """The row of a reading, in the order of ``model.READING_COLUMNS``."""
    return READINGS, (
        station.organization_id, station.id, evse, session.id if session is not None else None, now, reading.at,
        reading.context, reading.energy, reading.energy_export, reading.power, reading.power_offered,
        reading.current, reading.current_offered, reading.current_l1, reading.current_l2, reading.current_l3,
        reading.voltage, reading.soc, reading.temperature, reading.frequency, reading.signed, reading.rest,
    )  # fmt: skip
