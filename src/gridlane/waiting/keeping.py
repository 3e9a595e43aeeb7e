"""A turn of a site's queue in the database: what has changed is settled, written, kept at the plugs, and reported.

A turn holds the site's lock, so turns of one site come one after another whoever asks for them, and everything it does is
one transaction: after a crash the next turn finds the queue as it was. ``keeper`` makes a turn every few seconds
where somebody waits; whoever joins or leaves makes one at once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.tokens import TokenCipher
from gridlane.charging import admission
from gridlane.charging.model import admissions, sessions
from gridlane.kernel.facts import Fact, Recorded, record
from gridlane.stations.availability import availability_intervals
from gridlane.stations.model import connectors, evses, stations
from gridlane.waiting import telling_people
from gridlane.waiting.model import blocked_bays, queue_places, reservations
from gridlane.waiting.needs import Needs
from gridlane.waiting.queue import ACTIVE, Kept, Place, Plug, Status, kept, settled
from gridlane.waiting.rules import SiteRules, rules_of
from gridlane.waiting.telling_stations import Hold, Told, tell, untell

RENEWED_BEFORE = timedelta(minutes=5)
TOLD = (Status.HELD, Status.MISSED)
OUT = ("unavailable", "faulted", "offline")
RESERVED_FOR_ANOTHER = "Reserved for a driver in the queue. Join it in the app."


class QueuePlaceChanged(Fact, frozen=True, kw_only=True, tag="queue_place_changed"):
    """A place in a site's queue is another now: waiting, held (a plug, until when), snoozed, charging, left, missed."""

    place_id: UUID
    person_id: UUID
    site_id: UUID
    status: str
    plug: UUID | None
    held_until: datetime | None


class Running(NamedTuple):
    """A session that somebody pays for."""

    person_id: UUID | None
    started_at: datetime


@dataclass
class Site:
    """A site's queue as loaded under its lock."""

    id: UUID
    organization_id: UUID
    rules: SiteRules
    places: list[Place]
    told: dict[UUID, Told]
    """Place -> the reservation that a station holds for it."""
    plugs: list[Plug]
    stations: dict[UUID, tuple[UUID, int]]
    """EVSE -> station and number."""
    sessions: dict[UUID, Running]
    """EVSE -> who charges there."""
    reserved: frozenset[UUID]
    """Plugs that a reservation keeps now, or before a hold that begins now would be over."""


async def turn(
    work: AsyncConnection, cipher: TokenCipher, organization_id: UUID, site_id: UUID, now: datetime
) -> set[UUID]:
    """Settle a site's queue; gives the stations whose bell is to be rung after the commit."""
    await lock(work, site_id)
    site = await load(work, organization_id, site_id, now)
    return await settle(work, cipher, site, now)


async def lock(work: AsyncConnection, site_id: UUID) -> None:
    """Let nobody else change the site's queue until the end of this unit of work."""
    key = int.from_bytes(site_id.bytes[:8], signed=True)
    await work.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


async def settle(work: AsyncConnection, cipher: TokenCipher, site: Site, now: datetime) -> set[UUID]:
    """The rest of a turn, for a site that is loaded (and perhaps changed by what somebody did)."""
    before = {place.id: place for place in site.places}
    plugs = unreserved(site)
    after = settled(site.places, plugs, site.rules.of_queue(), now)
    changed = [place for place in after if place != before[place.id]]
    site.places = after
    await write(work, site, changed, now)
    await _keep(work, site, kept(after, plugs, now), now)
    return await _tell(work, cipher, site)


def unreserved(site: Site) -> list[Plug]:
    """The plugs as the queue sees them: what a reservation keeps is not its own to give."""
    return [replace(plug, usable=plug.usable and plug.id not in site.reserved) for plug in site.plugs]


# --- reading -----------------------------------------------------------------------------------------------------


