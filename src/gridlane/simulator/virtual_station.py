"""A virtual station for tests and stories: each line a thing that happens, or something to wait for."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, Self

from gridlane.kernel.quantities import WattHours
from gridlane.ocpp.version import Version
from gridlane.simulator.link import FastClock, StationLink
from gridlane.simulator.making import make
from gridlane.simulator.station import Evse, StationSpec
from gridlane.simulator.vehicle import Vehicle

PATIENCE = 15.0  # real seconds


class VirtualStation:
    """``async with VirtualStation(url, "CP-1", Version.V201, password="...") as station: ...``

    ``answers[action]`` scripts what it answers: a status word, a payload, a function of the request, or ``"silence"``.
    """

    def __init__(
        self,
        url: str,
        identity: str,
        version: Version = Version.V201,
        *,
        password: str | None = None,
        tls: ssl.SSLContext | None = None,
        speed: float = 1.0,
        subprotocols: list[str] | None = None,
        **spec: Any,
    ) -> None:
        self.machine = make(StationSpec(identity, version, **spec))
        self._arguments: dict[str, Any] = {
            "password": password,
            "tls": tls,
            "subprotocols": subprotocols,
            "back_off": 0.2,
        }
        self._url, self._speed = url, speed
        self.link: StationLink
        self._running: asyncio.Task[None] | None = None

    @property
    def answers(self) -> dict[str, Any]:
        return self.machine.answers

    async def __aenter__(self) -> Self:
        self.link = StationLink(self.machine, self._url, clock=FastClock(self._speed), **self._arguments)
        self._running = asyncio.create_task(self.link.run(), name=f"station {self.machine.spec.identity}")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._running is not None
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)

    # --- what happens at the station -----------------------------------------------------------------------------

    async def boot(self) -> None:
        """Until the central system has accepted the station."""
        await self.until(lambda: self.machine.accepted, "to be accepted")

    async def plug_in(self, evse: int = 1, vehicle: Vehicle | None = None) -> Vehicle:
        car = vehicle or Vehicle(delay=0.0, wanted=WattHours(50_000.0))
        await self.link.do(lambda now: self.machine.plug_in(evse, car, now))
        return car

    async def unplug(self, evse: int = 1) -> None:
        await self.link.do(lambda now: self.machine.unplug(evse, now))

    async def tap(self, token: str, evse: int = 1, kind: str = "ISO14443") -> None:
        await self.link.do(lambda now: self.machine.tap(token, evse, now, kind))

    async def fault(self, evse: int = 1, error: str | None = "OtherError") -> None:
        await self.link.do(lambda now: self.machine.break_connector(evse, error, now))

    async def call(self, action: str, payload: dict[str, Any]) -> Any:
        """Call the central system and give its answer, None when it refused or kept silent."""
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        await self.link.do(
            lambda now: self.machine.call(action, payload, now, lambda answer, _at: done.set_result(answer))
        )
        return await asyncio.wait_for(done, PATIENCE)

    async def send_raw(self, frame: bytes) -> None:
        await self.link.do(lambda _now: self.machine.raw(frame))

    async def hang_up(self, *, stay_offline: bool = False) -> None:
        await self.link.hang_up(stay_offline=stay_offline)

    def go_online(self) -> None:
        self.link.go_online()

    # --- what can be seen of it ----------------------------------------------------------------------------------

    def evse(self, number: int = 1) -> Evse:
        return self.machine.evses[number]

    def received(self, action: str) -> list[dict[str, Any]]:
        """The calls of this action that came, oldest first."""
        return [payload for name, payload in self.machine.received if name == action]

    def sent(self, action: str) -> list[dict[str, Any]]:
        return [payload for name, payload in self.machine.sent if name == action]

    def acknowledged(self, action: str) -> list[dict[str, Any]]:
        return [payload for name, payload, _id in self.machine.acknowledged if name == action]

    async def until(self, what: Callable[[], Any], words: str = "", patience: float = PATIENCE) -> Any:
        """Wait until something holds; gives it. Raises AssertionError with the traffic when it does not come."""
        deadline = asyncio.get_running_loop().time() + patience
        while not (found := what()):
            if asyncio.get_running_loop().time() > deadline:
                traffic = "\n".join(f"{way} {frame[:300]}" for way, frame in self.machine.trace[-20:])
                raise AssertionError(f"waited in vain {words}; the last frames:\n{traffic}")
            await asyncio.sleep(0.02)
        return found
