"""OCPP 1.6, core profile."""

import pytest

from gridlane.simulator.vehicle import Vehicle


async def test_tc16_001_a_cold_boot_is_accepted_and_stored(lab, v16):
    async with lab.station(v16) as station:
        row = await lab.seen("SELECT vendor, model, firmware, connected FROM stations WHERE id = %s", lab.id)
        assert row == ("Gridlane", "Virtual", "1.0.0", True)
        await lab.connector("available")
        assert station.machine.heartbeat_interval == 300


async def test_tc16_003_a_session_with_the_plug_first(lab, v16):
    async with lab.station(v16) as station:
        transaction = await lab.charge(station)
        await station.tap(lab.card)
        await lab.quiet(station)
        assert await lab.session() == (
            transaction.id,
            pytest.approx(station.evse().register, abs=1),
            "Local",
            False,
        )
        await station.unplug()
        await lab.connector("available")


async def test_tc16_004_1_a_session_with_the_card_first(lab, v16):
    async with lab.station(v16) as station:
        transaction = await lab.charge(station, plug_first=False)
        await station.tap(lab.card)
        await lab.quiet(station)
        assert (await lab.session())[0] == transaction.id


async def test_tc16_004_2_a_card_without_a_plug_runs_out_and_starts_nothing(lab, v16):
    async with lab.station(v16, speed=20.0, meter_interval=60) as station:
        await station.tap(lab.card)
        await lab.connector("preparing")
        await lab.connector("available")
        assert await lab.installation.sql("SELECT 1 FROM sessions") == []


async def test_tc16_005_1_unplugging_at_the_car_ends_the_session(lab, v16):
    async with lab.station(v16) as station:
        await lab.charge(station)
        await station.unplug()
        await lab.quiet(station)
        assert (await lab.session())[2] == "EVDisconnected"
        await lab.connector("available")


async def test_tc16_007_a_card_the_station_knows_starts_and_is_checked_again(lab, v16):
    async with lab.station(v16) as station:
        station.machine.cache[lab.card] = {"status": "Accepted"}
        station.machine.configuration["LocalPreAuthorize"] = "true"
        await lab.charge(station)
        assert station.sent("Authorize") == []
        assert (await lab.seen("SELECT verdict FROM authorizations"))[0] == "accepted"


async def test_tc16_010_a_remote_start_with_the_plug_in(lab, v16):
    async with lab.station(v16) as station:
        await station.plug_in()
        await lab.ask("start_charging", token=lab.token(), evse=1)
        await station.until(lambda: station.evse().power > 0, "to charge")
        assert (await lab.session("active"))[0] == station.evse().transaction.id


async def test_tc16_011_1_a_remote_start_before_the_plug(lab, v16):
    async with lab.station(v16) as station:
        operation = await lab.agreed("start_charging", token=lab.token(), evse=1)
        await lab.connector("preparing")
        await station.plug_in()
        ended = await lab.installation.operation(operation)
        assert ended["status"] == "verified"
        await lab.session("active")


async def test_tc16_011_2_a_remote_start_that_nobody_plugs_in_for_starts_nothing(lab, v16):
    async with lab.station(v16, speed=20.0, meter_interval=60) as station:
        operation = await lab.agreed("start_charging", token=lab.token(), evse=1)
        await lab.connector("preparing")
        await lab.connector("available")
        assert await lab.installation.sql("SELECT 1 FROM sessions") == []
        assert (await lab.installation.get(f"/operations/{operation['id']}"))["status"] == "agreed"
        assert station.evse().token is None


async def test_tc16_012_a_remote_stop(lab, v16):
    async with lab.station(v16) as station:
        transaction = await lab.charge(station)
        await lab.ask("stop_charging", transaction=transaction.id)
        await lab.quiet(station)
        assert (await lab.session())[2] == "Remote"


