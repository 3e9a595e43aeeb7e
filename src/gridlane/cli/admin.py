"""Things an operator does on the machine itself."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from gridlane.cli.roles import settings_for

app = typer.Typer(help="Set-up link, waiting mails, OpenAPI, demo reset.")


@app.callback()
def _admin() -> None:
    """Set-up link, waiting mails, OpenAPI, demo reset."""


@app.command("set-up-link")
def set_up_link() -> None:
    """Print a one-time link that makes an organization and its owner."""
    from gridlane.accounts import setting_up
    from gridlane.kernel.database import Database

    settings = settings_for("admin")
    assert settings.database_url is not None

    async def make(url: str) -> str:
        database = Database(url, pool=2)
        try:
            return await setting_up.new_link(database)
        finally:
            await database.close()

    secret = asyncio.run(make(settings.database_url))
    print(f"{settings.address()}/console/setup?token={secret}")


@app.command("mails")
def mails() -> None:
    """Print the mails that wait, with their links: for an installation without a mail server."""
    from gridlane.accounts import mail
    from gridlane.kernel.clock import system_clock
    from gridlane.kernel.database import Database

    settings = settings_for("admin")
    assert settings.database_url is not None

    async def read(url: str) -> list[dict[str, Any]]:
        database = Database(url, pool=2)
        try:
            async with database.as_owner() as work:
                return await mail.waiting(work, system_clock())
        finally:
            await database.close()

    for one in asyncio.run(read(settings.database_url)):
        print(f"{one['created_at']:%Y-%m-%d %H:%M}  {one['recipient']}  {one['subject']}\n\n{one['text']}")


@app.command()
def openapi(
    to: Annotated[Path | None, typer.Option(help="File to write; nothing: standard output.")] = None,
) -> None:
    """Write the description of the API (OpenAPI 3.1)."""
    from gridlane.app.api import description

    text = json.dumps(description(), indent=1, sort_keys=True) + "\n"
    if to is None:
        print(text, end="")
    else:
        to.write_text(text)


@app.command("reset-demo")
def reset_demo(yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Forget the demo network: removes the data directory. Stop Gridlane first."""
    from gridlane.kernel import embedded_postgres
    from gridlane.kernel.settings import Settings

    directory = Settings().data_dir
    if not directory.exists():
        print("There is nothing to forget.")
        return
    if not yes and not typer.confirm(f"Remove everything in {directory}?"):
        raise typer.Exit(1)
    if (directory / "postgres").exists():
        embedded_postgres.start(directory / "postgres").stop()  # also ends one that was left running
    shutil.rmtree(directory)
    print(f"Forgotten: {directory}")
