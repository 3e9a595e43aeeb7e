"""Real sockets for the listeners: a door that lets everybody in, a receiver that writes down, a client of bare bytes."""

import asyncio
import base64
import os
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from gridlane.stations import development_authority as authority
from gridlane.stations.transport.link import Admission, Farewell, Handshake, Link, Rejection
from gridlane.stations.transport.listening import Listener
from gridlane.stations.transport.picows_listener import picows_listener
from gridlane.stations.transport.settings import ClientCertificates, Limits, ListenerSettings, TlsSettings
from gridlane.stations.transport.websockets_listener import websockets_listener

TWINS = {"picows": picows_listener, "websockets": websockets_listener}
PATIENCE = 5.0


class Notebook:
    """Writes down what a link does; ``react`` may answer."""

    def __init__(self, react: Callable[[Link, bytes], None] | None = None) -> None:
        self.react = react
        self.link: Link | None = None
        self.messages: list[bytes] = []
        self.ended: tuple[int, str] | None = None
        self.writable_changes: list[bool] = []
        self._news = asyncio.Event()

    def opened(self, link: Link) -> None:
        self.link = link
        self._news.set()

    def received(self, message: bytes) -> None:
        self.messages.append(message)
        self._news.set()
        if self.react is not None:
            self.react(self.link, message)

    def closed(self, code: int, reason: str) -> None:
        assert self.ended is None
        self.ended = (code, reason)
        self._news.set()

    def writable(self, now: bool) -> None:
        self.writable_changes.append(now)
        self._news.set()

    async def until(self, holds: Callable[["Notebook"], object]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not holds(self):
                self._news.clear()
                await self._news.wait()


@dataclass
class OpenDoor:
    """Lets everybody in who offers ocpp1.6, each with a notebook; ``answer`` overrides."""

    answer: Callable[[Handshake], Admission | Farewell | Rejection] | None = None
    react: Callable[[Link, bytes], None] | None = None
    knocks: list[Handshake] = field(default_factory=list)
    notebooks: list[Notebook] = field(default_factory=list)
    stumbles: list[str] = field(default_factory=list)
    _stumbled: asyncio.Event = field(default_factory=asyncio.Event)

    def knock(self, handshake: Handshake) -> Admission | Farewell | Rejection:
        self.knocks.append(handshake)
        if self.answer is not None:
            return self.answer(handshake)
        notebook = Notebook(self.react)
        self.notebooks.append(notebook)
        return Admission("ocpp1.6", notebook)

    def stumbled(self, address: str, listener: ListenerSettings, reason_code: str) -> None:
        self.stumbles.append(reason_code)
        self._stumbled.set()

    async def stumble(self) -> str:
        async with asyncio.timeout(PATIENCE):
            await self._stumbled.wait()
        return self.stumbles[-1]


@dataclass
class BareClient:
    """A client that sends just the bytes it is told to."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def request(self, *lines: str) -> str:
        await self.raw(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        return await self.answer()

    async def raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> str:
        """The head of the server's answer, or what came until it closed."""
        try:
            async with asyncio.timeout(PATIENCE):
                return (await self.reader.readuntil(b"\r\n\r\n")).decode()
        except asyncio.IncompleteReadError as short:
            return short.partial.decode()
        except ConnectionError:
            return ""

    async def frame(self, opcode: int, payload: bytes = b"", *, fin: bool = True, bits: int = 0) -> None:
        await self.raw(masked_frame(opcode, payload, fin=fin, bits=bits))

    async def read_frame(self) -> tuple[int, bytes]:
        async with asyncio.timeout(PATIENCE):
            first, second = await self.reader.readexactly(2)
            length = second & 0x7F
            if length == 126:
                (length,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", await self.reader.readexactly(8))
            return first & 0x0F, await self.reader.readexactly(length)

    async def close_code(self) -> int:
        """Reads on until the server closes; 1006 when it did so without a word."""
        try:
            while True:
                opcode, payload = await self.read_frame()
                if opcode == 8:
                    return struct.unpack("!H", payload[:2])[0] if payload else 1005
        except (asyncio.IncompleteReadError, ConnectionError):
            return 1006

    async def is_closed(self) -> bool:
        async with asyncio.timeout(PATIENCE):
            try:
                while await self.reader.read(65536):
                    pass
            except ConnectionError:
                pass
        return True

    def close(self) -> None:
        self.writer.close()


def masked_frame(opcode: int, payload: bytes, *, fin: bool = True, bits: int = 0) -> bytes:
    head = bytes([(0x80 if fin else 0) | bits | opcode])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    elif len(payload) < 65536:
        head += bytes([0xFE]) + struct.pack("!H", len(payload))
    else:
        head += bytes([0xFF]) + struct.pack("!Q", len(payload))
    mask = os.urandom(4)
    key = mask * (len(payload) // 4 + 1)
    return head + mask + bytes(a ^ b for a, b in zip(payload, key, strict=False))


def upgrade_lines(path: str = "/ocpp/CP-1", *more: str, subprotocol: str | None = "ocpp1.6") -> list[str]:
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
    ]
    if subprotocol is not None:
        lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
    return [*lines, *more]


class Street:
    """Opens listeners of one twin, and clients to them; closes everything at the end of a test."""

    def __init__(self, twin: str) -> None:
        self.twin = twin
        self._listeners: list[Listener] = []
        self._clients: list[BareClient] = []

    async def listener(
        self, door: OpenDoor, tls: TlsSettings | None = None, *, compression: bool = False, **limits: object
    ) -> Listener:
        settings = ListenerSettings(
            name="test",
            host="127.0.0.1",
            port=0,
            tls=tls,
            compression=compression,
            limits=replace(Limits(close_seconds=0.15), **limits),
        )
        listener = TWINS[self.twin](settings, door)
        await listener.open()
        self._listeners.append(listener)
        return listener

    async def client(
        self, listener: Listener, tls: ssl.SSLContext | None = None, local: str | None = None
    ) -> BareClient:
        host, port = listener.addresses[0]
        reader, writer = await asyncio.open_connection(
            host,
            port,
            ssl=tls,
            server_hostname="localhost" if tls else None,
            local_addr=(local, 0) if local else None,
        )
        client = BareClient(reader, writer)
        self._clients.append(client)
        return client

    async def connected(
        self, door: OpenDoor, listener: Listener, *more: str, tls: ssl.SSLContext | None = None
    ) -> tuple[BareClient, Notebook]:
        client = await self.client(listener, tls)
        answer = await client.request(*upgrade_lines("/ocpp/CP-1", *more))
        assert answer.startswith("HTTP/1.1 101"), answer
        return client, door.notebooks[-1]

    async def clear(self) -> None:
        for client in self._clients:
            client.writer.transport.abort()
        for listener in self._listeners:
            await listener.close()


@pytest.fixture(params=list(TWINS))
def twin(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def street(twin: str) -> AsyncIterator[Street]:
    opened = Street(twin)
    yield opened
    await opened.clear()


@pytest.fixture
def open_door() -> OpenDoor:
    return OpenDoor()


@dataclass
class Papers:
    """Certificates of one little world: our authority, our two server chains, a station's, a stranger's."""

    directory: Path

    def __post_init__(self) -> None:
        now = datetime.now(UTC)
        self.chains = authority.ensure_development_chains(self.directory, ["localhost", "127.0.0.1"], now)
        self.ours = authority.load_or_make_authority(self.directory, now)
        self.strangers = authority.new_authority("Somebody else", now)
        self.authority_file = self.directory / "authority.pem"
        self.station = self.issue("CP-1", "Operator", self.ours, now)
        self.foreign = self.issue("CP-1", "Operator", self.strangers, now)
        self.outdated = self.issue("CP-1", "Operator", self.ours, datetime(2020, 1, 1, tzinfo=UTC))

    def issue(self, name: str, organization: str, by: authority.Authority, now: datetime) -> Path:
        key = authority.new_key()
        certificate = authority.issue_station_certificate(by, key.public_key(), name, organization, now)
        path = self.directory / f"{os.urandom(8).hex()}.pem"
        path.write_bytes(certificate.public_bytes(Encoding.PEM) + authority.key_pem(key))
        return path

    def server(
        self, client_certificates: ClientCertificates = ClientCertificates.IGNORED, **more: object
    ) -> TlsSettings:
        asks = client_certificates is not ClientCertificates.IGNORED
        return TlsSettings(self.chains, client_certificates, self.authority_file if asks else None, **more)

    def client(
        self,
        certificate: Path | None = None,
        *,
        suites: str | None = None,
        version: ssl.TLSVersion | None = None,
    ) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.authority_file)
        if certificate is not None:
            context.load_cert_chain(certificate)
        if version is not None:
            context.minimum_version = context.maximum_version = version
        if suites is not None:
            context.set_ciphers(suites)
        return context


@pytest.fixture(scope="session")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return Papers(tmp_path_factory.mktemp("papers"))


@pytest.fixture
def wire() -> SimpleNamespace:
    """Builders for tests that speak in bytes."""
    return SimpleNamespace(
        upgrade_lines=upgrade_lines, masked_frame=masked_frame, Notebook=Notebook, OpenDoor=OpenDoor
    )
