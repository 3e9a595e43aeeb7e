"""``gridlane up``: everything on this machine, until Ctrl-C."""

import asyncio
import os
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Annotated
from urllib.parse import quote

import typer
from rich.console import Console
from rich.table import Table

from gridlane.app.supervisor import Supervisor, refuse_taken_ports, wait_for_port
from gridlane.kernel import telemetry
from gridlane.kernel.settings import Settings

app = typer.Typer()
console = Console()


@app.command()
def up(
    demo: Annotated[
        bool, typer.Option(help="Run the demo network: Berlin, with simulated stations.")
    ] = False,
    gateways: Annotated[int, typer.Option(min=1, max=16, help="How many gateway processes.")] = 1,
) -> None:
    """Run the whole product: database, gateway, API, worker and screens."""
    settings = Settings(demo=demo)
    telemetry.configure(settings, "supervisor")
    asyncio.run(_up(settings, gateways))


async def _up(settings: Settings, gateways: int) -> None:
    refuse_taken_ports(settings)
    supervisor = Supervisor(settings)
    told = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, told.set)
    try:
        with console.status("Starting the database"):
            await supervisor.start_stores()
        await _unless(told, _start_roles(supervisor, settings, gateways))
        await told.wait()
        console.print("Stopping")
    finally:
        await supervisor.stop()


async def _unless(told: asyncio.Event, work: Coroutine[None, None, None]) -> None:
    """Do the work, unless told to stop first: then it is cancelled."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(told.wait())
    await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
    if working.done():
        stopping.cancel()
        working.result()
        return
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working


async def _start_roles(supervisor: Supervisor, settings: Settings, gateways: int) -> None:
    from gridlane.accounts import setting_up
    from gridlane.kernel.database import Database

    os.environ.update(supervisor.environment)
    database = Database(supervisor.environment["GRIDLANE_DATABASE_URL"], pool=2)
    organization_id = None
    try:
        if settings.demo:
            from gridlane.app import demo

            organization_id = await demo.prepare(Settings(demo=True), database, console)
        ready = await setting_up.is_set_up(database)
        link = None if ready else await setting_up.new_link(database, organization_id=organization_id)
    finally:
        await database.close()
    for number in range(gateways):
        supervisor.run(f"gateway {number + 1}", "gateway")
    supervisor.run("api", "api")
    supervisor.run("worker", "worker")
    await wait_for_port(settings.host, settings.port, 60)
    if settings.station_port:
        await wait_for_port(settings.station_host, settings.station_port, 60)
    if settings.demo:
        supervisor.run("simulator", "simulate", "--demo")
    _greet(settings, link)


def _greet(settings: Settings, link: str | None) -> None:
    table = Table.grid(padding=(0, 2))
    address = settings.address()
    table.add_row("Console", f"[bold]{address}/console/[/bold]")
    table.add_row("Driver app", f"{address}/app/")
    table.add_row("API", f"{address}/api/v1/openapi.json")
    if settings.station_port:
        table.add_row("Stations", f"ws://{settings.station_host}:{settings.station_port}/<identity>")
    if settings.station_tls_port:
        table.add_row("", f"wss://{settings.station_host}:{settings.station_tls_port}/<identity>")
    console.print(table)
    if link is not None:
        console.print("Make your account (this link works once, for 24 hours):", style="bold")
        joins = f"&joins={quote(_demo_name())}" if settings.demo else ""
        console.print(f"{address}/console/setup?token={link}{joins}", soft_wrap=True, highlight=False)
    console.print("Ctrl-C stops everything.", style="dim")


def _demo_name() -> str:
    from gridlane.app.demo.preparing import NAME

    return NAME
