"""Things an operator does on the machine itself."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from gridlane.cli.roles import settings_for

app = typer.Typer(help="Set-up link, waiting mails, imports, OpenAPI, demo reset.")


@app.callback()
def _admin() -> None:
    """Set-up link, waiting mails, imports, OpenAPI, demo reset."""


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


@app.command("import")
def import_file(
    kind: Annotated[str, typer.Argument(help="people, tokens or sites.")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A CSV file with a heading.")],
    organization: Annotated[
        str | None, typer.Option(help="Name of the organization, where there are several.")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Write it; else it is only looked at.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave bad lines out.")] = False,
) -> None:
    """Bring in people, tokens, or sites with stations. Without --write every bad line is listed, and nothing written.

    Ends with 1 when lines are bad and nothing was written for them.
    """
    from gridlane.accounts import importing
    from gridlane.accounts.organizations import named
    from gridlane.kernel.access import system
    from gridlane.kernel.database import Database
    from gridlane.kernel.errors import Refusal

    if kind not in importing.KINDS:
        raise typer.BadParameter(f"there are {', '.join(importing.KINDS)}")
    settings = settings_for("admin")
    assert settings.database_url is not None

    async def bring_in(url: str) -> importing.Report:
        database = Database(url, pool=2)
        try:
            caller = system(await named(database, organization), "gridlane admin import")
            return await importing.bring_in(
                database, settings, caller, kind, file.read_bytes(), dry_run=not write, skip_bad=skip_bad
            )
        finally:
            await database.close()

    try:
        report = asyncio.run(bring_in(settings.database_url))
    except importing.ImportRefused as refusal:
        _print_problems(refusal.details["problems"])
        raise typer.BadParameter(str(refusal)) from None
    except Refusal as refusal:
        raise typer.BadParameter(str(refusal)) from None
    _print_problems(report.problems)
    done = "written" if report.written else "nothing written yet (--write)"
    print(
        f"{report.lines} lines: {report.new} new, {report.changed} changed, {report.same} same, {report.bad} bad; {done}"
    )
    for one in report.passwords:
        print(f"{one['identity']};{one['password']}")
    if report.bad and not report.written:
        raise typer.Exit(1)


def _print_problems(problems: list[dict[str, Any]]) -> None:
    for one in problems:
        print(f"line {one['line']}, {one['column']} {one['value']!r}: {one['problem']}")


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
