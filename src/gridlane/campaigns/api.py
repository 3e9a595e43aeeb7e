"""The REST edge of firmware campaigns and configuration templates."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel, Field

from gridlane.campaigns import configuration, firmware
from gridlane.campaigns.configuration import Applies
from gridlane.campaigns.drift import Setting
from gridlane.campaigns.firmware import Firmware
from gridlane.campaigns.model import campaign_stations, campaigns, configuration_templates
from gridlane.campaigns.rollout import Plan
from gridlane.kernel.access import Permission
from gridlane.kernel.edge import Json, TheBus, TheCaller, TheDatabase, ThePaging
from gridlane.kernel.paging import page
from gridlane.stations.model import stations

router = APIRouter(tags=["campaigns"])

Share = Annotated[float, Field(gt=0, le=1)]


class PlanInput(BaseModel):
    """How carefully: the canary, then waves up to shares of all stations; when to stop by itself. Times in seconds."""

    canary: Annotated[int, Field(ge=1, le=100)] = 1
    waves: Annotated[list[Share], Field(min_length=1, max_length=20)] = [0.1, 0.5, 1.0]
    abort_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    abort_least: Annotated[int, Field(ge=1)] = 1
    soak: Annotated[int, Field(ge=0, le=7 * 86400)] = 3600
    at_once: Annotated[int, Field(ge=1, le=10_000)] = 50
    patience: Annotated[int, Field(ge=60, le=7 * 86400)] = 6 * 3600
    while_charging: bool = False


class CampaignInput(BaseModel):
    """A firmware update of many stations; the first of them are the canary."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    station_ids: Annotated[list[UUID], Field(min_length=1, max_length=10_000)]
    location: Annotated[str, Field(pattern=r"^(https?|ftps?|sftp)://", max_length=512)]
    version: Annotated[str | None, Field(max_length=50)] = None
    certificate: Annotated[str | None, Field(max_length=5500)] = None
    signature: Annotated[str | None, Field(max_length=800)] = None
    unsigned_accepted: bool = False
    plan: PlanInput = PlanInput()


class CampaignTurn(BaseModel):
    state: Literal["running", "paused", "aborted"]


class SettingInput(BaseModel):
    component: Annotated[str, Field(max_length=50)] = ""
    variable: Annotated[str, Field(min_length=1, max_length=50)]
    value: Annotated[str, Field(max_length=2500)]
    component_instance: Annotated[str, Field(max_length=50)] = ""
    variable_instance: Annotated[str, Field(max_length=50)] = ""
    evse: Annotated[int, Field(ge=0)] = 0


