"""What stations does with what a station says, beyond its life: the table the composition root plugs in."""

from datetime import datetime
from typing import Any

from gridlane.stations import (
    certificate_status,
    certificates,
    customers,
    device_model,
    displays,
    events,
    firmware,
    logs,
    monitors,
    reservations,
    smart_charging,
    station_profiles,
    vehicle_certificates,
    vendor_messages,
)
from gridlane.stations import reports as r
from gridlane.stations.decision import Ask, Commit, Handler
from gridlane.stations.state import Live

PARTS: dict[str, Handler] = {
    "device_model": device_model.reported,
    "monitoring": monitors.reported,
    "events": events.reported,
    "charging_profiles": station_profiles.reported,
    "display_messages": displays.reported,
    "customer_information": customers.reported,
}
"""Answers in several messages, by their block."""


def part_reported(live: Live, what: r.PartReported, now: datetime, answer: Any) -> Commit | Ask:
    return PARTS[what.block](live, what, now, answer)


HANDLERS: dict[type, Handler] = {
    r.PartReported: part_reported,
    r.SecurityReported: events.security_reported,
    r.FirmwareReported: firmware.reported,
    r.FirmwarePublished: firmware.published,
    r.LogReported: logs.reported,
    r.SigningRequested: certificates.signing_requested,
    r.CertificateStatusRequested: certificate_status.status_requested,
    r.VehicleCertificateRequested: vehicle_certificates.certificate_requested,
    r.ReservationChanged: reservations.changed,
    r.LimitReported: smart_charging.limit_reported,
    r.NeedsReported: smart_charging.needs_reported,
    r.VehicleScheduleReported: smart_charging.schedule_reported,
    r.DataTransferred: vendor_messages.transferred,
    r.OtherReported: vendor_messages.other,
}
