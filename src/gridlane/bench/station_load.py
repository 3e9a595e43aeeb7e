"""Many lean stations in one process: they say pre-formed messages over real sockets and keep a log of what was acknowledged.

A station's script is a generator of calls that is sent each answer. Closed loop: every station says its next message when the
last was answered. Open loop: messages fall due at a steady rate, whoever is free says them, and a time counts from when its
message was due, so that a stall is not hidden.
"""

import asyncio
import re
import ssl
import time
from base64 import b64encode
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import picows
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from gridlane.bench.installed import identity_of, password_of, token_of
from gridlane.bench.table import CouldNotRun

Version = Literal["ocpp1.6", "ocpp2.0.1"]
Call = tuple[str, bytes]
"""Action and payload."""
Script = Generator[Call, bytes, None]

VALUES_PER_SESSION = 4
STEP_WH = 100
_NETWORKS = 8
"""Clients come from 127.0.1.1 to .8, so that ports suffice for many."""
_SILENCE = 60.0


# --- what stations say -------------------------------------------------------------------------------------------


def _now() -> bytes:
    return datetime.now(UTC).isoformat(timespec="milliseconds").encode()


_SAMPLES_V16 = (
    b'{"value":"%d","measurand":"Energy.Active.Import.Register","unit":"Wh"},'
    b'{"value":"11040.0","measurand":"Power.Active.Import","unit":"W"},'
    b'{"value":"16.1","measurand":"Current.Import","phase":"L1","unit":"A"},'
    b'{"value":"16.0","measurand":"Current.Import","phase":"L2","unit":"A"},'
    b'{"value":"15.9","measurand":"Current.Import","phase":"L3","unit":"A"},'
    b'{"value":"230.4","measurand":"Voltage","phase":"L1-N","unit":"V"}'
)
_SAMPLES_V201 = (
    b'{"value":%d,"measurand":"Energy.Active.Import.Register","unitOfMeasure":{"unit":"Wh"}},'
    b'{"value":11040.0,"measurand":"Power.Active.Import","unitOfMeasure":{"unit":"W"}},'
    b'{"value":16.1,"measurand":"Current.Import","phase":"L1","unitOfMeasure":{"unit":"A"}},'
    b'{"value":16.0,"measurand":"Current.Import","phase":"L2","unitOfMeasure":{"unit":"A"}},'
    b'{"value":15.9,"measurand":"Current.Import","phase":"L3","unitOfMeasure":{"unit":"A"}},'
    b'{"value":230.4,"measurand":"Voltage","phase":"L1-N","unitOfMeasure":{"unit":"V"}}'
)
_TRANSACTION = re.compile(rb'"transactionId":(-?\d+)')


@dataclass(slots=True)
class Meter:
    """A station's register in Wh, ``measured`` of it acknowledged, and how many of its sessions were acknowledged."""

    number: int
    register: int = 1000
    measured: int = 0
    started: int = 0
    ended: int = 0

    def step(self) -> int:
        self.register += STEP_WH
        return self.register


def boot(version: Version, meter: Meter) -> Call:
    if version == "ocpp1.6":
        return "BootNotification", b'{"chargePointVendor":"Bench","chargePointModel":"B%d"}' % (
            meter.number % 9
        )
    station = b'{"vendorName":"Bench","model":"B%d"}' % (meter.number % 9)
    return "BootNotification", b'{"reason":"PowerUp","chargingStation":' + station + b"}"


def only_boot(version: Version, meter: Meter) -> Script:
    yield boot(version, meter)


def session(version: Version, meter: Meter, values: int = VALUES_PER_SESSION) -> Script:
    """One realistic session: status, card, start, meter values, stop. 8 calls with 4 values."""
    return _session_v16(meter, values) if version == "ocpp1.6" else _session_v201(meter, values)


def _session_v16(meter: Meter, values: int) -> Script:
    token = token_of(meter.number).encode()
    yield (
        "StatusNotification",
        b'{"connectorId":1,"errorCode":"NoError","status":"Preparing","timestamp":"' + _now() + b'"}',
    )
    yield "Authorize", b'{"idTag":"' + token + b'"}'
    answer = yield (
        "StartTransaction",
        b'{"connectorId":1,"idTag":"%s","meterStart":%d,"timestamp":"%s"}' % (token, meter.register, _now()),
    )
    meter.started += 1
    found = _TRANSACTION.search(answer)
    if found is None or b'"Accepted"' not in answer:
        raise CouldNotRun(f"a start was answered with {answer.decode()}")
    transaction = int(found[1])
    for _ in range(values):
        yield (
            "MeterValues",
            b'{"connectorId":1,"transactionId":%d,"meterValue":[{"timestamp":"%s","sampledValue":[%s]}]}'
            % (transaction, _now(), _SAMPLES_V16 % meter.step()),
        )
        meter.measured += STEP_WH
    yield (
        "StopTransaction",
        b'{"transactionId":%d,"idTag":"%s","meterStop":%d,"timestamp":"%s","reason":"Local"}'
        % (transaction, token, meter.register, _now()),
    )
    meter.ended += 1


