"""A site's circuits in the tables: read as a tree that was checked, and changed so that it always is one.

A change is made, the whole tree is read anew and checked, and is taken back with everything else when it cannot be
right. So no controller ever meets a tree that is wrong.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.energy.capacity import Conditions, headroom
from gridlane.energy.circuit import (
    EVERY_DAY,
    Circuit,
    CircuitKind,
    Converter,
    Evse,
    OtherLoad,
    Rotation,
    Site,
    Window,
    Wiring,
)
from gridlane.energy.model import circuit_evses, circuits, energy_sites
from gridlane.energy.settings import Settings
from gridlane.kernel import audit
from gridlane.kernel.access import Caller
from gridlane.kernel.clock import system_clock
from gridlane.kernel.errors import InputInvalid, Kind, Refusal
from gridlane.kernel.ids import new_id
from gridlane.kernel.quantities import Amperes, Volts, Watts
from gridlane.stations.model import connectors, evses, sites, stations

DC_CONNECTORS = (
    "IEC_62196_T2_COMBO", "IEC_62196_T1_COMBO", "CHADEMO", "SAE_J3400", "MCS", "GBT_DC", "CHAOJI",
)  # fmt: skip
EFFICIENCY = 0.94
SLACK = 1e-6


class CircuitUnknown(Refusal):
    code = "circuit_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no circuit {circuit}."


class EvseNotOnSite(Refusal):
    code = "evse_not_on_site"
    kind = Kind.NOT_FOUND
    sentence = "There is no EVSE {evse} at this site."


class CircuitInUse(Refusal):
    code = "circuit_in_use"
    kind = Kind.CONFLICT
    sentence = "{name} still feeds other circuits or EVSEs; move them first."


class SiteNotSteered(Refusal):
    code = "site_has_no_circuits"
    kind = Kind.NOT_FOUND
    sentence = "This site has no circuits yet; set up its grid connection first."


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an EVSE of the tree is, in the words of its station."""

    evse_id: UUID
    station_id: UUID
    number: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wired:
    """A site as a controller needs it: the tree (ids as text), where its EVSEs are, and the operator's settings."""

    site_id: UUID
    organization_id: UUID
    name: str
    site: Site
    places: Mapping[str, Place]
    settings: Settings
    trusted: Mapping[str, datetime]  # EVSEs, since when a person says that they keep their limits
    includes_charging: frozenset[str]  # circuits whose meter also measures the charging below it
    changed_at: datetime


class OtherLoadRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    most: float
    rise: float = 0.0
    least: float = 0.0
    includes_charging: bool = False


class WindowRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    since: time
    until: time
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    current: float | None = None
    power: float | None = None


async def wired(work: AsyncConnection, site_id: UUID) -> Wired | None:
    """The site's tree; None where it has none (or it is not the caller's). Raises InputInvalid."""
    query = (
        sa.select(energy_sites, sites.c.name, sites.c.time_zone)
        .join_from(energy_sites, sites, sites.c.id == energy_sites.c.site_id)
        .where(energy_sites.c.site_id == site_id)
    )
    head = (await work.execute(query)).mappings().first()
    if head is None:
        return None
    nodes = (await work.execute(sa.select(circuits).where(circuits.c.site_id == site_id))).mappings().all()
    leaves = (
        (
            await work.execute(
                sa.select(
                    circuit_evses, evses.c.number, evses.c.station_id, evses.c.label,
                    stations.c.name.label("station"),
                )
                .join_from(circuit_evses, evses, evses.c.id == circuit_evses.c.evse_id)
                .join(stations, stations.c.id == evses.c.station_id)
                .where(circuit_evses.c.site_id == site_id)
                .order_by(stations.c.name, evses.c.number)
            )
        )
        .mappings()
        .all()
    )  # fmt: skip
    loads = {row["id"]: _load(row["other_load"]) for row in nodes}
    return Wired(
        site_id=site_id,
        organization_id=head["organization_id"],
        name=head["name"],
        site=Site(
            circuits=tuple(_circuit(dict(row), loads[row["id"]]) for row in nodes),
            evses=tuple(_evse(dict(row)) for row in leaves),
            voltage=Volts(head["voltage"]),
            time_zone=head["time_zone"],
        ),
        places={
            str(row["evse_id"]): Place(
                evse_id=row["evse_id"],
                station_id=row["station_id"],
                number=row["number"],
                name=row["label"] or f"{row['station']} / {row['number']}",
            )
            for row in leaves
        },
        settings=msgspec.convert(head["settings"], Settings),
        trusted={str(row["evse_id"]): row["trusted_at"] for row in leaves if row["trusted_at"] is not None},
        includes_charging=frozenset(
            str(id_) for id_, load in loads.items() if load is not None and load.includes_charging
        ),
        changed_at=head["changed_at"],
    )


