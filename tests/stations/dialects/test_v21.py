"""What OCPP 2.1 adds to the use cases of 2.0.1."""

from datetime import UTC, datetime

import pytest

from gridlane.ocpp.version import Version
from gridlane.stations import commands as c
from gridlane.stations import replies as a
from gridlane.stations import reports as r

AT = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
WIRE_AT = "2026-11-24T10:00:00Z"
HASHES = {"hashAlgorithm": "SHA256", "issuerNameHash": "n", "issuerKeyHash": "k", "serialNumber": "1"}
INFO = {"reasonCode": "Busy", "additionalInfo": "later"}
SCHEDULE = {"id": 1, "chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0}]}


@pytest.fixture
def v21(wire):
    return wire(Version.V21)


# --- reports -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "payload", "report"),
    [
        (
            "FirmwareStatusNotification",
            {"status": "DownloadFailed", "statusInfo": INFO},
            r.FirmwareReported(status="DownloadFailed", info="Busy: later"),
        ),
        (
            "PublishFirmwareStatusNotification",
            {"status": "PublishFailed", "statusInfo": INFO},
            r.FirmwarePublished(status="PublishFailed", info="Busy: later"),
        ),
        (
            "LogStatusNotification",
            {"status": "UploadFailure", "statusInfo": {"reasonCode": "Busy"}},
            r.LogReported(status="UploadFailure", info="Busy"),
        ),
        (
            "SignCertificate",
            {
                "csr": "PEM",
                "certificateType": "V2G20Certificate",
                "requestId": 7,
                "hashRootCertificate": HASHES,
            },
            r.SigningRequested(request="PEM", kind="V2G20Certificate", request_id=7, hash_root=HASHES),
        ),
        (
            "Get15118EVCertificate",
            {
                "iso15118SchemaVersion": "urn:iso:std:iso:15118:-20:CommonMessages",
                "action": "Install",
                "exiRequest": "EXI",
                "maximumContractCertificateChains": 2,
                "prioritizedEMAIDs": ["DE-A", "DE-B"],
            },
            r.VehicleCertificateRequested(
                exi="EXI",
                schema="urn:iso:std:iso:15118:-20:CommonMessages",
                action="Install",
                contracts=2,
                eimds=("DE-A", "DE-B"),
            ),
        ),
        (
            "GetCertificateChainStatus",
            {
                "certificateStatusRequests": [
                    {"certificateHashData": HASHES, "source": "CRL", "urls": ["http://crl"]}
                ]
            },
            r.CertificateStatusRequested(
                certificates=({"certificateHashData": HASHES, "source": "CRL", "urls": ["http://crl"]},),
                chain=True,
            ),
        ),
        (
            "NotifyChargingLimit",
            {"chargingLimit": {"chargingLimitSource": "OwnSource", "isLocalGeneration": True}},
            r.LimitReported(evse=None, source="OwnSource", local_generation=True),
        ),
        (
            "NotifyEVChargingNeeds",
            {
                "evseId": 1,
                "timestamp": WIRE_AT,
                "chargingNeeds": {"requestedEnergyTransfer": "AC_BPT", "controlMode": "DynamicControl"},
            },
            r.NeedsReported(
                evse=1,
                needs={"requestedEnergyTransfer": "AC_BPT", "controlMode": "DynamicControl"},
                at=AT,
            ),
        ),
        (
            "NotifyEVChargingSchedule",
            {
                "evseId": 1,
                "timeBase": WIRE_AT,
                "chargingSchedule": SCHEDULE,
                "selectedChargingScheduleId": 2,
                "powerToleranceAcceptance": False,
            },
            r.VehicleScheduleReported(evse=1, schedule=SCHEDULE, at=AT, tuple_id=2, tolerates_power=False),
        ),
        (
            "VatNumberValidation",
            {"vatNumber": "DE1", "evseId": 2},
            r.VatNumberPresented(number="DE1", evse=2),
        ),
        (
            "NotifyPriorityCharging",
            {"transactionId": "t-1", "activated": True},
            r.PriorityReported(transaction="t-1", activated=True),
        ),
        (
            "NotifyPeriodicEventStream",
            {"id": 1, "pending": 0, "basetime": WIRE_AT, "data": [{"t": 0.5, "v": "230"}]},
            r.StreamReported(stream=1, at=AT, pending=0, values=((0.5, "230"),)),
        ),
    ],
)
def test_a_message_becomes_its_report(v21, action, payload, report):
    assert v21.report(action, **payload) == report


def test_a_transactions_event_keeps_what_21_adds(v21):
    costs = {
        "totalCost": {"currency": "EUR", "typeOfCost": "NormalCost", "total": {"inclTax": 5.0}},
        "totalUsage": {"energy": 9.0, "chargingTime": 60, "idleTime": 0},
    }

    event = v21.report(
        "TransactionEvent",
        eventType="Updated",
        timestamp=WIRE_AT,
        triggerReason="CostLimitReached",
        seqNo=1,
        transactionInfo={
            "transactionId": "t-1",
            "operationMode": "ChargingOnly",
            "tariffId": "night",
            "transactionLimit": {"maxCost": 20.0},
        },
        costDetails=costs,
        preconditioningStatus="Ready",
        evseSleep=False,
        meterValue=[
            {
                "timestamp": WIRE_AT,
                "sampledValue": [{"value": 16, "measurand": "Current.Import.Offered"}],
            }
        ],
    )

    assert event.trigger == "CostLimitReached"
    assert event.readings[0].current_offered == 16.0
    assert event.extra == {
        "operationMode": "ChargingOnly",
        "tariffId": "night",
        "transactionLimit": {"maxCost": 20.0},
        "costDetails": costs,
        "preconditioningStatus": "Ready",
        "evseSleep": False,
    }


