"""OCPP 2.0.1, block E: when a transaction starts, when it ends, and what the central system keeps of both."""

import pytest

from gridlane.kernel.quantities import WattHours
from gridlane.simulator.vehicle import Vehicle

# --- start points ------------------------------------------------------------------------------------------------

AFTER_BOTH = [
    pytest.param("PowerPathClosed", "Authorized", "EVConnected", id="tc_e_01"),
    pytest.param("EnergyTransfer", "ChargingStateChanged", "Charging", id="tc_e_02"),
    pytest.param("DataSigned", "SignedDataReceived", "EVConnected", id="tc_e_11"),
]


@pytest.mark.parametrize(("point", "trigger", "state"), AFTER_BOTH)
async def test_tc_e_01_e_02_e_11_a_start_point_that_needs_cable_and_card(lab, v201, point, trigger, state):
    async with lab.station(v201) as station:
        await lab.set(
            TxCtrlr__TxStartPoint=point, SampledDataCtrlr__SignReadings=str(point == "DataSigned").lower()
        )
        await station.plug_in()
        await lab.connector("occupied")
        assert await lab.installation.sql("SELECT 1 FROM sessions") == []
        await station.tap(lab.card)
        await station.until(lambda: station.evse().power > 0, "to charge")
        assert await lab.event("started", trigger) == (lab.card[-4:], state, None, 0)
        signed, verdict = await lab.seen("SELECT signed, verdict FROM sessions WHERE status = 'active'")
        assert (signed, verdict) == (point == "DataSigned", "accepted")


async def test_tc_e_03_cable_first(lab, v201):
    async with lab.station(v201) as station:
        await station.plug_in()
        await lab.event("started", "CablePluggedIn")
        assert await lab.seen("SELECT verdict, token_last4 FROM sessions") == (None, None)
        await station.tap(lab.card)
        await station.until(lambda: station.evse().power > 0, "to charge")
        await lab.event("updated", "Authorized", token_last4=lab.card[-4:])
        await lab.event("updated", "ChargingStateChanged", charging_state="Charging")
        assert await lab.seen("SELECT verdict, token_last4 FROM sessions WHERE verdict IS NOT NULL") == (
            "accepted",
            lab.card[-4:],
        )


async def test_tc_e_04_card_first(lab, v201):
    async with lab.station(v201) as station:
        transaction = await lab.charge(station, plug_first=False)
        await lab.event("started", "Authorized", transaction_id=transaction.id)
        await lab.event("updated", "CablePluggedIn", transaction_id=transaction.id)
        await lab.seen("SELECT 1 FROM sessions WHERE charging_state = 'Charging' AND verdict = 'accepted'")


async def test_tc_e_09_a_start_at_the_cable(lab, v201):
    async with lab.station(v201) as station:
        await lab.set(TxCtrlr__TxStartPoint="EVConnected")
        await station.tap(lab.card)
        await station.until(lambda: station.evse().token == lab.card, "to know the card")
        assert await lab.installation.sql("SELECT 1 FROM sessions") == []
        await station.plug_in()
        assert (await lab.event("started", "CablePluggedIn"))[0] == lab.card[-4:]
        await station.until(lambda: station.evse().power > 0, "to charge")
        await lab.seen("SELECT 1 FROM sessions WHERE verdict = 'accepted'")


async def test_tc_e_10_a_start_at_the_card(lab, v201):
    async with lab.station(v201) as station:
        await lab.set(TxCtrlr__TxStartPoint="Authorized")
        await station.tap(lab.card)
        assert (await lab.event("started", "Authorized"))[:2] == (lab.card[-4:], "Idle")
        await station.plug_in()
        await station.until(lambda: station.evse().power > 0, "to charge")
        assert len(await lab.installation.sql("SELECT 1 FROM sessions WHERE verdict = 'accepted'")) == 1


async def test_tc_e_12_a_start_when_the_bay_is_taken(lab, v201):
    async with lab.station(v201) as station:
        await lab.set(TxCtrlr__TxStartPoint="ParkingBayOccupancy")
        await station.link.do(lambda now: station.machine.park(1, now))
        assert (await lab.event("started", "EVDetected"))[:2] == (None, "Idle")
        await lab.charge(station)
        assert await lab.installation.sql("SELECT count(*), max(verdict) FROM sessions") == [(1, "accepted")]


