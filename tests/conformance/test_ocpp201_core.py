"""OCPP 2.0.1, Core: the cases that decide most, by number. The rest are listed in test_counting.py."""

import pytest

from gridlane.ocpp.version import Version
from gridlane.simulator.virtual_station import VirtualStation

V201 = Version.V201


async def test_tc_a_01_the_right_password_lets_in(lab):
    async with lab.station(V201) as station:
        assert station.machine.accepted
        await lab.seen("SELECT 1 FROM stations WHERE connected AND protocol = 'ocpp2.0.1'")


@pytest.mark.parametrize("case", ["tc_a_02", "tc_a_03"])
async def test_tc_a_02_a_03_a_wrong_name_or_password_is_refused_and_told_the_operator(installation, case):
    made = await installation.register("CP-1")
    identity, password = ("CP-2", made["password"]) if case == "tc_a_02" else ("CP-1", "0" * 40)
    async with VirtualStation(installation.station_url, identity, V201, password=password) as station:
        if case == "tc_a_02":
            station.link.url = station.link.url.replace("CP-2", "CP-1")
        await station.until(lambda: station.link.refusals, "to be refused")
        assert station.link.refusals[0] == 401

    async def told():
        return (await installation.get("/handshakes"))["items"]

    (failure, *_more) = await installation.until(told)
    assert failure["identity"] == "CP-1"
    assert await installation.sql("SELECT 1 FROM stations WHERE connected") == []


async def test_tc_a_09_a_new_password_holds_and_the_old_one_no_longer(lab):
    async with lab.station(V201) as station:
        old = station.link.password
        await lab.ask("set_password")
        await station.until(
            lambda: station.link.password != old and station.link.connected.is_set(), "to return"
        )
        await lab.seen("SELECT 1 FROM stations WHERE jsonb_array_length(verifiers) = 1")
        (params,) = await lab.seen("SELECT params FROM operations")
        assert station.machine.password not in params


async def test_tc_a_10_a_rejected_password_changes_nothing(lab):
    async with lab.station(V201) as station:
        station.answers["SetVariables"] = lambda payload: {
            "setVariableResult": [
                {"attributeStatus": "Rejected", "component": one["component"], "variable": one["variable"]}
                for one in payload["setVariableData"]
            ]
        }
        await lab.ask("set_password", "refused")
        await lab.seen("SELECT 1 FROM stations WHERE jsonb_array_length(verifiers) = 1")
        await station.hang_up()
        await station.until(station.link.connected.is_set, "to come in with the old one")


async def test_tc_b_01_a_cold_boot_is_accepted_and_stored(lab):
    async with lab.station(V201) as station:
        row = await lab.seen("SELECT vendor, model, boot_reason FROM stations WHERE id = %s", lab.id)
        assert row == ("Gridlane", "Virtual", "PowerUp")
        await lab.connector("available")
        assert station.machine.heartbeat_interval == 300


@pytest.mark.parametrize("case", ["tc_b_02", "tc_b_30"])
async def test_tc_b_02_b_30_an_unknown_station_waits_and_may_only_boot(installation, case):
    async with VirtualStation(
        installation.station_url, "NEW-1", V201, password="0123456789abcdef0123"
    ) as station:
        await station.until(lambda: station.machine.booted, "to hear")
        assert not station.machine.accepted
        if case == "tc_b_30":
            assert await station.call("Heartbeat", {}) is None
            assert any("SecurityError" in frame for _, frame in station.machine.trace)
        (waiting,) = (await installation.get("/approvals"))["items"]
        await installation.post(f"/approvals/{waiting['id']}", {"site_id": str(installation.site_id)})
        await station.until(lambda: station.machine.accepted, "to be accepted", 15)
        assert len(await installation.sql("SELECT 1 FROM stations WHERE approval = 'accepted'")) == 1


def variable(name, component, **more):
    return {"variable": name, "component": component, **more}


