"""Configuration templates: how stations of a kind shall be set; where they differ; mending what differs."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.campaigns.drift import Difference, Place, Setting, drift
from gridlane.campaigns.model import configuration_templates
from gridlane.kernel import audit
from gridlane.kernel.access import Caller, Permission, system
from gridlane.kernel.bus import Bus
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database, Scope
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id
from gridlane.stations import asking_operations
from gridlane.stations.device_model import SECRETS, station_variables
from gridlane.stations.model import stations

KEPT_WAITING = timedelta(hours=24)
"""How long a question or repair waits for a station without a link."""


class TemplateUnknown(Refusal):
    code = "template_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no configuration template {template}."


class TemplateNameTaken(Refusal):
    code = "template_name_taken"
    kind = Kind.CONFLICT
    sentence = "There is a configuration template {name} already."


class SecretInTemplate(Refusal):
    code = "secret_in_template"
    kind = Kind.INVALID
    sentence = "{variable} is a secret of each station; it cannot stand in a template."


class Applies(msgspec.Struct, frozen=True, kw_only=True):
    """Which stations a template is of; what is None admits all."""

    vendor: str | None = None
    model: str | None = None
    protocol: str | None = None
    site_id: UUID | None = None


class Drifted(msgspec.Struct, frozen=True, kw_only=True):
    """A station, and where it differs from the template."""

    station_id: UUID
    station: str
    protocol: str | None
    connected: bool
    differences: list[Difference]


async def keep(
    work: AsyncConnection, caller: Caller, template_id: UUID | None, name: str, applies: Applies,
    settings: Sequence[Setting], *, repairs: bool,
) -> dict[str, Any]:  # fmt: skip
    """Make a template, or change one. Raises NotAllowed, TemplateUnknown, TemplateNameTaken, SecretInTemplate."""
    caller.require(Permission.MAINTENANCE_WRITE)
    for one in settings:
        if one.variable in SECRETS:
            raise SecretInTemplate(variable=one.variable)
    if template_id is not None:
        await template(work, template_id)
    other = sa.select(configuration_templates.c.id).where(configuration_templates.c.name == name)
    if await work.scalar(other.where(configuration_templates.c.id != (template_id or new_id()))):
        raise TemplateNameTaken(name=name)
    row: dict[str, Any] = {
        "id": template_id or new_id(), "organization_id": caller.organization_id, "name": name,
        "applies": msgspec.json.encode(applies).decode(), "settings": msgspec.json.encode(settings).decode(),
        "repairs": repairs, "changed_at": system_clock(),
    }  # fmt: skip
    if template_id is None:
        await work.execute(sa.insert(configuration_templates).values(row))
    else:
        mine = configuration_templates.c.id == template_id
        await work.execute(sa.update(configuration_templates).where(mine).values(row))
    await audit.record(work, caller, "template.kept", row["id"], after={"name": name, "repairs": repairs})
    return row


async def template(work: AsyncConnection, template_id: UUID) -> dict[str, Any]:
    """Raises TemplateUnknown."""
    query = sa.select(configuration_templates).where(configuration_templates.c.id == template_id)
    row = (await work.execute(query)).mappings().first()
    if row is None:
        raise TemplateUnknown(template=template_id)
    return dict(row)


async def forget(work: AsyncConnection, caller: Caller, template_id: UUID) -> None:
    """Raises NotAllowed, TemplateUnknown. Stations stay as they are."""
    caller.require(Permission.MAINTENANCE_WRITE)
    await template(work, template_id)
    await work.execute(sa.delete(configuration_templates).where(configuration_templates.c.id == template_id))
    await audit.record(work, caller, "template.forgotten", template_id)


async def drifted(work: AsyncConnection, caller: Caller, row: dict[str, Any]) -> list[Drifted]:
    """Every station that a template is of, with its differences; those without any have none."""
    settings = settings_of(row)
    found = await _stations(work, caller, row)
    told = await _told(work, [one["id"] for one in found], settings)
    return [
        Drifted(
            station_id=one["id"],
            station=one["name"],
            protocol=one["protocol"],
            connected=one["connected"],
            differences=drift(settings, told.get(one["id"], {})),
        )
        for one in found
    ]


async def look(
    work: AsyncConnection, caller: Caller, row: dict[str, Any], *, spread: int = 0
) -> list[dict[str, Any]]:
    """Ask every station that the template is of for its present values."""
    wanted = [_reference(one) for one in settings_of(row)]
    found = [one["id"] for one in await _stations(work, caller, row)]
    return await _ask(work, caller, found, "get_variables", wanted, row["name"], spread)


async def repair(
    work: AsyncConnection, caller: Caller, row: dict[str, Any], *, only: Sequence[UUID] | None = None, spread: int = 0
) -> list[dict[str, Any]]:  # fmt: skip
    """Set what differs, at every drifted station (or ``only`` these): one operation per station and variable over 1.6."""
    asked: list[dict[str, Any]] = []
    for one in await drifted(work, caller, row):
        if not one.differences or (only is not None and one.station_id not in only):
            continue
        wanted = [{**_reference(each.setting), "value": each.setting.value} for each in one.differences]
        groups = [[each] for each in wanted] if one.protocol == "ocpp1.6" else [wanted]
        for group in groups:
            asked += await _ask(work, caller, [one.station_id], "set_variables", group, row["name"], spread)
    return asked


class TemplateWatch:
    """The job: every day stations are asked for what their templates name; drift is mended where a template says so."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database = database
        self._bus = bus

    async def ask_all(self) -> None:
        """Questions, spread over an hour."""
        await self._each(lambda work, caller, row: look(work, caller, row, spread=3600))

    async def mend_all(self) -> None:
        """Repairs of the templates that repair by themselves."""

        async def mend(work: AsyncConnection, caller: Caller, row: dict[str, Any]) -> list[dict[str, Any]]:
            return await repair(work, caller, row, spread=600) if row["repairs"] else []

        await self._each(mend)

    async def _each(self, act: Any) -> None:
        async with self._database.as_owner() as work:
            rows = (await work.execute(sa.select(configuration_templates))).mappings().all()
        for row in rows:
            caller = system(row["organization_id"], f"template {row['name']}")
            async with self._database.unit_of_work(Scope(row["organization_id"])) as work:
                asked = await act(work, caller, dict(row))
            for station_id in {one["station_id"] for one in asked}:
                self._bus.publish(f"station.{station_id}.operations")


