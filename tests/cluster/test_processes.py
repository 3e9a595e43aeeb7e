"""The same product as processes: two gateways, an API and a worker over NATS and one PostgreSQL."""

import asyncio
import os
import signal
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import psycopg
import pytest

from gridlane.accounts import setting_up
from gridlane.app.supervisor import Supervisor, free_port, wait_for_port
from gridlane.kernel.database import Database
from gridlane.kernel.settings import Settings
from gridlane.ocpp.version import Version
from gridlane.simulator.virtual_station import VirtualStation

pytestmark = pytest.mark.cluster

TOKEN = {"value": "04AABBCCDDEE80", "kind": "ISO14443"}


@asynccontextmanager
async def cluster(folder, gateways=2):
    ports = {name: free_port() for name in ("port", "station_port")}
    settings = Settings(data_dir=folder / "data", station_tls_port=0, **ports)
    supervisor = Supervisor(settings)
    try:
        await supervisor.start_stores()
        supervisor.environment |= {f"GRIDLANE_{name.upper()}": str(port) for name, port in ports.items()}
        supervisor.environment |= {"GRIDLANE_STATION_TLS_PORT": "0", "GRIDLANE_LOG_LEVEL": "WARNING"}
        database = Database(supervisor.environment["GRIDLANE_DATABASE_URL"], pool=2)
        link = await setting_up.new_link(database)
        await database.close()
        for number in range(gateways):
            supervisor.run(f"gateway {number}", "gateway")
        supervisor.run("api", "api")
        supervisor.run("worker", "worker")
        for port in ports.values():
            await wait_for_port("127.0.0.1", port, 180)
        url = f"http://127.0.0.1:{ports['port']}"
        async with httpx2.AsyncClient(base_url=f"{url}/api/v1", timeout=20) as http:
            body = {
                "token": link,
                "organization": "Test",
                "email": "me@example.com",
                "password": "correct horse battery",
            }
            assert (await http.post("/set-up", json=body)).status_code == 204
            yield supervisor, http, f"ws://127.0.0.1:{ports['station_port']}"
    finally:
        await supervisor.stop()


async def until(what, patience=20.0):
    deadline = asyncio.get_running_loop().time() + patience
    while True:
        found = await what()
        if found:
            return found
        assert asyncio.get_running_loop().time() < deadline, "waited in vain"
        await asyncio.sleep(0.1)


async def registered(http, url, identity, version):
    made = (await http.post("/stations", json={"identity": identity, "security_profile": 1})).json()
    station = VirtualStation(url, identity, version, password=made["password"], meter_interval=1)
    return made["id"], station


async def all_heard(url):
    """Whether the worker has read every fact."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        unread = "SELECT (SELECT max(position) FROM facts) <= (SELECT min(position) FROM fact_readers)"
        return (await (await connection.execute(unread)).fetchone())[0]


async def ended(http, operation):
    async def over():
        found = (await http.get(f"/operations/{operation['id']}")).json()
        return found if found["status"] not in ("queued", "sent", "agreed") else None

    return await until(over)


@pytest.fixture
def folder():
    """Not pytest's own, which another run beside this one makes private again: the server of the database is no root."""
    with tempfile.TemporaryDirectory(prefix="gridlane-cluster-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


async def test_a_command_reaches_its_station_whichever_gateway_holds_it_and_a_killed_gateway_loses_nothing(
    folder,
):
    async with cluster(folder) as (supervisor, http, url):
        issued = await http.post("/tokens", json={"number": TOKEN["value"], "concurrent": 0})
        assert issued.status_code == 201, issued.text
        pairs = [await registered(http, url, f"CP-{n}", list(Version)[n % 3]) for n in range(4)]
        stations = []
        for _id, station in pairs:
            stations.append(await station.__aenter__())
        for station in stations:
            await station.boot()
            await station.plug_in()

        for id_, _station in pairs:
            body = {"kind": "start_charging", "params": {"token": TOKEN, "evse": 1}}
            asked = (await http.post(f"/stations/{id_}/operations", json=body)).json()
            assert (await ended(http, asked))["status"] == "verified"

        victim = next(child for child in supervisor.children if child.name == "gateway 0")
        os.killpg(victim.process.pid, signal.SIGKILL)
        for station in stations:
            await station.until(lambda one=station: one.link.connected.is_set(), "to be back", 30)
            await station.tap(TOKEN["value"])
            await station.until(lambda one=station: one.evse().transaction is None, "to stop", 30)
            await station.until(
                lambda one=station: not one.machine.queue and one.machine.in_flight is None, "", 30
            )
        energies = sorted(round(station.evse().register) for station in stations)

        async def all_ended():
            sessions = (await http.get("/sessions")).json()["items"]
            over = [one for one in sessions if one["status"] == "ended"]
            return over if len(over) == 4 else None

        found = await until(all_ended)
        assert sorted(round(one["energy"]) for one in found) == pytest.approx(energies, abs=2)
        for station in stations:
            await station.__aexit__(None, None, None)

        await until(lambda: all_heard(supervisor.environment["GRIDLANE_DATABASE_URL"]))
        starts = {child.name: child.starts for child in supervisor.children if child is not victim}
        assert set(starts.values()) == {1}, "some ended by themselves"
