"""Signing in through an organization's identity provider: authorization code with PKCE (RFC 7636), state and nonce.

A provider speaks for its own organization only: a session begun through it reaches no other, and where the person
belongs to another one too, nothing of their own either. So whoever runs a provider cannot become somebody elsewhere.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts import identity_providers, joining, links
from gridlane.accounts.identity_providers import IdentityProviderFailed
from gridlane.accounts.identity_tokens import Identity, IdentityRefused, verified
from gridlane.accounts.model import organizations
from gridlane.accounts.people import invitations, memberships, new_secret, people
from gridlane.accounts.signing_in import begin_session
from gridlane.kernel import audit
from gridlane.kernel.access import Caller
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database, metadata
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.settings import Settings

RETURN = "/console/signed-in"
"""Where the provider sends the browser back to; register it there as a redirect address."""

identities = sa.Table(
    "identities",
    metadata,
    sa.Column("organization_id", sa.Uuid, primary_key=True),
    sa.Column("issuer", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, primary_key=True, comment="who it is at the provider"),
    sa.Column("person_id", sa.Uuid, sa.ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index(None, "person_id"),
    comment="people by what an organization's identity provider calls them",
)


class NobodyHere(Refusal):
    code = "nobody_here"
    kind = Kind.NOT_ALLOWED
    sentence = "{email} is known to the provider, but not to {organization}. Ask to be invited."


class Begun(NamedTuple):
    """Where the browser goes, and the secret that it has to show when it is back."""

    url: str
    state: str


async def offered(work: AsyncConnection) -> list[dict[str, Any]]:
    """Organizations with a provider to sign in with, by name."""
    table = identity_providers.identity_providers
    query = (
        sa.select(table.c.organization_id, organizations.c.name.label("organization"), table.c.name)
        .join(organizations, organizations.c.id == table.c.organization_id)
        .where(table.c.enabled)
        .order_by(organizations.c.name)
    )
    return [dict(row) for row in (await work.execute(query)).mappings()]


async def begin(database: Database, settings: Settings, organization_id: UUID) -> Begun:
    """Raises IdentityProviderMissing, IdentityProviderFailed."""
    async with database.as_owner() as work:
        provider = await identity_providers.enabled(work, organization_id)
    discovered = await identity_providers.discover(settings, provider["issuer"])
    nonce, verifier = new_secret(), new_secret()
    details = {"organization_id": str(organization_id), "nonce": nonce, "verifier": verifier}
    async with database.as_owner() as work:
        state = await links.make(work, "oidc", details=details)
    query = {
        "response_type": "code", "client_id": provider["client_id"], "scope": "openid email profile",
        "redirect_uri": settings.address() + RETURN, "state": state, "nonce": nonce,
        "code_challenge": challenge(verifier), "code_challenge_method": "S256",
    }  # fmt: skip
    endpoint = discovered["authorization_endpoint"]
    return Begun(f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}", state)


def challenge(verifier: str) -> str:
    """RFC 7636, 4.2, S256."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


async def finish(
    database: Database,
    settings: Settings,
    *,
    code: str,
    state: str,
    browser: str | None,
    address: str,
    user_agent: str,
) -> str:
    """The browser is back; gives the session's secret. ``browser`` is the state that it was given when it left.

    Raises LinkNotValid, IdentityProviderMissing, IdentityProviderFailed, IdentityRefused, NobodyHere.
    """
    if browser is None or not hmac.compare_digest(browser, state):
        raise links.LinkNotValid  # another browser has begun it
    async with database.as_owner() as work:
        begun = (await links.use(work, state, "oidc")).details
        organization_id = UUID(begun["organization_id"])
        provider = await identity_providers.enabled(work, organization_id)
    identity = await _identified(settings, provider, code, begun)
    async with database.as_owner() as work:
        person_id = await _person(work, provider, identity)
        await _remember(work, provider, identity, person_id)
        who = Caller("person", identity.email, organization_id, person_id)
        await audit.record(work, who, "person.signed_in_by_provider", person_id)
        return await begin_session(
            work,
            person_id,
            address=address,
            user_agent=user_agent,
            organization_id=organization_id,
            is_bound=True,
        )


