import base64
import json
from datetime import UTC, datetime

import pytest

from gridlane.ocpp.actions import Role
from gridlane.ocpp.codec import MessageInvalid
from gridlane.ocpp.conversation import (
    CallAbandoned,
    CallQueueFull,
    CallReceived,
    CallRefused,
    CallSent,
    CallTimedOut,
    Conversation,
    ConversationOver,
    ErrorAnswer,
    InvalidAnswer,
    Limits,
    Malformed,
    NotAwaitingAnswer,
    NotOursToCall,
    ResultReceived,
    ResultRefused,
    SendReceived,
    Unexpected,
    Violation,
)
from gridlane.ocpp.error_codes import Fault
from gridlane.ocpp.v16 import messages as v16
from gridlane.ocpp.v21 import messages as v21
from gridlane.ocpp.v201 import messages as v201
from gridlane.ocpp.version import Version

HEARTBEAT = b'[2,"h1","Heartbeat",{}]'


def central(version=Version.V16, **limits):
    return Conversation(version, Role.CENTRAL, Limits(**limits))


def types_of(events):
    return [type(event) for event in events]


def status_of(status, evse):
    return (
        f'[2,"a","StatusNotification",{{"timestamp":"2026-01-01T00:00:00Z","connectorStatus":"{status}",'
        f'"evseId":{evse},"connectorId":1}}]'
    ).encode()


def test_a_valid_call_is_handed_over_and_answered_once():
    conversation = central()

    (call,) = conversation.receive(HEARTBEAT, 0.0)
    assert (type(call), call.action, call.request, call.raw) == (
        CallReceived, "Heartbeat", v16.HeartbeatRequest(), HEARTBEAT,
    )  # fmt: skip

    response = v16.DataTransferResponse(status="Accepted")
    conversation.receive(b'[2,"d1","DataTransfer",{"vendorId":"x"}]', 0.0)
    assert conversation.answer("d1", response) == b'[3,"d1",{"status":"Accepted"}]'
    with pytest.raises(NotAwaitingAnswer):
        conversation.answer("d1", response)


def test_an_error_answer_is_spelled_as_the_version_spells_it():
    for version, spelling in ((Version.V16, b"FormationViolation"), (Version.V21, b"FormatViolation")):
        conversation = central(version)
        conversation.receive(HEARTBEAT, 0.0)
        assert conversation.answer_error("h1", "FormatViolation").startswith(b'[4,"h1","' + spelling)


def test_a_station_that_must_not_speak_yet_hears_security_error():
    conversation = central(Version.V201)
    conversation.receive(HEARTBEAT, 0.0)

    assert b'"SecurityError"' in conversation.answer_error("h1", Fault.NOT_NOW)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b'[2,"a","Bake",{}]', "NotImplemented"),
        (b'[2,"a","Reset",{"type":"Immediate"}]', "NotSupported"),
        (b'[2,"a","Authorize",{}]', "OccurrenceConstraintViolation"),
        (b'[2,"a","Authorize",[]]', "FormatViolation"),
        (b'[2,"a","Heartbeat",{"x":1}]', "FormatViolation"),
        (status_of("Hot", "1"), "PropertyConstraintViolation"),
        (status_of("Available", '"1"'), "TypeConstraintViolation"),
    ],
)
def test_a_bad_call_is_answered_at_once_with_its_code(frame, code):
    conversation = central(Version.V201)

    (refused,) = conversation.receive(frame, 0.0)

    assert (type(refused), refused.code) == (CallRefused, code)
    assert refused.frame.startswith(f'[4,"a","{code}",'.encode())
    assert conversation.unanswered == 0


def test_a_frame_that_is_none_carries_its_reply():
    (malformed,) = central(Version.V201).receive(b"hello", 0.0)

    assert type(malformed) is Malformed
    assert malformed.frame.startswith(b'[4,"-1","RpcFrameworkError"')


