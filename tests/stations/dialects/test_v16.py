"""What OCPP 1.6 says and is told, example by example."""

from datetime import UTC, datetime, timedelta

import pytest

from gridlane.ocpp.version import Version
from gridlane.stations import commands as c
from gridlane.stations import replies as a
from gridlane.stations import reports as r
from gridlane.stations.dialects import CommandInvalid, Unsupported

AT = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
WIRE_AT = "2026-11-24T10:00:00Z"
CARD = r.TokenRef("04A1B2C3")


@pytest.fixture
def v16(wire):
    return wire(Version.V16)


# --- reports -----------------------------------------------------------------------------------------------------

REPORTS = [
    (
        "BootNotification",
        {
            "chargePointVendor": "ACME",
            "chargePointModel": "One",
            "chargeBoxSerialNumber": "B1",
            "firmwareVersion": "1.2",
            "iccid": "89",
            "imsi": "26",
            "meterType": "M",
            "meterSerialNumber": "7",
        },
        r.Booted(
            vendor="ACME", model="One", serial="B1", firmware="1.2", iccid="89", imsi="26", meter_type="M",
            meter_serial="7",
        ),
    ),
    ("Heartbeat", {}, r.Alive()),
    (
        "StatusNotification",
        {"connectorId": 2, "status": "SuspendedEVSE", "errorCode": "NoError", "timestamp": WIRE_AT},
        r.StatusReported(evse=2, connector=1, status="suspended_evse", at=AT),
    ),
    (
        "StatusNotification",
        {
            "connectorId": 0,
            "status": "Faulted",
            "errorCode": "GroundFailure",
            "info": "wet",
            "vendorId": "ACME",
            "vendorErrorCode": "E7",
        },
        r.StatusReported(
            evse=0, connector=0, status="faulted", error="GroundFailure", info="wet", vendor_id="ACME",
            vendor_error="E7",
        ),
    ),
    ("Authorize", {"idTag": "04A1B2C3"}, r.TokenPresented(token=CARD)),
    (
        "DataTransfer",
        {"vendorId": "ACME", "messageId": "m", "data": "d"},
        r.DataTransferred(vendor="ACME", message="m", data="d"),
    ),
    ("DiagnosticsStatusNotification", {"status": "Uploaded"}, r.LogReported(status="Uploaded")),
    ("FirmwareStatusNotification", {"status": "Installed"}, r.FirmwareReported(status="Installed")),
    (
        "SignedFirmwareStatusNotification",
        {"status": "InvalidSignature", "requestId": 4},
        r.FirmwareReported(status="InvalidSignature", request_id=4),
    ),
    (
        "LogStatusNotification",
        {"status": "Uploading", "requestId": 5},
        r.LogReported(status="Uploading", request_id=5),
    ),
    (
        "SecurityEventNotification",
        {"type": "TamperDetectionActivated", "timestamp": WIRE_AT, "techInfo": "door"},
        r.SecurityReported(kind="TamperDetectionActivated", at=AT, info="door"),
    ),
    ("SignCertificate", {"csr": "PEM"}, r.SigningRequested(request="PEM")),
    (
        "MeterValues",
        {
            "connectorId": 1,
            "transactionId": 42,
            "meterValue": [{"timestamp": WIRE_AT, "sampledValue": [{"value": "5"}]}],
        },
        r.MeterReported(evse=1, transaction="42", readings=(r.Reading(at=AT, energy=5.0),)),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("action", "payload", "report"), REPORTS, ids=[one[0] for one in REPORTS])
def test_a_message_becomes_its_report(v16, action, payload, report):
    assert v16.report(action, **payload) == report


def test_a_start_has_no_transaction_yet_and_its_meter_value_is_the_first_reading(v16):
    start = v16.report(
        "StartTransaction",
        connectorId=2,
        idTag="04A1B2C3",
        meterStart=100,
        timestamp=WIRE_AT,
        reservationId=9,
    )

    assert (start.phase, start.transaction, start.evse, start.connector) == ("started", None, 2, 1)
    assert (start.at, start.token, start.reservation_id) == (AT, CARD, 9)
    assert start.readings == (r.Reading(at=AT, context="Transaction.Begin", energy=100.0),)


def test_a_stop_ends_with_its_meter_value_after_what_it_brings_along(v16):
    stop = v16.report(
        "StopTransaction",
        transactionId=42,
        meterStop=900,
        timestamp="2026-11-24T11:00:00Z",
        transactionData=[
            {"timestamp": WIRE_AT, "sampledValue": [{"value": "100", "context": "Transaction.Begin"}]},
            {"timestamp": WIRE_AT, "sampledValue": []},
        ],
    )

    assert (stop.phase, stop.transaction, stop.token, stop.stopped_reason) == ("ended", "42", None, "Local")
    assert stop.readings == (
        r.Reading(at=AT, context="Transaction.Begin", energy=100.0),
        r.Reading(at=AT + timedelta(hours=1), context="Transaction.End", energy=900.0),
    )


def test_a_stop_whose_samples_tell_the_register_more_finely_is_not_told_twice(v16):
    stop = v16.report(
        "StopTransaction",
        transactionId=42,
        meterStop=900,
        timestamp=WIRE_AT,
        reason="EVDisconnected",
        idTag="04A1B2C3",
        transactionData=[
            {"timestamp": WIRE_AT, "sampledValue": [{"value": "900.4", "context": "Transaction.End"}]}
        ],
    )

    assert (stop.token, stop.stopped_reason) == (CARD, "EVDisconnected")
    assert [one.energy for one in stop.readings] == [900.4]


def test_a_stop_whose_samples_say_otherwise_keeps_both(v16):
    stop = v16.report(
        "StopTransaction",
        transactionId=42,
        meterStop=900,
        timestamp=WIRE_AT,
        transactionData=[{"timestamp": WIRE_AT, "sampledValue": [{"value": "0.9", "unit": "Wh"}]}],
    )

    assert [one.energy for one in stop.readings] == [0.9, 900.0]


def test_the_same_start_sent_again_has_the_same_digest_and_another_has_not(v16):
    first = {"connectorId": 1, "idTag": "A", "meterStart": 5, "timestamp": WIRE_AT}
    again = dict(reversed(first.items()))

    assert v16.report("StartTransaction", **first).digest == v16.report("StartTransaction", **again).digest
    assert len(v16.report("StartTransaction", **first).digest) == 16
    assert (
        v16.report("StartTransaction", **first | {"meterStart": 6}).digest
        != v16.report("StartTransaction", **first).digest
    )


# --- replies -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("accepted", "Accepted"), ("blocked", "Blocked"), ("expired", "Expired"), ("invalid", "Invalid"),
        ("concurrent", "ConcurrentTx"), ("no_credit", "Blocked"), ("not_allowed_type", "Blocked"),
        ("not_at_this_location", "Blocked"), ("not_at_this_time", "Blocked"), ("unknown", "Invalid"),
    ],
)  # fmt: skip
def test_a_verdict_is_told_in_the_five_words_of_16(v16, status, word):
    reply = a.TokenAnswered(verdict=a.Verdict(status=status))

    assert v16.response("Authorize", reply) == {"idTagInfo": {"status": word}}


