"""Organizations: each is a network of its own within one installation."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from psycopg import AsyncConnection


class Policy(msgspec.Struct, frozen=True):
    """What an organization lets pass that it does not know."""

    unknown_tokens: str = "refuse"
    free_starts: bool = False
    time_zone: str = "UTC"


STRICT = Policy()
"""For stations of no organization yet."""


async def find_policies(connection: AsyncConnection[Any], ids: Sequence[UUID]) -> dict[UUID, Policy]:
    cursor = await connection.execute(
        "SELECT id, unknown_tokens, free_starts, time_zone FROM organizations WHERE id = ANY(%s)",
        (list(ids),),
    )
    return {row[0]: Policy(*row[1:]) for row in await cursor.fetchall()}