def test_one_call_is_out_at_a_time_and_the_next_leaves_with_the_result():
    conversation = central()

    (sent,) = conversation.call("c1", v16.ClearCacheRequest(), 0.0)
    assert (type(sent), sent.frame) == (CallSent, b'[2,"c1","ClearCache",{}]')
    assert conversation.call("c2", v16.GetLocalListVersionRequest(), 0.0) == ()

    result, sent = conversation.receive(b'[3,"c1",{"status":"Accepted"}]', 1.0)
    assert (type(result), result.response) == (ResultReceived, v16.ClearCacheResponse(status="Accepted"))
    assert sent.frame == b'[2,"c2","GetLocalListVersion",{}]'


def test_crossing_calls_do_not_disturb_each_other():
    conversation = central()
    conversation.call("c1", v16.ClearCacheRequest(), 0.0)

    assert types_of(conversation.receive(HEARTBEAT, 0.0)) == [CallReceived]
    assert types_of(conversation.receive(b'[3,"c1",{"status":"Rejected"}]', 0.0)) == [ResultReceived]


def test_a_call_without_answer_times_out_and_a_late_result_is_told_as_late():
    conversation = central()
    conversation.call("c1", v16.ClearCacheRequest(), 100.0, timeout=5.0)

    assert conversation.next_deadline == 105.0
    assert conversation.tick(104.9) == ()
    assert types_of(conversation.tick(105.0)) == [CallTimedOut]
    assert conversation.next_deadline is None

    (late,) = conversation.receive(b'[3,"c1",{"status":"Accepted"}]', 200.0)
    assert (late.late, late.response.status) == (True, "Accepted")
    assert types_of(conversation.receive(b'[3,"c1",{"status":"Accepted"}]', 201.0)) == [Unexpected]


def test_an_error_answer_comes_in_the_modern_spelling():
    conversation = central()
    conversation.call("c1", v16.ClearCacheRequest(), 0.0)

    (result,) = conversation.receive(b'[4,"c1","FormationViolation","no",{}]', 0.0)

    assert result.response == ErrorAnswer("FormatViolation", "no", b"{}")


@pytest.mark.parametrize("version", Version)
def test_a_wrong_result_is_told_and_in_2_1_refused(version):
    messages = {Version.V16: v16, Version.V201: v201, Version.V21: v21}[version]
    conversation = central(version)
    conversation.call("c1", messages.ClearCacheRequest(), 0.0)

    (result,) = conversation.receive(b'[3,"c1",{"status":"Perhaps"}]', 0.0)

    assert isinstance(result.response, InvalidAnswer)
    assert result.response.code == "PropertyConstraintViolation"
    assert (result.frame is not None) is (version is Version.V21)


def test_results_nobody_asked_for_change_nothing():
    conversation = central()

    for number in range(1000):
        events = conversation.receive(f'[3,"x{number}",{{}}]'.encode(), 0.0)
        assert types_of(events) == [Unexpected]
    assert conversation.call("x1", v16.ClearCacheRequest(), 0.0)


def test_a_send_is_handed_over_and_never_answered():
    conversation = central(Version.V21)
    valid = (
        b'[6,"s1","NotifyPeriodicEventStream",{"id":1,"pending":0,"basetime":"2026-01-01T00:00:00Z",'
        b'"data":[{"t":0.5,"v":"230"}]}]'
    )

    (sent,) = conversation.receive(valid, 0.0)
    assert (type(sent), sent.request.data[0].v) == (SendReceived, "230")
    (refused,) = conversation.receive(b'[6,"s2","NotifyPeriodicEventStream",{}]', 0.0)
    assert (type(refused), refused.frame) == (CallRefused, None)
    with pytest.raises(NotAwaitingAnswer):
        conversation.answer("s1", v21.HeartbeatResponse(current_time=sent.request.basetime))


def test_a_refused_result_of_ours_is_told():
    (refused,) = central(Version.V21).receive(b'[5,"h1","FormatViolation","bad",{}]', 0.0)

    assert (type(refused), refused.error.code) == (ResultRefused, "FormatViolation")


