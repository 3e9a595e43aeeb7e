"""A driver's favourite places: found again at once, whoever runs them."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.kernel.errors import Kind, Refusal
from gridlane.stations.model import sites
from gridlane.waiting.model import favourite_places

MOST = 200


class FavouriteUnknown(Refusal):
    code = "favourite_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no public place {place}."


class TooManyFavourites(Refusal):
    code = "too_many_favourites"
    kind = Kind.CONFLICT
    sentence = "You have {most} favourites already; let go of one first."


async def favourites_of(work: AsyncConnection, person_id: UUID) -> list[UUID]:
    """The newest first."""
    mine = sa.select(favourite_places.c.site_id).where(favourite_places.c.person_id == person_id)
    return list((await work.execute(mine.order_by(favourite_places.c.added_at.desc()))).scalars())


async def add(work: AsyncConnection, person_id: UUID, site_id: UUID, now: datetime) -> None:
    """Also one that is a favourite already. Raises FavouriteUnknown, TooManyFavourites."""
    organization_id = await work.scalar(
        sa.select(sites.c.organization_id).where(sites.c.id == site_id, sites.c.public)
    )
    if organization_id is None:
        raise FavouriteUnknown(place=site_id)
    known = await favourites_of(work, person_id)
    if len(known) >= MOST and site_id not in known:
        raise TooManyFavourites(most=MOST)
    made = insert(favourite_places).values(
        person_id=person_id, site_id=site_id, organization_id=organization_id, added_at=now
    )
    await work.execute(made.on_conflict_do_nothing())


async def remove(work: AsyncConnection, person_id: UUID, site_id: UUID) -> None:
    """Also one that is none."""
    mine = sa.and_(favourite_places.c.person_id == person_id, favourite_places.c.site_id == site_id)
    await work.execute(sa.delete(favourite_places).where(mine))
