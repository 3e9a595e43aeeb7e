"""Plug & Charge over 1.6: messages of 2.0.1 inside DataTransfer."""

import json

import pytest

from gridlane.ocpp.version import Version
from gridlane.stations import commands as c
from gridlane.stations import replies as a
from gridlane.stations import reports as r
from gridlane.stations.dialects.v16.plug_and_charge import VENDOR

EMAID = {"idToken": "DE8ACC12E46L89", "type": "eMAID"}
HASHES = {"hashAlgorithm": "SHA256", "issuerNameHash": "n", "issuerKeyHash": "k", "serialNumber": "1"}
OCSP = HASHES | {"responderURL": "http://ocsp"}


@pytest.fixture
def v16(wire):
    return wire(Version.V16)


@pytest.mark.parametrize(
    ("message", "carried", "report"),
    [
        (
            "Authorize",
            {"idToken": EMAID, "iso15118CertificateHashData": [OCSP]},
            r.TokenPresented(token=r.TokenRef("DE8ACC12E46L89", "eMAID"), certificate_hashes=(OCSP,)),
        ),
        (
            "Get15118EVCertificate",
            {"iso15118SchemaVersion": "urn", "action": "Install", "exiRequest": "EXI"},
            r.VehicleCertificateRequested(exi="EXI", schema="urn", action="Install"),
        ),
        (
            "GetCertificateStatus",
            {"ocspRequestData": OCSP},
            r.CertificateStatusRequested(certificates=(OCSP,)),
        ),
        ("SignCertificate", {"csr": "PEM"}, r.SigningRequested(request="PEM", kind="V2GCertificate")),
    ],
)
def test_a_carried_message_becomes_its_report(v16, message, carried, report):
    data = json.dumps(carried)

    assert v16.report("DataTransfer", vendorId=VENDOR, messageId=message, data=data) == report


@pytest.mark.parametrize("data", ["", "{}", "[1]", '{"csr":5}'])
def test_what_cannot_be_read_stays_a_vendors_message(v16, data):
    report = v16.report("DataTransfer", vendorId=VENDOR, messageId="SignCertificate", data=data)

    assert isinstance(report, r.DataTransferred)
    assert report.vendor == VENDOR


@pytest.mark.parametrize(
    ("reply", "carried"),
    [
        (
            a.TokenAnswered(verdict=a.Verdict(status="not_at_this_time"), certificate_status="Accepted"),
            {"idTokenInfo": {"status": "NotAtThisTime"}, "certificateStatus": "Accepted"},
        ),
        (
            a.VehicleCertificateAnswered(status="Accepted", exi="EXI"),
            {"status": "Accepted", "exiResponse": "EXI"},
        ),
        (
            a.CertificateStatusAnswered(status="Accepted", ocsp="DER"),
            {"status": "Accepted", "ocspResult": "DER"},
        ),
        (a.SigningAnswered(accepted=False), {"status": "Rejected"}),
    ],
)
def test_a_reply_goes_back_the_way_the_message_came(v16, reply, carried):
    response = v16.response("DataTransfer", reply)

    assert response["status"] == "Accepted"
    assert json.loads(response["data"]) == carried


COMMANDS = [
    (c.Trigger(message="SignV2GCertificate"), "TriggerMessage", {"requestedMessage": "SignV2GCertificate"}),
    (
        c.InstallCertificate(use="MORootCertificate", certificate="PEM"),
        "InstallCertificate",
        {"certificateType": "MORootCertificate", "certificate": "PEM"},
    ),
    (
        c.DeleteCertificate(hash_data=HASHES, use="V2GRootCertificate"),
        "DeleteCertificate",
        {"certificateHashData": HASHES},
    ),
    (
        c.GetCertificates(uses=("V2GRootCertificate", "MORootCertificate")),
        "GetInstalledCertificateIds",
        {"certificateType": ["V2GRootCertificate", "MORootCertificate"]},
    ),
    (
        c.CertificateSigned(chain="PEM", use="V2GCertificate"),
        "CertificateSigned",
        {"certificateChain": "PEM", "certificateType": "V2GCertificate"},
    ),
]


@pytest.mark.parametrize(("command", "message", "carried"), COMMANDS, ids=[one[1] for one in COMMANDS])
def test_a_command_of_the_vehicles_world_is_carried(v16, command, message, carried):
    action, payload = v16.call(command)

    assert action == "DataTransfer"
    assert (payload["vendorId"], payload["messageId"]) == (VENDOR, message)
    assert json.loads(payload["data"]) == carried


@pytest.mark.parametrize(
    ("command", "data", "agreed", "status"),
    [
        (COMMANDS[0][0], '{"status":"Accepted"}', True, "Accepted"),
        (COMMANDS[1][0], '{"status":"Failed"}', False, "Failed"),
        (COMMANDS[3][0], '{"status":"NotFound"}', False, "NotFound"),
        (COMMANDS[4][0], "soon", False, "Unreadable"),
    ],
)
def test_the_carried_answer_counts(v16, command, data, agreed, status):
    answer = v16.answer(command, status="Accepted", data=data)

    assert (answer.agreed, answer.status) == (agreed, status)


def test_a_station_that_does_not_know_the_vendor_says_no(v16):
    answer = v16.answer(COMMANDS[0][0], status="UnknownVendorId")

    assert (answer.agreed, answer.status) == (False, "UnknownVendorId")
