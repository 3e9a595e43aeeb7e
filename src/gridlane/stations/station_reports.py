"""What stations does with what a station says, beyond its life: the table the composition root plugs in."""

from datetime import datetime
from typing import Any

from gridlane.stations import device_model, events, firmware, logs, monitors, vendor_messages
from gridlane.stations import reports as r
from gridlane.stations.decision import Ask, Commit, Handler
from gridlane.stations.replies import Noted
from gridlane.stations.state import Live

PARTS: dict[str, Handler] = {
    "device_model": device_model.reported,
    "monitoring": monitors.reported,
    "events": events.reported,
}
"""Answers in several messages, by their block."""


def part_reported(live: Live, what: r.PartReported, now: datetime, answer: Any) -> Commit | Ask:
    handler = PARTS.get(what.block)
    return Commit(live, Noted()) if handler is None else handler(live, what, now, answer)


HANDLERS: dict[type, Handler] = {
    r.PartReported: part_reported,
    r.SecurityReported: events.security_reported,
    r.FirmwareReported: firmware.reported,
    r.FirmwarePublished: firmware.published,
    r.LogReported: logs.reported,
    r.DataTransferred: vendor_messages.transferred,
    r.OtherReported: vendor_messages.other,
}
