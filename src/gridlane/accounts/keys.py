"""API keys: for integrators, with the permissions they need and no more. A key's secret is shown once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.people import api_keys, hashed, new_secret
from gridlane.kernel import audit
from gridlane.kernel.access import BY_WORD, Caller, Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id


class PermissionUnknown(Refusal):
    code = "permission_unknown"
    kind = Kind.INVALID
    sentence = "There is no permission {word!r}."


class PermissionNotYours(Refusal):
    code = "permission_not_yours"
    kind = Kind.NOT_ALLOWED
    sentence = "You cannot give the permission {word}, which you do not have yourself."


class KeyUnknown(Refusal):
    code = "key_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no API key {key}."


async def create(
    work: AsyncConnection,
    caller: Caller,
    name: str,
    words: Sequence[str],
    *,
    expires_at: datetime | None = None,
) -> dict[str, Any]:
    """Make a key with some of the caller's own permissions; the answer holds its secret.

    Raises NotAllowed, PermissionUnknown, PermissionNotYours.
    """
    caller.require(Permission.ORGANIZATION_WRITE)
    for word in words:
        if word not in BY_WORD:
            raise PermissionUnknown(word=word)
        if not caller.may(BY_WORD[word]):
            raise PermissionNotYours(word=word)
    secret = f"glk_{new_secret()}"
    key: dict[str, Any] = {
        "id": new_id(),
        "organization_id": caller.organization_id,
        "name": name,
        "hint": secret[-4:],
        "permissions": sorted(set(words)),
        "sites": None if caller.sites is None else [str(one) for one in caller.sites],
        "created_by": caller.name,
        "created_at": system_clock(),
        "expires_at": expires_at,
    }
    await work.execute(sa.insert(api_keys).values(**key, secret_hash=hashed(secret)))
    await audit.record(
        work, caller, "api_key.created", key["id"], after={"name": name, "permissions": list(words)}
    )
    return {**key, "secret": secret}


async def listed(work: AsyncConnection, caller: Caller) -> list[dict[str, Any]]:
    caller.require(Permission.ORGANIZATION_READ)
    columns = [column for column in api_keys.c if column.name != "secret_hash"]
    found = await work.execute(sa.select(*columns).order_by(api_keys.c.created_at))
    return [dict(row) for row in found.mappings()]


async def revoke(work: AsyncConnection, caller: Caller, key_id: UUID) -> None:
    """Raises NotAllowed, KeyUnknown."""
    caller.require(Permission.ORGANIZATION_WRITE)
    changed = await work.execute(
        sa.update(api_keys)
        .where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=system_clock())
    )
    if changed.rowcount == 0:
        raise KeyUnknown(key=key_id)
    await audit.record(work, caller, "api_key.revoked", key_id)
