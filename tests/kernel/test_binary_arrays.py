"""What is encoded here and read back by PostgreSQL is the same."""

from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gridlane.kernel.binary_arrays import ELEMENTS, array, columns

VALUES = {
    "bool": st.booleans(),
    "bytea": st.binary(max_size=20),
    "int8": st.integers(-(2**63), 2**63 - 1),
    "int2": st.integers(-(2**15), 2**15 - 1),
    "int4": st.integers(-(2**31), 2**31 - 1),
    "text": st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20),
    "float4": st.floats(width=32, allow_nan=False),
    "float8": st.floats(allow_nan=False),
    "timestamptz": st.datetimes(timezones=st.just(UTC), max_value=datetime(9000, 1, 1)),  # noqa: DTZ001 (hypothesis wants it naive)
    "uuid": st.uuids(),
}


@pytest.fixture
def read_back(database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:

        def read(type_, values):
            pgconn = connection.pgconn
            result = pgconn.exec_params(
                f"SELECT unnest($1::{type_}[])".encode(),
                [array(type_, values)],
                param_formats=[1],
                result_format=1,
            )
            loader = psycopg.adapt.Transformer(connection)
            loader.set_pgresult(result)
            return [row[0] for row in loader.load_rows(0, result.ntuples, tuple)]

        yield read


def test_every_element_type_is_tried():
    assert set(VALUES) == set(ELEMENTS)


@pytest.mark.parametrize("type_", VALUES)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_what_is_written_is_read_back(type_, data, read_back):
    values = data.draw(st.lists(st.none() | VALUES[type_], min_size=1, max_size=12))
    assert read_back(type_, values) == values


def test_rows_become_columns():
    some = UUID(int=7)
    assert columns(("uuid", "int4"), [(some, 1), (None, 2)]) == [
        array("uuid", [some, None]),
        array("int4", [1, 2]),
    ]


@pytest.mark.parametrize(
    ("type_", "wrong"),
    [
        ("int2", 40_000),
        ("int4", "four"),
        ("text", 4),
        ("text", "\ud800"),
        ("uuid", "no id"),
        ("timestamptz", 4),
    ],
)
def test_a_value_of_another_type_is_refused(type_, wrong):
    with pytest.raises(psycopg.DataError, match=f"a value is no {type_}"):
        array(type_, [wrong])
