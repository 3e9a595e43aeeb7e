"""Each rule that a station's file may ask for, on a message that needs it."""

import json
from typing import get_args

import pytest

from gridlane.ocpp import codec
from gridlane.ocpp.codec import Rejected
from gridlane.ocpp.quirks import RuleName, quirks_in, read_station_file
from gridlane.ocpp.v201 import messages as v201
from gridlane.ocpp.version import Version

STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
SAMPLE = {"value": "1.5", "unit": "Wh"}
TIME = "2026-11-23T12:00:00Z"


def meter_values(*samples, at=TIME):
    return {"connectorId": 1, "meterValue": [{"timestamp": at, "sampledValue": list(samples)}]}


CASES = [
    ("truncate", "", "Authorize", {"idTag": "x" * 21}, {"idTag": "x" * 20}),
    ("map", "fields: [status], values: {Ready: Available}", "StatusNotification",
     STATUS | {"status": "Ready"}, STATUS),
    ("drop", "fields: [info]", "StatusNotification", STATUS | {"info": 7}, STATUS),
    ("drop", "fields: [info], only: [7]", "StatusNotification", STATUS | {"info": 7}, STATUS),
    ("drop", "fields: [info], only: [7]", "StatusNotification", STATUS | {"info": 8}, None),
    ("ignore_unknown", "fields: [a, b]", "StatusNotification", STATUS | {"a": 1, "b": 2}, STATUS),
    ("ignore_unknown", "fields: [a]", "StatusNotification", STATUS | {"a": 1, "b": 2}, None),
    ("fill", "values: {errorCode: NoError}", "StatusNotification",
     {"connectorId": 1, "status": "Available"}, STATUS),
    ("number_as_text", "", "Authorize", {"idTag": 1234}, {"idTag": "1234"}),
    ("number_as_text", "", "Authorize", {"idTag": True}, {"idTag": "true"}),
    ("number_as_text", "", "Authorize", {"idTag": ["1"]}, None),
    ("text_as_number", "", "StatusNotification", STATUS | {"connectorId": "1"}, STATUS),
    ("text_as_number", "", "StatusNotification", STATUS | {"connectorId": "1.5"}, None),
    ("text_as_number", "", "StatusNotification", STATUS | {"connectorId": "1_0"}, None),
    ("null_is_absent", "", "StatusNotification", STATUS | {"info": None}, STATUS),
    ("null_is_absent", "", "StatusNotification", STATUS | {"status": None}, None),
    ("list_of_one", "", "MeterValues", meter_values(SAMPLE) | {"meterValue": meter_values(SAMPLE)["meterValue"][0]},
     meter_values(SAMPLE)),
    ("leave_out_bad_items", "fields: [sampledValue]", "MeterValues",
     meter_values({"value": "1", "unit": "Mars"}, SAMPLE, {"value": 3}, {}, SAMPLE), meter_values(SAMPLE, SAMPLE)),
    ("leave_out_bad_items", "fields: [sampledValue]", "MeterValues", meter_values({"value": 3}), None),
]  # fmt: skip
"""Rule, its other words, an action, what came, and what it is read as: None where it stays refused."""


def quirks_with(rule, words):
    text = f"station: s\nwhy: w\nseen: []\nexamples: []\nmatch: []\nmend:\n  - {{rule: {rule}, {words}}}\n"
    return quirks_in([read_station_file("s.yaml", text.encode())])


def accepted(action, payload, quirks):
    raw = json.dumps(payload).encode()
    try:
        return codec.encode(codec.accept_request(Version.V16, action, raw, quirks).message)
    except Rejected:
        return None


@pytest.mark.parametrize(("rule", "words", "action", "came", "read"), CASES)
def test_a_rule_mends_its_own_sin_and_no_other(rule, words, action, came, read):
    mended = accepted(action, came, quirks_with(rule, words))

    assert (mended and json.loads(mended)) == read


def test_a_word_for_a_truth_value_is_read_where_one_is_due():
    quirks = quirks_with("boolean_words", "")
    for word in ("true", "TRUE", 1, "1"):
        keys = json.dumps({"configurationKey": [{"key": "k", "readonly": word}]}).encode()
        response = codec.decode_response(Version.V16, "GetConfiguration", keys, quirks)
        assert response.configuration_key[0].readonly is True


def test_an_empty_list_is_an_empty_object_where_a_station_cannot_tell_them_apart():
    boot = b'{"reason":"PowerUp","chargingStation":{"model":"m","vendorName":"v","modem":[]}}'

    request = codec.decode_request(
        Version.V201, "BootNotification", boot, quirks_with("empty_list_is_object", "")
    )

    assert request.charging_station.modem == v201.ModemType()


def test_a_sample_that_can_be_mended_is_not_left_out():
    quirks = quirks_with("leave_out_bad_items", "fields: [sampledValue]")
    raw = json.dumps(meter_values({"value": "50", "unit": "Hz"}, {"value": 3}, SAMPLE)).encode()

    request = codec.decode_request(Version.V16, "MeterValues", raw, quirks)

    assert [sample.unit for sample in request.meter_value[0].sampled_value] == ["Hertz", "Wh"]


def test_a_zone_is_given_to_times_that_have_none():
    raw = json.dumps(meter_values(SAMPLE, at="2026-07-23T14:00:00")).encode()
    quirks = quirks_with("local_time", "zone: Europe/Berlin")

    request, notes = codec.accept_request(Version.V16, "MeterValues", raw, quirks)

    assert request.meter_value[0].timestamp.isoformat() == "2026-07-23T14:00:00+02:00"
    assert [note.rule for note in notes] == ["local_time"]


def test_every_rule_has_its_case_here():
    elsewhere = {"boolean_words", "empty_list_is_object", "local_time"}

    assert {case[0] for case in CASES} | elsewhere == set(get_args(RuleName))
