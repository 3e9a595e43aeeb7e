"""A scenario from its files: a TOML page that names the tables, and the tables. Every bad row is reported, not the first."""

import math
import tomllib
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import numpy as np

from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.money import Money
from gridlane.planning.journeys_reading import read_journeys
from gridlane.planning.scenario import Aim, Decay, Demand, Objective, Scenario, Sites, Stations
from gridlane.planning.supplied import Roads, Travel
from gridlane.planning.supplied_reading import UNREACHABLE, complain_of_islands, read_roads, read_travel
from gridlane.planning.tables import FileUnreadable, Row, read_rows
from gridlane.planning.zones import inside, read_zones

NAMES = ("demand", "candidates", "stations", "travel", "roads", "nodes", "journeys", "stops")
"""Tables of rows; the exclusions are shapes."""


class ScenarioBroken(Refusal):
    """``problems`` has one sentence per thing that is wrong, in the order of the files."""

    code = "planning_scenario_broken"
    kind = Kind.INVALID
    sentence = "The scenario has {count} problems:\n{text}"

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(count=len(problems), text="\n".join(problems))


def read_scenario(page: Path) -> Scenario:
    """The scenario a TOML page describes (or the ``plan.toml`` of a folder).

    Raises ScenarioBroken with everything that is wrong, FileUnreadable when a file is missing or no table.
    """
    page = page / "plan.toml" if page.is_dir() else page
    return scenario_of(read_page(page), page.parent)


def scenario_of(settings: dict[str, Any], folder: Path) -> Scenario:
    """The scenario of a page that was read already; its tables lie in ``folder``.

    Raises ScenarioBroken with everything that is wrong, FileUnreadable when a table is missing or none.
    """
    problems: list[str] = []
    tables = settings.get("tables", {})
    aim = read_aim(settings.get("aim", {}), problems)
    flows = aim.objective is Objective.FLOWS
    read = {name: table_at(folder, tables, name, flows=flows) for name in NAMES}
    crs = str(settings.get("crs") or fitting_crs(read["demand"][1] + read["candidates"][1]))
    columns = settings.get("columns", {})
    reader = {name: Reader(*read[name], crs, columns.get(name, {}), problems) for name in NAMES}
    demand = read_demand(reader["demand"])
    sites, stations = read_sites(reader["candidates"]), read_stations(reader["stations"])
    journeys = None
    if flows:
        roads = roads_of(reader, sites, stations, None) if "roads" in tables else None
        stops = reader["stops"] if "stops" in tables else None
        demand, journeys = read_journeys(reader["journeys"], roads, stops, sites, stations)
        travel: Travel | None = None
    else:
        travel = travel_of(settings, reader, demand, sites, stations)
    zones = read_zones(folder / tables["exclusions"], problems) if "exclusions" in tables else []
    if problems:
        raise ScenarioBroken(problems)
    if zones:
        sites = replace(sites, shut=sites.shut | inside(zones, *degrees(crs, sites.x, sites.y)))
    if travel is not None:
        complain_of_islands(travel, aim.objective, demand, sites, problems)
    if problems:
        raise ScenarioBroken(problems)
    return Scenario(
        name=str(settings.get("name", folder.name)),
        crs=crs,
        demand=demand,
        sites=sites,
        stations=stations,
        aim=aim,
        source=str(settings.get("source", "")),
        travel=travel,
        journeys=journeys,
    )


def travel_of(
    settings: dict[str, Any], reader: "dict[str, Reader]", demand: Demand, sites: Sites, stations: Stations
) -> Travel | None:
    """The travel a page supplies: a table of distances, or roads; None for straight lines."""
    tables = settings.get("tables", {})
    if "travel" in tables and "roads" in tables:
        raise ScenarioBroken(["[tables] names both travel and roads: give one of them"])
    missing = str(settings.get("travel", {}).get("missing", "refused"))
    if missing not in {"refused", UNREACHABLE}:
        raise ScenarioBroken([f"[travel] missing = {missing!r}: must be refused or {UNREACHABLE}"])
    if "travel" in tables:
        return read_travel(reader["travel"], demand, sites, stations, missing)
    return roads_of(reader, sites, stations, demand) if "roads" in tables else None


def roads_of(
    reader: "dict[str, Reader]", sites: Sites, stations: Stations, demand: Demand | None
) -> Roads | None:
    """The road graph with where everything meets it; journeys (no demand) name their nodes themselves."""
    nodes = reader["nodes"] if reader["nodes"].rows else None
    nobody = replace(reader["demand"], rows=[])
    people = reader["demand"] if demand is not None else nobody
    return read_roads(
        reader["roads"],
        nodes,
        (people, reader["candidates"], reader["stations"]),
        (
            (demand.x, demand.y) if demand is not None else (np.empty(0), np.empty(0)),
            (sites.x, sites.y),
            (stations.x, stations.y),
        ),
    )


