"""Bringing in sites with their stations: a line for each station, with its site's name; a site alone is a line too."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.imported import Column, Import, Table, Values, one_of, quantity, text, yes
from gridlane.accounts.sheets import BadCell
from gridlane.kernel.access import Permission
from gridlane.stations import onboarding, places
from gridlane.stations.model import sites, stations
from gridlane.stations.places import TimeZoneUnknown

_OF_SITE = ("address", "city", "postal_code", "country", "latitude", "longitude", "time_zone", "public")
PROFILES = ("0", "1", "2", "3")


async def _look(work: AsyncConnection, brought: Import, lines: Sequence[tuple[int, Values]]) -> None:
    known = await _sites(work, brought)
    identities = [values["station"] for _, values in lines if "station" in values]
    present = await _stations(work, identities)
    said: dict[str, Values] = {}
    for line, values in lines:
        of_site = {name: values[name] for name in _OF_SITE if name in values}
        before = said.setdefault(values["site"], of_site)
        other = [name for name, value in of_site.items() if before.get(name, value) != value]
        station = present.get(values.get("station"))
        if other:
            words = "an earlier line says otherwise of this site; let all say the same"
            brought.object_to(line, other[0], values[other[0]], words)
        elif len(known.get(values["site"], ())) > 1:
            brought.object_to(
                line, "site", values["site"], "several sites have this name; give them names of their own"
            )
        elif station is not None and station["organization_id"] != brought.caller.organization_id:
            brought.object_to(line, "station", values["station"], "this identity is taken")
        else:
            _compare(brought, line, values, known.get(values["site"]), station)


class Found(NamedTuple):
    """What is there of a line's site and station, and what the line says otherwise."""

    site: Any
    station: Any
    changes: Values
    moves: bool
    renamed: bool


def _compare(brought: Import, line: int, values: Values, site: Any, station: Any) -> None:
    there = site[0] if site else None
    is_new = there is None or ("station" in values and station is None)
    changes = {
        name: values[name] for name in _OF_SITE if name in values and there and there[name] != values[name]
    }
    moves = station is not None and there is not None and station["site_id"] != there["id"]
    renamed = station is not None and values.get("station_name") not in (None, station["name"])
    values["found"] = Found(there, station, changes, moves, renamed)
    if is_new:
        brought.new.append((line, values))
    elif changes or moves or renamed:
        brought.changed.append((line, values, there))
    else:
        brought.same += 1


async def _sites(work: AsyncConnection, brought: Import) -> dict[str, list[Any]]:
    query = sa.select(sites).where(sites.c.organization_id == brought.caller.organization_id)
    found: dict[str, list[Any]] = {}
    for row in (await work.execute(query)).mappings():
        found.setdefault(row["name"], []).append(row)
    return found


async def _stations(work: AsyncConnection, identities: Sequence[str]) -> dict[Any, Any]:
    columns = [stations.c[name] for name in ("id", "identity", "organization_id", "site_id", "name")]
    query = sa.select(*columns).where(
        stations.c.identity == sa.any_(sa.cast(list(identities), sa.ARRAY(sa.Text)))
    )
    return {row["identity"]: row for row in (await work.execute(query)).mappings()}


async def _write(work: AsyncConnection, brought: Import) -> None:
    made: dict[str, Any] = {}
    ordered = sorted(
        [*brought.new, *((line, values) for line, values, _ in brought.changed)], key=lambda one: one[0]
    )
    for _, values in ordered:
        site_id = await _write_site(work, brought, values, made)
        if "station" in values:
            await _write_station(work, brought, values, site_id)


async def _write_site(work: AsyncConnection, brought: Import, values: Values, made: dict[str, Any]) -> Any:
    """The site of a line, made or changed once."""
    name, found = values["site"], values["found"]
    if name in made:
        return made[name]
    if found.site is None:
        described = {"name": name, **{one: values[one] for one in _OF_SITE if one in values}}
        created = await places.create_site(work, brought.caller, described, brought.settings.time_zone)
        made[name] = created["id"]
    else:
        if found.changes:
            await places.change_site(work, brought.caller, found.site["id"], found.changes)
        made[name] = found.site["id"]
    return made[name]


async def _write_station(work: AsyncConnection, brought: Import, values: Values, site_id: Any) -> None:
    found = values["found"]
    if found.station is None:
        profile = int(values.get("security_profile", "2"))
        station = await onboarding.register(
            work,
            brought.caller,
            brought.settings,
            identity=values["station"],
            name=values.get("station_name"),
            site_id=site_id,
            security_profile=profile,
            password=values.get("password"),
        )
        if station["password"] and "password" not in values:
            brought.passwords.append({"identity": values["station"], "password": station["password"]})
    elif found.moves or found.renamed:
        changes = {"site_id": site_id, "name": values.get("station_name", found.station["name"])}
        await onboarding.change(work, brought.caller, found.station["id"], changes)


def _identity(cell: str) -> str:
    if len(cell) > 48 or not cell.isprintable() or " " in cell or "/" in cell:
        raise BadCell(problem="it has to be at most 48 characters without spaces and slashes")
    return cell


def _password(cell: str) -> str:
    if not 8 <= len(cell) <= 40:
        raise BadCell(problem="it has to have 8 to 40 characters; leave it empty to have one made")
    return cell


def _country(cell: str) -> str:
    if len(cell) != 2 or not cell.isascii() or not cell.isalpha():
        raise BadCell(problem="it has to be two letters, such as DE")
    return cell.upper()


def _time_zone(cell: str) -> str:
    try:
        return places.checked_time_zone(cell)
    except TimeZoneUnknown as unknown:
        raise BadCell(problem=str(unknown)) from None


TABLE = Table(
    permission=Permission.STATIONS_WRITE,
    columns={
        "site": Column(text(200), ("standort", "site_name"), required=True),
        "address": Column(text(200), ("adresse", "straße", "street")),
        "city": Column(text(100), ("ort", "stadt")),
        "postal_code": Column(text(20), ("plz", "postcode", "zip")),
        "country": Column(_country, ("land",)),
        "latitude": Column(quantity(-90, 90), ("lat", "breite")),
        "longitude": Column(quantity(-180, 180), ("lon", "lng", "länge")),
        "time_zone": Column(_time_zone, ("zeitzone",)),
        "public": Column(yes, ("öffentlich",)),
        "station": Column(_identity, ("identity", "station_id", "ladestation")),
        "station_name": Column(text(200)),
        "security_profile": Column(one_of(*PROFILES)),
        "password": Column(_password, ("passwort",)),
    },
    key=lambda values: ("station", values["station"]) if "station" in values else ("site", values["site"]),
    look=_look,
    write=_write,
)
