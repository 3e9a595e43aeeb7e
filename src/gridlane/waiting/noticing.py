"""Tell me when free: whoever asked hears of the first plug of a site that fits and that nobody has a claim on."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.facts import Fact, Recorded, record
from gridlane.stations import places
from gridlane.waiting import keeping
from gridlane.waiting.model import free_notices
from gridlane.waiting.needs import Needs
from gridlane.waiting.telling_people import tell

ASKED_FOR = timedelta(hours=12)


class PlugFreed(Fact, frozen=True, kw_only=True, tag="plug_freed"):
    """A plug is free for whoever asked to be told. It is not kept for them."""

    person_id: UUID
    site_id: UUID
    evse_id: UUID


async def ask(work: AsyncConnection, caller: Caller, site_id: UUID, needs: Needs, now: datetime) -> datetime:
    """Want to be told; gives until when. Asking again renews it. Raises SiteUnknown."""
    caller.require(Permission.CHARGE)
    site = await places.site(work, caller, site_id)
    until = now + ASKED_FOR
    values = {
        "connectors": sorted(needs.connectors),
        "min_power": needs.min_power,
        "asked_at": now,
        "until": until,
    }
    statement = insert(free_notices).values(
        person_id=caller.person(), site_id=site_id, organization_id=site["organization_id"], **values
    )
    await work.execute(statement.on_conflict_do_update(index_elements=["person_id", "site_id"], set_=values))
    return until


async def forget(work: AsyncConnection, caller: Caller, site_id: UUID) -> None:
    """Not want to be told any more."""
    mine = free_notices.c.person_id == caller.person(), free_notices.c.site_id == site_id
    await work.execute(sa.delete(free_notices).where(*mine))


async def asked(work: AsyncConnection, person_id: UUID, now: datetime) -> list[dict[str, Any]]:
    """The sites of which one wants to be told."""
    query = sa.select(free_notices.c.site_id, free_notices.c.until).where(
        free_notices.c.person_id == person_id, free_notices.c.until > now
    )
    return [dict(row) for row in (await work.execute(query)).mappings()]


async def turn(work: AsyncConnection, organization_id: UUID, site_id: UUID, now: datetime) -> int:
    """Tell those whose plug is free; gives how many. A notice is told once."""
    await keeping.lock(work, site_id)
    site = await keeping.load(work, organization_id, site_id, now)
    held = {place.plug for place in site.places}
    open_plugs = [one for one in keeping.unreserved(site) if one.free and one.usable and one.id not in held]
    if not open_plugs:
        return 0
    told = []
    query = sa.select(free_notices).where(free_notices.c.site_id == site_id, free_notices.c.until > now)
    for row in (await work.execute(query.order_by(free_notices.c.asked_at))).mappings().all():
        needs = Needs(connectors=frozenset(row["connectors"]), min_power=row["min_power"])
        plug = next((one for one in open_plugs if one.fits(needs)), None)
        if plug is not None:
            told.append(PlugFreed(person_id=row["person_id"], site_id=site_id, evse_id=plug.id))
    people = [one.person_id for one in told]
    await work.execute(
        sa.delete(free_notices).where(
            free_notices.c.site_id == site_id,
            sa.or_(free_notices.c.person_id.in_(people), free_notices.c.until <= now),
        )
    )
    await record(work, [Recorded(one, site_id, organization_id, now) for one in told])
    for one in told:
        key = f"free:{site_id}:{now.isoformat()}"
        await tell(work, organization_id, one.person_id, site_id, "free", key, now)
    return len(told)
