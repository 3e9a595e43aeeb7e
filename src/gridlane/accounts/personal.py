"""What accounts hold of people, and what becomes of it when they go."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.belonging import LastOwner
from gridlane.accounts.inbox import inbox_messages, notification_choices
from gridlane.accounts.issuing import TokenChanged
from gridlane.accounts.mail import mails
from gridlane.accounts.model import group_members, tokens, vehicles
from gridlane.accounts.passkeys import passkeys
from gridlane.accounts.people import (
    api_keys,
    invitations,
    memberships,
    one_time_links,
    people,
    sign_in_sessions,
)
from gridlane.accounts.privacy import personal_archives
from gridlane.accounts.push import push_subscriptions
from gridlane.accounts.second_factor import recovery_codes, second_factors
from gridlane.accounts.single_sign_on import identities
from gridlane.kernel.audit import audit_entries
from gridlane.kernel.clock import system_clock
from gridlane.kernel.errors import Refusal
from gridlane.kernel.facts import Recorded, record
from gridlane.kernel.personal import After, Holding, Person, Share, signed_by
from gridlane.kernel.retention import Kept

TOKENS = Holding(
    tokens,
    after=After.NAMELESS,
    blank={"person_id": None, "name": "", "status": "blocked", "changed_at": sa.func.now()},
    hidden=frozenset({"key", "sealed"}),
)
"""Blocked, not removed: else a card could charge as one that nobody knows."""

HOLDINGS = (
    Holding(passkeys, hidden=frozenset({"transports", "uses"})),
    Holding(second_factors),
    Holding(recovery_codes),
    Holding(sign_in_sessions),
    Holding(identities),
    TOKENS,
    Holding(vehicles),
    Holding(group_members),
    Holding(inbox_messages),
    Holding(notification_choices),
    Holding(push_subscriptions, hidden=frozenset({"endpoint", "p256dh", "auth"})),
    Holding(personal_archives),
    Holding(mails, ("recipient",), hidden=frozenset({"text", "html"})),
    Holding(one_time_links, ("email",)),
    Holding(invitations, ("email",)),
    *signed_by(invitations.c.invited_by, api_keys.c.created_by),
    Holding(
        audit_entries,
        ("actor", "object_id"),
        After.KEPT,
        why="the log of changes is sealed; it is removed when its time is over",
        hidden=frozenset({"number"}),
    ),
    Holding(memberships),
    Holding(people, ("id",), hidden=frozenset({"password_hash"})),
)


async def obstacles(work: AsyncConnection, person: Person) -> Sequence[Refusal]:
    """An organization keeps an owner."""
    theirs = sa.and_(Holding(memberships).of(person), memberships.c.role == "owner")
    others = memberships.alias()
    another = sa.exists().where(
        others.c.organization_id == memberships.c.organization_id,
        others.c.role == "owner",
        others.c.person_id != person.id,
    )
    return [LastOwner()] if await work.scalar(sa.select(sa.exists().where(theirs, ~another))) else []


async def parting(work: AsyncConnection, person: Person) -> None:
    """Tell of each token, so that stations forget it too."""
    query = sa.select(tokens.c.id, tokens.c.organization_id).where(TOKENS.of(person))
    now = system_clock()
    told = [
        Recorded(TokenChanged(token_id=row.id, blocked=True), row.id, row.organization_id, now)
        for row in (await work.execute(query)).all()
    ]
    await record(work, told)


RETENTION = (
    Kept("mail_days", mails, mails.c.created_at),
    Kept("inbox_days", inbox_messages, inbox_messages.c.at),
    Kept("sign_in_days", one_time_links, one_time_links.c.expires_at),
    Kept("sign_in_days", invitations, invitations.c.expires_at),
)

SHARE = Share(HOLDINGS, obstacles=obstacles, parting=parting)