def test_a_verdict_tells_until_when_and_of_which_group(v16):
    group = r.TokenRef("FLEET", "Central")
    verdict = a.Verdict(status="accepted", expires=AT, group=group, message="Hello", evses=(1,))

    assert v16.response("StartTransaction", a.TransactionAnswered(verdict=verdict, transaction_id=7)) == {
        "transactionId": 7,
        "idTagInfo": {"status": "Accepted", "expiryDate": WIRE_AT, "parentIdTag": "FLEET"},
    }


def test_a_group_that_no_station_of_16_could_match_is_left_out(v16):
    verdict = a.Verdict(status="accepted", group=r.TokenRef("x" * 21))

    assert v16.response("Authorize", a.TokenAnswered(verdict=verdict)) == {
        "idTagInfo": {"status": "Accepted"}
    }


@pytest.mark.parametrize(
    ("action", "reply", "response"),
    [
        (
            "BootNotification",
            a.BootAnswered(status="pending", now=AT, interval=60),
            {"status": "Pending", "currentTime": WIRE_AT, "interval": 60},
        ),
        ("Heartbeat", a.AliveAnswered(now=AT), {"currentTime": WIRE_AT}),
        ("StatusNotification", a.Noted(), {}),
        ("MeterValues", a.Noted(), {}),
        ("StopTransaction", a.TransactionAnswered(), {}),
        (
            "StopTransaction",
            a.TransactionAnswered(verdict=a.Verdict(status="unknown")),
            {"idTagInfo": {"status": "Invalid"}},
        ),
        ("SignCertificate", a.SigningAnswered(accepted=True), {"status": "Accepted"}),
        ("SignCertificate", a.StatusAnswered(status="Rejected"), {"status": "Rejected"}),
        ("DataTransfer", a.StatusAnswered(status="UnknownMessageId"), {"status": "UnknownMessageId"}),
        (
            "DataTransfer",
            a.StatusAnswered(status="Accepted", data={"n": 1}),
            {"status": "Accepted", "data": '{"n":1}'},
        ),
    ],
)
def test_a_reply_becomes_its_response(v16, action, reply, response):
    assert v16.response(action, reply) == response


