"""Stories from the street: real stations (virtual ones, on real sockets), real database, real API."""

import pytest

from gridlane.ocpp.version import Version

VERSIONS = [Version.V16, Version.V201, Version.V21]


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_driver_taps_charges_and_leaves_and_every_watt_hour_is_stored(installation, version):
    await installation.issue_token("04AABBCCDD")
    async with await installation.station("CP-1", version, meter_interval=1) as station:
        await station.boot()
        await station.plug_in()
        await station.tap("04AABBCCDD")
        await station.until(lambda: station.evse().transaction and station.evse().power > 0, "to charge")
        await station.until(
            lambda: len(station.acknowledged("MeterValues") + station.acknowledged("TransactionEvent")) >= 3
        )
        await station.tap("04AABBCCDD")
        await station.until(lambda: station.evse().transaction is None, "to stop")
        await station.until(
            lambda: not station.machine.queue and station.machine.in_flight is None, "to be heard"
        )
        await station.unplug()
        energy = station.evse().register
    ((status, stored),) = await installation.sql("SELECT status, energy FROM sessions")
    assert status == "ended"
    assert stored == pytest.approx(energy, abs=1)


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_unknown_card_does_not_start_anything(installation, version):
    async with await installation.station("CP-1", version) as station:
        await station.boot()
        await station.plug_in()
        await station.tap("0BADBADBAD")
        await station.until(lambda: station.acknowledged("Authorize"), "to hear about the card")
        assert station.evse().power == 0


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_operator_starts_and_stops_a_session_and_sees_both_proved(installation, version):
    await installation.issue_token("04AABBCCDD")
    async with await installation.station("CP-1", version, meter_interval=1) as station:
        await station.boot()
        await station.plug_in()
        token = {"value": "04AABBCCDD", "kind": "ISO14443"}
        start = await installation.command(station.id, "start_charging", token=token, evse=1)
        assert (await installation.operation(start))["status"] == "verified"
        transaction = station.evse().transaction
        await station.until(lambda: transaction.id, "to know its id")
        stop = await installation.command(station.id, "stop_charging", transaction=transaction.id)
        assert (await installation.operation(stop))["status"] == "verified"
