"""The gateway role: sockets of stations in front, the committer behind. Imports no API, no solver, no PDF."""

import asyncio
import gc
import signal

import structlog
import uvloop
from prometheus_client import start_http_server

from gridlane.app import handlers
from gridlane.app.answerers import answerers
from gridlane.charging import loading
from gridlane.charging.live import running_sessions
from gridlane.kernel import bus as buses
from gridlane.kernel.clock import system_clock
from gridlane.kernel.settings import Settings
from gridlane.stations.credentials import VerifierKeys, verifier_of
from gridlane.stations.door import DoorRules
from gridlane.stations.doorkeeping import Doorkeeper
from gridlane.stations.gateway import Gateway, GatewayParts
from gridlane.stations.listeners import open_listeners
from gridlane.stations.onboarding import KEY
from gridlane.stations.strangers import StrangerRules

log = structlog.get_logger(__name__)


async def make(settings: Settings, bus: buses.Bus, *, owner_url: str) -> Gateway:
    """A gateway with everything it decides by, not yet listening."""
    keys = VerifierKeys((settings.secret(KEY),))
    return Gateway(
        GatewayParts(
            owner_url=owner_url,
            bus=bus,
            clock=system_clock,
            handlers=handlers.table(),
            answerers=answerers(settings, owner_url),
            load_charging=loading.load,
            live_charging=running_sessions,
            next_deadline=handlers.next_deadline,
            verifier=lambda identity, password: verifier_of(password.encode(), identity, keys),
            heartbeat=settings.heartbeat_seconds,
            messages_per_minute=settings.station_messages_per_minute,
            call_seconds=settings.station_call_seconds,
            frame_bytes=settings.station_message_bytes,
        )
    )


def doorkeeper(settings: Settings, gateway: Gateway, bus: buses.Bus) -> Doorkeeper:
    return Doorkeeper(
        gateway.parts.owner_url,
        bus,
        system_clock,
        VerifierKeys((settings.secret(KEY),)),
        DoorRules(
            strangers=StrangerRules(policy=settings.unknown_stations),
            reveal_unknown=settings.reveal_unknown_stations,
        ),
        gateway.receive,
    )


def run(settings: Settings, *, metrics_port: int = 0) -> None:
    """Serve stations until told to stop, then let every one go with a goodbye."""
    uvloop.run(_run(settings, metrics_port))


async def _run(settings: Settings, metrics_port: int) -> None:
    assert settings.database_url is not None
    bus = await buses.connect(settings.nats_url)
    gateway = await make(settings, bus, owner_url=settings.database_url)
    await gateway.start()
    keeper = doorkeeper(settings, gateway, bus)
    await keeper.start()
    listeners = await open_listeners(settings, keeper.door)
    _settle_memory()
    if metrics_port:
        start_http_server(metrics_port, addr="127.0.0.1")
    for listener in listeners:
        log.info("stations welcome", listener=listener.settings.name, addresses=listener.addresses)
    await _until_told()
    for listener in listeners:
        listener.stop_accepting()
    await keeper.stop()
    await gateway.stop()
    await bus.close()


def _settle_memory() -> None:
    """Collect cycles seldom: messages and states make none, and each collection walks the state of every station."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
    gc.enable()


async def _until_told() -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, told.set)
    await told.wait()