async def test_tc_e_38_a_vehicle_that_is_not_ready(lab, v201):
    async with lab.station(v201) as station:
        await station.tap(lab.card)
        await station.until(lambda: station.evse().transaction, "to start")
        car = await station.plug_in(vehicle=Vehicle(delay=0.0, wanted=WattHours(0.0)))
        await lab.seen("SELECT 1 FROM sessions WHERE charging_state = 'SuspendedEV' AND status = 'active'")
        car.wanted = WattHours(5000.0)
        await station.until(lambda: station.evse().power > 0, "to charge")
        await lab.seen("SELECT 1 FROM sessions WHERE charging_state = 'Charging'")


async def test_tc_e_53_numbers_begin_at_zero_in_every_transaction(lab, v201):
    async with lab.station(v201) as station:
        for _ in range(2):
            transaction = await lab.charge(station)
            await station.unplug()
            await lab.quiet(station)
            first, last = await lab.seen(
                "SELECT sequences[1], sequences[2] FROM sessions WHERE transaction_id = %s AND status = 'ended' "
                "AND cardinality(sequences) = 2 AND NOT sequence_conflict",
                transaction.id,
            )
            assert (first, last) == (0, transaction.sequence - 1)
            await station.until(lambda: station.evse().status == "Available")


# --- stop points -------------------------------------------------------------------------------------------------

LOCAL_STOPS = [
    pytest.param("PowerPathClosed", id="tc_e_07"),
    pytest.param("EnergyTransfer", id="tc_e_08"),
    pytest.param("Authorized", id="tc_e_15"),
]


@pytest.mark.parametrize("point", LOCAL_STOPS)
async def test_tc_e_07_e_08_e_15_the_driver_stops_with_the_card(lab, v201, point):
    async with lab.station(v201) as station:
        await lab.set(TxCtrlr__TxStopPoint=point)
        transaction = await lab.charge(station)
        await station.tap(lab.card)
        await lab.quiet(station)
        assert (await lab.event("ended", "StopAuthorized"))[0] == lab.card[-4:]
        assert await lab.session() == (
            transaction.id, pytest.approx(station.evse().register, abs=1), "Local", False
        )  # fmt: skip
        assert station.evse().power == 0
        await station.unplug()
        await lab.connector("available")


async def test_tc_e_14_the_end_comes_with_the_cable_after_the_card(lab, v201):
    async with lab.station(v201) as station:
        await lab.set(TxCtrlr__TxStopPoint="EVConnected")
        transaction = await lab.charge(station)
        await station.tap(lab.card)
        await lab.event("updated", "StopAuthorized")
        assert await lab.seen("SELECT status FROM sessions") == ("active",)
        await station.unplug()
        await lab.quiet(station)
        assert (await lab.session())[::2] == (transaction.id, "Local")
        await lab.connector("available")


async def test_tc_e_16_a_card_that_turns_out_invalid_ends_what_it_started(lab, v201):
    async with lab.station(v201) as station:
        station.machine.cache[lab.stranger] = {"status": "Accepted"}
        await lab.set(AuthCtrlr__LocalPreAuthorize="true", TxCtrlr__TxStopPoint="Authorized")
        await station.plug_in()
        await station.tap(lab.stranger)
        await lab.quiet(station)
        await lab.event("ended", "Deauthorized")
        _id, energy, reason, refused = await lab.session()
        assert (energy, reason, refused) == (pytest.approx(0, abs=1), "DeAuthorized", True)
        assert station.machine.cache[lab.stranger]["status"] != "Accepted"
        assert station.evse().power == 0


EV_SIDE = [pytest.param("Authorized", id="tc_e_17"), pytest.param("EVConnected", id="tc_e_20")]


@pytest.mark.parametrize("point", EV_SIDE)
async def test_tc_e_17_e_20_unplugging_at_the_vehicle_ends_the_transaction(lab, v201, point):
    async with lab.station(v201) as station:
        await lab.set(TxCtrlr__TxStopPoint=point, TxCtrlr__StopTxOnEVSideDisconnect="true")
        transaction = await lab.charge(station)
        await station.unplug()
        await lab.quiet(station)
        await lab.event("ended", "EVCommunicationLost")
        assert (await lab.session())[::2] == (transaction.id, "EVDisconnected")
        await lab.connector("available")


async def test_tc_e_19_the_end_comes_when_the_bay_is_empty(lab, v201):
    async with lab.station(v201) as station:
        await lab.set(TxCtrlr__TxStartPoint="ParkingBayOccupancy", TxCtrlr__TxStopPoint="ParkingBayOccupancy")
        await station.link.do(lambda now: station.machine.park(1, now))
        transaction = await lab.charge(station)
        await station.tap(lab.card)
        await station.unplug()
        await lab.event("updated", "EVCommunicationLost")
        assert await lab.seen("SELECT status FROM sessions") == ("active",)
        await station.link.do(lambda now: station.machine.leave(1, now))
        await lab.event("ended", "EVDeparted")
        assert (await lab.session())[::2] == (transaction.id, "Local")