def test_calls_in_haste_are_all_taken_in_order_also_under_one_id():
    conversation = central(unanswered=2)

    for _ in range(3):
        assert types_of(conversation.receive(HEARTBEAT, 0.0)) == [CallReceived]
    assert conversation.congested
    for _ in range(3):
        conversation.answer_error("h1", Fault.INTERNAL)
    with pytest.raises(NotAwaitingAnswer):
        conversation.answer_error("h1", Fault.INTERNAL)


def test_a_peer_that_never_waits_is_closed_before_it_fills_the_memory():
    conversation = central(unanswered=2)

    events = [conversation.receive(HEARTBEAT, 0.0) for _ in range(5)]

    assert types_of(events[-1]) == [Violation]
    assert events[-1][0].close_code == 1008
    assert conversation.receive(HEARTBEAT, 0.0) == ()


def test_a_huge_frame_ends_the_conversation_with_1009():
    violation, abandoned = open_call_then(b"[" + b" " * 200 + b"]", frame_bytes=100)

    assert (violation.close_code, abandoned.sent) == (1009, True)


def open_call_then(data, **limits):
    conversation = central(**limits)
    conversation.call("c1", v16.ClearCacheRequest(), 0.0)
    return conversation.receive(data, 0.0)


def test_the_queue_of_own_calls_is_bounded():
    conversation = central(queued_calls=1)
    conversation.call("c1", v16.ClearCacheRequest(), 0.0)
    conversation.call("c2", v16.ClearCacheRequest(), 0.0)

    with pytest.raises(CallQueueFull):
        conversation.call("c3", v16.ClearCacheRequest(), 0.0)


def test_one_may_only_call_what_ones_role_and_version_call():
    with pytest.raises(NotOursToCall):
        central().call("c1", v16.HeartbeatRequest(), 0.0)
    with pytest.raises(NotOursToCall):
        central().call("c1", v201.ClearCacheRequest(), 0.0)


def test_the_end_of_the_connection_tells_what_became_of_each_call():
    conversation = central()
    conversation.call("c1", v16.ClearCacheRequest(), 0.0)
    conversation.call("c2", v16.ClearCacheRequest(), 0.0)
    conversation.receive(HEARTBEAT, 0.0)

    assert [(type(e), e.message_id, e.sent) for e in conversation.close()] == [
        (CallAbandoned, "c1", True),
        (CallAbandoned, "c2", False),
    ]
    with pytest.raises(NotAwaitingAnswer):
        conversation.answer_error("h1", Fault.INTERNAL)


def test_a_station_is_the_mirror_of_the_central_system():
    station = Conversation(Version.V16, Role.STATION)

    (sent,) = station.call(
        "b1", v16.BootNotificationRequest(charge_point_model="M", charge_point_vendor="V"), 0.0
    )
    (call,) = central().receive(sent.frame, 0.0)
    assert call.request.charge_point_model == "M"
    (refused,) = station.receive(HEARTBEAT, 0.0)
    assert refused.code == "NotSupported"


def test_what_is_only_sent_is_no_call_and_a_call_is_never_only_sent():
    event_stream = b'{"id":1,"pending":0,"basetime":"2026-01-01T00:00:00Z","data":[{"t":0.5,"v":"230"}]}'
    conversation = central(Version.V21)

    (refused,) = conversation.receive(b'[2,"a","NotifyPeriodicEventStream",' + event_stream + b"]", 0.0)
    assert refused.frame.startswith(b'[4,"a","NotSupported"')
    (refused,) = conversation.receive(b'[6,"a","Heartbeat",{}]', 0.0)
    assert (type(refused), refused.frame) == (CallRefused, None)


def test_a_station_of_2_1_sends_what_needs_no_answer_even_while_it_waits_for_one():
    station = Conversation(Version.V21, Role.STATION)
    station.call("c1", v21.HeartbeatRequest(), 0.0)
    reading = v21.StreamDataElementType(t=0.5, v="230")
    stream = v21.NotifyPeriodicEventStreamRequest(
        id=1, pending=0, basetime=datetime(2026, 1, 1, tzinfo=UTC), data=[reading]
    )

    (sent,) = central(Version.V21).receive(station.send("s1", stream), 0.0)

    assert (type(sent), sent.request) == (SendReceived, stream)
    with pytest.raises(NotOursToCall):
        station.call("c2", stream, 0.0)
    with pytest.raises(NotOursToCall):
        station.send("s2", v21.HeartbeatRequest())


