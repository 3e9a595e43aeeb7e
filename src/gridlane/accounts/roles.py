"""Roles: which permissions each carries. One table of data; the documentation is drawn from it."""

from gridlane.kernel.access import Permission

_READ = {p for p in Permission if p.word.endswith(":read")}

ROLES: dict[str, tuple[str, frozenset[Permission]]] = {
    "owner": ("everything, including people, money and integrations", frozenset(Permission)),
    "operator": (
        "runs the network day by day",
        frozenset(
            (_READ - {Permission.MONEY_READ, Permission.AUDIT_READ})
            | {
                Permission.STATIONS_WRITE,
                Permission.STATIONS_OPERATE,
                Permission.STATIONS_EXPERT,
                Permission.SESSIONS_WRITE,
                Permission.TOKENS_WRITE,
                Permission.FLEETS_WRITE,
                Permission.PRICES_WRITE,
                Permission.ENERGY_WRITE,
                Permission.MAINTENANCE_WRITE,
                Permission.PLANNING_WRITE,
                Permission.SUPPORT_WRITE,
            }
        ),
    ),
    "technician": (
        "keeps stations working",
        frozenset(
            {
                Permission.STATIONS_READ,
                Permission.STATIONS_WRITE,
                Permission.STATIONS_OPERATE,
                Permission.MESSAGES_READ,
                Permission.SESSIONS_READ,
                Permission.MAINTENANCE_READ,
                Permission.MAINTENANCE_WRITE,
                Permission.ENERGY_READ,
            }
        ),
    ),
    "support": (
        "helps drivers",
        frozenset(
            {
                Permission.STATIONS_READ,
                Permission.STATIONS_OPERATE,
                Permission.SESSIONS_READ,
                Permission.SESSIONS_WRITE,
                Permission.TOKENS_READ,
                Permission.PEOPLE_READ,
                Permission.FLEETS_READ,
                Permission.PRICES_READ,
                Permission.SUPPORT_READ,
                Permission.SUPPORT_WRITE,
                Permission.MAINTENANCE_READ,
            }
        ),
    ),
    "finance": (
        "prices, bills and reports",
        frozenset(
            {
                Permission.STATIONS_READ,
                Permission.SESSIONS_READ,
                Permission.PRICES_READ,
                Permission.PRICES_WRITE,
                Permission.MONEY_READ,
                Permission.MONEY_WRITE,
                Permission.REPORTS_READ,
                Permission.PEOPLE_READ,
                Permission.FLEETS_READ,
                Permission.ORGANIZATION_READ,
            }
        ),
    ),
    "fleet_manager": (
        "looks after the fleets they manage: drivers, vehicles, sessions; sees nothing of other drivers",
        frozenset(
            {
                Permission.STATIONS_READ,
                Permission.PRICES_READ,
                Permission.FLEETS_READ,
                Permission.FLEETS_WRITE,
                Permission.CHARGE,
            }
        ),
    ),
    "driver": ("charges, and sees what is their own", frozenset({Permission.CHARGE})),
}
"""Role -> (what it is for, its permissions)."""


def permissions(role: str) -> frozenset[Permission]:
    """What a role carries; nothing for a role that is unknown."""
    return ROLES[role][1] if role in ROLES else frozenset()
