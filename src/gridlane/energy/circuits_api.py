"""The REST edge of a site's circuits: the tree, and how its EVSEs hang on it."""

from datetime import time
from typing import Annotated, Any, Literal
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import Field

from gridlane.energy import trees
from gridlane.energy.circuit import CircuitKind, Rotation, Wiring
from gridlane.energy.inputs import Current, Input, Power
from gridlane.energy.model import circuit_evses
from gridlane.energy.trees import without_tenant
from gridlane.kernel.access import Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.edge import Json, TheBus, TheCaller, TheDatabase
from gridlane.stations import places

router = APIRouter()


class WindowInput(Input):
    """A lower limit that holds at some hours of the site's day; 0 is Monday."""

    since: time
    until: time
    weekdays: list[Annotated[int, Field(ge=0, le=6)]] = Field(default_factory=lambda: list(range(7)))
    current: Current | None = None
    power: Power | None = None


class OtherLoadInput(Input):
    """What else draws from a circuit, in A of each phase. ``includes_charging``: its meter also measures the charging."""

    most: Current
    rise: Current = 0.0
    least: Current = 0.0
    includes_charging: bool = False


class CircuitChanges(Input):
    name: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    kind: CircuitKind | None = None
    parent_id: UUID | None = None
    current: Current | None = None
    power: Power | None = None
    export_current: Current | None = None
    export_power: Power | None = None
    reserve: Annotated[float, Field(ge=0, lt=1)] | None = None
    windows: list[WindowInput] | None = None
    other_load: OtherLoadInput | None = None


class NewCircuit(CircuitChanges):
    name: Annotated[str, Field(min_length=1, max_length=100)]
    kind: CircuitKind = CircuitKind.PANEL


class NewConnection(Input):
    """The grid connection of a site whose EVSEs all hang on it, to begin with."""

    name: Annotated[str, Field(min_length=1, max_length=100)] = "Grid connection"
    current: Current | None = None
    power: Power | None = None
    reserve: Annotated[float, Field(ge=0, lt=1)] = 0.05
    voltage: Annotated[float, Field(gt=50, lt=500, description="V, phase to neutral")] = 230.0


class EvseInput(Input):
    """How an EVSE hangs on its circuit. What is left out is taken from what is known of it."""

    circuit_id: UUID
    rating: Annotated[float, Field(gt=0, le=2_000)] | None = None
    phases: Literal[1, 2, 3] | None = None
    minimum: Annotated[float, Field(gt=0, le=100)] | None = None
    fallback: Annotated[float, Field(ge=0, le=2_000)] | None = None
    rotation: Rotation | None = None
    wiring: Wiring | None = None
    converter_power: Power | None = None
    converter_efficiency: Annotated[float, Field(gt=0, le=1)] | None = None
    may_discharge: bool | None = None


@router.post("/sites/{site_id}/energy", status_code=201)
async def begin(
    caller: TheCaller, database: TheDatabase, bus: TheBus, site_id: UUID, wish: NewConnection
) -> Json:
    """Begin to share a site's power: its grid connection, and all its EVSEs on it."""
    caller.require(Permission.ENERGY_WRITE)
    values = {**wish.model_dump(exclude={"voltage"}), "kind": CircuitKind.CONNECTION.value}
    async with database.unit_of_work(caller.scope) as work:
        await places.site(work, caller, site_id)
        await trees.begin(work, caller, site_id, voltage=wish.voltage)
        circuit_id = await trees.add_circuit(work, caller, site_id, values)
        connected = await trees.connect_all(work, caller, site_id, circuit_id)
        await trees.checked(work, site_id, system_clock())
    bus.publish(f"energy.{site_id}")
    return Json({"circuit_id": circuit_id, "evses": connected}, status_code=201)


