"""OCPP 2.0.1, block G: taking EVSEs out of service and back, and a lock that fails."""

import pytest

WHERE = {
    "evse": {"evse": 1},
    "station": {"evse": 0},
    "connector": {"evse": 1, "connector": 1},
}
ON_THE_WIRE = {
    "evse": {"id": 1},
    "station": None,
    "connector": {"id": 1, "connectorId": 1},
}


@pytest.mark.parametrize("what", WHERE)
async def test_tc_g_03_g_04_g_05_g_06_g_07_g_08_out_of_service_and_back(lab, v201, what):
    async with lab.station(v201, evses=2) as station:
        touched = (1, 2) if what == "station" else (1,)
        await lab.ask("change_availability", operative=False, **WHERE[what])
        for evse in touched:
            await lab.connector("unavailable", evse)
        if what != "station":
            await lab.connector("available", 2)
        (asked,) = station.received("ChangeAvailability")
        assert (asked["operationalStatus"], asked.get("evse")) == ("Inoperative", ON_THE_WIRE[what])
        await lab.ask("change_availability", operative=True, **WHERE[what])
        for evse in touched:
            await lab.connector("available", evse)
        await lab.charge(station)


@pytest.mark.parametrize("what", WHERE)
async def test_tc_g_11_g_14_g_17_out_of_service_after_the_transaction(lab, v201, what):
    async with lab.station(v201) as station:
        transaction = await lab.charge(station)
        operation = await lab.agreed("change_availability", operative=False, **WHERE[what])
        waiting = await lab.installation.get(f"/operations/{operation['id']}")
        assert (waiting["status"], "Scheduled" in waiting["answer"]) == ("agreed", True)
        assert station.evse().power > 0
        await station.tap(lab.card)
        await station.until(lambda: station.evse().transaction is None, "to stop")
        await station.unplug()
        await lab.connector("unavailable")
        assert (await lab.session())[0] == transaction.id
        assert (await lab.installation.operation(operation))["status"] == "verified"


async def test_tc_g_20_a_lock_that_fails(lab, v201):
    async with lab.station(v201) as station:
        await station.plug_in()
        await station.link.do(
            lambda now: station.machine.notify_event(
                "ConnectorPlugRetentionLock", "Problem", "true", now, evse=1, info="the bolt does not move"
            )
        )
        assert await lab.seen("SELECT component, variable, value, evse, tech_info FROM station_events") == (
            "ConnectorPlugRetentionLock", "Problem", "true", 1, "the bolt does not move",
        )  # fmt: skip
        shown = await lab.installation.get(f"/stations/{lab.id}/events")
        assert shown["items"][0]["component"] == "ConnectorPlugRetentionLock"
        await station.until(lambda: len(station.acknowledged("NotifyEvent")) == 1)
        assert station.evse().power == 0
        await lab.seen("SELECT 1 FROM sessions WHERE status = 'active' AND token_id IS NULL")
