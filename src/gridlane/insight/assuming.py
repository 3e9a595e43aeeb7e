"""What figures rest on where nothing is measured, per site or for the whole network."""

from decimal import Decimal
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.insight.model import assumptions
from gridlane.kernel import audit
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.ids import new_id
from gridlane.stations import places


class Assumptions(msgspec.Struct, frozen=True, kw_only=True):
    """Prices are per kWh bought, carbon is g CO2 per kWh, standby is W per EVSE, losses are shares of what is sold."""

    electricity_price: Decimal = Decimal("0.25")
    currency: str = "EUR"
    carbon: float = 363.0
    carbon_of_driving: float = 890.0
    """g CO2 that a kWh charged spares: 5.5 km of an average petrol car at 162 g/km"""
    standby_ac: float = 6.0
    standby_dc: float = 80.0
    loss_ac: float = 0.01
    loss_dc: float = 0.06


USUAL = Assumptions()


class AssumptionsOf(msgspec.Struct, frozen=True):
    """All assumptions of an organization; ``of`` gives a site's own, else the network's, else the usual ones."""

    network: Assumptions
    sites: dict[UUID, Assumptions]

    def of(self, site_id: UUID | None) -> Assumptions:
        return self.sites.get(site_id, self.network) if site_id else self.network


async def read(work: AsyncConnection) -> AssumptionsOf:
    """Of the unit of work's organization."""
    network, sites = USUAL, {}
    for row in await work.execute(sa.select(assumptions.c.site_id, assumptions.c.content)):
        content = msgspec.json.decode(row.content, type=Assumptions)
        if row.site_id is None:
            network = content
        else:
            sites[row.site_id] = content
    return AssumptionsOf(network, sites)


async def assume(work: AsyncConnection, caller: Caller, site_id: UUID | None, content: Assumptions) -> None:
    """Set what is assumed of a site, or of every site without its own. Raises NotAllowed, SiteUnknown."""
    caller.require(Permission.ORGANIZATION_WRITE)
    if site_id is not None:
        await places.site(work, caller, site_id)
    row = {"content": msgspec.json.encode(content).decode(), "changed_at": system_clock()}
    await work.execute(
        insert(assumptions)
        .values(id=new_id(), organization_id=caller.organization_id, site_id=site_id, **row)
        .on_conflict_do_update(index_elements=["organization_id", "site_id"], set_=row)
    )
    await audit.record(
        work, caller, "assumptions.set", site_id or caller.organization_id, after=msgspec.to_builtins(content)
    )