@router.post("/sites/{site_id}/circuits", status_code=201)
async def add_circuit(
    caller: TheCaller, database: TheDatabase, bus: TheBus, site_id: UUID, wish: NewCircuit
) -> Json:
    """A new circuit below another; the first one of a site has no parent and is its grid connection."""
    caller.require(Permission.ENERGY_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        await places.site(work, caller, site_id)
        circuit_id = await trees.add_circuit(work, caller, site_id, _columns(wish))
        await trees.checked(work, site_id, system_clock())
        row = await trees.circuit_row(work, site_id, circuit_id)
    bus.publish(f"energy.{site_id}")
    return Json(without_tenant(row), status_code=201)


@router.patch("/sites/{site_id}/circuits/{circuit_id}")
async def change_circuit(
    caller: TheCaller,
    database: TheDatabase,
    bus: TheBus,
    site_id: UUID,
    circuit_id: UUID,
    wish: CircuitChanges,
) -> Json:
    """Change a circuit. A lower limit holds at once: what was promised above it is taken back first."""
    caller.require(Permission.ENERGY_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        await places.site(work, caller, site_id)
        await trees.change_circuit(work, caller, site_id, circuit_id, _columns(wish))
        await trees.checked(work, site_id, system_clock())
        row = await trees.circuit_row(work, site_id, circuit_id)
    bus.publish(f"energy.{site_id}")
    return Json(without_tenant(row))


@router.delete("/sites/{site_id}/circuits/{circuit_id}", status_code=204)
async def remove_circuit(
    caller: TheCaller, database: TheDatabase, bus: TheBus, site_id: UUID, circuit_id: UUID
) -> None:
    """Remove a circuit that feeds nothing any more; with the last one, power is no longer shared here."""
    caller.require(Permission.ENERGY_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        await places.site(work, caller, site_id)
        row = await trees.circuit_row(work, site_id, circuit_id)
        await trees.remove_circuit(work, caller, site_id, circuit_id)
        if row["parent_id"] is not None:
            await trees.checked(work, site_id, system_clock())
    bus.publish(f"energy.{site_id}")


@router.post("/sites/{site_id}/circuits/{circuit_id}/connect-all")
async def connect_all(
    caller: TheCaller, database: TheDatabase, bus: TheBus, site_id: UUID, circuit_id: UUID
) -> Json:
    """Hang every EVSE of the site that hangs nowhere yet on this circuit."""
    caller.require(Permission.ENERGY_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        await places.site(work, caller, site_id)
        await trees.circuit_row(work, site_id, circuit_id)
        connected = await trees.connect_all(work, caller, site_id, circuit_id)
        await trees.checked(work, site_id, system_clock())
    bus.publish(f"energy.{site_id}")
    return Json({"evses": connected})


@router.put("/sites/{site_id}/circuit-evses/{evse_id}")
async def connect_evse(
    caller: TheCaller, database: TheDatabase, bus: TheBus, site_id: UUID, evse_id: UUID, wish: EvseInput
) -> Json:
    """Hang an EVSE on a circuit, or change how it hangs there. A fallback of null: its station can keep none."""
    caller.require(Permission.ENERGY_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        await places.site(work, caller, site_id)
        await trees.connect_evse(work, caller, site_id, evse_id, _given(wish))
        await trees.checked(work, site_id, system_clock())
        query = sa.select(circuit_evses).where(circuit_evses.c.evse_id == evse_id)
        row = (await work.execute(query)).mappings().one()
    bus.publish(f"energy.{site_id}")
    return Json(without_tenant(row))


@router.delete("/sites/{site_id}/circuit-evses/{evse_id}", status_code=204)
async def disconnect_evse(
    caller: TheCaller, database: TheDatabase, bus: TheBus, site_id: UUID, evse_id: UUID
) -> None:
    """Take an EVSE off its circuit: it counts nowhere any more."""
    caller.require(Permission.ENERGY_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        await places.site(work, caller, site_id)
        await trees.disconnect_evse(work, caller, site_id, evse_id)
        await trees.checked(work, site_id, system_clock())
    bus.publish(f"energy.{site_id}")


@router.post("/sites/{site_id}/circuit-evses/{evse_id}/trust", status_code=204)
async def trust_evse(
    caller: TheCaller, database: TheDatabase, bus: TheBus, site_id: UUID, evse_id: UUID
) -> None:
    """Say that an EVSE which was seen to draw more than it was told keeps its limits again."""
    caller.require(Permission.ENERGY_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        await places.site(work, caller, site_id)
        await trees.trust(work, caller, site_id, evse_id)
        await trees.checked(work, site_id, system_clock())
    bus.publish(f"energy.{site_id}")


_MAY_BE_NULL = ("fallback", "converter_power", "converter_efficiency")


def _given(wish: EvseInput) -> dict[str, Any]:
    """What was given; a fallback of null says that the station can keep none, and no converter that it is AC."""
    given = wish.model_dump(exclude_unset=True)
    return {name: value for name, value in given.items() if value is not None or name in _MAY_BE_NULL}


_NEVER_NULL = ("name", "kind", "reserve", "windows")


def _columns(wish: CircuitChanges) -> dict[str, Any]:
    """What was given, as columns. Without a value, what has to have one stays as it is."""
    columns = wish.model_dump(exclude_unset=True, mode="json")
    columns = {name: value for name, value in columns.items() if value is not None or name not in _NEVER_NULL}
    if isinstance(wish, NewCircuit):
        columns["kind"] = wish.kind.value
    if columns.get("parent_id") is not None:
        columns["parent_id"] = UUID(columns["parent_id"])
    return columns
