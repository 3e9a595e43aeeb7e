"""What stations does with what a station says, beyond its life: the table the composition root plugs in."""

from datetime import datetime
from typing import Any

from gridlane.stations import (
    battery_swaps,
    certificate_status,
    certificates,
    customers,
    device_model,
    displays,
    dynamic_schedules,
    event_streams,
    events,
    firmware,
    grid_support,
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
    "der_controls": grid_support.reported,
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
    r.PriorityReported: dynamic_schedules.priority_reported,
    r.DynamicSchedulePulled: dynamic_schedules.pulled,
    r.StreamOpened: event_streams.opened,
    r.StreamClosed: event_streams.closed,
    r.StreamReported: event_streams.reported,
    r.DerAlarmReported: grid_support.alarm_reported,
    r.DerControlReported: grid_support.acting_reported,
    r.BatteriesSwapped: battery_swaps.swapped,
    r.DataTransferred: vendor_messages.transferred,
    r.OtherReported: vendor_messages.other,
}
