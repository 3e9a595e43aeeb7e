"""Every package's tables, imported so that migrations and their test see them all."""

from gridlane.accounts import (
    attempts,
    identity_providers,
    inbox,
    mail,
    passkeys,
    people,
    privacy,
    push,
    second_factor,
    single_sign_on,
)
from gridlane.accounts import model as accounts
from gridlane.billing import model as billing
from gridlane.billing import terminal_payments
from gridlane.campaigns import model as campaigns
from gridlane.charging import claims, local_lists
from gridlane.charging import model as charging
from gridlane.energy import model as energy
from gridlane.insight import model as insight
from gridlane.kernel import audit, facts, ownership
from gridlane.maintenance import model as maintenance
from gridlane.planning import model as planning
from gridlane.stations import (
    availability,
    battery_swaps,
    certificates,
    customers,
    device_model,
    displays,
    dynamic_schedules,
    event_streams,
    events,
    firmware,
    grid_support,
    local_list,
    local_tariffs,
    logs,
    monitors,
    reservations,
    smart_charging,
    station_profiles,
    vendor_messages,
)
from gridlane.stations import model as stations
from gridlane.support import model as support
from gridlane.tariffs import model as tariffs
from gridlane.waiting import model as waiting

__all__ = [
    "accounts",
    "attempts",
    "audit",
    "availability",
    "battery_swaps",
    "billing",
    "campaigns",
    "certificates",
    "charging",
    "claims",
    "customers",
    "device_model",
    "displays",
    "dynamic_schedules",
    "energy",
    "event_streams",
    "events",
    "facts",
    "firmware",
    "grid_support",
    "identity_providers",
    "inbox",
    "insight",
    "local_list",
    "local_lists",
    "local_tariffs",
    "logs",
    "mail",
    "maintenance",
    "monitors",
    "ownership",
    "passkeys",
    "people",
    "planning",
    "privacy",
    "push",
    "reservations",
    "second_factor",
    "single_sign_on",
    "smart_charging",
    "station_profiles",
    "stations",
    "support",
    "tariffs",
    "terminal_payments",
    "vendor_messages",
    "waiting",
]
