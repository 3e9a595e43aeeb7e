"""The handler of MeterValues: keep every reading, and let the session it belongs to advance.

This is the most frequent message of a network and asks nothing, but for a transaction the owner does not remember.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from gridlane.charging.assembler import blank
from gridlane.charging.questions import Answered, SessionAsked
from gridlane.charging.recording import reading_row, record
from gridlane.charging.registers import UNKNOWN_POWER, Register, advanced, registers_of, runs_over, settled
from gridlane.charging.state import ChargingState, Session
from gridlane.kernel.quantities import Watts
from gridlane.stations.commands import StopCharging
from gridlane.stations.decision import Ask, Call, Commit
from gridlane.stations.replies import Noted
from gridlane.stations.reports import MeterReported, Reading
from gridlane.stations.state import Live

NOTED = Noted()
NO_TRANSACTION = frozenset(("0", "-1"))  # what some stations send for "none"
REFUSED_ENERGY = 100.0  # Wh a refused session may draw before the station is asked to stop it


def meter_reported(live: Live, report: MeterReported, now: datetime, answer: Answered | None) -> Commit | Ask:
    if not report.readings:
        return Commit(live, NOTED)
    charging: ChargingState = live.charging
    transaction = report.transaction
    if transaction is None or transaction in NO_TRANSACTION:
        session = _running(charging, report)
    else:
        session = charging.sessions.get(transaction)
        if session is None:
            if answer is None:
                return Ask(_question(live, now, (transaction,)))
            session = answer.sessions[-1] if answer.sessions else None
            return _of_unremembered(live, report, session, now, answer)
    rows = [reading_row(live.station, report.evse, session, one, now) for one in report.readings]
    commit = Commit(live, NOTED, rows)
    if session is None:
        return commit
    return _advance(commit, session, session, report.readings, now, answer)


def _running(charging: ChargingState, report: MeterReported) -> Session | None:
    """The session that values without a transaction belong to: what runs on the EVSE since before them."""
    session = charging.open_on(report.evse) if report.evse else None
    return session if session is not None and report.readings[0].at >= session.started_at else None


def _of_unremembered(
    live: Live, report: MeterReported, found: Session | None, now: datetime, answer: Answered
) -> Commit | Ask:
    """Values of a transaction the owner does not remember: one that ended before, or one nobody knew of."""
    assert report.transaction is not None
    session = found
    if session is None:
        session = replace(
            blank(live, report.transaction, report.readings[0].at, now),
            evse=report.evse or None,
            connector=1 if report.evse else None,
        )
    rows = [reading_row(live.station, report.evse, session, one, now) for one in report.readings]
    return _advance(Commit(live, NOTED, rows), found, session, report.readings, now, answer)


def _advance(
    commit: Commit,
    before: Session | None,
    session: Session,
    readings: tuple[Reading, ...],
    now: datetime,
    answer: Answered | None,
) -> Commit | Ask:
    live = commit.live
    after = with_readings(live, session, readings, now)
    if not after.is_open and is_unsettled(before, after):
        stored = stored_registers(before, after, answer)
        if stored is None:
            return Ask(_question(live, now, (session.transaction_id,), (session.id,)))
        after = settle(live, after, stored, readings)
    if session.presumed_end is not None and readings[-1].at > session.presumed_end:
        after = resumed(live, after)
    if session.refused:
        after = stop_refused(commit, after)
    record(commit, before, after, now, "a reading came late")
    return commit


# --- what every handler does with readings -----------------------------------------------------------------------


def with_readings(live: Live, session: Session, readings: Sequence[Reading], now: datetime) -> Session:
    """The session after these readings. What comes after its end is to be settled from the store."""
    if not readings:
        return session
    progress = advanced(session.progress, readings, max_power(live, session), now)
    if (
        session.ended_at is not None
        and not progress.unsettled
        and progress.register != session.progress.register
    ):
        progress = replace(progress, unsettled=True)
    return replace(session, progress=progress, latest=readings[-1], interrupted_at=None)


def is_unsettled(before: Session | None, after: Session) -> bool:
    """Whether the energy has to be summed anew from the store."""
    moved = before is not None and before.ended_at not in (None, after.ended_at)
    return after.progress.unsettled or moved or runs_over(after.progress, after.ended_at)


def stored_registers(
    before: Session | None, after: Session, answer: Answered | None
) -> tuple[Register, ...] | None:
    """The stored registers of a session, none for one that is new, None where they were not asked for yet."""
    if before is None:
        return ()
    return answer.registers.get(after.id) if answer is not None else None


def settle(
    live: Live, session: Session, stored: Sequence[Register], readings: Sequence[Reading] = ()
) -> Session:
    """The session with its energy summed anew from what is stored and what comes now."""
    known = (*stored, *registers_of(readings))
    progress = settled(session.progress, known, max_power(live, session), session.ended_at)
    return replace(session, progress=progress)


def resumed(live: Live, session: Session) -> Session:
    """A session that was presumed ended goes on, unless another runs on its EVSE by now."""
    charging: ChargingState = live.charging
    running = charging.open_on(session.evse) if session.evse is not None else None
    return (
        session if running is not None and running.id != session.id else replace(session, presumed_end=None)
    )


def stop_refused(commit: Commit, session: Session) -> Session:
    """A refused session that charges all the same is stopped, once."""
    if (
        not session.refused
        or session.stopping
        or not session.is_open
        or session.progress.energy < REFUSED_ENERGY
    ):
        return session
    commit.calls.append(Call(StopCharging(transaction=session.transaction_id)))
    return replace(session, stopping=True)


def max_power(live: Live, session: Session) -> Watts:
    charging: ChargingState = live.charging
    return charging.max_power.get(session.evse or 0, UNKNOWN_POWER)


def _question(
    live: Live, now: datetime, transactions: tuple[str, ...], registers_of: tuple[UUID, ...] = ()
) -> SessionAsked:
    station = live.station
    return SessionAsked(
        station_id=station.id,
        organization_id=station.organization_id,
        at=now,
        transactions=transactions,
        registers_of=registers_of,
    )
