"""What a virtual station of 2.1 does with the blocks that 2.1 alone has: no socket, no time but the test's."""

import json
from datetime import UTC, datetime

import pytest

from gridlane.kernel.quantities import WattHours
from gridlane.ocpp.version import Version
from gridlane.simulator.making import make
from gridlane.simulator.station import StationSpec, _snake
from gridlane.simulator.vehicle import Vehicle

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


class Wire:
    """The other end: boots the station, and asks."""

    def __init__(self, **spec):
        self.station = make(StationSpec("CP-1", Version.V21, **spec))
        self.said = []
        self.station.opened(NOW)
        self.listen()

    def listen(self):
        answers = {
            "BootNotification": {"status": "Accepted", "currentTime": NOW.isoformat(), "interval": 300},
            "Authorize": {"idTokenInfo": {"status": "Accepted"}},
            "OpenPeriodicEventStream": {"status": "Accepted"},
        }
        while self.station.out:
            kind, id_, *rest = json.loads(self.station.out.popleft())
            if kind == 2:
                self.said.append((rest[0], rest[1]))
                answer = json.dumps([3, id_, answers.get(rest[0], {})])
                self.station.received_frame(answer.encode(), NOW)

    def asks(self, action, **payload):
        self.station.received_frame(json.dumps([2, "q", action, payload]).encode(), NOW)
        frames = [json.loads(frame) for frame in self.station.out]
        self.listen()
        return next(frame[2] for frame in frames if frame[0] == 3)

    def status(self, action, **payload):
        return self.asks(action, **payload)["status"]

    def charges(self):
        """A car charges; gives its transaction."""
        self.station.plug_in(1, Vehicle(delay=0.0, wanted=WattHours(50_000.0)), NOW)
        self.station.tap("CARD", 1, NOW)
        self.listen()
        transaction = self.station.evses[1].transaction
        assert self.station.evses[1].power > 0
        return transaction.id


def tariff(id_="T-1", price=0.4, currency="EUR", prices=1):
    return {"tariffId": id_, "currency": currency, "energy": {"prices": [{"priceKwh": price}] * prices}}


def profile(purpose, kind="Absolute", limit=6_000.0, id_=5):
    period = {"startPeriod": 0, "limit": limit}
    schedule = {"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": [period]}
    return {
        "id": id_, "stackLevel": 0, "chargingProfilePurpose": purpose, "chargingProfileKind": kind,
        "chargingSchedule": [schedule],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("action", "name"),
    [
        ("SetDERControl", "set_der_control"),
        ("AFRRSignal", "afrr_signal"),
        ("GetVariables", "get_variables"),
        ("GetCRL", "get_crl"),
    ],
)
def test_an_actions_method_is_named_by_its_words(action, name):
    assert _snake(action) == name


def test_tariffs_are_kept_told_and_cleared():
    wire = Wire(evses=2)
    assert wire.status("GetTariffs", evseId=0) == "NoTariff"
    assert wire.status("SetDefaultTariff", evseId=7, tariff=tariff()) == "Rejected"
    assert wire.status("SetDefaultTariff", evseId=1, tariff=tariff(prices=11)) == "TooManyElements"
    assert wire.status("SetDefaultTariff", evseId=1, tariff=tariff()) == "Accepted"
    assert wire.status("SetDefaultTariff", evseId=2, tariff=tariff(price=0.5)) == "DuplicateTariffId"
    assert wire.status("SetDefaultTariff", evseId=0, tariff=tariff()) == "Accepted"
    (told,) = wire.asks("GetTariffs", evseId=0)["tariffAssignments"]
    assert (told["tariffId"], told["evseIds"]) == ("T-1", [1, 2])
    results = wire.asks("ClearTariffs", tariffIds=["T-1", "T-9"])["clearTariffsResult"]
    assert [one["status"] for one in results] == ["Accepted", "NoTariff"]
    assert wire.asks("ClearTariffs")["clearTariffsResult"] == [{"status": "NoTariff"}]


def test_a_running_transaction_changes_its_tariff_but_not_its_currency():
    wire = Wire()
    assert wire.status("ChangeTransactionTariff", transactionId="x", tariff=tariff()) == "TxNotFound"
    running = wire.charges()
    assert wire.status("ChangeTransactionTariff", transactionId=running, tariff=tariff()) == "Accepted"
    other = tariff("T-2", currency="CHF")
    assert wire.status("ChangeTransactionTariff", transactionId=running, tariff=other) == "NoCurrencyChange"


