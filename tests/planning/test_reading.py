import json
import sqlite3
import struct

import polars as pl
import pytest

from gridlane.planning.reading import ScenarioBroken, read_scenario
from gridlane.planning.scenario import AimImpossible
from gridlane.planning.shipped import DataSetUnknown, scenario_page
from gridlane.planning.siting import make_plan
from gridlane.planning.tables import FileUnreadable, read_rows

DEMAND = "id,x_m,y_m,weight\na,0,0,10\nb,900,0,20\n"
SITES = "id,x_m,y_m\ns,0,100\nt,900,100\n"


def test_every_bad_row_is_named_not_only_the_first(make, tmp_path):
    demand = "id,x_m,y_m,weight\na,0,0,10\na,1,1,5\nc,east,0,3\nd,0,0,-4\n,0,0,1\n"
    folder = make.folder(tmp_path, demand=demand, candidates="id,x_m,y_m,shut\ns,0,,maybe\n")
    with pytest.raises(ScenarioBroken) as broken:
        read_scenario(folder)
    assert broken.value.problems == [
        "demand.csv, row 4: x_m is 'east'; a number is needed",
        "demand.csv, row 3: id is 'a'; row 2 has the same; ids must be unique",
        "demand.csv, row 6: id is ''; give every row one",
        "demand.csv, row 5: weight is '-4'; it must be at least 0",
        "candidates.csv, row 2: y_m is ''; a number is needed",
        "candidates.csv, row 2: shut is 'maybe'; say yes or no",
    ]


@pytest.mark.parametrize(
    ("aim", "reason"),
    [
        ("sites = 3", "3 sites are asked for and 2 candidates may be built on"),
        ("", "give one of a number of sites, a budget, and a share"),
        ('sites = 1\nbudget = "5 EUR"', "give one of a number of sites, a budget, and a share"),
        ('budget = "0.5 EUR"', "the budget of 0.50 EUR buys nothing: the cheapest site, s, costs 1.00 EUR"),
    ],
)
def test_an_impossible_aim_says_which_figure_is_wrong(make, tmp_path, aim, reason):
    page = f'[tables]\ndemand = "demand.csv"\ncandidates = "candidates.csv"\n[aim]\n{aim}\n'
    scenario = read_scenario(make.folder(tmp_path, plan=page, demand=DEMAND, candidates=SITES))
    with pytest.raises(AimImpossible, match=reason):
        make_plan(scenario)


def test_a_wrong_word_or_number_in_the_aim_is_named(make, tmp_path):
    page = (
        '[tables]\ndemand = "demand.csv"\ncandidates = "candidates.csv"\n'
        '[aim]\nobjective = "fame"\nradius_m = -1\nbudget = "many"\n'
    )
    with pytest.raises(ScenarioBroken) as broken:
        read_scenario(make.folder(tmp_path, plan=page, demand=DEMAND, candidates=SITES))
    assert [problem.split(":")[0] for problem in broken.value.problems] == [
        "[aim] objective = 'fame'",
        "[aim] radius_m = -1",
        "[aim] budget = 'many'",
    ]


def test_degrees_become_metres_of_the_utm_zone_in_the_middle(make, tmp_path):
    demand = "id,lon,lat,weight\na,13.4,52.5,10\n"
    scenario = read_scenario(make.folder(tmp_path, demand=demand, candidates="id,lon,lat\ns,13.41,52.5\n"))
    assert scenario.crs == "EPSG:32633"
    assert scenario.sites.x[0] - scenario.demand.x[0] == pytest.approx(679, abs=2)