async def _identified(settings: Settings, provider: Any, code: str, begun: dict[str, Any]) -> Identity:
    issuer, client_id = provider["issuer"], provider["client_id"]
    discovered = await identity_providers.discover(settings, issuer)
    sealed = provider["sealed_secret"]
    secret = identity_providers.sealer(settings).unseal(provider["organization_id"], sealed)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": settings.address() + RETURN,
        "code_verifier": begun["verifier"],
    }
    tokens = await identity_providers.exchange(settings, issuer, discovered, (client_id, secret), form)
    if not isinstance(tokens.get("id_token"), str):
        raise IdentityProviderFailed(issuer=issuer, reason="it gave no ID token")
    return verified(
        tokens["id_token"],
        await identity_providers.keys(settings, issuer, discovered),
        issuer=issuer,
        client_id=client_id,
        nonce=begun["nonce"],
        now=system_clock(),
        trusts_addresses=provider["trusts_addresses"],
    )


async def _person(work: AsyncConnection, provider: Any, identity: Identity) -> UUID:
    """Whom the provider means: known by it, by address, by an invitation, or by a domain that may join.

    Raises NobodyHere, IdentityRefused.
    """
    organization_id = provider["organization_id"]
    known = await work.scalar(sa.select(identities.c.person_id).where(_is(provider, identity)))
    query = sa.select(people).where(people.c.id == known if known else people.c.email == identity.email)
    person: Any = (await work.execute(query)).mappings().first()
    if person is not None:
        await _require_unclaimed(work, provider, identity, person["id"])
        if await _belongs(work, organization_id, person["id"]):
            return UUID(str(person["id"]))
    wish = await _invitation(work, organization_id, identity.email)
    if wish is None and (known or identity.email.rpartition("@")[2] not in provider["domains"]):
        name = await work.scalar(sa.select(organizations.c.name).where(organizations.c.id == organization_id))
        raise NobodyHere(email=identity.email, organization=name)
    wish = wish or {"role": provider["role"], "sites": None, "language": "en", "name": ""}
    if person is None:
        name = identity.name or wish["name"]
        person = await joining.add_person(work, identity.email, name, wish["language"], None)
    await joining.add_member(work, organization_id, person, wish["role"], wish["sites"])
    return UUID(str(person["id"]))


async def _invitation(work: AsyncConnection, organization_id: UUID, email: str) -> Any:
    """The invitation that is used up by coming in, if there is one."""
    invited = sa.and_(
        invitations.c.organization_id == organization_id,
        invitations.c.email == email,
        invitations.c.expires_at > system_clock(),
    )
    used = await work.execute(sa.delete(invitations).where(invited).returning(invitations))
    return used.mappings().first()


async def _require_unclaimed(
    work: AsyncConnection, provider: Any, identity: Identity, person_id: UUID
) -> None:
    """An address that was given to somebody else at the provider does not inherit the account. Raises IdentityRefused."""
    another = sa.exists().where(
        identities.c.organization_id == provider["organization_id"],
        identities.c.issuer == provider["issuer"],
        identities.c.person_id == person_id,
        identities.c.subject != identity.subject,
    )
    if await work.scalar(sa.select(another)):
        raise IdentityRefused(reason="the address belongs to another account of the provider")


async def _belongs(work: AsyncConnection, organization_id: UUID, person_id: UUID) -> bool:
    membership = sa.and_(
        memberships.c.organization_id == organization_id, memberships.c.person_id == person_id
    )
    return bool(await work.scalar(sa.select(sa.exists().where(membership))))


async def _remember(work: AsyncConnection, provider: Any, identity: Identity, person_id: UUID) -> None:
    now = system_clock()
    values = {
        "organization_id": provider["organization_id"], "issuer": provider["issuer"], "subject": identity.subject,
        "person_id": person_id, "since": now, "last_used_at": now,
    }  # fmt: skip
    await work.execute(
        insert(identities)
        .values(values)
        .on_conflict_do_update(
            index_elements=["organization_id", "issuer", "subject"], set_={"last_used_at": now}
        )
    )


def _is(provider: Any, identity: Identity) -> sa.ColumnElement[bool]:
    return sa.and_(
        identities.c.organization_id == provider["organization_id"],
        identities.c.issuer == provider["issuer"],
        identities.c.subject == identity.subject,
    )
