"""Vehicles: what a driver or a fleet charges. Their limits tell the plan how much a stay can give."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts import groups
from gridlane.accounts.model import vehicles
from gridlane.kernel import audit
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id

MOST_OF_A_PERSON = 20


class VehicleUnknown(Refusal):
    code = "vehicle_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no vehicle {vehicle}."


class VehicleTaken(Refusal):
    code = "vehicle_taken"
    kind = Kind.CONFLICT
    sentence = "The charging controller {evccid} belongs to another vehicle already."


class VehicleControllerInvalid(Refusal):
    code = "vehicle_controller_invalid"
    kind = Kind.INVALID
    sentence = "A charging controller's address (EVCCID) has 12 hexadecimal digits, not {given}."


class TooManyVehicles(Refusal):
    code = "too_many_vehicles"
    kind = Kind.TOO_MANY
    sentence = "One account keeps at most {most} vehicles; remove one first."


# ---- a driver's own ------------------------------------------------------------------------------------------------


async def own(work: AsyncConnection, caller: Caller) -> list[dict[str, Any]]:
    """The caller's vehicles, and the pool cars of the fleets the caller drives for."""
    mine = vehicles.c.person_id == caller.person_id
    pool = sa.and_(
        vehicles.c.person_id.is_(None),
        vehicles.c.group_id.in_(await groups.groups_of_person(work, caller.person_id)),
    )
    query = sa.select(vehicles).where(sa.or_(mine, pool)).order_by(vehicles.c.created_at, vehicles.c.id)
    return [dict(row) for row in (await work.execute(query)).mappings()]


async def add_own(work: AsyncConnection, caller: Caller, details: Mapping[str, Any]) -> dict[str, Any]:
    """Raises NotAllowed, TooManyVehicles, VehicleTaken, VehicleControllerInvalid."""
    caller.require(Permission.CHARGE)
    kept = await work.scalar(
        sa.select(sa.func.count()).select_from(vehicles).where(vehicles.c.person_id == caller.person_id)
    )
    if int(kept or 0) >= MOST_OF_A_PERSON:
        raise TooManyVehicles(most=MOST_OF_A_PERSON)
    return await _insert(work, caller, {**details, "person_id": caller.person_id})


async def change_own(
    work: AsyncConnection, caller: Caller, vehicle_id: UUID, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Raises NotAllowed, VehicleUnknown, VehicleTaken, VehicleControllerInvalid."""
    caller.require(Permission.CHARGE)
    await _one(work, vehicle_id, vehicles.c.person_id == caller.person_id)
    return await _update(work, vehicle_id, changes)


async def remove_own(work: AsyncConnection, caller: Caller, vehicle_id: UUID) -> None:
    """Raises NotAllowed, VehicleUnknown."""
    caller.require(Permission.CHARGE)
    await _one(work, vehicle_id, vehicles.c.person_id == caller.person_id)
    await work.execute(sa.delete(vehicles).where(vehicles.c.id == vehicle_id))


# ---- a fleet's -----------------------------------------------------------------------------------------------------


async def of_group(work: AsyncConnection, caller: Caller, group_id: UUID) -> list[dict[str, Any]]:
    """Raises NotAllowed, groups.GroupUnknown."""
    await groups.group_of(work, caller, group_id)
    query = sa.select(vehicles).where(vehicles.c.group_id == group_id)
    return [
        dict(row) for row in (await work.execute(query.order_by(vehicles.c.name, vehicles.c.id))).mappings()
    ]


async def add_to_group(
    work: AsyncConnection, caller: Caller, group_id: UUID, details: Mapping[str, Any]
) -> dict[str, Any]:
    """Raises NotAllowed, groups.GroupUnknown, VehicleTaken, VehicleControllerInvalid."""
    caller.require(Permission.FLEETS_WRITE)
    await groups.group_of(work, caller, group_id)
    made = await _insert(work, caller, {**details, "group_id": group_id})
    await audit.record(work, caller, "vehicle.added", made["id"], after=made)
    return made


async def change_in_group(
    work: AsyncConnection, caller: Caller, group_id: UUID, vehicle_id: UUID, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Raises NotAllowed, groups.GroupUnknown, VehicleUnknown, VehicleTaken, VehicleControllerInvalid."""
    caller.require(Permission.FLEETS_WRITE)
    await groups.group_of(work, caller, group_id)
    before = await _one(work, vehicle_id, vehicles.c.group_id == group_id)
    after = await _update(work, vehicle_id, changes)
    await audit.record(work, caller, "vehicle.changed", vehicle_id, before=before, after=after)
    return after


async def remove_from_group(work: AsyncConnection, caller: Caller, group_id: UUID, vehicle_id: UUID) -> None:
    """A pool car is removed; a driver's own car only leaves the fleet. Raises as ``change_in_group``."""
    caller.require(Permission.FLEETS_WRITE)
    await groups.group_of(work, caller, group_id)
    before = await _one(work, vehicle_id, vehicles.c.group_id == group_id)
    this = vehicles.c.id == vehicle_id
    if before["person_id"] is None:
        await work.execute(sa.delete(vehicles).where(this))
    else:
        await work.execute(sa.update(vehicles).where(this).values(group_id=None, changed_at=system_clock()))
    await audit.record(work, caller, "vehicle.removed", vehicle_id, before=before)


# ---- both ----------------------------------------------------------------------------------------------------------


async def _insert(work: AsyncConnection, caller: Caller, details: Mapping[str, Any]) -> dict[str, Any]:
    now = system_clock()
    values = {
        **_checked(details), "id": new_id(), "organization_id": caller.organization_id, "created_at": now, "changed_at": now,
    }  # fmt: skip
    await _unless_taken(work, sa.insert(vehicles).values(values), values.get("evccid"))
    return await _one(work, values["id"], sa.true())


async def _update(work: AsyncConnection, vehicle_id: UUID, changes: Mapping[str, Any]) -> dict[str, Any]:
    values = {**_checked(changes), "changed_at": system_clock()}
    statement = sa.update(vehicles).where(vehicles.c.id == vehicle_id).values(values)
    await _unless_taken(work, statement, values.get("evccid"))
    return await _one(work, vehicle_id, sa.true())


async def _one(work: AsyncConnection, vehicle_id: UUID, reached: sa.ColumnElement[bool]) -> dict[str, Any]:
    query = sa.select(vehicles).where(vehicles.c.id == vehicle_id, reached)
    row = (await work.execute(query)).mappings().first()
    if row is None:
        raise VehicleUnknown(vehicle=vehicle_id)
    return dict(row)


def _checked(details: Mapping[str, Any]) -> dict[str, Any]:
    """The details with the controller's address as it is stored: 12 digits, without separators."""
    given = details.get("evccid")
    if not given:
        return dict(details)
    digits = re.sub(r"[:.\-\s]", "", given).upper()
    if not re.fullmatch(r"[0-9A-F]{12}", digits):
        raise VehicleControllerInvalid(given=given)
    return {**details, "evccid": digits}


async def _unless_taken(work: AsyncConnection, statement: Any, evccid: str | None) -> None:
    try:
        async with work.begin_nested():
            await work.execute(statement)
    except IntegrityError:
        raise VehicleTaken(evccid=evccid) from None
