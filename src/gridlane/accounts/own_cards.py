"""A driver's own cards: linking one that the operator has handed out, naming it, and reporting it lost.

A card is linked by the number printed on it, once, by whoever holds it; wrong numbers are counted, so that nobody finds
cards by trying. A lost card is blocked at once; only an operator lets it in again.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts import issuing
from gridlane.accounts.model import tokens
from gridlane.accounts.tokens import TokenCipher
from gridlane.kernel import audit
from gridlane.kernel.access import Caller, system
from gridlane.kernel.audit import audit_entries
from gridlane.kernel.database import Database, Scope
from gridlane.kernel.errors import Kind, Refusal
from gridlane.stations.reports import TokenRef

TRIES = 5
WITHIN = timedelta(hours=1)
_SHOWN = ("id", "name", "kind", "last4", "status", "valid_until", "created_at")
_FAILED = "card.not_linked"


class CardNotLinked(Refusal):
    code = "card_not_linked"
    kind = Kind.NOT_FOUND
    sentence = "No free card has this number. Look at the card once more, or ask us."


class TooManyTries(Refusal):
    code = "too_many_card_numbers"
    kind = Kind.TOO_MANY
    sentence = "Too many numbers were tried; try again in an hour, or ask us."


async def cards_of(work: AsyncConnection, person_id: UUID) -> list[dict[str, Any]]:
    """One's cards; the app's own token is none."""
    query = sa.select(*(tokens.c[name] for name in _SHOWN)).where(
        tokens.c.person_id == person_id, tokens.c.kind != "Central"
    )
    return [dict(row) for row in (await work.execute(query.order_by(tokens.c.created_at))).mappings()]


async def link(
    database: Database, caller: Caller, cipher: TokenCipher, number: str, name: str, now: datetime
) -> UUID:
    """Make a handed-out card one's own. Raises CardNotLinked, TooManyTries, TokenNumberInvalid."""
    token = issuing.checked(TokenRef(number.replace(" ", "").replace(":", ""), "ISO14443"))
    own = Scope(caller.organization_id)
    async with database.unit_of_work(own) as work:
        await _few_tries(work, caller, now)
        free = sa.select(tokens.c.id).where(
            tokens.c.key == cipher.key(token), tokens.c.person_id.is_(None), tokens.c.status == "active"
        )
        token_id: UUID | None = await work.scalar(free.with_for_update())
        if token_id is not None:
            changes = {"person_id": caller.person_id, "name": name}
            await issuing.change(work, _for(caller), token_id, changes)
            return token_id
    async with database.unit_of_work(own) as work:
        await audit.record(work, caller, _FAILED, caller.person_id)
    raise CardNotLinked


async def report_lost(work: AsyncConnection, caller: Caller, token_id: UUID) -> None:
    """Block one's card at once. Raises TokenUnknown, also for the card of another."""
    card = await issuing.token_of(work, caller, token_id)
    if card["person_id"] is None or card["person_id"] != caller.person_id:
        raise issuing.TokenUnknown(token=token_id)
    await issuing.change(work, _for(caller), token_id, {"status": "blocked"})


def _for(caller: Caller) -> Caller:
    """The system, acting for a driver on what is the driver's own."""
    return system(caller.organization_id, caller.name)


async def _few_tries(work: AsyncConnection, caller: Caller, now: datetime) -> None:
    tried = sa.select(sa.func.count()).where(
        audit_entries.c.action == _FAILED,
        audit_entries.c.object_id == str(caller.person_id),
        audit_entries.c.at > now - WITHIN,
    )
    if (await work.scalar(tried) or 0) >= TRIES:
        raise TooManyTries