@pytest.mark.parametrize("count", [1, 3], ids=["tc_b_06", "tc_b_07"])
async def test_tc_b_06_b_07_variables_are_read(lab, count):
    async with lab.station(V201):
        wanted = [
            variable("HeartbeatInterval", "OCPPCommCtrlr"),
            variable("Enabled", "AuthCtrlr"),
            variable("EVConnectionTimeOut", "TxCtrlr"),
        ][:count]
        ended = await lab.ask("get_variables", variables=wanted)
        assert all(one["variable"] in ended["answer"] for one in wanted)


@pytest.mark.parametrize("count", [1, 2], ids=["tc_b_09", "tc_b_10"])
async def test_tc_b_09_b_10_variables_are_set(lab, count):
    async with lab.station(V201) as station:
        wanted = [
            variable("HeartbeatInterval", "OCPPCommCtrlr", value="33"),
            variable("EVConnectionTimeOut", "TxCtrlr", value="44"),
        ][:count]
        await lab.ask("set_variables", variables=wanted)
        assert station.machine.model.value("OCPPCommCtrlr", "HeartbeatInterval") == "33"


@pytest.mark.parametrize("base", ["ConfigurationInventory", "FullInventory"], ids=["tc_b_12", "tc_b_13"])
async def test_tc_b_12_b_13_a_base_report_is_whole_when_its_last_part_came(lab, base):
    async with lab.station(V201) as station:
        await lab.ask("get_report", base=base)
        assert station.sent("NotifyReport")[-1]["tbc"] is False
        await lab.logged("NotifyReport", "%HeartbeatInterval%")


@pytest.mark.parametrize(
    ("immediate", "charging"),
    [pytest.param(False, False, id="tc_b_20"), pytest.param(True, True, id="tc_b_22")],
)
async def test_tc_b_20_b_22_a_reset_is_proved_by_the_boot(lab, immediate, charging):
    async with lab.station(V201) as station:
        if charging:
            await lab.charge(station)
        await lab.ask("reset", immediate=immediate)
        assert len(station.acknowledged("BootNotification")) == 2
        if charging:
            await lab.quiet(station)
            assert (await lab.session())[2] == "ImmediateReset"


async def test_tc_b_21_a_reset_on_idle_waits_for_the_session_to_end(lab):
    async with lab.station(V201) as station:
        await lab.charge(station)
        operation = await lab.agreed("reset")
        await station.tap(lab.card)
        await station.unplug()
        ended = await lab.installation.operation(operation, patience=20)
        assert ended["status"] == "verified"
        assert await lab.session()


@pytest.mark.parametrize(
    ("columns", "verdict"),
    [
        pytest.param(None, ("Invalid", "Unknown"), id="tc_c_02"),
        pytest.param({"status": "blocked"}, ("Blocked",), id="tc_c_06"),
        pytest.param({"valid_until": "2020-01-01T00:00:00Z"}, ("Expired",), id="tc_c_07"),
    ],
)
async def test_tc_c_02_c_06_c_07_a_card_that_may_not_charge_gives_no_energy(lab, columns, verdict):
    async with lab.station(V201) as station:
        if columns is not None:
            await lab.installation.issue_token(lab.friend, **columns)
        await station.plug_in()
        await station.tap(lab.friend)
        await station.until(lambda: station.machine.cache.get(lab.friend), "to hear about the card")
        assert station.machine.cache[lab.friend]["status"] in verdict
        assert station.evse().power == 0
        assert (await lab.seen("SELECT verdict FROM authorizations"))[0] != "accepted"


@pytest.mark.parametrize(
    ("enabled", "status"), [("true", "verified"), ("false", "refused")], ids=["tc_c_37", "tc_c_38"]
)
async def test_tc_c_37_c_38_the_cache_is_cleared_or_the_refusal_told(lab, enabled, status):
    async with lab.station(V201) as station:
        station.machine.cache["X"] = {"status": "Accepted"}
        station.machine.model.variables["authcachectrlr", "enabled", None, None].value = enabled
        await lab.ask("clear_cache", status)
        assert (station.machine.cache == {}) == (status == "verified")


