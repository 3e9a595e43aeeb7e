"""A gateway as it is installed: a process of its own over an embedded PostgreSQL, with stations that may connect to it.

It can be asked what it cost (CPU of the gateway and of the database, memory), killed, and started again.
"""

import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from gridlane.accounts.tokens import SECRET, TokenCipher
from gridlane.bench.table import CouldNotRun
from gridlane.kernel import embedded_postgres, migrating
from gridlane.kernel.ids import new_id
from gridlane.kernel.settings import Settings
from gridlane.stations.credentials import VerifierKeys, verifier_of
from gridlane.stations.onboarding import KEY
from gridlane.stations.reports import TokenRef

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024
START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds spent so far."""

    gateway: float
    database: float

    def since(self, before: "Cost") -> "Cost":
        return Cost(self.gateway - before.gateway, self.database - before.database)


class Installed:
    """The parts of one installation on this machine. ``tls`` is what a station trusts."""

    def __init__(self, directory: Path, stations: int, *, profile: int) -> None:
        self.stations = stations
        self.profile = profile
        self.directory = directory
        self.postgres = embedded_postgres.start(directory / "postgres")
        self.url = self.postgres.url()
        self.port = free_port()
        self.settings = Settings(data_dir=directory, database_url=self.url)
        self.process: subprocess.Popen[bytes] | None = None
        migrating.migrate(self.url)
        self.organization_id = new_id()
        _register(self)

    # --- the gateway's process -----------------------------------------------------------------------------------

    def start_gateway(self) -> None:
        """Start it and wait until it listens."""
        port = "STATION_TLS_PORT" if self.profile == 2 else "STATION_PORT"
        other = "STATION_PORT" if self.profile == 2 else "STATION_TLS_PORT"
        environment = {
            **os.environ,
            "GRIDLANE_DATABASE_URL": self.url,
            "GRIDLANE_DATA_DIR": str(self.directory),
            "GRIDLANE_STATION_MESSAGES_PER_MINUTE": "100000000",
            "GRIDLANE_LOG_LEVEL": "WARNING",
            f"GRIDLANE_{port}": str(self.port),
            f"GRIDLANE_{other}": "0",
        }
        with (self.directory / "gateway.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gridlane", "gateway"],
                env=environment,
                cwd=self.directory,
                stdout=log,
                stderr=log,
            )
        self._until_listening()

    def kill_gateway(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def _until_listening(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if not self.is_alive:
                raise CouldNotRun(f"the gateway did not start: {self.log()[-500:]}")
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        raise CouldNotRun(f"the gateway did not listen within {START_SECONDS:g} s")

    def log(self) -> str:
        return (self.directory / "gateway.log").read_text(errors="replace")

    # --- the database --------------------------------------------------------------------------------------------

    def kill_postgres(self) -> None:
        """SIGKILL of the postmaster and of every backend, as the kernel's out-of-memory killer would."""
        postmaster = self.postgres.process_id()
        victims = [postmaster, *_children(postmaster)]
        for process in victims:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        while any(Path(f"/proc/{process}").exists() for process in victims):
            time.sleep(0.02)

    def start_postgres(self) -> None:
        self.postgres = embedded_postgres.start(self.directory / "postgres")

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(statement.encode(), parameters).fetchall()

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement.encode())

    # --- what it cost --------------------------------------------------------------------------------------------

    def cost(self) -> Cost:
        assert self.process is not None
        postmaster = self.postgres.process_id()
        backends = sum(_cpu(process)[0] for process in _children(postmaster))
        return Cost(_cpu(self.process.pid)[0], backends + sum(_cpu(postmaster)))

    def resident_kib(self) -> int:
        assert self.process is not None
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * _PAGE_KIB

    # --- what a station needs to know ----------------------------------------------------------------------------

    @property
    def tls(self) -> ssl.SSLContext | None:
        if self.profile != 2:
            return None
        return ssl.create_default_context(cafile=self.directory / "tls" / "authority.pem")

    def close(self) -> None:
        if self.process is not None and self.is_alive:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill_gateway()
        self.postgres.stop()


@contextmanager
def installed(stations: int, *, profile: int = 1) -> Iterator[Installed]:
    """A fresh installation with its gateway running; everything of it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="gridlane-bench-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        directory.chmod(0o755)
        made = Installed(directory, stations, profile=profile)
        try:
            made.start_gateway()
            yield made
        finally:
            made.close()


def identity_of(number: int) -> str:
    return f"CP-{number}"


def password_of(identity: str) -> str:
    return sha1(b"bench" + identity.encode(), usedforsecurity=False).hexdigest()


def token_of(number: int) -> str:
    return f"04BE{number:010X}"


def _register(made: Installed) -> None:
    """One organization and site; stations with an EVSE each, and a card for each station."""
    keys = VerifierKeys((made.settings.secret(KEY),))
    cipher = TokenCipher(made.settings.secret(SECRET))
    site_id = new_id()
    with psycopg.connect(made.url) as connection:
        connection.execute(
            "INSERT INTO organizations (id, name, created_at) VALUES (%s, 'Bench', now())",
            (made.organization_id,),
        )
        connection.execute(
            "INSERT INTO sites (id, organization_id, name, created_at) VALUES (%s, %s, 'Site', now())",
            (site_id, made.organization_id),
        )
        ids = [new_id() for _ in range(made.stations)]
        with connection.cursor() as cursor:
            cursor.executemany(_STATION, [_station(made, site_id, keys, n, id_) for n, id_ in enumerate(ids)])
            cursor.executemany(
                "INSERT INTO evses (id, organization_id, station_id, number, max_power, phases) "
                "VALUES (%s, %s, %s, 1, 22000, 3)",
                [(new_id(), made.organization_id, id_) for id_ in ids],
            )
            cursor.executemany(_CARD, [_token(made, cipher, number) for number in range(made.stations)])
        connection.commit()
        connection.autocommit = True
        connection.execute("ANALYZE")


_STATION = """
INSERT INTO stations (id, organization_id, site_id, identity, name, approval, security_profile, verifiers, changed_at,
    created_at) VALUES (%s, %s, %s, %s, %s, 'accepted', %s, %s, now(), now())
"""
_CARD = """
INSERT INTO tokens (id, organization_id, key, sealed, last4, kind, created_at, changed_at)
VALUES (%s, %s, %s, %s, %s, 'ISO14443', now(), now())
"""


def _station(made: Installed, site_id: UUID, keys: VerifierKeys, number: int, id_: UUID) -> Sequence[Any]:
    identity = identity_of(number)
    verifier = verifier_of(password_of(identity).encode(), identity, keys)
    return (id_, made.organization_id, site_id, identity, identity, made.profile, Jsonb([verifier]))


def _token(made: Installed, cipher: TokenCipher, number: int) -> Sequence[Any]:
    token = TokenRef(token_of(number), "ISO14443")
    return (new_id(), made.organization_id, cipher.key(token), cipher.seal(token), token.value[-4:])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_of(process: int) -> float:
    """CPU seconds of a running process."""
    return _cpu(process)[0]


# --- /proc -------------------------------------------------------------------------------------------------------


def _stat(process: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on (proc(5) numbers them from 3)."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()


def _cpu(process: int) -> tuple[float, float]:
    """CPU seconds of a process, and of its children that have ended."""
    try:
        user, system, ended_user, ended_system = (int(field) for field in _stat(process)[11:15])
    except OSError:
        return 0.0, 0.0
    return (user + system) / _TICKS, (ended_user + ended_system) / _TICKS


def _children(process: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if int(_stat(int(entry.name))[1]) == process:
                    found.append(int(entry.name))
    return found
