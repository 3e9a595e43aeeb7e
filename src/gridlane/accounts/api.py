"""The REST edge of tokens."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field

from gridlane.accounts import issuing
from gridlane.accounts.model import tokens
from gridlane.accounts.tokens import SECRET, TokenCipher
from gridlane.kernel.access import Permission
from gridlane.kernel.edge import Json, TheCaller, TheDatabase, ThePaging, TheSettings
from gridlane.kernel.paging import page
from gridlane.stations.reports import TokenRef

router = APIRouter()

TokenKind = Literal[
    "Central", "DirectPayment", "eMAID", "EVCCID", "ISO14443", "ISO15693", "KeyCode", "Local", "MacAddress", "VIN"
]  # fmt: skip
Energy = Annotated[float | None, Field(ge=0, description="Wh in each period")]
Amount = Annotated[Decimal | None, Field(ge=0, description="in the organization's currency, in each period")]


class TokenChange(BaseModel):
    """What a token may do. ``vehicle_id``: the fleet vehicle it stays with, whose fleet then pays where it has an account.
    ``concurrent``: sessions at a time, 0 for any number. ``at_budget``: whether a charge that
    uses the budget up ends, or goes on and its holder is told; the next one is refused either way.
    """

    name: Annotated[str, Field(max_length=200)] = ""
    person_id: UUID | None = None
    vehicle_id: UUID | None = None
    status: Literal["active", "blocked"] = "active"
    valid_from: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None
    group_id: Annotated[str | None, Field(min_length=1, max_length=20)] = None
    master_pass: bool = False
    sites: list[UUID] = []
    evses: list[UUID] = []
    concurrent: Annotated[int, Field(ge=0, le=1000)] = 1
    budget_energy: Energy = None
    budget_money: Amount = None
    budget_period: Literal["day", "month"] = "month"
    at_budget: Literal["end", "warn"] = "end"
    language: Annotated[str | None, Field(pattern="^[a-zA-Z]{2,3}(-[A-Za-z0-9]{2,8})*$")] = None
    local_list: bool = True


class TokenInput(TokenChange):
    """A token to be issued: its number and what it may do. The number is never shown again."""

    number: Annotated[str, Field(min_length=1, max_length=255)]
    kind: TokenKind = "ISO14443"


@router.get("/tokens", tags=["tokens"])
async def list_tokens(
    caller: TheCaller,
    database: TheDatabase,
    paging: ThePaging,
    search: str | None = None,
    person_id: UUID | None = None,
    group_id: str | None = None,
    status: Literal["active", "blocked"] | None = None,
    changed_since: datetime | None = None,
) -> Json:
    """Tokens, newest first. ``search`` looks at the name and at the last four characters."""
    caller.require(Permission.TOKENS_READ)
    query = sa.select(*issuing.SHOWN)
    for column, wanted in (
        (tokens.c.person_id, person_id),
        (tokens.c.group_id, group_id),
        (tokens.c.status, status),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if changed_since is not None:
        query = query.where(tokens.c.changed_at >= changed_since)
    if search:
        query = query.where(
            sa.or_(tokens.c.name.icontains(search, autoescape=True), tokens.c.last4 == search.upper())
        )
    async with database.unit_of_work(caller.scope) as work:
        return Json(await page(work, query, [tokens.c.created_at, tokens.c.id], paging, newest_first=True))


@router.post("/tokens", tags=["tokens"], status_code=201)
async def issue_token(
    caller: TheCaller, database: TheDatabase, settings: TheSettings, wish: TokenInput
) -> Json:
    token = TokenRef(wish.number, wish.kind)
    details = wish.model_dump(exclude={"number", "kind"})
    async with database.unit_of_work(caller.scope) as work:
        made = await issuing.issue(work, caller, TokenCipher(settings.secret(SECRET)), token, details)
    return Json(made, status_code=201)


@router.get("/tokens/{token_id}", tags=["tokens"])
async def show_token(caller: TheCaller, database: TheDatabase, token_id: UUID) -> Json:
    caller.require(Permission.TOKENS_READ)
    async with database.unit_of_work(caller.scope) as work:
        return Json(await issuing.token_of(work, caller, token_id))


@router.patch("/tokens/{token_id}", tags=["tokens"])
async def change_token(caller: TheCaller, database: TheDatabase, token_id: UUID, change: TokenChange) -> Json:
    """Change the fields given; the others stay."""
    changes: dict[str, Any] = change.model_dump(exclude_unset=True)
    async with database.unit_of_work(caller.scope) as work:
        return Json(await issuing.change(work, caller, token_id, changes))


@router.delete("/tokens/{token_id}", tags=["tokens"], status_code=204)
async def withdraw_token(caller: TheCaller, database: TheDatabase, token_id: UUID) -> None:
    async with database.unit_of_work(caller.scope) as work:
        await issuing.withdraw(work, caller, token_id)
