"""``gridlane doctor``: looks at this installation and says, in a line each, what is right and what is wrong."""

import asyncio
import os
import socket
from collections.abc import Iterator
from typing import NamedTuple

import typer
from rich.console import Console

from gridlane.cli.roles import with_running_database
from gridlane.kernel.settings import Settings

app = typer.Typer()


class Finding(NamedTuple):
    """``well`` None: cannot be told, or does not apply."""

    what: str
    well: bool | None
    words: str


@app.command()
def doctor() -> None:
    """Check this installation and say what is wrong. Exit status 1 when something is."""
    settings = with_running_database(Settings())
    findings = [*_here(settings), *asyncio.run(_stores(settings))]
    console = Console()
    for finding in findings:
        mark = {True: "[green]ok[/green]   ", False: "[red]wrong[/red]", None: "[dim]-[/dim]    "}[
            finding.well
        ]
        console.print(f"{mark}  {finding.what}: {finding.words}")
    if any(finding.well is False for finding in findings):
        raise typer.Exit(1)


def _here(settings: Settings) -> Iterator[Finding]:
    """What can be told without a database."""
    from gridlane.web.screens import built

    writable = os.access(
        settings.data_dir if settings.data_dir.exists() else settings.data_dir.parent, os.W_OK
    )
    yield Finding(
        "data directory", writable, f"{settings.data_dir}" + ("" if writable else " cannot be written")
    )
    secrets = settings.secrets_dir
    if secrets.exists():
        private = (secrets.stat().st_mode & 0o077) == 0
        yield Finding(
            "secrets", private, "private" if private else f"{secrets} can be read by others: chmod 700"
        )
    folder = built()
    words = "built" if folder else "not built: run `make run`, or tools/build_ui.py in a checkout"
    yield Finding("screens", folder is not None, words)
    open_plain = settings.station_port and settings.station_host not in ("127.0.0.1", "localhost", "::1")
    words = (
        "stations without TLS are let in from other machines"
        if open_plain
        else "plain stations on loopback only, or none"
    )
    yield Finding("plain stations", not open_plain, words)
    for name, host, port in (
        ("API", settings.host, settings.port),
        ("stations", settings.station_host, settings.station_port),
        ("stations over TLS", settings.station_host, settings.station_tls_port),
    ):
        if port:
            answers = _listens(host, port)
            yield Finding(f"port of {name}", None, f"{host}:{port} is {'in use' if answers else 'free'}")


async def _stores(settings: Settings) -> list[Finding]:
    findings = [await _database(settings)]
    if settings.nats_url:
        findings.append(await _nats(settings.nats_url))
    return findings


async def _database(settings: Settings) -> Finding:
    from alembic.script import ScriptDirectory
    from psycopg import AsyncConnection, Error

    from gridlane.kernel.migrating import alembic_config

    if settings.database_url is None:
        return Finding("database", None, "embedded: `gridlane up` starts it")
    try:
        async with await AsyncConnection.connect(settings.database_url, connect_timeout=5) as connection:
            version = connection.info.server_version
            cursor = await connection.execute("SELECT version_num FROM alembic_version")
            present = (await cursor.fetchone() or (None,))[0]
    except Error as trouble:
        return Finding("database", False, str(trouble).strip())
    if version < 160000:
        return Finding("database", False, f"PostgreSQL {version // 10000} is too old; 16 or newer is needed")
    newest = ScriptDirectory.from_config(alembic_config(settings.database_url)).get_current_head()
    well = present == newest
    return Finding("database", well, "schema is current" if well else "schema is old: run `gridlane migrate`")


async def _nats(url: str) -> Finding:
    import nats

    try:
        client = await nats.connect(url, connect_timeout=3, allow_reconnect=False)
        await client.close()
    except (OSError, TimeoutError, nats.errors.Error) as trouble:
        return Finding("NATS", False, f"{url} does not answer: {trouble}")
    return Finding("NATS", True, url)


def _listens(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0
