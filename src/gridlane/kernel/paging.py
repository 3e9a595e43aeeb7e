"""Pages of lists by keyset: a cursor names the last row seen, so pages stay right while rows are added."""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.kernel.errors import Kind, Refusal

MAX_LIMIT = 500


class CursorInvalid(Refusal):
    code = "cursor_invalid"
    kind = Kind.INVALID
    sentence = "The cursor is not one that this list gave; leave it out to begin at the start."


class Page(msgspec.Struct):
    """``next`` is the cursor of the page after this one, None at the end."""

    items: list[dict[str, Any]]
    next: str | None


class Paging(msgspec.Struct, frozen=True):
    limit: int = 50
    cursor: str | None = None


async def page(
    connection: AsyncConnection, query: sa.Select[Any], order: Sequence[sa.ColumnElement[Any]], paging: Paging,
    *, newest_first: bool = False,
) -> Page:  # fmt: skip
    """One page of ``query`` ordered by ``order`` (columns that together are unique, all of them selected).

    Raises CursorInvalid.
    """
    if paging.cursor is not None:
        after = _decode(paging.cursor, order)
        place, last = (
            sa.tuple_(*order),
            sa.tuple_(*(sa.literal(value, column.type) for value, column in zip(after, order, strict=True))),
        )
        query = query.where(place < last if newest_first else place > last)
    ordering = [column.desc() if newest_first else column.asc() for column in order]
    limit = max(1, min(paging.limit, MAX_LIMIT))
    found = (await connection.execute(query.order_by(*ordering).limit(limit + 1))).mappings().all()
    items = [dict(row) for row in found[:limit]]
    return Page(items, _encode(items[-1], order) if len(found) > limit else None)


def _encode(row: dict[str, Any], order: Sequence[sa.ColumnElement[Any]]) -> str:
    values = [row[str(column.key)] for column in order]
    return base64.urlsafe_b64encode(msgspec.json.encode(values)).decode().rstrip("=")


def _decode(cursor: str, order: Sequence[sa.ColumnElement[Any]]) -> list[Any]:
    try:
        values = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        kinds = [column.type.python_type for column in order]
        return [_CONVERT.get(kind, kind)(value) for kind, value in zip(kinds, values, strict=True)]
    except (ValueError, TypeError, msgspec.DecodeError):
        raise CursorInvalid from None


_CONVERT: dict[type, Any] = {datetime: datetime.fromisoformat, UUID: UUID}
