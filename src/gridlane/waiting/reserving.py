"""Reservations in the database: booking, cancelling, and what time makes of them.

That no plug is booked twice is the table's own constraint, so it holds whoever books at the same moment. A booking says at
once to charging whom the plug is kept for and when: nothing has to run for it to be honoured at the plug.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.tokens import TokenCipher
from gridlane.charging import admission
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.facts import Fact, Recorded, record
from gridlane.kernel.ids import new_id
from gridlane.stations import places
from gridlane.stations.model import evses, sites, stations
from gridlane.waiting import keeping, reservation
from gridlane.waiting.keeping import Site
from gridlane.waiting.model import reservations
from gridlane.waiting.needs import Needs
from gridlane.waiting.queue import Plug
from gridlane.waiting.reservation import Reservation, ReservationRules, Status
from gridlane.waiting.rules import rules_of
from gridlane.waiting.telling_stations import Hold, Told, tell, untell

AT_ONCE = 2
"""Reservations that one person may have booked at a time."""
KEPT_FOR_ANOTHER = "Reserved for another driver."
KEPT_FREE = timedelta(minutes=30)
"""A plug that is to be had within so long must be free now to be booked."""


class ReservationsClosed(Refusal):
    code = "reservations_closed"
    kind = Kind.CONFLICT
    sentence = "Plugs cannot be reserved at this place."


class NothingToReserve(Refusal):
    code = "nothing_to_reserve"
    kind = Kind.CONFLICT
    sentence = "No plug that fits is free of reservations in that time."


class ReservedEnough(Refusal):
    code = "reserved_enough"
    kind = Kind.CONFLICT
    sentence = "One can have {count} reservations at a time, and not two for the same time."


class ReservationUnknown(Refusal):
    code = "reservation_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no reservation {reservation}."


class ReservationOver(Refusal):
    code = "reservation_over"
    kind = Kind.CONFLICT
    sentence = "The reservation is {status} already."


class ReservationChanged(Fact, frozen=True, kw_only=True, tag="reservation_changed"):
    """A reservation is booked, used, cancelled, a no-show, failed (no plug was to be had), or at another plug."""

    reservation_id: UUID
    person_id: UUID
    site_id: UUID
    evse_id: UUID
    status: str
    begins_at: datetime


async def book(
    work: AsyncConnection,
    caller: Caller,
    site_id: UUID,
    needs: Needs,
    begins_at: datetime,
    length: timedelta,
    now: datetime,
    *,
    evse_id: UUID | None = None,
) -> UUID:
    """Reserve a plug of a site that fits (or this one); gives the reservation.

    Raises SiteUnknown, ReservationsClosed, ReservationPast, ReservationTooFar, ReservationTooLong, ReservedEnough,
    NothingToReserve.
    """
    caller.require(Permission.CHARGE)
    person_id = caller.person()
    found = await places.site(work, caller, site_id)
    rules = await rules_of(work, site_id)
    if not rules.reservations:
        raise ReservationsClosed
    reservation.check(begins_at, length, rules.of_reservations(), now)
    await keeping.lock(work, site_id)
    await _not_too_many(work, person_id, begins_at, begins_at + length)
    site = await keeping.load(work, found["organization_id"], site_id, now)
    for plug in _candidates(site, needs, evse_id, soon=begins_at - now < KEPT_FREE):
        one = Reservation(
            id=new_id(), person_id=person_id, plug=plug.id, begins_at=begins_at, ends_at=begins_at + length
        )
        if await _booked(work, site, one, needs, now):
            await _keep(work, site, one, rules.of_reservations())
            await _report(work, site, one, now)
            return one.id
    raise NothingToReserve


async def cancel(work: AsyncConnection, caller: Caller, reservation_id: UUID, now: datetime) -> set[UUID]:
    """Call off one's reservation (or, as an operator, any); gives the stations to be rung.

    Raises ReservationUnknown, ReservationOver.
    """
    query = sa.select(reservations).where(reservations.c.id == reservation_id).with_for_update()
    row = (await work.execute(query)).mappings().first()
    own = row is not None and row["person_id"] == caller.person_id
    operates = caller.may(Permission.STATIONS_OPERATE)
    if row is None or not (own or (operates and caller.reaches(row["site_id"]))):
        raise ReservationUnknown(reservation=reservation_id)
    if row["status"] != Status.BOOKED.value:
        raise ReservationOver(status=row["status"])
    rules = (await rules_of(work, row["site_id"])).of_reservations()
    one = reservation.cancelled(_reservation(row), rules, now)
    if not own:
        one = replace(one, owed=Decimal(0))
    site = await keeping.load(work, row["organization_id"], row["site_id"], now)
    return await _end(work, site, one, row, now)


async def turn(
    work: AsyncConnection, cipher: TokenCipher, organization_id: UUID, site_id: UUID, now: datetime
) -> set[UUID]:
    """What time has made of a site's reservations; gives the stations to be rung."""
    await keeping.lock(work, site_id)
    site = await keeping.load(work, organization_id, site_id, now)
    rules = (await rules_of(work, site_id)).of_reservations()
    query = sa.select(reservations).where(
        reservations.c.site_id == site_id, reservations.c.status == Status.BOOKED.value
    )
    rung: set[UUID] = set()
    for row in (await work.execute(query.order_by(reservations.c.begins_at))).mappings().all():
        one = _reservation(row)
        plug = _with_holder(site, one, rules)
        after = reservation.moved_on(one, plug, rules, now)
        if after.status is not Status.BOOKED:
            rung |= await _end(work, site, after, row, now)
        elif reservation.wants_another_plug(one, plug, rules, now):
            rung |= await _move(work, site, one, row, rules, now)
        elif row["told_station"] is None and reservation.kept_from(one, rules) <= now and plug and plug.free:
            rung |= await _tell(work, cipher, site, one, rules)
    return rung