def test_raw_nuls_that_a_firmware_sends_do_not_silence_it():
    (call,) = central().receive(b'[2,"a","Authorize",{"idTag":"0584\0\0\0"}]', 0.0)

    assert call.request.id_tag == "0584"
    assert [note.rule for note in call.notes] == ["text that was no JSON"]


def test_nothing_happens_any_more_when_the_conversation_is_over():
    conversation = central()
    conversation.close()

    assert conversation.receive(HEARTBEAT, 0.0) == ()
    assert conversation.tick(1e9) == ()
    assert conversation.close() == ()
    with pytest.raises(ConversationOver):
        conversation.call("c1", v16.ClearCacheRequest(), 0.0)


def test_late_answers_are_remembered_within_a_bound():
    conversation = central(remembered_calls=2)
    for number in range(4):
        conversation.call(f"c{number}", v16.ClearCacheRequest(), 0.0, timeout=1.0)
        conversation.tick(1.0)

    events = [conversation.receive(f'[3,"c{n}",{{"status":"Accepted"}}]'.encode(), 2.0)[0] for n in range(4)]

    assert types_of(events) == [Unexpected, Unexpected, ResultReceived, ResultReceived]


def test_what_would_break_its_schema_never_leaves_and_the_call_still_waits():
    conversation = central()
    conversation.receive(b'[2,"a","Authorize",{"idTag":"x"}]', 0.0)
    too_long = v16.AuthorizeResponse(id_tag_info=v16.IdTagInfoType(status="Accepted", parent_id_tag="x" * 21))

    with pytest.raises(MessageInvalid, match="parentIdTag"):
        conversation.answer("a", too_long)
    assert conversation.answer_error("a", Fault.INTERNAL)
    with pytest.raises(MessageInvalid):
        conversation.call("c1", v16.RemoteStartTransactionRequest(id_tag="x" * 21), 0.0)
    assert conversation.call("c2", v16.ClearCacheRequest(), 0.0)


def signed(action, content, **changes):
    inner = base64.urlsafe_b64encode(content).decode().rstrip("=")
    wrapper = {"payload": inner, "protected": "eyJhbGciOiJFUzI1NiJ9", "signature": "c2ln"} | changes
    return f'[2,"a","{action}-Signed",{json.dumps(wrapper)}]'.encode()


def test_a_signed_message_is_read_as_what_it_holds_and_kept_with_its_signature():
    frame = signed(
        "StatusNotification", status_of("Available", "1")[len('[2,"a","StatusNotification",') : -1]
    )

    (call,) = central(Version.V201).receive(frame, 0.0)

    assert (type(call), call.action, call.request.connector_status) == (
        CallReceived,
        "StatusNotification",
        "Available",
    )
    assert call.raw == frame
    assert [note.rule for note in call.notes] == ["signed by the station, not verified"]


@pytest.mark.parametrize(
    ("version", "frame", "code"),
    [
        (Version.V201, signed("Heartbeat", b"{}", payload="no base64!"), "FormatViolation"),
        (Version.V201, signed("Heartbeat", b"{"), "FormatViolation"),
        (Version.V201, signed("Heartbeat", b"{}", extra=1), "FormatViolation"),
        (Version.V201, signed("Heartbeat", b"[" * 5000), "FormatViolation"),
        (
            Version.V201,
            signed("DataTransfer", b'{"vendorId":"x","data":' + b"[" * 99 + b"]" * 99 + b"}"),
            "FormatViolation",
        ),
        (Version.V201, signed("Bake", b"{}"), "NotImplemented"),
        (Version.V16, signed("Heartbeat", b"{}"), "NotImplemented"),
    ],
)
def test_a_signed_message_that_cannot_be_unwrapped_is_answered(version, frame, code):
    (refused,) = central(version).receive(frame, 0.0)

    assert refused.frame.startswith(f'[4,"a","{code}"'.encode())
