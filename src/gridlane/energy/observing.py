"""What holds at a site now, read from the tables: contact, sessions, measurements, answers, meters, the grid's word.

The loop looks at what is, not at what was announced: a fact that comes twice, late or never changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.charging.model import readings, sessions
from gridlane.energy.capacity import Conditions, LoadReading
from gridlane.energy.circuit import Evse
from gridlane.energy.model import charging_wishes, circuit_loads, dimmings
from gridlane.energy.plan import Mode
from gridlane.energy.trees import Wired
from gridlane.kernel.quantities import Amperes, Watts
from gridlane.stations.dynamic_schedules import priority_charging
from gridlane.stations.model import operations, stations

PHASE_LIVE = 0.5  # A: a phase that carries less is not used


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A station as it was seen last."""

    connected: bool
    booted_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The open session of an EVSE. ``goes_first``: its driver asked at the station for priority (OCPP 2.1)."""

    id: UUID
    request_id: UUID | None
    person_id: UUID | None
    transaction: str
    started_at: datetime
    energy: float
    charging_state: str | None
    soc: float | None
    phases: int | None
    mode: Mode | None = None
    departs: datetime | None = None
    wanted: float | None = None
    goes_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The last measurement of an EVSE: the current of its highest phase, ``at`` by its station's clock.

    ``ahead`` is the most, in seconds, that any new reading's time was ahead of its arrival here (negative: behind).
    ``certain`` is not what was reckoned from power over phases that may not all be used: it can be too small.
    """

    at: datetime
    current: Amperes
    phases: int | None
    power: Watts | None = None
    certain: bool = True
    received_at: datetime
    ahead: float = 0.0


class Answered(NamedTuple):
    """How far a command has come."""

    status: str
    sent_at: datetime | None
    answered_at: datetime | None
    expires_at: datetime
    answer: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One site at ``at``; by EVSE where not said otherwise."""

    at: datetime
    contacts: Mapping[UUID, Contact] = field(default_factory=dict)  # by station
    running: Mapping[str, Running] = field(default_factory=dict)
    over: frozenset[UUID] = frozenset()  # sessions that are over by their station's own word
    measured: Mapping[str, Measured] = field(default_factory=dict)
    answered: Mapping[UUID, Answered] = field(default_factory=dict)  # by operation
    conditions: Conditions = field(default_factory=Conditions)


async def observe(
    work: AsyncConnection,
    wired: Wired,
    now: datetime,
    *,
    since: datetime,
    waiting: Sequence[UUID],
    remembered: Sequence[UUID],
) -> Observed:
    """Readings that came after ``since``; the ``waiting`` operations; the ends of ``remembered`` sessions."""
    station_ids = list({each.station_id for each in wired.places.values()})
    by_place = {(each.station_id, each.number): evse for evse, each in wired.places.items()}
    contacts = await _contacts(work, station_ids)
    running = await _running(work, station_ids, by_place)
    measured = await _measured(work, wired, station_ids, by_place, since)
    return Observed(
        at=now,
        contacts=contacts,
        running=running,
        over=await _over(work, remembered),
        measured=measured,
        answered=await _answered(work, waiting),
        conditions=await _conditions(work, wired, now),
    )


async def _contacts(work: AsyncConnection, station_ids: Sequence[UUID]) -> dict[UUID, Contact]:
    query = sa.select(stations.c.id, stations.c.connected, stations.c.booted_at, stations.c.approval).where(
        stations.c.id.in_(station_ids)
    )
    return {
        row.id: Contact(
            connected=row.connected and row.approval == "accepted",
            booted_at=row.booted_at,
        )
        for row in await work.execute(query)
    }


async def _running(
    work: AsyncConnection, station_ids: Sequence[UUID], by_place: Mapping[tuple[UUID, int], str]
) -> dict[str, Running]:
    wish = charging_wishes
    query = (
        sa.select(
            sessions.c.id, sessions.c.request_id, sessions.c.person_id, sessions.c.station_id, sessions.c.evse,
            sessions.c.transaction_id, sessions.c.started_at, sessions.c.energy, sessions.c.charging_state,
            sessions.c.soc, sessions.c.phases_used, wish.c.mode, wish.c.departs_at,
            wish.c.energy.label("wanted"), priority_charging.c.activated,
        )
        .outerjoin_from(
            sessions,
            wish,
            sa.or_(wish.c.charge_id == sessions.c.id, wish.c.charge_id == sessions.c.request_id),
        )
        .outerjoin(
            priority_charging,
            sa.and_(
                priority_charging.c.station_id == sessions.c.station_id,
                priority_charging.c.transaction == sessions.c.transaction_id,
            ),
        )
        .where(
            sessions.c.station_id.in_(station_ids),
            sessions.c.status == "active",
            sa.not_(sessions.c.refused),
        )
        .order_by(sessions.c.started_at, wish.c.wished_at)
    )  # fmt: skip
    found: dict[str, Running] = {}
    for row in await work.execute(query):
        evse = by_place.get((row.station_id, row.evse))
        if evse is not None:  # of two open sessions on an EVSE the later one is real; of two wishes the later
            found[evse] = Running(
                id=row.id, request_id=row.request_id, person_id=row.person_id, transaction=row.transaction_id,
                started_at=row.started_at, energy=row.energy, charging_state=row.charging_state, soc=row.soc,
                phases=row.phases_used, mode=None if row.mode is None else Mode(row.mode),
                departs=row.departs_at, wanted=row.wanted, goes_first=bool(row.activated),
            )  # fmt: skip
    return found


async def _over(work: AsyncConnection, remembered: Sequence[UUID]) -> frozenset[UUID]:
    """Only the station's own word ends what was told to a transaction; one that was closed here may go on."""
    if not remembered:
        return frozenset()
    query = sa.select(sessions.c.id).where(
        sessions.c.id.in_(remembered), sessions.c.end_received_at.is_not(None)
    )
    return frozenset((await work.execute(query)).scalars())


