"""One real PostgreSQL per test process, one migrated template, one clone of it per test that asks for a database."""

import asyncio
import itertools
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
import uvloop
from psycopg import sql

from gridlane.kernel import embedded_postgres, migrating
from gridlane.kernel.database import Database
from gridlane.kernel.embedded_postgres import EmbeddedPostgres

sys.path.insert(0, str(Path(__file__).parent))  # tests/installation.py

from installation import Installation, running

_numbers = itertools.count()


@pytest.fixture(scope="session")
def event_loop_policy() -> asyncio.AbstractEventLoopPolicy:
    return uvloop.EventLoopPolicy()


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    with tempfile.TemporaryDirectory(prefix="gridlane-test-", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o755)
        server = embedded_postgres.start(Path(directory) / "postgres")
        _forget_the_disk(server)
        yield server
        server.stop()


def _forget_the_disk(server: EmbeddedPostgres) -> None:
    """Thousands of databases come and go, and no test here cuts the power: killed processes lose nothing without it."""
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes"):
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
        connection.execute("SELECT pg_reload_conf()")


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres) -> str:
    migrating.migrate(postgres.create_database("template_migrated"))
    return "template_migrated"


@pytest.fixture
def database_url(postgres: EmbeddedPostgres, template: str) -> Iterator[str]:
    """A migrated database of the test's own, by its owner's URL."""
    name = f"test_{next(_numbers)}"
    yield postgres.create_database(name, template=template)
    postgres.drop_database(name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url, pool=4)
    yield opened
    await opened.close()


@pytest.fixture
async def installation(database_url: str, tmp_path: Path) -> AsyncIterator[Installation]:
    """Gateway and API of one organization, in this process, on real sockets."""
    async with running(database_url, tmp_path) as running_installation:
        yield running_installation