async def plug_named(work: AsyncConnection, site_id: UUID, public_id: str) -> UUID:
    """The EVSE of a site with this number on its sticker. Raises NothingToReserve."""
    query = (
        sa.select(evses.c.id)
        .join(stations, stations.c.id == evses.c.station_id)
        .where(stations.c.site_id == site_id, sa.func.upper(evses.c.public_id) == public_id.upper())
    )
    evse_id: UUID | None = await work.scalar(query)
    if evse_id is None:
        raise NothingToReserve
    return evse_id


# --- booking -----------------------------------------------------------------------------------------------------


def _candidates(site: Site, needs: Needs, evse_id: UUID | None, *, soon: bool) -> list[Plug]:
    """Plugs that fit, those with the least power first: who needs more finds it. Soon, only what is free."""
    held = {place.plug for place in site.places}
    fitting = [
        plug
        for plug in site.plugs
        if plug.usable and plug.fits(needs) and plug.id not in held and evse_id in (None, plug.id)
    ]
    return sorted((plug for plug in fitting if plug.free or not soon), key=lambda plug: plug.max_power)


async def _not_too_many(
    work: AsyncConnection, person_id: UUID, begins_at: datetime, ends_at: datetime
) -> None:
    mine = reservations.c.person_id == person_id, reservations.c.status == Status.BOOKED.value
    rows = (
        await work.execute(sa.select(reservations.c.begins_at, reservations.c.ends_at).where(*mine))
    ).all()
    if len(rows) >= AT_ONCE or any(row.begins_at < ends_at and begins_at < row.ends_at for row in rows):
        raise ReservedEnough(count=AT_ONCE)


async def _booked(work: AsyncConnection, site: Site, one: Reservation, needs: Needs, now: datetime) -> bool:
    """Whether the plug was free of other reservations in that time; the table's constraint decides."""
    values = {
        "id": one.id,
        "organization_id": site.organization_id,
        "site_id": site.id,
        "evse_id": one.plug,
        "person_id": one.person_id,
        "begins_at": one.begins_at,
        "ends_at": one.ends_at,
        "status": one.status.value,
        "connectors": sorted(needs.connectors),
        "min_power": needs.min_power,
        "made_at": now,
        "changed_at": now,
    }
    try:
        async with work.begin_nested():
            await work.execute(sa.insert(reservations).values(values))
    except IntegrityError as taken:
        if "no_double_booking" not in str(taken):
            raise
        return False
    return True


async def _keep(work: AsyncConnection, site: Site, one: Reservation, rules: ReservationRules) -> None:
    station_id, number = site.stations[one.plug]
    wish = admission.Wish(
        kind="reservation",
        organization_id=site.organization_id,
        valid_from=reservation.kept_from(one, rules),
        valid_until=reservation.kept_until(one, rules),
        person_id=one.person_id,
        station_id=station_id,
        evse=number,
        message=KEPT_FOR_ANOTHER,
        reference=_reference(one),
    )
    await admission.say(work, wish)


# --- what becomes of it ------------------------------------------------------------------------------------------


