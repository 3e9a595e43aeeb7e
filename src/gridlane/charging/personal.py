"""What charging holds of people, and what becomes of it when they go."""

from collections.abc import Mapping, Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.personal import TOKENS
from gridlane.charging.model import (
    admissions,
    authorizations,
    readings,
    sessions,
    start_requests,
    transaction_events,
)
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.personal import GONE, After, Holding, Person, Share, signed_by
from gridlane.kernel.retention import Kept


class ChargesStill(Refusal):
    code = "charges_still"
    kind = Kind.CONFLICT
    sentence = "A charge is under way; end it first."


_NO_TOKEN = {"token_id": None, "token_key": None, "token_last4": None}
SESSIONS = Holding(
    sessions,
    after=After.NAMELESS,
    blank={"person_id": None, **_NO_TOKEN, "stop_token_key": None, "stop_token_last4": None},
    hidden=frozenset({"token_key", "stop_token_key", "sequences", "start_digest", "end_digest"}),
)
HOLDINGS = (
    Holding(
        transaction_events, (), After.NAMELESS, via=SESSIONS, link="session_id",
        blank={"token_last4": None}, hidden=frozenset({"digest"}),
    ),
    Holding(authorizations, (), via=TOKENS, link="token_id", hidden=frozenset({"token_key"})),
    SESSIONS,
    *signed_by(sessions.c.closed_by, sessions.c.reviewed_by),
    Holding(
        start_requests,
        ("person_id", "requested_by"),
        After.NAMELESS,
        blank={"person_id": None, "token_id": None, "token_last4": "", "requested_by": GONE},
        hidden=frozenset({"token_key", "remote_start_id"}),
    ),
    Holding(admissions, hidden=frozenset({"token_key"})),
)  # fmt: skip


async def files(work: AsyncConnection, person: Person) -> Mapping[str, bytes]:
    """What the meter said during each charge, summed up: single readings are thousands."""
    of_session = sa.and_(
        readings.c.station_id == sessions.c.station_id,
        readings.c.received_at.between(sessions.c.first_received_at, sessions.c.received_at),
        readings.c.session_id == sessions.c.id,
    )
    summed = (
        sa.select(
            sa.func.count().label("readings"),
            sa.func.min(readings.c.at).label("first_at"),
            sa.func.max(readings.c.at).label("last_at"),
            sa.func.max(readings.c.power).label("highest_power_w"),
            sa.func.min(readings.c.soc).label("lowest_soc_percent"),
            sa.func.max(readings.c.soc).label("highest_soc_percent"),
        )
        .where(of_session)
        .lateral()
    )
    query = sa.select(sessions.c.id.label("session_id"), summed).join_from(sessions, summed, sa.true())
    rows = (await work.execute(query.where(SESSIONS.of(person)).order_by(sessions.c.started_at))).mappings()
    told = [dict(row) for row in rows if row["readings"]]
    return {"readings.json": msgspec.json.format(msgspec.json.encode(told))} if told else {}


async def obstacles(work: AsyncConnection, person: Person) -> Sequence[Refusal]:
    running = sa.exists().where(SESSIONS.of(person), sessions.c.status == "active")
    return [ChargesStill()] if await work.scalar(sa.select(running)) else []


RETENTION = (Kept("authorization_days", authorizations, authorizations.c.at),)

SHARE = Share(HOLDINGS, files=files, obstacles=obstacles)
