"""Builders: messages from the official schemas by a seed, values of our vocabulary by Hypothesis."""

import json
import random
from datetime import UTC, datetime
from decimal import Decimal
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import strategies as st

from gridlane.bench.ocpp_payloads import Maker, schema_of
from gridlane.ocpp import codec
from gridlane.ocpp.schemas import conforms
from gridlane.stations.dialects import dialect_for

TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
TEXTS = st.one_of(st.text(max_size=24), st.text(min_size=25, max_size=600), st.just("Accepted"))
NUMBERS = st.one_of(st.integers(0, 9), st.integers(-(2**63), 2**63 - 1))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
PLAIN = {
    str: TEXTS,
    int: NUMBERS,
    float: FLOATS,
    bool: st.booleans(),
    datetime: TIMES,
    Decimal: st.decimals(-1000, 100_000, places=2),
    Any: JSON,
}


def values_of(kind):
    """Values of a type of our vocabulary, nested types included."""
    origin, inside = get_origin(kind), get_args(kind)
    if kind in PLAIN:
        return PLAIN[kind]
    if kind is type(None):
        return st.none()
    if origin is Literal:
        return st.sampled_from(inside)
    if origin in (Union, UnionType):
        return st.one_of([values_of(one) for one in inside])
    if origin is tuple:
        return st.lists(values_of(inside[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(st.text(max_size=8), values_of(inside[1]), max_size=2)
    return structs_of(kind)


def structs_of(kind, **fixed):
    hints = get_type_hints(kind)
    required, optional = {}, {}
    for field in msgspec.structs.fields(kind):
        if field.name in fixed:
            required[field.name] = fixed[field.name]
        else:
            (required if field.required else optional)[field.name] = values_of(hints[field.name])
    return st.fixed_dictionaries(required, optional=optional).map(lambda fields: kind(**fields))


def message_of(version, action, kind, seed):
    """A valid message, as it would come over the wire."""
    schema = schema_of(version, action, kind)
    payload = Maker(schema, random.Random(seed)).make(schema)
    read = codec.decode_request if kind == "Request" else codec.decode_response
    return read(version, action, json.dumps(payload).encode())


def is_valid(version, action, kind, message):
    """Whether what we would send is what the official schema allows (which knows no null)."""
    return conforms(version, action, kind, json.loads(codec.encode(message)))


class Wire:
    """One version seen from the wire: JSON in, JSON out."""

    def __init__(self, version):
        self.version = version
        self.dialect = dialect_for(version)

    def report(self, action, /, **payload):
        return self.dialect.report(
            action, codec.decode_request(self.version, action, json.dumps(payload).encode())
        )

    def response(self, action, reply):
        return json.loads(codec.encode(self.dialect.response(action, reply)))

    def call(self, command):
        action, request = self.dialect.call(command)
        assert is_valid(self.version, action, "Request", request)
        return action, json.loads(codec.encode(request))

    def answer(self, command, /, **payload):
        action, _ = self.dialect.call(command)
        response = codec.decode_response(self.version, action, json.dumps(payload).encode())
        return self.dialect.answer(command, response)


@pytest.fixture
def wire():
    return Wire


@pytest.fixture(scope="session")
def made():
    """The builders above, for tests that make their values by Hypothesis."""

    class Made:
        values_of = staticmethod(values_of)
        structs_of = staticmethod(structs_of)
        message_of = staticmethod(message_of)
        is_valid = staticmethod(is_valid)

    return Made
