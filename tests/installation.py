"""An installation for tests: gateway and API in this process, over a real database and real sockets.

``installation`` (a fixture of tests/conftest.py) gives one with an organization, an API key, and a site. ``working``
adds what the worker role does: facts are heard, jobs run.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import uvicorn

from gridlane.accounts.people import hashed, new_secret
from gridlane.accounts.tokens import SECRET, TokenCipher
from gridlane.app import api as api_role
from gridlane.app import gateway as gateway_role
from gridlane.app.facts import Dispatcher
from gridlane.app.worker import listeners
from gridlane.kernel import bus as buses
from gridlane.kernel.access import Permission
from gridlane.kernel.bus import Bus
from gridlane.kernel.database import Database
from gridlane.kernel.ids import new_id
from gridlane.kernel.jobs import Jobs
from gridlane.kernel.settings import Settings
from gridlane.ocpp.version import Version
from gridlane.simulator.virtual_station import VirtualStation
from gridlane.stations.gateway import Gateway
from gridlane.stations.listeners import open_listeners
from gridlane.stations.reports import TokenRef
from gridlane.stations.transport.listening import Listener


@dataclass
class Installation:
    settings: Settings
    url: str
    bus: Bus
    gateway: Gateway
    keeper: Any
    listeners: list[Listener]
    http: httpx2.AsyncClient
    organization_id: Any
    site_id: Any

    @property
    def station_url(self) -> str:
        host, port = self.listeners[0].addresses[0]
        return f"ws://{host}:{port}/ocpp"

    # --- what an operator does -----------------------------------------------------------------------------------

    async def get(self, path: str, **params: Any) -> Any:
        answer = await self.http.get(f"/api/v1{path}", params=params)
        assert answer.status_code < 300, answer.text
        return answer.json()

    async def post(self, path: str, body: Any = None, *, status: int | None = None) -> Any:
        answer = await self.http.post(f"/api/v1{path}", json=body)
        assert answer.status_code == status if status else answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    async def register(self, identity: str, **more: Any) -> Any:
        """Register a station; gives its answer, with the password."""
        body = {"identity": identity, "site_id": str(self.site_id), "security_profile": 1, **more}
        made = await self.post("/stations", body)
        await self.until(lambda: self.keeper.directory.get(identity) is not None)
        return made

    async def station(
        self, identity: str = "CP-1", version: Version = Version.V201, **more: Any
    ) -> VirtualStation:
        """A registered virtual station, not yet entered (``async with``)."""
        made = await self.register(identity)
        station = VirtualStation(self.station_url, identity, version, password=made["password"], **more)
        station.id = made["id"]  # type: ignore[attr-defined]
        return station

    async def command(self, station_id: str, kind: str, **params: Any) -> Any:
        return await self.post(f"/stations/{station_id}/operations", {"kind": kind, "params": params})

    async def operation(self, operation: Any, *statuses: str, patience: float = 20.0) -> Any:
        """The operation, once it is in one of these states (or in any final one)."""
        ends = statuses or (
            "verified", "unverified", "refused", "timed_out", "unknown", "failed", "unsupported", "expired", "cancelled",
        )  # fmt: skip
        found: Any = None

        async def reached() -> bool:
            nonlocal found
            found = await self.get(f"/operations/{operation['id']}")
            return found["status"] in ends

        await self.until(reached, patience, lambda: f"{operation['kind']} is {found}")
        return found

    async def issue_token(self, number: str, kind: str = "ISO14443", **columns: Any) -> Any:
        """A token of the organization, straight into the table."""
        token, cipher = TokenRef(number, kind), TokenCipher(self.settings.secret(SECRET))
        row = {
            "id": new_id(), "organization_id": self.organization_id, "key": cipher.key(token),
            "sealed": cipher.seal(token), "last4": number[-4:], "kind": kind, **columns,
        }  # fmt: skip
        names = ", ".join(row)
        await self.sql(
            f"INSERT INTO tokens ({names}, created_at, changed_at) "  # noqa: S608 (our own names)
            f"VALUES ({', '.join(['%s'] * len(row))}, now(), now())",
            *row.values(),
        )
        return row["id"]

    async def sql(self, statement: str, *parameters: Any) -> list[Any]:
        async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as connection:
            cursor = await connection.execute(statement, parameters)
            return await cursor.fetchall() if cursor.description else []

    async def until(self, what: Any, patience: float = 20.0, words: Any = None) -> Any:
        """Wait until something (a function, plain or async) holds; gives it."""
        deadline = asyncio.get_running_loop().time() + patience
        while True:
            found = what()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(words() if words else "waited in vain")
            await asyncio.sleep(0.03)


@asynccontextmanager
async def running(database_url: str, folder: Path, **changes: Any) -> AsyncIterator[Installation]:
    settings = Settings(
        data_dir=folder,
        database_url=database_url,
        station_port=0,
        station_tls_port=0,
        port=_free_port(),
        **changes,
    )
    bus = buses.LocalBus()
    organization_id, site_id, key = await _found(database_url)
    gateway = await gateway_role.make(settings, bus, owner_url=database_url)
    await gateway.start()
    keeper = gateway_role.doorkeeper(settings, gateway, bus)
    await keeper.start()
    listening = settings.model_copy(update={"station_port": _free_port()})
    listeners = await open_listeners(listening, keeper.door)
    app = await api_role.make(settings, bus)
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=settings.port, log_config=None, access_log=False)
    )
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 (uvicorn offers no event)
        await asyncio.sleep(0.01)
    headers = {"Authorization": f"Bearer {key}"}
    try:
        async with httpx2.AsyncClient(base_url=settings.address(), headers=headers, timeout=20) as http:
            yield Installation(
                settings, database_url, bus, gateway, keeper, listeners, http, organization_id, site_id
            )
    finally:
        for listener in listeners:
            listener.stop_accepting()
        await keeper.stop()
        await gateway.stop()
        server.should_exit = True
        await serving


@asynccontextmanager
async def working(installation: Installation) -> AsyncIterator[None]:
    """The jobs and the dispatcher of facts, as the worker role runs them."""
    database, jobs = Database(installation.url), Jobs(installation.url)
    rows = listeners(database, installation.settings, installation.bus)
    dispatcher = Dispatcher(database, installation.bus, jobs, rows)
    await jobs.open()
    tasks = [asyncio.create_task(jobs.run_worker()), asyncio.create_task(dispatcher.run())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await jobs.close()
        await database.close()


async def _found(url: str) -> tuple[Any, Any, str]:
    """An organization with a site and a key that may do everything."""
    organization_id, site_id, key = new_id(), new_id(), new_secret()
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(
            "INSERT INTO organizations (id, name, created_at) VALUES (%s, 'Test', now())", (organization_id,)
        )
        await connection.execute(
            "INSERT INTO sites (id, organization_id, name, created_at) VALUES (%s, %s, 'Site', now())",
            (site_id, organization_id),
        )
        words = psycopg.types.json.Jsonb([one.word for one in Permission])
        await connection.execute(
            "INSERT INTO api_keys (id, organization_id, name, secret_hash, hint, permissions, created_by, created_at) "
            "VALUES (%s, %s, 'test', %s, 'test', %s, 'test', now())",
            (new_id(), organization_id, hashed(key), words),
        )
    return organization_id, site_id, key


def _free_port() -> int:
    from gridlane.app.supervisor import free_port

    return free_port()
