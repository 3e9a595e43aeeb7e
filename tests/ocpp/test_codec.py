from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from gridlane.ocpp import codec
from gridlane.ocpp.codec import Rejected
from gridlane.ocpp.error_codes import Fault
from gridlane.ocpp.v16 import messages as v16
from gridlane.ocpp.v21 import messages as v21
from gridlane.ocpp.v201 import messages as v201
from gridlane.ocpp.version import Version

V16, V201, V21 = Version.V16, Version.V201, Version.V21
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def rejection(version, action, payload):
    with pytest.raises(Rejected) as caught:
        codec.decode_request(version, action, payload)
    return caught.value


def status(**changes):
    fields = {"connectorId": "1", "errorCode": '"NoError"', "status": '"Available"'} | changes
    return ("{" + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}").encode()


def test_a_request_is_typed_and_its_times_are_instants():
    request = codec.decode_request(V16, "StatusNotification", status(timestamp='"2026-11-23T13:00:00+01:00"'))

    assert isinstance(request, v16.StatusNotificationRequest)
    assert request.timestamp == NOON
    assert request.info is msgspec.UNSET


def test_what_is_absent_is_not_written_and_nothing_is_null():
    request = v201.StatusNotificationRequest(
        timestamp=NOON, connector_status="Occupied", evse_id=1, connector_id=2
    )

    assert codec.encode(request) == (
        b'{"timestamp":"2026-11-23T12:00:00Z","connectorStatus":"Occupied","evseId":1,"connectorId":2}'
    )


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (NOON, b"2026-11-23T12:00:00Z"),
        (NOON + timedelta(microseconds=123_456), b"2026-11-23T12:00:00.123Z"),
        (
            NOON.astimezone(timezone(timedelta(hours=1))) + timedelta(microseconds=9),
            b"2026-11-23T13:00:00.000+01:00",
        ),
    ],
)
def test_times_are_written_with_at_most_three_decimals(at, text):
    assert codec.encode(v16.HeartbeatResponse(current_time=at)) == b'{"currentTime":"' + text + b'"}'


def test_what_a_vendor_adds_survives():
    payload = b'{"customData":{"vendorId":"acme","deep":[{"x":1.5}]}}'

    request = codec.decode_request(V201, "Heartbeat", payload)

    assert request.custom_data == {"vendorId": "acme", "deep": [{"x": 1.5}]}
    assert codec.encode(request) == payload


@pytest.mark.parametrize(
    ("payload", "fault", "path"),
    [
        (b"null", Fault.PAYLOAD_NOT_AN_OBJECT, ""),
        (b"[]", Fault.PAYLOAD_NOT_AN_OBJECT, ""),
        (b'{"a":1e999}', Fault.PAYLOAD_UNREADABLE, ""),
        (b'{"a":"\xff"}', Fault.PAYLOAD_UNREADABLE, ""),
        (b'{"a":"\\ud800"}', Fault.PAYLOAD_UNREADABLE, ""),
        (b'{"a":' + b"[" * 70 + b"]" * 70 + b"}", Fault.NESTED_TOO_DEEP, ""),
        (status(surprise="1"), Fault.PROPERTY_UNKNOWN, ""),
        (b'{"connectorId":1}', Fault.PROPERTY_MISSING, ""),
        (status(connectorId='"1"'), Fault.WRONG_TYPE, "connectorId"),
        (status(connectorId="true"), Fault.WRONG_TYPE, "connectorId"),
        (status(info="null"), Fault.WRONG_TYPE, "info"),
        (status(status='"Ready"'), Fault.BAD_VALUE, "status"),
        (status(vendorId='"' + "x" * 256 + '"'), Fault.BAD_VALUE, "vendorId"),
        (status(connectorId="1" * 30), Fault.BAD_VALUE, ""),
        (status(timestamp='"yesterday"'), Fault.BAD_FORMAT, "timestamp"),
        (status(timestamp='"2026-11-23"'), Fault.BAD_FORMAT, "timestamp"),
    ],
)
def test_a_bad_payload_is_named_with_its_place(payload, fault, path):
    rejected = rejection(V16, "StatusNotification", payload)

    assert (rejected.fault, rejected.path) == (fault, path)
    assert len(rejected.description) <= 255


def test_empty_lists_are_too_short_where_one_is_asked():
    rejected = rejection(V16, "MeterValues", b'{"connectorId":1,"meterValue":[]}')

    assert (rejected.code, rejected.path) == ("OccurenceConstraintViolation", "meterValue")


