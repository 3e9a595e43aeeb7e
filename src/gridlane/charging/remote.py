"""Starting and stopping from afar: a wish is judged, written down, and becomes a command to the station.

The transaction that answers it is joined by ``starting``: by the remote start id, which is random, so that none can
be guessed or forged; over 1.6 by the token on that connector within the time the wish is good for.
"""

import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts import issuing
from gridlane.accounts.tokens import TokenCipher, last4
from gridlane.charging.authorizing import Occasion, judged
from gridlane.charging.evidence import gathered, token_facts
from gridlane.charging.limits import NO_LIMITS, Limits
from gridlane.charging.model import sessions, start_requests
from gridlane.charging.questions import SessionAsked
from gridlane.charging.state import NOTHING
from gridlane.kernel import audit
from gridlane.kernel.access import Caller, NotAllowed, Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id
from gridlane.stations import asking_operations, places
from gridlane.stations.commands import StartCharging, StopCharging
from gridlane.stations.model import connectors, operations
from gridlane.stations.plugs import EvseUnknown
from gridlane.stations.reports import TokenRef
from gridlane.stations.state import ConnectorState, Live, StationState

GOOD_FOR = timedelta(minutes=3)
"""A start waits so long for its transaction: the driver may still have to plug in."""

LATER_GOOD_FOR = timedelta(minutes=30)
"""The same for a start that was asked for ahead: a station that is away just then may come back."""

FURTHEST = timedelta(hours=24)
"""How far ahead a start can be asked for."""


class StartRefused(Refusal):
    code = "start_refused"
    kind = Kind.CONFLICT
    sentence = "The station cannot be started with this token: {reason}."


class StationAway(Refusal):
    code = "station_away"
    kind = Kind.UNAVAILABLE
    sentence = "The station is not connected now."


class EvseUnusable(Refusal):
    code = "evse_unusable"
    kind = Kind.CONFLICT
    sentence = "EVSE {evse} is {status}."


class SessionUnknown(Refusal):
    code = "session_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no session {session}."


class SessionOver(Refusal):
    code = "session_over"
    kind = Kind.CONFLICT
    sentence = "The session has ended already."


class StartRequestUnknown(Refusal):
    code = "start_request_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no start {request}."


class StartUnderWay(Refusal):
    code = "start_under_way"
    kind = Kind.CONFLICT
    sentence = "The station was asked to start already; stop the charge once it runs."


class StartTimeWrong(Refusal):
    code = "start_time_wrong"
    kind = Kind.INVALID
    sentence = "A charge can begin at a time within the next {hours} hours."


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """Who wants to start where, when (``begins_at`` None: at once), and where it is to end by itself."""

    station_id: UUID
    token: TokenRef
    token_id: UUID | None = None
    evse: int | None = None
    group_id: str | None = None
    person_id: UUID | None = None
    limits: Limits = NO_LIMITS
    begins_at: datetime | None = None

    @property
    def good_for(self) -> timedelta:
        """How long after its time the start may still be sent and plugged in for."""
        return GOOD_FOR if self.begins_at is None else LATER_GOOD_FOR


_UNUSABLE = frozenset(("faulted", "unavailable"))


