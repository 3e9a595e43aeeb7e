"""The REST edge of driver groups, fleets and vehicles."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from gridlane.accounts import groups, vehicles
from gridlane.accounts.model import driver_groups
from gridlane.kernel.access import Permission
from gridlane.kernel.edge import Json, TheCaller, TheDatabase, ThePaging
from gridlane.kernel.paging import page

router = APIRouter(tags=["fleets"])

Watts = Annotated[float | None, Field(gt=0, le=5_000_000, description="W")]


class GroupInput(BaseModel):
    """``rank``: of several groups of a driver the lowest is asked first for a price. ``priority``: weight of its members when
    power is shared, 1 for everybody else.
    """

    name: Annotated[str, Field(min_length=1, max_length=100)]
    kind: Literal["group", "fleet"] = "group"
    rank: Annotated[int, Field(ge=0, le=10_000)] = 100
    priority: Annotated[float, Field(gt=0, le=100)] = 1.0
    note: Annotated[str, Field(max_length=1000)] = ""


class GroupChange(BaseModel):
    name: Annotated[str, Field(min_length=1, max_length=100)] = ""
    kind: Literal["group", "fleet"] = "group"
    rank: Annotated[int, Field(ge=0, le=10_000)] = 100
    priority: Annotated[float, Field(gt=0, le=100)] = 1.0
    note: Annotated[str, Field(max_length=1000)] = ""


class MemberInput(BaseModel):
    is_manager: bool = False


class VehicleChange(BaseModel):
    name: Annotated[str, Field(min_length=1, max_length=100)] = ""
    plate: Annotated[str, Field(max_length=20)] = ""
    model: Annotated[str, Field(max_length=100)] = ""
    battery: Annotated[float | None, Field(gt=0, le=2_000_000, description="usable, Wh")] = None
    ac_power: Watts = None
    ac_phases: Literal[1, 2, 3] | None = None
    dc_power: Watts = None
    evccid: Annotated[str | None, Field(max_length=40, description="its controller's MAC address")] = None


class VehicleInput(VehicleChange):
    name: Annotated[str, Field(min_length=1, max_length=100)]


# ---- groups --------------------------------------------------------------------------------------------------------


@router.get("/driver-groups")
async def list_groups(caller: TheCaller, database: TheDatabase, paging: ThePaging) -> Json:
    """Driver groups and fleets by name; a fleet's manager sees the own ones."""
    async with database.unit_of_work(caller.scope) as work:
        order = [driver_groups.c.name, driver_groups.c.id]
        return Json(await page(work, groups.listed(caller), order, paging))


@router.post("/driver-groups", status_code=201)
async def create_group(caller: TheCaller, database: TheDatabase, wish: GroupInput) -> Json:
    async with database.unit_of_work(caller.scope) as work:
        return Json(await groups.create(work, caller, wish.model_dump()), status_code=201)


@router.get("/driver-groups/{group_id}")
async def show_group(caller: TheCaller, database: TheDatabase, group_id: UUID) -> Json:
    async with database.unit_of_work(caller.scope) as work:
        return Json(await groups.group_of(work, caller, group_id))


@router.patch("/driver-groups/{group_id}")
async def change_group(caller: TheCaller, database: TheDatabase, group_id: UUID, change: GroupChange) -> Json:
    """Change the fields given; the others stay."""
    async with database.unit_of_work(caller.scope) as work:
        changes = change.model_dump(exclude_unset=True)
        return Json(await groups.change(work, caller, group_id, changes))


@router.delete("/driver-groups/{group_id}", status_code=204)
async def remove_group(caller: TheCaller, database: TheDatabase, group_id: UUID) -> None:
    """Its pool cars go with it, its members stay; tariffs assigned to it reach nobody."""
    async with database.unit_of_work(caller.scope) as work:
        await groups.remove(work, caller, group_id)


@router.get("/driver-groups/{group_id}/members")
async def list_members(caller: TheCaller, database: TheDatabase, group_id: UUID) -> Json:
    async with database.unit_of_work(caller.scope) as work:
        return Json({"items": await groups.members_of(work, caller, group_id)})


