"""What the owner of a station keeps of its sessions: the open ones, and a few that ended just now.

A session is made of two parts. ``Session`` says what it is (who, where, since when) and changes a few times in its
life; ``Progress`` is what every meter value moves, and is written by itself. Both are joined from what the station
tells so that order and repetition do not matter (``assembler``).
"""

from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec

from gridlane.kernel.quantities import Amperes, WattHours, Watts
from gridlane.stations.reports import Reading

Status = Literal["active", "ended", "presumed_ended"]

FELL, JUMPED, RAN_BACK, AFTER_END = "register_fell", "register_jumped", "clock_ran_back", "energy_after_end"
CLOCK_WRONG, EVSE_CHANGED = "clock_wrong", "evse_changed"
HOLDING = frozenset((FELL, JUMPED, RAN_BACK, AFTER_END))
"""Flags that keep a session from being billed until somebody has looked at it."""

CLOCK_AHEAD = timedelta(minutes=5)
OCPP_BEGAN = datetime(2010, 1, 1, tzinfo=UTC)
REMEMBERED_ENDED = 4  # ended sessions kept in memory, so that a repeated stop asks nobody


def is_believed(at: datetime, received_at: datetime) -> bool:
    """Whether a station's time can be true: not in our future, not before there were such stations."""
    return OCPP_BEGAN <= at <= received_at + CLOCK_AHEAD


class Progress(msgspec.Struct, frozen=True, gc=False):
    """What meter values and updates move; the row of the light update.

    ``energy`` is the sum of the plausible steps of the register since ``first_register``. ``unsettled`` says that
    readings came out of order, so that the sum has to be made anew from the stored readings before it is final.
    """

    id: UUID
    received_at: datetime  # last word of the station about this session
    energy: WattHours = WattHours(0.0)
    first_register: WattHours | None = None
    first_register_at: datetime | None = None
    first_is_begin: bool = False  # the first register is the one of Transaction.Begin
    register: WattHours | None = None  # the last one in the station's own time
    register_at: datetime | None = None
    power: Watts | None = None
    power_at: datetime | None = None
    soc: float | None = None
    soc_at: datetime | None = None
    sequences: tuple[int, ...] = ()  # numbers seen, as ranges: first, last, first, last, ...
    charging_state: str | None = None
    state_sequence: int = -1
    flags: tuple[str, ...] = ()
    signed: bool = False
    unsettled: bool = False


class Session(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A session; the fields up to ``interrupted_at`` are columns, the last three live in memory only."""

    id: UUID
    organization_id: UUID | None
    site_id: UUID | None
    station_id: UUID
    transaction_id: str
    generation: int = 0  # a station that was reset may use a transaction id again
    received_at: datetime  # first word of the station about it
    clock_offset: float = 0.0  # seconds the station's clock was ahead then
    evse: int | None = None
    connector: int | None = None
    started_at: datetime  # by the station's clock
    start_digest: str | None = None  # null: no start was seen yet
    ended_at: datetime | None = None  # by the station's clock, or when it was closed
    end_digest: str | None = None
    end_received_at: datetime | None = None
    presumed_end: datetime | None = None
    stop_reason: str | None = None
    closed_by: str | None = None
    refused: bool = False
    verdict: str | None = None
    token_id: UUID | None = None
    token_key: UUID | None = None
    token_last4: str | None = None
    token_kind: str | None = None
    token_at: datetime | None = None
    group_id: str | None = None
    person_id: UUID | None = None
    stop_token_key: UUID | None = None
    stop_token_last4: str | None = None
    request_id: UUID | None = None  # the start by API that it answers
    remote_start_id: int | None = None
    reservation_id: int | None = None
    phases_used: int | None = None
    cable_max_current: Amperes | None = None
    offline: bool = False
    stopping: bool = False  # its end was asked for, here or at the station
    tariff_version_id: UUID | None = None
    approved_energy: WattHours | None = None
    reviewed_by: str | None = None
    reviewed_at: datetime | None = None
    interrupted_at: datetime | None = None
    progress: Progress
    latest: Reading | None = None
    recent: tuple[bytes, ...] = ()  # digests of the last events, to know a repetition at once

    @property
    def status(self) -> Status:
        if self.ended_at is not None:
            return "ended"
        return "presumed_ended" if self.presumed_end is not None else "active"

    @property
    def is_open(self) -> bool:
        return self.ended_at is None and self.presumed_end is None

    @property
    def is_held(self) -> bool:
        """Whether somebody has to look at it before it is billed."""
        return self.reviewed_at is None and not HOLDING.isdisjoint(self.progress.flags)

    @property
    def began(self) -> datetime:
        """When it started, for ordering sessions: the station's time where it can be believed."""
        return self.started_at if is_believed(self.started_at, self.received_at) else self.received_at


class ChargingState(msgspec.Struct, frozen=True):
    """``sessions`` by transaction id, oldest first; ``max_power`` by EVSE where it is known."""

    sessions: dict[str, Session] = {}
    max_power: dict[int, Watts] = {}

    def by_id(self, session_id: UUID) -> Session | None:
        return next((one for one in self.sessions.values() if one.id == session_id), None)

    def open_on(self, evse: int) -> Session | None:
        """The newest open session of an EVSE; one that was not refused before one that was."""
        found = [one for one in self.sessions.values() if one.evse == evse and one.is_open]
        return max(found, key=lambda one: (not one.refused, one.began), default=None)

    def with_session(self, session: Session) -> "ChargingState":
        """The state with this session in it, forgetting the oldest ended ones beyond a few."""
        known = self.sessions.get(session.transaction_id)
        if known is not None and known.generation > session.generation:
            return self
        if session.is_open:
            return ChargingState({**self.sessions, session.transaction_id: session}, self.max_power)
        sessions = {key: one for key, one in self.sessions.items() if key != session.transaction_id}
        sessions[session.transaction_id] = session
        ended = [key for key, one in sessions.items() if not one.is_open]
        for key in ended[:-REMEMBERED_ENDED]:
            del sessions[key]
        return ChargingState(sessions, self.max_power)


NOTHING = ChargingState()
