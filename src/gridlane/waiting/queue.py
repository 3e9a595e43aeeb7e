"""The queue of a site, pure: who is next, whose plug is held and how long, and whom a plug is kept for.

``settled`` takes places, plugs and the time and gives the places as they are now; asking twice changes nothing. First come,
first served among those whom a plug fits. Whoever snoozes keeps the place and is passed over; whoever lets a hold run
out goes behind those who wait, and after ``chances`` holds loses the place. A bay that is blocked costs nobody a place.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec
from msgspec.structs import replace

from gridlane.waiting.needs import Needs


class Status(StrEnum):
    WAITING = "waiting"
    HELD = "held"  # a plug is kept for this place
    SNOOZED = "snoozed"
    CHARGING = "charging"
    LEFT = "left"
    MISSED = "missed"  # did not come


ACTIVE = (Status.WAITING, Status.HELD, Status.SNOOZED)


class QueueRules(msgspec.Struct, frozen=True, kw_only=True):
    """What a site's owner decides. ``chances``: holds that may run out before the place is lost."""

    hold: timedelta = timedelta(minutes=8)
    snooze: timedelta = timedelta(minutes=15)
    snoozes: int = 2
    chances: int = 2
    capacity: int = 30


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One person's place. ``rank`` orders: when they joined, or last let a hold run out. ``plug``: held for them."""

    id: UUID
    person_id: UUID
    rank: datetime
    needs: Needs = Needs()
    status: Status = Status.WAITING
    plug: UUID | None = None
    held_until: datetime | None = None
    snoozed_until: datetime | None = None
    snoozes: int = 0
    misses: int = 0

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE


class Plug(msgspec.Struct, frozen=True, kw_only=True):
    """A plug of the site. ``free``: nobody stands there and nobody else has it reserved. ``usable``: it works, and its
    bay is not blocked. ``charging``: who is charging there, where it is known.
    """

    id: UUID
    connectors: frozenset[str] = frozenset()
    max_power: float = 0.0
    free: bool = False
    usable: bool = True
    charging: UUID | None = None
    in_session: bool = False

    def fits(self, needs: Needs) -> bool:
        return needs.met_by(self.connectors, self.max_power)


class Kept(msgspec.Struct, frozen=True):
    """A plug that only this person may start at, until then."""

    plug: UUID
    person_id: UUID
    until: datetime


STAND_BY = timedelta(minutes=10)
"""A plug in use is kept for whoever is next, for as long as somebody keeps renewing it: a dead worker blocks no plug."""


def settled(places: Iterable[Place], plugs: Sequence[Plug], rules: QueueRules, now: datetime) -> list[Place]:
    """The places as they are now, in order."""
    by_id = {plug.id: plug for plug in plugs}
    charging = {plug.charging for plug in plugs if plug.charging is not None}
    current = [_moved_on(place, by_id, charging, rules, now) for place in places]
    current.sort(key=_order)
    held = {place.plug for place in current if place.status is Status.HELD}
    free = [plug for plug in plugs if plug.free and plug.usable and plug.id not in held]
    for at, place in enumerate(current):
        if place.status is not Status.WAITING:
            continue
        plug = _choice(place, free, current[at + 1 :])
        if plug is not None:
            free.remove(plug)
            current[at] = replace(place, status=Status.HELD, plug=plug.id, held_until=now + rules.hold)
    return current


def kept(places: Iterable[Place], plugs: Sequence[Plug], now: datetime) -> list[Kept]:
    """Whom each plug is kept for: a held one for its holder, one in use for the first who waits for such a plug."""
    ordered = sorted((place for place in places if place.is_active), key=_order)
    held = {place.plug: place for place in ordered if place.status is Status.HELD}
    found = []
    for plug in plugs:
        holder = held.get(plug.id)
        if holder is not None and holder.held_until is not None:
            found.append(Kept(plug.id, holder.person_id, holder.held_until))
        elif plug.usable and not plug.free:
            following = (place for place in ordered if place.status is Status.WAITING)
            first = next((place for place in following if plug.fits(place.needs)), None)
            if first is not None:
                found.append(Kept(plug.id, first.person_id, now + STAND_BY))
    return found


def ahead_of(place: Place, places: Iterable[Place]) -> int:
    """How many are to be served before this place."""
    return sum(
        other.is_active and other.status is not Status.SNOOZED and _order(other) < _order(place)
        for other in places
    )


# --- what a person does ------------------------------------------------------------------------------------------


def snoozed(place: Place, rules: QueueRules, now: datetime) -> Place | None:
    """The place, passed over for a while; None where it has snoozed often enough."""
    if place.snoozes >= rules.snoozes or place.status not in (Status.WAITING, Status.HELD):
        return None
    until = now + rules.snooze
    return _without_plug(
        replace(place, status=Status.SNOOZED, snoozed_until=until, snoozes=place.snoozes + 1)
    )


def awake(place: Place) -> Place:
    if place.status is not Status.SNOOZED:
        return place
    return replace(place, status=Status.WAITING, snoozed_until=None)


def left(place: Place) -> Place:
    return _without_plug(replace(place, status=Status.LEFT))


def blocked(place: Place) -> Place:
    """The bay of the held plug is blocked: the place is first in line again."""
    return _without_plug(replace(place, status=Status.WAITING))


# --- below the story ---------------------------------------------------------------------------------------------


def _order(place: Place) -> tuple[datetime, UUID]:
    return place.rank, place.id


def _without_plug(place: Place) -> Place:
    return replace(place, plug=None, held_until=None)


def _moved_on(
    place: Place, plugs: Mapping[UUID, Plug], charging: set[UUID], rules: QueueRules, now: datetime
) -> Place:
    """What time and the plugs have made of a place."""
    if not place.is_active:
        return place
    if place.person_id in charging:
        return _without_plug(replace(place, status=Status.CHARGING))
    if place.status is Status.HELD:
        return _hold_now(place, plugs, rules, now)
    if place.status is Status.SNOOZED and place.snoozed_until is not None and now >= place.snoozed_until:
        return awake(place)
    return place


def _hold_now(place: Place, plugs: Mapping[UUID, Plug], rules: QueueRules, now: datetime) -> Place:
    plug = plugs.get(place.plug) if place.plug is not None else None
    if plug is None or not plug.usable or plug.in_session:  # no fault of theirs
        return _without_plug(replace(place, status=Status.WAITING))
    if place.held_until is not None and now >= place.held_until:
        misses = place.misses + 1
        if misses >= rules.chances:
            return _without_plug(replace(place, status=Status.MISSED, misses=misses))
        return _without_plug(replace(place, status=Status.WAITING, misses=misses, rank=now))
    return place


def _choice(place: Place, free: Sequence[Plug], others: Iterable[Place]) -> Plug | None:
    """Of the plugs that fit the one that the fewest others wait for, so that the most are served."""
    waiting = [other for other in others if other.status is Status.WAITING]
    fitting = [plug for plug in free if plug.fits(place.needs)]

    def wanted(plug: Plug) -> tuple[int, float, UUID]:
        return sum(plug.fits(other.needs) for other in waiting), -plug.max_power, plug.id

    return min(fitting, key=wanted, default=None)
