"""``gridlane up``: the whole product on one machine.

The supervisor alone starts and stops PostgreSQL and the bundled NATS server; gateway, API and worker are processes
of their own, started again when they die, so that no plan ever stalls a socket and no crash takes a neighbour down.
"""

import asyncio
import errno
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from gridlane.kernel import embedded_postgres, migrating
from gridlane.kernel.embedded_postgres import EmbeddedPostgres
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.settings import Settings

log = structlog.get_logger(__name__)

STOP_SECONDS = 15.0


@dataclass
class Child:
    """A process that is kept running until told to stop."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    process: asyncio.subprocess.Process | None = None
    keeper: asyncio.Task[None] | None = None
    stopping: bool = False
    starts: int = field(default=0)

    async def keep(self) -> None:
        """Start; start again when it ends by itself, a little later each time it ends at once."""
        delay = 0.2
        while not self.stopping:
            began = time.monotonic()
            self.process = await asyncio.create_subprocess_exec(
                *self.command, env={**os.environ, **self.environment}, start_new_session=True
            )
            self.starts += 1
            code = await self.process.wait()
            if self._is_stopping():
                return
            log.warning("process ended, starting it again", process=self.name, code=code)
            delay = 0.2 if time.monotonic() - began > 10 else min(delay * 2, 10)
            await asyncio.sleep(delay)

    def _is_stopping(self) -> bool:
        return self.stopping

    async def stop(self) -> None:
        self.stopping = True
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await self.process.wait()
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        if self.keeper is not None:
            self.keeper.cancel()
            await asyncio.gather(self.keeper, return_exceptions=True)


class Supervisor:
    """All processes of one installation on one machine."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.children: list[Child] = []
        self.postgres: EmbeddedPostgres | None = None
        self.environment: dict[str, str] = {}
        self._watch: asyncio.Task[None] | None = None

    async def start_stores(self) -> None:
        """PostgreSQL (unless one is named) with the present schema, and NATS (unless one is named)."""
        settings = self.settings
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        url = settings.database_url
        if url is None:
            self.postgres = await asyncio.to_thread(embedded_postgres.start, settings.data_dir / "postgres")
            url = self.postgres.url()
            self._watch = asyncio.create_task(self._watch_postgres())
        await asyncio.to_thread(migrating.migrate, url)
        self.environment = {
            "GRIDLANE_DATABASE_URL": url,
            "GRIDLANE_DATA_DIR": str(settings.data_dir.resolve()),
        }
        nats_url = settings.nats_url or await self._start_nats()
        self.environment["GRIDLANE_NATS_URL"] = nats_url

    def run(self, name: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Child:
        """Keep ``gridlane <arguments>`` running."""
        command = [sys.executable, "-m", "gridlane", *arguments]
        return self._keep(Child(name, command, {**self.environment, **(environment or {})}))

    async def stop(self) -> None:
        """Stop the processes, last started first, then the stores."""
        for child in reversed(self.children):
            await child.stop()
        if self._watch is not None:
            self._watch.cancel()
        if self.postgres is not None:
            await asyncio.to_thread(self.postgres.stop)

    def _keep(self, child: Child) -> Child:
        child.keeper = asyncio.create_task(child.keep(), name=child.name)
        self.children.append(child)
        return child

    async def _start_nats(self) -> str:
        port = free_port()
        program = shutil.which("nats-server") or str(Path(sys.executable).parent / "nats-server")
        self._keep(
            Child("nats", [program, "--addr", "127.0.0.1", "--port", str(port), "--log", os.devnull], {})
        )
        await wait_for_port("127.0.0.1", port)
        return f"nats://127.0.0.1:{port}"

    async def _watch_postgres(self) -> None:
        """Start the embedded server again when it is gone; the other processes wait for it."""
        assert self.postgres is not None
        directory: Path = self.postgres.directory
        while True:
            await asyncio.sleep(0.5)
            if not await asyncio.to_thread(_is_running, self.postgres):
                log.warning("PostgreSQL is gone, starting it again")
                self.postgres = await asyncio.to_thread(embedded_postgres.start, directory)


def _is_running(postgres: Any) -> bool:
    try:
        os.kill(postgres.process_id(), 0)
    except (OSError, ValueError, IndexError):
        return False
    return True


class PortTaken(Refusal):
    code = "port_taken"
    kind = Kind.CONFLICT
    sentence = "Port {port} of {host} is taken (another gridlane?): stop that program, or choose another by {setting}."


def refuse_taken_ports(settings: Settings) -> None:
    """Before anything starts: gateways share their ports among each other, and would silently with another's.

    Raises PortTaken.
    """
    for setting, host, port in (
        ("GRIDLANE_PORT", settings.host, settings.port),
        ("GRIDLANE_STATION_PORT", settings.station_host, settings.station_port),
        ("GRIDLANE_STATION_TLS_PORT", settings.station_host, settings.station_tls_port),
    ):
        if port and _is_taken(host, port):
            raise PortTaken(port=port, host=host, setting=setting)


def _is_taken(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as trouble:
            return trouble.errno == errno.EADDRINUSE
    return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def wait_for_port(host: str, port: int, seconds: float = 30.0) -> None:
    """Until somebody listens there. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                _reader, writer = await asyncio.open_connection(host, port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
