"""What must hold of every message of every version, whatever is in it."""

from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gridlane.kernel.errors import Kind
from gridlane.ocpp import codec
from gridlane.ocpp.actions import Direction, actions_of
from gridlane.ocpp.error_codes import CODES
from gridlane.ocpp.version import Version
from gridlane.stations import commands as c
from gridlane.stations import credentials
from gridlane.stations import replies as a
from gridlane.stations import reports as r
from gridlane.stations.dialects import CommandInvalid, Unsupported, dialect_for

SEEDS = st.integers(0, 2**32)
FEW = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
FROM_STATIONS = [
    (version, action.name)
    for version in Version
    for action in actions_of(version).values()
    if action.direction is not Direction.TO_STATION
]
COMMANDS = [(version, kind) for version in Version for kind in get_args(c.AnyCommand)]


@pytest.mark.parametrize(("version", "action"), FROM_STATIONS)
def test_every_valid_request_makes_a_report(version, action, made):
    @FEW
    @given(SEEDS)
    def check(seed):
        request = made.message_of(version, action, "Request", seed)
        report = dialect_for(version).report(action, request)

        assert isinstance(report, r.Report)
        assert hash(repr(report)) == hash(repr(dialect_for(version).report(action, request)))

    check()


CHAIN_STATUS = {
    "certificateHashData": {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": "n",
        "issuerKeyHash": "k",
        "serialNumber": "1",
    },
    "source": "OCSP",
    "status": "Good",
    "nextUpdate": "2026-11-24T00:00:00Z",
}
CERTIFICATE_STATUSES = st.none() | st.sampled_from(["Accepted", "CertificateExpired"])
REPLIES = {
    "Authorize": {a.TokenAnswered: {"certificate_status": CERTIFICATE_STATUSES, "tariff": st.none()}},
    "BootNotification": {a.BootAnswered: {}},
    "Heartbeat": {a.AliveAnswered: {}},
    "StartTransaction": {
        a.TransactionAnswered: {"transaction_id": st.integers(1, 2**31), "limits": st.just({})}
    },
    "StopTransaction": {a.TransactionAnswered: {"limits": st.just({})}},
    "TransactionEvent": {a.TransactionAnswered: {"limits": st.just({"maxEnergy": 5000.0})}},
    "DataTransfer": {a.StatusAnswered: {"status": st.just("Rejected")}},
    "SignCertificate": {a.SigningAnswered: {}},
    "Get15118EVCertificate": {
        a.VehicleCertificateAnswered: {
            "status": st.just("Accepted"),
            "exi": st.sampled_from(["", "exi", "x" * 20_000]),
            "remaining_contracts": st.none() | st.integers(0, 3),
        }
    },
    "GetCertificateStatus": {
        a.CertificateStatusAnswered: {
            "status": st.just("Accepted"),
            "ocsp": st.sampled_from([None, "ocsp", "x" * 20_000]),
        }
    },
    "GetCertificateChainStatus": {
        a.CertificateStatusAnswered: {"status": st.just("Accepted"), "results": st.just((CHAIN_STATUS,))}
    },
    "NotifyEVChargingNeeds": {a.StatusAnswered: {"status": st.just("Processing")}},
    "NotifyEVChargingSchedule": {a.StatusAnswered: {"status": st.just("Accepted")}},
    "VatNumberValidation": {
        a.VatNumberAnswered: {
            "number": st.text(max_size=20),
            "evse": st.integers(0, 9),
            "company": st.none(),
        }
    },
}
"""The replies an action may get, with the fields that hold words of the specification."""


@pytest.mark.parametrize(("version", "action"), FROM_STATIONS)
def test_every_reply_makes_a_valid_response(version, action, made):
    if actions_of(version)[action].response is None:
        return
    kinds = REPLIES.get(action, {})
    evses = st.lists(st.integers(0, 9), max_size=2).map(tuple)
    verdicts = made.structs_of(a.Verdict, evses=evses)
    replies = [
        made.structs_of(
            kind, **fixed, **({"verdict": verdicts} if "verdict" in kind.__struct_fields__ else {})
        )
        for kind, fixed in kinds.items()
    ]

    @FEW
    @given(st.one_of(replies) if replies else st.just(a.Noted()))
    def check(reply):
        response = dialect_for(version).response(action, reply)

        assert made.is_valid(version, action, "Response", response)

    check()


