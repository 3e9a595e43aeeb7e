"""``gridlane``: the table of commands. A command's file is imported when it is called, so that none pays for another."""

from importlib import import_module
from typing import Any

import click
import typer
from typer.core import TyperGroup

from gridlane.kernel.errors import Refusal

COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("gridlane.cli.up", "run everything on this machine"),
    "gateway": ("gridlane.cli.roles", "run a gateway: the process that holds stations' sockets"),
    "api": ("gridlane.cli.roles", "run the API and the screens"),
    "worker": ("gridlane.cli.roles", "run jobs"),
    "migrate": ("gridlane.cli.roles", "bring the database to the present schema"),
    "simulate": ("gridlane.cli.simulate", "run virtual stations against any central system"),
    "plan": ("gridlane.cli.plan", "say where the next sites go, with proof"),
    "energy": ("gridlane.cli.energy", "replay one's own sessions under another policy"),
    "bench": ("gridlane.cli.bench", "measure: ours, peer, limit, goal"),
    "admin": ("gridlane.cli.admin", "set-up link, API keys, OpenAPI, demo reset"),
    "doctor": ("gridlane.cli.doctor", "check this installation and say what is wrong"),
}
"""Command -> the module whose ``app`` (a Typer) holds it, and its line of help."""


class Commands(TyperGroup):
    """Finds commands in ``COMMANDS`` without importing the others."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module, _help = COMMANDS[cmd_name]
        found = typer.main.get_command(import_module(module).app)
        inner = getattr(found, "commands", {})
        return inner.get(cmd_name, found)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_module, help_) in COMMANDS.items()])


app = typer.Typer(
    cls=Commands,
    help="Runs an EV charging network.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def _root() -> None:
    """Runs an EV charging network."""


def run() -> None:
    """The entry point: a refusal becomes one sentence on stderr and exit status 2."""
    try:
        app()
    except Refusal as refusal:
        click.echo(f"gridlane: {refusal} ({refusal.code})", err=True)
        raise SystemExit(2) from None
