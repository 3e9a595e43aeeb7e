"""What waiting holds of people, and what becomes of it when they go."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.personal import Holding, Person, Share
from gridlane.waiting.model import blocked_bays, favourite_places, free_notices, queue_places, reservations
from gridlane.waiting.queue import ACTIVE
from gridlane.waiting.reservation import Status


class PlaceKept(Refusal):
    code = "place_kept"
    kind = Kind.CONFLICT
    sentence = "You wait for a plug or have reserved one; leave the line or cancel the reservation first."


PLACES, RESERVATIONS = Holding(queue_places), Holding(reservations)
HOLDINGS = (
    PLACES,
    RESERVATIONS,
    Holding(free_notices),
    Holding(favourite_places),
    Holding(blocked_bays, ("reported_by",)),
)


async def obstacles(work: AsyncConnection, person: Person) -> Sequence[Refusal]:
    waits = sa.exists().where(PLACES.of(person), queue_places.c.status.in_(ACTIVE))
    unbilled = sa.and_(reservations.c.owed > 0, reservations.c.billed_at.is_(None))
    open_ = sa.or_(reservations.c.status == Status.BOOKED, unbilled)
    reserved = sa.exists().where(RESERVATIONS.of(person), open_)
    return [PlaceKept()] if await work.scalar(sa.select(sa.or_(waits, reserved))) else []


SHARE = Share(HOLDINGS, obstacles=obstacles)
