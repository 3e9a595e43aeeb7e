"""Issuing tokens, changing and blocking them. Whoever may see a token sees its last four characters, never more."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.model import tokens, vehicles
from gridlane.accounts.tokens import TokenCipher, last4
from gridlane.kernel import audit
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.facts import Fact, Recorded, record
from gridlane.kernel.ids import new_id
from gridlane.stations.reports import TokenRef

KINDS = (
    "Central", "DirectPayment", "eMAID", "EVCCID", "ISO14443", "ISO15693", "KeyCode", "Local", "MacAddress", "VIN",
)  # fmt: skip
"""IdTokenEnumType of 2.0.1 and 2.1, but NoAuthorization, which is no token."""

SHOWN = tuple(column for column in tokens.c if column.name not in ("key", "sealed"))


class TokenUnknown(Refusal):
    code = "token_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no token {token}."


class TokenTaken(Refusal):
    code = "token_taken"
    kind = Kind.CONFLICT
    sentence = "This number is issued already, as token {token}."


class TokenVehicleUnknown(Refusal):
    code = "token_vehicle_unknown"
    kind = Kind.INVALID
    sentence = "No fleet of this organization has a vehicle {vehicle}."


class TokenNumberInvalid(Refusal):
    code = "token_number_invalid"
    kind = Kind.INVALID
    sentence = "A {kind} is {expected}."


class TokenIssued(Fact, frozen=True, kw_only=True, tag="token_issued"):
    """A token was issued."""

    token_id: UUID
    kind: str


class TokenChanged(Fact, frozen=True, kw_only=True, tag="token_changed"):
    """What a token may do has changed; ``blocked`` says whether it may do anything."""

    token_id: UUID
    blocked: bool


class TokenWithdrawn(Fact, frozen=True, kw_only=True, tag="token_withdrawn"):
    """A token is gone; sessions keep its last four characters."""

    token_id: UUID


_FORMS: dict[str, tuple[re.Pattern[str], str]] = {
    "ISO14443": (
        re.compile(r"(?:[0-9A-F]{8}|[0-9A-F]{14}|[0-9A-F]{20})"),
        "4, 7 or 10 bytes as hexadecimal digits",
    ),
    "ISO15693": (re.compile(r"[0-9A-F]{16}"), "8 bytes as hexadecimal digits"),
    "MacAddress": (re.compile(r"[0-9A-F]{12}"), "6 bytes as hexadecimal digits without separators"),
    "eMAID": (
        re.compile(r"[A-Z]{2}-?[A-Z0-9]{3}-?[A-Z0-9]{9}(?:-?[A-Z0-9])?"),
        "a country, a provider and a contract, such as DE-8AA-C12345678-9",
    ),
}


def checked(token: TokenRef) -> TokenRef:
    """The token as it is stored. Raises TokenNumberInvalid."""
    value = token.value.strip()
    form = _FORMS.get(token.kind)
    if form is not None and not form[0].fullmatch(value.upper()):
        raise TokenNumberInvalid(kind=token.kind, expected=form[1])
    if not 1 <= len(value) <= 255 or not value.isprintable():
        raise TokenNumberInvalid(kind=token.kind, expected="1 to 255 printable characters")
    return TokenRef(value.upper() if form is not None else value, token.kind)


async def issue(
    work: AsyncConnection, caller: Caller, cipher: TokenCipher, token: TokenRef, details: Mapping[str, Any]
) -> dict[str, Any]:
    """Issue a token of the caller's organization.

    Raises NotAllowed, TokenNumberInvalid, TokenTaken, TokenVehicleUnknown.
    """
    caller.require(Permission.TOKENS_WRITE)
    token = checked(token)
    await _require_vehicle(work, caller, details)
    now, id_ = system_clock(), new_id()
    key = cipher.key(token)
    known = await work.scalar(sa.select(tokens.c.id).where(tokens.c.key == key))
    if known is not None:
        raise TokenTaken(token=known)
    values = {
        **details, "id": id_, "organization_id": caller.organization_id, "key": key, "sealed": cipher.seal(token),
        "last4": last4(token), "kind": token.kind, "created_at": now, "changed_at": now,
    }  # fmt: skip
    try:
        async with work.begin_nested():
            await work.execute(sa.insert(tokens).values(values))
    except IntegrityError:  # another has issued it in this very moment
        raise TokenTaken(token="of another hand") from None  # noqa: S106 (no secret)
    made = await token_of(work, caller, id_)
    await _note(work, caller, TokenIssued(token_id=id_, kind=token.kind), id_, "token.issued", after=made)
    return made


async def token_of(work: AsyncConnection, caller: Caller, token_id: UUID) -> dict[str, Any]:
    """Raises TokenUnknown, also for what the caller may not see."""
    row = (await work.execute(sa.select(*SHOWN).where(tokens.c.id == token_id))).mappings().first()
    if row is None:
        raise TokenUnknown(token=token_id)
    return dict(row)


async def change(
    work: AsyncConnection, caller: Caller, token_id: UUID, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Change what a token may do. Raises NotAllowed, TokenUnknown, TokenVehicleUnknown."""
    caller.require(Permission.TOKENS_WRITE)
    before = await token_of(work, caller, token_id)
    await _require_vehicle(work, caller, changes)
    values = {**changes, "changed_at": system_clock()}
    await work.execute(sa.update(tokens).where(tokens.c.id == token_id).values(values))
    after = await token_of(work, caller, token_id)
    fact = TokenChanged(token_id=token_id, blocked=after["status"] == "blocked")
    await _note(work, caller, fact, token_id, "token.changed", before=before, after=after)
    return after


async def withdraw(work: AsyncConnection, caller: Caller, token_id: UUID) -> None:
    """Remove a token. Raises NotAllowed, TokenUnknown."""
    caller.require(Permission.TOKENS_WRITE)
    before = await token_of(work, caller, token_id)
    await work.execute(sa.delete(tokens).where(tokens.c.id == token_id))
    await _note(work, caller, TokenWithdrawn(token_id=token_id), token_id, "token.withdrawn", before=before)


async def _require_vehicle(work: AsyncConnection, caller: Caller, details: Mapping[str, Any]) -> None:
    """Raises TokenVehicleUnknown."""
    vehicle_id = details.get("vehicle_id")
    if vehicle_id is None:
        return
    of_fleet = sa.exists().where(
        vehicles.c.id == vehicle_id,
        vehicles.c.group_id.is_not(None),
        vehicles.c.organization_id == caller.organization_id,
    )
    if not await work.scalar(sa.select(of_fleet)):
        raise TokenVehicleUnknown(vehicle=vehicle_id)


async def number_of(work: AsyncConnection, cipher: TokenCipher, token_id: UUID) -> TokenRef:
    """The whole number, for a station that needs it (a start, a local list); never for an answer of the API.

    Raises TokenUnknown.
    """
    found = await work.execute(sa.select(tokens.c.sealed, tokens.c.kind).where(tokens.c.id == token_id))
    row = found.first()
    if row is None:
        raise TokenUnknown(token=token_id)
    return cipher.unseal(row.sealed, row.kind)


async def _note(
    work: AsyncConnection,
    caller: Caller,
    fact: Fact,
    token_id: UUID,
    action: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    await record(work, [Recorded(fact, token_id, caller.organization_id, system_clock())])
    await audit.record(work, caller, action, token_id, before=before, after=after)
