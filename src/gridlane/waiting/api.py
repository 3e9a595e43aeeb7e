"""The REST edge of waiting: predicted waits for everybody, one's own place in a queue and reservations."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from gridlane.kernel.clock import system_clock
from gridlane.kernel.edge import Json
from gridlane.waiting.outlook import Needs, Outlook, WaitUnknown, forecast

router = APIRouter(tags=["waiting"])

HOURS_AHEAD = 12

Arriving = Annotated[float, Query(ge=0, le=720, description="minutes until one would arrive")]


def _needs(
    connector: Annotated[list[str] | None, Query(max_length=8, description="OCPI types one can use")] = None,
    min_power: Annotated[float, Query(ge=0, description="W")] = 0.0,
) -> Needs:
    return Needs(connectors=frozenset(connector or ()), min_power=min_power)


TheNeeds = Annotated[Needs, Depends(_needs)]


@router.get("/driver/waits")
async def list_waits(request: Request, needs: TheNeeds, arriving_in: Arriving = 0.0) -> Json:
    """The predicted wait at every public place that has a working plug that fits."""
    outlook = await fresh(request)
    waits = ((one, outlook.wait(one, needs, arriving_in)) for one in outlook.sites.values())
    items = [forecast(one.id, found) for one, found in waits if found is not None]
    return Json({"items": items, "as_of": outlook.as_of})


@router.get("/driver/places/{site_id}/wait")
async def show_wait(request: Request, site_id: UUID, needs: TheNeeds, arriving_in: Arriving = 0.0) -> Json:
    """A place's predicted wait, when each plug in use is likely to be free, and the chance of a free plug each hour."""
    outlook = await fresh(request)
    site, now = outlook.site(site_id), system_clock()
    found = outlook.wait(site, needs, arriving_in)
    if found is None:
        raise WaitUnknown(place=site_id)
    return Json(
        {
            "wait": forecast(site_id, found),
            "plugs": outlook.frees(site, now),
            "hours": outlook.free_chances(site, needs, now, HOURS_AHEAD),
            "as_of": outlook.as_of,
        }
    )


async def fresh(request: Request) -> Outlook:
    """The outlook of this process, no older than a few seconds."""
    state = request.app.state
    if not hasattr(state, "outlook"):
        state.outlook = Outlook(state.database)
    outlook: Outlook = state.outlook
    await outlook.refresh()
    return outlook
