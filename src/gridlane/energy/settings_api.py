"""The REST edge of a site's settings: the policy, the sources of signals, and what power is worth."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import Field

from gridlane.energy import trees
from gridlane.energy.inputs import Input, Power
from gridlane.energy.model import energy_sites
from gridlane.energy.settings import Policy, Settings, keeping_secrets, shown, sources
from gridlane.energy.signals.ports import SOURCES, SourceUnknown
from gridlane.kernel import audit
from gridlane.kernel.access import Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.edge import Json, TheBus, TheCaller, TheDatabase
from gridlane.stations import places

router = APIRouter()


class SourceInput(Input):
    kind: str
    circuit: str | None = None
    settings: dict[str, Any] = Field(default_factory=dict)


class SettingsInput(Input):
    """What is left out stays as it is."""

    policy: Policy | None = None
    price_feed: str | None = None
    price: SourceInput | None = None
    co2: SourceInput | None = None
    sun: SourceInput | None = None
    meters: list[SourceInput] | None = None
    dimming: SourceInput | None = None
    flat_price: Annotated[float, Field(ge=0, le=10)] | None = None
    peak_price: Annotated[float, Field(ge=0, le=1_000)] | None = None
    co2_price: Annotated[float, Field(ge=0, le=10)] | None = None
    unmet_price: Annotated[float, Field(ge=0, le=100)] | None = None
    export_power: Power | None = None


@router.patch("/sites/{site_id}/energy")
async def change_settings(
    caller: TheCaller, database: TheDatabase, bus: TheBus, site_id: UUID, wish: SettingsInput
) -> Json:
    """Change the policy, the sources of signals, and what power is worth."""
    caller.require(Permission.ENERGY_WRITE)
    changes = wish.model_dump(exclude_unset=True, mode="json")
    async with database.unit_of_work(caller.scope) as work:
        await places.site(work, caller, site_id)
        head = await trees.head(work, site_id)
        before = msgspec.convert(head["settings"], Settings)
        after = msgspec.convert({**msgspec.to_builtins(before), **keeping_secrets(before, changes)}, Settings)
        _check_sources(after)
        await work.execute(
            sa.update(energy_sites)
            .where(energy_sites.c.site_id == site_id)
            .values(settings=msgspec.to_builtins(after), changed_at=system_clock())
        )
        await audit.record(work, caller, "energy.settings_changed", site_id, after=shown(after))
    bus.publish(f"energy.{site_id}")
    return Json(shown(after))


def _check_sources(settings: Settings) -> None:
    for each in sources(settings):
        if each.kind not in SOURCES:
            raise SourceUnknown(kind=each.kind, known=", ".join(SOURCES))
