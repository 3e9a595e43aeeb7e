"""OCPP 2.0.1, block F: starts by an operator, and messages a station is asked for."""

import pytest


async def test_tc_f_01_a_start_by_api_with_the_cable_first(lab, v201):
    async with lab.station(v201) as station:
        await station.plug_in()
        await lab.event("started", "CablePluggedIn")
        ended = await lab.ask("start_charging", token=lab.token(), evse=1)
        assert "started" in ended["evidence"]
        (asked,) = station.received("RequestStartTransaction")
        await lab.event("updated", "RemoteStart", remote_start_id=asked["remoteStartId"])
        await station.until(lambda: station.evse().power > 0, "to charge")
        assert await lab.seen(
            "SELECT remote_start_id, verdict, token_last4 FROM sessions WHERE charging_state = 'Charging'"
        ) == (asked["remoteStartId"], "accepted", lab.card[-4:])


BOTH = [pytest.param("true", id="tc_f_02"), pytest.param("false", id="tc_f_03")]


@pytest.mark.parametrize("authorize", BOTH)
async def test_tc_f_02_f_03_a_start_by_api_before_the_cable(lab, v201, authorize):
    async with lab.station(v201) as station:
        await lab.set(AuthCtrlr__AuthorizeRemoteStart=authorize)
        await lab.ask("start_charging", token=lab.token(), evse=1)
        (asked,) = station.received("RequestStartTransaction")
        await lab.event("started", "RemoteStart", remote_start_id=asked["remoteStartId"])
        await station.plug_in()
        await station.until(lambda: station.evse().power > 0, "to charge")
        await lab.seen("SELECT 1 FROM sessions WHERE charging_state = 'Charging' AND verdict = 'accepted'")
        occasions = [occasion for occasion, _last4, verdict in await lab.verdicts() if verdict == "accepted"]
        assert ("authorize" in occasions) == (authorize == "true")


async def test_tc_f_04_a_start_by_api_and_nobody_plugs_in(lab, v201):
    async with lab.station(v201, meter_interval=60) as station:
        await lab.set(TxCtrlr__EVConnectionTimeOut="1")
        await lab.ask("start_charging", token=lab.token(), evse=1)
        await lab.event("ended", "EVConnectTimeout")
        assert (await lab.session())[1:3] == (0, "Timeout")
        assert station.evse().token is None


# --- messages asked for ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "evses"), [pytest.param({"evse": 2}, {2}, id="tc_f_11"), pytest.param({}, {1, 2}, id="tc_f_12")]
)
async def test_tc_f_11_f_12_meter_values_of_one_or_all(lab, v201, where, evses):
    async with lab.station(v201, evses=2) as station:
        await lab.ask("trigger", message="MeterValues", **where)
        await station.until(lambda: len(station.acknowledged("MeterValues")) == len(evses))
        found = await lab.installation.sql("SELECT DISTINCT evse FROM readings WHERE context = 'Trigger'")
        assert {evse for (evse,) in found} == evses


@pytest.mark.parametrize(
    ("where", "evses"), [pytest.param({"evse": 2}, {2}, id="tc_f_13"), pytest.param({}, {1, 2}, id="tc_f_14")]
)
async def test_tc_f_13_f_14_transaction_events_of_one_or_all(lab, v201, where, evses):
    async with lab.station(v201, evses=2, meter_interval=60) as station:
        for evse in (1, 2):
            await station.plug_in(evse)
            await station.tap(lab.card, evse)
            await station.until(lambda evse=evse: station.evse(evse).power > 0, "to charge")
        await lab.quiet(station)
        await lab.ask("trigger", message="TransactionEvent", **where)
        await lab.quiet(station)
        found = await lab.installation.sql(
            "SELECT evse FROM transaction_events WHERE phase = 'updated' AND trigger = 'Trigger' ORDER BY evse"
        )
        assert [evse for (evse,) in found] == sorted(evses)


async def test_tc_f_15_the_state_of_a_log(lab, v201):
    async with lab.station(v201) as station:
        ended = await lab.ask("trigger", message="LogStatusNotification")
        assert "LogStatusNotification" in ended["evidence"]
        assert station.sent("LogStatusNotification") == [{"status": "Idle"}]
        await lab.logged("LogStatusNotification", "%Idle%")


async def test_tc_f_18_the_state_of_the_firmware(lab, v201):
    async with lab.station(v201) as station:
        await lab.ask("trigger", message="FirmwareStatusNotification")
        assert station.sent("FirmwareStatusNotification") == [{"status": "Idle"}]
        await lab.logged("FirmwareStatusNotification", "%Idle%")


async def test_tc_f_20_a_heartbeat(lab, v201):
    async with lab.station(v201) as station:
        before = await lab.seen("SELECT now()")
        await lab.ask("trigger", message="Heartbeat")
        assert len(station.acknowledged("Heartbeat")) == 1
        assert len(station.received("TriggerMessage")) == 1
        await lab.seen("SELECT 1 FROM messages WHERE action = 'Heartbeat' AND at >= %s", *before)


@pytest.mark.parametrize(
    ("plugged", "status"),
    [pytest.param(False, "available", id="tc_f_23"), pytest.param(True, "occupied", id="tc_f_24")],
)
async def test_tc_f_23_f_24_the_status_of_a_connector(lab, v201, plugged, status):
    async with lab.station(v201) as station:
        if plugged:
            await station.plug_in()
            await lab.connector("occupied")
        told = len(station.sent("StatusNotification"))
        await lab.installation.sql("UPDATE connectors SET status = 'unavailable'")
        await lab.ask("trigger", message="StatusNotification", evse=1, connector=1)
        assert station.received("TriggerMessage")[0]["evse"] == {"id": 1, "connectorId": 1}
        assert len(station.sent("StatusNotification")) == told + 1
        assert status.capitalize() == station.sent("StatusNotification")[-1]["connectorStatus"]
        await lab.connector(status)


async def test_tc_f_27_a_message_the_station_does_not_know(lab, v201):
    async with lab.station(v201) as station:
        station.answers["TriggerMessage"] = "NotImplemented"
        ended = await lab.ask("trigger", "refused", message="SignCombinedCertificate")
        assert (ended["evidence"], station.sent("SignCertificate")) == ("NotImplemented", [])