async def _end(work: AsyncConnection, site: Site, one: Reservation, row: Any, now: datetime) -> set[UUID]:
    await work.execute(
        sa.update(reservations)
        .where(reservations.c.id == one.id)
        .values(status=one.status.value, owed=one.owed, changed_at=now, told_station=None, told_number=None)
    )
    await admission.withdraw(work, reference=_reference(one))
    await _report(work, site, one, now)
    if row["told_station"] is None or one.status is Status.USED:
        return set()
    await untell(work, site.organization_id, Told(row["told_station"], row["told_number"]))
    return {row["told_station"]}


async def _move(
    work: AsyncConnection, site: Site, one: Reservation, row: Any, rules: ReservationRules, now: datetime
) -> set[UUID]:
    """Another plug of the site that is free instead; where there is none, it stays and is looked at again."""
    needs = Needs(connectors=frozenset(row["connectors"]), min_power=row["min_power"])
    for plug in _candidates(site, needs, None, soon=True):
        try:
            async with work.begin_nested():
                await work.execute(
                    sa.update(reservations)
                    .where(reservations.c.id == one.id)
                    .values(evse_id=plug.id, told_station=None, told_number=None, changed_at=now)
                )
        except IntegrityError:
            continue
        moved = replace(one, plug=plug.id)
        await admission.withdraw(work, reference=_reference(one))
        await _keep(work, site, moved, rules)
        await _report(work, site, moved, now)
        if row["told_station"] is None:
            return set()
        await untell(work, site.organization_id, Told(row["told_station"], row["told_number"]))
        return {row["told_station"]}
    return set()


async def _tell(
    work: AsyncConnection, cipher: TokenCipher, site: Site, one: Reservation, rules: ReservationRules
) -> set[UUID]:
    station_id, number = site.stations[one.plug]
    hold = Hold(station_id, number, one.person_id, reservation.kept_until(one, rules))
    told = await tell(work, cipher, site.organization_id, hold)
    if told is None:
        return set()
    values = {"told_station": told.station_id, "told_number": told.number}
    await work.execute(sa.update(reservations).where(reservations.c.id == one.id).values(values))
    return {station_id}


async def _report(work: AsyncConnection, site: Site, one: Reservation, now: datetime) -> None:
    fact = ReservationChanged(
        reservation_id=one.id,
        person_id=one.person_id,
        site_id=site.id,
        evse_id=one.plug,
        status=one.status.value,
        begins_at=one.begins_at,
    )
    await record(work, [Recorded(fact, one.id, site.organization_id, now)])


def _with_holder(site: Site, one: Reservation, rules: ReservationRules) -> Plug | None:
    """Its plug; or the one at which the holder charges, if they took another."""
    begun = reservation.kept_from(one, rules)
    for plug in site.plugs:
        session = site.sessions.get(plug.id)
        if session is not None and session.person_id == one.person_id and session.started_at >= begun:
            return replace(plug, charging=one.person_id)
    return next((plug for plug in site.plugs if plug.id == one.plug), None)


def _reservation(row: Any) -> Reservation:
    same = ("id", "person_id", "begins_at", "ends_at", "owed")
    return Reservation(
        **{name: row[name] for name in same}, plug=row["evse_id"], status=Status(row["status"])
    )


def _reference(one: Reservation) -> str:
    return f"reservation:{one.id}"


# --- as people see them ------------------------------------------------------------------------------------------


async def of_person(work: AsyncConnection, person_id: UUID, now: datetime) -> Sequence[dict[str, Any]]:
    """One's reservations that are booked, and those that ended in the last day."""
    recent = sa.or_(
        reservations.c.status == Status.BOOKED.value, reservations.c.changed_at > now - timedelta(days=1)
    )
    query = _listed().where(reservations.c.person_id == person_id, recent)
    return [dict(row) for row in (await work.execute(query)).mappings()]


async def of_site(work: AsyncConnection, site_id: UUID) -> Sequence[dict[str, Any]]:
    """What is booked at a site."""
    booked = reservations.c.site_id == site_id, reservations.c.status == Status.BOOKED.value
    return [dict(row) for row in (await work.execute(_listed().where(*booked))).mappings()]


def _listed() -> sa.Select[Any]:
    columns = (reservations.c[name] for name in ("id", "site_id", "begins_at", "ends_at", "status", "owed"))
    return (
        sa.select(*columns, sites.c.name.label("site_name"), evses.c.public_id, evses.c.label)
        .join_from(reservations, sites, sites.c.id == reservations.c.site_id)
        .join(evses, evses.c.id == reservations.c.evse_id)
        .order_by(reservations.c.begins_at)
    )