async def _measured(
    work: AsyncConnection,
    wired: Wired,
    station_ids: Sequence[UUID],
    by_place: Mapping[tuple[UUID, int], str],
    since: datetime,
) -> dict[str, Measured]:
    query = (
        sa.select(
            readings.c.station_id, readings.c.evse, readings.c.received_at, readings.c.at, readings.c.power,
            readings.c.current, readings.c.current_l1, readings.c.current_l2, readings.c.current_l3,
        )
        .where(readings.c.station_id.in_(station_ids), readings.c.received_at > since)
        .order_by(readings.c.at)
    )  # fmt: skip
    by_id = {each.id: each for each in wired.site.evses}
    found: dict[str, Measured] = {}
    for row in await work.execute(query):
        evse = by_place.get((row.station_id, row.evse))
        if evse is None:
            continue
        measured = _measurement(wired, by_id[evse], row)
        if measured is not None:
            before = found.get(evse)
            ahead = (row.at - row.received_at).total_seconds()
            found[evse] = replace(measured, ahead=max(ahead, before.ahead) if before else ahead)
    return found


def _measurement(wired: Wired, evse: Evse, row: Any) -> Measured | None:
    at, received_at, power = row.at, row.received_at, row.power
    current, phases, certain = None, None, True
    lines = [each for each in (row.current_l1, row.current_l2, row.current_l3) if each is not None]
    if evse.converter is not None:
        if power is not None:
            current = power / (wired.site.draw(evse).watts_per_ampere * evse.converter.efficiency)
            phases = 3
    elif lines:
        current, phases = max(lines), sum(each > PHASE_LIVE for each in lines) or None
    elif row.current is not None:
        current = row.current
    elif power is not None:
        current, certain = power / (wired.site.voltage * evse.phases), evse.phases == 1
    if current is None:
        return None
    return Measured(
        at=at, received_at=received_at, current=Amperes(current), phases=phases, power=power, certain=certain
    )


async def _answered(work: AsyncConnection, waiting: Sequence[UUID]) -> dict[UUID, Answered]:
    if not waiting:
        return {}
    columns = (
        operations.c.id, operations.c.status, operations.c.sent_at, operations.c.answered_at,
        operations.c.expires_at, operations.c.answer,
    )  # fmt: skip
    query = sa.select(*columns).where(operations.c.id.in_(waiting), operations.c.status != "queued")
    return {
        row.id: Answered(
            row.status, row.sent_at, row.answered_at, row.expires_at,
            msgspec.json.decode(row.answer) if row.answer else {},
        )
        for row in await work.execute(query)
    }  # fmt: skip


async def _conditions(work: AsyncConnection, wired: Wired, now: datetime) -> Conditions:
    loads = await work.execute(sa.select(circuit_loads).where(circuit_loads.c.site_id == wired.site_id))
    found = {
        str(row.circuit_id): LoadReading(row.at, (Amperes(row.l1), Amperes(row.l2), Amperes(row.l3)))
        for row in loads
    }
    words = await work.execute(
        sa.select(dimmings).where(
            dimmings.c.site_id == wired.site_id, dimmings.c.since <= now, dimmings.c.until > now
        )
    )
    dimmed: dict[str, Watts] = {}
    for row in words:
        circuit = str(row.circuit_id)
        dimmed[circuit] = Watts(min(row.power, dimmed.get(circuit, row.power)))
    return Conditions(readings=found, dimmed_to=dimmed)