async def start_with(
    work: AsyncConnection,
    caller: Caller,
    cipher: TokenCipher,
    now: datetime,
    *,
    station_id: UUID,
    token_id: UUID,
    evse: int | None = None,
    until: Limits = NO_LIMITS,
    begins_at: datetime | None = None,
    idempotency_key: str | None = None,
) -> dict[str, Any]:
    """Start with a token that was issued: by an operator with any, by a driver with one of their own.

    Raises StationUnknown, TokenUnknown, NotAllowed, StartRefused, StationAway, EvseUnknown, EvseUnusable,
    StartTimeWrong.
    """
    if begins_at is not None and not now < begins_at <= now + FURTHEST:
        raise StartTimeWrong(hours=FURTHEST // timedelta(hours=1))
    token = await issuing.token_of(work, caller, token_id)
    _permit(caller, token["person_id"])
    if idempotency_key is not None:
        known = await _asked_before(work, station_id, idempotency_key)
        if known is not None:
            return known
    number = await issuing.number_of(work, cipher, token_id)
    live = await _live(work, caller, station_id)
    _usable(live, evse)
    asked = SessionAsked(
        station_id=station_id, organization_id=live.station.organization_id, at=now, evse=evse, token=number
    )
    key = cipher.key(number)
    (found,) = await gathered(await _driver(work), [asked], [key])
    facts = token_facts(cipher, asked, found, key)
    assert facts is not None
    judgement = judged(facts, Occasion("start", live, now, evse))
    if not judgement.accepted:
        reason = (judgement.verdict.message or judgement.reason).rstrip(".")
        raise StartRefused(reason=reason, status=judgement.verdict.status)
    wish = Wish(
        station_id=station_id,
        token=number,
        token_id=token_id,
        evse=evse,
        group_id=token["group_id"],
        person_id=token["person_id"],
        limits=until,
        begins_at=begins_at,
    )
    return await start(work, caller, cipher, now, wish, idempotency_key=idempotency_key)


async def start(
    work: AsyncConnection,
    caller: Caller,
    cipher: TokenCipher,
    now: datetime,
    wish: Wish,
    *,
    idempotency_key: str | None = None,
) -> dict[str, Any]:
    """Ask a station to start for a token that was judged already (a guest's, whose money is held).

    Gives the start as it is stored; ring ``station.<id>.operations`` after the commit. The same idempotency key
    gives the same start.
    """
    remote_start_id = secrets.randbelow(2**31 - 1) + 1
    command = StartCharging(
        token=wish.token,
        evse=wish.evse,
        remote_start_id=remote_start_id,
        group=TokenRef(wish.group_id, "Central") if wish.group_id else None,
        limits=wish.limits.on_the_wire(),
    )
    (operation,) = await asking_operations.put(
        work,
        caller,
        [wish.station_id],
        command,
        expires_in=wish.good_for,
        not_before=wish.begins_at,
        idempotency_key=idempotency_key,
    )
    if idempotency_key is not None:
        known = await _asked_before(work, wish.station_id, idempotency_key)
        if known is not None:
            return known
    values: dict[str, Any] = {
        "id": new_id(),
        "organization_id": caller.organization_id,
        "station_id": wish.station_id,
        "evse": wish.evse,
        "token_id": wish.token_id,
        "token_key": cipher.key(wish.token),
        "token_last4": last4(wish.token),
        "token_kind": wish.token.kind,
        "person_id": wish.person_id,
        "remote_start_id": remote_start_id,
        "operation_id": operation["id"],
        "requested_by": caller.name,
        "created_at": now,
        "expires_at": (wish.begins_at or now) + wish.good_for,
        "begins_at": wish.begins_at,
        "limits": None if wish.limits == NO_LIMITS else msgspec.json.encode(wish.limits).decode(),
        "session_id": None,
    }
    await work.execute(sa.insert(start_requests).values(values))
    return _shown(values)


async def call_off(work: AsyncConnection, caller: Caller, request_id: UUID) -> None:
    """Take back a start that the station was not asked for yet.

    Raises StartRequestUnknown, NotAllowed, StartUnderWay.
    """
    row = (
        (await work.execute(sa.select(start_requests).where(start_requests.c.id == request_id)))
        .mappings()
        .first()
    )
    if row is None:
        raise StartRequestUnknown(request=request_id)
    _permit(caller, row["person_id"])
    waiting = sa.update(operations).where(
        operations.c.id == row["operation_id"], operations.c.status == "queued"
    )
    evidence = f"called off by {caller.name}"
    called = await work.execute(
        waiting.values(status="cancelled", ended_at=system_clock(), evidence=evidence)
    )
    if called.rowcount == 0:
        raise StartUnderWay(request=request_id)
    await audit.record(work, caller, "start.called_off", request_id)


async def stop(
    work: AsyncConnection, caller: Caller, session_id: UUID, *, idempotency_key: str | None = None
) -> dict[str, Any]:
    """Ask the station to end a session; gives the operation. Raises SessionUnknown, NotAllowed, SessionOver."""
    session = await session_of(work, caller, session_id)
    _permit(caller, session["person_id"])
    if session["status"] != "active":
        raise SessionOver(session=session_id)
    (operation,) = await asking_operations.put(
        work,
        caller,
        [session["station_id"]],
        StopCharging(transaction=session["transaction_id"]),
        idempotency_key=idempotency_key,
    )
    return operation


async def session_of(work: AsyncConnection, caller: Caller, session_id: UUID) -> dict[str, Any]:
    """A session as stored. Raises SessionUnknown, also for what the caller may not see."""
    row = (await work.execute(sa.select(sessions).where(sessions.c.id == session_id))).mappings().first()
    own = row is not None and row["person_id"] is not None and row["person_id"] == caller.person_id
    if row is None or not (own or (caller.may(Permission.SESSIONS_READ) and caller.reaches(row["site_id"]))):
        raise SessionUnknown(session=session_id)
    return dict(row)


async def start_of(work: AsyncConnection, caller: Caller, request_id: UUID) -> dict[str, Any]:
    """A start that was asked for, and the session it became. Raises StartRequestUnknown, StationUnknown."""
    row = (
        (await work.execute(sa.select(start_requests).where(start_requests.c.id == request_id)))
        .mappings()
        .first()
    )
    own = row is not None and row["person_id"] is not None and row["person_id"] == caller.person_id
    if row is None or not (own or caller.may(Permission.SESSIONS_READ)):
        raise StartRequestUnknown(request=request_id)
    if not own:
        await places.station(work, caller, row["station_id"])
    return _shown(row)


async def _asked_before(work: AsyncConnection, station_id: UUID, key: str) -> dict[str, Any] | None:
    """The start that this idempotency key made."""
    query = sa.select(start_requests).join(operations, operations.c.id == start_requests.c.operation_id)
    found = await work.execute(query.where(operations.c.idempotency_key == f"{key}:{station_id}"))
    row = found.mappings().first()
    return _shown(row) if row is not None else None


def _shown(row: Any) -> dict[str, Any]:
    return {name: row[name] for name in _SHOWN}


_SHOWN = (
    "id", "station_id", "evse", "token_id", "token_last4", "person_id", "operation_id", "requested_by", "created_at",
    "expires_at", "begins_at", "session_id",
)  # fmt: skip


def _permit(caller: Caller, person_id: UUID | None) -> None:
    """Operators may for everybody, drivers for themselves."""
    own = person_id is not None and person_id == caller.person_id and caller.may(Permission.CHARGE)
    if not own and not caller.may(Permission.STATIONS_OPERATE):
        raise NotAllowed(permission=Permission.STATIONS_OPERATE.word)


async def _live(work: AsyncConnection, caller: Caller, station_id: UUID) -> Live:
    """As much of a station's state as a verdict needs. Raises StationUnknown, StationAway."""
    station = await places.station(work, caller, station_id)
    if not station["connected"]:
        raise StationAway(station=station_id)
    found = await work.execute(sa.select(connectors).where(connectors.c.station_id == station_id))
    state = StationState(
        id=station_id,
        organization_id=station["organization_id"],
        site_id=station["site_id"],
        identity=station["identity"],
        approval=station["approval"],
        protocol=station["protocol"] or "",
        connectors={
            (row["evse"], row["number"]): ConnectorState(
                id=row["id"], evse_id=row["evse_id"], status=row["status"], status_at=row["status_at"]
            )
            for row in found.mappings()
        },
    )
    return Live(state, NOTHING)


def _usable(live: Live, evse: int | None) -> None:
    """Raises EvseUnknown, EvseUnusable."""
    if evse is None:
        return
    statuses = [one.status for key, one in live.station.connectors.items() if key[0] == evse]
    if not statuses:
        raise EvseUnknown(evse=evse)
    if all(status in _UNUSABLE for status in statuses):
        raise EvseUnusable(evse=evse, status=statuses[0])


async def _driver(work: AsyncConnection) -> Any:
    """The connection below SQLAlchemy, in the same transaction."""
    return (await work.get_raw_connection()).driver_connection