@router.put("/driver-groups/{group_id}/members/{person_id}", status_code=204)
async def add_member(
    caller: TheCaller, database: TheDatabase, group_id: UUID, person_id: UUID, wish: MemberInput
) -> None:
    """Take a person of the organization into the group, or change what they are in it."""
    async with database.unit_of_work(caller.scope) as work:
        await groups.add(work, caller, group_id, person_id, is_manager=wish.is_manager)


@router.delete("/driver-groups/{group_id}/members/{person_id}", status_code=204)
async def remove_member(caller: TheCaller, database: TheDatabase, group_id: UUID, person_id: UUID) -> None:
    async with database.unit_of_work(caller.scope) as work:
        await groups.leave(work, caller, group_id, person_id)


# ---- a fleet's vehicles --------------------------------------------------------------------------------------------


@router.get("/driver-groups/{group_id}/vehicles")
async def list_fleet_vehicles(caller: TheCaller, database: TheDatabase, group_id: UUID) -> Json:
    async with database.unit_of_work(caller.scope) as work:
        return Json({"items": await vehicles.of_group(work, caller, group_id)})


@router.post("/driver-groups/{group_id}/vehicles", status_code=201)
async def add_fleet_vehicle(
    caller: TheCaller, database: TheDatabase, group_id: UUID, wish: VehicleInput
) -> Json:
    """A pool car that every driver of the fleet may charge."""
    async with database.unit_of_work(caller.scope) as work:
        made = await vehicles.add_to_group(work, caller, group_id, wish.model_dump())
    return Json(made, status_code=201)


@router.patch("/driver-groups/{group_id}/vehicles/{vehicle_id}")
async def change_fleet_vehicle(
    caller: TheCaller, database: TheDatabase, group_id: UUID, vehicle_id: UUID, change: VehicleChange
) -> Json:
    """Change the fields given; the others stay."""
    changes = change.model_dump(exclude_unset=True)
    async with database.unit_of_work(caller.scope) as work:
        return Json(await vehicles.change_in_group(work, caller, group_id, vehicle_id, changes))


@router.delete("/driver-groups/{group_id}/vehicles/{vehicle_id}", status_code=204)
async def remove_fleet_vehicle(
    caller: TheCaller, database: TheDatabase, group_id: UUID, vehicle_id: UUID
) -> None:
    async with database.unit_of_work(caller.scope) as work:
        await vehicles.remove_from_group(work, caller, group_id, vehicle_id)


# ---- a driver's own ------------------------------------------------------------------------------------------------


@router.get("/me/vehicles")
async def my_vehicles(caller: TheCaller, database: TheDatabase) -> Json:
    """One's own vehicles, and the pool cars of the fleets one drives for."""
    caller.require(Permission.CHARGE)
    async with database.unit_of_work(caller.scope) as work:
        return Json({"items": await vehicles.own(work, caller)})


@router.post("/me/vehicles", status_code=201)
async def add_my_vehicle(caller: TheCaller, database: TheDatabase, wish: VehicleInput) -> Json:
    async with database.unit_of_work(caller.scope) as work:
        return Json(await vehicles.add_own(work, caller, wish.model_dump()), status_code=201)


@router.patch("/me/vehicles/{vehicle_id}")
async def change_my_vehicle(
    caller: TheCaller, database: TheDatabase, vehicle_id: UUID, change: VehicleChange
) -> Json:
    """Change the fields given; the others stay."""
    changes = change.model_dump(exclude_unset=True)
    async with database.unit_of_work(caller.scope) as work:
        return Json(await vehicles.change_own(work, caller, vehicle_id, changes))


@router.delete("/me/vehicles/{vehicle_id}", status_code=204)
async def remove_my_vehicle(caller: TheCaller, database: TheDatabase, vehicle_id: UUID) -> None:
    async with database.unit_of_work(caller.scope) as work:
        await vehicles.remove_own(work, caller, vehicle_id)
