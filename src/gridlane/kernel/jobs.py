"""Jobs: work that happens after its cause was committed, with retries, by ``procrastinate`` in the same PostgreSQL.

A job is enqueued in the unit of work that causes it: with the rollback it vanishes. Packages declare their jobs in a
``Jobs`` list; the composition root registers them and hands each its parts.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import procrastinate
import psycopg
import structlog
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job as ProcrastinateJob
from sqlalchemy.ext.asyncio import AsyncConnection

log = structlog.get_logger(__name__)

Work = Callable[..., Awaitable[None]]

PERIODIC, PROMPT, BACKLOG = 10, 0, -10
"""Priorities: what comes round by the clock goes before what just happened, and that before what is late anyway."""

DEAD_AFTER = 30.0
"""Seconds without a heartbeat after which a worker is taken for dead, and its jobs are given to others."""


@dataclass(frozen=True)
class Job:
    """A named piece of work. ``cron`` makes it periodic (five fields, UTC); ``retries`` back off exponentially."""

    name: str
    work: Work
    cron: str | None = None
    retries: int = 8
    queue: str = "default"


class Jobs:
    """The jobs of this installation: enqueue from anywhere, run in workers."""

    def __init__(self, owner_url: str, jobs: Mapping[str, Job] | None = None) -> None:
        self._connector = procrastinate.PsycopgConnector(
            conninfo=owner_url, kwargs={"application_name": "gridlane jobs"}, min_size=1, max_size=4
        )
        self.app = procrastinate.App(connector=self._connector)
        self._jobs: dict[str, Job] = {}
        for job in (jobs or {}).values():
            self.register(job)

    def register(self, job: Job) -> None:
        self._jobs[job.name] = job
        strategy = (
            procrastinate.RetryStrategy(max_attempts=job.retries, exponential_wait=2)
            if job.retries
            else False
        )
        if job.cron is None:
            self.app.task(name=job.name, queue=job.queue, retry=strategy)(job.work)
            return

        async def periodic(timestamp: int) -> None:
            await job.work()

        task = self.app.task(
            name=job.name, queue=job.queue, retry=strategy, queueing_lock=job.name, priority=PERIODIC
        )(periodic)
        self.app.periodic(cron=job.cron)(task)

    async def enqueue(
        self,
        connection: AsyncConnection,
        name: str,
        *,
        at: datetime | None = None,
        lock: str | None = None,
        priority: int = PROMPT,
        **arguments: Any,
    ) -> None:
        """Enqueue within the caller's unit of work. Jobs of one ``lock`` run one after another, in order."""
        raw = (await connection.get_raw_connection()).driver_connection
        job = self._jobs[name]
        await self.app.job_manager.defer_job_async(
            ProcrastinateJob(
                id=None,
                queue=job.queue,
                lock=lock,
                queueing_lock=None,
                priority=priority,
                task_name=name,
                task_kwargs=arguments,
                scheduled_at=at,
            ),
            connection=raw,
        )

    async def run_worker(self, concurrency: int = 4) -> None:
        """Run jobs until cancelled; also those that a worker which died has left in the middle."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._run(concurrency))
            group.create_task(self._take_over())

    async def _run(self, concurrency: int) -> None:
        await self.app.run_worker_async(
            concurrency=concurrency,
            install_signal_handlers=False,
            delete_jobs="successful",
            fetch_job_polling_interval=2.0,
            stalled_worker_timeout=DEAD_AFTER,
        )

    async def _take_over(self) -> None:
        """A job that its worker never finished would hold its lock for ever, and everything behind it."""
        while True:
            try:
                for job in await self.app.job_manager.get_stalled_jobs(seconds_since_heartbeat=DEAD_AFTER):
                    log.warning("job taken over from a dead worker", job=job.task_name, id=job.id)
                    await self.app.job_manager.retry_job(job)
            except (ConnectorException, psycopg.Error, OSError) as trouble:
                log.warning("database away", reason=str(trouble).strip())
            await asyncio.sleep(DEAD_AFTER / 2)

    async def open(self) -> None:
        await self.app.open_async()

    async def close(self) -> None:
        await self.app.close_async()
