"""What a controller must not forget of an EVSE, as one value that is stored before anything is sent.

After a restart the memories are read back, and every limit counts as it did before.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.energy.appetite import Appetite
from gridlane.energy.model import evse_standings
from gridlane.energy.pacing import Allowance
from gridlane.energy.trees import Wired
from gridlane.energy.worst_case import Escalation, Standing, lost_contact
from gridlane.kernel.quantities import Amperes


class Purpose(StrEnum):
    """What a command was sent for."""

    LIMIT = "limit"
    FALLBACK = "fallback"
    MAXIMUM = "maximum"
    QUESTION = "question"
    STOP = "stop"


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A command under way, by what it is for; ``number`` of its limit, ``current`` it carries."""

    purpose: Purpose
    asked_at: datetime
    number: int = 0
    current: Amperes | None = None


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """One EVSE. ``fallback_taken`` is the fallback its station accepted last, not yet read back.

    ``charging`` since ``since``, or waiting since then. ``phases`` are those its vehicle was seen to use.
    ``clock``: seconds that its station's clock was ahead in the last two looks.
    """

    standing: Standing
    appetite: Appetite = Appetite()
    allowance: Allowance | None = None
    asked_at: datetime | None = None
    pressed: tuple[int, Escalation] | None = None
    verified_at: datetime | None = None
    session_id: UUID | None = None
    transaction: str | None = None
    charging: bool = False
    since: datetime | None = None
    phases: int | None = None
    phases_seen: tuple[int, datetime] | None = None
    fallback_taken: Amperes | None = None
    fallback_proven: Amperes | None = None
    fallback_tried_at: datetime | None = None
    number: int = 0
    maximum_lowered: bool = False
    clock: tuple[float, float] = (0.0, 0.0)
    sent: dict[UUID, Sent] = {}

    @property
    def clock_offset(self) -> timedelta:
        """How far its station's clock is ahead of ours.

        Of the last two looks the larger counts: readings that were kept while offline arrive late and make a clock
        seem to be behind. Too small an offset only lets limits lapse early.
        """
        return timedelta(seconds=max(self.clock))

    def under_way(self, purpose: Purpose) -> bool:
        return any(each.purpose is purpose for each in self.sent.values())


def unknown(evse: str) -> Memory:
    """Of an EVSE that nothing is known of: it counts at its rating."""
    return Memory(standing=Standing(evse=evse))


def rebuilt(stored: Mapping[str, Memory], wired: Wired) -> dict[str, Memory]:
    """The memories of a site's EVSEs after a restart. Nobody is in contact yet, and a fallback that was changed
    meanwhile is not proven.
    """
    memories = {}
    for evse in wired.site.evses:
        memory = stored.get(evse.id) or unknown(evse.id)
        memories[evse.id] = replace(memory, standing=lost_contact(memory.standing))
    return memories


async def load(work: AsyncConnection, site_id: UUID) -> dict[str, Memory]:
    query = sa.select(evse_standings.c.evse_id, evse_standings.c.memory)
    found = await work.execute(query.where(evse_standings.c.site_id == site_id))
    return {str(row.evse_id): msgspec.json.decode(row.memory, type=Memory) for row in found}


async def save(
    work: AsyncConnection, wired: Wired, memories: Iterable[Memory], epoch: int, now: datetime
) -> None:
    rows = [
        {
            "evse_id": UUID(memory.standing.evse),
            "organization_id": wired.organization_id,
            "site_id": wired.site_id,
            "epoch": epoch,
            "written_at": now,
            "memory": msgspec.json.encode(memory).decode(),
        }
        for memory in memories
    ]
    if not rows:
        return
    fresh = insert(evse_standings)
    changed: dict[str, Any] = {
        name: fresh.excluded[name] for name in ("site_id", "epoch", "written_at", "memory")
    }
    await work.execute(fresh.on_conflict_do_update(index_elements=["evse_id"], set_=changed), rows)