class TemplateInput(BaseModel):
    """How stations of a kind shall be set. Over OCPP 1.6 a setting has no component; its variable is the key."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    vendor: str | None = None
    model: str | None = None
    protocol: Literal["ocpp1.6", "ocpp2.0.1", "ocpp2.1"] | None = None
    site_id: UUID | None = None
    settings: Annotated[list[SettingInput], Field(min_length=1, max_length=200)]
    repairs: bool = False


class RepairInput(BaseModel):
    station_ids: list[UUID] | None = None
    spread: Annotated[int, Field(ge=0, le=86400)] = 0


# --- firmware ----------------------------------------------------------------------------------------------------


@router.get("/campaigns")
async def list_campaigns(caller: TheCaller, database: TheDatabase, paging: ThePaging) -> Json:
    """Firmware campaigns, the latest first, with how many stations are in which state."""
    caller.require(Permission.MAINTENANCE_READ)
    query = sa.select(campaigns)
    if caller.sites is not None:
        elsewhere = (
            sa.select(campaign_stations.c.campaign_id)
            .join_from(campaign_stations, stations, stations.c.id == campaign_stations.c.station_id)
            .where(sa.or_(stations.c.site_id.is_(None), stations.c.site_id.not_in(caller.sites)))
        )
        query = query.where(campaigns.c.id.not_in(elsewhere))
    async with database.unit_of_work(caller.scope) as work:
        order = [campaigns.c.created_at, campaigns.c.id]
        found = await page(work, query, order, paging, newest_first=True)
        counts = await _counts(work, [row["id"] for row in found.items])
    found.items = [{**_campaign(row), "stations": counts.get(row["id"], {})} for row in found.items]
    return Json(found)


@router.post("/campaigns", status_code=201)
async def begin_campaign(caller: TheCaller, database: TheDatabase, wish: CampaignInput) -> Json:
    """Begin a firmware campaign. It goes by itself, and stops by itself when too much fails."""
    told = Firmware(
        location=wish.location,
        version=wish.version,
        certificate=wish.certificate,
        signature=wish.signature,
        unsigned_accepted=wish.unsigned_accepted,
    )
    plan = msgspec.convert(wish.plan.model_dump(), Plan)
    async with database.unit_of_work(caller.scope) as work:
        made = await firmware.begin(work, caller, wish.name, told, plan, wish.station_ids)
    return Json(_campaign(made), status_code=201)


@router.get("/campaigns/{campaign_id}")
async def show_campaign(caller: TheCaller, database: TheDatabase, campaign_id: UUID) -> Json:
    """A campaign, and how far each of its stations is."""
    caller.require(Permission.MAINTENANCE_READ)
    at = campaign_stations
    query = (
        sa.select(
            at.c.station_id, stations.c.name, at.c.wave, at.c.state, at.c.since, at.c.evidence, at.c.operation_id,
            at.c.firmware_before, stations.c.firmware, stations.c.firmware_status, stations.c.connected,
        )
        .join_from(at, stations, stations.c.id == at.c.station_id)
        .where(at.c.campaign_id == campaign_id)
        .order_by(at.c.wave, stations.c.name)
    )  # fmt: skip
    async with database.unit_of_work(caller.scope) as work:
        found = await firmware.campaign(work, caller, campaign_id)
        targets = [dict(row) for row in (await work.execute(query)).mappings()]
    return Json({**_campaign(found), "targets": targets})


@router.post("/campaigns/{campaign_id}/state", status_code=204)
async def turn_campaign(
    caller: TheCaller, database: TheDatabase, campaign_id: UUID, turn: CampaignTurn
) -> None:
    """Pause, continue or call off a campaign. What a station has begun it ends."""
    async with database.unit_of_work(caller.scope) as work:
        await firmware.turn(work, caller, campaign_id, turn.state)


def _campaign(row: dict[str, Any]) -> dict[str, Any]:
    told = msgspec.json.decode(row["firmware"], type=Firmware)
    return {
        **{
            name: row[name]
            for name in ("id", "name", "state", "why", "created_by", "created_at", "changed_at")
        },
        "location": told.location,
        "version": told.version,
        "signed": bool(told.certificate and told.signature),
        "plan": msgspec.json.decode(row["plan"], type=Plan),
    }


async def _counts(work: Any, ids: list[UUID]) -> dict[UUID, dict[str, int]]:
    at = campaign_stations
    query = (
        sa.select(at.c.campaign_id, at.c.state, sa.func.count().label("count"))
        .where(at.c.campaign_id.in_(ids))
        .group_by(at.c.campaign_id, at.c.state)
    )
    counts: dict[UUID, dict[str, int]] = {}
    for campaign_id, state, count in await work.execute(query):
        counts.setdefault(campaign_id, {})[state] = count
    return counts


# --- configuration -----------------------------------------------------------------------------------------------


@router.get("/configuration-templates")
async def list_templates(caller: TheCaller, database: TheDatabase, paging: ThePaging) -> Json:
    """Templates by name."""
    caller.require(Permission.MAINTENANCE_READ)
    query = sa.select(configuration_templates)
    order = [configuration_templates.c.name, configuration_templates.c.id]
    async with database.unit_of_work(caller.scope) as work:
        found = await page(work, query, order, paging)
    found.items = [_template(row) for row in found.items]
    return Json(found)


@router.post("/configuration-templates", status_code=201)
async def make_template(caller: TheCaller, database: TheDatabase, wish: TemplateInput) -> Json:
    """Say how stations of a kind shall be set."""
    return Json(await _keep(caller, database, None, wish), status_code=201)


@router.put("/configuration-templates/{template_id}")
async def change_template(
    caller: TheCaller, database: TheDatabase, template_id: UUID, wish: TemplateInput
) -> Json:
    return Json(await _keep(caller, database, template_id, wish))


@router.delete("/configuration-templates/{template_id}", status_code=204)
async def forget_template(caller: TheCaller, database: TheDatabase, template_id: UUID) -> None:
    """Forget a template; stations stay as they are."""
    async with database.unit_of_work(caller.scope) as work:
        await configuration.forget(work, caller, template_id)


@router.get("/configuration-templates/{template_id}/stations")
async def show_drift(caller: TheCaller, database: TheDatabase, template_id: UUID) -> Json:
    """The stations that the template is of, and where each differs from it, by what it told last."""
    caller.require(Permission.MAINTENANCE_READ)
    async with database.unit_of_work(caller.scope) as work:
        row = await configuration.template(work, template_id)
        items = await configuration.drifted(work, caller, row)
    return Json({**_template(row), "items": items})


@router.post("/configuration-templates/{template_id}/look", status_code=202)
async def look_at_stations(
    caller: TheCaller, database: TheDatabase, bus: TheBus, template_id: UUID, wish: RepairInput
) -> Json:
    """Ask every station that the template is of for its present values."""
    async with database.unit_of_work(caller.scope) as work:
        row = await configuration.template(work, template_id)
        asked = await configuration.look(work, caller, row, spread=wish.spread)
    return _asked(bus, asked)


@router.post("/configuration-templates/{template_id}/repair", status_code=202)
async def repair_stations(
    caller: TheCaller, database: TheDatabase, bus: TheBus, template_id: UUID, wish: RepairInput
) -> Json:
    """Set what differs, at all drifted stations or some; each is a tracked operation."""
    async with database.unit_of_work(caller.scope) as work:
        row = await configuration.template(work, template_id)
        asked = await configuration.repair(work, caller, row, only=wish.station_ids, spread=wish.spread)
    return _asked(bus, asked)


async def _keep(
    caller: TheCaller, database: TheDatabase, template_id: UUID | None, wish: TemplateInput
) -> dict[str, Any]:
    applies = Applies(vendor=wish.vendor, model=wish.model, protocol=wish.protocol, site_id=wish.site_id)
    settings = [Setting(**one.model_dump()) for one in wish.settings]
    async with database.unit_of_work(caller.scope) as work:
        row = await configuration.keep(
            work, caller, template_id, wish.name, applies, settings, repairs=wish.repairs
        )
    return _template(row)


def _template(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("id", "name", "repairs", "changed_at")},
        **msgspec.to_builtins(msgspec.json.decode(row["applies"], type=Applies)),
        "settings": configuration.settings_of(row),
    }


def _asked(bus: TheBus, asked: list[dict[str, Any]]) -> Json:
    for station_id in {one["station_id"] for one in asked}:
        bus.publish(f"station.{station_id}.operations")
    return Json({"operations": [one["id"] for one in asked]}, status_code=202)
