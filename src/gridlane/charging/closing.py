"""What operators and other parts ask of a session: close it, say what it is worth, freeze its price.

These come as instructions to the owner of the station, like everything that changes a session, and are decided on
the same state. ``INSTRUCTIONS`` is their table; each answers the operation that carried it.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from gridlane.charging.ending import energy_of
from gridlane.charging.metering import is_unsettled, settle, stored_registers
from gridlane.charging.questions import Answered, SessionAsked
from gridlane.charging.recording import record
from gridlane.charging.state import ChargingState, Session
from gridlane.kernel.quantities import WattHours
from gridlane.stations.decision import Ask, Commit, Instructed, and_then
from gridlane.stations.operations import carried_out
from gridlane.stations.state import Live


class Close(msgspec.Struct, frozen=True, kw_only=True):
    """End a session the station will not end: at its last word, or at ``ended_at``."""

    session_id: UUID
    ended_at: datetime | None = None


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """Say what an ended session is worth: ``energy`` in Wh, or what was metered."""

    session_id: UUID
    energy: float | None = None


class FreezeTariff(msgspec.Struct, frozen=True, kw_only=True):
    """Freeze the version of the tariff that the session will be billed by; the first one stays."""

    session_id: UUID
    tariff_version_id: UUID


def _close(live: Live, session: Session, wish: Close, actor: str, now: datetime) -> Session | str:
    if session.ended_at is not None:
        return "the session has ended already"
    ended_at = wish.ended_at or session.presumed_end or session.progress.received_at
    return replace(
        session,
        ended_at=max(ended_at, session.started_at),
        end_received_at=now,
        presumed_end=None,
        closed_by=actor,
    )


def _review(live: Live, session: Session, wish: Review, actor: str, now: datetime) -> Session | str:
    if session.is_open:
        return "the session still runs; close it first"
    energy = energy_of(session) if wish.energy is None else WattHours(wish.energy)
    if energy < 0:
        return "the energy must not be negative"
    return replace(session, approved_energy=energy, reviewed_by=actor, reviewed_at=now)


def _freeze(live: Live, session: Session, wish: FreezeTariff, actor: str, now: datetime) -> Session | str:
    if session.tariff_version_id is not None:
        return session
    return replace(session, tariff_version_id=wish.tariff_version_id)


class _Instruction(msgspec.Struct, frozen=True):
    params: type
    decide: Callable[[Live, Session, Any, str, datetime], Session | str]
    done: str


INSTRUCTIONS: dict[str, _Instruction] = {
    "close_session": _Instruction(Close, _close, "session closed"),
    "review_session": _Instruction(Review, _review, "session reviewed"),
    "freeze_tariff": _Instruction(FreezeTariff, _freeze, "tariff frozen"),
}


def instructed(live: Live, what: Instructed, now: datetime, answer: Answered | None) -> Commit | Ask:
    """Carry out an instruction about a session; why it was not done stands in the operation."""
    instruction = INSTRUCTIONS[what.what]
    try:
        wish: Any = msgspec.convert(what.params, instruction.params)
    except msgspec.ValidationError as problem:
        return _ended(Commit(live), what, now, str(problem), done=False)
    charging: ChargingState = live.charging
    session = charging.by_id(wish.session_id)
    if answer is None and session is None:
        return Ask(_question(live, wish.session_id, now))
    if session is None:
        session = next(iter(answer.sessions), None) if answer is not None else None
    if session is None:
        return _ended(Commit(live), what, now, "this station has no such session", done=False)
    after = instruction.decide(live, session, wish, what.actor, now)
    if isinstance(after, str):
        return _ended(Commit(live), what, now, after, done=False)
    if is_unsettled(session, after):
        stored = stored_registers(session, after, answer)
        if stored is None:
            return Ask(_question(live, wish.session_id, now))
        after = settle(live, after, stored)
    commit = Commit(live)
    record(commit, session, after, now, f"{what.what} by {what.actor}")
    return _ended(commit, what, now, instruction.done, done=True)


def _ended(commit: Commit, what: Instructed, now: datetime, evidence: str, *, done: bool) -> Commit:
    status = "verified" if done else "refused"
    return and_then(commit, [lambda live, at: carried_out(live, what, at, evidence, status=status)], now)


def _question(live: Live, session_id: UUID, now: datetime) -> SessionAsked:
    station = live.station
    return SessionAsked(
        station_id=station.id,
        organization_id=station.organization_id,
        at=now,
        session_id=session_id,
        registers_of=(session_id,),
    )
