"""A virtual station against a central system that says yes: no socket, no time but the test's."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from gridlane.kernel.quantities import WattHours
from gridlane.ocpp.actions import Role
from gridlane.ocpp.conversation import CallReceived, Conversation, ResultReceived
from gridlane.ocpp.version import Version
from gridlane.simulator.making import make
from gridlane.simulator.station import StationSpec
from gridlane.simulator.vehicle import Vehicle

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
VERSIONS = [Version.V16, Version.V201, Version.V21]


class Yes:
    """The other end of the wire: answers every call with what it needs to go on."""

    def __init__(self, version, **spec):
        self.station = make(StationSpec("CP-1", version, **spec))
        self.central = Conversation(version, Role.CENTRAL)
        self.now = NOW
        self.heard = []
        self.results = []
        self.next_transaction = 41
        self.station.opened(self.now)
        self.talk()

    def talk(self):
        while self.station.out:
            for event in self.central.receive(self.station.out.popleft(), 0.0):
                if isinstance(event, CallReceived):
                    self.heard.append((event.action, json.loads(event.raw)[3]))
                    payload = json.dumps(self.answer(event.action))
                    self.station.received_frame(f'[3,"{event.message_id}",{payload}]'.encode(), self.now)
                if isinstance(event, ResultReceived):
                    self.results.append((event.action, json.loads(event.raw)[2]))

    def answer(self, action):
        at = self.now.isoformat()
        accepted = {"status": "Accepted"}
        if action == "StartTransaction":
            self.next_transaction += 1
            return {"transactionId": self.next_transaction, "idTagInfo": accepted}
        if action == "Authorize":
            return (
                {"idTagInfo": accepted}
                if self.station.spec.version is Version.V16
                else {"idTokenInfo": accepted}
            )
        return {
            "BootNotification": {**accepted, "currentTime": at, "interval": 300},
            "Heartbeat": {"currentTime": at},
            "SignCertificate": accepted,
        }.get(action, {})

    def ask(self, action, payload):
        self.station.received_frame(json.dumps([2, "q", action, payload]).encode(), self.now)
        return self.pass_time(0)

    def asked(self, action, payload):
        """The answer of the station to a call of ours."""
        before = len(self.station.trace)
        self.station.received_frame(json.dumps([2, "q", action, payload]).encode(), self.now)
        frames = [json.loads(frame) for way, frame in self.station.trace[before:] if way == ">"]
        self.talk()
        return next(frame[2] for frame in frames if frame[0] == 3)

    def pass_time(self, seconds, step=1):
        for _ in range(0, max(1, seconds), step):
            self.now += timedelta(seconds=step if seconds else 0)
            self.station.tick(self.now)
            self.talk()

    def actions(self):
        return [action for action, _ in self.heard]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_station_boots_and_shows_its_connectors(version):
    wire = Yes(version, evses=2)
    assert wire.actions()[0] == "BootNotification"
    assert wire.actions().count("StatusNotification") == (3 if version is Version.V16 else 2)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_from_plug_to_unplug_counts_the_energy_that_flowed(version):
    wire = Yes(version, meter_interval=60)
    wire.station.plug_in(1, Vehicle(delay=0.0, wanted=WattHours(1e6), capacity=WattHours(1e6)), wire.now)
    wire.station.tap("CARD", 1, wire.now)
    wire.talk()
    wire.pass_time(360)
    wire.station.tap("CARD", 1, wire.now)
    wire.talk()
    wire.station.unplug(1, wire.now)
    wire.talk()
    assert wire.station.evses[1].register == pytest.approx(11_000 * 360 / 3600, rel=0.02)
    if version is Version.V16:
        stop = next(payload for action, payload in wire.heard if action == "StopTransaction")
        assert stop["transactionId"] == 42
        assert stop["meterStop"] == round(wire.station.evses[1].register)
        assert wire.actions().count("MeterValues") >= 5
    else:
        events = [payload for action, payload in wire.heard if action == "TransactionEvent"]
        assert [one["seqNo"] for one in events] == list(range(len(events)))
        assert [events[0]["eventType"], events[-1]["eventType"]] == ["Started", "Ended"]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_happens_offline_is_told_later_in_order(version):
    wire = Yes(version)
    wire.station.local_list["CARD"] = {"status": "Accepted"}
    wire.station.closed(wire.now)
    wire.station.plug_in(1, Vehicle(delay=0.0), wire.now)
    wire.station.tap("CARD", 1, wire.now)
    wire.now += timedelta(minutes=10)
    wire.station.tick(wire.now)
    wire.station.tap("CARD", 1, wire.now)
    wire.heard.clear()
    wire.central = Conversation(version, Role.CENTRAL)
    wire.station.opened(wire.now)
    wire.talk()
    wire.pass_time(30)
    told = [(a, p) for a, p in wire.heard if a in ("StartTransaction", "StopTransaction", "TransactionEvent")]
    if version is Version.V16:
        assert [action for action, _ in told] == ["StartTransaction", "StopTransaction"]
        assert told[1][1]["transactionId"] == 42
    else:
        assert all(payload["offline"] for _, payload in told)
        assert [payload["seqNo"] for _, payload in told] == list(range(len(told)))
    assert "BootNotification" not in wire.actions()


def profile(limit, *, purpose="TxDefaultProfile", number=1, level=0):
    return {
        "chargingProfileId" if purpose else "id": number,
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Relative",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
        },
    }


def test_a_profile_lowers_the_current_and_its_removal_frees_it():
    wire = Yes(Version.V16)
    wire.station.plug_in(1, Vehicle(delay=0.0, wanted=WattHours(1e6), capacity=WattHours(1e6)), wire.now)
    wire.station.tap("CARD", 1, wire.now)
    wire.talk()
    wire.pass_time(5)
    assert wire.station.evses[1].power == pytest.approx(11_000)
    answer = wire.asked("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile(10.0)})
    assert answer == {"status": "Accepted"}
    wire.pass_time(2)
    assert wire.station.evses[1].power == pytest.approx(10 * 230 * 3)
    assert wire.asked("ClearChargingProfile", {"id": 1}) == {"status": "Accepted"}
    wire.pass_time(2)
    assert wire.station.evses[1].power == pytest.approx(11_000)


def test_a_tx_profile_without_a_transaction_is_refused():
    wire = Yes(Version.V16)
    answer = wire.asked(
        "SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile(10.0, purpose="TxProfile")}
    )
    assert answer == {"status": "Rejected"}


def test_below_six_amperes_a_car_takes_nothing():
    wire = Yes(Version.V16)
    wire.station.plug_in(1, Vehicle(delay=0.0), wire.now)
    wire.station.tap("CARD", 1, wire.now)
    wire.talk()
    wire.asked("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile(5.0)})
    wire.pass_time(3)
    assert wire.station.evses[1].power == 0


def test_the_device_model_says_what_is_unknown_and_what_is_read_only():
    wire = Yes(Version.V201)

    def set_variable(component, variable, value):
        data = {"component": {"name": component}, "variable": {"name": variable}, "attributeValue": value}
        answer = wire.asked("SetVariables", {"setVariableData": [data]})
        return answer["setVariableResult"][0]["attributeStatus"]

    assert set_variable("Nonsense", "X", "1") == "UnknownComponent"
    assert set_variable("TxCtrlr", "X", "1") == "UnknownVariable"
    assert set_variable("SecurityCtrlr", "SecurityProfile", "3") == "Rejected"
    assert set_variable("OCPPCommCtrlr", "HeartbeatInterval", "60") == "Accepted"
    assert wire.station.heartbeat_interval == 60


def test_a_full_report_comes_in_parts_of_which_only_the_last_is_last():
    wire = Yes(Version.V201)
    answer = wire.asked("GetBaseReport", {"requestId": 7, "reportBase": "FullInventory"})
    assert answer == {"status": "Accepted"}
    parts = [payload for action, payload in wire.heard if action == "NotifyReport"]
    assert [part["seqNo"] for part in parts] == list(range(len(parts)))
    assert [part["tbc"] for part in parts] == [True] * (len(parts) - 1) + [False]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_firmware_update_ends_in_a_boot_with_the_new_version(version):
    wire = Yes(version)
    if version is Version.V16:
        wire.ask("UpdateFirmware", {"location": "https://x/2.0", "retrieveDate": wire.now.isoformat()})
    else:
        firmware = {"location": "https://x/2.0", "retrieveDateTime": wire.now.isoformat()}
        wire.ask("UpdateFirmware", {"requestId": 1, "firmware": firmware})
    wire.pass_time(12)
    assert wire.station.wants_reconnect
    assert wire.station.firmware_version == "2.0"
