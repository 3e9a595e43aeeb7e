"""What a site's operator decides about waiting: a queue, reservations, how long a plug is kept and what that costs."""

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.kernel import audit
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database
from gridlane.stations import places
from gridlane.waiting.model import waiting_rules
from gridlane.waiting.outlook import SiteNow
from gridlane.waiting.queue import QueueRules
from gridlane.waiting.reservation import ReservationRules

Minutes = Annotated[int, msgspec.Meta(ge=1, le=240)]
Few = Annotated[int, msgspec.Meta(ge=0, le=10)]


class SiteRules(msgspec.Struct, frozen=True, kw_only=True):
    """``queue``: whether drivers can queue here. While somebody waits, plugs are kept for those in line, also from
    drivers who know nothing of the queue, so an operator switches it on. ``hold_minutes``: time to plug in.
    ``chances``: holds that may run out before a place is lost.

    ``reservations``: whether plugs can be reserved. One is kept from ``kept_before_minutes`` before until
    ``grace_minutes`` after the beginning; cancelling is free until ``free_until_minutes`` before. Fees are without tax.
    """

    queue: bool = False
    hold_minutes: Minutes = 8
    snooze_minutes: Minutes = 15
    snoozes: Few = 2
    chances: Annotated[int, msgspec.Meta(ge=1, le=10)] = 2
    capacity: Annotated[int, msgspec.Meta(ge=1, le=500)] = 30
    reservations: bool = False
    ahead_days: Annotated[int, msgspec.Meta(ge=1, le=60)] = 7
    longest_minutes: Annotated[int, msgspec.Meta(ge=10, le=1440)] = 120
    kept_before_minutes: Annotated[int, msgspec.Meta(ge=0, le=120)] = 15
    grace_minutes: Minutes = 15
    free_until_minutes: Annotated[int, msgspec.Meta(ge=0, le=2880)] = 60
    fee: Decimal = Decimal(0)
    no_show_fee: Decimal = Decimal(0)
    currency: str = "EUR"
    vat: Decimal | None = Decimal(19)

    def of_queue(self) -> QueueRules:
        return QueueRules(
            hold=timedelta(minutes=self.hold_minutes),
            snooze=timedelta(minutes=self.snooze_minutes),
            snoozes=self.snoozes,
            chances=self.chances,
            capacity=self.capacity,
        )

    def of_reservations(self) -> ReservationRules:
        minutes = {
            name: timedelta(minutes=getattr(self, f"{name}_minutes"))
            for name in ("longest", "kept_before", "grace", "free_until")
        }
        return ReservationRules(
            ahead=timedelta(days=self.ahead_days), fee=self.fee, no_show_fee=self.no_show_fee, **minutes
        )


async def rules_of(work: AsyncConnection, site_id: UUID) -> SiteRules:
    """The rules of a site; the defaults where nobody has set any."""
    content = await work.scalar(sa.select(waiting_rules.c.content).where(waiting_rules.c.site_id == site_id))
    return SiteRules() if content is None else msgspec.json.decode(content, type=SiteRules)


async def set_rules(work: AsyncConnection, caller: Caller, site_id: UUID, rules: SiteRules) -> SiteRules:
    """Raises NotAllowed, SiteUnknown."""
    caller.require(Permission.STATIONS_WRITE)
    site = await places.site(work, caller, site_id)
    content = msgspec.json.encode(rules).decode()
    values = {
        "site_id": site_id,
        "organization_id": site["organization_id"],
        "content": content,
        "changed_at": system_clock(),
    }
    statement = insert(waiting_rules).values(values)
    await work.execute(
        statement.on_conflict_do_update(
            index_elements=["site_id"], set_={"content": content, "changed_at": values["changed_at"]}
        )
    )
    await audit.record(work, caller, "site.waiting_rules", site_id, after=msgspec.to_builtins(rules))
    return rules


async def queue_at(database: Database, site: SiteNow) -> dict[str, Any]:
    """Whether drivers can queue at a public site, and how many wait there."""
    async with database.as_owner() as work:
        rules = await rules_of(work, site.id)
    return {"open": rules.queue, "waiting": site.queued, "reservations": rules.reservations}
