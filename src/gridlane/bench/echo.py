"""What a station's socket costs before anything is done with a message: CPU per message, memory per idle link, CPU per
connect, with and without TLS.

The server is a process of its own on one core, the load (this process) on another. CPU is the server's own, so it holds also
where wall-clock rates are bounded by the load. ``limit`` is picows with nothing around it; ``peer`` is ``websockets`` as it comes.
The pieces serve the gateway benchmark too.
"""

import asyncio
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from gridlane.bench.echo_server import KINDS, password_of
from gridlane.bench.table import CouldNotRun, Options, Row, Table
from gridlane.stations.development_authority import ensure_development_chains

MESSAGE = (b'[2,"0d5c8d2e-1111-2222-3333-444444444444","Heartbeat",{' + b'"a":"b",' * 30).ljust(
    298, b" "
) + b"}]"
PLAIN_GOAL_KIB, TLS_GOAL_KIB = 20, 45
_DEFLATE = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}
_ADDRESSES = 8
"""Clients come from 127.0.1.1 to .8, so that ports suffice for many."""


@dataclass(frozen=True, slots=True)
class Spent:
    cpu: float
    resident_kib: int


class EchoServer:
    """A running echo server of one kind; see ``echo_server.KINDS``."""

    def __init__(self, kind: str, process: "subprocess.Popen[str]", tls: ssl.SSLContext | None) -> None:
        self._process = process
        self.compresses = kind == "deflate"
        self.tls = tls
        self.port = int(self._line()["port"])

    def spent(self) -> Spent:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return Spent(**self._line())

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise CouldNotRun("the echo server ended by itself")
        found: dict[str, Any] = json.loads(line)
        return found


@contextmanager
def echo_server(kind: str, *, tls: bool) -> Iterator[EchoServer]:
    """Starts a server on the first core and keeps this process off it."""
    with tempfile.TemporaryDirectory(prefix="gridlane-echo-") as directory:
        context = _certificates(Path(directory)) if tls else None
        process = subprocess.Popen(  # noqa: S603  # our own module
            [sys.executable, "-m", "gridlane.bench.echo_server", kind, directory if tls else ""],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # the peer reports every client that leaves
            text=True,
        )
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(process.pid, cores[:1])
        os.sched_setaffinity(0, cores[1:] or cores)
        try:
            yield EchoServer(kind, process, context)
        finally:
            os.sched_setaffinity(0, cores)
            process.kill()
            process.communicate()


def _certificates(directory: Path) -> ssl.SSLContext:
    ensure_development_chains(directory, ["localhost", "127.0.0.1"], datetime.now(UTC))
    return ssl.create_default_context(cafile=directory / "authority.pem")


class Caller(WSListener):
    """A client with one message in flight; ``times`` collects how long each took, in seconds."""

    def __init__(self, times: list[float]) -> None:
        self.times = times
        self.running = True
        self.is_cut = False
        self._leaves = False
        self._sent = 0.0
        self._transport: WSTransport | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport

    def call(self) -> None:
        assert self._transport is not None
        self._sent = time.perf_counter()
        self._transport.send(WSMsgType.TEXT, MESSAGE)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        self.times.append(time.perf_counter() - self._sent)
        if self.running:
            self.call()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.is_cut = not self._leaves

    def leave(self) -> None:
        assert self._transport is not None
        self._leaves = True
        self._transport.disconnect(graceful=False)


async def connect(
    server: EchoServer,
    count: int,
    *,
    at_once: int = 50,
    as_station: bool = False,
    network: str = "127.0.1",
    first: int = 0,
) -> tuple[list[Caller], list[float]]:
    """Opens ``count`` links, ``as_station`` with identity and password; returns them with one shared list of times."""
    times: list[float] = []
    turns = asyncio.Semaphore(at_once)
    scheme = "wss" if server.tls is not None else "ws"

    async def one(number: int) -> Caller:
        identity = f"CP-{first + number}"
        headers = {"Sec-WebSocket-Protocol": "ocpp1.6"} | (_DEFLATE if server.compresses else {})
        if as_station:
            basic = b64encode(f"{identity}:{password_of(identity)}".encode()).decode()
            headers["Authorization"] = f"Basic {basic}"
        async with turns:
            _, caller = await ws_connect(
                lambda: Caller(times),
                f"{scheme}://127.0.0.1:{server.port}/ocpp/{identity}",
                ssl_context=server.tls,
                extra_headers=headers,
                websocket_handshake_timeout=60,
                read_buffer_init_size=2048,
                local_addr=(f"{network}.{1 + number % _ADDRESSES}", 0),
            )
            assert isinstance(caller, Caller)
            return caller

    return list(await asyncio.gather(*(one(number) for number in range(count)))), times


