"""Organizations: each is a network of its own within one installation."""

import msgspec


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
