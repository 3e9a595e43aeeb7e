"""Making the demo network at its first start: organization, sites, stations, tokens; then its history.

When the first start is interrupted, the next one carries on: each station's month goes on after its last message.
``<data>/demo/stations.json`` tells the simulator which stations it is.
"""

import random
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.model import organizations, tokens
from gridlane.accounts.tokens import SECRET, TokenCipher
from gridlane.app.demo.history import write_history
from gridlane.app.demo.network import DemoSite, DemoStation, choose
from gridlane.app.demo.people import bring_people
from gridlane.app.demo.pricing import publish_prices
from gridlane.app.demo.simulated import SimulatedNetwork, SimulatedStation
from gridlane.app.demo.wiring import wire
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.ids import new_id
from gridlane.kernel.settings import Settings
from gridlane.stations import credentials
from gridlane.stations.model import evses, sites, stations
from gridlane.stations.onboarding import KEY
from gridlane.stations.places import cell
from gridlane.stations.reports import TokenRef

NAME = "Berlin demo network"
STATIONS, TOKENS, SEED = 300, 400, 7


async def prepare(settings: Settings, database: Database, console: Console) -> UUID:
    """The demo organization's id; makes everything at the first start."""
    async with database.as_owner() as work:
        existing = await work.scalar(sa.select(organizations.c.id).where(organizations.c.name == NAME))
    if existing is not None:
        if not _complete(settings).exists():  # the first start was interrupted
            await _make_history(settings, database, _read(settings), console)
        return UUID(str(existing))
    with console.status("Choosing stations of Berlin"):
        network = choose(STATIONS, SEED)
    async with database.as_owner() as work:
        organization_id = new_id()
        await work.execute(
            sa.insert(organizations).values(
                id=organization_id,
                name=NAME,
                currency="EUR",
                time_zone="Europe/Berlin",
                created_at=system_clock(),
            )
        )
        simulated = SimulatedNetwork([], await _issue_tokens(work, organization_id, settings))
        for site in network:
            simulated.stations += await _build(work, organization_id, site, settings)
    await publish_prices(database, organization_id)
    await bring_people(database, organization_id, system_clock())
    _write(settings, simulated)
    await _make_history(settings, database, simulated, console)
    return organization_id


async def _make_history(
    settings: Settings, database: Database, network: SimulatedNetwork, console: Console
) -> None:
    with Progress(
        TextColumn("Thirty days of history"), BarColumn(), MofNCompleteColumn(), console=console
    ) as bar:
        task = bar.add_task("", total=len(network.stations))
        await write_history(settings, database, network, lambda count: bar.advance(task, count))
    _complete(settings).touch()


async def _build(
    work: AsyncConnection, organization_id: UUID, site: DemoSite, settings: Settings
) -> list[SimulatedStation]:
    now = system_clock()
    site_id = new_id()
    await work.execute(
        sa.insert(sites).values(
            id=site_id,
            organization_id=organization_id,
            name=site.name,
            city="Berlin",
            latitude=site.latitude,
            longitude=site.longitude,
            cell=cell(site.latitude, site.longitude),
            public=site.public,
            created_at=now,
        )
    )
    built = [await _put_up(work, organization_id, site_id, site, one, settings) for one in site.stations]
    fallbacks = await wire(work, organization_id, site_id, site)
    return [msgspec.structs.replace(one, standing=fallbacks.get(one.kind)) for one in built]


async def _put_up(
    work: AsyncConnection,
    organization_id: UUID,
    site_id: UUID,
    site: DemoSite,
    station: DemoStation,
    settings: Settings,
) -> SimulatedStation:
    now = system_clock()
    password = credentials.new_password()
    keys = credentials.VerifierKeys((settings.secret(KEY),))
    station_id = new_id()
    await work.execute(
        sa.insert(stations).values(
            id=station_id,
            organization_id=organization_id,
            site_id=site_id,
            identity=station.identity,
            name=station.name,
            approval="accepted",
            security_profile=1,
            verifiers=[credentials.verifier_of(password.encode(), station.identity, keys)],
            changed_at=now,
            created_at=now,
        )
    )
    await work.execute(
        sa.insert(evses),
        [
            {
                "id": new_id(),
                "organization_id": organization_id,
                "station_id": station_id,
                "number": number,
                "public_id": f"DE*GRL*E{station.identity.replace('-', '')}*{number}",
                "max_power": station.power,
                "phases": 3,
            }
            for number in range(1, station.evses + 1)
        ],
    )
    return SimulatedStation(
        station.identity,
        password,
        station.version,
        station.kind,
        station.evses,
        station.power,
        station.vendor,
        station.model,
        site.latitude,
        site.longitude,
    )


async def _issue_tokens(work: AsyncConnection, organization_id: UUID, settings: Settings) -> list[str]:
    """RFID cards of made-up drivers."""
    cipher = TokenCipher(settings.secret(SECRET))
    random_ = random.Random(SEED)
    numbers = [f"{random_.getrandbits(56):014X}" for _ in range(TOKENS)]
    now = system_clock()
    rows: list[dict[str, Any]] = []
    for place, number in enumerate(numbers, start=1):
        token = TokenRef(number, "ISO14443")
        rows.append(
            {
                "id": new_id(),
                "organization_id": organization_id,
                "key": cipher.key(token),
                "sealed": cipher.seal(token),
                "last4": number[-4:],
                "kind": token.kind,
                "name": f"Card {place}",
                "concurrent": 0,  # the history's stations live through the month side by side, not in step
                "created_at": now,
                "changed_at": now,
            }
        )
    await work.execute(sa.insert(tokens), rows)
    return numbers


def _complete(settings: Settings) -> Path:
    """The file that says that the history is whole."""
    return settings.data_dir / "demo" / "complete"


def _read(settings: Settings) -> SimulatedNetwork:
    return msgspec.json.decode(
        (settings.data_dir / "demo" / "stations.json").read_bytes(), type=SimulatedNetwork
    )


def _write(settings: Settings, network: SimulatedNetwork) -> None:
    file = settings.data_dir / "demo" / "stations.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.encode(network))
    file.chmod(0o600)
