"""OCPP 2.0.1, block B: boot, variables, reports, resets."""

import pytest

from gridlane.simulator.virtual_station import VirtualStation


async def test_tc_b_01_a_cold_boot_is_accepted_and_stored(lab, v201):
    async with lab.station(v201) as station:
        row = await lab.seen("SELECT vendor, model, boot_reason FROM stations WHERE id = %s", lab.id)
        assert row == ("Gridlane", "Virtual", "PowerUp")
        await lab.connector("available")
        assert station.machine.heartbeat_interval == 300


@pytest.mark.parametrize("case", ["tc_b_02", "tc_b_30"])
async def test_tc_b_02_b_30_an_unknown_station_waits_and_may_only_boot(installation, v201, case):
    async with VirtualStation(
        installation.station_url, "NEW-1", v201, password="0123456789abcdef0123"
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
async def test_tc_b_06_b_07_variables_are_read(lab, v201, count):
    async with lab.station(v201):
        wanted = [
            variable("HeartbeatInterval", "OCPPCommCtrlr"),
            variable("Enabled", "AuthCtrlr"),
            variable("EVConnectionTimeOut", "TxCtrlr"),
        ][:count]
        ended = await lab.ask("get_variables", variables=wanted)
        assert all(one["variable"] in ended["answer"] for one in wanted)


@pytest.mark.parametrize("count", [1, 2], ids=["tc_b_09", "tc_b_10"])
async def test_tc_b_09_b_10_variables_are_set(lab, v201, count):
    async with lab.station(v201) as station:
        wanted = [
            variable("HeartbeatInterval", "OCPPCommCtrlr", value="33"),
            variable("EVConnectionTimeOut", "TxCtrlr", value="44"),
        ][:count]
        await lab.ask("set_variables", variables=wanted)
        assert station.machine.model.value("OCPPCommCtrlr", "HeartbeatInterval") == "33"


@pytest.mark.parametrize("base", ["ConfigurationInventory", "FullInventory"], ids=["tc_b_12", "tc_b_13"])
async def test_tc_b_12_b_13_a_base_report_is_whole_when_its_last_part_came(lab, v201, base):
    async with lab.station(v201) as station:
        await lab.ask("get_report", base=base)
        assert station.sent("NotifyReport")[-1]["tbc"] is False
        await lab.logged("NotifyReport", "%HeartbeatInterval%")


@pytest.mark.parametrize(
    ("immediate", "charging"),
    [pytest.param(False, False, id="tc_b_20"), pytest.param(True, True, id="tc_b_22")],
)
async def test_tc_b_20_b_22_a_reset_is_proved_by_the_boot(lab, v201, immediate, charging):
    async with lab.station(v201) as station:
        if charging:
            await lab.charge(station)
        await lab.ask("reset", immediate=immediate)
        assert len(station.acknowledged("BootNotification")) == 2
        if charging:
            await lab.quiet(station)
            assert (await lab.session())[2] == "ImmediateReset"


async def test_tc_b_21_a_reset_on_idle_waits_for_the_session_to_end(lab, v201):
    async with lab.station(v201) as station:
        await lab.charge(station)
        operation = await lab.agreed("reset")
        await station.tap(lab.card)
        await station.unplug()
        ended = await lab.installation.operation(operation, patience=20)
        assert ended["status"] == "verified"
        assert await lab.session()


@pytest.mark.parametrize(
    ("immediate", "charging"),
    [
        pytest.param(False, False, id="tc_b_25"),
        pytest.param(False, True, id="tc_b_26"),
        pytest.param(True, True, id="tc_b_27"),
    ],
)
async def test_tc_b_25_b_26_b_27_one_evse_is_reset_and_the_station_stays(lab, v201, immediate, charging):
    async with lab.station(v201, evses=2) as station:
        if charging:
            await lab.charge(station)
            await station.plug_in(2)
        told = len(station.sent("StatusNotification"))
        operation = await lab.installation.command(lab.id, "reset", evse=1, immediate=immediate)
        if charging and not immediate:
            waiting = await lab.installation.operation(operation, "agreed")
            assert "Scheduled" in waiting["answer"]
            assert station.evse().power > 0
            await station.tap(lab.card)
        ended = await lab.installation.operation(operation, patience=20)
        assert (ended["status"], "EVSE 1 reported" in ended["evidence"]) == ("verified", True)
        assert station.received("Reset")[0]["evseId"] == 1
        assert len(station.sent("StatusNotification")) > told
        assert len(station.acknowledged("BootNotification")) == 1
        if charging:
            await lab.quiet(station)
            reason = "ImmediateReset" if immediate else "Local"
            assert await lab.seen("SELECT stop_reason FROM sessions WHERE status = 'ended' AND evse = 1") == (
                reason,
            )
            await lab.seen("SELECT 1 FROM sessions WHERE status = 'active' AND evse = 2")


async def test_tc_b_31_an_approved_station_is_asked_to_boot_while_it_still_waits(installation, v201):
    async with VirtualStation(
        installation.station_url, "NEW-1", v201, password="0123456789abcdef0123"
    ) as station:
        await station.until(lambda: station.machine.booted, "to hear")
        assert not station.machine.accepted
        (waiting,) = (await installation.get("/approvals"))["items"]
        await installation.post(f"/approvals/{waiting['id']}", {"site_id": str(installation.site_id)})
        await station.until(lambda: station.machine.accepted, "to be accepted", 20)
        assert [one["requestedMessage"] for one in station.received("TriggerMessage")] == ["BootNotification"]
        assert station.sent("BootNotification")[-1]["reason"] == "Triggered"
        (stored,) = await installation.sql("SELECT approval, boot_reason FROM stations")
        assert stored == ("accepted", "Triggered")


@pytest.mark.parametrize(
    ("url", "status"),
    [
        pytest.param("wss://csms.example/ocpp", "verified", id="tc_b_42"),
        pytest.param("ftp://csms.example/ocpp", "refused", id="tc_b_44"),
    ],
)
async def test_tc_b_42_b_44_another_network_profile_is_taken_or_not(lab, v201, url, status):
    async with lab.station(v201) as station:
        data = {
            "ocppVersion": "OCPP20",
            "ocppTransport": "JSON",
            "ocppCsmsUrl": url,
            "messageTimeout": 30,
            "securityProfile": 2,
            "ocppInterface": "Wired0",
        }
        ended = await lab.ask("set_network_profile", status, slot=2, data=data)
        assert station.received("SetNetworkProfile") == [{"configurationSlot": 2, "connectionData": data}]
        waits = await lab.installation.sql("SELECT next_security_profile FROM stations")
        if status == "verified":
            assert (station.machine.network_profiles, waits) == ({2: data}, [(2,)])
        else:
            assert (station.machine.network_profiles, ended["evidence"], waits) == ({}, "Failed", [(None,)])
