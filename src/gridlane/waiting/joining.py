"""What a driver does in a queue: join, leave, snooze, wake up, report a blocked bay. And the place as the driver sees it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.tokens import TokenCipher
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.facts import Fact, Recorded, record
from gridlane.kernel.ids import new_id
from gridlane.stations import places
from gridlane.stations.model import evses, sites
from gridlane.waiting import keeping, queue
from gridlane.waiting.keeping import Site
from gridlane.waiting.model import blocked_bays, queue_places
from gridlane.waiting.needs import Needs
from gridlane.waiting.queue import ACTIVE, Place, Status

BLOCKED_FOR = timedelta(minutes=30)


class QueueClosed(Refusal):
    code = "queue_closed"
    kind = Kind.CONFLICT
    sentence = "There is no queue at this place."


class QueueFull(Refusal):
    code = "queue_full"
    kind = Kind.TOO_MANY
    sentence = "{waiting} people wait here already; the queue takes no more."


class AlreadyQueued(Refusal):
    code = "already_queued"
    kind = Kind.CONFLICT
    sentence = "You have a place in this queue already."


class NoPlugFits(Refusal):
    code = "no_plug_fits"
    kind = Kind.CONFLICT
    sentence = "No working plug here fits."


class QueuePlaceUnknown(Refusal):
    code = "queue_place_unknown"
    kind = Kind.NOT_FOUND
    sentence = "You have no such place in a queue."


class SnoozedOften(Refusal):
    code = "snoozed_often"
    kind = Kind.CONFLICT
    sentence = "A place can be put off {times} times; this one was."


class NothingHeld(Refusal):
    code = "nothing_held"
    kind = Kind.CONFLICT
    sentence = "No plug is held for you now."


class BayBlocked(Fact, frozen=True, kw_only=True, tag="bay_blocked"):
    """A driver found the bay of an EVSE blocked by a car that does not charge."""

    evse_id: UUID
    site_id: UUID
    person_id: UUID


async def join(
    work: AsyncConnection, caller: Caller, cipher: TokenCipher, site_id: UUID, needs: Needs, now: datetime
) -> tuple[UUID, set[UUID]]:
    """Take a place in a site's queue; gives it, and the stations to be rung.

    Raises SiteUnknown, QueueClosed, AlreadyQueued, QueueFull, NoPlugFits.
    """
    caller.require(Permission.CHARGE)
    person_id = caller.person()
    found = await places.site(work, caller, site_id)
    await keeping.lock(work, site_id)
    site = await keeping.load(work, found["organization_id"], site_id, now)
    _admit(site, person_id, needs)
    place = Place(id=new_id(), person_id=person_id, rank=now, needs=needs)
    await work.execute(
        sa.insert(queue_places).values(
            id=place.id,
            organization_id=site.organization_id,
            site_id=site_id,
            person_id=person_id,
            status=place.status.value,
            joined_at=now,
            rank=now,
            connectors=sorted(needs.connectors),
            min_power=needs.min_power,
            changed_at=now,
        )
    )
    site.places.append(place)
    await keeping.write(work, site, [place], now)
    return place.id, await keeping.settle(work, cipher, site, now)


def _admit(site: Site, person_id: UUID, needs: Needs) -> None:
    if not site.rules.queue:
        raise QueueClosed
    if any(place.person_id == person_id for place in site.places):
        raise AlreadyQueued
    if len(site.places) >= site.rules.capacity:
        raise QueueFull(waiting=len(site.places))
    if not any(plug.usable and plug.fits(needs) for plug in site.plugs):
        raise NoPlugFits


async def leave(
    work: AsyncConnection, caller: Caller, cipher: TokenCipher, place_id: UUID, now: datetime
) -> set[UUID]:
    """Give a place up. Raises QueuePlaceUnknown."""
    return await _change(work, caller, cipher, place_id, now, lambda _site, place: queue.left(place))


async def snooze(
    work: AsyncConnection, caller: Caller, cipher: TokenCipher, place_id: UUID, now: datetime
) -> set[UUID]:
    """Be passed over for a while and keep the place. Raises QueuePlaceUnknown, SnoozedOften."""

    def rest(site: Site, place: Place) -> Place:
        rules = site.rules.of_queue()
        asleep = queue.snoozed(place, rules, now)
        if asleep is None:
            raise SnoozedOften(times=rules.snoozes)
        return asleep

    return await _change(work, caller, cipher, place_id, now, rest)


async def wake(
    work: AsyncConnection, caller: Caller, cipher: TokenCipher, place_id: UUID, now: datetime
) -> set[UUID]:
    """Be called again from now on. Raises QueuePlaceUnknown."""
    return await _change(work, caller, cipher, place_id, now, lambda _site, place: queue.awake(place))


async def report_blocked(
    work: AsyncConnection, caller: Caller, cipher: TokenCipher, place_id: UUID, now: datetime
) -> set[UUID]:
    """The bay held for me is blocked: it is given to nobody for a while, and I am first in line again.

    Raises QueuePlaceUnknown, NothingHeld.
    """
    row = await _mine(work, caller, place_id)
    if row["plug"] is None:
        raise NothingHeld
    until = now + BLOCKED_FOR
    values = {"reported_by": row["person_id"], "reported_at": now, "until": until}
    statement = insert(blocked_bays).values(
        evse_id=row["plug"], organization_id=row["organization_id"], **values
    )
    await work.execute(statement.on_conflict_do_update(index_elements=["evse_id"], set_=values))
    told = BayBlocked(evse_id=row["plug"], site_id=row["site_id"], person_id=row["person_id"])
    await record(work, [Recorded(told, row["plug"], row["organization_id"], now)])

    def give_up(_site: Site, place: Place) -> Place:
        if place.status is not Status.HELD:
            raise NothingHeld
        return queue.blocked(place)

    return await _change(work, caller, cipher, place_id, now, give_up)


async def _change(
    work: AsyncConnection,
    caller: Caller,
    cipher: TokenCipher,
    place_id: UUID,
    now: datetime,
    change: Callable[[Site, Place], Place],
) -> set[UUID]:
    row = await _mine(work, caller, place_id)
    await keeping.lock(work, row["site_id"])
    site = await keeping.load(work, row["organization_id"], row["site_id"], now)
    place = next((one for one in site.places if one.id == place_id), None)
    if place is None:
        raise QueuePlaceUnknown
    changed = change(site, place)
    site.places[site.places.index(place)] = changed
    await keeping.write(work, site, [changed], now)
    return await keeping.settle(work, cipher, site, now)


async def _mine(work: AsyncConnection, caller: Caller, place_id: UUID) -> Any:
    mine = sa.select(queue_places).where(
        queue_places.c.id == place_id, queue_places.c.person_id == caller.person()
    )
    row = (await work.execute(mine)).mappings().first()
    if row is None:
        raise QueuePlaceUnknown
    return row


# --- the place as the driver sees it -----------------------------------------------------------------------------


async def my_places(work: AsyncConnection, person_id: UUID, now: datetime) -> list[dict[str, Any]]:
    """One's places that wait, and those that ended in the last quarter of an hour (so that the screen can say how)."""
    words = [status.value for status in ACTIVE]
    others = queue_places.alias()
    ahead = (
        sa.select(sa.func.count())
        .where(
            others.c.site_id == queue_places.c.site_id,
            others.c.status.in_((Status.WAITING.value, Status.HELD.value)),
            sa.tuple_(others.c.rank, others.c.id) < sa.tuple_(queue_places.c.rank, queue_places.c.id),
        )
        .scalar_subquery()
    )
    query = (
        sa.select(
            *(queue_places.c[name] for name in _SHOWN),
            queue_places.c.organization_id,
            sites.c.name.label("site_name"),
            evses.c.public_id,
            evses.c.label,
            ahead.label("ahead"),
        )
        .join_from(queue_places, sites, sites.c.id == queue_places.c.site_id)
        .outerjoin(evses, evses.c.id == queue_places.c.plug)
        .where(
            queue_places.c.person_id == person_id,
            sa.or_(queue_places.c.status.in_(words), queue_places.c.changed_at > now - timedelta(minutes=15)),
        )
        .order_by(queue_places.c.joined_at.desc())
    )
    return [dict(row) for row in (await work.execute(query)).mappings()]


_SHOWN = (
    "id", "site_id", "status", "joined_at", "held_until", "snoozed_until", "snoozes", "misses", "connectors", "min_power",
    "changed_at",
)  # fmt: skip


async def waiting_at(work: AsyncConnection, site_id: UUID) -> list[dict[str, Any]]:
    """Who waits at a site, for its operator: in order, without who they are."""
    columns = (queue_places.c[name] for name in ("id", "status", "joined_at", "held_until", "snoozed_until"))
    query = (
        sa.select(*columns, evses.c.public_id)
        .outerjoin_from(queue_places, evses, evses.c.id == queue_places.c.plug)
        .where(
            queue_places.c.site_id == site_id,
            queue_places.c.status.in_([status.value for status in ACTIVE]),
        )
        .order_by(queue_places.c.rank, queue_places.c.id)
    )
    return [dict(row) for row in (await work.execute(query)).mappings()]