@pytest.mark.parametrize(
    ("immediate", "reason"),
    [pytest.param(True, "HardReset", id="tc16_013"), pytest.param(False, "SoftReset", id="tc16_014")],
)
async def test_tc16_013_014_a_reset_ends_the_session_and_is_proved_by_the_boot(lab, v16, immediate, reason):
    async with lab.station(v16) as station:
        await lab.charge(station)
        await lab.ask("reset", immediate=immediate)
        await lab.quiet(station)
        assert (await lab.session())[2] == reason
        assert len(station.acknowledged("BootNotification")) == 2


@pytest.mark.parametrize("case", ["tc16_017_1", "tc16_017_2"])
async def test_tc16_017_1_017_2_a_plug_is_unlocked_without_a_session(lab, v16, case):
    async with lab.station(v16) as station:
        station.answers["UnlockConnector"] = "Unlocked" if case == "tc16_017_1" else "NotSupported"
        status = "verified" if case == "tc16_017_1" else "refused"
        ended = await lab.ask("unlock", status, evse=1)
        assert station.received("UnlockConnector") == [{"connectorId": 1}]
        assert ended["answer"] is not None


async def test_tc16_018_1_unlocking_ends_the_session(lab, v16):
    async with lab.station(v16) as station:
        await lab.charge(station)
        await lab.ask("unlock", evse=1)
        await lab.quiet(station)
        assert (await lab.session())[2] == "UnlockCommand"


@pytest.mark.parametrize("keys", [(), ("HeartbeatInterval", "Nonsense")], ids=["tc16_019_1", "tc16_019_2"])
async def test_tc16_019_1_019_2_configuration_keys_are_read(lab, v16, keys):
    async with lab.station(v16) as station:
        variables = [{"variable": key} for key in keys]
        ended = await lab.ask("get_variables", variables=variables)
        assert "HeartbeatInterval" in ended["answer"]
        (asked,) = station.received("GetConfiguration")
        assert asked.get("key", []) == list(keys)


async def test_tc16_021_a_configuration_key_is_set(lab, v16):
    async with lab.station(v16) as station:
        await lab.ask("set_variables", variables=[{"variable": "MeterValueSampleInterval", "value": "7"}])
        assert station.machine.configuration["MeterValueSampleInterval"] == "7"


@pytest.mark.parametrize(
    ("columns", "verdict"),
    [
        pytest.param(None, "Invalid", id="tc16_023_1"),
        pytest.param({"valid_until": "2020-01-01T00:00:00Z"}, "Expired", id="tc16_023_2"),
        pytest.param({"status": "blocked"}, "Blocked", id="tc16_023_3"),
    ],
)
async def test_tc16_023_1_023_2_023_3_a_card_that_may_not_charge_starts_nothing(lab, v16, columns, verdict):
    async with lab.station(v16) as station:
        if columns is not None:
            await lab.installation.issue_token(lab.friend, **columns)
        await station.plug_in()
        await station.tap(lab.friend)
        await station.until(lambda: station.machine.cache.get(lab.friend), "to hear about the card")
        assert station.machine.cache[lab.friend]["status"] == verdict
        assert (await lab.seen("SELECT verdict FROM authorizations"))[0] != "accepted"
        assert await lab.installation.sql("SELECT 1 FROM sessions") == []


async def test_tc16_024_a_lock_that_fails_is_shown_as_a_fault(lab, v16):
    async with lab.station(v16) as station:
        await station.plug_in()
        await station.fault(1, "ConnectorLockFailure")
        await lab.connector("faulted")
        assert await lab.seen("SELECT error FROM connectors WHERE evse = 1") == ("ConnectorLockFailure",)
        assert await lab.seen("SELECT state FROM availability_intervals WHERE until IS NULL") == ("faulted",)


async def test_tc16_026_a_remote_start_that_is_rejected_is_told_so(lab, v16):
    async with lab.station(v16) as station:
        await station.fault(1, "GroundFailure")
        await lab.ask("start_charging", "refused", token=lab.token(), evse=1)
        assert await lab.installation.sql("SELECT 1 FROM sessions") == []


