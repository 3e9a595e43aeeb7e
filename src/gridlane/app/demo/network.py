"""Which stations the demo network has: a seeded choice of real charging devices of Berlin, grouped into sites."""

import csv
import random
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path

import msgspec

DAYS = 30
"""How far back the demo network's history reaches."""

VERSIONS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")
MAKES = {
    "AC": (("Alfen", "Eve Double"), ("Keba", "P40"), ("Mennekes", "Amtron"), ("Compleo", "Solo")),
    "DC": (("Alpitronic", "HYC300"), ("Kempower", "S-Series"), ("ABB", "Terra 184")),
}
SITE_METRES = 60.0


class DemoStation(msgspec.Struct, frozen=True):
    """``power`` is each EVSE's, in W."""

    identity: str
    name: str
    kind: str  # AC, DC
    evses: int
    power: float
    version: str
    vendor: str
    model: str


class DemoSite(msgspec.Struct):
    name: str
    latitude: float
    longitude: float
    area: str
    public: bool
    stations: list[DemoStation]


def choose(stations: int, seed: int) -> list[DemoSite]:
    """Sites with together about ``stations`` stations; the same for the same seed."""
    random_ = random.Random(seed)
    devices = _devices()
    groups = _nearby(devices)
    random_.shuffle(groups)
    areas = _rows("areas.csv")
    to_degrees = _transformer()
    sites: list[DemoSite] = []
    chosen = 0
    for group in groups:
        if chosen >= stations:
            break
        x = sum(device[0] for device in group) / len(group)
        y = sum(device[1] for device in group) / len(group)
        longitude, latitude = to_degrees(x, y)
        area = min(areas, key=lambda one: (float(one["x_m"]) - x) ** 2 + (float(one["y_m"]) - y) ** 2)
        number = sum(site.area == area["name"] for site in sites) + 1
        site = DemoSite(
            name=area["name"] if number == 1 else f"{area['name']} {number}",
            latitude=round(latitude, 6),
            longitude=round(longitude, 6),
            area=area["name"],
            public=True,
            stations=[],
        )
        for device in group[: stations - chosen]:
            chosen += 1
            site.stations.append(_station(device, chosen, len(site.stations) + 1, site.name, random_))
        sites.append(site)
    return sites


Device = tuple[float, float, str, int, float]  # x, y, kind, points, kW


def _devices() -> list[Device]:
    return [
        (float(one["x_m"]), float(one["y_m"]), one["kind"][:2], int(one["points"]), float(one["max_kw"]))
        for one in _rows("stations.csv")
        if float(one["max_kw"]) >= 11
    ]


def _nearby(devices: Sequence[Device]) -> list[list[Device]]:
    """Devices that stand together, by a grid of ``SITE_METRES``."""
    cells: dict[tuple[int, int], list[Device]] = {}
    for device in devices:
        cells.setdefault((round(device[0] / SITE_METRES), round(device[1] / SITE_METRES)), []).append(device)
    return [cells[cell] for cell in sorted(cells)]


def _station(device: Device, number: int, at_site: int, site: str, random_: random.Random) -> DemoStation:
    _x, _y, kind, points, kilowatts = device
    vendor, model = random_.choice(MAKES[kind])
    return DemoStation(
        identity=f"BER-{number:04d}",
        name=f"{site} / {at_site}",
        kind=kind,
        evses=min(points, 4),
        power=kilowatts * 1000,
        version=VERSIONS[number % 3],
        vendor=vendor,
        model=model,
    )


def _rows(name: str) -> list[dict[str, str]]:
    with (data_dir() / "berlin" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def data_dir() -> Path:
    """The project's data: beside the package in a checkout, inside it in a wheel."""
    inside = Path(str(resources.files("gridlane"))) / "data"
    return inside if inside.exists() else Path(__file__).parents[4] / "data"


def _transformer() -> Callable[[float, float], tuple[float, float]]:
    from pyproj import Transformer

    transform = Transformer.from_crs("EPSG:25833", "EPSG:4326", always_xy=True).transform
    return lambda x, y: transform(x, y)  # noqa: PLW0108 (gives an untyped function its type)