NEED_THE_REQUEST = {
    "Authorize", "BootNotification", "Heartbeat", "StartTransaction", "VatNumberValidation",
    "GetCertificateChainStatus",
}  # fmt: skip
"""Their response repeats or tells something: whoever handles them must say it."""


@pytest.mark.parametrize(("version", "action"), FROM_STATIONS)
def test_what_nobody_handles_is_answered_all_the_same(version, action, made):
    dialect = dialect_for(version)
    if action in NEED_THE_REQUEST or actions_of(version)[action].response is None:
        with pytest.raises(TypeError):
            dialect.response(action, a.Noted())
    else:
        assert made.is_valid(version, action, "Response", dialect.response(action, a.Noted()))


def test_a_reply_that_does_not_answer_an_action_is_a_mistake_of_ours():
    with pytest.raises(TypeError, match="Heartbeat"):
        dialect_for(Version.V16).response("Heartbeat", a.BootAnswered(status="pending", now=None, interval=1))
    with pytest.raises(TypeError, match="AliveAnswered"):
        dialect_for(Version.V16).response("StatusNotification", a.AliveAnswered(now=None))


@pytest.mark.parametrize(("version", "kind"), COMMANDS)
def test_every_command_makes_a_valid_call_or_is_refused(version, kind, made):
    @FEW
    @given(made.structs_of(kind))
    def check(command):
        try:
            action, request = dialect_for(version).call(command)
        except (Unsupported, CommandInvalid):
            return
        assert made.is_valid(version, action, "Request", request)

    check()


PLAIN = {
    c.ShowCost: {"transaction": "1", "total": "1.50"},
    c.StopCharging: {"transaction": "42"},
    c.SetPassword: {"password": "0123456789abcdef"},
    c.SetVariables: {"variables": (c.VariableRef(variable="HeartbeatInterval", value="60"),)},
    c.GetVariables: {"variables": (c.VariableRef(variable="HeartbeatInterval"),)},
    c.GetCertificates: {"uses": ("CSMSRootCertificate",)},
}


@pytest.mark.parametrize(("version", "kind"), COMMANDS)
def test_every_valid_answer_is_understood(version, kind, made):
    dialect = dialect_for(version)
    phrase = dialect.tables.phrases.get(kind)
    if phrase is None:
        return
    fixed = {name: st.just(value) for name, value in PLAIN.get(kind, {}).items()}

    @FEW
    @given(made.structs_of(kind, **fixed), SEEDS)
    def check(command, seed):
        for action in phrase.actions:
            answer = dialect.answer(command, made.message_of(version, action, "Response", seed))
            assert isinstance(answer, c.Answer)
            assert answer.status

    check()


@pytest.mark.parametrize("version", Version)
def test_every_action_to_a_station_can_be_asked(version):
    dialect = dialect_for(version)
    said = {action for phrase in dialect.tables.phrases.values() for action in phrase.actions}
    to_stations = {
        action.name for action in dialect.actions.values() if action.direction is not Direction.TO_CENTRAL
    }

    assert said <= to_stations
    assert version is Version.V21 or said == to_stations


@pytest.mark.parametrize("version", Version)
def test_a_password_we_make_goes_to_every_station_as_it_is_kept(version, made):
    password = credentials.new_password()

    action, request = dialect_for(version).call(c.SetPassword(password=password))

    assert made.is_valid(version, action, "Request", request)
    assert f'"{password}"'.encode() in codec.encode(request)


@pytest.mark.parametrize("version", Version)
def test_a_raw_command_is_checked_like_any_other(version):
    dialect = dialect_for(version)

    action, _ = dialect.call(c.SendRaw(action="DataTransfer", payload={"vendorId": "me"}))
    assert action == "DataTransfer"
    with pytest.raises(CommandInvalid, match="vendorId"):
        dialect.call(c.SendRaw(action="DataTransfer", payload={}))
    for action in ("Heartbeat", "Bake"):
        with pytest.raises(Unsupported, match=action):
            dialect.call(c.SendRaw(action=action, payload={}))


@pytest.mark.parametrize("version", Version)
def test_every_kind_of_refusal_has_a_code_the_version_knows(version):
    assert {dialect_for(version).error_code(kind) for kind in Kind} <= CODES[version]