def _session_v201(meter: Meter, values: int) -> Script:
    token = b'{"idToken":"' + token_of(meter.number).encode() + b'","type":"ISO14443"}'
    transaction = b"%d-%d-%d" % (meter.number, meter.started, time.time_ns())
    sequence = 0

    def event(kind: bytes, trigger: bytes, more: bytes = b"", energy: int | None = None) -> Call:
        nonlocal sequence
        samples = _SAMPLES_V201 % (meter.register if energy is None else energy)
        at = _now()
        body = (
            b'{"eventType":"%s","timestamp":"%s","triggerReason":"%s","seqNo":%d,'
            b'"transactionInfo":{"transactionId":"%s","chargingState":"Charging"},'
            b'"evse":{"id":1,"connectorId":1},"meterValue":[{"timestamp":"%s","sampledValue":[%s]}]%s}'
        ) % (kind, at, trigger, sequence, transaction, at, samples, more)
        sequence += 1
        return "TransactionEvent", body

    yield (
        "StatusNotification",
        b'{"timestamp":"%s","connectorStatus":"Occupied","evseId":1,"connectorId":1}' % _now(),
    )
    yield "Authorize", b'{"idToken":' + token + b"}"
    answer = yield event(b"Started", b"Authorized", b',"idToken":' + token)
    if b'"Accepted"' not in answer:
        raise CouldNotRun(f"a start was answered with {answer.decode()}")
    meter.started += 1
    for _ in range(values):
        yield event(b"Updated", b"MeterValuePeriodic", energy=meter.step())
        meter.measured += STEP_WH
    yield event(b"Ended", b"StopAuthorized", b',"idToken":' + token)
    meter.ended += 1


def sessions(version: Version, meter: Meter, values: int = VALUES_PER_SESSION) -> Script:
    """Sessions without end, after a boot."""
    yield boot(version, meter)
    while True:
        yield from session(version, meter, values)


def readings_of(action: str, payload: bytes) -> int:
    """How many readings a call carries: one for each instant, and the register at a start and a stop of 1.6."""
    if action in ("StartTransaction", "StopTransaction"):
        return 1
    return payload.count(b'"sampledValue"') if action in ("MeterValues", "TransactionEvent") else 0


# --- who says it -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Log:
    """What stations were told: calls acknowledged by action, their times in seconds, and (``ids``) each one's message id."""

    acknowledged: Counter[str] = field(default_factory=Counter)
    readings: int = 0
    times: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    ids: list[str] | None = None

    @property
    def calls(self) -> int:
        return self.acknowledged.total()


class Station(WSListener):
    """One socket after the other, one call at a time. What was not answered is said again, under a new message id."""

    def __init__(self, load: "Load", number: int, script: Script) -> None:
        self.number = number
        self.identity = identity_of(number)
        self.script = script
        self.is_open = False
        self.is_returning = False
        self._load = load
        self._call: Call | None = None
        self._next: Call | None = next(script)
        self._id = b""
        self._count = 0
        self._due = 0.0
        self._transport: WSTransport | None = None

    @property
    def is_waiting(self) -> bool:
        return self._call is not None

    def say(self, due: float | None = None) -> None:
        """Say the next call."""
        self._call, self._next = self._next, None
        self._due = time.perf_counter() if due is None else due
        self._send()

    def _send(self) -> None:
        assert self._call is not None
        self._count += 1
        self._id = b"%d-%d" % (self.number, self._count)
        action, payload = self._call
        if self._transport is not None:
            frame = b'[2,"%s","%s",%s]' % (self._id, action.encode(), payload)
            self._transport.send(WSMsgType.TEXT, frame)

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self.is_open = True
        if self._call is not None:
            self._send()
        elif self._load.greets and self._next is not None:
            self.say()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is not WSMsgType.TEXT:
            return
        answer = frame.get_payload_as_bytes()
        if answer.startswith(b"[2,"):
            asked = answer.split(b'"', 2)[1]
            transport.send(WSMsgType.TEXT, b'[4,"%s","NotSupported","",{}]' % asked)
        elif answer.startswith(b'[3,"' + self._id + b'"'):
            self._on_answer(answer)
        else:
            self._load.log.errors[answer[:200].decode()] += 1

    def _on_answer(self, answer: bytes) -> None:
        assert self._call is not None
        (action, payload), self._call = self._call, None
        log = self._load.log
        log.acknowledged[action] += 1
        log.readings += readings_of(action, payload)
        log.times.append(time.perf_counter() - self._due)
        if log.ids is not None:
            log.ids.append(self._id.decode())
        self._id = b""
        try:
            self._next = self.script.send(answer)
        except (StopIteration, CouldNotRun) as end:
            if isinstance(end, CouldNotRun):
                log.errors[str(end)] += 1
            return
        self._load.is_free(self)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.is_open = False
        self._transport = None
        self._load.lost(self)

    def leave(self) -> None:
        if self._transport is not None:
            self._transport.disconnect(graceful=False)