def read_page(page: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(page.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileUnreadable(file=page, reason="there is no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise FileUnreadable(file=page, reason=f"it is no TOML ({wrong})") from None


def table_at(
    folder: Path, tables: dict[str, str], name: str, *, flows: bool = False
) -> tuple[str, list[Row]]:
    """The rows of a named table; only the candidates and the demand (for flows: the journeys) must be there."""
    if name not in tables:
        if name not in {"candidates", "journeys" if flows else "demand"}:
            return name, []
        raise ScenarioBroken([f'[tables] names no {name}: add {name} = "{name}.csv"'])
    rows = read_rows(folder / tables[name])
    if not rows:
        raise ScenarioBroken([f"{tables[name]} holds no row below its header"])
    return tables[name], rows


def read_aim(values: dict[str, Any], problems: list[str]) -> Aim:
    def one_of(name: str, choices: type[Objective] | type[Decay], default: str) -> str:
        given = str(values.get(name, default))
        if given not in set(choices):
            problems.append(f"[aim] {name} = {given!r}: must be one of {', '.join(choices)}")
            return default
        return given

    def number(name: str, default: float | None, most: float = math.inf) -> float | None:
        given = values.get(name, default)
        if given is not None and (not isinstance(given, (int, float)) or not 0 < given <= most):
            limit = "" if most == math.inf else f" and at most {most:g}"
            problems.append(f"[aim] {name} = {given!r}: must be a number above 0{limit}")
            return default
        return given

    objective = Objective(one_of("objective", Objective, "coverage"))
    people = "journeys" if objective is Objective.FLOWS else "residents"
    sites, radius = number("sites", None), number("radius_m", 500.0)
    return Aim(
        objective=objective,
        radius_m=float(radius or 500.0),
        decay=Decay(one_of("decay", Decay, "step")),
        sites=int(sites) if sites is not None else None,
        budget=read_money(values.get("budget"), problems),
        share=number("share", None, most=1.0),
        people=str(values.get("people", people)),
        floors=read_floors(values.get("floors", {}), problems),
        largest_difference=number("largest_difference", None, most=1.0),
        range_km=float(number("range_km", 300.0) or 300.0),
    )


def read_floors(given: Any, problems: list[str]) -> tuple[tuple[str, float], ...]:
    """``floors = { "4" = 0.8 }``."""
    floors = []
    for name, share in (given if isinstance(given, dict) else {"": given}).items():
        if name and isinstance(share, (int, float)) and 0 < share <= 1:
            floors.append((str(name), float(share)))
        else:
            problems.append(
                f'[aim] floors: {name!r} = {share!r}; write {{ "class" = share between 0 and 1 }}'
            )
    return tuple(floors)


def read_money(given: Any, problems: list[str]) -> Money | None:
    """``"2500000 EUR"``."""
    if given is None:
        return None
    amount, _, currency = str(given).partition(" ")
    try:
        return Money(Decimal(amount.replace(",", "")), currency)
    except (InvalidOperation, ValueError):
        problems.append(f'[aim] budget = {given!r}: must be an amount and a currency, as in "2500000 EUR"')
        return None


def fitting_crs(rows: list[Row]) -> str:
    """The UTM zone in the middle of rows given in degrees; metres are taken as they are."""
    degrees = [(row.values.get("lon", ""), row.values.get("lat", "")) for row in rows]
    known = [(float(lon), float(lat)) for lon, lat in degrees if is_number(lon) and is_number(lat)]
    if not known:
        return "EPSG:3857"
    lon, lat = (sum(part) / len(known) for part in zip(*known, strict=True))
    zone = min(60, max(1, math.floor((lon + 180) / 6) + 1))
    return f"EPSG:{(32600 if lat >= 0 else 32700) + zone}"


def degrees(crs: str, x: Any, y: Any) -> tuple[Any, Any]:
    """Longitude and latitude (WGS 84) of places in the scenario's system."""
    from pyproj import Transformer

    found: tuple[Any, Any] = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(x, y)
    return found


def is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


@dataclass
class Reader:
    """The rows of one table being turned into columns; every value that is wrong becomes a sentence in ``problems``."""

    file: str
    rows: list[Row]
    crs: str
    columns: dict[str, str]
    problems: list[str]
    bad: set[int] = field(default_factory=set)

    def complain(self, row: Row, column: str, advice: str) -> None:
        self.bad.add(row.number)
        given = row.values.get(self.columns.get(column, column))
        shown = "is missing" if given is None else f"is {given!r}"
        self.problems.append(f"{self.file}, row {row.number}: {column} {shown}; {advice}")

    def texts(self, column: str, default: str = "") -> tuple[str, ...]:
        name = self.columns.get(column, column)
        return tuple(row.values.get(name, "") or default for row in self.rows)

    def ids(self) -> tuple[str, ...]:
        """The id of every row, unique; the row number where the table has none."""
        name = self.columns.get("id", "id")
        seen: dict[str, int] = {}
        found = []
        for row in self.rows:
            given = row.values.get(name)
            own = str(row.number) if given is None else given
            if not own:
                self.complain(row, "id", "give every row one")
            elif own in seen:
                self.complain(row, "id", f"row {seen[own]} has the same; ids must be unique")
            seen.setdefault(own, row.number)
            found.append(own)
        return tuple(found)

    def numbers(
        self, column: str, *, default: float | None = None, least: float = -math.inf, most: float = math.inf
    ) -> np.ndarray[Any, np.dtype[np.float64]]:
        name = self.columns.get(column, column)
        values = np.zeros(len(self.rows))
        if default is None and self.rows and not any(name in row.values for row in self.rows):
            there = ", ".join(self.rows[0].values)
            self.problems.append(f"{self.file} has no column {name}; it has {there}")
            return values
        for k, row in enumerate(self.rows):
            text = row.values.get(name, "")
            if not text and default is not None:
                values[k] = default
            elif not is_number(text):
                self.complain(row, column, "a number is needed")
            elif not least <= float(text) <= most:
                limits = f"at least {least:g}" if most == math.inf else f"between {least:g} and {most:g}"
                self.complain(row, column, f"it must be {limits}")
            else:
                values[k] = float(text)
        return values

    def places(self) -> tuple[np.ndarray[Any, np.dtype[np.float64]], np.ndarray[Any, np.dtype[np.float64]]]:
        """Metres in the scenario's system, from x_m and y_m or from lon and lat."""
        x, y = (self.columns.get(name, name) for name in ("x_m", "y_m"))
        if any(x in row.values for row in self.rows) or not self.rows:
            return self.numbers(x), self.numbers(y)
        lon, lat = self.numbers("lon", least=-180, most=180), self.numbers("lat", least=-90, most=90)
        from pyproj import Transformer

        metres = Transformer.from_crs("EPSG:4326", self.crs, always_xy=True).transform(lon, lat)
        return np.asarray(metres[0], dtype=np.float64), np.asarray(metres[1], dtype=np.float64)

    def one_of(self, column: str, choices: tuple[str, ...], default: str) -> tuple[str, ...]:
        found = self.texts(column, default)
        for row, text in zip(self.rows, found, strict=True):
            if text not in choices:
                self.complain(row, column, f"it must be one of {', '.join(choices)}")
        return found

    def flags(self, column: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
        said = {"": False, "0": False, "no": False, "false": False, "1": True, "yes": True, "true": True}
        name = self.columns.get(column, column)
        values = np.zeros(len(self.rows), dtype=np.bool_)
        for k, row in enumerate(self.rows):
            text = row.values.get(name, "").lower()
            if text not in said:
                self.complain(row, column, "say yes or no")
            values[k] = said.get(text, False)
        return values


def read_demand(table: Reader) -> Demand:
    x, y = table.places()
    return Demand(
        id=table.ids(),
        x=x,
        y=y,
        weight=table.numbers("weight", least=0.0),
        group=table.texts("group"),
    )


def read_sites(table: Reader) -> Sites:
    x, y = table.places()
    return Sites(
        id=table.ids(),
        kind=table.texts("kind", "site"),
        x=x,
        y=y,
        expense=table.numbers("expense", default=1.0, least=0.01),
        shut=table.flags("shut"),
        feeder=table.texts("feeder"),
        grid_kw=table.numbers("grid_kw", default=math.inf, least=0.0),
    )


def read_stations(table: Reader) -> Stations:
    x, y = table.places()
    return Stations(
        id=table.ids(),
        kind=table.texts("kind", "AC"),
        x=x,
        y=y,
        points=table.numbers("points", default=1, least=0).astype(np.int32),
        max_kw=table.numbers("max_kw", default=22.0, least=0.0),
        decision=table.one_of("decision", ("keep", "upgrade", "close", "any"), "keep"),
    )
