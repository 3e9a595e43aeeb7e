"""What the tables hold of people: told to them when they ask, and gone, or nameless, when they go.

Every package says it of its own tables, one ``Holding`` each; the composition root gathers them. A test reads the
database's catalogue and fails for a column that names a person and is in no holding.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.kernel.errors import Refusal

GONE = "forgotten person"
"""Stands where the address of somebody stood who asked to be forgotten."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whose data is meant: by id, and by the address that texts name. ``organization_id``: only what that one holds."""

    id: UUID
    email: str
    organization_id: UUID | None = None


class After(Enum):
    """What becomes of rows when their person goes."""

    REMOVED = "removed"
    NAMELESS = "kept without the person"
    KEPT = "kept"


@dataclass(frozen=True)
class Holding:
    """Rows of one table that are about a person.

    ``columns`` hold the person's id, or (texts) their address; any of them makes a row theirs. Without columns a row is
    theirs by what it belongs to: ``via`` is that holding, ``link`` the column with its id. ``blank`` says what columns
    of rows that stay become (a value, or a function of the person); ``why`` says why kept rows are kept; ``hidden``
    columns are not in the archive.
    """

    table: sa.Table
    columns: tuple[str, ...] = ("person_id",)
    after: After = After.REMOVED
    why: str = ""
    blank: Mapping[str, Any] = field(default_factory=dict)
    via: "Holding | None" = None
    link: str = ""
    hidden: frozenset[str] = frozenset()

    def of(self, person: Person) -> sa.ColumnElement[bool]:
        """Which rows are the person's."""
        if self.via is not None:
            theirs = sa.select(self.via.table.c.id).where(self.via.of(person))
            return self.table.c[self.link].in_(theirs)
        named = sa.or_(*(self._named(name, person) for name in self.columns))
        if person.organization_id is None:
            return named
        if "organization_id" not in self.table.c:
            return sa.false()  # belongs to the person in every organization
        return sa.and_(named, self.table.c.organization_id == person.organization_id)

    def _named(self, name: str, person: Person) -> sa.ColumnElement[bool]:
        column = self.table.c[name]
        if isinstance(column.type, sa.Uuid):
            return column == person.id
        if (column.comment or "").startswith("JSON list"):
            return column.contains(f'"{person.email}"', autoescape=True)
        return column.in_((person.email, str(person.id)))


def signed_by(*columns: sa.Column[Any]) -> tuple[Holding, ...]:
    """Rows that somebody made at work, by the columns that say who: they stay, without the name."""
    return tuple(
        Holding(column.table, (column.name,), After.NAMELESS, blank={column.name: GONE})
        for column in columns
        if isinstance(column.table, sa.Table)
    )


Files = Callable[[AsyncConnection, Person], Awaitable[Mapping[str, bytes]]]
Obstacles = Callable[[AsyncConnection, Person], Awaitable[Sequence[Refusal]]]
Parting = Callable[[AsyncConnection, Person], Awaitable[None]]


async def _no_files(_work: AsyncConnection, _person: Person) -> Mapping[str, bytes]:
    return {}


async def _no_obstacles(_work: AsyncConnection, _person: Person) -> Sequence[Refusal]:
    return ()


async def _nothing(_work: AsyncConnection, _person: Person) -> None:
    return


@dataclass(frozen=True)
class Share:
    """A package's share of what is held of people.

    ``files`` gives more for the archive than rows, ``obstacles`` says what has to be settled before somebody can go,
    and ``parting`` is done right before their rows go, in the same unit of work.
    """

    holdings: tuple[Holding, ...]
    files: Files = _no_files
    obstacles: Obstacles = _no_obstacles
    parting: Parting = _nothing
