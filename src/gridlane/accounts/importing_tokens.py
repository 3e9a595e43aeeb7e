"""Bringing in tokens: by number, with their holder and what they may do."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts import issuing
from gridlane.accounts.imported import (
    Column,
    Import,
    Table,
    Values,
    amount,
    day,
    email,
    one_of,
    quantity,
    text,
    yes,
)
from gridlane.accounts.issuing import KINDS, TokenChanged, TokenIssued
from gridlane.accounts.model import tokens
from gridlane.accounts.people import memberships, people
from gridlane.accounts.tokens import SECRET, TokenCipher, last4
from gridlane.kernel.access import Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.errors import Refusal
from gridlane.kernel.facts import Recorded, record
from gridlane.kernel.ids import new_id
from gridlane.stations.reports import TokenRef

_KINDS = {kind.lower(): kind for kind in KINDS}


async def _look(work: AsyncConnection, brought: Import, lines: Sequence[tuple[int, Values]]) -> None:
    cipher = TokenCipher(brought.settings.secret(SECRET))
    holders = await _members(work, brought)
    keyed = [(line, values, _checked(brought, line, values)) for line, values in lines]
    keys = {cipher.key(token): token for _, _, token in keyed if token is not None}
    present = await _present(work, brought, list(keys))
    for line, values, token in keyed:
        holder = values.get("holder")
        if token is None:
            continue
        if holder is not None and holder not in holders:
            brought.object_to(
                line, "holder", holder, "nobody of this organization has this address; bring people in first"
            )
            continue
        wanted = _wanted(values, holders)
        there = present.get(cipher.key(token))
        if there is None:
            brought.new.append((line, {**wanted, "token": token}))
        else:
            brought.compare(line, wanted, there)


def _checked(brought: Import, line: int, values: Values) -> TokenRef | None:
    plain = _plain(values["number"])
    try:
        return issuing.checked(TokenRef(plain, _KINDS[values.get("kind", "iso14443")]))
    except Refusal as refusal:
        brought.object_to(line, "number", "…" + plain[-4:], str(refusal))
        return None


def _plain(number: str) -> str:
    return number.replace(" ", "").replace(":", "")


def _wanted(values: Values, holders: dict[str, Any]) -> Values:
    """The cells as columns of the table."""
    wanted = {name: values[name] for name in _SAME if name in values}
    if "holder" in values:
        wanted["person_id"] = holders[values["holder"]]
    if "budget_kwh" in values:
        wanted["budget_energy"] = values["budget_kwh"] * 1000
    return wanted


_SAME = (
    "name", "status", "valid_from", "valid_until", "group_id", "budget_money", "budget_period", "local_list",
)  # fmt: skip


async def _members(work: AsyncConnection, brought: Import) -> dict[str, Any]:
    query = (
        sa.select(people.c.email, people.c.id)
        .join(memberships, memberships.c.person_id == people.c.id)
        .where(memberships.c.organization_id == brought.caller.organization_id)
    )
    return {row.email: row.id for row in await work.execute(query)}


async def _present(work: AsyncConnection, brought: Import, keys: Sequence[Any]) -> dict[Any, Any]:
    query = sa.select(tokens).where(
        tokens.c.organization_id == brought.caller.organization_id,
        tokens.c.key == sa.any_(sa.cast(list(keys), sa.ARRAY(sa.Uuid))),
    )
    return {row["key"]: row for row in (await work.execute(query)).mappings()}


async def _write(work: AsyncConnection, brought: Import) -> None:
    cipher, now = TokenCipher(brought.settings.secret(SECRET)), system_clock()
    organization_id = brought.caller.organization_id
    told: list[Recorded] = []
    rows = []
    for _, values in brought.new:
        wanted = dict(values)
        token: TokenRef = wanted.pop("token")
        row = {
            **_BLANK, **wanted, "id": new_id(), "organization_id": organization_id, "key": cipher.key(token),
            "sealed": cipher.seal(token), "last4": last4(token), "kind": token.kind, "created_at": now,
            "changed_at": now,
        }  # fmt: skip
        rows.append(row)
        fact = TokenIssued(token_id=row["id"], kind=token.kind)
        told.append(Recorded(fact, row["id"], organization_id, now))
    if rows:
        await work.execute(sa.insert(tokens), rows)
    for _, changes, there in brought.changed:
        changed = sa.update(tokens).where(tokens.c.id == there["id"])
        await work.execute(changed.values(**changes, changed_at=now))
        blocked = changes.get("status", there["status"]) == "blocked"
        told.append(
            Recorded(TokenChanged(token_id=there["id"], blocked=blocked), there["id"], organization_id, now)
        )
    await record(work, told)


_BLANK: Values = {
    "name": "", "status": "active", "valid_from": None, "valid_until": None, "group_id": None, "person_id": None,
    "budget_energy": None, "budget_money": None, "budget_period": "month", "local_list": True,
}  # fmt: skip
"""What an empty cell of a new token means."""

TABLE = Table(
    permission=Permission.TOKENS_WRITE,
    columns={
        "number": Column(text(255), ("nummer", "uid", "token", "rfid"), required=True),
        "kind": Column(one_of(*_KINDS), ("art",)),
        "name": Column(text(200)),
        "holder": Column(email, ("email", "e_mail", "inhaber", "fahrer")),
        "status": Column(one_of("active", "blocked")),
        "valid_from": Column(day, ("gültig_ab",)),
        "valid_until": Column(day, ("gültig_bis",)),
        "group_id": Column(text(20), ("parent_id_tag",)),
        "budget_kwh": Column(quantity(0, 1_000_000)),
        "budget_money": Column(amount, ("budget",)),
        "budget_period": Column(one_of("day", "month")),
        "local_list": Column(yes),
    },
    key=lambda values: ("number", _plain(values["number"]).upper()),
    look=_look,
    write=_write,
)