async def load(work: AsyncConnection, organization_id: UUID, site_id: UUID, now: datetime) -> Site:
    """A site's active places and its plugs."""
    active = sa.select(queue_places).where(
        queue_places.c.site_id == site_id, queue_places.c.status.in_(_words(ACTIVE))
    )
    rows = (await work.execute(active)).mappings().all()
    joined = {row["person_id"]: row["joined_at"] for row in rows}
    plugs = (await work.execute(_plugs(site_id, now))).mappings().all()
    rules = await rules_of(work, site_id)
    return Site(
        id=site_id,
        organization_id=organization_id,
        rules=rules,
        places=[place_of(row) for row in rows],
        told={
            row["id"]: Told(row["told_station"], row["told_number"])
            for row in rows
            if row["told_station"] is not None
        },
        plugs=[_plug(row, joined) for row in plugs],
        stations={row["id"]: (row["station_id"], row["number"]) for row in plugs},
        sessions={
            row["id"]: Running(row["person_id"], row["started_at"]) for row in plugs if row["token_key"]
        },
        reserved=await _reserved(work, site_id, rules, now),
    )


async def _reserved(work: AsyncConnection, site_id: UUID, rules: SiteRules, now: datetime) -> frozenset[UUID]:
    timing = rules.of_reservations()
    query = sa.select(reservations.c.evse_id).where(
        reservations.c.site_id == site_id,
        reservations.c.status == "booked",
        reservations.c.begins_at <= now + rules.of_queue().hold + timing.kept_before,
    )
    return frozenset((await work.scalars(query)).all())


def place_of(row: Any) -> Place:
    same = ("id", "person_id", "rank", "plug", "held_until", "snoozed_until", "snoozes", "misses")
    return Place(
        **{name: row[name] for name in same},
        status=Status(row["status"]),
        needs=Needs(connectors=frozenset(row["connectors"]), min_power=row["min_power"]),
    )


def _plugs(site_id: UUID, now: datetime) -> sa.Select[Any]:
    ledger = availability_intervals
    kinds = (
        sa.select(sa.func.array_agg(connectors.c.kind.distinct()))
        .where(connectors.c.evse_id == evses.c.id, connectors.c.kind.is_not(None))
        .scalar_subquery()
    )
    running = sa.and_(
        sessions.c.station_id == evses.c.station_id,
        sessions.c.evse == evses.c.number,
        sessions.c.status == "active",
        sessions.c.refused.is_(False),
    )
    return (
        sa.select(
            evses.c.id, evses.c.station_id, evses.c.number, evses.c.max_power, ledger.c.state, kinds.label("kinds"),
            sessions.c.id.label("session_id"), sessions.c.token_key, sessions.c.person_id, sessions.c.started_at,
            blocked_bays.c.until.label("blocked_until"),
        )
        .join_from(evses, stations, stations.c.id == evses.c.station_id)
        .outerjoin(ledger, sa.and_(ledger.c.evse_id == evses.c.id, ledger.c.until.is_(None)))
        .outerjoin(sessions, running)
        .outerjoin(blocked_bays, sa.and_(blocked_bays.c.evse_id == evses.c.id, blocked_bays.c.until > now))
        .where(stations.c.site_id == site_id, stations.c.approval == "accepted")
        .ext(distinct_on(evses.c.id))
        .order_by(evses.c.id, sessions.c.started_at.desc())
    )  # fmt: skip


def _plug(row: Any, joined: dict[UUID, datetime]) -> Plug:
    """A session counts as the end of waiting for whoever began it after joining.

    A station of 2.x may begin a transaction with the cable, before anybody has said who pays: it is nobody's yet.
    """
    person_id, started_at = row["person_id"], row["started_at"]
    waited = person_id in joined and started_at is not None and started_at >= joined[person_id]
    return Plug(
        id=row["id"],
        connectors=frozenset(row["kinds"] or ()),
        max_power=row["max_power"] or 0.0,
        free=row["state"] == "available" and row["session_id"] is None,
        usable=row["state"] is not None and row["state"] not in OUT and row["blocked_until"] is None,
        charging=person_id if waited else None,
        in_session=row["token_key"] is not None,
    )


# --- writing -----------------------------------------------------------------------------------------------------