def settings_of(row: dict[str, Any]) -> list[Setting]:
    return msgspec.json.decode(row["settings"], type=list[Setting])


def _reference(one: Setting) -> dict[str, Any]:
    return {
        "component": one.component,
        "variable": one.variable,
        "component_instance": one.component_instance or None,
        "variable_instance": one.variable_instance or None,
        "evse": one.evse or None,
    }


async def _ask(
    work: AsyncConnection, caller: Caller, station_ids: Sequence[UUID], kind: str, variables: list[dict[str, Any]],
    name: str, spread: int,
) -> list[dict[str, Any]]:  # fmt: skip
    if not station_ids or not variables:
        return []
    return await asking_operations.ask(
        work, caller, station_ids, kind=kind, params={"variables": variables}, expires_in=KEPT_WAITING,
        reason=f"configuration template {name}", spread=spread,
    )  # fmt: skip


async def _stations(work: AsyncConnection, caller: Caller, row: dict[str, Any]) -> Sequence[Any]:
    applies = msgspec.json.decode(row["applies"], type=Applies)
    query = (
        sa.select(stations.c.id, stations.c.name, stations.c.protocol, stations.c.connected)
        .where(stations.c.organization_id.is_not(None), stations.c.approval == "accepted")
        .order_by(stations.c.name)
    )
    for name in Applies.__struct_fields__:
        if (wanted := getattr(applies, name)) is not None:
            query = query.where(stations.c[name] == wanted)
    if caller.sites is not None:
        query = query.where(stations.c.site_id.in_(caller.sites))
    return (await work.execute(query)).mappings().all()


async def _told(
    work: AsyncConnection, station_ids: Sequence[UUID], settings: Sequence[Setting]
) -> dict[UUID, dict[Place, str | None]]:
    variables = station_variables
    query = sa.select(variables).where(
        variables.c.station_id.in_(station_ids),
        variables.c.variable.in_({one.variable for one in settings}),
        variables.c.attribute == "Actual",
    )
    told: dict[UUID, dict[Place, str | None]] = {}
    for row in await work.execute(query):
        place = Place(row.component, row.variable, row.component_instance, row.variable_instance, row.evse)
        told.setdefault(row.station_id, {})[place] = row.value
    return told
