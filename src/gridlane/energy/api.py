"""The REST edge of power: what holds now and why. What can be set lies beside it: circuits, settings, signals."""

from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter

from gridlane.energy import circuits_api, live_api, settings_api, signals_api, trees
from gridlane.energy.model import circuit_evses, circuits, dimmings, energy_sites
from gridlane.energy.settings import Settings, shown
from gridlane.energy.trees import without_tenant
from gridlane.kernel.access import Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.edge import Json, TheCaller, TheDatabase
from gridlane.stations import places
from gridlane.stations.model import sites

router = APIRouter(tags=["energy"])
for _part in (circuits_api, settings_api, signals_api, live_api):
    router.include_router(_part.router)


@router.get("/energy")
async def list_sites(caller: TheCaller, database: TheDatabase) -> Json:
    """Every site whose power is shared: its connection's load and limit, and how many vehicles share it."""
    caller.require(Permission.ENERGY_READ)
    query = (
        sa.select(
            energy_sites.c.site_id, sites.c.name, energy_sites.c.steered, energy_sites.c.settings,
            energy_sites.c.pictured_at, energy_sites.c.picture, circuits.c.id.label("root"),
            circuits.c.current, circuits.c.power,
        )
        .join_from(energy_sites, sites, sites.c.id == energy_sites.c.site_id)
        .join(
            circuits,
            sa.and_(circuits.c.site_id == energy_sites.c.site_id, circuits.c.parent_id.is_(None)),
        )
        .order_by(sites.c.name)
    )  # fmt: skip
    async with database.unit_of_work(caller.scope) as work:
        rows = (await work.execute(query)).mappings().all()
    return Json({"items": [_summary(dict(row)) for row in rows if caller.reaches(row["site_id"])]})


@router.get("/sites/{site_id}/energy")
async def show_energy(caller: TheCaller, database: TheDatabase, site_id: UUID) -> Json:
    """The circuits of a site with what holds at each, and every EVSE's number with its reason in words."""
    caller.require(Permission.ENERGY_READ)
    async with database.unit_of_work(caller.scope) as work:
        site = await places.site(work, caller, site_id)
        head = await trees.head(work, site_id)
        nodes = (
            (
                await work.execute(
                    sa.select(circuits).where(circuits.c.site_id == site_id).order_by(circuits.c.name)
                )
            )
            .mappings()
            .all()
        )
        leaves = (
            (await work.execute(sa.select(circuit_evses).where(circuit_evses.c.site_id == site_id)))
            .mappings()
            .all()
        )
        loose = await trees.loose(work, site_id)
        now = system_clock()
        words = (
            (
                await work.execute(
                    sa.select(dimmings)
                    .where(dimmings.c.site_id == site_id, dimmings.c.until > now)
                    .order_by(dimmings.c.since)
                )
            )
            .mappings()
            .all()
        )
    return Json(
        {
            "site_id": site_id,
            "name": site["name"],
            "time_zone": site["time_zone"],
            "steered": head["steered"],
            "voltage": head["voltage"],
            "settings": shown(msgspec.convert(head["settings"], Settings)),
            "circuits": [without_tenant(row) for row in nodes],
            "evses": [without_tenant(row) for row in leaves],
            "loose": [{"evse_id": each.evse_id, "name": each.name} for each in loose],
            "dimmings": [without_tenant(row) for row in words],
            "pictured_at": head["pictured_at"],
            "now": None if head["picture"] is None else msgspec.Raw(head["picture"].encode()),
            "planned_at": head["planned_at"],
            "plan": None if head["plan"] is None else msgspec.Raw(head["plan"].encode()),
        }
    )


def _summary(row: dict[str, Any]) -> dict[str, Any]:
    now = None if row["picture"] is None else msgspec.json.decode(row["picture"])
    root = next((each for each in now["circuits"] if each["id"] == str(row["root"])), None) if now else None
    return {
        "site_id": row["site_id"],
        "name": row["name"],
        "steered": row["steered"],
        "policy": msgspec.convert(row["settings"], Settings).policy,
        "current": row["current"],
        "power": row["power"],
        "pictured_at": row["pictured_at"],
        "sharing": now["sharing"] if now else 0,
        "connection": root,
    }
