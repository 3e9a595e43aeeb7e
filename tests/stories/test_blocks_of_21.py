"""Stories of what OCPP 2.1 alone has: over a real socket, seen by the API."""

import json

import pytest

from gridlane.ocpp.version import Version


@pytest.fixture
async def station(installation):
    async with await installation.station("CP-1", Version.V21) as one:
        await one.boot()
        yield one
    assert await installation.sql("SELECT 1 FROM quarantined_messages") == []


@pytest.fixture
def shown(installation, station):
    async def rows(path):
        return (await installation.get(f"/stations/{station.id}/{path}"))["items"]

    return rows


@pytest.fixture
def asked(installation, station):
    async def ask(kind, status="verified", **params):
        operation = await installation.command(station.id, kind, **params)
        ended = await installation.operation(operation, patience=20)
        assert ended["status"] == status, ended

    return ask


AT = "2026-05-04T12:00:00Z"


async def test_a_stream_is_opened_fills_is_adjusted_and_closed(installation, station, shown, asked):
    told = {"id": 3, "params": {"interval": 10}, "variableMonitoringId": 7}
    answer = await station.call("OpenPeriodicEventStream", {"constantStreamData": told})
    assert answer.status == "Accepted"
    values = [{"t": 0.5, "v": "11.2"}, {"t": 1.5, "v": "11.4"}]
    message = {"id": 3, "pending": 0, "basetime": AT, "data": values}
    await station.send_raw(_send("NotifyPeriodicEventStream", message))

    async def came():
        return await shown("stream-values")

    (row,) = await installation.until(came, 20)
    assert (row["stream_id"], row["values"]) == (3, [[0.5, "11.2"], [1.5, "11.4"]])
    station.answers["AdjustPeriodicEventStream"] = "Accepted"
    await asked("adjust_event_stream", stream=3, interval=60)
    station.answers["GetPeriodicEventStream"] = {"constantStreamData": [told]}
    await asked("get_event_streams")
    await station.call("ClosePeriodicEventStream", {"id": 3})
    (stream,) = await shown("event-streams")
    assert (stream["monitor_id"], stream["closed_at"] is None) == (7, False)


def _send(action, payload):
    return json.dumps([6, "s-1", action, payload]).encode()


async def test_controls_of_feeding_back_are_set_act_are_told_and_cleared(station, shown, asked):
    station.answers["SetDERControl"] = {"status": "Accepted"}
    gradient = {"gradient": {"priority": 1, "gradient": 5.0, "softGradient": 2.0}}
    await asked("set_der_control", control_id="c-1", control_type="Gradients", control=gradient)
    await station.call("NotifyDERStartStop", {"controlId": "c-1", "started": True, "timestamp": AT})
    (control,) = await shown("der-controls")
    assert (control["kind"], control["acts"], control["content"]) == ("Gradients", True, gradient)
    alarm = {"controlType": "FreqDroop", "gridEventFault": "OverFrequency", "timestamp": AT}
    await station.call("NotifyDERAlarm", alarm)
    assert (await shown("der-alarms"))[0]["fault"] == "OverFrequency"
    station.answers["ClearDERControl"] = {"status": "Accepted"}
    await asked("clear_der_control", control_id="c-1")
    assert await shown("der-controls") == []


async def test_tariffs_at_the_station_are_those_it_took(station, shown, asked):
    tariff = {"tariffId": "T-1", "currency": "EUR", "energy": {"prices": [{"priceKwh": 0.4}]}}
    station.answers["SetDefaultTariff"] = "Accepted"
    await asked("set_default_tariff", evse=1, tariff=tariff)
    station.answers["GetTariffs"] = {
        "status": "Accepted",
        "tariffAssignments": [{"tariffId": "T-1", "tariffKind": "DefaultTariff", "evseIds": [1]}],
    }
    await asked("get_tariffs")
    (kept,) = await shown("tariffs")
    assert (kept["tariff_id"], kept["content"]["currency"]) == ("T-1", "EUR")
    station.answers["ClearTariffs"] = {"clearTariffsResult": [{"status": "Accepted", "tariffId": "T-1"}]}
    await asked("clear_tariffs", ids=["T-1"])
    assert await shown("tariffs") == []


async def test_a_dynamic_limit_is_pushed_and_pulled(station, asked):
    pull = {"chargingProfileId": 5}
    assert (await station.call("PullDynamicScheduleUpdate", pull)).status == "Rejected"
    periods = [{"start": 0, "limit": 10.0}]
    profile = {
        "id": 5,
        "stack_level": 0,
        "purpose": "TxDefaultProfile",
        "kind": "Dynamic",
        "periods": periods,
    }
    station.answers["SetChargingProfile"] = "Accepted"
    await asked("set_charging_profile", evse=1, profile=profile)
    assert (await station.call("PullDynamicScheduleUpdate", pull)).schedule_update.limit == 10
    station.answers["UpdateDynamicSchedule"] = "Accepted"
    await asked("update_dynamic_schedule", profile_id=5, update={"limit": 8.0})
    assert (await station.call("PullDynamicScheduleUpdate", pull)).schedule_update.limit == 8


async def test_priority_and_batteries_are_known(installation, station, shown, asked):
    await station.call("NotifyPriorityCharging", {"transactionId": "tx-1", "activated": True})
    (first,) = await shown("priority-charging")
    assert (first["transaction"], first["activated"], first["by_station"]) == ("tx-1", True, True)
    station.answers["RequestBatterySwap"] = "Accepted"
    token = {"value": "04AABB01", "kind": "ISO14443"}
    swap = await installation.command(station.id, "request_battery_swap", token=token)
    await installation.operation(swap, "agreed")
    number = station.received("RequestBatterySwap")[0]["requestId"]
    battery = {"evseId": 1, "serialNumber": "B-1", "soC": 90.0, "soH": 98.0}
    told = {"eventType": "BatteryIn", "requestId": number, "batteryData": [battery]}
    await station.call("BatterySwap", told | {"idToken": {"idToken": "04AABB01", "type": "ISO14443"}})
    assert (await installation.operation(swap))["status"] == "verified"
    (row,) = await shown("battery-swaps")
    assert (row["event"], row["batteries"][0]["serialNumber"]) == ("BatteryIn", "B-1")
