import pytest

from gridlane.ocpp import codec
from gridlane.ocpp.actions import Role
from gridlane.ocpp.codec import Rejected
from gridlane.ocpp.conversation import CallReceived, Conversation
from gridlane.ocpp.quirks import (
    NO_QUIRKS,
    StationFileInvalid,
    own_station_files,
    quirks_for,
    quirks_in,
    read_station_file,
    station_files,
)
from gridlane.ocpp.version import Version

FILES = {file.station: file for file in station_files()}
EXAMPLES = [(station, example) for station, file in FILES.items() for example in file.examples]

BOOT = '[2,"b","BootNotification",{{"chargePointVendor":"{vendor}","chargePointModel":"{model}"}}]'


def receive(frame, quirks):
    conversation = Conversation(Version.V16, Role.CENTRAL, quirks=quirks)
    (event,) = conversation.receive(frame.encode(), 0.0)
    return event


@pytest.mark.parametrize(("station", "example"), EXAMPLES)
def test_what_was_seen_in_the_field_is_refused_without_the_file_and_accepted_with_it(station, example):
    quirks = quirks_in([FILES[station]])
    if example.startswith("[2"):
        # A boot tells its vendor itself, so it finds its file alone.
        assert type(receive(example, NO_QUIRKS)) is not CallReceived or "BootNotification" in example
        event = receive(example, quirks)
        assert type(event) is CallReceived
        assert event.notes
    else:
        _, _, action, payload = example.split(",", 3)
        action, raw = action.strip('"'), payload[:-1].encode()
        with pytest.raises(Rejected):
            codec.accept_response(Version.V16, action, raw)
        assert codec.accept_response(Version.V16, action, raw, quirks).notes


def test_a_station_is_known_by_the_boot_that_would_be_refused():
    event = receive(FILES["Schneider Electric EVlink Smart Wallbox"].examples[0], NO_QUIRKS)

    assert type(event) is CallReceived
    assert event.request.charge_point_serial_number == "3N123456789F2S1B123456789"
    assert {note.was for note in event.notes} >= {"'3N123456789F2S1B1234567890'"}


def test_from_its_boot_on_a_station_has_its_quirks():
    conversation = Conversation(Version.V16, Role.CENTRAL)
    conversation.receive(BOOT.format(vendor="LEGRAND", model="Green'up").encode(), 0.0)

    (event,) = conversation.receive(FILES["Legrand Green'up"].examples[0].encode(), 0.0)

    assert event.request.error_code == "OtherError"


def test_what_always_deceives_is_mended_even_where_the_schema_is_content():
    frame = (
        '[2,"4","MeterValues",{"connectorId":1,"transactionId":9223372036854775807,"meterValue":'
        '[{"timestamp":"2020-09-19T15:14:23Z","sampledValue":[{"value":"1"}]}]}]'
    )

    assert receive(frame, NO_QUIRKS).request.transaction_id == 2**63 - 1
    mended = receive(frame, quirks_for("Alfen BV", "NG910"))
    assert '"transactionId"' not in codec.encode(mended.request).decode()
    assert [note.rule for note in mended.notes] == ["drop"]


def test_a_station_whose_messages_are_always_looked_at_is_accepted_when_they_are_right():
    frame = (
        '[2,"4","MeterValues",{"connectorId":1,"transactionId":5,"meterValue":'
        '[{"timestamp":"2020-09-19T15:14:23Z","sampledValue":[{"value":"1"}]}]}]'
    )

    event = receive(frame, quirks_for("Alfen BV", "NG910"))

    assert (type(event), event.notes) == (CallReceived, ())


def test_nearly_all_stations_have_no_quirks():
    assert quirks_for("Kempower", "S-Series") is NO_QUIRKS


def test_an_installation_adds_files_of_its_own(tmp_path):
    (tmp_path / "acme.yaml").write_text(
        "station: Acme\nwhy: test\nseen: [here]\nexamples: []\nmatch: [{vendor: Acme}]\n"
        "mend: [{rule: null_is_absent}, {rule: ignore_unknown, in: [Authorize], fields: [connectorId]}]\n"
    )
    files = own_station_files(tmp_path)
    quirks = quirks_for("ACME", "x", own_files=files)

    event = receive('[2,"a","Authorize",{"connectorId":2,"idTag":"0584350940"}]', quirks)
    assert event.request.id_tag == "0584350940"
    boot = '[2,"b","BootNotification",{"chargePointVendor":"Acme","chargePointModel":"m","iccid":null}]'
    assert type(receive(boot, quirks_for("", "", own_files=files))) is CallReceived


@pytest.mark.parametrize(
    "content",
    [
        "station: x",
        "station: x\nwhy: y\nseen: []\nexamples: []\nmatch: []\nmend: [{rule: guess}]",
        "station: x\nwhy: y\nseen: []\nexamples: []\nmatch: []\nmend: [{rule: local_time, zone: Mars/Base}]",
        "station: x\nwhy: y\nseen: []\nexamples: []\nmatch: []\nmend: [{rule: truncate, always: true}]",
        "{",
    ],
)
def test_a_bad_file_says_which_it_is_and_what_is_wrong(content):
    with pytest.raises(StationFileInvalid, match=r"acme\.yaml: "):
        read_station_file("acme.yaml", content.encode())
