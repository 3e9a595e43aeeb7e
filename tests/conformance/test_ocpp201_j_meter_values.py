"""OCPP 2.0.1, block J: meter values by the clock and by sample, within a transaction and outside, signed and not."""

import pytest

from gridlane.kernel.quantities import WattHours


async def readings(lab, context, **columns):
    """Stored values of a context, once there are some: (energy, of a session, signed)."""
    more = "".join(f" AND {name} = %s" for name in columns)
    await lab.seen(f"SELECT 1 FROM readings WHERE context = %s{more}", context, *columns.values())  # noqa: S608
    return await lab.installation.sql(
        "SELECT energy, session_id IS NOT NULL, signed FROM readings "  # noqa: S608
        f"WHERE context = %s{more} ORDER BY at",
        context,
        *columns.values(),
    )


async def test_tc_j_01_values_by_the_clock_without_a_transaction(lab, v201):
    async with lab.station(v201, evses=2) as station:
        station.evse(2).register = WattHours(700.0)
        for evse in (1, 2):
            await station.link.do(
                lambda now, evse=evse: station.machine.meter_values(station.evse(evse), now)
            )
        await station.until(lambda: len(station.acknowledged("MeterValues")) == 2)
        assert await readings(lab, "Sample.Clock", evse=1) == [(0, False, False)]
        assert await readings(lab, "Sample.Clock", evse=2) == [(700, False, False)]
        assert await lab.installation.sql("SELECT 1 FROM sessions") == []


async def test_tc_j_02_values_by_the_clock_in_a_transaction(lab, v201):
    async with lab.station(v201, meter_interval=60) as station:
        await lab.charge(station)
        await station.link.do(lambda now: station.machine.meter(station.evse(), now, "MeterValueClock"))
        await lab.quiet(station)
        ((energy, of_session, _signed),) = await readings(lab, "Sample.Clock")
        assert (energy, of_session) == (pytest.approx(station.evse().register, abs=5), True)
        await lab.event("updated", "MeterValueClock")
        await lab.seen("SELECT 1 FROM sessions WHERE register = %s", energy)


async def end_with(lab, station, *contexts):
    """End the transaction with meter values of these contexts in the last event; gives its energy."""
    one, transaction = station.evse(), station.evse().transaction

    def end(now):
        station.machine.advance(now)
        values = [station.machine.meter_value(one, now, context) for context in contexts]
        payload = {
            "eventType": "Ended", "timestamp": station.machine.told_time(now), "triggerReason": "StopAuthorized",
            "seqNo": transaction.sequence, "meterValue": values, "evse": {"id": 1, "connectorId": 1},
            "transactionInfo": {"transactionId": transaction.id, "stoppedReason": "Local"},
        }  # fmt: skip
        one.transaction = None
        station.machine.enqueue(lambda: ("TransactionEvent", payload), now)

    await station.link.do(end)
    await lab.quiet(station)
    return one.register


async def test_tc_j_03_values_by_the_clock_at_the_end(lab, v201):
    async with lab.station(v201, meter_interval=60) as station:
        await lab.charge(station)
        energy = await end_with(lab, station, "Sample.Clock", "Transaction.End")
        assert len(await readings(lab, "Sample.Clock")) == 1
        assert (await lab.session())[1] == pytest.approx(energy, abs=0.1)


async def test_tc_j_04_j_11_signed_values_are_kept_with_their_signature(lab, v201):
    async with lab.station(v201, meter_interval=60) as station:
        await lab.set(SampledDataCtrlr__SignReadings="true")
        await station.link.do(lambda now: station.machine.meter_values(station.evse(), now))
        assert (await readings(lab, "Sample.Clock"))[0][2] is True
        await lab.charge(station)
        await station.tap(lab.card)
        await lab.quiet(station)
        for context in ("Transaction.Begin", "Transaction.End"):
            ((_energy, of_session, signed),) = await readings(lab, context)
            assert (of_session, signed) == (True, True)
        assert await lab.seen("SELECT signed FROM sessions WHERE status = 'ended'") == (True,)
        (rest,) = await lab.seen("SELECT rest FROM readings WHERE context = 'Transaction.End'")
        told = station.sent("TransactionEvent")[-1]["meterValue"][0]["sampledValue"][0]["signedMeterValue"]
        assert told["signedMeterData"] in rest


async def test_tc_j_07_the_first_values_of_a_transaction(lab, v201):
    async with lab.station(v201, meter_interval=60) as station:
        station.evse().register = WattHours(1234.0)
        await lab.charge(station)
        assert (await readings(lab, "Transaction.Begin"))[0] == (1234, True, False)
        assert await lab.seen("SELECT first_register, first_is_begin FROM sessions") == (1234, True)


async def test_tc_j_08_first_values_that_come_when_the_evse_is_known(lab, v201):
    async with lab.station(v201, meter_interval=60) as station:

        def event(number, kind, **more):
            return {
                "eventType": kind, "timestamp": station.machine.told_time(station.link.clock.now()),
                "triggerReason": "Authorized" if kind == "Started" else "CablePluggedIn", "seqNo": number,
                "transactionInfo": {"transactionId": "T-1"}, **more,
            }  # fmt: skip

        token = {"idToken": {"idToken": lab.card, "type": "ISO14443"}}
        assert (
            await station.call("TransactionEvent", event(0, "Started", **token))
        ).id_token_info.status == "Accepted"
        assert await lab.seen("SELECT evse, first_register FROM sessions") == (None, None)
        value = station.machine.meter_value(station.evse(), station.link.clock.now(), "Transaction.Begin")
        where = {"evse": {"id": 1, "connectorId": 1}, "meterValue": [value]}
        assert await station.call("TransactionEvent", event(1, "Updated", **where)) is not None
        assert await lab.seen("SELECT evse, first_register, first_is_begin FROM sessions") == (1, 0, True)


async def test_tc_j_09_values_in_the_middle_of_a_transaction(lab, v201):
    async with lab.station(v201) as station:
        await lab.charge(station)
        await lab.event("updated", "MeterValuePeriodic")
        await lab.seen("SELECT 1 FROM sessions WHERE energy > 0")
        energy, of_session, _signed = (await readings(lab, "Sample.Periodic"))[-1]
        assert (energy > 0, of_session) == (True, True)


async def test_tc_j_10_the_last_values_of_a_transaction(lab, v201):
    async with lab.station(v201, meter_interval=60) as station:
        await lab.charge(station)
        await station.tap(lab.card)
        await lab.quiet(station)
        (last,) = await readings(lab, "Transaction.End")
        assert last == (pytest.approx(station.evse().register, abs=0.01), True, False)
        assert (await lab.session())[1] == pytest.approx(last[0], abs=0.01)