async def checked(work: AsyncConnection, site_id: UUID, now: datetime) -> Wired:
    """The tree after a change, which must hold all its fallbacks. Raises InputInvalid, SiteNotSteered."""
    await work.execute(
        sa.update(energy_sites).where(energy_sites.c.site_id == site_id).values(changed_at=now)
    )
    tree = await wired(work, site_id)
    if tree is None:
        raise SiteNotSteered
    problems = dict(overfull_of_fallbacks(tree.site, now))
    if problems:
        raise InputInvalid(problems=problems)
    return tree


def overfull_of_fallbacks(site: Site, now: datetime) -> Iterator[tuple[str, str]]:
    """Circuits that could not even carry what all EVSEs keep without us (or draw, where they keep nothing)."""
    lowest = _at_its_lowest(site)
    room = headroom(lowest, Conditions(), now)
    for circuit in site.circuits:
        drawn = [0.0, 0.0, 0.0]
        power = 0.0
        for evse in site.evses:
            if circuit.id in {each.id for each in site.chain(evse.circuit)}:
                draw = site.draw(evse)
                power += evse.assured * draw.watts_per_ampere
                drawn = [total + evse.assured * uses for total, uses in zip(drawn, draw.phases, strict=True)]
        at, left = f"circuits.{circuit.id}.fallback", room[circuit.id]
        if max(drawn) > min(left.phases) + SLACK:
            yield at, _OVERFULL.format(circuit.name, f"{max(drawn):g} A", f"{min(left.phases):g} A")
        if power > left.power + SLACK:
            yield at, _OVERFULL.format(circuit.name, f"{power / 1000:g} kW", f"{left.power / 1000:g} kW")


_OVERFULL = "all EVSEs behind {0} together keep {1} without us, and it has room for {2} at its lowest"


async def begin(work: AsyncConnection, caller: Caller, site_id: UUID, *, voltage: float = 230.0) -> None:
    """The site is steered from now on."""
    now = system_clock()
    await work.execute(
        insert(energy_sites)
        .values(site_id=site_id, organization_id=caller.organization_id, voltage=voltage, changed_at=now)
        .on_conflict_do_nothing()
    )


async def add_circuit(
    work: AsyncConnection, caller: Caller, site_id: UUID, values: Mapping[str, Any]
) -> UUID:
    """A new circuit; the first becomes the grid connection. Check the tree afterwards."""
    await begin(work, caller, site_id)
    id_ = new_id()
    row = {**values, "id": id_, "site_id": site_id, "organization_id": caller.organization_id}
    await work.execute(sa.insert(circuits).values(row))
    await audit.record(work, caller, "circuit.created", id_, after=_plain(values))
    return id_


async def change_circuit(
    work: AsyncConnection, caller: Caller, site_id: UUID, circuit_id: UUID, changes: Mapping[str, Any]
) -> None:
    """Raises CircuitUnknown."""
    before = await circuit_row(work, site_id, circuit_id)
    if changes:
        await work.execute(sa.update(circuits).where(circuits.c.id == circuit_id).values(**changes))
    await audit.record(
        work, caller, "circuit.changed", circuit_id,
        before=_plain({name: before[name] for name in changes}), after=_plain(changes),
    )  # fmt: skip