# --- replies -----------------------------------------------------------------------------------------------------

TARIFF = {"tariffId": "night", "currency": "EUR"}


@pytest.mark.parametrize(
    ("action", "reply", "response"),
    [
        (
            "Authorize",
            a.TokenAnswered(verdict=a.Verdict(status="accepted"), tariff=TARIFF),
            {"idTokenInfo": {"status": "Accepted"}, "tariff": TARIFF},
        ),
        (
            "TransactionEvent",
            a.TransactionAnswered(limits={"maxEnergy": 5000, "maxTime": 600}),
            {"transactionLimit": {"maxEnergy": 5000.0, "maxTime": 600}},
        ),
        (
            "Get15118EVCertificate",
            a.VehicleCertificateAnswered(status="Accepted", exi="EXI", remaining_contracts=1),
            {"status": "Accepted", "exiResponse": "EXI", "remainingContracts": 1},
        ),
        (
            "GetCertificateChainStatus",
            a.CertificateStatusAnswered(
                status="Accepted",
                results=(
                    {
                        "certificateHashData": HASHES,
                        "source": "CRL",
                        "status": "Good",
                        "nextUpdate": WIRE_AT,
                    },
                ),
            ),
            {
                "certificateStatus": [
                    {
                        "certificateHashData": HASHES,
                        "source": "CRL",
                        "status": "Good",
                        "nextUpdate": WIRE_AT,
                    }
                ]
            },
        ),
        (
            "VatNumberValidation",
            a.VatNumberAnswered(
                number="DE1", valid=True, company={"name": "A", "address1": "B", "city": "C", "country": "D"}
            ),
            {
                "vatNumber": "DE1",
                "status": "Accepted",
                "company": {"name": "A", "address1": "B", "city": "C", "country": "D"},
            },
        ),
        ("NotifySettlement", a.Noted(), {}),
        ("PullDynamicScheduleUpdate", a.Noted(), {"status": "Rejected"}),
        ("OpenPeriodicEventStream", a.Noted(), {"status": "Rejected"}),
    ],
)
def test_a_reply_becomes_its_response(v21, action, reply, response):
    assert v21.response(action, reply) == response


# --- commands ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "action", "payload"),
    [
        (c.Reset(resume=True, evse=1), "Reset", {"type": "ImmediateAndResume", "evseId": 1}),
        (
            c.Trigger(message="", custom="mine", evse=1),
            "TriggerMessage",
            {"requestedMessage": "CustomTrigger", "customTrigger": "mine", "evse": {"id": 1}},
        ),
        (
            c.CertificateSigned(chain="PEM", use="V2G20Certificate", request_id=7),
            "CertificateSigned",
            {"certificateChain": "PEM", "certificateType": "V2G20Certificate", "requestId": 7},
        ),
        (
            c.StartCharging(token=r.TokenRef("psp-1", "DirectPayment"), remote_start_id=8),
            "RequestStartTransaction",
            {"idToken": {"idToken": "psp-1", "type": "DirectPayment"}, "remoteStartId": 8},
        ),
        (
            c.SetProfile(
                evse=1,
                profile=c.Profile(
                    id=3,
                    stack_level=0,
                    purpose="PriorityCharging",
                    kind="Dynamic",
                    unit="W",
                    periods=(
                        c.ProfilePeriod(
                            start=0,
                            extra={"operationMode": "CentralSetpoint", "setpoint": -5000.0},
                        ),
                    ),
                    extra={"dynUpdateInterval": 5, "randomizedDelay": 30},
                ),
            ),
            "SetChargingProfile",
            {
                "evseId": 1,
                "chargingProfile": {
                    "id": 3,
                    "stackLevel": 0,
                    "chargingProfilePurpose": "PriorityCharging",
                    "chargingProfileKind": "Dynamic",
                    "dynUpdateInterval": 5,
                    "chargingSchedule": [
                        {
                            "id": 3,
                            "chargingRateUnit": "W",
                            "randomizedDelay": 30,
                            "chargingSchedulePeriod": [
                                {"startPeriod": 0, "operationMode": "CentralSetpoint", "setpoint": -5000.0}
                            ],
                        }
                    ],
                },
            },
        ),
        (
            c.SendRaw(action="UsePriorityCharging", payload={"transactionId": "t-1", "activate": True}),
            "UsePriorityCharging",
            {"transactionId": "t-1", "activate": True},
        ),
    ],
)
def test_a_command_becomes_its_call(v21, command, action, payload):
    assert v21.call(command) == (action, payload)


def test_a_long_token_is_in_the_list_of_21(v21):
    entry = {"idToken": {"idToken": "x" * 200, "type": "EVCCID"}}

    _, payload = v21.call(c.SendList(version=1, entries=(entry,)))

    assert payload["localAuthorizationList"] == [entry]