class Load:
    """Stations of one installation and the log of what they were told."""

    def __init__(self, port: int, version: Version, tls: ssl.SSLContext | None = None) -> None:
        self.stations: list[Station] = []
        self.log = Log()
        self.returns = False
        """Whether a station that lost its socket comes back."""
        self.greets = False
        """Whether a station speaks as soon as its socket is open."""
        self.refused = 0
        """How often one came back and was not let in, mostly because nobody listened."""
        self._port = port
        self._version = version
        self._tls = tls
        self._free: deque[Station] = deque()
        self._is_closed_loop = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(200)

    async def connect(
        self, numbers: range, script: Callable[[Meter], Script], *, at_once: int = 50
    ) -> list[Meter]:
        """Bring stations in; they say nothing yet."""
        self._turns = asyncio.Semaphore(at_once)
        meters = [Meter(number) for number in numbers]
        fresh = [Station(self, meter.number, script(meter)) for meter in meters]
        await asyncio.gather(*map(self._enter, fresh))
        self.stations += fresh
        self._free.extend(fresh)
        return meters

    async def _enter(self, station: Station) -> None:
        basic = b64encode(f"{station.identity}:{password_of(station.identity)}".encode()).decode()
        async with self._turns:
            await ws_connect(
                lambda: station,
                f"{'ws' if self._tls is None else 'wss'}://127.0.0.1:{self._port}/ocpp/{station.identity}",
                ssl_context=self._tls,
                extra_headers={
                    "Sec-WebSocket-Protocol": self._version,
                    "Authorization": f"Basic {basic}",
                },
                websocket_handshake_timeout=120,
                read_buffer_init_size=2048,
                local_addr=(f"127.0.1.{1 + station.number % _NETWORKS}", 0),
            )

    async def storm(self, numbers: range, script: Callable[[Meter], Script]) -> None:
        """All at once, each again until it is in, and each speaks as soon as it is."""
        self._turns = asyncio.Semaphore(len(numbers))
        self.returns = self.greets = True
        self.stations += (fresh := [Station(self, number, script(Meter(number))) for number in numbers])
        await asyncio.gather(*map(self._return, fresh))

    def lost(self, station: Station) -> None:
        if self.returns and not station.is_returning:
            station.is_returning = True
            self._spawn(self._return(station))

    async def _return(self, station: Station) -> None:
        while self.returns and not station.is_open:
            try:
                await self._enter(station)
            except (OSError, picows.WSError):
                self.refused += 1
            await asyncio.sleep(0.1)
        station.is_returning = False

    # --- loops ---------------------------------------------------------------------------------------------------

    def is_free(self, station: Station) -> None:
        if self._is_closed_loop:
            station.say()
        else:
            self._free.append(station)

    def begin(self) -> None:
        """Closed loop: everybody who is free speaks, and again after each answer."""
        self._is_closed_loop = True
        free, self._free = self._free, deque()
        for station in free:
            station.say()

    async def until_said(self, calls: int) -> None:
        """Until so many calls were acknowledged."""
        while self.log.calls < calls:  # noqa: ASYNC110 (an event would cost every answer)
            await asyncio.sleep(0.1)

    async def at_rate(self, per_second: float, seconds: float) -> int:
        """Open loop; gives how many messages fell due while nobody was free (they are said late, not left out)."""
        began = time.perf_counter()
        said = late = 0
        while (passed := time.perf_counter() - began) < seconds:
            while said < passed * per_second:
                if not self._free:
                    late += 1
                    break
                self._free.popleft().say(began + said / per_second)
                said += 1
            await asyncio.sleep(0.002)
        return late

    async def quiet(self) -> None:
        """No new messages; waits until everything said is answered. Raises CouldNotRun when something never is."""
        self._is_closed_loop = False
        deadline = time.monotonic() + _SILENCE
        while any(station.is_waiting for station in self.stations):
            if time.monotonic() > deadline:
                waiting = sum(station.is_waiting for station in self.stations)
                raise CouldNotRun(f"{waiting} calls were not answered within {_SILENCE:g} s")
            await asyncio.sleep(0.02)

    async def leave(self) -> None:
        self.returns = False
        for station in self.stations:
            station.leave()
        await asyncio.sleep(0.3)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def percentile(times: list[float], share: float) -> float:
    """In milliseconds."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1e3 if ordered else 0.0