async def cpu_per_message(server: EchoServer, links: int, seconds: float) -> tuple[float, float]:
    """Microseconds of server CPU per message, and messages per second, in a closed loop over ``links``."""
    callers, times = await connect(server, links)
    for caller in callers:
        caller.call()
    await asyncio.sleep(seconds / 4)
    times.clear()
    before, began = server.spent(), time.perf_counter()
    await asyncio.sleep(seconds)
    after, took = server.spent(), time.perf_counter() - began
    count = len(times)
    for caller in callers:
        caller.running = False
        caller.leave()
    await asyncio.sleep(0.2)
    return (after.cpu - before.cpu) / count * 1e6, count / took


async def cost_of_links(server: EchoServer, links: int) -> tuple[float, float]:
    """KiB of server memory per idle link, and milliseconds of server CPU per connect."""
    warm, _ = await connect(server, 200)
    before = server.spent()
    callers, _ = await connect(server, links)
    await asyncio.sleep(0.5)
    after = server.spent()
    for caller in [*warm, *callers]:
        caller.leave()
    await asyncio.sleep(0.5)
    return (after.resident_kib - before.resident_kib) / links, (after.cpu - before.cpu) / links * 1e3


@dataclass(frozen=True, slots=True)
class Figures:
    microseconds: float
    per_second: float
    idle_kib: float
    connect_ms: float


def measure(kind: str, *, tls: bool, options: Options) -> Figures:
    """All figures of one kind of server: the median of three rounds for the CPU of messages, one for the rest."""
    links, seconds = (500, 1.0) if options.quick else (3000, 4.0)
    with echo_server(kind, tls=tls) as server:
        rounds = [uvloop.run(cpu_per_message(server, 100, seconds)) for _ in range(3)]
        idle_kib, connect_ms = uvloop.run(cost_of_links(server, links))
    return Figures(median(r[0] for r in rounds), median(r[1] for r in rounds), idle_kib, connect_ms)


def run(options: Options) -> Table:
    rows: list[Row] = []
    for tls in (False, True):
        found = {kind: measure(kind, tls=tls, options=options) for kind in ("ours", "bare", "peer", "twin")}
        rows += _rows("with TLS" if tls else "plain", found, TLS_GOAL_KIB if tls else PLAIN_GOAL_KIB)
    with echo_server("deflate", tls=False) as server:
        kib, _ = uvloop.run(cost_of_links(server, 500 if options.quick else 3000))
    rows.append(
        Row(
            f"idle link, plain: {KINDS['deflate']}",
            kib,
            "KiB",
            at_most=60.3,
            note="goal: what websockets takes as it comes",
        )
    )
    return Table("echo", rows, options, ("300-byte messages, one in flight on each of 100 links",))


def _rows(how: str, found: dict[str, Figures], goal_kib: float) -> list[Row]:
    ours, bare, peer, twin = (found[kind] for kind in ("ours", "bare", "peer", "twin"))
    return [
        Row(f"CPU per message, {how}", ours.microseconds, "us", peer.microseconds, bare.microseconds),
        Row(f"the same: {KINDS['twin']}", twin.microseconds, "us"),
        Row(
            f"messages, {how}", round(ours.per_second), "1/s", round(peer.per_second), round(bare.per_second)
        ),
        Row(f"idle link, {how}", ours.idle_kib, "KiB", peer.idle_kib, bare.idle_kib, at_most=goal_kib),
        Row(f"the same: {KINDS['twin']}", twin.idle_kib, "KiB"),
        Row(f"CPU per connect, {how}", ours.connect_ms, "ms", peer.connect_ms, bare.connect_ms),
    ]
