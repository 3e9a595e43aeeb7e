"""``gridlane simulate``: virtual stations against any central system, by its URL."""

import asyncio
import csv
import signal
import ssl
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from gridlane.kernel.quantities import Amperes, Watts
from gridlane.ocpp.version import Version
from gridlane.simulator.faults import FIELD, NONE
from gridlane.simulator.network import Member, Network, NetworkPlan
from gridlane.simulator.people import read_visits
from gridlane.simulator.station import StationSpec

app = typer.Typer()

_VERSIONS = {"1.6": Version.V16, "2.0.1": Version.V201, "2.1": Version.V21}


class DemoStation(msgspec.Struct):
    """As app/demo writes it."""

    identity: str
    password: str
    version: str
    kind: str
    evses: int
    power: float
    vendor: str
    model: str
    latitude: float
    longitude: float
    standing: float | None = None


class DemoNetwork(msgspec.Struct):
    stations: list[DemoStation]
    tokens: list[str]


@app.command()
def simulate(
    url: Annotated[str, typer.Argument(help="ws:// or wss:// address; the identity is appended.")] = "",
    stations: Annotated[int, typer.Option(min=1, help="How many stations.")] = 10,
    versions: Annotated[
        str, typer.Option(help="Their versions in turn, such as 1.6,2.0.1,2.1.")
    ] = "1.6,2.0.1,2.1",
    prefix: Annotated[str, typer.Option(help="Identities are this and a number.")] = "SIM-",
    password: Annotated[str | None, typer.Option(help="One password for all.")] = None,
    credentials: Annotated[Path | None, typer.Option(help="CSV of identity,password instead.")] = None,
    tokens: Annotated[str, typer.Option(help="Tokens people present, separated by commas.")] = "DEADBEEF",
    seed: Annotated[int, typer.Option(help="The same seed gives the same visitors and faults.")] = 1,
    speed: Annotated[float, typer.Option(min=0.1, help="Simulated seconds per second.")] = 1.0,
    visits: Annotated[float, typer.Option(help="Visits per EVSE and day.")] = 3.0,
    dc: Annotated[float, typer.Option(min=0, max=1, help="Share of DC stations.")] = 0.2,
    faults: Annotated[bool, typer.Option(help="Let things go wrong as often as in the field.")] = False,
    seconds: Annotated[float | None, typer.Option(help="Stop after this many real seconds.")] = None,
    ack_log: Annotated[
        Path | None, typer.Option(help="Write every acknowledged message to this file.")
    ] = None,
    ca: Annotated[Path | None, typer.Option(help="PEM of the authority to trust for wss://.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Be the demo network of this installation.")] = False,
) -> None:
    """Run virtual stations with vehicles and people, replaying real sessions."""
    slow, fast = read_visits(_data())
    if demo:
        members, cards, url = _demo()
    else:
        if not url:
            raise typer.BadParameter("an address is needed, such as ws://127.0.0.1:9000")
        members = _made(stations, versions, prefix, dc, seed, _passwords(credentials, password))
        cards = tokens.split(",")
    plan = NetworkPlan(
        url=url,
        members=members,
        tokens=cards,
        slow=slow,
        fast=fast,
        seed=seed,
        speed=speed,
        visits_per_day=visits,
        faults=FIELD if faults or demo else NONE,
        tls=ssl.create_default_context(cafile=str(ca)) if ca else None,
        ack_log=ack_log,
        start_spread=min(20.0, len(members) / 25),
    )
    asyncio.run(_run(plan, seconds))


async def _run(plan: NetworkPlan, seconds: float | None) -> None:
    network = Network(plan)
    running = asyncio.create_task(network.run(seconds))
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, running.cancel)
    await asyncio.gather(running, return_exceptions=True)
    totals = network.totals
    print(f"{totals.visits} visits, {totals.refused} refused handshakes; acknowledged:")
    for action, count in totals.acknowledged.most_common():
        print(f"  {count:8} {action}")


def _made(
    count: int, versions: str, prefix: str, dc: float, seed: int, passwords: dict[str, str | None]
) -> Sequence[Member]:
    try:
        chosen = cycle([_VERSIONS[one.strip()] for one in versions.split(",")])
    except KeyError as unknown:
        raise typer.BadParameter(f"unknown version {unknown}; there are {', '.join(_VERSIONS)}") from None
    members: list[Member] = []
    for number in range(1, count + 1):
        identity = f"{prefix}{number:04d}"
        direct = (number * 997) % 1000 < dc * 1000
        spec = StationSpec(
            identity,
            next(chosen),
            evses=2,
            power=Watts(150_000.0 if direct else 22_000.0),
            direct=direct,
            seed=seed,
        )
        members.append(Member(spec, passwords.get(identity, passwords.get("*"))))
    return members


def _passwords(file: Path | None, one: str | None) -> dict[str, str | None]:
    if file is None:
        return {"*": one}
    with file.open(encoding="utf-8", newline="") as opened:
        return {row[0].strip(): row[1].strip() for row in csv.reader(opened) if len(row) >= 2}


def _demo() -> tuple[Sequence[Member], list[str], str]:
    from gridlane.kernel.settings import Settings

    settings = Settings()
    network = msgspec.json.decode(
        (settings.data_dir / "demo" / "stations.json").read_bytes(), type=DemoNetwork
    )
    members = [
        Member(
            StationSpec(
                one.identity,
                Version(one.version),
                vendor=one.vendor,
                model=one.model,
                serial=one.identity,
                evses=one.evses,
                power=Watts(one.power),
                direct=one.kind == "DC",
                standing=None if one.standing is None else Amperes(one.standing),
            ),
            one.password,
        )
        for one in network.stations
    ]
    return members, network.tokens, f"ws://{settings.station_host}:{settings.station_port}"


def _data() -> Path:
    inside = Path(__file__).parent.parent / "data"
    return inside if inside.exists() else Path(__file__).parents[3] / "data"
