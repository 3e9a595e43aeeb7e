"""The REST edge of favourites."""

from uuid import UUID

from fastapi import APIRouter

from gridlane.kernel.clock import system_clock
from gridlane.kernel.edge import Json, TheCaller, TheDatabase
from gridlane.waiting import favourites

router = APIRouter(prefix="/driver/favourites", tags=["driving"])


@router.get("")
async def list_favourites(caller: TheCaller, database: TheDatabase) -> Json:
    """One's favourite places, the newest first."""
    async with database.unit_of_work(caller.scope) as work:
        found = await favourites.favourites_of(work, caller.person())
        return Json({"items": [{"site_id": site_id} for site_id in found]})


@router.put("/{site_id}", status_code=204)
async def add_favourite(caller: TheCaller, database: TheDatabase, site_id: UUID) -> None:
    """Make a public place a favourite, also one of another operator."""
    person_id = caller.person()
    async with database.as_owner() as work:
        await favourites.add(work, person_id, site_id, system_clock())


@router.delete("/{site_id}", status_code=204)
async def remove_favourite(caller: TheCaller, database: TheDatabase, site_id: UUID) -> None:
    """Let go of a favourite."""
    async with database.unit_of_work(caller.scope) as work:
        await favourites.remove(work, caller.person(), site_id)