async def test_tc16_028_a_remote_stop_of_an_unknown_transaction_is_refused_and_stops_nobody(lab, v16):
    async with lab.station(v16) as station:
        transaction = await lab.charge(station)
        await lab.ask("stop_charging", "refused", transaction=str(int(transaction.id) % 1000 + 1))
        assert (await lab.session("active"))[0] == transaction.id


@pytest.mark.parametrize(
    ("answer", "evse"), [("UnlockFailed", 1), ("NotSupported", 1)], ids=["tc16_030", "tc16_031"]
)
async def test_tc16_030_031_an_unlock_that_fails_is_told_so(lab, v16, answer, evse):
    async with lab.station(v16) as station:
        station.answers["UnlockConnector"] = answer
        ended = await lab.ask("unlock", "refused", evse=evse)
        assert answer in ended["evidence"]


async def test_tc16_032_1_a_power_failure_ends_the_session_by_what_the_station_says_after_its_boot(lab, v16):
    async with lab.station(v16) as station:
        transaction = await lab.charge(station)
        await station.link.do(station.machine.power_cycle)
        await station.until(lambda: len(station.acknowledged("BootNotification")) == 2, "to boot again")
        await lab.quiet(station)
        assert (await lab.session())[::2] == (transaction.id, "PowerLoss")


async def offline_session(station, card):
    await station.hang_up(stay_offline=True)
    await station.until(lambda: not station.link.connected.is_set(), "to be offline")
    station.machine.local_list[card] = {"status": "Accepted"}
    await station.plug_in(vehicle=Vehicle(delay=0.0))
    await station.tap(card)
    await station.until(lambda: station.evse().transaction, "to start offline")


async def test_tc16_037_1_a_start_made_offline_is_told_later_and_goes_on(lab, v16):
    async with lab.station(v16) as station:
        await offline_session(station, lab.card)
        station.go_online()
        transaction = station.evse().transaction
        await station.until(lambda: transaction.id, "to learn its id")
        assert (await lab.session("active"))[0] == transaction.id


async def test_tc16_037_3_an_offline_start_with_an_invalid_card_is_ended_and_no_session_counts(lab, v16):
    async with lab.station(v16) as station:
        await offline_session(station, lab.stranger)
        station.go_online()
        await station.until(lambda: station.acknowledged("StopTransaction"), "to stop")
        transaction_id, _energy, reason, refused = await lab.session()
        assert (reason, refused) == ("DeAuthorized", True)
        assert transaction_id


async def test_tc16_039_a_whole_session_offline_is_told_later(lab, v16):
    async with lab.station(v16) as station:
        await offline_session(station, lab.card)
        await station.tap(lab.card)
        station.go_online()
        await station.until(lambda: station.acknowledged("StopTransaction"), "to tell")
        assert (await lab.session())[2:] == ("Local", False)


@pytest.mark.parametrize(
    ("key", "value", "status"),
    [("Nonsense", "1", "NotSupported"), ("MeterValueSampleInterval", "-1", "Rejected")],
    ids=["tc16_040_1", "tc16_040_2"],
)
async def test_tc16_040_1_040_2_a_key_that_cannot_be_set_is_told_so(lab, v16, key, value, status):
    async with lab.station(v16) as station:
        ended = await lab.ask("set_variables", "refused", variables=[{"variable": key, "value": value}])
        assert status in ended["answer"]
        assert station.machine.configuration.get(key) != value


async def test_tc16_061_the_cache_is_cleared(lab, v16):
    async with lab.station(v16) as station:
        station.machine.cache["X"] = {"status": "Accepted"}
        await lab.ask("clear_cache")
        assert station.machine.cache == {}


async def test_tc16_064_a_vendors_message_is_kept_and_answered_as_unknown(lab, v16):
    async with lab.station(v16) as station:
        answer = await station.call(
            "DataTransfer", {"vendorId": "org.example", "messageId": "x", "data": "y"}
        )
        assert answer.status in ("UnknownVendorId", "UnknownMessageId", "Rejected")
        assert "org.example" in (await lab.logged("DataTransfer"))[0]