async def test_tc_e_21_an_operator_ends_the_transaction(lab, v201):
    async with lab.station(v201) as station:
        await lab.set(TxCtrlr__TxStopPoint="Authorized")
        transaction = await lab.charge(station)
        await lab.ask("stop_charging", transaction=transaction.id)
        assert station.received("RequestStopTransaction") == [{"transactionId": transaction.id}]
        await lab.event("ended", "RemoteStop")
        assert (await lab.session())[::2] == (transaction.id, "Remote")


async def test_tc_e_22_a_vehicle_that_is_full_ends_the_transaction(lab, v201):
    async with lab.station(v201) as station:
        await lab.set(TxCtrlr__TxStopPoint="EnergyTransfer")
        await station.plug_in(vehicle=Vehicle(delay=0.0, wanted=WattHours(2.0)))
        await station.tap(lab.card)
        await lab.event("ended", "ChargingStateChanged")
        _id, energy, reason, _refused = await lab.session()
        assert (energy, reason) == (pytest.approx(station.evse().register, abs=0.1), "StoppedByEV")


async def test_tc_e_26_unplugging_at_the_vehicle_only_suspends(lab, v201):
    async with lab.station(v201) as station:
        await lab.set(TxCtrlr__TxStopPoint="Authorized", TxCtrlr__StopTxOnEVSideDisconnect="false")
        transaction = await lab.charge(station)
        await station.unplug()
        await lab.event("updated", "EVCommunicationLost")
        await lab.seen("SELECT 1 FROM sessions WHERE status = 'active' AND charging_state = 'Idle'")
        await station.plug_in()
        await station.until(lambda: station.evse().power > 0, "to charge again")
        await lab.seen("SELECT 1 FROM sessions WHERE status = 'active' AND charging_state = 'Charging'")
        assert await lab.installation.sql("SELECT transaction_id FROM sessions") == [(transaction.id,)]


async def test_tc_e_39_nobody_plugs_in(lab, v201):
    async with lab.station(v201, meter_interval=60) as station:
        await lab.set(TxCtrlr__EVConnectionTimeOut="1", TxCtrlr__TxStartPoint="Authorized")
        await station.tap(lab.card)
        await lab.event("started", "Authorized")
        await lab.event("ended", "EVConnectTimeout")
        _id, energy, reason, refused = await lab.session()
        assert (energy, reason, refused) == (0, "Timeout", False)


# --- asking for a transaction's state ----------------------------------------------------------------------------


async def told(lab, transaction=None):
    """What the station tells of a transaction: (ongoing, messages in its queue)."""
    ended = await lab.ask("get_transaction_status", **({"transaction": transaction} if transaction else {}))
    answer = ended["answer"]
    return '"ongoingIndicator":true' in answer, '"messagesInQueue":true' in answer


def hold_back(station):
    """The station keeps its transaction messages to itself for now."""
    station.machine.accepted = False


async def let_go(lab, station):
    station.machine.accepted = True
    await station.link.do(station.machine._send_queued)
    await lab.quiet(station)


async def test_tc_e_29_e_30_an_ongoing_transaction_with_and_without_a_queue(lab, v201):
    async with lab.station(v201) as station:
        transaction = await lab.charge(station)
        await lab.quiet(station)
        station.evse().silent_meter = True
        assert await told(lab, transaction.id) == (True, False)
        hold_back(station)
        await station.link.do(lambda now: station.machine.meter(station.evse(), now))
        assert await told(lab, transaction.id) == (True, True)
        await let_go(lab, station)
        await lab.event("updated", "MeterValuePeriodic", offline=True, sequence=transaction.sequence - 1)


async def test_tc_e_31_an_ended_transaction_with_a_queue(lab, v201):
    async with lab.station(v201) as station:
        transaction = await lab.charge(station)
        hold_back(station)
        await station.tap(lab.card)
        assert await told(lab, transaction.id) == (False, True)
        assert await lab.seen("SELECT status FROM sessions") == ("active",)
        await let_go(lab, station)
        assert (await lab.session())[::2] == (transaction.id, "Local")


async def test_tc_e_33_e_34_the_queue_of_the_whole_station(lab, v201):
    async with lab.station(v201) as station:
        assert await told(lab) == (False, False)
        transaction = await lab.charge(station)
        hold_back(station)
        await station.tap(lab.card)
        assert await told(lab) == (False, True)
        await let_go(lab, station)
        assert (await lab.session())[0] == transaction.id
        assert "transactionId" not in station.received("GetTransactionStatus")[0]
