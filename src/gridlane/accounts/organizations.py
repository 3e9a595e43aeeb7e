"""Organizations: each is a network of its own within one installation."""

from uuid import UUID

import msgspec
import sqlalchemy as sa

from gridlane.accounts.model import organizations
from gridlane.kernel.database import Database
from gridlane.kernel.errors import Kind, Refusal


class OrganizationUnknown(Refusal):
    code = "organization_unknown"
    kind = Kind.NOT_FOUND
    sentence = "Name one of the organizations {names}."


class Policy(msgspec.Struct, frozen=True):
    """What an organization lets pass that it does not know."""

    unknown_tokens: str = "refuse"
    free_starts: bool = False
    time_zone: str = "UTC"


STRICT = Policy()
"""For stations of no organization yet."""


def policy_lookup(organization: str) -> str:
    """SQL for another package's statement: an organization's ``Policy`` as JSON."""
    columns = ", ".join(Policy.__struct_fields__)
    return (
        f"(SELECT to_json(found) FROM (SELECT {columns} FROM organizations "  # noqa: S608 (our own column names)
        f"WHERE id = {organization}) found)"
    )


async def named(database: Database, name: str | None) -> UUID:
    """The organization of that name; without one, the only one there is. Raises OrganizationUnknown."""
    async with database.as_owner() as work:
        known = {
            row.name: row.id
            for row in await work.execute(sa.select(organizations.c.name, organizations.c.id))
        }
    if name is None and len(known) == 1:
        return UUID(str(next(iter(known.values()))))
    if name not in known:
        raise OrganizationUnknown(names=", ".join(sorted(known)))
    return UUID(str(known[name]))
