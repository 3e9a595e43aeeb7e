"""OCPP 1.6: firmware, local authorization list, remote trigger, reservation, smart charging."""

from datetime import UTC, datetime, timedelta

import pytest

from gridlane.kernel.quantities import WattHours
from gridlane.simulator.vehicle import Vehicle


def soon(**delta):
    return (datetime.now(UTC) + timedelta(**delta)).isoformat()


@pytest.mark.parametrize(
    ("location", "status", "last"),
    [
        pytest.param("https://files.example/2.0", "verified", "Installed", id="tc16_044_1"),
        pytest.param("https://files.example/fail-download", "unverified", "DownloadFailed", id="tc16_044_2"),
        pytest.param(
            "https://files.example/fail-install", "unverified", "InstallationFailed", id="tc16_044_3"
        ),
    ],
)
async def test_tc16_044_1_044_2_044_3_a_firmware_update_ends_as_the_station_tells(
    lab, v16, location, status, last
):
    async with lab.station(v16, speed=5.0, meter_interval=60):
        ended = await lab.ask("update_firmware", status, location=location, retrieve=soon(seconds=-1))
        assert last.casefold() in f"{ended['evidence']} installed".casefold()
        await lab.logged("FirmwareStatusNotification", f"%{last}%")
        if last == "Installed":
            await lab.seen("SELECT 1 FROM stations WHERE firmware = '2.0'")


@pytest.mark.parametrize("case", ["tc16_045_2"])
async def test_tc16_045_2_diagnostics_that_cannot_be_uploaded_are_told_so(lab, v16, case):
    async with lab.station(v16):
        ended = await lab.ask("get_log", "unverified", location="ftp://nowhere.example/logs")
        assert "Upload" in ended["evidence"]
        await lab.logged("DiagnosticsStatusNotification", "%UploadFailed%")


def entry(number, status="Accepted"):
    return {"idToken": {"idToken": number, "type": "ISO14443"}, "idTokenInfo": {"status": status}}


async def test_tc16_042_1_a_station_without_a_list_says_so(lab, v16):
    async with lab.station(v16) as station:
        station.machine.configuration["LocalAuthListEnabled"] = "false"
        operation = await lab.installation.command(lab.id, "get_local_list_version")
        ended = await lab.installation.operation(operation)
        assert (ended["status"], "NotSupported" in ended["evidence"]) == ("refused", True)


async def test_tc16_042_2_an_empty_list_has_version_zero(lab, v16):
    async with lab.station(v16):
        ended = await lab.ask("get_local_list_version")
        assert "0" in ended["answer"]


async def test_tc16_043_1_a_list_that_is_not_supported_is_told_so(lab, v16):
    async with lab.station(v16) as station:
        station.machine.configuration["LocalAuthListEnabled"] = "false"
        ended = await lab.ask("send_local_list", "refused", version=1, full=True, entries=[entry(lab.card)])
        assert "NotSupported" in ended["evidence"]
        assert station.machine.local_list == {}


async def test_tc16_043_3_a_list_that_fails_is_told_so(lab, v16):
    async with lab.station(v16) as station:
        station.answers["SendLocalList"] = "Failed"
        ended = await lab.ask("send_local_list", "refused", version=1, full=True, entries=[entry(lab.card)])
        assert "Failed" in ended["evidence"]


async def test_tc16_043_4_a_full_list_replaces_what_was_there(lab, v16):
    async with lab.station(v16) as station:
        station.machine.local_list = {"OLD": {"status": "Accepted"}}
        await lab.ask("send_local_list", version=1, full=True, entries=[entry(lab.card)])
        assert list(station.machine.local_list) == [lab.card]
        assert station.machine.local_list_version == 1


async def test_tc16_043_5_a_differential_list_adds_and_removes(lab, v16):
    async with lab.station(v16) as station:
        await lab.ask("send_local_list", version=1, full=True, entries=[entry(lab.card), entry(lab.friend)])
        gone = {"idToken": {"idToken": lab.friend, "type": "ISO14443"}}
        await lab.ask(
            "send_local_list", version=2, full=False, entries=[gone, entry(lab.stranger, "Blocked")]
        )
        assert sorted(station.machine.local_list) == sorted([lab.card, lab.stranger])
        assert station.machine.local_list_version == 2


@pytest.mark.parametrize(
    "message",
    [
        "BootNotification",
        "Heartbeat",
        "StatusNotification",
        "MeterValues",
        "FirmwareStatusNotification",
        "DiagnosticsStatusNotification",
    ],
)
async def test_tc16_054_a_message_that_was_triggered_comes_and_proves_it(lab, v16, message):
    async with lab.station(v16):
        await lab.ask("trigger", message=message)
        await lab.logged(message)


async def test_tc16_055_a_trigger_that_is_rejected_is_told_so(lab, v16):
    async with lab.station(v16) as station:
        station.answers["TriggerMessage"] = "Rejected"
        await lab.ask("trigger", "refused", message="MeterValues")


def reservation(lab, **more):
    return {"reservation_id": 7, "token": lab.token(), "expires": soon(minutes=30), "evse": 1, **more}


async def test_tc16_046_a_reserved_connector_is_kept_for_its_card(lab, v16):
    async with lab.station(v16) as station:
        await lab.installation.issue_token(lab.friend)
        await lab.ask("reserve", **reservation(lab))
        await lab.connector("reserved")
        await station.plug_in()
        await station.tap(lab.friend)
        assert station.evse().transaction is None
        await station.tap(lab.card)
        await station.until(lambda: station.evse().power > 0, "to charge")
        await lab.session("active")
        assert station.sent("StartTransaction")[0]["reservationId"] == 7
        assert await lab.seen("SELECT reservation_id FROM sessions") == (7,)