async def remove_circuit(work: AsyncConnection, caller: Caller, site_id: UUID, circuit_id: UUID) -> None:
    """Removes a circuit that feeds nothing; with the last one the site is steered no more.

    Raises CircuitUnknown, CircuitInUse.
    """
    row = await circuit_row(work, site_id, circuit_id)
    below = sa.select(circuits.c.id).where(circuits.c.parent_id == circuit_id)
    fed = sa.select(circuit_evses.c.evse_id).where(circuit_evses.c.circuit_id == circuit_id)
    if await work.scalar(below.limit(1)) or await work.scalar(fed.limit(1)):
        raise CircuitInUse(name=row["name"])
    await work.execute(sa.delete(circuits).where(circuits.c.id == circuit_id))
    if row["parent_id"] is None:
        await work.execute(sa.delete(energy_sites).where(energy_sites.c.site_id == site_id))
    await audit.record(work, caller, "circuit.removed", circuit_id, before=_plain(row))


async def connect_evse(
    work: AsyncConnection, caller: Caller, site_id: UUID, evse_id: UUID, values: Mapping[str, Any]
) -> None:
    """Hangs an EVSE of the site on a circuit, or changes how it hangs there. What is not given is taken from what is
    known of the EVSE.

    Raises CircuitUnknown, EvseNotOnSite.
    """
    await circuit_row(work, site_id, values["circuit_id"])
    known = await described(work, site_id, evse_id)
    row = {
        **known, **values, "evse_id": evse_id, "site_id": site_id, "organization_id": caller.organization_id,
    }  # fmt: skip
    statement = insert(circuit_evses).values(row)
    changed = {name: row[name] for name in values}
    await work.execute(
        statement.on_conflict_do_update(index_elements=["evse_id"], set_={**changed, "site_id": site_id})
    )
    await audit.record(work, caller, "circuit.evse_connected", evse_id, after=_plain(values))


async def disconnect_evse(work: AsyncConnection, caller: Caller, site_id: UUID, evse_id: UUID) -> None:
    """Raises EvseNotOnSite."""
    gone = await work.execute(
        sa.delete(circuit_evses).where(circuit_evses.c.evse_id == evse_id, circuit_evses.c.site_id == site_id)
    )
    if gone.rowcount == 0:
        raise EvseNotOnSite(evse=evse_id)
    await audit.record(work, caller, "circuit.evse_disconnected", evse_id)


async def trust(work: AsyncConnection, caller: Caller, site_id: UUID, evse_id: UUID) -> None:
    """A person says that the EVSE keeps its limits again. Raises EvseNotOnSite."""
    said = await work.execute(
        sa.update(circuit_evses)
        .where(circuit_evses.c.evse_id == evse_id, circuit_evses.c.site_id == site_id)
        .values(trusted_at=system_clock())
    )
    if said.rowcount == 0:
        raise EvseNotOnSite(evse=evse_id)
    await audit.record(work, caller, "circuit.evse_trusted", evse_id)


async def described(work: AsyncConnection, site_id: UUID, evse_id: UUID) -> dict[str, Any]:
    """What is known of an EVSE, as columns of ``circuit_evses``. Raises EvseNotOnSite."""
    kinds = (
        sa.select(sa.func.array_agg(connectors.c.kind))
        .where(connectors.c.evse_id == evses.c.id)
        .scalar_subquery()
    )
    query = (
        sa.select(evses.c.max_power, evses.c.phases, kinds.label("kinds"))
        .join_from(evses, stations, stations.c.id == evses.c.station_id)
        .where(evses.c.id == evse_id, stations.c.site_id == site_id)
    )
    row = (await work.execute(query)).mappings().first()
    if row is None:
        raise EvseNotOnSite(evse=evse_id)
    power = row["max_power"] or 22_000.0
    direct = power > 44_000 or any(kind in DC_CONNECTORS for kind in row["kinds"] or ())
    taken = power / EFFICIENCY if direct else power
    phases = 3 if direct else row["phases"]
    return {
        "rating": round(taken / (230.0 * phases) + 0.05, 1),
        "phases": phases,
        "minimum": 1.0 if direct else 6.0,
        "fallback": 0.0,
        "converter_power": power if direct else None,
        "converter_efficiency": EFFICIENCY if direct else None,
    }


async def connect_all(work: AsyncConnection, caller: Caller, site_id: UUID, circuit_id: UUID) -> int:
    """Hangs every EVSE of the site that hangs nowhere yet on a circuit; gives how many."""
    found = await loose(work, site_id)
    for place in found:
        await connect_evse(work, caller, site_id, place.evse_id, {"circuit_id": circuit_id})
    return len(found)