def test_geojson_geopackage_and_parquet_read_like_csv(tmp_path):
    feature = {
        "type": "Feature",
        "properties": {"id": "a", "weight": 7},
        "geometry": {"type": "Point", "coordinates": [13.4, 52.5]},
    }
    (tmp_path / "d.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    point = struct.pack("<BIdd", 1, 1, 13.4, 52.5)
    pl.DataFrame({"id": ["a"], "weight": [7], "geometry": [point]}).write_parquet(tmp_path / "d.parquet")
    database = sqlite3.connect(tmp_path / "d.gpkg")
    database.executescript(
        "CREATE TABLE gpkg_contents (table_name, data_type);"
        "CREATE TABLE gpkg_geometry_columns (table_name, column_name, srs_id);"
        "CREATE TABLE d (id, weight, geom);"
        "INSERT INTO gpkg_contents VALUES ('d', 'features');"
        "INSERT INTO gpkg_geometry_columns VALUES ('d', 'geom', 4326);"
    )
    header = b"GP\x00\x01" + struct.pack("<i", 4326)
    database.execute("INSERT INTO d VALUES ('a', 7, ?)", (header + point,))
    database.commit()
    database.close()
    expected = {"id": "a", "weight": "7", "lon": "13.4", "lat": "52.5"}
    for name in ("d.geojson", "d.parquet", "d.gpkg"):
        assert [row.values for row in read_rows(tmp_path / name)] == [expected], name


@pytest.mark.parametrize("name", ["no.csv", "odd.txt", "broken.geojson", "broken.gpkg", "broken.parquet"])
def test_an_unreadable_file_is_refused_by_name(tmp_path, name):
    if not name.startswith("no"):
        (tmp_path / name).write_text("nonsense")
    with pytest.raises(FileUnreadable, match=name):
        read_rows(tmp_path / name)


def test_an_unknown_scenario_lists_those_that_are_shipped():
    with pytest.raises(DataSetUnknown, match="berlin"):
        scenario_page("atlantis")


SQUARE = {
    "type": "Polygon",
    "coordinates": [[[13.0, 52.0], [13.2, 52.0], [13.2, 52.2], [13.0, 52.2], [13.0, 52.0]]],
}
ZONED = '[tables]\ndemand = "demand.csv"\ncandidates = "candidates.csv"\nexclusions = "zones.geojson"\n[aim]\nsites = 1\n'


def zoned(make, folder, *geometries):
    features = [{"type": "Feature", "geometry": one, "properties": {}} for one in geometries]
    (folder / "zones.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    demand = "id,lon,lat,weight\na,13.1,52.1,10\n"
    return make.folder(
        folder, plan=ZONED, demand=demand, candidates="id,lon,lat\nin,13.1,52.1\nout,13.3,52.1\n"
    )


def test_a_candidate_inside_an_exclusion_zone_is_shut(make, tmp_path):
    scenario = read_scenario(zoned(make, tmp_path, SQUARE))
    assert list(scenario.sites.shut) == [True, False]


def test_a_zone_that_is_no_polygon_is_named(make, tmp_path):
    point, open_ring = (
        {"type": "Point", "coordinates": [13, 52]},
        {"type": "Polygon", "coordinates": [[[13, 52]]]},
    )
    with pytest.raises(ScenarioBroken) as broken:
        read_scenario(zoned(make, tmp_path, SQUARE, point, open_ring))
    assert broken.value.problems == [
        "zones.geojson, feature 2: it is Point; a zone is a Polygon or MultiPolygon",
        "zones.geojson, feature 3: its coordinates are no polygon",
    ]


@pytest.mark.parametrize("mark", [";", "\t"])
def test_other_separators_than_commas_are_named(make, tmp_path, mark):
    folder = make.folder(tmp_path, demand=mark.join(("id", "lon", "lat", "weight")) + "\n", candidates="id\n")
    with pytest.raises(FileUnreadable, match=r"its columns are separated by .* save it with commas"):
        read_scenario(folder)


def test_a_column_that_is_not_there_is_said_once_with_those_that_are(make, tmp_path):
    rows = "".join(f"d{k},{k},0\n" for k in range(50))
    folder = make.folder(tmp_path, demand=f"id,x_m,y_m\n{rows}", candidates="id,x_m,y_m\ns,0,0\n")
    with pytest.raises(ScenarioBroken) as broken:
        read_scenario(folder)
    assert broken.value.problems == ["demand.csv has no column weight; it has id, x_m, y_m"]
