"""What OCPP 2.0.1 says and is told, example by example. 2.1 says and is told the same (see also ``test_v21``)."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from gridlane.ocpp.version import Version
from gridlane.stations import commands as c
from gridlane.stations import replies as a
from gridlane.stations import reports as r
from gridlane.stations.dialects import CommandInvalid, Unsupported

AT = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
WIRE_AT = "2026-11-24T10:00:00Z"
CARD = r.TokenRef("04A1B2C3", "ISO14443")
WIRE_CARD = {"idToken": "04A1B2C3", "type": "ISO14443"}
HASHES = {"hashAlgorithm": "SHA256", "issuerNameHash": "n", "issuerKeyHash": "k", "serialNumber": "1"}
OCSP = HASHES | {"responderURL": "http://ocsp"}
INTERVAL = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}


@pytest.fixture(params=[Version.V201, Version.V21])
def v2x(wire, request):
    return wire(request.param)


@pytest.fixture
def v201(wire):
    return wire(Version.V201)


# --- reports -----------------------------------------------------------------------------------------------------

EVENT = {
    "eventId": 1,
    "timestamp": WIRE_AT,
    "trigger": "Alerting",
    "actualValue": "1",
    "eventNotificationType": "CustomMonitor",
    "component": {"name": "Connector", "evse": {"id": 1, "connectorId": 2}},
    "variable": {"name": "Temperature"},
}
SCHEDULE = {
    "id": 1,
    "chargingRateUnit": "A",
    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}],
}
PROFILE_ON_WIRE = {
    "id": 3,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": [SCHEDULE],
}
DISPLAYED = {"id": 1, "priority": "InFront", "message": {"format": "UTF8", "content": "Hi"}}
NEEDS = {"requestedEnergyTransfer": "DC"}

REPORTS = [
    (
        "BootNotification",
        {
            "reason": "PowerUp",
            "chargingStation": {
                "vendorName": "ACME",
                "model": "One",
                "serialNumber": "S",
                "firmwareVersion": "1",
                "modem": {"iccid": "89"},
            },
        },
        r.Booted(vendor="ACME", model="One", serial="S", firmware="1", iccid="89", reason="PowerUp"),
    ),
    ("Heartbeat", {"customData": {"vendorId": "me", "x": 1}}, r.Alive()),
    (
        "StatusNotification",
        {"timestamp": WIRE_AT, "connectorStatus": "Occupied", "evseId": 2, "connectorId": 1},
        r.StatusReported(evse=2, connector=1, status="occupied", at=AT),
    ),
    (
        "Authorize",
        {"idToken": WIRE_CARD, "certificate": "PEM", "iso15118CertificateHashData": [OCSP]},
        r.TokenPresented(token=CARD, certificate="PEM", certificate_hashes=(OCSP,)),
    ),
    (
        "DataTransfer",
        {"vendorId": "me", "messageId": "m", "data": {"n": [1, None]}},
        r.DataTransferred(vendor="me", message="m", data={"n": [1, None]}),
    ),
    (
        "SecurityEventNotification",
        {"type": "InvalidCsmsCertificate", "timestamp": WIRE_AT},
        r.SecurityReported(kind="InvalidCsmsCertificate", at=AT),
    ),
    (
        "MeterValues",
        {"evseId": 1, "meterValue": [{"timestamp": WIRE_AT, "sampledValue": [{"value": 5}]}]},
        r.MeterReported(evse=1, readings=(r.Reading(at=AT, energy=5.0),)),
    ),
    (
        "ReservationStatusUpdate",
        {"reservationId": 7, "reservationUpdateStatus": "Expired"},
        r.ReservationChanged(reservation_id=7, status="Expired"),
    ),
    (
        "NotifyReport",
        {
            "requestId": 4,
            "generatedAt": WIRE_AT,
            "seqNo": 1,
            "tbc": True,
            "reportData": [
                {
                    "component": {"name": "EVSE", "instance": "i", "evse": {"id": 1, "connectorId": 2}},
                    "variable": {"name": "Power", "instance": "j"},
                    "variableAttribute": [{"value": "11", "mutability": "ReadOnly"}],
                    "variableCharacteristics": {"dataType": "decimal", "supportsMonitoring": False},
                }
            ],
        },
        r.PartReported(
            block="device_model", request_id=4, last=False, part=1, at=AT,
            variables=(
                r.VariableReported(
                    component="EVSE", component_instance="i", variable="Power", variable_instance="j", evse=1,
                    connector=2, attributes=({"value": "11", "mutability": "ReadOnly"},),
                    characteristics={"dataType": "decimal", "supportsMonitoring": False},
                ),
            ),
        ),
    ),
    (
        "NotifyMonitoringReport",
        {"requestId": 4, "generatedAt": WIRE_AT, "seqNo": 0},
        r.PartReported(block="monitoring", request_id=4, last=True, at=AT),
    ),
    (
        "NotifyEvent",
        {"generatedAt": WIRE_AT, "seqNo": 0, "eventData": [EVENT]},
        r.PartReported(block="events", request_id=None, last=True, at=AT, items=(EVENT,)),
    ),
    (
        "NotifyCustomerInformation",
        {"data": "text", "seqNo": 2, "generatedAt": WIRE_AT, "requestId": 4},
        r.PartReported(block="customer_information", request_id=4, last=True, part=2, at=AT, text="text"),
    ),
    (
        "NotifyDisplayMessages",
        {"requestId": 4, "messageInfo": [DISPLAYED], "tbc": True},
        r.PartReported(block="display_messages", request_id=4, last=False, items=(DISPLAYED,)),
    ),
    (
        "ReportChargingProfiles",
        {"requestId": 4, "chargingLimitSource": "CSO", "evseId": 1, "chargingProfile": [PROFILE_ON_WIRE]},
        r.PartReported(
            block="charging_profiles", request_id=4, last=True, items=(PROFILE_ON_WIRE,), source="CSO", evse=1
        ),
    ),
    (
        "FirmwareStatusNotification",
        {"status": "Installed", "requestId": 4},
        r.FirmwareReported(status="Installed", request_id=4),
    ),
    (
        "PublishFirmwareStatusNotification",
        {"status": "Published", "location": ["http://f"], "requestId": 4},
        r.FirmwarePublished(status="Published", request_id=4, locations=("http://f",)),
    ),
    ("LogStatusNotification", {"status": "Idle"}, r.LogReported(status="Idle")),
    ("SignCertificate", {"csr": "PEM"}, r.SigningRequested(request="PEM")),
    (
        "SignCertificate",
        {"csr": "PEM", "certificateType": "V2GCertificate"},
        r.SigningRequested(request="PEM", kind="V2GCertificate"),
    ),
    (
        "Get15118EVCertificate",
        {"iso15118SchemaVersion": "urn:iso:15118:2:2013:MsgDef", "action": "Update", "exiRequest": "EXI"},
        r.VehicleCertificateRequested(exi="EXI", schema="urn:iso:15118:2:2013:MsgDef", action="Update"),
    ),
    (
        "GetCertificateStatus",
        {"ocspRequestData": OCSP},
        r.CertificateStatusRequested(certificates=(OCSP,)),
    ),
    (
        "NotifyChargingLimit",
        {
            "evseId": 1,
            "chargingLimit": {"chargingLimitSource": "EMS", "isGridCritical": True},
            "chargingSchedule": [SCHEDULE],
        },
        r.LimitReported(evse=1, source="EMS", grid_critical=True, schedules=(SCHEDULE,)),
    ),
    (
        "ClearedChargingLimit",
        {"chargingLimitSource": "SO"},
        r.LimitReported(evse=None, source="SO", cleared=True),
    ),
    (
        "NotifyEVChargingNeeds",
        {"evseId": 1, "maxScheduleTuples": 3, "chargingNeeds": NEEDS},
        r.NeedsReported(evse=1, needs=NEEDS, max_schedule_tuples=3),
    ),
    (
        "NotifyEVChargingSchedule",
        {"evseId": 1, "timeBase": WIRE_AT, "chargingSchedule": SCHEDULE},
        r.VehicleScheduleReported(evse=1, schedule=SCHEDULE, at=AT),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("action", "payload", "report"), REPORTS, ids=[one[0] for one in REPORTS])
def test_a_message_becomes_its_report(v2x, action, payload, report):
    assert v2x.report(action, **payload) == report


FULL_EVENT = {
    "eventType": "Ended",
    "timestamp": WIRE_AT,
    "triggerReason": "StopAuthorized",
    "seqNo": 5,
    "offline": True,
    "numberOfPhasesUsed": 3,
    "cableMaxCurrent": 32,
    "reservationId": 9,
    "transactionInfo": {
        "transactionId": "t-1",
        "chargingState": "EVConnected",
        "stoppedReason": "Local",
        "remoteStartId": 8,
        "timeSpentCharging": 300,
        "customData": {"vendorId": "me", "inside": True},
    },
    "evse": {"id": 1, "connectorId": 2},
    "idToken": WIRE_CARD | {"additionalInfo": [{"additionalIdToken": "x", "type": "pin"}]},
    "meterValue": [
        {"timestamp": WIRE_AT, "sampledValue": [{"value": 5, "context": "Transaction.End"}]},
    ],
    "customData": {"vendorId": "me", "outside": True},
}


def test_a_transactions_event_is_told_whole(v2x):
    event = v2x.report("TransactionEvent", **FULL_EVENT)

    assert len(event.digest) == 16
    assert event == r.TransactionReported(
        phase="ended",
        transaction="t-1",
        at=AT,
        digest=event.digest,
        evse=1,
        connector=2,
        sequence=5,
        trigger="StopAuthorized",
        offline=True,
        token=CARD,
        remote_start_id=8,
        reservation_id=9,
        charging_state="EVConnected",
        stopped_reason="Local",
        phases_used=3,
        cable_max_current=32.0,
        readings=(r.Reading(at=AT, context="Transaction.End", energy=5.0),),
        extra={
            "timeSpentCharging": 300,
            "transactionInfo.customData": {"vendorId": "me", "inside": True},
            "customData": {"vendorId": "me", "outside": True},
            "additionalInfo": [{"additionalIdToken": "x", "type": "pin"}],
        },
    )


def test_a_transactions_event_may_say_little(v2x):
    event = v2x.report(
        "TransactionEvent",
        eventType="Started",
        timestamp=WIRE_AT,
        triggerReason="CablePluggedIn",
        seqNo=0,
        transactionInfo={"transactionId": "t-1"},
    )

    assert (event.phase, event.evse, event.token, event.offline) == ("started", None, None, False)
    assert (event.readings, event.extra) == ((), {})


def test_two_events_with_one_number_have_digests_of_their_own(v2x):
    one = v2x.report("TransactionEvent", **FULL_EVENT)

    assert v2x.report("TransactionEvent", **FULL_EVENT | {"triggerReason": "Trigger"}).digest != one.digest
    assert v2x.report("TransactionEvent", **dict(reversed(FULL_EVENT.items()))).digest == one.digest


# --- replies -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("accepted", "Accepted"), ("blocked", "Blocked"), ("expired", "Expired"), ("invalid", "Invalid"),
        ("concurrent", "ConcurrentTx"), ("no_credit", "NoCredit"), ("not_allowed_type", "NotAllowedTypeEVSE"),
        ("not_at_this_location", "NotAtThisLocation"), ("not_at_this_time", "NotAtThisTime"),
        ("unknown", "Unknown"),
    ],
)  # fmt: skip
def test_a_verdict_is_told_in_its_own_word(v2x, status, word):
    reply = a.TokenAnswered(verdict=a.Verdict(status=status))

    assert v2x.response("Authorize", reply) == {"idTokenInfo": {"status": word}}


def test_a_verdict_is_told_with_all_that_belongs_to_it(v2x):
    verdict = a.Verdict(
        status="accepted",
        expires=AT,
        group=r.TokenRef("FLEET", "Central"),
        language="de",
        evses=(1, 2),
        message="Guten Tag",
    )

    assert v2x.response("Authorize", a.TokenAnswered(verdict=verdict, certificate_status="Accepted")) == {
        "certificateStatus": "Accepted",
        "idTokenInfo": {
            "status": "Accepted",
            "cacheExpiryDateTime": WIRE_AT,
            "groupIdToken": {"idToken": "FLEET", "type": "Central"},
            "language1": "de",
            "evseId": [1, 2],
            "personalMessage": {"format": "UTF8", "language": "de", "content": "Guten Tag"},
        },
    }


@pytest.mark.parametrize(
    ("action", "reply", "response"),
    [
        (
            "BootNotification",
            a.BootAnswered(status="rejected", now=AT, interval=60),
            {"status": "Rejected", "currentTime": WIRE_AT, "interval": 60},
        ),
        ("Heartbeat", a.AliveAnswered(now=AT), {"currentTime": WIRE_AT}),
        ("StatusNotification", a.Noted(), {}),
        ("NotifyReport", a.Noted(), {}),
        ("TransactionEvent", a.TransactionAnswered(), {}),
        (
            "TransactionEvent",
            a.TransactionAnswered(
                verdict=a.Verdict(status="accepted"), total_cost=Decimal("12.34"), message="x" * 600
            ),
            {
                "idTokenInfo": {"status": "Accepted"},
                "totalCost": 12.34,
                "updatedPersonalMessage": {"format": "UTF8", "content": "x" * 512},
            },
        ),
        ("SignCertificate", a.SigningAnswered(accepted=True), {"status": "Accepted"}),
        (
            "SignCertificate",
            a.SigningAnswered(accepted=False, reason="InvalidCSR"),
            {"status": "Rejected", "statusInfo": {"reasonCode": "InvalidCSR"}},
        ),
        (
            "NotifyEVChargingNeeds",
            a.StatusAnswered(status="Processing", reason="the plan is being made"),
            {
                "status": "Processing",
                "statusInfo": {"reasonCode": "Other", "additionalInfo": "the plan is being made"},
            },
        ),
        (
            "DataTransfer",
            a.StatusAnswered(status="Accepted", data={"n": 1}),
            {"status": "Accepted", "data": {"n": 1}},
        ),
        (
            "Get15118EVCertificate",
            a.VehicleCertificateAnswered(status="Accepted", exi="EXI"),
            {"status": "Accepted", "exiResponse": "EXI"},
        ),
        (
            "GetCertificateStatus",
            a.CertificateStatusAnswered(status="Accepted", ocsp="DER"),
            {"status": "Accepted", "ocspResult": "DER"},
        ),
        ("GetCertificateStatus", a.Noted(), {"status": "Failed"}),
    ],
)
def test_a_reply_becomes_its_response(v2x, action, reply, response):
    assert v2x.response(action, reply) == response


def test_a_vehicles_certificate_that_has_no_room_in_201_is_told_to_have_failed(wire):
    reply = a.VehicleCertificateAnswered(status="Accepted", exi="x" * 7501)

    assert wire(Version.V201).response("Get15118EVCertificate", reply) == {
        "status": "Failed",
        "exiResponse": "",
    }
    assert wire(Version.V21).response("Get15118EVCertificate", reply)["status"] == "Accepted"


# --- commands ----------------------------------------------------------------------------------------------------

PROFILE = c.Profile(
    id=3,
    stack_level=1,
    purpose="TxProfile",
    kind="Recurring",
    recurrency="Daily",
    valid_from=AT,
    valid_to=AT,
    transaction="t-1",
    unit="W",
    start=AT,
    duration=3600,
    min_rate=1380.0,
    periods=(c.ProfilePeriod(start=0, limit=3680.55, phases=1, phase_to_use=2),),
)
WIRE_PROFILE = {
    "id": 3,
    "stackLevel": 1,
    "chargingProfilePurpose": "TxProfile",
    "chargingProfileKind": "Recurring",
    "recurrencyKind": "Daily",
    "validFrom": WIRE_AT,
    "validTo": WIRE_AT,
    "transactionId": "t-1",
    "chargingSchedule": [
        {
            "id": 3,
            "startSchedule": WIRE_AT,
            "duration": 3600,
            "chargingRateUnit": "W",
            "minChargingRate": 1380.0,
            "chargingSchedulePeriod": [
                {"startPeriod": 0, "limit": 3680.55, "numberPhases": 1, "phaseToUse": 2}
            ],
        }
    ],
}
NETWORK = {
    "ocppVersion": "OCPP20",
    "ocppTransport": "JSON",
    "ocppCsmsUrl": "wss://csms",
    "messageTimeout": 30,
    "securityProfile": 2,
    "ocppInterface": "Wired0",
}
MONITOR = INTERVAL | {"value": 5.0, "type": "UpperThreshold", "severity": 4}
HEARTBEAT = c.VariableRef(component="OCPPCommCtrlr", variable="HeartbeatInterval")

CALLS = [
    (
        c.StartCharging(
            token=CARD, evse=1, remote_start_id=8, group=r.TokenRef("G", "Central"), profile=PROFILE
        ),
        "RequestStartTransaction",
        {
            "idToken": WIRE_CARD,
            "remoteStartId": 8,
            "evseId": 1,
            "groupIdToken": {"idToken": "G", "type": "Central"},
            "chargingProfile": {
                name: value for name, value in WIRE_PROFILE.items() if name != "transactionId"
            },
        },
    ),
    (
        c.StartCharging(token=r.TokenRef("04"), remote_start_id=8),
        "RequestStartTransaction",
        {"idToken": {"idToken": "04", "type": "ISO14443"}, "remoteStartId": 8},
    ),
    (c.StopCharging(transaction="t-1"), "RequestStopTransaction", {"transactionId": "t-1"}),
    (c.Unlock(evse=1, connector=2), "UnlockConnector", {"evseId": 1, "connectorId": 2}),
    (c.Reset(), "Reset", {"type": "OnIdle"}),
    (c.Reset(immediate=True, evse=1), "Reset", {"type": "Immediate", "evseId": 1}),
    (c.ChangeAvailability(operative=True), "ChangeAvailability", {"operationalStatus": "Operative"}),
    (
        c.ChangeAvailability(operative=False, evse=1, connector=2),
        "ChangeAvailability",
        {"operationalStatus": "Inoperative", "evse": {"id": 1, "connectorId": 2}},
    ),
    (
        c.Trigger(message="DiagnosticsStatusNotification"),
        "TriggerMessage",
        {"requestedMessage": "LogStatusNotification"},
    ),
    (
        c.Trigger(message="StatusNotification", evse=1, connector=1),
        "TriggerMessage",
        {"requestedMessage": "StatusNotification", "evse": {"id": 1, "connectorId": 1}},
    ),
    (c.GetVariables(variables=(HEARTBEAT,)), "GetVariables", {"getVariableData": [INTERVAL]}),
    (
        c.SetVariables(
            variables=(c.VariableRef(variable="HeartbeatInterval", value="60", attribute="Target"),)
        ),
        "SetVariables",
        {"setVariableData": [INTERVAL | {"attributeType": "Target", "attributeValue": "60"}]},
    ),
    (
        c.SetPassword(password="0123456789abcdef"),
        "SetVariables",
        {
            "setVariableData": [
                {
                    "component": {"name": "SecurityCtrlr"},
                    "variable": {"name": "BasicAuthPassword"},
                    "attributeValue": "0123456789abcdef",
                }
            ]
        },
    ),
    (
        c.GetReport(base="FullInventory", request_id=4),
        "GetBaseReport",
        {"requestId": 4, "reportBase": "FullInventory"},
    ),
    (
        c.GetReport(
            criteria=("Problem",),
            variables=(c.VariableRef(component="EVSE", variable="", evse=1),),
            request_id=4,
        ),
        "GetReport",
        {
            "requestId": 4,
            "componentCriteria": ["Problem"],
            "componentVariable": [{"component": {"name": "EVSE", "evse": {"id": 1}}}],
        },
    ),
    (
        c.SetNetworkProfile(slot=1, data=NETWORK),
        "SetNetworkProfile",
        {"configurationSlot": 1, "connectionData": NETWORK},
    ),
    (c.ClearCache(), "ClearCache", {}),
    (c.GetListVersion(), "GetLocalListVersion", {}),
    (
        c.SendList(version=5, entries=({"idToken": WIRE_CARD, "idTokenInfo": {"status": "Accepted"}},)),
        "SendLocalList",
        {
            "versionNumber": 5,
            "updateType": "Full",
            "localAuthorizationList": [{"idToken": WIRE_CARD, "idTokenInfo": {"status": "Accepted"}}],
        },
    ),
    (c.SendList(version=6), "SendLocalList", {"versionNumber": 6, "updateType": "Full"}),
    (c.GetTransactionStatus(transaction="t-1"), "GetTransactionStatus", {"transactionId": "t-1"}),
    (c.GetTransactionStatus(), "GetTransactionStatus", {}),
    (
        c.Reserve(reservation_id=1, token=CARD, expires=AT, connector_type="cType2"),
        "ReserveNow",
        {"id": 1, "idToken": WIRE_CARD, "expiryDateTime": WIRE_AT, "connectorType": "cType2"},
    ),
    (c.CancelReservation(reservation_id=1), "CancelReservation", {"reservationId": 1}),
    (
        c.SetProfile(evse=1, profile=PROFILE),
        "SetChargingProfile",
        {"evseId": 1, "chargingProfile": WIRE_PROFILE},
    ),
    (c.ClearProfile(profile_id=3, evse=1), "ClearChargingProfile", {"chargingProfileId": 3}),
    (
        c.ClearProfile(evse=0, purpose="ChargePointMaxProfile", stack_level=1),
        "ClearChargingProfile",
        {
            "chargingProfileCriteria": {
                "evseId": 0,
                "chargingProfilePurpose": "ChargingStationMaxProfile",
                "stackLevel": 1,
            }
        },
    ),
    (
        c.GetProfiles(evse=1, criteria={"chargingLimitSource": ["CSO"]}, request_id=4),
        "GetChargingProfiles",
        {"requestId": 4, "evseId": 1, "chargingProfile": {"chargingLimitSource": ["CSO"]}},
    ),
    (
        c.GetCompositeSchedule(evse=0, duration=600, unit="W"),
        "GetCompositeSchedule",
        {"evseId": 0, "duration": 600, "chargingRateUnit": "W"},
    ),
    (
        c.UpdateFirmware(
            location="f", retrieve=AT, certificate="PEM", signature="S", request_id=4, retries=1
        ),
        "UpdateFirmware",
        {
            "requestId": 4,
            "retries": 1,
            "firmware": {
                "location": "f",
                "retrieveDateTime": WIRE_AT,
                "signingCertificate": "PEM",
                "signature": "S",
            },
        },
    ),
    (
        c.PublishFirmware(location="f", checksum="c", request_id=4),
        "PublishFirmware",
        {"requestId": 4, "location": "f", "checksum": "c"},
    ),
    (c.UnpublishFirmware(checksum="c"), "UnpublishFirmware", {"checksum": "c"}),
    (
        c.GetLog(location="l", log="SecurityLog", latest=AT, request_id=4),
        "GetLog",
        {
            "requestId": 4,
            "logType": "SecurityLog",
            "log": {"remoteLocation": "l", "latestTimestamp": WIRE_AT},
        },
    ),
    (
        c.InstallCertificate(use="CentralSystemRootCertificate", certificate="PEM"),
        "InstallCertificate",
        {"certificateType": "CSMSRootCertificate", "certificate": "PEM"},
    ),
    (c.DeleteCertificate(hash_data=HASHES), "DeleteCertificate", {"certificateHashData": HASHES}),
    (
        c.GetCertificates(uses=("V2GRootCertificate",)),
        "GetInstalledCertificateIds",
        {"certificateType": ["V2GRootCertificate"]},
    ),
    (c.GetCertificates(), "GetInstalledCertificateIds", {}),
    (c.SetMonitoringBase(base="All"), "SetMonitoringBase", {"monitoringBase": "All"}),
    (c.SetMonitoringLevel(severity=4), "SetMonitoringLevel", {"severity": 4}),
    (c.SetMonitors(monitors=(MONITOR,)), "SetVariableMonitoring", {"setMonitoringData": [MONITOR]}),
    (c.ClearMonitors(ids=(1, 2)), "ClearVariableMonitoring", {"id": [1, 2]}),
    (
        c.GetMonitoringReport(criteria=("DeltaMonitoring",), variables=(HEARTBEAT,), request_id=4),
        "GetMonitoringReport",
        {"requestId": 4, "monitoringCriteria": ["DeltaMonitoring"], "componentVariable": [INTERVAL]},
    ),
    (
        c.CustomerInformation(report=True, clear=False, token=CARD, request_id=4),
        "CustomerInformation",
        {"requestId": 4, "report": True, "clear": False, "idToken": WIRE_CARD},
    ),
    (c.SetDisplayMessage(message=DISPLAYED), "SetDisplayMessage", {"message": DISPLAYED}),
    (
        c.GetDisplayMessages(ids=(1,), priority="InFront", state="Idle", request_id=4),
        "GetDisplayMessages",
        {"requestId": 4, "id": [1], "priority": "InFront", "state": "Idle"},
    ),
    (c.ClearDisplayMessage(id=1), "ClearDisplayMessage", {"id": 1}),
    (c.ShowCost(transaction="t-1", total="1.50"), "CostUpdated", {"transactionId": "t-1", "totalCost": 1.5}),
    (
        c.TransferData(vendor="me", message="m", data={"n": 1}),
        "DataTransfer",
        {"vendorId": "me", "messageId": "m", "data": {"n": 1}},
    ),
]


@pytest.mark.parametrize(("command", "action", "payload"), CALLS, ids=[one[1] for one in CALLS])
def test_a_command_becomes_its_call(v2x, command, action, payload):
    assert v2x.call(command) == (action, payload)


def test_a_signed_certificate_goes_without_the_number_that_201_does_not_know(v201):
    assert v201.call(c.CertificateSigned(chain="PEM", use="V2GCertificate", request_id=4)) == (
        "CertificateSigned",
        {"certificateChain": "PEM", "certificateType": "V2GCertificate"},
    )


def test_a_token_that_201_has_no_form_for_is_left_out_of_its_list(v201):
    entries = tuple(
        {"idToken": {"idToken": value, "type": kind}}
        for value, kind in (("x" * 37, "eMAID"), ("car", "EVCCID"), ("04", "ISO14443"))
    )

    _, payload = v201.call(c.SendList(version=1, full=False, entries=entries))

    assert [one["idToken"]["idToken"] for one in payload["localAuthorizationList"]] == ["04"]


def test_a_kind_of_token_that_201_does_not_know_is_the_central_systems(v201):
    _, payload = v201.call(c.StartCharging(token=r.TokenRef("psp-1", "DirectPayment")))

    assert payload["idToken"] == {"idToken": "psp-1", "type": "Central"}


ANY = {"id": 1, "stack_level": 0, "purpose": "TxDefaultProfile"}


@pytest.mark.parametrize(
    "command",
    [
        c.Reset(resume=True),
        c.Trigger(message="Heartbeat", custom="mine"),
        c.SetProfile(evse=1, profile=c.Profile(**ANY, kind="Dynamic")),
        c.SetProfile(evse=1, profile=c.Profile(**ANY | {"purpose": "LocalGeneration"})),
        c.SetProfile(evse=1, profile=c.Profile(**ANY, extra={"dynUpdateInterval": 5})),
        c.SetProfile(
            evse=1, profile=c.Profile(**ANY, periods=(c.ProfilePeriod(start=0, extra={"setpoint": -5.0}),))
        ),
        c.ClearProfile(purpose="PriorityCharging"),
        c.Instruct(what="close"),
    ],
)
def test_what_201_cannot_say_is_refused_and_not_said_otherwise(v201, command):
    with pytest.raises(Unsupported, match=r"OCPP 2\.0\.1"):
        v201.call(command)


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (c.GetVariables(), "length >= 1"),
        (c.GetVariables(variables=(c.VariableRef(variable="AcmeMode"),)), "needs its component"),
        (c.SetVariables(variables=(HEARTBEAT,)), "attributeValue"),
        (c.SetPassword(password="short"), "16 to 40"),
        (c.ShowCost(transaction="t", total="nan"), "no number"),
        (c.SetDisplayMessage(message={"id": 1}), "priority"),
        (c.GetReport(base="Everything"), "Everything"),
        (c.StopCharging(transaction="x" * 37), "transactionId"),
    ],
)
def test_what_does_not_fit_the_message_is_refused_with_its_place(v2x, command, problem):
    with pytest.raises(CommandInvalid, match=problem):
        v2x.call(command)


# --- answers -----------------------------------------------------------------------------------------------------

RESULT = INTERVAL | {"attributeStatus": "Accepted", "attributeValue": "300"}
UNKNOWN = {
    "component": {"name": "EVSE", "evse": {"id": 1}},
    "variable": {"name": "Bake"},
    "attributeStatus": "UnknownVariable",
}


def test_variables_read_are_told_and_those_that_are_not_are_named(v2x):
    answer = v2x.answer(c.GetVariables(variables=(HEARTBEAT,)), getVariableResult=[RESULT, UNKNOWN])

    assert (answer.agreed, answer.status) == (True, "PartlyAccepted")
    assert answer.reason == "EVSE.Bake UnknownVariable"
    assert answer.variables == (
        r.VariableReported(
            component="OCPPCommCtrlr",
            variable="HeartbeatInterval",
            attributes=({"type": "Actual", "value": "300"},),
        ),
    )
    assert answer.data == {"results": [RESULT, UNKNOWN]}


def test_variables_are_set_only_when_each_is(v2x):
    command = c.SetVariables(variables=(c.VariableRef(variable="HeartbeatInterval", value="60"),))
    done = INTERVAL | {"attributeStatus": "Accepted"}
    later = INTERVAL | {"attributeStatus": "RebootRequired"}

    assert v2x.answer(command, setVariableResult=[done, later]).status == "RebootRequired"
    assert v2x.answer(command, setVariableResult=[done, later]).agreed
    partly = v2x.answer(command, setVariableResult=[done, UNKNOWN])
    assert (partly.agreed, partly.status) == (False, "PartlyAccepted")
    assert v2x.answer(command, setVariableResult=[UNKNOWN]).status == "UnknownVariable"


@pytest.mark.parametrize(
    ("command", "payload", "answer"),
    [
        (
            c.Reset(),
            {"status": "Rejected", "statusInfo": {"reasonCode": "FixedCable", "additionalInfo": "no"}},
            c.Answer(
                agreed=False,
                status="Rejected",
                reason="FixedCable: no",
            ),
        ),
        (c.ShowCost(transaction="t", total="1"), {}, c.Answer(agreed=True, status="Accepted")),
        (
            c.StartCharging(token=CARD),
            {"status": "Accepted", "transactionId": "t-1"},
            c.Answer(agreed=True, status="Accepted", data={"transactionId": "t-1"}),
        ),
        (
            c.GetTransactionStatus(),
            {"messagesInQueue": True},
            c.Answer(agreed=True, status="Accepted", data={"messagesInQueue": True}),
        ),
        (
            c.GetListVersion(),
            {"versionNumber": 4},
            c.Answer(agreed=True, status="Accepted", data={"version": 4}),
        ),
        (
            c.ClearMonitors(ids=(1,)),
            {"clearMonitoringResult": [{"id": 1, "status": "NotFound"}]},
            c.Answer(agreed=False, status="NotFound", data={"results": [{"id": 1, "status": "NotFound"}]}),
        ),
        (
            c.GetCompositeSchedule(evse=1, duration=600),
            {
                "status": "Accepted",
                "schedule": {
                    "evseId": 1,
                    "duration": 600,
                    "scheduleStart": WIRE_AT,
                    "chargingRateUnit": "A",
                    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16, "phaseToUse": 1}],
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
                        "periods": [{"start": 0, "limit": 16.0, "phase_to_use": 1}],
                    }
                },
            ),
        ),
    ],
)
def test_an_answer_is_understood(v2x, command, payload, answer):
    assert v2x.answer(command, **payload) == answer


def test_a_raw_commands_answer_is_told_whole(v2x):
    raw = c.SendRaw(action="UnlockConnector", payload={"evseId": 1, "connectorId": 1})

    assert v2x.answer(raw, status="UnknownConnector") == c.Answer(agreed=False, status="UnknownConnector")
