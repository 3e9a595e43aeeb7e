"""Who calls: by an API key in ``Authorization: Bearer``, or by the cookie of a sign-in session."""

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from fastapi import Request

from gridlane.accounts.people import api_keys, hashed, memberships, people, sign_in_sessions
from gridlane.accounts.roles import permissions
from gridlane.accounts.signing_in import IDLE
from gridlane.kernel.access import BY_WORD, Caller, NotSignedIn, Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.errors import Kind, Refusal

COOKIE = "gridlane_session"
_SAFE = {"GET", "HEAD", "OPTIONS"}


class OriginForeign(Refusal):
    """A browser sent a changing request from a page that is not ours."""

    code = "origin_foreign"
    kind = Kind.NOT_ALLOWED
    sentence = "This request came from another site."


async def recognise(request: Request) -> Caller:
    """The caller. Raises NotSignedIn, OriginForeign."""
    database: Database = request.app.state.database
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and secret:
        return await by_key(database, secret.strip())
    cookie = request.cookies.get(COOKIE)
    if cookie:
        _same_origin(request)
        return await by_session(database, cookie)
    raise NotSignedIn


async def by_key(database: Database, secret: str) -> Caller:
    """Raises NotSignedIn for a key that is unknown, expired or revoked."""
    now = system_clock()
    async with database.as_owner() as work:
        found = await work.execute(sa.select(api_keys).where(api_keys.c.secret_hash == hashed(secret)))
        key = found.mappings().first()
    if (
        key is None
        or key["revoked_at"] is not None
        or (key["expires_at"] is not None and key["expires_at"] <= now)
    ):
        raise NotSignedIn
    return Caller(
        kind="key",
        name=f"key {key['name']} …{key['hint']}",
        organization_id=key["organization_id"],
        permissions=frozenset(BY_WORD[word] for word in key["permissions"] if word in BY_WORD),
        sites=_sites(key["sites"]),
    )


async def by_session(database: Database, secret: str) -> Caller:
    """Raises NotSignedIn for a session that is unknown or over.

    Who signed in through one organization's provider and belongs to another too acts for that organization only:
    nothing of their own is within reach.
    """
    now = system_clock()
    async with database.as_owner() as work:
        found = await work.execute(
            sa.select(
                sign_in_sessions.c.id, sign_in_sessions.c.last_seen_at, sign_in_sessions.c.expires_at, people.c.id.label("person_id"),
                people.c.email, sign_in_sessions.c.organization_id, memberships.c.role, memberships.c.sites,
                sa.and_(sign_in_sessions.c.is_bound, _belongs_elsewhere()).label("confined"),
            )
            .join_from(sign_in_sessions, people)
            .join(
                memberships,
                sa.and_(
                    memberships.c.person_id == people.c.id,
                    memberships.c.organization_id == sign_in_sessions.c.organization_id,
                ),
                isouter=True,
            )
            .where(sign_in_sessions.c.secret_hash == hashed(secret))
        )  # fmt: skip
        session = found.mappings().first()
        if session is None or session["expires_at"] <= now or session["last_seen_at"] + IDLE <= now:
            raise NotSignedIn
        if now - session["last_seen_at"] > timedelta(minutes=5):
            await work.execute(
                sa.update(sign_in_sessions)
                .where(sign_in_sessions.c.id == session["id"])
                .values(last_seen_at=now)
            )
    role = session["role"]
    return Caller(
        kind="person",
        name=session["email"],
        organization_id=session["organization_id"] if role else None,
        person_id=None if session["confined"] else session["person_id"],
        permissions=permissions(role) if role else frozenset({Permission.CHARGE}),
        sites=_sites(session["sites"]),
    )


def _belongs_elsewhere() -> sa.ColumnElement[bool]:
    others = memberships.alias()
    return sa.exists().where(
        others.c.person_id == people.c.id, others.c.organization_id != sign_in_sessions.c.organization_id
    )


def _same_origin(request: Request) -> None:
    """Cookies are sent by browsers on their own: a changing request must come from our own page.

    Raises OriginForeign.
    """
    if request.method in _SAFE:
        return
    origin = request.headers.get("origin")
    fetched_from = request.headers.get("sec-fetch-site", "same-origin")
    host = request.headers.get("host", "")
    if fetched_from not in ("same-origin", "none") or (origin and origin.split("://")[-1] != host):
        raise OriginForeign


def _sites(ids: list[str] | None) -> frozenset[UUID] | None:
    return None if ids is None else frozenset(UUID(one) for one in ids)
