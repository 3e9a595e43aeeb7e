"""The REST edge of a site's signals: readings of meters that are sent to us, and the grid operator's word."""

from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Body
from pydantic import AwareDatetime, Field

from gridlane.energy import loads, trees
from gridlane.energy.capacity import LoadReading
from gridlane.energy.inputs import Input, Power
from gridlane.energy.model import dimmings
from gridlane.energy.trees import without_tenant
from gridlane.kernel import audit
from gridlane.kernel.access import Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.edge import Json, TheBus, TheCaller, TheDatabase
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id
from gridlane.kernel.quantities import Amperes
from gridlane.stations import places

router = APIRouter()


class ReadingInput(Input):
    """What a meter reads now, in A."""

    l1: Annotated[float, Field(ge=-10_000, le=10_000)]
    l2: Annotated[float, Field(ge=-10_000, le=10_000)]
    l3: Annotated[float, Field(ge=-10_000, le=10_000)]
    at: AwareDatetime | None = None


class DimmingInput(Input):
    circuit_id: UUID
    power: Power
    since: AwareDatetime | None = None
    until: AwareDatetime


class DimmingEndsBefore(Refusal):
    code = "dimming_ends_before"
    kind = Kind.INVALID
    sentence = "The limit ends at {until}, which is not after its beginning."


class DimmingUnknown(Refusal):
    code = "dimming_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no such limit of the grid operator."


@router.post("/sites/{site_id}/circuits/{circuit_id}/readings", status_code=204)
async def push_reading(
    caller: TheCaller,
    database: TheDatabase,
    bus: TheBus,
    site_id: UUID,
    circuit_id: UUID,
    reading: Annotated[ReadingInput, Body()],
) -> None:
    """A reading of the meter of a circuit. An older one than the last is passed over."""
    caller.require(Permission.ENERGY_WRITE)
    now = system_clock()
    async with database.unit_of_work(caller.scope) as work:
        await places.site(work, caller, site_id)
        await trees.circuit_row(work, site_id, circuit_id)
        phases = (Amperes(reading.l1), Amperes(reading.l2), Amperes(reading.l3))
        await loads.store(
            work, caller.organization_id, site_id, circuit_id, LoadReading(reading.at or now, phases)
        )
    bus.publish(f"energy.{site_id}")


@router.post("/sites/{site_id}/dimmings", status_code=201)
async def dim(
    caller: TheCaller, database: TheDatabase, bus: TheBus, site_id: UUID, wish: DimmingInput
) -> Json:
    """The grid operator's word: charging behind a circuit may take so much until an instant."""
    caller.require(Permission.ENERGY_WRITE)
    since = wish.since or system_clock()
    if wish.until <= since:
        raise DimmingEndsBefore(until=wish.until.isoformat())
    dimming_id = new_id()
    row = {
        "id": dimming_id, "organization_id": caller.organization_id, "site_id": site_id,
        "circuit_id": wish.circuit_id, "power": wish.power, "since": since, "until": wish.until, "source": "api",
    }  # fmt: skip
    async with database.unit_of_work(caller.scope) as work:
        await places.site(work, caller, site_id)
        await trees.circuit_row(work, site_id, wish.circuit_id)
        await work.execute(sa.insert(dimmings).values(row))
        await audit.record(
            work, caller, "energy.dimmed", dimming_id,
            after={"power": wish.power, "since": since.isoformat(), "until": wish.until.isoformat()},
        )  # fmt: skip
    bus.publish(f"energy.{site_id}")
    return Json(without_tenant(row), status_code=201)


@router.delete("/sites/{site_id}/dimmings/{dimming_id}", status_code=204)
async def end_dimming(
    caller: TheCaller, database: TheDatabase, bus: TheBus, site_id: UUID, dimming_id: UUID
) -> None:
    """The grid operator takes a limit back."""
    caller.require(Permission.ENERGY_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        await places.site(work, caller, site_id)
        gone = await work.execute(
            sa.delete(dimmings).where(dimmings.c.id == dimming_id, dimmings.c.site_id == site_id)
        )
        if gone.rowcount == 0:
            raise DimmingUnknown
        await audit.record(work, caller, "energy.dimming_ended", dimming_id)
    bus.publish(f"energy.{site_id}")
