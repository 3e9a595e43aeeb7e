"""What other parts of Gridlane say beforehand about a token or an EVSE, so that a start still asks only once.

Waiting reserves an EVSE, billing says that a credit is used up, roaming passes on what another network thinks of its
token. They write it down here; the rules of ``authorizing`` read it. What is past its time counts no more.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.charging.model import admissions
from gridlane.kernel.ids import new_id
from gridlane.stations.replies import VerdictStatus

Kind = Literal["reservation", "credit", "external"]


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """One thing said beforehand.

    - ``reservation``: the EVSE is kept for the token, its group or its person; others get ``not_at_this_time``.
    - ``credit``: the token may not start (``status`` no_credit) until this is withdrawn.
    - ``external``: another network's verdict on a token we did not issue.
    """

    kind: Kind
    organization_id: UUID | None
    valid_from: datetime
    valid_until: datetime
    status: VerdictStatus = "accepted"
    token_key: UUID | None = None
    group_id: str | None = None
    person_id: UUID | None = None
    station_id: UUID | None = None
    evse: int | None = None
    message: str | None = None
    reference: str | None = None


async def say(work: AsyncConnection, wish: Wish) -> UUID:
    """Write it down within the caller's unit of work; gives the id to withdraw it by."""
    id_ = new_id()
    await work.execute(sa.insert(admissions).values(id=id_, **msgspec.structs.asdict(wish)))
    return id_


async def withdraw(work: AsyncConnection, *, id_: UUID | None = None, reference: str | None = None) -> int:
    """Take back what was said, by its id or its reference; gives how much there was."""
    chosen = admissions.c.id == id_ if id_ is not None else admissions.c.reference == reference
    result = await work.execute(sa.delete(admissions).where(chosen))
    return result.rowcount


async def forget_past(work: AsyncConnection, now: datetime) -> int:
    """Remove what is past its time (a job, as the owner of the tables)."""
    result = await work.execute(sa.delete(admissions).where(admissions.c.valid_until <= now))
    return result.rowcount