async def write(work: AsyncConnection, site: Site, changed: Iterable[Place], now: datetime) -> None:
    """Places as they are now, each with its fact. All plugs are given up before any is taken: a plug is held once."""
    changed = list(changed)
    ids = [place.id for place in changed]
    await work.execute(sa.update(queue_places).where(queue_places.c.id.in_(ids)).values(plug=None))
    for place in changed:
        await work.execute(
            sa.update(queue_places)
            .where(queue_places.c.id == place.id)
            .values(
                status=place.status.value,
                rank=place.rank,
                plug=place.plug,
                held_until=place.held_until,
                snoozed_until=place.snoozed_until,
                snoozes=place.snoozes,
                misses=place.misses,
                changed_at=now,
            )
        )
    await record(
        work, [Recorded(_fact(site, place), place.id, site.organization_id, now) for place in changed]
    )
    for place in changed:
        if place.status in TOLD:
            who = site.organization_id, place.person_id, site.id
            key = f"queue:{place.id}:{place.status.value}:{place.held_until}"
            await telling_people.tell(work, *who, place.status.value, key, now)


def _fact(site: Site, place: Place) -> QueuePlaceChanged:
    return QueuePlaceChanged(
        place_id=place.id,
        person_id=place.person_id,
        site_id=site.id,
        status=place.status.value,
        plug=place.plug,
        held_until=place.held_until,
    )


async def _keep(work: AsyncConnection, site: Site, wanted: Sequence[Kept], now: datetime) -> None:
    """Say to charging whom each plug is kept for, and take back what holds no more."""
    reference = f"queue:{site.id}"
    query = sa.select(
        admissions.c.id,
        admissions.c.station_id,
        admissions.c.evse,
        admissions.c.person_id,
        admissions.c.valid_until,
    ).where(admissions.c.reference == reference)
    said = {(row.station_id, row.evse, row.person_id): row for row in await work.execute(query)}
    for one in wanted:
        station_id, number = site.stations[one.plug]
        known = said.pop((station_id, number, one.person_id), None)
        if known is not None and _good_enough(known.valid_until, one.until, now):
            continue
        if known is not None:
            await admission.withdraw(work, id_=known.id)
        await admission.say(
            work,
            admission.Wish(
                kind="reservation",
                organization_id=site.organization_id,
                valid_from=now,
                valid_until=one.until,
                person_id=one.person_id,
                station_id=station_id,
                evse=number,
                message=RESERVED_FOR_ANOTHER,
                reference=reference,
            ),
        )
    for left_over in said.values():
        await admission.withdraw(work, id_=left_over.id)


async def _tell(work: AsyncConnection, cipher: TokenCipher, site: Site) -> set[UUID]:
    """Let stations know of new holds and of those that are over; gives those that are to be rung."""
    rung = set()
    for place in site.places:
        told = site.told.get(place.id)
        station_id, number = site.stations[place.plug] if place.plug is not None else (None, 0)
        if told is not None and told.station_id != station_id:
            if place.status is not Status.CHARGING:  # used: the station knows
                await untell(work, site.organization_id, told)
                rung.add(told.station_id)
            await _note(work, place.id, None)
            told = None
        if station_id is not None and place.held_until is not None and told is None:
            hold = Hold(station_id, number, place.person_id, place.held_until)
            told = await tell(work, cipher, site.organization_id, hold)
            if told is not None:
                await _note(work, place.id, told)
                rung.add(station_id)
    return rung


async def _note(work: AsyncConnection, place_id: UUID, told: Told | None) -> None:
    station_id, number = told or (None, None)
    await work.execute(
        sa.update(queue_places)
        .where(queue_places.c.id == place_id)
        .values(told_station=station_id, told_number=number)
    )


def _good_enough(said: datetime, wanted: datetime, now: datetime) -> bool:
    """A hold ends when it ends; standing by is renewed now and then."""
    return said == wanted or (said < wanted and said - now > RENEWED_BEFORE)


def _words(statuses: Iterable[Status]) -> list[str]:
    return [status.value for status in statuses]