async def test_tc_c_39_a_card_of_the_same_group_ends_the_session(lab):
    async with lab.station(V201) as station:
        await lab.installation.issue_token(lab.friend, group_id="FAMILY", concurrent=0)
        await lab.charge(station)
        await station.tap(lab.friend)
        await station.until(
            lambda: station.evse().transaction is None or station.evse().transaction.stop_reason, ""
        )
        await station.unplug()
        await lab.quiet(station)
        assert (await lab.session())[2] == "Local"


async def test_tc_f_01_a_remote_start_with_the_plug_in(lab):
    async with lab.station(V201) as station:
        await station.plug_in()
        await lab.ask("start_charging", token=lab.token(), evse=1)
        await station.until(lambda: station.evse().power > 0, "to charge")
        await lab.session("active")


@pytest.mark.parametrize("checked", ["true", "false"], ids=["tc_f_02", "tc_f_03"])
async def test_tc_f_02_f_03_a_remote_start_before_the_plug(lab, checked):
    async with lab.station(V201) as station:
        station.machine.model.variables["authctrlr", "authorizeremotestart", None, None].value = checked
        await lab.ask("start_charging", token=lab.token(), evse=1)
        await station.plug_in()
        await station.until(lambda: station.evse().power > 0, "to charge")
        assert bool(station.sent("Authorize")) == (checked == "true")
        await lab.session("active")


@pytest.mark.parametrize(
    "message",
    ["Heartbeat", "StatusNotification", "MeterValues", "FirmwareStatusNotification", "LogStatusNotification"],
)
async def test_tc_f_20_f_23_f_11_f_18_f_15_a_triggered_message_comes_and_proves_it(lab, message):
    async with lab.station(V201):
        await lab.ask("trigger", message=message)
        await lab.logged(message)


async def test_tc_f_27_a_message_the_station_cannot_send_is_told_so(lab):
    async with lab.station(V201):
        ended = await lab.ask("trigger", "refused", message="PublishFirmwareStatusNotification")
        assert "NotImplemented" in ended["evidence"]


@pytest.mark.parametrize("evse", [1, 0], ids=["evse", "station"])
async def test_tc_g_03_g_04_g_05_g_06_availability_is_changed_and_seen(lab, evse):
    async with lab.station(V201):
        await lab.ask("change_availability", operative=False, evse=evse)
        await lab.connector("unavailable")
        await lab.seen("SELECT 1 FROM availability_intervals WHERE until IS NULL AND state = 'unavailable'")
        await lab.ask("change_availability", operative=True, evse=evse)
        await lab.connector("available")


async def test_tc_g_11_availability_changes_when_the_session_is_over(lab):
    async with lab.station(V201) as station:
        await lab.charge(station)
        operation = await lab.agreed("change_availability", operative=False, evse=1)
        await station.tap(lab.card)
        await station.unplug()
        assert (await lab.installation.operation(operation))["status"] == "verified"
        await lab.connector("unavailable")


async def test_tc_j_09_sampled_values_of_a_session_are_stored(lab):
    async with lab.station(V201) as station:
        transaction = await lab.charge(station)
        await lab.seen(
            "SELECT 1 FROM readings r JOIN sessions s ON s.id = r.session_id "
            "WHERE s.transaction_id = %s GROUP BY s.id HAVING count(*) >= 3",
            transaction.id,
        )


async def test_tc_p_02_a_vendors_message_is_answered_as_unknown(lab):
    async with lab.station(V201) as station:
        answer = await station.call("DataTransfer", {"vendorId": "org.example", "data": "y"})
        assert answer.status in ("UnknownVendorId", "Rejected", "UnknownMessageId")
        await lab.logged("DataTransfer", "%org.example%")


async def test_tc_p_03_custom_data_is_accepted_and_kept(lab):
    async with lab.station(V201) as station:
        custom = {"vendorId": "org.example", "weather": "fine"}
        assert await station.call("Heartbeat", {"customData": custom}) is not None
        await lab.logged("Heartbeat", "%weather%")
