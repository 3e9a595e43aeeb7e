"""Events, monitors, security, firmware and vendors' messages: each stored, and told on where it matters."""

import pytest

from gridlane.stations import commands as c
from gridlane.stations.reports import (
    DataTransferred,
    FirmwareReported,
    OtherReported,
    PartReported,
    SecurityReported,
)
from gridlane.stations.vendor_messages import VENDORS


def event(number, *, trigger="Alerting", **more):
    return {
        "eventId": number,
        "timestamp": "2026-05-04T11:59:00Z",
        "trigger": trigger,
        "actualValue": "91",
        "eventNotificationType": "CustomMonitor",
        "component": {"name": "Connector", "evse": {"id": 1, "connectorId": 1}},
        "variable": {"name": "Temperature"},
        **more,
    }


def parts(block, *items, request_id=None):
    return PartReported(block=block, request_id=request_id, last=True, items=items)


async def test_an_alert_is_stored_once_with_its_monitors_severity_and_told_on(stored_station):
    station = await stored_station()
    asked = {
        "component": {"name": "Connector"}, "variable": {"name": "Temperature"}, "type": "UpperThreshold",
        "value": 90, "severity": 2,
    }  # fmt: skip
    answer = c.Answer(
        agreed=True, status="Accepted", data={"results": [{"status": "Accepted", "id": 5, **asked}]}
    )
    await station.ask(c.SetMonitors(monitors=(asked,)), answer)
    told = await station.tell(parts("events", event(1, variableMonitoringId=5), event(2, trigger="Periodic")))
    await station.tell(parts("events", event(1, variableMonitoringId=5)))
    rows = await station.rows("SELECT event_id, severity, value FROM station_events ORDER BY 1")
    assert [(row["event_id"], row["severity"]) for row in rows] == [(1, 2), (2, None)]
    assert [fact.fact.event_id for fact in told.facts] == [1]


async def test_monitors_are_what_the_last_whole_report_says(stored_station, street):
    station = await stored_station()

    def watch(number):
        return {
            "component": {"name": "EVSE", "evse": {"id": 1}},
            "variable": {"name": "Power"},
            "variableMonitoring": [
                {"id": number, "transaction": False, "value": 1.5, "type": "Delta", "severity": 4}
            ],
        }

    await station.tell(parts("monitoring", watch(1), watch(2), request_id=1))
    asked = await station.ask(c.GetMonitoringReport(), now=street.later(minutes=1))
    await station.tell(parts("monitoring", watch(2), request_id=asked.request_id), street.later(minutes=2))
    assert [row["id"] for row in await station.rows("SELECT id FROM station_monitors")] == [2]
    results = {"results": [{"id": 2, "status": "Accepted"}]}
    await station.ask(c.ClearMonitors(ids=(2,)), c.Answer(agreed=True, status="Accepted", data=results))
    assert await station.rows("SELECT id FROM station_monitors") == []


@pytest.mark.parametrize(
    ("kind", "critical"), [("TamperDetectionActivated", True), ("ReconfigurationOfSecurityParameters", False)]
)
async def test_a_security_event_is_stored_and_its_weight_known(stored_station, street, kind, critical):
    station = await stored_station()
    told = await station.tell(SecurityReported(kind=kind, at=street.now, info="door"))
    (row,) = await station.rows("SELECT kind, critical, info FROM security_events")
    assert row == {"kind": kind, "critical": critical, "info": "door"}
    assert told.facts[0].fact.critical is critical


async def test_a_firmware_update_leaves_its_steps_and_its_last_word(stored_station):
    station = await stored_station()
    for status in ("Downloading", "Downloaded", "InstallationFailed", "Idle"):
        await station.tell(FirmwareReported(status=status, request_id=3))
    (row,) = await station.rows("SELECT firmware_status FROM stations")
    assert row["firmware_status"] == "InstallationFailed"
    assert len(await station.rows("SELECT 1 FROM firmware_reports")) == 3


async def test_an_unknown_vendors_message_is_kept_and_told_unknown(stored_station):
    station = await stored_station()
    told = await station.tell(DataTransferred(vendor="com.example", message="hi", data={"a": 1}))
    assert told.reply.status == "UnknownVendorId"
    (row,) = await station.rows("SELECT vendor, message, payload FROM other_messages")
    assert row == {"vendor": "com.example", "message": "hi", "payload": {"a": 1}}


async def test_a_known_vendors_unknown_message_is_told_so(stored_station, monkeypatch):
    monkeypatch.setitem(VENDORS, "com.example", {})
    station = await stored_station()
    told = await station.tell(DataTransferred(vendor="com.example", message="hi"))
    assert told.reply.status == "UnknownMessageId"


async def test_a_message_without_a_meaning_is_kept_whole(stored_station):
    station = await stored_station()
    await station.tell(OtherReported(action="NotifyDERAlarm", payload={"controlType": "Gradients"}))
    (row,) = await station.rows("SELECT action, payload FROM other_messages")
    assert row == {"action": "NotifyDERAlarm", "payload": {"controlType": "Gradients"}}
