"""Who hears of each fact: the map of everything that happens after a commit.

A dispatcher reads the outbox in order and turns facts into jobs, moving its place and enqueuing in one transaction.
Jobs of one aggregate run one after another. Handlers are idempotent: a fact may be delivered twice.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import structlog
from psycopg import OperationalError

from gridlane.kernel.bus import Bus
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.doorbell import Doorbell
from gridlane.kernel.facts import Delivered, Fact, Reader, Recorded, kind_of
from gridlane.kernel.jobs import BACKLOG, PROMPT, Job, Jobs

log = structlog.get_logger(__name__)

FactHandler = Callable[[Recorded], Awaitable[None]]

LOOK_SECONDS = 1.0
LATE = timedelta(minutes=15)
"""A fact older than this when it is read belongs to a backlog: fresh ones overtake it."""


class Listener(msgspec.Struct, frozen=True):
    """One handler of one kind of fact, by a stable name."""

    name: str
    kind: type[Fact]
    handle: FactHandler


class Dispatcher:
    """Turns facts into jobs. Any number may run; one reads at a time."""

    def __init__(self, database: Database, bus: Bus, jobs: Jobs, listeners: Sequence[Listener]) -> None:
        self._database = database
        self._bus = bus
        self._jobs = jobs
        self._reader = Reader("jobs", [one.kind for one in listeners])
        self._by_kind: dict[str, list[Listener]] = {}
        for listener in listeners:
            self._by_kind.setdefault(kind_of(listener.kind), []).append(listener)
            jobs.register(Job(f"fact.{listener.name}", _work(listener)))
        self._bell = Doorbell()

    async def run(self) -> None:
        await self._bus.subscribe("facts", lambda _subject, _payload: self._bell.ring())
        while True:
            try:
                delivered = await self.once()
            except (OperationalError, OSError) as trouble:
                log.warning("database away", reason=str(trouble).strip())
                delivered = 0
            if not delivered:
                await self._bell.answered(LOOK_SECONDS)

    async def once(self) -> int:
        """Deliver the next facts; gives how many."""
        async with self._database.as_owner() as work:
            raw: Any = (await work.get_raw_connection()).driver_connection
            delivered = await self._reader.next(raw)
            late = system_clock() - LATE
            for one in delivered:
                for listener in self._by_kind.get(kind_of(one.recorded.fact), ()):
                    await self._jobs.enqueue(
                        work,
                        f"fact.{listener.name}",
                        lock=f"{listener.name}:{one.recorded.aggregate_id}",
                        priority=BACKLOG if one.recorded.at < late else PROMPT,
                        fact=_encoded(one),
                    )
        return len(delivered)


def _work(listener: Listener) -> Callable[..., Awaitable[None]]:
    async def work(fact: Mapping[str, Any]) -> None:
        await listener.handle(_decoded(fact, listener.kind))

    work.__name__ = work.__qualname__ = f"fact_{listener.name}".replace(".", "_")
    return work


def _encoded(one: Delivered) -> dict[str, Any]:
    recorded = one.recorded
    return {
        "fact": msgspec.to_builtins(recorded.fact),
        "aggregate_id": str(recorded.aggregate_id),
        "organization_id": str(recorded.organization_id) if recorded.organization_id else None,
        "at": recorded.at.isoformat(),
        "id": str(recorded.id),
    }


def _decoded(values: Mapping[str, Any], kind: type[Fact]) -> Recorded:
    fact = msgspec.convert(values["fact"], kind)
    organization_id = values["organization_id"]
    return Recorded(
        fact,
        UUID(values["aggregate_id"]),
        UUID(organization_id) if organization_id else None,
        datetime.fromisoformat(values["at"]),
        UUID(values["id"]),
    )
