"""The identity provider of an organization (OpenID Connect), through which its staff sign in: its settings, and asking it.

The client's secret is kept encrypted and never told again.
"""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts import belonging
from gridlane.accounts.second_factor import Sealer
from gridlane.kernel import audit, outgoing
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import metadata
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.settings import Settings

SECRET = "identity_providers"  # noqa: S105 (the name of a key)
SECONDS = 10.0
MOST = 1_000_000
"""Bytes of an answer."""

identity_providers = sa.Table(
    "identity_providers",
    metadata,
    sa.Column("organization_id", sa.Uuid, sa.ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("name", sa.Text, nullable=False, comment="what the button says"),
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("client_id", sa.Text, nullable=False),
    sa.Column("sealed_secret", sa.LargeBinary, nullable=False, comment="the client's secret, encrypted"),
    sa.Column("domains", ARRAY(sa.Text), nullable=False, server_default="{}", comment="whose mail addresses may join by themselves"),
    sa.Column("role", sa.Text, nullable=False, server_default="support", comment="of who joins by a domain"),
    sa.Column("trusts_addresses", sa.Boolean, nullable=False, server_default=sa.false(), comment="it need not say that an address was proved"),
    sa.Column("enabled", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    comment="where an organization's staff sign in (OpenID Connect)",
)  # fmt: skip

SHOWN = tuple(column for column in identity_providers.c if column.name != "sealed_secret")


class IdentityProviderMissing(Refusal):
    code = "identity_provider_missing"
    kind = Kind.NOT_FOUND
    sentence = "This organization has no identity provider to sign in with."


class IdentityProviderFailed(Refusal):
    code = "identity_provider_failed"
    kind = Kind.UNAVAILABLE
    sentence = "The identity provider {issuer} cannot be used: {reason}."


class SecretNeeded(Refusal):
    code = "client_secret_needed"
    kind = Kind.INVALID
    sentence = (
        "Send the client's secret with the first settings, and whenever the issuer or the client changes."
    )


def sealer(settings: Settings) -> Sealer:
    return Sealer(settings.secret(SECRET))


async def shown(work: AsyncConnection, caller: Caller) -> dict[str, Any]:
    """The settings, without the secret. Raises NotAllowed, IdentityProviderMissing."""
    caller.require(Permission.ORGANIZATION_READ)
    return await _row(work, caller)


async def keep(
    work: AsyncConnection, settings: Settings, caller: Caller, wish: Mapping[str, Any], secret: str | None
) -> dict[str, Any]:
    """Set the provider. Raises NotAllowed, RoleUnknown, RoleNotYours, SecretNeeded, IdentityProviderFailed."""
    caller.require(Permission.ORGANIZATION_WRITE)
    assert caller.organization_id is not None
    belonging.check_gift(caller, wish["role"], None)
    query = sa.select(identity_providers).where(_of(caller))
    before = (await work.execute(query)).mappings().first()
    same = before is not None and all(before[name] == wish[name] for name in ("issuer", "client_id"))
    if secret is None and not same:
        raise SecretNeeded
    await discover(settings, wish["issuer"])
    values = {**wish, "changed_at": system_clock()}
    if secret is not None:
        values["sealed_secret"] = sealer(settings).seal(caller.organization_id, secret)
    elif before is not None:
        values["sealed_secret"] = before["sealed_secret"]
    kept = insert(identity_providers).values(organization_id=caller.organization_id, **values)
    await work.execute(kept.on_conflict_do_update(index_elements=["organization_id"], set_=values))
    await audit.record(work, caller, "identity_provider.set", caller.organization_id, after=dict(wish))
    return await _row(work, caller)


async def remove(work: AsyncConnection, caller: Caller) -> None:
    """Nobody signs in through it any more. Raises NotAllowed, IdentityProviderMissing."""
    caller.require(Permission.ORGANIZATION_WRITE)
    before = await _row(work, caller)
    await work.execute(sa.delete(identity_providers).where(_of(caller)))
    await audit.record(work, caller, "identity_provider.removed", caller.organization_id, before=before)


async def discover(settings: Settings, issuer: str) -> dict[str, Any]:
    """What the provider says of itself (OpenID Connect Discovery 1.0). Raises IdentityProviderFailed."""
    told = await _call(settings, issuer, "GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if told.get("issuer") != issuer:
        raise IdentityProviderFailed(issuer=issuer, reason=f"it calls itself {told.get('issuer')}")
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        if not isinstance(told.get(name), str):
            raise IdentityProviderFailed(issuer=issuer, reason=f"it has no {name}")
    return told


async def keys(settings: Settings, issuer: str, discovered: Mapping[str, Any]) -> dict[str, Any]:
    """The provider's JWK set. Raises IdentityProviderFailed."""
    return await _call(settings, issuer, "GET", discovered["jwks_uri"])


async def exchange(
    settings: Settings,
    issuer: str,
    discovered: Mapping[str, Any],
    client: tuple[str, str],
    form: Mapping[str, str],
) -> dict[str, Any]:
    """Give a code for tokens. Raises IdentityProviderFailed."""
    return await _call(settings, issuer, "POST", discovered["token_endpoint"], data=dict(form), auth=client)


async def _call(settings: Settings, issuer: str, method: str, url: str, **more: Any) -> dict[str, Any]:
    """JSON of the provider. The name is looked up once and that address is called; redirects are not followed."""
    import httpx2

    private = settings.webhooks_to_private_networks
    try:
        outgoing.check(url, private=private)
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        address = await outgoing.address_of(str(parts.hostname), port, private=private)
        target = httpx2.URL(url).copy_with(host=address)
        headers = {"Host": parts.netloc, "Accept": "application/json"}
        async with httpx2.AsyncClient(timeout=SECONDS, trust_env=False) as client:
            asked = client.build_request(method, target, headers=headers, data=more.get("data"))
            asked.extensions["sni_hostname"] = parts.hostname
            answer = await asyncio.wait_for(client.send(asked, auth=more.get("auth")), SECONDS)
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, TimeoutError) as trouble:
        raise IdentityProviderFailed(issuer=issuer, reason=_words(trouble)) from None
    except outgoing.OutgoingRefused as why:
        raise IdentityProviderFailed(issuer=issuer, reason=str(why)) from None
    return _told(issuer, answer)


def _told(issuer: str, answer: Any) -> dict[str, Any]:
    try:
        told = answer.json() if len(answer.content) <= MOST else None
    except ValueError:
        told = None
    if answer.status_code == 200 and isinstance(told, dict):
        return told
    said = told.get("error") if isinstance(told, dict) else None
    raise IdentityProviderFailed(
        issuer=issuer, reason=f"it answered {answer.status_code}" + (f" ({said})" if said else "")
    )


def _words(trouble: Exception) -> str:
    return f"it does not answer ({type(trouble).__name__})"


async def _row(work: AsyncConnection, caller: Caller) -> dict[str, Any]:
    row = (await work.execute(sa.select(*SHOWN).where(_of(caller)))).mappings().first()
    if row is None:
        raise IdentityProviderMissing
    return dict(row)


def _of(caller: Caller) -> sa.ColumnElement[bool]:
    return identity_providers.c.organization_id == caller.organization_id


async def enabled(work: AsyncConnection, organization_id: UUID) -> Any:
    """The provider that an organization's people sign in with. Raises IdentityProviderMissing."""
    query = sa.select(identity_providers).where(
        identity_providers.c.organization_id == organization_id, identity_providers.c.enabled
    )
    row = (await work.execute(query)).mappings().first()
    if row is None:
        raise IdentityProviderMissing
    return row
