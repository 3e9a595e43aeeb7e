"""Every message of every version survives being read and written: nothing lost, nothing added."""

import json
from datetime import datetime, timedelta

import msgspec
import pytest

from gridlane.bench.ocpp_payloads import messages_of, samples, schema_of
from gridlane.ocpp import codec
from gridlane.ocpp.actions import actions_of
from gridlane.ocpp.schemas import conforms
from gridlane.ocpp.version import Version


def meaning(value):
    """JSON as it is meant: a time is an instant to the millisecond, 7 and 7.0 are one number."""
    if isinstance(value, dict):
        return {key: meaning(item) for key, item in value.items()}
    if isinstance(value, list):
        return [meaning(item) for item in value]
    if isinstance(value, str) and value[:4] in {"2024", "2026"} and len(value) > 18:
        at = datetime.fromisoformat(value.upper())
        return at - timedelta(microseconds=at.microsecond % 1000)
    return value


@pytest.mark.parametrize("version", Version)
def test_what_is_read_is_what_is_written(version):
    for sample in samples(version, seed=12, count=2000):
        if sample.fault is not None or sample.beyond:
            continue
        action = codec.known_action(version, sample.action)
        written = codec.encode(codec.accept(version, action, sample.kind, sample.raw).message)

        assert meaning(json.loads(written)) == meaning(sample.payload), sample
        assert conforms(version, sample.action, sample.kind, json.loads(written)), sample
        assert b"null" not in written or b"null" in sample.raw


@pytest.mark.parametrize("version", Version)
def test_every_property_of_every_schema_has_its_attribute(version):
    actions = actions_of(version)
    for name, kind in messages_of(version):
        struct = actions[name].request if kind == "Request" else actions[name].response
        schema = schema_of(version, name, kind)
        assert set(struct.__struct_encode_fields__) == set(schema.get("properties", {}))
        assert required_fields(struct) == set(schema.get("required", ()))
        assert struct.__struct_config__.forbid_unknown_fields


def required_fields(struct):
    return {field.encode_name for field in msgspec.structs.fields(struct) if field.required}
