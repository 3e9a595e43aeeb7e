"""The latest readings of the meters of circuits, as tables keep them."""

from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.energy.capacity import LoadReading
from gridlane.energy.model import circuit_loads


async def store(
    work: AsyncConnection, organization_id: Any, site_id: UUID, circuit_id: UUID, reading: LoadReading
) -> None:
    """An older reading than the one that is kept is passed over."""
    fresh = insert(circuit_loads).values(
        circuit_id=circuit_id, organization_id=organization_id, site_id=site_id,
        at=reading.at, l1=reading.phases[0], l2=reading.phases[1], l3=reading.phases[2],
    )  # fmt: skip
    changed = {name: fresh.excluded[name] for name in ("at", "l1", "l2", "l3")}
    await work.execute(
        fresh.on_conflict_do_update(
            index_elements=["circuit_id"], set_=changed, where=circuit_loads.c.at < fresh.excluded.at
        )
    )
