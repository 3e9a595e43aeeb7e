"""The REST edge of power: circuits and what hangs on them, what holds now and why, meters, the grid's word, wishes."""

from datetime import datetime, time
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Body
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.energy import trees
from gridlane.energy.circuit import CircuitKind, Rotation, Wiring
from gridlane.energy.model import circuit_evses, circuit_loads, circuits, dimmings, energy_sites
from gridlane.energy.settings import Policy, Settings
from gridlane.energy.settings import Source as SignalSource
from gridlane.energy.signals.ports import SOURCES, SourceUnknown
from gridlane.energy.trees import SiteNotSteered
from gridlane.kernel import audit
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.bus import Bus
from gridlane.kernel.clock import system_clock
from gridlane.kernel.edge import Json, TheBus, TheCaller, TheDatabase
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id
from gridlane.stations import places
from gridlane.stations.model import sites

router = APIRouter(tags=["energy"])

Current = Annotated[float, Field(ge=0, le=10_000, description="A of each phase")]
Power = Annotated[float, Field(ge=0, le=100_000_000, description="W")]


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid")


class WindowInput(_Input):
    """A lower limit that holds at some hours of the site's day; 0 is Monday."""

    since: time
    until: time
    weekdays: list[Annotated[int, Field(ge=0, le=6)]] = [0, 1, 2, 3, 4, 5, 6]
    current: Current | None = None
    power: Power | None = None


class OtherLoadInput(_Input):
    """What else draws from a circuit, in A of each phase. ``includes_charging``: its meter also measures the charging."""

    most: Current
    rise: Current = 0.0
    least: Current = 0.0
    includes_charging: bool = False


class CircuitChanges(_Input):
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


class NewConnection(_Input):
    """The grid connection of a site whose EVSEs all hang on it, to begin with."""

    name: Annotated[str, Field(min_length=1, max_length=100)] = "Grid connection"
    current: Current | None = None
    power: Power | None = None
    reserve: Annotated[float, Field(ge=0, lt=1)] = 0.05
    voltage: Annotated[float, Field(gt=50, lt=500, description="V, phase to neutral")] = 230.0


class EvseInput(_Input):
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


class SourceInput(_Input):
    kind: str
    circuit: str | None = None
    settings: dict[str, Any] = {}


class SettingsInput(_Input):
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


class ReadingInput(_Input):
    """What a meter reads now, in A."""

    l1: Annotated[float, Field(ge=-10_000, le=10_000)]
    l2: Annotated[float, Field(ge=-10_000, le=10_000)]
    l3: Annotated[float, Field(ge=-10_000, le=10_000)]
    at: AwareDatetime | None = None


class DimmingInput(_Input):
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


# --- what holds --------------------------------------------------------------------------------------------------


@router.get("/energy")
async def list_sites(caller: TheCaller, database: TheDatabase) -> Json:
    """Every site whose power is shared: its connection's load and limit, and how many vehicles share it."""
    caller.require(Permission.ENERGY_READ)
    query = (
        sa.select(
            energy_sites.c.site_id, sites.c.name, energy_sites.c.steered, energy_sites.c.settings,
            energy_sites.c.pictured_at, energy_sites.c.picture, circuits.c.id.label("root"),
            circuits.c.current, circuits.c.power,
        )
        .join_from(energy_sites, sites, sites.c.id == energy_sites.c.site_id)
        .join(
            circuits,
            sa.and_(circuits.c.site_id == energy_sites.c.site_id, circuits.c.parent_id.is_(None)),
        )
        .order_by(sites.c.name)
    )  # fmt: skip
    async with database.unit_of_work(caller.scope) as work:
        rows = (await work.execute(query)).mappings().all()
    return Json({"items": [_summary(dict(row)) for row in rows if caller.reaches(row["site_id"])]})


@router.get("/sites/{site_id}/energy")
async def show_energy(caller: TheCaller, database: TheDatabase, site_id: UUID) -> Json:
    """The circuits of a site with what holds at each, and every EVSE's number with its reason in words."""
    caller.require(Permission.ENERGY_READ)
    async with database.unit_of_work(caller.scope) as work:
        site = await places.site(work, caller, site_id)
        head = await _head(work, site_id)
        nodes = (
            (
                await work.execute(
                    sa.select(circuits).where(circuits.c.site_id == site_id).order_by(circuits.c.name)
                )
            )
            .mappings()
            .all()
        )
        leaves = (
            (await work.execute(sa.select(circuit_evses).where(circuit_evses.c.site_id == site_id)))
            .mappings()
            .all()
        )
        loose = await trees.loose(work, site_id)
        now = system_clock()
        words = (
            (
                await work.execute(
                    sa.select(dimmings)
                    .where(dimmings.c.site_id == site_id, dimmings.c.until > now)
                    .order_by(dimmings.c.since)
                )
            )
            .mappings()
            .all()
        )
    return Json(
        {
            "site_id": site_id,
            "name": site["name"],
            "time_zone": site["time_zone"],
            "steered": head["steered"],
            "voltage": head["voltage"],
            "settings": _settings_shown(msgspec.convert(head["settings"], Settings)),
            "circuits": [_without_tenant(row) for row in nodes],
            "evses": [_without_tenant(row) for row in leaves],
            "loose": [{"evse_id": each.evse_id, "name": each.name} for each in loose],
            "dimmings": [_without_tenant(row) for row in words],
            "pictured_at": head["pictured_at"],
            "now": None if head["picture"] is None else msgspec.Raw(head["picture"].encode()),
            "planned_at": head["planned_at"],
            "plan": None if head["plan"] is None else msgspec.Raw(head["plan"].encode()),
        }
    )