async def loose(work: AsyncConnection, site_id: UUID) -> list[Place]:
    """The EVSEs of a site that hang on none of its circuits: nobody keeps room for what they draw."""
    query = (
        sa.select(evses.c.id, evses.c.station_id, evses.c.number, evses.c.label, stations.c.name)
        .join_from(evses, stations, stations.c.id == evses.c.station_id)
        .where(stations.c.site_id == site_id, ~sa.exists().where(circuit_evses.c.evse_id == evses.c.id))
        .order_by(stations.c.name, evses.c.number)
    )
    return [
        Place(
            evse_id=row.id,
            station_id=row.station_id,
            number=row.number,
            name=row.label or f"{row.name} / {row.number}",
        )
        for row in await work.execute(query)
    ]


async def head(work: AsyncConnection, site_id: UUID) -> dict[str, Any]:
    """The site's own row. Raises SiteNotSteered."""
    query = sa.select(energy_sites).where(energy_sites.c.site_id == site_id)
    row = (await work.execute(query)).mappings().first()
    if row is None:
        raise SiteNotSteered
    return dict(row)


def without_tenant(row: Any) -> dict[str, Any]:
    """A row as its own tenant sees it."""
    return {name: value for name, value in dict(row).items() if name != "organization_id"}


async def circuit_row(work: AsyncConnection, site_id: UUID, circuit_id: UUID) -> dict[str, Any]:
    """Raises CircuitUnknown."""
    query = sa.select(circuits).where(circuits.c.id == circuit_id, circuits.c.site_id == site_id)
    row = (await work.execute(query)).mappings().first()
    if row is None:
        raise CircuitUnknown(circuit=circuit_id)
    return dict(row)


def _circuit(row: Mapping[str, Any], load: OtherLoadRow | None) -> Circuit:
    return Circuit(
        id=str(row["id"]),
        kind=CircuitKind(row["kind"]),
        parent=None if row["parent_id"] is None else str(row["parent_id"]),
        current=_amperes(row["current"]),
        power=_watts(row["power"]),
        export_current=_amperes(row["export_current"]),
        export_power=_watts(row["export_power"]),
        reserve=row["reserve"],
        windows=tuple(_window(each) for each in msgspec.convert(row["windows"], tuple[WindowRow, ...])),
        other_load=None
        if load is None
        else OtherLoad(most=Amperes(load.most), rise=Amperes(load.rise), least=Amperes(load.least)),
        name=row["name"],
    )


def _window(row: WindowRow) -> Window:
    return Window(
        since=row.since, until=row.until, weekdays=frozenset(row.weekdays), current=_amperes(row.current),
        power=_watts(row.power),
    )  # fmt: skip


def _load(value: Any) -> OtherLoadRow | None:
    return None if value is None else msgspec.convert(value, OtherLoadRow)


def _evse(row: Mapping[str, Any]) -> Evse:
    power = row["converter_power"]
    return Evse(
        id=str(row["evse_id"]),
        circuit=str(row["circuit_id"]),
        rating=Amperes(row["rating"]),
        phases=row["phases"],
        minimum=Amperes(row["minimum"]),
        fallback=_amperes(row["fallback"]),
        rotation=Rotation(row["rotation"]),
        wiring=Wiring(row["wiring"]),
        converter=None
        if power is None
        else Converter(power=Watts(power), efficiency=row["converter_efficiency"] or EFFICIENCY),
        may_discharge=row["may_discharge"],
    )


def _at_its_lowest(site: Site) -> Site:
    """The site with every window open all the time."""
    lowest = (replace(each, windows=tuple(map(_always, each.windows))) for each in site.circuits)
    return replace(site, circuits=tuple(lowest))


def _always(window: Window) -> Window:
    return replace(window, since=time(0), until=time(0), weekdays=EVERY_DAY)


def _amperes(value: float | None) -> Amperes | None:
    return None if value is None else Amperes(value)


def _watts(value: float | None) -> Watts | None:
    return None if value is None else Watts(value)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: str(value) if isinstance(value, UUID | datetime) else value for key, value in values.items()}