async def test_tc16_047_a_reservation_that_is_not_used_expires(lab, v16):
    async with lab.station(v16):
        await lab.ask("reserve", **reservation(lab, expires=soon(seconds=4)))
        await lab.connector("reserved")
        await lab.connector("available")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("Faulted", id="tc16_048_1"),
        pytest.param("Occupied", id="tc16_048_2"),
        pytest.param("Unavailable", id="tc16_048_3"),
        pytest.param("Rejected", id="tc16_048_4"),
    ],
)
async def test_tc16_048_1_048_2_048_3_048_4_a_reservation_that_cannot_be_made_is_told_so(lab, v16, answer):
    async with lab.station(v16) as station:
        if answer == "Faulted":
            await station.fault(1, "GroundFailure")
        elif answer == "Occupied":
            await station.plug_in()
        elif answer == "Unavailable":
            await lab.ask("change_availability", operative=False, evse=1)
        else:
            station.answers["ReserveNow"] = "Rejected"
        ended = await lab.ask("reserve", "refused", **reservation(lab))
        assert answer in ended["evidence"]
        assert station.evse().reservation is None


async def test_tc16_049_a_station_is_reserved_without_naming_the_connector(lab, v16):
    async with lab.station(v16) as station:
        await lab.ask("reserve", **reservation(lab, evse=None))
        await lab.connector("reserved")
        await station.plug_in()
        await station.tap(lab.card)
        await station.until(lambda: station.evse().power > 0, "to charge")
        await lab.session("active")


async def test_tc16_051_a_reservation_is_cancelled(lab, v16):
    async with lab.station(v16) as station:
        await lab.ask("reserve", **reservation(lab))
        await lab.ask("cancel_reservation", reservation_id=7)
        await lab.connector("available")
        assert station.evse().reservation is None


async def test_tc16_052_cancelling_an_unknown_reservation_is_refused(lab, v16):
    async with lab.station(v16):
        await lab.ask("cancel_reservation", "refused", reservation_id=99)


async def test_tc16_053_a_card_of_the_same_group_uses_the_reservation(lab, v16):
    async with lab.station(v16) as station:
        await lab.installation.issue_token(lab.friend, group_id="FAMILY")
        group = {"value": "FAMILY", "kind": "Central"}
        await lab.ask("reserve", **reservation(lab, group=group))
        station.machine.cache[lab.friend] = {"status": "Accepted", "parentIdTag": "FAMILY"}
        await station.plug_in()
        await station.tap(lab.friend)
        await station.until(lambda: station.evse().power > 0, "to charge")
        await lab.session("active")


def profile(amperes, purpose="TxDefaultProfile", **more):
    periods = [{"start": 0, "limit": amperes}]
    return {"id": 5, "stack_level": 0, "purpose": purpose, "kind": "Relative", "periods": periods, **more}


def thirsty():
    return Vehicle(delay=0.0, wanted=WattHours(1e6), capacity=WattHours(1e6))


async def test_tc16_056_a_default_limit_is_obeyed_by_what_is_plugged_in_later(lab, v16):
    async with lab.station(v16) as station:
        await lab.ask("set_charging_profile", evse=0, profile=profile(10.0))
        await station.plug_in(vehicle=thirsty())
        await station.tap(lab.card)
        await station.until(lambda: station.evse().power > 0, "to charge")
        assert station.evse().power == pytest.approx(6900)
        await lab.seen("SELECT 1 FROM sessions WHERE power BETWEEN 6800 AND 7000")


async def test_tc16_057_a_limit_for_the_running_session_is_obeyed(lab, v16):
    async with lab.station(v16) as station:
        await station.plug_in(vehicle=thirsty())
        await station.tap(lab.card)
        await station.until(lambda: station.evse().transaction and station.evse().transaction.id, "to charge")
        transaction = station.evse().transaction.id
        await lab.ask(
            "set_charging_profile", evse=1, profile=profile(8.0, "TxProfile", transaction=transaction)
        )
        await station.until(lambda: station.evse().power == pytest.approx(5520), "to obey")
        await lab.seen("SELECT 1 FROM sessions WHERE power BETWEEN 5400 AND 5600")


async def test_tc16_059_a_remote_start_brings_its_limit(lab, v16):
    async with lab.station(v16) as station:
        await station.plug_in(vehicle=thirsty())
        await lab.ask("start_charging", token=lab.token(), evse=1, profile=profile(9.0, "TxProfile"))
        await station.until(lambda: station.evse().power == pytest.approx(6210), "to obey")


async def test_tc16_066_a_composite_schedule_is_read_back(lab, v16):
    async with lab.station(v16):
        await lab.ask("set_charging_profile", evse=1, profile=profile(10.0))
        ended = await lab.ask("get_composite_schedule", evse=1, duration=600, unit="A")
        assert "10.0" in ended["answer"]


async def test_tc16_067_a_limit_is_cleared_and_the_current_rises(lab, v16):
    async with lab.station(v16) as station:
        await lab.ask("set_charging_profile", evse=1, profile=profile(10.0))
        await lab.ask("clear_charging_profile", profile_id=5)
        assert station.machine.profiles.installed == []
        await station.plug_in(vehicle=thirsty())
        await station.tap(lab.card)
        await station.until(
            lambda: station.evse().power == pytest.approx(11_000), "to charge at its own rate"
        )
