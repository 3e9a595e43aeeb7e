"""Every package's tables, imported so that migrations and their test see them all."""

from gridlane.accounts import model as accounts
from gridlane.accounts import people
from gridlane.billing import model as billing
from gridlane.charging import model as charging
from gridlane.kernel import audit, facts, ownership
from gridlane.stations import (
    availability,
    device_model,
    events,
    firmware,
    logs,
    monitors,
    vendor_messages,
)
from gridlane.stations import model as stations
from gridlane.tariffs import model as tariffs

__all__ = [
    "accounts",
    "audit",
    "availability",
    "billing",
    "charging",
    "device_model",
    "events",
    "facts",
    "firmware",
    "logs",
    "monitors",
    "ownership",
    "people",
    "stations",
    "tariffs",
    "vendor_messages",
]
