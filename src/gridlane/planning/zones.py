"""Where nothing may be built: polygons of a GeoJSON file, in degrees. A candidate inside one is shut."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridlane.planning.tables import FileUnreadable

POLYGONS = ("Polygon", "MultiPolygon")


def read_zones(file: Path, problems: list[str]) -> list[Any]:
    """The polygons as shapes; what is none becomes a sentence in ``problems``. Raises FileUnreadable."""
    from shapely.errors import ShapelyError
    from shapely.geometry import shape

    try:
        features = json.loads(file.read_text(encoding="utf-8"))["features"]
    except FileNotFoundError:
        raise FileUnreadable(file=file, reason="there is no such file") from None
    except (ValueError, KeyError, TypeError):
        raise FileUnreadable(file=file, reason="it is no GeoJSON FeatureCollection") from None
    found = []
    for number, feature in enumerate(features, start=1):
        geometry = feature.get("geometry") or {}
        kind = geometry.get("type", "nothing")
        if kind not in POLYGONS:
            problems.append(
                f"{file.name}, feature {number}: it is {kind}; a zone is a Polygon or MultiPolygon"
            )
            continue
        try:
            found.append(shape(geometry))
        except (ShapelyError, ValueError, TypeError, KeyError, IndexError):
            problems.append(f"{file.name}, feature {number}: its coordinates are no polygon")
    return found


def inside(zones: list[Any], lon: Any, lat: Any) -> NDArray[np.bool_]:
    """Which places lie in any zone."""
    import shapely

    within = np.zeros(len(lon), dtype=np.bool_)
    for zone in zones:
        within |= shapely.contains_xy(zone, lon, lat)
    return within
