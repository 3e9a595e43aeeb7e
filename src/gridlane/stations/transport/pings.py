"""Finds links whose other end is gone, with one timer for all of them.

Every link sits in one slot of a wheel; each turn visits a slot: who was heard since the last visit is fine, who was not is
pinged, who did not even answer that is lost. A message costs one flag, not a clock reading.
"""

import asyncio
from collections.abc import Iterator
from itertools import count
from typing import Protocol

_MOST_SLOTS = 60


class Pinged(Protocol):
    heard: bool
    """Set by the link on every frame from its peer."""
    pinged: bool
    slot: int

    def ping(self) -> None: ...

    def lost(self) -> None: ...


class PingWheel:
    """``period`` seconds lie between two visits of a link: silence is noticed after one to two, a dead peer cut after
    two to three.
    """

    def __init__(self, period: float) -> None:
        slots = max(1, min(_MOST_SLOTS, int(period)))
        self._slots: list[set[Pinged]] = [set() for _ in range(slots)]
        self._step = period / slots
        self._next_slot = count()
        self._turn = 0
        self._timer: asyncio.TimerHandle | None = None
        self._emptied: asyncio.Event | None = None

    def start(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._step, self._visit)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def add(self, link: Pinged) -> None:
        link.slot = next(self._next_slot) % len(self._slots)
        self._slots[link.slot].add(link)

    def discard(self, link: Pinged) -> None:
        self._slots[link.slot].discard(link)
        if self._emptied is not None and not len(self):
            self._emptied.set()

    async def emptied(self) -> None:
        """Waits until no link is left; whoever asks has told each of them to close."""
        if len(self):
            self._emptied = asyncio.Event()
            await self._emptied.wait()

    def __iter__(self) -> Iterator[Pinged]:
        return (link for slot in self._slots for link in tuple(slot))

    def __len__(self) -> int:
        return sum(len(slot) for slot in self._slots)

    def _visit(self) -> None:
        self.start()
        self._turn = (self._turn + 1) % len(self._slots)
        for link in tuple(self._slots[self._turn]):
            if link.heard:
                link.heard = link.pinged = False
            elif link.pinged:
                link.lost()
            else:
                link.pinged = True
                link.ping()
