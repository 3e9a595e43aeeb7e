"""The one database engine, seen by API and jobs: units of work under an unprivileged role.

Two roles reach the tables. The *owner* migrates and is the committer of the hot path. ``gridlane_app`` is everybody
else: row-level security applies to it, and a unit of work tells it whose rows it may see. An unset scope sees none.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import UUID

from sqlalchemy import MetaData, text

from gridlane.kernel.embedded_postgres import APP

if TYPE_CHECKING:  # the ORM comes with it, and a gateway that starts again must not wait for that
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""All tables. A package adds its own in its ``model.py``."""

_SCOPE = text(
    "SELECT set_config('gridlane.organization', :organization, true), set_config('gridlane.person', :person, true)"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rows a unit of work sees: an organization's, or a person's own, or both."""

    organization_id: UUID | None = None
    person_id: UUID | None = None


class Database:
    """Connections as the unprivileged role (``unit_of_work``) and, for few named purposes, as the owner."""

    def __init__(self, owner_url: str, app_url: str | None = None, *, pool: int = 10) -> None:
        self.owner_url = owner_url
        self._app = _engine(app_url or with_role(owner_url, APP), pool)
        self._owner = _engine(owner_url, max(2, pool // 2))

    @asynccontextmanager
    async def unit_of_work(self, scope: Scope) -> AsyncIterator[AsyncConnection]:
        """One transaction as ``gridlane_app``: all of it happens, or nothing; nobody commits by hand."""
        async with self._app.begin() as connection:
            await connection.execute(
                _SCOPE,
                {"organization": str(scope.organization_id or ""), "person": str(scope.person_id or "")},
            )
            yield connection

    @asynccontextmanager
    async def as_owner(self) -> AsyncIterator[AsyncConnection]:
        """One transaction beyond organizations: sign-in before anybody is known, dispatching of facts, roll-ups."""
        async with self._owner.begin() as connection:
            yield connection

    async def close(self) -> None:
        await self._app.dispose()
        await self._owner.dispose()


def _engine(url: str, pool: int) -> AsyncEngine:
    from sqlalchemy.ext.asyncio import create_async_engine

    return create_async_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        pool_size=pool,
        max_overflow=0,
        pool_pre_ping=True,
    )


def with_role(url: str, role: str) -> str:
    """The same address, taking ``role`` as its role from the first statement on."""
    parts = urlsplit(url)
    query = [*parse_qsl(parts.query), ("options", f"-c role={role}")]
    return urlunsplit(parts._replace(query=urlencode(query)))


async def rows(connection: AsyncConnection, statement: Any, /, **parameters: Any) -> Sequence[Any]:
    """All rows of a statement (text or SQLAlchemy)."""
    query = text(statement) if isinstance(statement, str) else statement
    return (await connection.execute(query, parameters)).all()
