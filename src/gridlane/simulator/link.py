"""The shell of a virtual station: one websocket, the wall clock (or a faster one), reconnecting with back-off."""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from gridlane.kernel.doorbell import Doorbell
from gridlane.simulator.files import Upload
from gridlane.simulator.station import Station


class FastClock:
    """The simulation's time: ``speed`` seconds of it pass in a real one."""

    def __init__(self, speed: float = 1.0, start: datetime | None = None) -> None:
        self.speed = speed
        self._start = start or datetime.now(UTC)
        self._began = asyncio.get_running_loop().time()

    def now(self) -> datetime:
        elapsed = asyncio.get_running_loop().time() - self._began
        return self._start + timedelta(seconds=elapsed * self.speed)

    def real(self, span: timedelta) -> float:
        """Real seconds until a span of simulation time has passed."""
        return max(0.0, span.total_seconds() / self.speed)


class StationLink:
    """Runs one station against a central system until stopped."""

    def __init__(
        self,
        station: Station,
        url: str,
        *,
        password: str | None = None,
        tls: ssl.SSLContext | None = None,
        clock: FastClock | None = None,
        subprotocols: list[str] | None = None,
        back_off: float = 5.0,
        comes_from: str | None = None,
    ) -> None:
        """``comes_from`` is the address of this machine that it connects from."""
        self.station = station
        self.url = self._address(url)
        self.password = password
        self.tls = tls
        self.clock = clock or FastClock()
        self.subprotocols = subprotocols or [station.spec.version.value]
        self.refusals: list[int] = []
        self.connected = asyncio.Event()
        self.is_held_offline = False
        self._back_off = back_off
        self._comes_from = (comes_from, 0) if comes_from else None
        self._socket: ClientConnection | None = None
        self._changed = Doorbell()
        self._tasks: set[asyncio.Task[Any]] = set()

    def _address(self, url: str) -> str:
        return f"{url.rstrip('/')}/{quote(self.station.spec.identity, safe='')}"

    async def run(self) -> None:
        """Connect, and connect again whenever the link breaks (RetryBackOff of OCPP-J)."""
        wait = self._back_off
        while True:
            if not self.is_held_offline and await self._session():
                wait = self._back_off
            self.station.tick(self.clock.now())
            fast = self.station.wants_reconnect or self.is_held_offline
            await asyncio.sleep(0.05 if fast else wait * (0.5 + self.station.random.random()))
            wait = wait if fast else min(wait * 2, 60)

    async def _session(self) -> bool:
        """One connection from its beginning to its end; whether it was let in."""
        if self.station.central_url is not None:
            self.url = self._address(self.station.central_url)
        try:
            socket = await connect(
                self.url,
                subprotocols=self.subprotocols,  # type: ignore[arg-type]  # plain strings are fine
                additional_headers=self._headers(),
                ssl=self.tls if self.url.startswith("wss") else None,
                compression=None,
                ping_interval=None,
                open_timeout=20,
                proxy=None,
                local_addr=self._comes_from,
            )
        except InvalidStatus as refused:
            self.refusals.append(refused.response.status_code)
            return False
        except (OSError, TimeoutError, WebSocketException):
            return False
        self._socket = socket
        self.station.opened(self.clock.now())
        self.connected.set()
        ticking = asyncio.create_task(self._tick())
        try:
            await self._flush()
            async for frame in socket:
                data = frame if isinstance(frame, bytes) else frame.encode()
                self.station.received_frame(data, self.clock.now())
                self._changed.ring()  # what was heard may have brought the next thing to do nearer
                await self._flush()
        except (OSError, WebSocketException):
            pass
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)
            self._socket = None
            self.connected.clear()
            self.station.closed(self.clock.now())
            await socket.close()
        return True

    async def _tick(self) -> None:
        while True:
            now = self.clock.now()
            due = self.clock.real(self.station.wake_at(now) - now)
            await self._changed.answered(max(0.01, due))
            self.station.tick(self.clock.now())
            with contextlib.suppress(OSError, WebSocketException):
                await self._flush()

    async def _flush(self) -> None:
        """Write what the station has to say, upload what it was asked for, reboot when it wants to."""
        station = self.station
        while station.out and self._socket is not None:
            await self._socket.send(station.out.popleft(), text=True)
        while station.uploads:
            self._spawn(self._upload(station.uploads.pop(0)))
        if station.wants_reconnect and self._socket is not None:
            if station.password:  # type: ignore[attr-defined]  # both kinds of station have one
                self.password = station.password  # type: ignore[attr-defined]
            await self._socket.close()

    async def do(self, what: Callable[[datetime], Any]) -> Any:
        """Let something happen at the station now, and send what follows from it."""
        result = what(self.clock.now())
        self._changed.ring()
        with contextlib.suppress(OSError, WebSocketException):
            await self._flush()
        return result

    async def hang_up(self, *, stay_offline: bool = False) -> None:
        self.is_held_offline = stay_offline
        if self._socket is not None:
            await self._socket.close()

    def go_online(self) -> None:
        self.is_held_offline = False

    async def _upload(self, upload: Upload) -> None:
        done = await put(upload)
        await self.do(lambda now: upload.ended(now, done))

    def _headers(self) -> dict[str, str]:
        if self.password is None:
            return {}
        pair = f"{self.station.spec.identity}:{self.password}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def put(upload: Upload) -> bool:
    """Upload by HTTP PUT, as the location says; whether it was taken."""
    import httpx2

    if not upload.location.startswith(("http://", "https://")):
        return False
    try:
        async with httpx2.AsyncClient(timeout=20) as client:
            answer = await client.put(upload.location, content=upload.content)
    except httpx2.HTTPError:
        return False
    return bool(answer.is_success)