# --- commands ----------------------------------------------------------------------------------------------------

PROFILE = c.Profile(
    id=3,
    stack_level=1,
    purpose="TxProfile",
    transaction="42",
    start=AT,
    duration=3600,
    min_rate=6.09,
    periods=(c.ProfilePeriod(start=0, limit=16.29, phases=3), c.ProfilePeriod(start=600, limit=0)),
)
WIRE_PROFILE = {
    "chargingProfileId": 3,
    "stackLevel": 1,
    "chargingProfilePurpose": "TxProfile",
    "chargingProfileKind": "Absolute",
    "transactionId": 42,
    "chargingSchedule": {
        "chargingRateUnit": "A",
        "startSchedule": WIRE_AT,
        "duration": 3600,
        "minChargingRate": 6.0,
        "chargingSchedulePeriod": [
            {"startPeriod": 0, "limit": 16.2, "numberPhases": 3},
            {"startPeriod": 600, "limit": 0.0},
        ],
    },
}
WITHOUT_TRANSACTION = {name: value for name, value in WIRE_PROFILE.items() if name != "transactionId"}
HASHES = {"hashAlgorithm": "SHA256", "issuerNameHash": "n", "issuerKeyHash": "k", "serialNumber": "1"}

CALLS = [
    (
        c.StartCharging(token=CARD, evse=2, remote_start_id=8, profile=PROFILE),
        "RemoteStartTransaction",
        {"idTag": "04A1B2C3", "connectorId": 2, "chargingProfile": WITHOUT_TRANSACTION},
    ),
    (c.StopCharging(transaction="42"), "RemoteStopTransaction", {"transactionId": 42}),
    (c.Unlock(evse=2), "UnlockConnector", {"connectorId": 2}),
    (c.Reset(), "Reset", {"type": "Soft"}),
    (c.Reset(immediate=True), "Reset", {"type": "Hard"}),
    (c.ChangeAvailability(operative=False), "ChangeAvailability", {"connectorId": 0, "type": "Inoperative"}),
    (
        c.ChangeAvailability(operative=True, evse=2, connector=1),
        "ChangeAvailability",
        {"connectorId": 2, "type": "Operative"},
    ),
    (
        c.Trigger(message="MeterValues", evse=1),
        "TriggerMessage",
        {"requestedMessage": "MeterValues", "connectorId": 1},
    ),
    (
        c.Trigger(message="SignChargingStationCertificate"),
        "ExtendedTriggerMessage",
        {"requestedMessage": "SignChargePointCertificate"},
    ),
    (c.GetVariables(), "GetConfiguration", {}),
    (
        c.GetVariables(
            variables=(
                c.VariableRef(variable="TxUpdatedInterval", component="SampledDataCtrlr"),
                c.VariableRef(variable="AcmeMode"),
            )
        ),
        "GetConfiguration",
        {"key": ["MeterValueSampleInterval", "AcmeMode"]},
    ),
    (
        c.SetVariables(variables=(c.VariableRef(variable="HeartbeatInterval", value="60"),)),
        "ChangeConfiguration",
        {"key": "HeartbeatInterval", "value": "60"},
    ),
    (
        c.SetPassword(password="0123456789abcdef"),
        "ChangeConfiguration",
        {"key": "AuthorizationKey", "value": b"0123456789abcdef".hex()},
    ),
    (
        c.SetPassword(password="0a" * 20),
        "ChangeConfiguration",
        {"key": "AuthorizationKey", "value": "0a" * 20},
    ),
    (c.ClearCache(), "ClearCache", {}),
    (c.GetListVersion(), "GetLocalListVersion", {}),
    (
        c.SendList(
            version=5,
            full=False,
            entries=(
                {
                    "idToken": {"idToken": "A", "type": "ISO14443"},
                    "idTokenInfo": {
                        "status": "NoCredit",
                        "cacheExpiryDateTime": WIRE_AT,
                        "groupIdToken": {"idToken": "G", "type": "Central"},
                    },
                },
                {"idToken": {"idToken": "B", "type": "ISO14443"}},
                {"idToken": {"idToken": "C" * 30, "type": "eMAID"}},
            ),
        ),
        "SendLocalList",
        {
            "listVersion": 5,
            "updateType": "Differential",
            "localAuthorizationList": [
                {"idTag": "A", "idTagInfo": {"status": "Blocked", "expiryDate": WIRE_AT, "parentIdTag": "G"}},
                {"idTag": "B"},
            ],
        },
    ),
    (c.SendList(version=6), "SendLocalList", {"listVersion": 6, "updateType": "Full"}),
    (
        c.Reserve(reservation_id=1, token=CARD, expires=AT, group=r.TokenRef("G")),
        "ReserveNow",
        {
            "reservationId": 1,
            "connectorId": 0,
            "idTag": "04A1B2C3",
            "expiryDate": WIRE_AT,
            "parentIdTag": "G",
        },
    ),
    (c.CancelReservation(reservation_id=1), "CancelReservation", {"reservationId": 1}),
    (
        c.SetProfile(evse=1, profile=PROFILE),
        "SetChargingProfile",
        {"connectorId": 1, "csChargingProfiles": WIRE_PROFILE},
    ),
    (
        c.ClearProfile(purpose="ChargingStationMaxProfile", evse=0, stack_level=2),
        "ClearChargingProfile",
        {"connectorId": 0, "chargingProfilePurpose": "ChargePointMaxProfile", "stackLevel": 2},
    ),
    (c.ClearProfile(profile_id=3), "ClearChargingProfile", {"id": 3}),
    (
        c.GetCompositeSchedule(evse=1, duration=600, unit="A"),
        "GetCompositeSchedule",
        {"connectorId": 1, "duration": 600, "chargingRateUnit": "A"},
    ),
    (
        c.UpdateFirmware(location="ftp://f", retrieve=AT, retries=2, request_id=9),
        "UpdateFirmware",
        {"location": "ftp://f", "retrieveDate": WIRE_AT, "retries": 2},
    ),
    (
        c.UpdateFirmware(
            location="ftp://f", retrieve=AT, install=AT, certificate="PEM", signature="S", request_id=9
        ),
        "SignedUpdateFirmware",
        {
            "requestId": 9,
            "firmware": {
                "location": "ftp://f",
                "retrieveDateTime": WIRE_AT,
                "installDateTime": WIRE_AT,
                "signingCertificate": "PEM",
                "signature": "S",
            },
        },
    ),
    (
        c.GetLog(location="ftp://l", oldest=AT, request_id=9),
        "GetDiagnostics",
        {"location": "ftp://l", "startTime": WIRE_AT},
    ),
    (
        c.GetLog(location="ftp://l", log="SecurityLog", request_id=9),
        "GetLog",
        {"log": {"remoteLocation": "ftp://l"}, "logType": "SecurityLog", "requestId": 9},
    ),
    (
        c.GetLog(location="ftp://l", by_extension=True, request_id=9),
        "GetLog",
        {"log": {"remoteLocation": "ftp://l"}, "logType": "DiagnosticsLog", "requestId": 9},
    ),
    (
        c.InstallCertificate(use="CSMSRootCertificate", certificate="PEM"),
        "InstallCertificate",
        {"certificateType": "CentralSystemRootCertificate", "certificate": "PEM"},
    ),
    (c.DeleteCertificate(hash_data=HASHES), "DeleteCertificate", {"certificateHashData": HASHES}),
    (
        c.GetCertificates(uses=("ManufacturerRootCertificate",)),
        "GetInstalledCertificateIds",
        {"certificateType": "ManufacturerRootCertificate"},
    ),
    (c.CertificateSigned(chain="PEM", request_id=4), "CertificateSigned", {"certificateChain": "PEM"}),
    (
        c.TransferData(vendor="ACME", message="m", data=[1, "two"]),
        "DataTransfer",
        {"vendorId": "ACME", "messageId": "m", "data": '[1,"two"]'},
    ),
]


