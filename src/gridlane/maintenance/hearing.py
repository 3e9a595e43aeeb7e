"""Which facts are signs of a fault, and at which place: the table from facts to occurrences."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.charging.ending import SessionEnded
from gridlane.charging.model import sessions
from gridlane.charging.starting import SessionStarted
from gridlane.kernel.facts import Fact, Recorded
from gridlane.maintenance.symptoms import Occurrence, Place
from gridlane.stations.events import SecurityEventReported
from gridlane.stations.firmware import FirmwareStatusReported
from gridlane.stations.life import ConnectorStatusChanged, StationBooted, StationConnected
from gridlane.stations.operations import OperationEnded

EMPTY = 50.0  # Wh: less than any vehicle takes that charges at all
LONG_ENOUGH = 120.0  # seconds: who leaves earlier has changed their mind

Heard = tuple[str, int, dict[str, Any]]  # kind, EVSE, detail


class EndedSession(msgspec.Struct, frozen=True):
    """What a ``SessionEnded`` leaves unsaid."""

    evse: int
    seconds: float
    token: str | None


def _connected(fact: StationConnected) -> Heard | None:
    return None if fact.superseded else ("connected", 0, {"address": fact.address})


def _booted(fact: StationBooted) -> Heard | None:
    if fact.reason in ("Triggered", "RemoteReset", "ScheduledReset", "FirmwareUpdate"):
        return "restarted_on_purpose", 0, {"reason": fact.reason}
    return "booted", 0, {"reason": fact.reason, "firmware": fact.firmware}


def _status(fact: ConnectorStatusChanged) -> Heard | None:
    if fact.evse != 0:
        return None  # connectors are read as conditions
    faulted = fact.status == "faulted"
    return "station_faulted" if faulted else "station_well", 0, {"error": fact.error} if faulted else {}


def _security(fact: SecurityEventReported) -> Heard | None:
    return f"security:{fact.kind}", 0, {"info": fact.info} if fact.info else {}


def _firmware(fact: FirmwareStatusReported) -> Heard | None:
    if fact.failed:
        return "firmware_failed", 0, {"status": fact.status}
    return ("firmware_installed", 0, {}) if fact.status == "Installed" else None


def _started(fact: SessionStarted) -> Heard | None:
    return ("session_started", fact.evse or 0, {}) if not fact.refused else None


_UNANSWERED = ("timed_out",)
_ANSWERED = ("verified", "unverified", "refused", "failed")


def _operation(fact: OperationEnded) -> Heard | None:
    if fact.kind == "instruct":
        return None
    if fact.status in _UNANSWERED:
        return "command_unanswered", 0, {"command": fact.kind}
    if fact.kind == "start_charging" and fact.status in ("refused", "failed"):
        return "start_failed", 0, {"answer": fact.evidence}
    if fact.kind == "set_charging_profile" and fact.status in ("refused", "failed"):
        return "limit_refused", 0, {"answer": fact.evidence}
    if fact.kind == "set_charging_profile" and fact.status == "verified":
        return "limit_taken", 0, {}
    return ("command_answered", 0, {}) if fact.status in _ANSWERED else None


HEARD: Mapping[type[Fact], Callable[[Any], Heard | None]] = {
    StationConnected: _connected,
    StationBooted: _booted,
    ConnectorStatusChanged: _status,
    SecurityEventReported: _security,
    FirmwareStatusReported: _firmware,
    SessionStarted: _started,
    OperationEnded: _operation,
}


def occurrence(recorded: Recorded, ended: Mapping[UUID, EndedSession]) -> Occurrence | None:
    """What a fact shows, if any rule cares. ``ended`` tells more of sessions that ended."""
    fact = recorded.fact
    heard = (
        _ended(fact, ended.get(fact.session_id))
        if isinstance(fact, SessionEnded)
        else HEARD[type(fact)](fact)
        if type(fact) in HEARD
        else None
    )
    if heard is None:
        return None
    kind, evse, detail = heard
    return Occurrence(kind, Place(recorded.aggregate_id, evse), recorded.at, detail)


def _ended(fact: SessionEnded, session: EndedSession | None) -> Heard | None:
    if session is None or fact.refused or fact.presumed:
        return None
    if fact.reason == "PowerLoss":
        return "session_lost_power", session.evse, {}
    if fact.energy >= EMPTY:
        return "session_good", session.evse, {}
    empty = session.seconds >= LONG_ENOUGH
    return ("session_empty", session.evse, {"token": session.token}) if empty else None


async def sessions_of(work: AsyncConnection, recorded: Sequence[Recorded]) -> dict[UUID, EndedSession]:
    """More about the sessions whose end these facts tell."""
    ids = [one.fact.session_id for one in recorded if isinstance(one.fact, SessionEnded)]
    if not ids:
        return {}
    length = sa.func.extract("epoch", sessions.c.ended_at - sessions.c.started_at)
    query = sa.select(
        sessions.c.id, sessions.c.evse, length.label("seconds"), sessions.c.token_last4
    ).where(sessions.c.id.in_(ids))  # fmt: skip
    return {
        row.id: EndedSession(row.evse or 0, float(row.seconds or 0), row.token_last4)
        for row in (await work.execute(query)).all()
    }
