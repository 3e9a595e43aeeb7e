"""The measured process of the socket benchmarks: answers every message with itself, and tells what that cost.

Speaks over its standard input and output, one line each way: it says its port, then answers every line with its CPU time,
resident memory and open links. Several kinds of server, alike but for what is measured.
"""

import asyncio
import gc
import json
import ssl
import sys
import time
from hashlib import sha1
from pathlib import Path
from typing import Any

import uvloop

from gridlane.kernel.ids import new_id
from gridlane.stations.credentials import VerifierKeys, pack, verifier_of
from gridlane.stations.directory import Directory, Entry
from gridlane.stations.door import DoorParts, DoorRules, StationDoor
from gridlane.stations.transport.link import Admission, Handshake, Link
from gridlane.stations.transport.listening import Listener
from gridlane.stations.transport.picows_listener import picows_listener
from gridlane.stations.transport.settings import Limits, ListenerSettings, TlsSettings
from gridlane.stations.transport.tls import server_context
from gridlane.stations.transport.websockets_listener import websockets_listener

KINDS = {
    "ours": "our listener on picows",
    "twin": "our listener on websockets",
    "deflate": "the same, compressing",
    "bare": "picows with nothing around it",
    "peer": "websockets as it comes",
    "door": "our listener behind the real door",
    "door at any pace": "the same, accepting as fast as it can",
}

STATIONS = 1000
_KEYS = VerifierKeys((b"bench" * 8,))


class Echo:
    """A receiver that says everything again."""

    __slots__ = ("_link",)

    def opened(self, link: Link) -> None:
        self._link = link

    def received(self, message: bytes) -> None:
        self._link.send(message)

    def closed(self, code: int, reason: str) -> None: ...

    def writable(self, now: bool) -> None: ...


class EchoDoor:
    def knock(self, handshake: Handshake) -> Admission:
        return Admission("ocpp1.6", Echo())

    def stumbled(self, address: str, listener: ListenerSettings, reason_code: str) -> None: ...


async def _start_listener(kind: str, tls: TlsSettings | None) -> tuple[int, Listener]:
    settings = ListenerSettings(
        "echo",
        "127.0.0.1",
        0,
        tls,
        compression=kind == "deflate",
        limits=Limits(accepts_per_second=1e6, accept_burst=100_000),
    )
    make = picows_listener if kind == "ours" else websockets_listener
    listener = make(settings, EchoDoor())
    await listener.open()
    return listener.addresses[0][1], listener


def password_of(identity: str) -> str:
    """The password of a station of the ``door`` kinds, CP-0 to CP-999."""
    return sha1(b"bench" + identity.encode(), usedforsecurity=False).hexdigest()


async def _start_door(kind: str, tls: TlsSettings | None) -> tuple[int, Listener]:
    entries = []
    for number in range(STATIONS):
        identity = f"CP-{number}"
        packed = pack([verifier_of(password_of(identity).encode(), identity, _KEYS)])
        profiles = 1 << (1 if tls is None else 2)
        entries.append(Entry(new_id(), None, identity, "accepted", profiles, packed.slots))
    door = StationDoor(DoorParts(Directory(entries), _KEYS, lambda visitor: Echo()), DoorRules())
    limits = Limits() if kind == "door" else Limits(accepts_per_second=1e6, accept_burst=100_000)
    listener = picows_listener(ListenerSettings("door", "127.0.0.1", 0, tls, limits=limits), door)
    await listener.open()
    return listener.addresses[0][1], listener


async def _start_bare(tls: TlsSettings | None) -> tuple[int, Any]:
    from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_create_server

    class Bare(WSListener):
        def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
            if frame.msg_type is WSMsgType.TEXT:
                transport.send(WSMsgType.TEXT, frame.get_payload_as_memoryview())

    server = await ws_create_server(
        lambda request: Bare(), "127.0.0.1", 0, read_buffer_init_size=2048, backlog=4096, ssl=_context(tls)
    )
    return server.sockets[0].getsockname()[1], server


async def _start_peer(tls: TlsSettings | None) -> tuple[int, Any]:
    from websockets.asyncio.server import ServerConnection, serve
    from websockets.typing import Subprotocol

    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    server = await serve(
        echo,
        "127.0.0.1",
        0,
        ssl=_context(tls),
        compression=None,
        subprotocols=[Subprotocol("ocpp1.6")],
        backlog=4096,
    )
    return next(iter(server.sockets)).getsockname()[1], server


def _context(tls: TlsSettings | None) -> ssl.SSLContext | None:
    return server_context(tls) if tls is not None else None


async def _serve(kind: str, chains: str) -> None:
    tls = None
    if chains:
        directory = Path(chains)
        tls = TlsSettings(
            tuple(
                (directory / f"server-{kind}.pem", directory / f"server-{kind}.key")
                for kind in ("ecdsa", "rsa")
            )
        )
    if kind == "bare":
        port, server = await _start_bare(tls)
    elif kind == "peer":
        port, server = await _start_peer(tls)
    elif kind.startswith("door"):
        port, server = await _start_door(kind, tls)
    else:
        port, server = await _start_listener(kind, tls)
    _tell({"port": port})
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        cpu = time.process_time()
        gc.collect()
        _tell({"cpu": cpu, "resident_kib": _resident_kib()})
    del server  # until here it must not be collected


def _tell(facts: dict[str, float]) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def _resident_kib() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1], sys.argv[2]))