@pytest.mark.parametrize(("command", "action", "payload"), CALLS, ids=[one[1] for one in CALLS])
def test_a_command_becomes_its_call(v16, command, action, payload):
    assert v16.call(command) == (action, payload)


ABSOLUTE = {"id": 1, "stack_level": 0, "purpose": "TxDefaultProfile"}


@pytest.mark.parametrize(
    "command",
    [
        c.Reset(evse=1),
        c.Reset(resume=True),
        c.Unlock(evse=1, connector=2),
        c.StopCharging(transaction="3f2c"),
        c.Reserve(reservation_id=1, token=CARD, expires=AT, connector_type="cType2"),
        c.Trigger(message="TransactionEvent"),
        c.GetVariables(variables=(c.VariableRef(variable="x", attribute="MaxSet"),)),
        c.SetVariables(variables=(c.VariableRef(variable="a", value="1"),) * 2),
        c.UpdateFirmware(location="f", retrieve=AT, install=AT),
        c.GetCertificates(),
        c.GetReport(base="FullInventory"),
        c.GetTransactionStatus(),
        c.SetProfile(
            evse=1,
            profile=c.Profile(
                **ABSOLUTE, periods=(c.ProfilePeriod(start=0, limit=6, phases=1, phase_to_use=2),)
            ),
        ),
        c.SetProfile(evse=1, profile=c.Profile(**ABSOLUTE, periods=(c.ProfilePeriod(start=0),))),
        c.SetProfile(evse=1, profile=c.Profile(**ABSOLUTE, extra={"maxOfflineDuration": 5})),
        c.SetProfile(evse=1, profile=c.Profile(**ABSOLUTE | {"purpose": "PriorityCharging"})),
        c.Instruct(what="close"),
    ],
)
def test_what_16_cannot_say_is_refused_and_not_said_otherwise(v16, command):
    with pytest.raises(Unsupported, match=r"OCPP 1\.6"):
        v16.call(command)


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (c.StartCharging(token=r.TokenRef("x" * 21)), "idTag"),
        (c.SetPassword(password="x" * 21), "16 to 20 bytes"),
        (c.SetPassword(), "16 to 20 bytes"),
        (c.SetVariables(variables=(c.VariableRef(variable="a"),)), "no value"),
        (c.SendList(version=1, entries=({"idToken": None},)), "idToken"),
        (c.GetLog(location="x" * 513, log="SecurityLog"), "remoteLocation"),
        (c.Reserve(reservation_id=1, token=CARD, expires=AT.replace(tzinfo=None)), "timezone"),
    ],
)
def test_what_does_not_fit_the_message_is_refused_with_its_place(v16, command, problem):
    with pytest.raises(CommandInvalid, match=problem):
        v16.call(command)


