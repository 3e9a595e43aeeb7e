"""Tables of places as people have them: CSV, GeoJSON, GeoPackage, Parquet. All become rows of named texts with a line number.

GeoPackage is SQLite and GeoParquet is Parquet with WKB, so neither needs more than what is installed anyway.
"""

import csv
import json
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridlane.kernel.errors import Kind, Refusal


class FileUnreadable(Refusal):
    code = "planning_file_unreadable"
    kind = Kind.INVALID
    sentence = "{file} cannot be read: {reason}."


@dataclass(frozen=True)
class Row:
    """One row: where it stands (line, or feature number) and its values as text."""

    number: int
    values: dict[str, str]


def read_rows(file: Path) -> list[Row]:
    """All rows of a file, whatever its form. A point geometry becomes the columns lon and lat (or x_m and y_m).

    Raises FileUnreadable.
    """
    form = FORMS.get(file.suffix.lower())
    if form is None:
        raise FileUnreadable(file=file, reason=f"its name must end in one of {', '.join(FORMS)}")
    if not file.is_file():
        raise FileUnreadable(file=file, reason="there is no such file")
    return list(form(file))


def read_csv(file: Path) -> Iterator[Row]:
    try:
        with file.open(newline="", encoding="utf-8-sig") as text:
            reader = csv.DictReader(text)
            heading = list(reader.fieldnames or ())
            other = next((mark for mark in ";\t|" if len(heading) == 1 and mark in heading[0]), None)
            if other is not None:
                raise FileUnreadable(
                    file=file,
                    reason=f"its columns are separated by {other!r}; save it with commas and decimal points",
                )
            for values in reader:
                known = {name: (value or "").strip() for name, value in values.items() if name}
                yield Row(reader.line_num, known)
    except (UnicodeDecodeError, csv.Error) as wrong:
        raise FileUnreadable(file=file, reason=f"it is no CSV in UTF-8 ({wrong})") from None


def read_geojson(file: Path) -> Iterator[Row]:
    try:
        features = json.loads(file.read_text(encoding="utf-8"))["features"]
    except (ValueError, KeyError, TypeError):
        raise FileUnreadable(file=file, reason="it is no GeoJSON FeatureCollection") from None
    for number, feature in enumerate(features, start=1):
        values = {name: as_text(value) for name, value in (feature.get("properties") or {}).items()}
        if "id" in feature:
            values.setdefault("id", as_text(feature["id"]))
        geometry = feature.get("geometry") or {}
        if geometry.get("type") == "Point":
            values["lon"], values["lat"] = (as_text(part) for part in geometry["coordinates"][:2])
        elif geometry:
            from shapely.geometry import shape

            centre = shape(geometry).representative_point()
            values["lon"], values["lat"] = repr(centre.x), repr(centre.y)
        yield Row(number, values)


def read_geopackage(file: Path) -> Iterator[Row]:
    """The first feature layer. Geometry is a GeoPackage header followed by WKB (OGC 12-128r19, clause 2.1.3)."""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            layer = database.execute(
                "SELECT c.table_name, g.column_name, g.srs_id FROM gpkg_contents c"
                " JOIN gpkg_geometry_columns g USING (table_name) WHERE c.data_type = 'features' LIMIT 1"
            ).fetchone()
            if layer is None:
                raise FileUnreadable(file=file, reason="it holds no layer of features")
            table = str(layer["table_name"]).replace('"', '""')
            rows = database.execute(f'SELECT * FROM "{table}"').fetchall()  # noqa: S608 - quoted above
    except sqlite3.DatabaseError as wrong:
        raise FileUnreadable(file=file, reason=f"it is no GeoPackage ({wrong})") from None
    for number, row in enumerate(rows, start=1):
        values = {name: as_text(row[name]) for name in row.keys() if name != layer["column_name"]}  # noqa: SIM118
        place_geometry(values, without_header(row[layer["column_name"]]), int(layer["srs_id"]))
        yield Row(number, values)


def without_header(blob: bytes | None) -> bytes:
    """The WKB inside a GeoPackage geometry: 8 bytes of header and an envelope whose size its flags tell."""
    if not blob:
        return b""
    envelope = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}[(blob[3] >> 1) & 0b111]
    return blob[8 + envelope :]


def read_parquet(file: Path) -> Iterator[Row]:
    import polars as pl

    try:
        frame = pl.read_parquet(file)
    except (pl.exceptions.PolarsError, OSError) as wrong:
        raise FileUnreadable(file=file, reason=f"it is no Parquet file ({wrong})") from None
    for number, row in enumerate(frame.iter_rows(named=True), start=1):
        shapes = {name: value for name, value in row.items() if isinstance(value, bytes)}
        values = {name: as_text(value) for name, value in row.items() if name not in shapes}
        place_geometry(values, shapes.get("geometry", b""), 4326)
        yield Row(number, values)


def place_geometry(values: dict[str, str], wkb: bytes, srs: int) -> None:
    """Put a geometry's point into the row: degrees for WGS 84, metres for a projected system."""
    if not wkb:
        return
    import shapely

    try:
        centre = shapely.from_wkb(wkb).representative_point()
    except (shapely.errors.GEOSException, struct.error):
        return
    names = ("lon", "lat") if srs in {4326, 0, -1} else ("x_m", "y_m")
    values[names[0]], values[names[1]] = repr(centre.x), repr(centre.y)


def as_text(value: Any) -> str:
    return "" if value is None else str(value).strip()


FORMS: dict[str, Callable[[Path], Iterator[Row]]] = {
    ".csv": read_csv,
    ".geojson": read_geojson,
    ".json": read_geojson,
    ".gpkg": read_geopackage,
    ".parquet": read_parquet,
}