@pytest.mark.parametrize(
    ("limit", "allowed"), [("21.4", True), ("0.1", True), ("1e300", True), ("21.400000001", False)]
)
def test_limits_of_1_6_are_tenths_exactly(limit, allowed):
    payload = (
        '{"connectorId":1,"csChargingProfiles":{"chargingProfileId":1,"stackLevel":0,"chargingProfilePurpose":'
        '"TxProfile","chargingProfileKind":"Relative","chargingSchedule":{"chargingRateUnit":"A",'
        '"chargingSchedulePeriod":[{"startPeriod":0,"limit":' + limit + "}]}}}"
    ).encode()

    if allowed:
        codec.decode_request(V16, "SetChargingProfile", payload)
    else:
        assert rejection(V16, "SetChargingProfile", payload).fault is Fault.BAD_VALUE


def test_of_two_properties_with_one_name_the_last_is_meant_everywhere():
    strict = codec.decode_request(V16, "Authorize", b'{"idTag":"first","idTag":"last"}')
    mended = codec.decode_request(V16, "Authorize", b'{"idTag":"first","idTag":"la\\u0000st"}')

    assert strict.id_tag == mended.id_tag == "last"


@pytest.mark.parametrize(
    ("payload", "expected", "rule"),
    [
        (status(connectorId="1.0"), {"connector_id": 1}, "integer written as a float"),
        (status(timestamp='"2026-11-23T12:00:00"'), {"timestamp": NOON}, "time in another notation"),
        (status(timestamp='"2026-11-23T14:00:00.000+02"'), {"timestamp": NOON}, "time in another notation"),
        (status(info='"E7\\u0000\\u0000"'), {"info": "E7"}, "NUL in a text"),
    ],
)
def test_small_sins_are_forgiven_and_noted(payload, expected, rule):
    request, notes = codec.accept_request(V16, "StatusNotification", payload)

    for name, value in expected.items():
        assert getattr(request, name) == value
    assert [note.rule for note in notes] == [rule]


@pytest.mark.parametrize(("said", "meant"), [("Hz", "Hertz"), ("Celcius", "Celcius"), ("Celsius", "Celsius")])
def test_units_are_known_by_their_usual_spellings(said, meant):
    payload = (
        '{"connectorId":1,"meterValue":[{"timestamp":"2026-11-23T12:00:00Z",'
        '"sampledValue":[{"value":"50","unit":"' + said + '"}]}]}'
    ).encode()

    request = codec.decode_request(V16, "MeterValues", payload)

    assert request.meter_value[0].sampled_value[0].unit == meant


def test_an_answer_is_decoded_by_the_action_it_answers():
    response = codec.decode_response(V21, "ClearCache", b'{"status":"Accepted"}')

    assert response == v21.ClearCacheResponse(status="Accepted")


def test_an_unknown_action_is_not_implemented():
    assert rejection(V201, "Bake", b"{}").code == "NotImplemented"


def test_a_backslash_before_u0000_is_text_like_any_other():
    request, notes = codec.accept_request(V16, "Authorize", rb'{"idTag":"a\\u0000"}')

    assert (request.id_tag, notes) == ("a\\u0000", ())


def test_no_nul_is_left_in_what_a_vendor_adds():
    payload = rb'{"customData":{"vendorId":"x","a\u0000":[{"b":"c\u0000"}]}}'

    request, notes = codec.accept_request(V201, "Heartbeat", payload)

    assert request.custom_data == {"vendorId": "x", "a": [{"b": "c"}]}
    assert [note.path for note in notes] == ["customData.a\0", "customData.a.0.b"]


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00"])
def test_a_time_that_has_no_utc_is_no_time(text):
    assert rejection(V16, "StatusNotification", status(timestamp=f'"{text}"')).fault is Fault.BAD_FORMAT


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_the_first_and_the_last_instant_are_times(text):
    request, notes = codec.accept_request(V16, "StatusNotification", status(timestamp=f'"{text}"'))

    assert (request.timestamp.year, notes) == (int(text[:4]), ())


def test_the_notes_of_one_message_are_bounded():
    samples = ",".join(['{"value":"1\\u0000"}'] * 500)
    payload = f'{{"connectorId":1,"meterValue":[{{"timestamp":"2026-11-23T12:00:00Z","sampledValue":[{samples}]}}]}}'

    request, notes = codec.accept_request(V16, "MeterValues", payload.encode())

    assert len(notes) == 50
    assert request.meter_value[0].sampled_value[499].value == "1"