def test_of_two_controls_of_feeding_back_the_one_of_higher_priority_counts():
    wire = Wire(direct=True)

    def droop(id_, priority):
        content = {
            "overFreq": 50.2,
            "underFreq": 49.8,
            "overDroop": 5.0,
            "underDroop": 5.0,
            "responseTime": 1.0,
        }
        return wire.asks(
            "SetDERControl", isDefault=False, controlId=id_, controlType="FreqDroop",
            freqDroop=content | {"priority": priority},
        )  # fmt: skip

    assert droop("a", 2) == {"status": "Accepted"}
    assert droop("b", 1) == {"status": "Accepted", "supersededIds": ["a"]}
    assert wire.status("GetDERControl", requestId=4, controlType="FreqDroop") == "Accepted"
    (report,) = [payload for action, payload in wire.said if action == "ReportDERControl"]
    assert [(one["id"], one["isSuperseded"]) for one in report["freqDroop"]] == [("a", True), ("b", False)]
    assert wire.status("ClearDERControl", isDefault=False, controlId="b") == "Accepted"
    assert wire.status("ClearDERControl", isDefault=False, controlId="b") == "NotFound"
    empty = {"isDefault": False, "controlId": "c", "controlType": "Gradients"}
    assert wire.status("SetDERControl", **empty) == "Rejected"


def test_a_station_without_an_inverter_says_so():
    gradient = {"priority": 1, "gradient": 5.0, "softGradient": 2.0}
    asked = {"isDefault": True, "controlId": "c", "controlType": "Gradients", "gradient": gradient}
    assert Wire().status("SetDERControl", **asked) == "NotSupported"


def test_a_stream_is_opened_by_the_station_and_paced_by_the_central_system():
    wire = Wire()
    assert wire.status("AdjustPeriodicEventStream", id=3, params={"interval": 60}) == "Rejected"
    wire.station.open_stream(3, 7, {"interval": 10}, NOW)
    wire.listen()
    assert wire.status("AdjustPeriodicEventStream", id=3, params={"interval": 60}) == "Accepted"
    (stream,) = wire.asks("GetPeriodicEventStream")["constantStreamData"]
    assert (stream["variableMonitoringId"], stream["params"]) == (7, {"interval": 60})
    wire.station.close_stream(3, NOW)
    wire.listen()
    assert wire.asks("GetPeriodicEventStream") == {}


def test_a_dynamic_limit_counts_at_once():
    wire = Wire()
    wire.charges()
    update = {"chargingProfileId": 5, "scheduleUpdate": {"limit": 5_000.0}}
    assert wire.status("UpdateDynamicSchedule", **update) == "Rejected"
    dynamic = profile("TxDefaultProfile", "Dynamic")
    assert wire.status("SetChargingProfile", evseId=1, chargingProfile=dynamic) == "Accepted"
    assert wire.station.evses[1].power == pytest.approx(6_000)
    assert wire.status("UpdateDynamicSchedule", **update) == "Accepted"
    assert wire.station.evses[1].power == pytest.approx(5_000)


def test_priority_lifts_a_transaction_to_its_own_profile_and_back():
    wire = Wire()
    running = wire.charges()
    wire.asks("SetChargingProfile", evseId=1, chargingProfile=profile("TxDefaultProfile", limit=5_000.0))
    assert wire.status("UsePriorityCharging", transactionId="x", activate=True) == "Rejected"
    assert wire.status("UsePriorityCharging", transactionId=running, activate=True) == "NoProfile"
    first = profile("PriorityCharging", limit=9_000.0, id_=6)
    assert wire.status("SetChargingProfile", evseId=1, chargingProfile=first) == "Accepted"
    assert wire.station.evses[1].power == pytest.approx(5_000)
    assert wire.status("UsePriorityCharging", transactionId=running, activate=True) == "Accepted"
    assert wire.station.evses[1].power == pytest.approx(9_000)
    assert wire.status("UsePriorityCharging", transactionId=running, activate=False) == "Accepted"
    assert wire.station.evses[1].power == pytest.approx(5_000)


def test_what_a_plain_charger_has_not_it_refuses():
    wire = Wire()
    token = {"idToken": "CARD", "type": "ISO14443"}
    assert wire.status("RequestBatterySwap", idToken=token, requestId=1) == "Rejected"
    assert wire.status("AFRRSignal", timestamp=NOW.isoformat(), signal=1) == "Rejected"
    transfer = {"transactionId": "x", "allowedEnergyTransfer": ["DC"]}
    assert wire.status("NotifyAllowedEnergyTransfer", **transfer) == "Rejected"
    assert wire.asks("NotifyWebPaymentStarted", evseId=1, timeout=60) == {}
