import pytest

from gridlane.ocpp import frames
from gridlane.ocpp.error_codes import CODES, Fault
from gridlane.ocpp.frames import Call, CallError, CallResult, CallResultError, Malformed, Send
from gridlane.ocpp.version import Version

V16, V201, V21 = Version.V16, Version.V201, Version.V21


def refusal_of(version, data):
    frame = frames.parse(version, data)
    assert isinstance(frame, Malformed), frame
    return frame


@pytest.mark.parametrize("version", Version)
def test_a_call_is_read_with_its_payload_left_raw(version):
    call = frames.parse(version, b' [2, "id-1", "Heartbeat", { "customData": {} } ] ')

    assert (type(call), call.message_id, call.action) == (Call, "id-1", "Heartbeat")
    assert bytes(call.payload) == b'{ "customData": {} }'


@pytest.mark.parametrize("version", Version)
def test_a_result_and_an_error_are_read(version):
    assert type(frames.parse(version, b'[3,"a",{}]')) is CallResult
    error = frames.parse(version, b'[4,"a","GenericError","",{"x":1}]')
    assert (type(error), error.code, bytes(error.details)) == (CallError, "GenericError", b'{"x":1}')


def test_an_error_without_description_or_details_is_read_all_the_same():
    assert type(frames.parse(V16, b'[4,"a","InternalError"]')) is CallError
    assert type(frames.parse(V16, b'[4,"a","InternalError",null,{}]')) is CallError


def test_sends_and_result_errors_exist_in_2_1_only():
    assert type(frames.parse(V21, b'[6,"a","NotifyPeriodicEventStream",{}]')) is Send
    assert type(frames.parse(V21, b'[5,"a","FormatViolation","",{}]')) is CallResultError
    assert refusal_of(V201, b'[6,"a","NotifyPeriodicEventStream",{}]').code == "MessageTypeNotSupported"
    assert refusal_of(V16, b'[6,"a","NotifyPeriodicEventStream",{}]').reply is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"{}",
        b"[]",
        b"null",
        b'\xef\xbb\xbf[2,"a","Heartbeat",{}]',
        b'[2,"a","Heartbeat",{}',
        b'[2,"a","Heartbeat",{"x":NaN}]',
        b'[2,"\xff\xfe","Heartbeat",{}]',
        b'[2,"\\ud800","Heartbeat",{}]',
        b"[" * 100_000,
    ],
)
@pytest.mark.parametrize("version", Version)
def test_what_is_no_frame_is_answered_with_the_id_minus_one(version, data):
    refusal = refusal_of(version, data)

    code = "GenericError" if version is V16 else "RpcFrameworkError"
    assert refusal.code == code
    assert refusal.reply.startswith(f'[4,"-1","{code}",'.encode())


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b'[2,12,"Heartbeat",{}]', Fault.ID_UNREADABLE),
        (b'[2,"","Heartbeat",{}]', Fault.ID_UNREADABLE),
        (b'[2,"' + b"x" * 65 + b'","Heartbeat",{}]', Fault.ID_UNREADABLE),
        (b'[2,"a\\u0000","Heartbeat",{}]', Fault.ID_UNREADABLE),
        (b"[2]", Fault.ID_UNREADABLE),
        (b'[2,"a"]', Fault.CALL_INCOMPLETE),
        (b'[2,"a","Heartbeat"]', Fault.CALL_INCOMPLETE),
        (b'[2,"a","Heartbeat",{},1]', Fault.ENVELOPE_WRONG),
        (b'[2,"a",7,{}]', Fault.ENVELOPE_WRONG),
        (b'["2","a","Heartbeat",{}]', Fault.TYPE_UNREADABLE),
        (b'[2,"a","DataTransfer",{"data":' + b"[" * 80 + b"]" * 80 + b"}]", Fault.NESTED_TOO_DEEP),
    ],
)
@pytest.mark.parametrize("version", Version)
def test_every_bad_call_is_answered_and_named(version, data, fault):
    refusal = refusal_of(version, data)

    assert refusal.fault is fault
    assert refusal.reply is not None
    assert refusal.code in CODES[version]


@pytest.mark.parametrize("data", [b"[3]", b"[4]", b'[3,"a"]', b'[3,"a",{}', b'[4,"a",{}]', b" [ 4 ,garbage"])
@pytest.mark.parametrize("version", Version)
def test_a_bad_answer_is_never_answered(version, data):
    assert refusal_of(version, data).reply is None


def test_an_unknown_message_type_is_answered_in_2_0_1_and_ignored_elsewhere():
    data = b'[9,"a","Heartbeat",{}]'

    assert refusal_of(V201, data).reply.startswith(b'[4,"a","MessageTypeNotSupported",')
    assert refusal_of(V16, data).reply is None
    assert refusal_of(V21, data).reply is None


def test_a_braced_uuid_as_id_is_let_in():
    call = frames.parse(V16, b'[2,"{0d5c8d2e-1111-2222-3333-444444444444}","Heartbeat",{}]')

    assert call.message_id == "{0d5c8d2e-1111-2222-3333-444444444444}"


def test_brackets_inside_of_texts_are_no_nesting():
    text = b"[" * 500 + b'\\"{'

    assert type(frames.parse(V201, b'[2,"a","DataTransfer",{"vendorId":"x","data":"' + text + b'"}]')) is Call


def test_a_wide_frame_is_no_deep_one():
    wide = b",".join([b'{"a":[{}]}'] * 1000)

    assert type(frames.parse(V201, b'[2,"a","NotifyReport",{"x":[' + wide + b"]}]")) is Call


def test_the_refusal_never_repeats_what_was_sent():
    for data in (b'[2,"a","<script>",{},1]', b"<script>", b'[2,"a","Heartbeat"<script>'):
        assert b"script" not in refusal_of(V201, data).reply


def test_frames_are_written_compactly():
    assert frames.encode_call("a", "Heartbeat", {}) == b'[2,"a","Heartbeat",{}]'
    assert frames.encode_result("a", {"x": 1}) == b'[3,"a",{"x":1}]'
    assert frames.encode_error("a", "GenericError", "x" * 300) == (
        b'[4,"a","GenericError","' + b"x" * 255 + b'",{}]'
    )
    assert (
        frames.encode_send("a", "NotifyPeriodicEventStream", {}) == b'[6,"a","NotifyPeriodicEventStream",{}]'
    )
    assert frames.encode_result_error("a", "GenericError") == b'[5,"a","GenericError","",{}]'