# --- the tree ----------------------------------------------------------------------------------------------------


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
    _ring(bus, site_id)
    return Json({"circuit_id": circuit_id, "evses": connected}, status_code=201)


@router.patch("/sites/{site_id}/energy")
async def change_settings(
    caller: TheCaller, database: TheDatabase, bus: TheBus, site_id: UUID, wish: SettingsInput
) -> Json:
    """Change the policy, the sources of signals, and what power is worth."""
    caller.require(Permission.ENERGY_WRITE)
    changes = wish.model_dump(exclude_unset=True, mode="json")
    async with database.unit_of_work(caller.scope) as work:
        await places.site(work, caller, site_id)
        head = await _head(work, site_id)
        before = msgspec.convert(head["settings"], Settings)
        after = msgspec.convert(
            {**msgspec.to_builtins(before), **_keeping_secrets(before, changes)}, Settings
        )
        _check_sources(after)
        await work.execute(
            sa.update(energy_sites)
            .where(energy_sites.c.site_id == site_id)
            .values(settings=msgspec.to_builtins(after), changed_at=system_clock())
        )
        await audit.record(work, caller, "energy.settings_changed", site_id, after=_settings_shown(after))
    _ring(bus, site_id)
    return Json(_settings_shown(after))


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
    _ring(bus, site_id)
    return Json(_without_tenant(row), status_code=201)


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
    _ring(bus, site_id)
    return Json(_without_tenant(row))


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
    _ring(bus, site_id)


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
    _ring(bus, site_id)
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
    _ring(bus, site_id)
    return Json(_without_tenant(row))


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
    _ring(bus, site_id)


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
    _ring(bus, site_id)


# --- signals -----------------------------------------------------------------------------------------------------


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
        await store_reading(
            work, caller, site_id, circuit_id, reading.at or now, (reading.l1, reading.l2, reading.l3)
        )
    _ring(bus, site_id)


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
    _ring(bus, site_id)
    return Json(_without_tenant(row), status_code=201)


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
    _ring(bus, site_id)


# --- below the story ---------------------------------------------------------------------------------------------


async def store_reading(
    work: AsyncConnection,
    caller: Caller,
    site_id: UUID,
    circuit_id: UUID,
    at: datetime,
    phases: tuple[float, float, float],
) -> None:
    """The latest reading of a circuit's meter."""
    statement = insert(circuit_loads).values(
        circuit_id=circuit_id, organization_id=caller.organization_id, site_id=site_id, at=at,
        l1=phases[0], l2=phases[1], l3=phases[2],
    )  # fmt: skip
    changed = {name: statement.excluded[name] for name in ("at", "l1", "l2", "l3")}
    await work.execute(
        statement.on_conflict_do_update(
            index_elements=["circuit_id"], set_=changed, where=circuit_loads.c.at < statement.excluded.at
        )
    )


def _ring(bus: Bus, site_id: UUID) -> None:
    bus.publish(f"energy.{site_id}")


async def _head(work: AsyncConnection, site_id: UUID) -> dict[str, Any]:
    row = (
        (await work.execute(sa.select(energy_sites).where(energy_sites.c.site_id == site_id)))
        .mappings()
        .first()
    )
    if row is None:
        raise SiteNotSteered
    return dict(row)


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


def _summary(row: dict[str, Any]) -> dict[str, Any]:
    now = None if row["picture"] is None else msgspec.json.decode(row["picture"])
    root = next((each for each in now["circuits"] if each["id"] == str(row["root"])), None) if now else None
    return {
        "site_id": row["site_id"],
        "name": row["name"],
        "steered": row["steered"],
        "policy": msgspec.convert(row["settings"], Settings).policy,
        "current": row["current"],
        "power": row["power"],
        "pictured_at": row["pictured_at"],
        "sharing": now["sharing"] if now else 0,
        "connection": root,
    }


def _without_tenant(row: Any) -> dict[str, Any]:
    return {name: value for name, value in dict(row).items() if name != "organization_id"}


_SECRET = ("password", "client_secret")
_HIDDEN = "(kept)"


def _settings_shown(settings: Settings) -> dict[str, Any]:
    """Without the secrets of sources."""
    shown: dict[str, Any] = msgspec.to_builtins(settings)
    sources = [*(shown[name] for name in ("price", "co2", "sun", "dimming") if shown[name]), *shown["meters"]]
    for each in sources:
        each["settings"] = {
            name: _HIDDEN if name in _SECRET else value for name, value in each["settings"].items()
        }
    return shown


def _keeping_secrets(before: Settings, changes: dict[str, Any]) -> dict[str, Any]:
    """What is sent back as it was shown keeps its secret."""
    kept = {each.kind: each.settings for each in _sources(before)}
    for each in [
        *(changes.get(name) for name in ("price", "co2", "sun", "dimming")),
        *(changes.get("meters") or ()),
    ]:
        if each:
            each["settings"] = {
                name: kept.get(each["kind"], {}).get(name) if value == _HIDDEN else value
                for name, value in each.get("settings", {}).items()
            }
    return changes


def _sources(settings: Settings) -> list[SignalSource]:
    one_each = (settings.price, settings.co2, settings.sun, settings.dimming)
    return [*(each for each in one_each if each is not None), *settings.meters]


def _check_sources(settings: Settings) -> None:
    for each in _sources(settings):
        if each.kind not in SOURCES:
            raise SourceUnknown(kind=each.kind, known=", ".join(SOURCES))
