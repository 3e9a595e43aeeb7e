"""Ids of everything we store: UUID version 7 (RFC 9562), so that new rows lie together in an index.

Made here and not in the database: PostgreSQL has ``uuidv7()`` only since 18.
"""

import os
import time
from uuid import UUID

_RANDOM_BYTES = 10


def new_id(at_ms: int | None = None) -> UUID:
    """A fresh id. ``at_ms`` (Unix milliseconds) sets its time part, for replays on a virtual clock."""
    milliseconds = time.time_ns() // 1_000_000 if at_ms is None else at_ms
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(os.urandom(_RANDOM_BYTES))
    value &= ~(0xF000 << 64) & ~(0xC000 << 48)
    return UUID(int=value | 0x7000 << 64 | 0x8000 << 48)
