"""A session ends, and what is reported of its end: to be billed, to be looked at, or to be billed anew.

Only the station's own word is certain. What ended a session otherwise gives way to it when it comes.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from gridlane.charging.assembler import missing
from gridlane.charging.state import HOLDING, Session
from gridlane.kernel.facts import Fact
from gridlane.kernel.quantities import WattHours


class SessionEnded(Fact, frozen=True, kw_only=True, tag="session_ended"):
    """A session is over. ``presumed``: the station has not said so itself. ``held``: the flags that want a review
    before it is billed. ``missing_events``: numbers between the first and the last that have not come (yet).
    """

    session_id: UUID
    ended_at: datetime
    energy: WattHours
    reason: str | None
    presumed: bool
    refused: bool
    held: tuple[str, ...]
    missing_events: int


class SessionCorrected(Fact, frozen=True, kw_only=True, tag="session_corrected"):
    """What was reported of an ended session has changed: its end, its energy, who pays, or what a review said."""

    session_id: UUID
    ended_at: datetime | None
    energy: WattHours
    energy_before: WattHours
    refused: bool
    held: tuple[str, ...]
    cause: str


def end_of(session: Session) -> datetime | None:
    return session.ended_at or session.presumed_end


def energy_of(session: Session) -> WattHours:
    """The energy to be billed: what a review decided, else what was metered."""
    return session.progress.energy if session.approved_energy is None else session.approved_energy


def ended(session: Session) -> SessionEnded:
    end = end_of(session)
    assert end is not None
    return SessionEnded(
        session_id=session.id,
        ended_at=end,
        energy=energy_of(session),
        reason=session.stop_reason,
        presumed=session.end_digest is None,
        refused=session.refused,
        held=_holding(session),
        missing_events=missing(session.progress.sequences),
    )


def _holding(session: Session) -> tuple[str, ...]:
    return tuple(sorted(HOLDING.intersection(session.progress.flags))) if session.is_held else ()


def _billed(session: Session) -> tuple[Any, ...]:
    """What a bill depends on; a change of it after the end is a correction."""
    return (
        session.started_at, end_of(session), energy_of(session), session.refused, session.token_key, session.is_held,
        session.evse,
    )  # fmt: skip


def corrected(before: Session, after: Session, cause: str) -> SessionCorrected | None:
    """The fact that an ended session is different now, or None where nothing that matters changed."""
    if _billed(before) == _billed(after):
        return None
    return SessionCorrected(
        session_id=after.id,
        ended_at=end_of(after),
        energy=energy_of(after),
        energy_before=energy_of(before),
        refused=after.refused,
        held=_holding(after),
        cause=cause,
    )
