"""Who asks, and what they may do.

The table of roles lives with ``accounts``; here is only what every package needs to ask for a permission. A
permission is a word ``thing:verb``; what a caller holds was decided when the caller was recognised.
"""

from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from gridlane.kernel.database import Scope
from gridlane.kernel.errors import Kind, Refusal


class Permission(Enum):
    """Everything that can be allowed, one row each: its word and its meaning."""

    STATIONS_READ = ("stations:read", "see sites, stations, EVSEs and their state")
    STATIONS_WRITE = ("stations:write", "create and change sites and stations, approve and refuse them")
    STATIONS_OPERATE = ("stations:operate", "send commands to stations")
    STATIONS_EXPERT = ("stations:expert", "send any OCPP message with a payload of one's own")
    MESSAGES_READ = ("messages:read", "read the OCPP message log")
    SESSIONS_READ = ("sessions:read", "see charging sessions and their readings")
    SESSIONS_WRITE = ("sessions:write", "close stuck sessions, correct what a station got wrong")
    TOKENS_READ = ("tokens:read", "see tokens (never whole numbers)")
    TOKENS_WRITE = ("tokens:write", "issue, change and block tokens")
    PEOPLE_READ = ("people:read", "see people of the organization and their roles")
    PEOPLE_WRITE = ("people:write", "invite people and change their roles")
    PEOPLE_FORGET = ("people:forget", "erase what is held of somebody who asked to be forgotten")
    FLEETS_READ = ("fleets:read", "see driver groups and fleets (of all, or of those one manages)")
    FLEETS_WRITE = ("fleets:write", "look after driver groups, fleets, their members and vehicles")
    PRICES_READ = ("prices:read", "see tariffs and assignments")
    PRICES_WRITE = ("prices:write", "publish and assign tariffs")
    MONEY_READ = ("money:read", "see payments, invoices and the ledger")
    MONEY_WRITE = ("money:write", "refund, correct, pay out")
    ENERGY_READ = ("energy:read", "see circuits, plans and limits")
    ENERGY_WRITE = ("energy:write", "change circuits, policies and limits")
    MAINTENANCE_READ = ("maintenance:read", "see faults, alerts and campaigns")
    MAINTENANCE_WRITE = ("maintenance:write", "resolve faults, run campaigns, set alert rules")
    REPORTS_READ = ("reports:read", "see and export reports")
    SUPPORT_READ = ("support:read", "see support cases")
    SUPPORT_WRITE = ("support:write", "answer support cases and apply remedies")
    PLANNING_READ = ("planning:read", "see placement plans")
    PLANNING_WRITE = ("planning:write", "make placement plans")
    ORGANIZATION_READ = ("organization:read", "see the organization and its settings")
    ORGANIZATION_WRITE = ("organization:write", "change the organization, its keys and integrations")
    AUDIT_READ = ("audit:read", "read the audit log")
    CHARGE = ("charge", "charge as a driver and see what is one's own")

    def __init__(self, word: str, meaning: str) -> None:
        self.word = word
        self.meaning = meaning


BY_WORD = {permission.word: permission for permission in Permission}


class NotSignedIn(Refusal):
    code = "not_signed_in"
    kind = Kind.NOT_SIGNED_IN
    sentence = "Sign in first, or send an API key."


class NotAllowed(Refusal):
    code = "not_allowed"
    kind = Kind.NOT_ALLOWED
    sentence = "This needs the permission {permission}."


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who was recognised: a person, an API key, or the system itself.

    ``sites`` is None where the caller may reach every site of the organization, else the ids it is limited to.
    """

    kind: str  # "person", "key", "system"
    name: str  # for the audit log
    organization_id: UUID | None
    person_id: UUID | None = None
    permissions: frozenset[Permission] = frozenset()
    sites: frozenset[UUID] | None = None

    @property
    def scope(self) -> Scope:
        return Scope(self.organization_id, self.person_id)

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    def require(self, permission: Permission) -> None:
        """Raises NotAllowed."""
        if permission not in self.permissions:
            raise NotAllowed(permission=permission.word)

    def person(self) -> UUID:
        """Whose own things are asked for. Raises NotSignedIn for a key or the system, which have none."""
        if self.person_id is None:
            raise NotSignedIn
        return self.person_id

    def reaches(self, site_id: UUID | None) -> bool:
        """Whether an object of this site may be seen; what belongs to no site needs access to all."""
        return self.sites is None or (site_id is not None and site_id in self.sites)


def system(organization_id: UUID | None = None, name: str = "gridlane") -> Caller:
    """Gridlane acting by itself (a playbook, a job)."""
    return Caller("system", name, organization_id, permissions=frozenset(Permission))
