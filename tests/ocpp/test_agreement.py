"""Our types, the official schemas and the oracle say the same of thousands of payloads, right and wrong.

``gridlane bench codec`` does the same with a hundred thousand a version.
"""

import json
from datetime import datetime
from decimal import Decimal

import pytest
from jsonschema import Draft4Validator, FormatChecker

from gridlane.bench.codec import fault_due, fault_found, strictly_accepted
from gridlane.bench.ocpp_payloads import MUTATIONS, messages_of, samples
from gridlane.ocpp.schemas import conforms, schema_text
from gridlane.ocpp.version import Version

FORMATS = FormatChecker(formats=[])


@FORMATS.checks("date-time", raises=ValueError)
def rfc3339(text):
    """Written apart from ours: the standard's notation, with the small freedoms it grants in section 5.6."""
    date, _, time = text.partition(text[10:11])
    if len(date) != 10 or len(time.split(".")[0].rstrip("Zz")[:8]) != 8:
        raise ValueError(text)
    return datetime.fromisoformat(f"{date}T{time.upper()}").tzinfo is not None and not hour_only_offset(time)


def hour_only_offset(time):
    return len(time) > 3 and time[-3] in "+-"


def read(text):
    """In decimals, so that 21.4 is a multiple of 0.1."""
    return json.loads(text, parse_float=Decimal)


@pytest.mark.parametrize("version", Version)
def test_types_and_schemas_agree_with_what_was_done_to_each_payload(version):
    for sample in samples(version, seed=7, count=2000):
        raw = sample.raw
        right = sample.fault is None
        assert conforms(version, sample.action, sample.kind, json.loads(raw)) is right, sample
        assert strictly_accepted(sample, raw) is (right and not sample.beyond), sample


@pytest.mark.parametrize("version", Version)
def test_a_second_validator_agrees_too(version):
    validators = {
        message: Draft4Validator(read(schema_text(version, *message)), format_checker=FORMATS)
        for message in messages_of(version)
    }
    for sample in samples(version, seed=8, count=300):
        if sample.mutation == "enormous number":
            continue  # 1e300 is more digits than the second validator's decimals hold: it breaks
        validator = validators[sample.action, sample.kind]
        assert validator.is_valid(read(sample.raw)) is (sample.fault is None), sample


@pytest.mark.parametrize("version", Version)
def test_every_refusal_is_named_by_the_oracle_and_every_pardon_is_granted(version):
    for sample in samples(version, seed=9, count=2000):
        assert fault_found(sample, sample.raw) is fault_due(sample), sample


def test_every_mutation_really_occurs():
    seen = {sample.mutation for version in Version for sample in samples(version, seed=7, count=2000)}

    assert seen == {mutation.name for mutation in MUTATIONS} | {"none"}
