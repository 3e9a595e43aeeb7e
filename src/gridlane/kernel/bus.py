"""The bus between processes: doorbells and live state. Nothing on it is the only copy of anything.

``LocalBus`` serves one process (tests, the smallest set-up); ``NatsBus`` serves many. A message may be lost; whoever
is rung also looks by itself now and then.

Subjects are dotted words; a subscription may end in ``>`` (everything below) or have ``*`` for one word.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import structlog

log = structlog.get_logger(__name__)

Receiver = Callable[[str, bytes], Awaitable[None] | None]


class Bus(Protocol):
    """Publish and subscribe; a publish never raises and never waits for receivers."""

    def publish(self, subject: str, payload: bytes = b"") -> None: ...

    async def subscribe(self, subject: str, receiver: Receiver) -> Callable[[], Awaitable[None]]:
        """Start receiving; the answer ends it."""
        ...

    async def close(self) -> None: ...


def matches(pattern: str, subject: str) -> bool:
    """Whether a subscription's pattern covers a subject, by the rules of NATS."""
    wanted, words = pattern.split("."), subject.split(".")
    for index, word in enumerate(wanted):
        if word == ">":
            return len(words) > index
        if index >= len(words) or (word not in ("*", words[index])):
            return False
    return len(words) == len(wanted)


class LocalBus:
    def __init__(self) -> None:
        self._receivers: list[tuple[str, Receiver]] = []
        self._tasks: set[asyncio.Future[None]] = set()

    def publish(self, subject: str, payload: bytes = b"") -> None:
        for pattern, receiver in tuple(self._receivers):
            if matches(pattern, subject):
                awaitable = receiver(subject, payload)
                if awaitable is not None:
                    task = asyncio.ensure_future(awaitable)
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)

    async def subscribe(self, subject: str, receiver: Receiver) -> Callable[[], Awaitable[None]]:
        entry = (subject, receiver)
        self._receivers.append(entry)

        async def end() -> None:
            if entry in self._receivers:
                self._receivers.remove(entry)

        return end

    async def close(self) -> None:
        self._receivers.clear()


class NatsBus:
    """The bus over NATS core. While NATS is away, publishing is dropped and subscriptions return with it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Any = None

    async def connect(self) -> "NatsBus":
        import nats

        async def on_error(error: Exception) -> None:
            log.warning("bus", reason=str(error))

        self._client = await nats.connect(
            self._url,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.5,
            error_cb=on_error,
            pending_size=8 * 1024 * 1024,
        )
        return self

    def publish(self, subject: str, payload: bytes = b"") -> None:
        if self._client.is_connected:
            task = asyncio.ensure_future(self._client.publish(subject, payload))
            task.add_done_callback(_forget)

    async def subscribe(self, subject: str, receiver: Receiver) -> Callable[[], Awaitable[None]]:
        async def on_message(message: Any) -> None:
            awaitable = receiver(message.subject, message.data)
            if awaitable is not None:
                await awaitable

        subscription = await self._client.subscribe(subject, cb=on_message)

        async def end() -> None:
            await subscription.unsubscribe()

        return end

    async def close(self) -> None:
        await self._client.close()


def _forget(task: "asyncio.Future[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        log.debug("publish dropped", reason=str(task.exception()))


async def connect(url: str | None) -> Bus:
    """The bus of this installation: NATS by its address, or within this process."""
    return await NatsBus(url).connect() if url else LocalBus()