# --- answers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "payload", "answer"),
    [
        (c.ClearCache(), {"status": "Accepted"}, c.Answer(agreed=True, status="Accepted")),
        (c.ClearCache(), {"status": "Rejected"}, c.Answer(agreed=False, status="Rejected")),
        (
            c.ChangeAvailability(operative=True),
            {"status": "Scheduled"},
            c.Answer(agreed=True, status="Scheduled"),
        ),
        (c.Unlock(evse=1), {"status": "UnlockFailed"}, c.Answer(agreed=False, status="UnlockFailed")),
        (
            c.SetVariables(variables=(c.VariableRef(variable="a", value="1"),)),
            {"status": "RebootRequired"},
            c.Answer(agreed=True, status="RebootRequired"),
        ),
        (c.UpdateFirmware(location="f", retrieve=AT), {}, c.Answer(agreed=True, status="Accepted")),
        (c.GetLog(location="l"), {}, c.Answer(agreed=False, status="NothingToUpload")),
        (
            c.GetLog(location="l"),
            {"fileName": "log.txt"},
            c.Answer(agreed=True, status="Accepted", data={"filename": "log.txt"}),
        ),
        (
            c.GetListVersion(),
            {"listVersion": 4},
            c.Answer(agreed=True, status="Accepted", data={"version": 4}),
        ),
        (
            c.GetListVersion(),
            {"listVersion": -1},
            c.Answer(agreed=False, status="NotSupported", reason="the station keeps no local list"),
        ),
        (
            c.GetCertificates(uses=("CSMSRootCertificate",)),
            {"status": "Accepted", "certificateHashData": [HASHES]},
            c.Answer(
                agreed=True,
                status="Accepted",
                data={
                    "certificateHashDataChain": [
                        {"certificateType": "CSMSRootCertificate", "certificateHashData": HASHES}
                    ]
                },
            ),
        ),
        (
            c.GetCompositeSchedule(evse=1, duration=600),
            {
                "status": "Accepted",
                "scheduleStart": WIRE_AT,
                "chargingSchedule": {
                    "duration": 600,
                    "chargingRateUnit": "A",
                    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16, "numberPhases": 3}],
                },
            },
            c.Answer(
                agreed=True,
                status="Accepted",
                data={
                    "schedule": {
                        "start": WIRE_AT,
                        "duration": 600,
                        "unit": "A",
                        "periods": [{"start": 0, "limit": 16.0, "phases": 3}],
                    }
                },
            ),
        ),
    ],
)
def test_an_answer_is_understood(v16, command, payload, answer):
    assert v16.answer(command, **payload) == answer


def test_configuration_keys_are_told_as_variables(v16):
    answer = v16.answer(
        c.GetVariables(),
        configurationKey=[
            {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
            {"key": "AuthorizationKey", "readonly": True},
        ],
        unknownKey=["Bake"],
    )

    assert (answer.agreed, answer.status, answer.data) == (True, "PartlyAccepted", {"unknown": ["Bake"]})
    assert answer.variables == (
        r.VariableReported(
            component="",
            variable="HeartbeatInterval",
            attributes=({"type": "Actual", "value": "300", "mutability": "ReadWrite"},),
        ),
        r.VariableReported(
            component="",
            variable="AuthorizationKey",
            attributes=({"type": "Actual", "mutability": "ReadOnly"},),
        ),
    )


def test_only_unknown_keys_are_a_no(v16):
    answer = v16.answer(c.GetVariables(variables=(c.VariableRef(variable="Bake"),)), unknownKey=["Bake"])

    assert (answer.agreed, answer.status) == (False, "UnknownVariable")
